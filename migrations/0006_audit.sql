-- What happened stays true whatever becomes of the rows it names, and every
-- change would pay for the look-ups.
ALTER TABLE audit_event DROP CONSTRAINT audit_event_actor_id_fkey, DROP CONSTRAINT audit_event_account_id_fkey;

-- Finds events that were committed since the sequencer last looked, in
-- whatever order: every event of a transaction that was under way then has an
-- xid of that time or later.
ALTER TABLE audit_event ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX audit_event_xid ON audit_event (xid, id);
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

-- The commitment that stands for a text in the tree: HMAC-SHA-256 (RFC 2104)
-- under the salt of the field's name, a zero byte and the text.
CREATE FUNCTION audit_commitment(salt bytea, field text, content text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    inner_key bytea := decode(repeat('36', 64), 'hex');
    outer_key bytea := decode(repeat('5c', 64), 'hex');
BEGIN
    IF content = '' THEN
        RETURN NULL;
    END IF;
    FOR i IN 0..octet_length(salt) - 1 LOOP
        inner_key := set_byte(inner_key, i, get_byte(inner_key, i) # get_byte(salt, i));
        outer_key := set_byte(outer_key, i, get_byte(outer_key, i) # get_byte(salt, i));
    END LOOP;
    RETURN encode(sha256(outer_key || sha256(inner_key || convert_to(field, 'UTF8') || '\x00' || convert_to(content, 'UTF8'))), 'base64');
END $$;

-- All that is left of an event's texts once they are erased.
CREATE FUNCTION audit_commitments(salt bytea, e audit_event) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'actor', audit_commitment(salt, 'actor', e.actor), 'before', audit_commitment(salt, 'before', e.before),
        'after', audit_commitment(salt, 'after', e.after), 'reason', audit_commitment(salt, 'reason', e.reason)));
$$;

-- Texts may vanish, on request of the person they are about: first the leaf
-- gets what they come to in the place of the salt, then all of them go. Facts
-- may not.
CREATE FUNCTION audit_only_erases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'audit_event' THEN
        IF (to_jsonb(NEW) - '{actor,before,after,reason}'::text[]) = (to_jsonb(OLD) - '{actor,before,after,reason}'::text[])
            AND NEW.actor = '' AND NEW.before = '' AND NEW.after = '' AND NEW.reason = ''
            AND EXISTS (SELECT FROM audit_leaf WHERE event_id = OLD.id AND commitments IS NOT NULL) THEN
            RETURN NEW;
        END IF;
    ELSIF (to_jsonb(NEW) - '{salt,commitments}'::text[]) = (to_jsonb(OLD) - '{salt,commitments}'::text[])
        AND NEW.salt IS NULL AND OLD.salt IS NOT NULL
        AND NEW.commitments = (SELECT audit_commitments(OLD.salt, e) FROM audit_event e WHERE e.id = OLD.event_id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log can be added to, and nothing else' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Which events are by a person, about them, or about what is theirs.
CREATE FUNCTION audit_about(who bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT id FROM audit_event WHERE actor_id = who
    UNION
    SELECT id FROM audit_event WHERE subject = 'person' AND subject_id = who
    UNION
    SELECT e.id FROM credential c JOIN audit_event e ON e.subject = 'credential' AND e.subject_id = c.id WHERE c.owner_id = who
    UNION
    SELECT e.id FROM request r JOIN audit_event e ON e.subject = 'request' AND e.subject_id = r.id WHERE r.requester_id = who;
$$;

-- Erases the texts of at most so many of a person's events, and says of how
-- many. Who did that and why is recorded here, where nobody gets past it, and
-- stays. The role of the service may call this, and change nothing by itself.
CREATE FUNCTION audit_erase(who bigint, at_most integer, by_person bigint, by_account bigint, by_name text, by_ref text, why text)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    ids bigint[];
BEGIN
    WITH chosen AS (
        SELECT l.position
        FROM audit_about(who) a (id)
        JOIN audit_leaf l ON l.event_id = a.id
        JOIN audit_event e ON e.id = a.id
        WHERE l.salt IS NOT NULL
          AND e.action <> 'person.erased'
        ORDER BY l.position
        LIMIT at_most
        FOR UPDATE OF l
    ), erased AS (
        UPDATE audit_leaf l
        SET salt = NULL, commitments = audit_commitments(l.salt, e)
        FROM chosen c, audit_event e
        WHERE l.position = c.position
          AND e.id = l.event_id
        RETURNING l.event_id
    )
    SELECT array_agg(event_id) INTO ids FROM erased;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE audit_event SET actor = '', before = '', after = '', reason = '' WHERE id = ANY (ids);
    INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, after, reason, ref)
    VALUES (by_person, by_account, by_name, 'person.erased', 'person', who, format('texts of %s events', cardinality(ids)), why, by_ref);
    RETURN cardinality(ids);
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION audit_erase SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION audit_erase FROM PUBLIC;

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
CREATE TRIGGER audit_signer_truncate BEFORE TRUNCATE ON audit_signer EXECUTE FUNCTION audit_is_fixed();

-- A database that is older than what was published of it serves nobody until
-- somebody answers for it. One row while that lasts, and one for each time.
CREATE TABLE audit_quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token       text NOT NULL UNIQUE, -- tells it from another one after a restore gave the same ID
    at          timestamptz NOT NULL DEFAULT latchkey_now(),
    why         text NOT NULL,
    size        bigint NOT NULL,      -- of the published tree that this database does not reach
    checkpoint  text NOT NULL,        -- and its checkpoint
    have        bigint NOT NULL,      -- how many events this database's tree had
    replayed_at timestamptz,          -- what had ended by then has ended here too
    ended_at    timestamptz,
    ended_by    text NOT NULL DEFAULT '',
    ended_why   text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX audit_quarantine_now ON audit_quarantine ((true)) WHERE ended_at IS NULL;

-- How far each receiver of the live log has it. A batch that was begun keeps
-- its end, so that each try of it is the same.
CREATE TABLE audit_delivery (
    receiver    text PRIMARY KEY,
    position    bigint NOT NULL CHECK (position >= 0), -- the next to send
    past        bigint CHECK (past > position),        -- where the batch that was begun ends
    attempts    integer NOT NULL DEFAULT 0,
    problem     text NOT NULL DEFAULT '',
    next_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease       text,                                  -- of the replica that sends, which ends by itself
    lease_until timestamptz,
    sent_at     timestamptz
);

-- When the whole log is looked through next, and what the last look found.
CREATE TABLE audit_watch (
    id         smallint PRIMARY KEY CHECK (id = 1),
    due_at     timestamptz NOT NULL,
    watched_at timestamptz,
    size       bigint NOT NULL DEFAULT 0,
    problem    text NOT NULL DEFAULT ''
);

-- What was found wrong with the log: people hear of each once.
CREATE TABLE audit_finding (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT latchkey_now(),
    position bigint NOT NULL, -- -1 where it is about no single event
    problem  text NOT NULL,
    UNIQUE (position, problem)
);

-- The access log has a partition a day, and only an owner can add and drop
-- one. The service may be another role: these two do it for whoever may call
-- them, and nothing else.
CREATE FUNCTION access_log_keep(day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    part text := 'access_log_' || to_char(day, 'YYYYMMDD');
    low  timestamptz := day::timestamp AT TIME ZONE 'UTC';
    high timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    PERFORM pg_advisory_xact_lock(1735791); -- of partitions, shared with access_log_drop
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('lock_timeout', '5s', true); -- rather than hold up those who write
    -- Nobody may add to the default partition between the move and the attach,
    -- or the attach would find rows that belong elsewhere.
    LOCK TABLE ONLY access_log IN SHARE UPDATE EXCLUSIVE MODE;
    LOCK TABLE access_log_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE access_log INCLUDING DEFAULTS)', part);
    EXECUTE format('WITH moved AS (DELETE FROM access_log_default WHERE at >= $1 AND at < $2 RETURNING *)
        INSERT INTO %I SELECT * FROM moved', part) USING low, high;
    EXECUTE format('ALTER TABLE access_log ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, low, high);
END $$;

CREATE FUNCTION access_log_drop(before timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(1735791);
    PERFORM set_config('lock_timeout', '5s', true);
    FOR part IN
        SELECT c.relname
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'access_log'::regclass
          AND CASE WHEN c.relname ~ '^access_log_[0-9]{8}$'
                   THEN (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC' <= before
                   ELSE false END -- the default partition
    LOOP
        EXECUTE format('DROP TABLE %I', part);
    END LOOP;
    DELETE FROM access_log_default WHERE at < before;
END $$;

-- Names in them mean what they mean here, whoever calls.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION access_log_keep(date) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION access_log_drop(timestamptz) SET search_path = %I, pg_temp', current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION access_log_keep(date), access_log_drop(timestamptz) FROM PUBLIC;
