-- How keys end well: notices, extensions, rotations, sinks, campaigns.

-- Whom to tell when a person can't be told.
ALTER TABLE person ADD COLUMN manager_id bigint REFERENCES person;

ALTER TABLE credential
    ADD COLUMN policy_name text NOT NULL DEFAULT '', -- the rule it was granted under
    ADD COLUMN note text NOT NULL DEFAULT '', -- people's own words about it
    ADD COLUMN vendor_expires_at timestamptz, -- where its system ends it by itself
    ADD COLUMN noticed_until timestamptz, -- the rungs of its ladder up to here are told
    ADD COLUMN let_expire boolean NOT NULL DEFAULT false, -- its owner wants to hear no more of it
    ADD COLUMN exempt_until timestamptz, -- it may be unused, or old, until then
    ADD COLUMN rotate_at timestamptz, -- its rule rotates it then
    ADD COLUMN sink text NOT NULL DEFAULT '', -- the connection that keeps the key; empty: its owner collects it
    ADD COLUMN place text NOT NULL DEFAULT '', -- where in the sink
    ADD COLUMN sink_version text NOT NULL DEFAULT ''; -- what the sink calls it; empty before it is delivered
UPDATE credential c SET policy_name = r.policy_name FROM request r WHERE r.id = c.request_id;
UPDATE credential SET vendor_expires_at = expires_at WHERE managed AND NOT brokered;
-- Every live key's ladder is new.
UPDATE credential SET next_action_at = latchkey_now() WHERE managed AND state IN ('active', 'suspended');

-- When a policy was last begun with: another one than before means that the
-- ladders are others.
ALTER TABLE policy_version ADD COLUMN used_at timestamptz;

-- What is to be warned about, or stopped, because nobody uses it.
CREATE INDEX credential_overdue ON credential (connection, enforce_at) WHERE enforce_at IS NOT NULL AND managed;

-- A request may ask for more time, for a fresh key in place of one that is
-- there, or for the key to go into a sink.
ALTER TABLE request
    ADD COLUMN extends_id bigint REFERENCES credential,
    ADD COLUMN rotates_id bigint REFERENCES credential,
    ADD COLUMN sink text NOT NULL DEFAULT '',
    ADD COLUMN place text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX request_extends ON request (extends_id) WHERE extends_id IS NOT NULL AND state IN ('pending', 'approved');
CREATE UNIQUE INDEX request_rotates ON request (rotates_id) WHERE rotates_id IS NOT NULL AND state IN ('pending', 'approved');

-- A fresh key in place of an old one. It is under way until the old one ends
-- or the new one comes to nothing.
CREATE TABLE rotation (
    new_id     bigint PRIMARY KEY REFERENCES credential,
    old_id     bigint NOT NULL REFERENCES credential,
    way        text NOT NULL CHECK (way IN ('overlap', 'in_place', 'guided')),
    ends_at    timestamptz NOT NULL, -- the new key lives no longer
    overlap_s  bigint NOT NULL CHECK (overlap_s >= 0), -- seconds that both work, from the new one's start
    quiet_s    bigint NOT NULL CHECK (quiet_s >= 0), -- and the old one until it is unused this long; zero: whatever happens
    old_ends_at timestamptz, -- the overlap's end, as it was asked for or when the new key works
    reason     text NOT NULL,
    contacts   text[] NOT NULL DEFAULT '{}', -- e-mail addresses of whoever has to know
    metadata   jsonb NOT NULL DEFAULT '{}', -- the caller's own words, kept as they came
    source_key text NOT NULL UNIQUE,
    key_id     bigint REFERENCES credential, -- the key of Latchkey's own that asked for it, and may be handed the new key
    created_at timestamptz NOT NULL DEFAULT latchkey_now()
);
CREATE INDEX rotation_old ON rotation (old_id);

-- What a person has to hear about a key, and the one message of the day that
-- says it.
CREATE TABLE digest (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint NOT NULL REFERENCES person,
    created_at timestamptz NOT NULL DEFAULT latchkey_now()
);
CREATE TABLE notice (
    credential_id bigint NOT NULL REFERENCES credential,
    kind          text NOT NULL CHECK (kind IN ('expiry', 'expired', 'stale', 'over_age')),
    due_at        timestamptz NOT NULL, -- the rung
    person_id     bigint NOT NULL REFERENCES person,
    digest_id     bigint REFERENCES digest,
    PRIMARY KEY (credential_id, kind, due_at, person_id)
);
CREATE INDEX notice_waiting ON notice (person_id) WHERE digest_id IS NULL;
CREATE INDEX notice_digest ON notice (digest_id) WHERE digest_id IS NOT NULL;
CREATE TABLE reminder (
    person_id bigint PRIMARY KEY REFERENCES person,
    due_at    timestamptz, -- the next digest; null: nothing waits
    digest_id bigint REFERENCES digest, -- the last one
    last_at   timestamptz
);
CREATE INDEX reminder_due ON reminder (due_at) WHERE due_at IS NOT NULL;

-- Everybody says of what they hold whether it is still needed.
CREATE TABLE campaign (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title          text NOT NULL,
    connection     text NOT NULL DEFAULT '', -- empty: every one
    state          text NOT NULL CHECK (state IN ('running', 'ending', 'done', 'canceled')),
    actor_id       bigint NOT NULL REFERENCES person,
    account_id     bigint NOT NULL REFERENCES account,
    actor          text NOT NULL,
    deadline       timestamptz NOT NULL,
    next_action_at timestamptz, -- when the sweep must look at it; null: never
    reminders      smallint NOT NULL DEFAULT 0, -- sent so far
    reminded_at    timestamptz, -- the last of them
    batch_id       bigint REFERENCES batch, -- ends what nobody decided on
    source_key     text NOT NULL UNIQUE,
    created_at     timestamptz NOT NULL DEFAULT latchkey_now(),
    ended_at       timestamptz,
    evidence       text NOT NULL DEFAULT '', -- SHA-256 of the evidence file, in hex
    CHECK (state <> 'done' OR evidence <> '')
);
CREATE INDEX campaign_due ON campaign (next_action_at) WHERE next_action_at IS NOT NULL;
CREATE UNIQUE INDEX campaign_under_way ON campaign ((true)) WHERE state IN ('running', 'ending');
CREATE UNIQUE INDEX campaign_batch ON campaign (batch_id) WHERE batch_id IS NOT NULL;
CREATE TABLE campaign_item (
    campaign_id   bigint NOT NULL REFERENCES campaign,
    credential_id bigint NOT NULL REFERENCES credential,
    deciders      bigint[] NOT NULL, -- the persons who are asked: any one of them decides
    decision      text NOT NULL DEFAULT '' CHECK (decision IN ('', 'keep', 'reduce', 'revoke', 'silence', 'gone')),
    decided_by    bigint REFERENCES person, -- null: nobody, for silence and what is gone
    decided_at    timestamptz,
    reason        text NOT NULL DEFAULT '',
    scopes_before text[] NOT NULL,
    scopes_after  text[], -- null: as before
    record        jsonb, -- its line of the evidence file, once the campaign is done
    PRIMARY KEY (campaign_id, credential_id)
);
CREATE INDEX campaign_item_deciders ON campaign_item USING gin (deciders);
-- Who is asked, and the message that asks them: it is to be brought up to date
-- while what it shows is older than what there is.
CREATE TABLE campaign_ask (
    campaign_id   bigint NOT NULL REFERENCES campaign,
    person_id     bigint NOT NULL REFERENCES person,
    reminder      smallint NOT NULL DEFAULT 0, -- the last one they get
    version       bigint NOT NULL DEFAULT 1,
    shown         bigint NOT NULL DEFAULT 0,
    claimed_until timestamptz, -- a replica talks to Slack until then
    PRIMARY KEY (campaign_id, person_id)
);
CREATE INDEX campaign_ask_stale ON campaign_ask (campaign_id, person_id) WHERE shown < version;

-- A campaign's batch waits for an admin without standing in the way of a
-- system's own.
DROP INDEX batch_held;
CREATE UNIQUE INDEX batch_held ON batch (connection) WHERE state = 'held' AND kind <> 'campaign';
ALTER TABLE batch DROP CONSTRAINT batch_kind_check;
ALTER TABLE batch ADD CONSTRAINT batch_kind_check CHECK (kind IN ('revoke', 'enforce', 'campaign'));
ALTER TABLE batch_item ADD COLUMN verb text NOT NULL DEFAULT 'revoke' CHECK (verb IN ('revoke', 'suspend'));
