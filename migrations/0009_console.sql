-- The sign-ins to the console. What the browser sends is not stored, only its
-- keyed hash.
CREATE TABLE session (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash       bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    account_id bigint NOT NULL REFERENCES account,
    person_id  bigint NOT NULL REFERENCES person,
    client     text NOT NULL DEFAULT '', -- the browser's own words about itself
    began_at   timestamptz NOT NULL DEFAULT latchkey_now(),
    seen_at    timestamptz NOT NULL DEFAULT latchkey_now(),
    ended_at   timestamptz -- by somebody or by a rule; not set where time alone ended it
);
CREATE INDEX session_person ON session (person_id) WHERE ended_at IS NULL;
CREATE INDEX session_began ON session (began_at);

-- What a form of the console was sent for is known by the mark that its events
-- carry.
CREATE INDEX audit_event_console ON audit_event (ref) WHERE starts_with(ref, 'console:');
