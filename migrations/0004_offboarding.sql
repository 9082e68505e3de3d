-- What happens when a person leaves, and whom we hear it from.

-- Why a person is fenced: only the same source, or an admin, lifts it.
ALTER TABLE person ADD COLUMN left_by text NOT NULL DEFAULT '';

-- Since when an account is deactivated that we knew before; null also for one
-- that was so when we first saw it.
ALTER TABLE account ADD COLUMN deleted_at timestamptz;

-- The case of one person who left.
CREATE TABLE offboarding (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id   bigint NOT NULL REFERENCES person,
    state       text NOT NULL CHECK (state IN ('held', 'open', 'closed', 'undone')),
    source      text NOT NULL, -- "scim", a connection's name, "slack", "admin"
    source_key  text NOT NULL UNIQUE,
    actor_id    bigint REFERENCES person,
    account_id  bigint REFERENCES account,
    actor       text NOT NULL,
    reason      text NOT NULL,
    began_at    timestamptz NOT NULL DEFAULT latchkey_now(), -- the fence stands since
    listed      boolean NOT NULL DEFAULT false, -- what the person held is written down, and its end has begun
    grace_until timestamptz NOT NULL, -- what the gateway honours ends for good then; until then the leave can be undone
    final       boolean NOT NULL DEFAULT false, -- and has ended
    page_at     timestamptz, -- when a human is called if it is still open; null: was called, or needs none
    paged       boolean NOT NULL DEFAULT false, -- a human was called
    look_at     timestamptz, -- when an open case is looked at anew, beside what it is told of
    closed_at   timestamptz,
    version     bigint NOT NULL DEFAULT 1 -- grows with every change that people can see
);
-- One case at a time. Whoever came back after the grace period and leaves again
-- may still have the earlier one, which is final, under way.
CREATE UNIQUE INDEX offboarding_open ON offboarding (person_id) WHERE state IN ('held', 'open') AND NOT final;
CREATE INDEX offboarding_person ON offboarding (person_id, id DESC);
CREATE INDEX offboarding_began ON offboarding (began_at);
CREATE INDEX offboarding_page ON offboarding (page_at) WHERE page_at IS NOT NULL;
CREATE INDEX offboarding_look ON offboarding (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX offboarding_grace ON offboarding (grace_until) WHERE state IN ('open', 'closed') AND NOT final;

-- How far a system is that can be listed: two whole listings in a row that
-- show nothing of the person, or somebody's word.
CREATE TABLE offboarding_system (
    offboarding_id bigint NOT NULL REFERENCES offboarding,
    connection     text NOT NULL REFERENCES connection,
    passes         smallint NOT NULL DEFAULT 0,
    clean_at       timestamptz,
    waived_by      bigint REFERENCES person,
    waived_name    text NOT NULL DEFAULT '',
    waived_reason  text NOT NULL DEFAULT '',
    waived_at      timestamptz,
    PRIMARY KEY (offboarding_id, connection),
    CHECK ((waived_at IS NULL) = (waived_name = ''))
);
CREATE INDEX offboarding_system_open ON offboarding_system (connection) WHERE clean_at IS NULL AND waived_at IS NULL;

-- What has to be accounted for, each by the system's receipt, the gateway's
-- fence, a new owner, or somebody's word.
CREATE TABLE offboarding_item (
    offboarding_id bigint NOT NULL REFERENCES offboarding,
    credential_id  bigint NOT NULL REFERENCES credential,
    sort           text NOT NULL CHECK (sort IN ('own', 'shared')), -- shared: of a service, for others to keep or end
    decide_by      timestamptz, -- shared: it ends then if nobody decided
    handed_to      bigint REFERENCES person,
    waived_by      bigint REFERENCES person,
    waived_name    text NOT NULL DEFAULT '',
    waived_reason  text NOT NULL DEFAULT '',
    waived_at      timestamptz,
    PRIMARY KEY (offboarding_id, credential_id),
    CHECK ((waived_at IS NULL) = (waived_name = ''))
);
CREATE INDEX offboarding_item_credential ON offboarding_item (credential_id);
CREATE INDEX offboarding_item_due ON offboarding_item (decide_by) WHERE decide_by IS NOT NULL;

-- What sources told us, each once. One that takes effect later waits.
CREATE TABLE person_event (
    source       text NOT NULL,
    event_id     text NOT NULL,
    account_ref  text NOT NULL DEFAULT '', -- the source's own name for the person
    email        text NOT NULL DEFAULT '',
    name         text NOT NULL DEFAULT '',
    person_id    bigint REFERENCES person,
    active       boolean NOT NULL,
    happened_at  timestamptz NOT NULL,
    due_at       timestamptz, -- null: done
    reason       text NOT NULL DEFAULT '',
    outcome      text NOT NULL DEFAULT '', -- what came of it, in words
    received_at  timestamptz NOT NULL DEFAULT latchkey_now(),
    PRIMARY KEY (source, event_id)
);
CREATE INDEX person_event_due ON person_event (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX person_event_about ON person_event (source, account_ref, happened_at DESC);
CREATE INDEX person_event_email ON person_event (source, email, happened_at DESC) WHERE account_ref = '';

ALTER TABLE batch DROP CONSTRAINT batch_kind_check;
ALTER TABLE batch ADD CONSTRAINT batch_kind_check CHECK (kind IN ('revoke', 'enforce', 'campaign', 'offboard'));

-- A person who lost a group may hold keys that they could not get any more.
ALTER TABLE credential ADD COLUMN unentitled_since timestamptz;
