-- What a directory pushes to us over SCIM: its users, each of whom is a
-- person, and its groups. Rows are as the directory left them; who may act is
-- person's and group_member's to say.

CREATE TABLE scim_user (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- also the order of listings
    resource     uuid NOT NULL DEFAULT gen_random_uuid(), -- what the directory calls it
    person_id    bigint NOT NULL REFERENCES person,
    user_name    text NOT NULL, -- in lower case
    external_id  text,
    display_name text NOT NULL DEFAULT '', -- the first of it, in lower case
    emails       text[] NOT NULL, -- in lower case
    active       boolean NOT NULL,
    body         jsonb NOT NULL, -- the attributes as they were sent, without the password
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT latchkey_now(),
    changed_at   timestamptz NOT NULL DEFAULT latchkey_now()
);
CREATE UNIQUE INDEX scim_user_resource ON scim_user (resource);
CREATE UNIQUE INDEX scim_user_name ON scim_user (user_name);
CREATE UNIQUE INDEX scim_user_external_id ON scim_user (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX scim_user_person ON scim_user (person_id);
CREATE INDEX scim_user_display_name ON scim_user (display_name) WHERE display_name <> '';
CREATE INDEX scim_user_emails ON scim_user USING gin (emails) WITH (fastupdate = off);

CREATE TABLE scim_group (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resource     uuid NOT NULL DEFAULT gen_random_uuid(),
    display_name text NOT NULL, -- in lower case: two groups that differ by case alone would be one to people
    source       text NOT NULL, -- of its members in group_member
    external_id  text,
    body         jsonb NOT NULL, -- without the members
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT latchkey_now(),
    changed_at   timestamptz NOT NULL DEFAULT latchkey_now()
);
CREATE UNIQUE INDEX scim_group_resource ON scim_group (resource);
CREATE UNIQUE INDEX scim_group_display_name ON scim_group (display_name);
CREATE UNIQUE INDEX scim_group_external_id ON scim_group (external_id) WHERE external_id IS NOT NULL;

CREATE TABLE scim_member (
    group_id bigint NOT NULL REFERENCES scim_group ON DELETE CASCADE,
    user_id  bigint NOT NULL REFERENCES scim_user ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX scim_member_user ON scim_member (user_id);
