-- The one clock of every decision. Tests and the demo replace this function
-- to move time; nothing in production does.
CREATE FUNCTION latchkey_now() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT statement_timestamp()';

-- Data keys, each sealed under the keeper's key-encryption key.
CREATE TABLE data_key (
    id         smallint PRIMARY KEY,
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT latchkey_now()
);

CREATE TABLE person (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email       text CHECK (email = lower(email)),
    name        text NOT NULL,
    external_id text UNIQUE,
    active      boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT latchkey_now(),
    updated_at  timestamptz NOT NULL DEFAULT latchkey_now()
);
CREATE UNIQUE INDEX person_email ON person (email);

-- A person's account at Slack or at a connected system. Unlinked accounts
-- have no person and can do nothing.
CREATE TABLE account (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id      bigint REFERENCES person,
    system         text NOT NULL,
    team           text NOT NULL DEFAULT '',
    external_id    text NOT NULL,
    email          text CHECK (email = lower(email)),
    name           text NOT NULL,
    is_bot         boolean NOT NULL DEFAULT false,
    is_guest       boolean NOT NULL DEFAULT false,
    is_outsider    boolean NOT NULL DEFAULT false,
    is_deleted     boolean NOT NULL DEFAULT false,
    dm_channel     text,
    home_opened_at timestamptz,
    refreshed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (system, team, external_id)
);
CREATE INDEX account_person ON account (person_id);

-- Membership of groups that live elsewhere, by source: 'slack:S0ITADMIN',
-- 'scim:Security'. Groups listed in the configuration have no rows.
CREATE TABLE group_source (
    source       text PRIMARY KEY,
    refreshed_at timestamptz NOT NULL, -- by the real clock: it is the age of what we know
    problem      text
);
CREATE TABLE group_member (
    source    text NOT NULL REFERENCES group_source ON DELETE CASCADE,
    person_id bigint NOT NULL REFERENCES person,
    since     timestamptz NOT NULL DEFAULT latchkey_now(),
    PRIMARY KEY (source, person_id)
);
CREATE INDEX group_member_person ON group_member (person_id);

CREATE TABLE policy_version (
    hash       text PRIMARY KEY,
    document   text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT latchkey_now()
);

CREATE TABLE connection (
    name       text PRIMARY KEY,
    kind       text NOT NULL,
    brokered   boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT latchkey_now()
);

CREATE TABLE request (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    requester_id     bigint NOT NULL REFERENCES person,
    account_id       bigint NOT NULL REFERENCES account,
    connection       text NOT NULL REFERENCES connection,
    kind             text NOT NULL CHECK (kind IN ('api_key', 'oauth_grant')),
    scopes           text[] NOT NULL CHECK (cardinality(scopes) > 0),
    lifetime_s       bigint NOT NULL CHECK (lifetime_s > 0),
    reason           text NOT NULL,
    policy_hash      text NOT NULL REFERENCES policy_version,
    policy_name      text NOT NULL,
    granted_scopes   text[] NOT NULL CHECK (cardinality(granted_scopes) > 0 AND granted_scopes <@ scopes),
    granted_s        bigint NOT NULL CHECK (granted_s > 0 AND granted_s <= lifetime_s),
    state            text NOT NULL CHECK (state IN ('pending', 'approved', 'fulfilled', 'denied', 'lapsed', 'canceled', 'failed')),
    state_reason     text NOT NULL DEFAULT '',
    version          bigint NOT NULL DEFAULT 1,
    source_key       text NOT NULL UNIQUE,
    lapses_at        timestamptz,
    created_at       timestamptz NOT NULL DEFAULT latchkey_now(),
    decided_at       timestamptz,
    CHECK (state <> 'pending' OR lapses_at IS NOT NULL)
);
CREATE INDEX request_due ON request (lapses_at) WHERE state = 'pending';
CREATE INDEX request_requester ON request (requester_id, id DESC);

-- One group and its quorum. Eligible is who could review when the request was
-- filed; a vote needs that and live membership.
CREATE TABLE step (
    request_id bigint NOT NULL REFERENCES request,
    position   smallint NOT NULL,
    group_name text NOT NULL,
    quorum     smallint NOT NULL CHECK (quorum > 0),
    eligible   bigint[] NOT NULL,
    PRIMARY KEY (request_id, position)
);
CREATE INDEX step_eligible ON step USING gin (eligible);

CREATE TABLE review (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id  bigint NOT NULL REFERENCES request,
    reviewer_id bigint NOT NULL REFERENCES person,
    account_id  bigint NOT NULL REFERENCES account,
    position    smallint NOT NULL,
    decision    text NOT NULL CHECK (decision IN ('approve', 'deny')),
    reason      text NOT NULL DEFAULT '',
    scopes      text[] NOT NULL,
    lifetime_s  bigint NOT NULL CHECK (lifetime_s > 0),
    source_key  text NOT NULL,
    voided_at   timestamptz,
    created_at  timestamptz NOT NULL DEFAULT latchkey_now()
);
CREATE UNIQUE INDEX review_once ON review (request_id, reviewer_id) WHERE voided_at IS NULL;

CREATE TABLE credential (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection     text NOT NULL REFERENCES connection,
    kind           text NOT NULL CHECK (kind IN ('api_key', 'oauth_grant')),
    brokered       boolean NOT NULL,
    managed        boolean NOT NULL,
    owner_id       bigint REFERENCES person,
    request_id     bigint REFERENCES request,
    replaces_id    bigint REFERENCES credential,
    label          text NOT NULL DEFAULT '',
    scopes         text[] NOT NULL,
    lifetime_s     bigint NOT NULL CHECK (lifetime_s > 0),
    state          text NOT NULL CHECK (state IN ('issuing', 'active', 'suspended', 'expired', 'revoking', 'revoke_failed', 'revoked', 'issue_failed')),
    state_reason   text NOT NULL DEFAULT '',
    attempts       integer NOT NULL DEFAULT 0,
    vendor_ref     text,
    key_prefix     text,
    key_last4      text,
    key_hash       bytea UNIQUE CHECK (octet_length(key_hash) = 32),
    created_at     timestamptz NOT NULL DEFAULT latchkey_now(),
    activated_at   timestamptz,
    expires_at     timestamptz,
    ended_at       timestamptz,
    last_used_at   timestamptz,
    use_known      boolean NOT NULL,
    next_action_at timestamptz,
    lease_until    timestamptz,
    changed_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (state <> 'active' OR (vendor_ref IS NOT NULL AND activated_at IS NOT NULL AND expires_at IS NOT NULL)),
    CHECK (expires_at > activated_at)
);
-- One request, at most one live key; a rotation's new key has replaces_id.
CREATE UNIQUE INDEX credential_request ON credential (request_id) WHERE replaces_id IS NULL AND state <> 'issue_failed';
CREATE UNIQUE INDEX credential_replaces ON credential (replaces_id) WHERE state NOT IN ('issue_failed', 'revoked', 'expired');
CREATE INDEX credential_due ON credential (next_action_at) WHERE next_action_at IS NOT NULL;
CREATE INDEX credential_request_id ON credential (request_id);
CREATE INDEX credential_owner ON credential (owner_id, id DESC);
CREATE INDEX credential_connection ON credential (connection, id DESC);
CREATE INDEX credential_changed ON credential (changed_at) WHERE key_hash IS NOT NULL;

-- The one chance to collect a key. The sealed key is erased when it is shown.
CREATE TABLE ticket (
    credential_id bigint PRIMARY KEY REFERENCES credential,
    hash          bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    nonce         text NOT NULL,
    sealed        bytea,
    data_key_id   smallint NOT NULL REFERENCES data_key,
    expires_at    timestamptz NOT NULL,
    opened_at     timestamptz,
    revealed_at   timestamptz,
    CHECK (revealed_at IS NULL OR sealed IS NULL)
);

-- Every change writes its event in the transaction of the change.
CREATE TABLE audit_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT latchkey_now(),
    actor_id    bigint REFERENCES person,
    account_id  bigint REFERENCES account,
    actor       text NOT NULL,
    action      text NOT NULL,
    subject     text NOT NULL,
    subject_id  bigint NOT NULL,
    before      text NOT NULL DEFAULT '',
    after       text NOT NULL DEFAULT '',
    reason      text NOT NULL DEFAULT '',
    policy_hash text,
    ref         text NOT NULL DEFAULT ''
);
CREATE INDEX audit_event_subject ON audit_event (subject, subject_id, id);

-- What we posted in Slack and where, so that every copy can be corrected.
CREATE TABLE message (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject       text NOT NULL,
    subject_id    bigint NOT NULL,
    purpose       text NOT NULL,
    recipient     text NOT NULL,
    channel       text,
    ts            text,
    digest        text NOT NULL DEFAULT '',
    claimed_until timestamptz,
    created_at    timestamptz NOT NULL DEFAULT latchkey_now(),
    UNIQUE (subject, subject_id, purpose, recipient)
);

CREATE TABLE access_log (
    credential_id bigint NOT NULL,
    at            timestamptz NOT NULL,
    method        text NOT NULL,
    route         text NOT NULL,
    status        smallint NOT NULL,
    bytes_in      bigint NOT NULL,
    bytes_out     bigint NOT NULL,
    took_us       bigint NOT NULL,
    client        inet
) PARTITION BY RANGE (at);
CREATE TABLE access_log_default PARTITION OF access_log DEFAULT;
CREATE INDEX access_log_credential ON access_log (credential_id, at DESC);

-- The gateway hears of a change at commit. changed_at is for the poll that
-- stands behind the notification.
CREATE FUNCTION credential_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := clock_timestamp();
    PERFORM pg_notify('latchkey_key', NEW.id::text);
    RETURN NEW;
END $$;
CREATE TRIGGER credential_changed_insert BEFORE INSERT ON credential
    FOR EACH ROW WHEN (NEW.key_hash IS NOT NULL) EXECUTE FUNCTION credential_changed();
CREATE TRIGGER credential_changed_update BEFORE UPDATE ON credential
    FOR EACH ROW WHEN (NEW.key_hash IS NOT NULL AND (
        (NEW.state, NEW.scopes, NEW.expires_at, NEW.owner_id) IS DISTINCT FROM (OLD.state, OLD.scopes, OLD.expires_at, OLD.owner_id)
        OR OLD.key_hash IS NULL))
    EXECUTE FUNCTION credential_changed();

CREATE FUNCTION person_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE credential SET changed_at = clock_timestamp() WHERE owner_id = NEW.id AND key_hash IS NOT NULL;
    PERFORM pg_notify('latchkey_key', id::text) FROM credential WHERE owner_id = NEW.id AND key_hash IS NOT NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER person_changed AFTER UPDATE ON person
    FOR EACH ROW WHEN (NEW.active IS DISTINCT FROM OLD.active) EXECUTE FUNCTION person_changed();
