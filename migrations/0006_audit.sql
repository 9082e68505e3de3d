-- Finds events that were committed since the sequencer last looked, in
-- whatever order: every event of a transaction that was under way then has an
-- xid of that time or later.
ALTER TABLE audit_event ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX audit_event_xid ON audit_event (xid);
CREATE INDEX audit_event_actor ON audit_event (actor_id, id) WHERE actor_id IS NOT NULL;

-- The place of each committed event in the Merkle tree (RFC 6962), written
-- once by the sequencer. An event whose texts were erased keeps what proves
-- them here, and loses the salt.
CREATE TABLE audit_leaf (
    position    bigint PRIMARY KEY CHECK (position >= 0),
    event_id    bigint NOT NULL UNIQUE,
    at          timestamptz NOT NULL, -- the event's
    salt        bytea CHECK (octet_length(salt) = 16),
    commitments jsonb,
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32),
    CHECK ((salt IS NULL) = (commitments IS NOT NULL))
);
CREATE INDEX audit_leaf_at ON audit_leaf (at);

-- The hash of every complete subtree of 2^level leaves, for levels 8, 16, 24.
-- What lies between can be computed from 256 of them.
CREATE TABLE audit_node (
    level smallint NOT NULL CHECK (level > 0 AND level % 8 = 0),
    n     bigint NOT NULL CHECK (n >= 0),
    hash  bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, n)
);

-- Signed notes (C2SP signed-note, tlog-checkpoint) about the tree.
CREATE TABLE audit_checkpoint (
    size bigint PRIMARY KEY CHECK (size > 0),
    note text NOT NULL,
    at   timestamptz NOT NULL DEFAULT latchkey_now()
);

-- The key that signs them, sealed under the data key.
CREATE TABLE audit_signer (
    id          smallint PRIMARY KEY CHECK (id = 1),
    public      text NOT NULL,
    sealed      bytea NOT NULL,
    data_key_id smallint NOT NULL REFERENCES data_key,
    created_at  timestamptz NOT NULL DEFAULT latchkey_now()
);

CREATE FUNCTION audit_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log can be added to, and nothing else' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Texts may vanish, on request of the person they are about; facts may not.
CREATE FUNCTION audit_only_erases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'audit_event' THEN
        IF (to_jsonb(NEW) - '{actor,before,after,reason}'::text[]) = (to_jsonb(OLD) - '{actor,before,after,reason}'::text[])
            AND NEW.actor IN (OLD.actor, '') AND NEW.before IN (OLD.before, '') AND NEW.after IN (OLD.after, '') AND NEW.reason IN (OLD.reason, '')
            AND EXISTS (SELECT FROM audit_leaf WHERE event_id = OLD.id AND commitments IS NOT NULL) THEN
            RETURN NEW;
        END IF;
    ELSIF (to_jsonb(NEW) - '{salt,commitments}'::text[]) = (to_jsonb(OLD) - '{salt,commitments}'::text[])
        AND NEW.salt IS NULL AND OLD.salt IS NOT NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log can be added to, and nothing else' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_event_update BEFORE UPDATE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_only_erases();
CREATE TRIGGER audit_event_delete BEFORE DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_is_fixed();
CREATE TRIGGER audit_event_truncate BEFORE TRUNCATE ON audit_event EXECUTE FUNCTION audit_is_fixed();
CREATE TRIGGER audit_leaf_update BEFORE UPDATE ON audit_leaf FOR EACH ROW EXECUTE FUNCTION audit_only_erases();
CREATE TRIGGER audit_leaf_delete BEFORE DELETE ON audit_leaf FOR EACH ROW EXECUTE FUNCTION audit_is_fixed();
CREATE TRIGGER audit_leaf_truncate BEFORE TRUNCATE ON audit_leaf EXECUTE FUNCTION audit_is_fixed();
CREATE TRIGGER audit_node_fixed BEFORE UPDATE OR DELETE ON audit_node FOR EACH ROW EXECUTE FUNCTION audit_is_fixed();
CREATE TRIGGER audit_node_truncate BEFORE TRUNCATE ON audit_node EXECUTE FUNCTION audit_is_fixed();
CREATE TRIGGER audit_checkpoint_fixed BEFORE UPDATE OR DELETE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION audit_is_fixed();
CREATE TRIGGER audit_checkpoint_truncate BEFORE TRUNCATE ON audit_checkpoint EXECUTE FUNCTION audit_is_fixed();
CREATE TRIGGER audit_signer_fixed BEFORE UPDATE OR DELETE ON audit_signer FOR EACH ROW EXECUTE FUNCTION audit_is_fixed();

-- A database that is older than what was published of it serves nobody until
-- somebody answers for it. One row while that lasts, and one for each time.
CREATE TABLE audit_quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT latchkey_now(),
    why         text NOT NULL,
    checkpoint  text NOT NULL, -- the published one that this database does not reach
    ended_at    timestamptz,
    ended_by    text NOT NULL DEFAULT '',
    ended_why   text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX audit_quarantine_now ON audit_quarantine ((true)) WHERE ended_at IS NULL;

-- How far each receiver of the live log has it.
CREATE TABLE audit_delivery (
    receiver   text PRIMARY KEY,
    position   bigint NOT NULL CHECK (position >= 0), -- the next to send
    attempts   integer NOT NULL DEFAULT 0,
    problem    text NOT NULL DEFAULT '',
    next_at    timestamptz NOT NULL DEFAULT latchkey_now(),
    sent_at    timestamptz
);
