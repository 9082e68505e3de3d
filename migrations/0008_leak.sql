-- The keyed hash of each secret that a vendor made and we handed out, so that
-- it is known again when it is found where it must not be. Those of our own
-- keys are on their rows.
CREATE TABLE known_secret (
    hash          bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    credential_id bigint NOT NULL REFERENCES credential
);

-- What was reported as leaked. Of a token that is none of ours nothing is kept
-- but its keyed hash.
CREATE TABLE leak (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash          bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    credential_id bigint REFERENCES credential,
    type          text NOT NULL DEFAULT '',
    source        text NOT NULL DEFAULT '',
    url           text NOT NULL DEFAULT '',
    reporter      text NOT NULL,
    times         integer NOT NULL DEFAULT 1,
    first_at      timestamptz NOT NULL DEFAULT latchkey_now(),
    last_at       timestamptz NOT NULL DEFAULT latchkey_now()
);
CREATE INDEX leak_credential ON leak (credential_id) WHERE credential_id IS NOT NULL;
