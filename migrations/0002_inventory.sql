-- What systems have that was not asked for here, what is done about it, and
-- grants to our own OAuth apps.

ALTER TABLE account ADD COLUMN is_service boolean NOT NULL DEFAULT false;
CREATE INDEX account_system_email ON account (system, email) WHERE email IS NOT NULL;

-- When a system is listed again, and how the last walk went.
ALTER TABLE connection
    ADD COLUMN sync_due_at timestamptz, -- null: nothing to list, or not configured any more
    ADD COLUMN sync_lease_until timestamptz, -- by the real clock
    ADD COLUMN sync_attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN sync_asked boolean NOT NULL DEFAULT false, -- somebody wants another walk than the one under way
    ADD COLUMN synced_at timestamptz, -- the last walk that was whole
    ADD COLUMN sync_seen integer NOT NULL DEFAULT 0,
    ADD COLUMN sync_problem text NOT NULL DEFAULT ''; -- of the latest walk; what is known is then stale
CREATE INDEX connection_sync_due ON connection (sync_due_at) WHERE sync_due_at IS NOT NULL;

-- An unmanaged credential has no lifetime of ours, and what its vendor does
-- not say stays unknown.
ALTER TABLE credential DROP CONSTRAINT credential_lifetime_s_check;
ALTER TABLE credential DROP CONSTRAINT credential_check;
ALTER TABLE credential
    ADD COLUMN account_id bigint REFERENCES account, -- whose it is at its system
    ADD COLUMN class text NOT NULL DEFAULT '', -- the vendor's word for it
    ADD COLUMN access text NOT NULL DEFAULT '' CHECK (access IN ('', 'read', 'write', 'admin')),
    ADD COLUMN vendor_scopes text[], -- null: the vendor does not say
    ADD COLUMN vendor_created_at timestamptz,
    ADD COLUMN vendor_match text NOT NULL DEFAULT '',
    ADD COLUMN missing_since timestamptz, -- a whole walk did not find it
    ADD COLUMN warned_at timestamptz, -- its owner was told that it must go
    ADD COLUMN enforce_at timestamptz, -- and this is when
    ADD CONSTRAINT credential_lifetime CHECK (lifetime_s > 0 OR NOT managed AND lifetime_s = 0),
    ADD CONSTRAINT credential_active CHECK (state <> 'active' OR vendor_ref IS NOT NULL
        AND (NOT managed OR activated_at IS NOT NULL AND expires_at IS NOT NULL));
CREATE UNIQUE INDEX credential_vendor_ref ON credential (connection, vendor_ref)
    WHERE vendor_ref IS NOT NULL AND state NOT IN ('revoked', 'expired', 'issue_failed');
CREATE INDEX credential_ended_ref ON credential (connection, vendor_ref)
    WHERE vendor_ref IS NOT NULL AND state IN ('revoked', 'expired');
CREATE INDEX credential_account ON credential (account_id) WHERE account_id IS NOT NULL;

-- A request may be about a key that exists, or be the vendor's own.
ALTER TABLE request
    ADD COLUMN adopts_id bigint REFERENCES credential,
    ADD COLUMN holder_id bigint REFERENCES account, -- the service account it is for
    ADD COLUMN vendor_request text NOT NULL DEFAULT '',
    ADD COLUMN vendor_match text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX request_adopts ON request (adopts_id) WHERE adopts_id IS NOT NULL AND state IN ('pending', 'approved');

CREATE INDEX request_vendor_match ON request (vendor_match) WHERE vendor_match <> '';

-- A vendor's answer, kept as the proof that something was done there.
CREATE TABLE receipt (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    credential_id bigint NOT NULL REFERENCES credential,
    at            timestamptz NOT NULL DEFAULT latchkey_now(),
    verb          text NOT NULL,
    answer        text NOT NULL,
    liveness      text NOT NULL CHECK (liveness IN ('live', 'dead', 'unknown')),
    attempts      integer NOT NULL
);
CREATE INDEX receipt_credential ON receipt (credential_id, id);

-- One act on many credentials. A held one waits for an admin.
CREATE TABLE batch (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('revoke', 'enforce')),
    title      text NOT NULL,
    connection text NOT NULL DEFAULT '',
    actor_id   bigint REFERENCES person,
    account_id bigint REFERENCES account,
    actor      text NOT NULL,
    ref        text NOT NULL DEFAULT '',
    reason     text NOT NULL,
    state      text NOT NULL CHECK (state IN ('held', 'running', 'done', 'dropped')),
    source_key text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT latchkey_now(),
    ended_at   timestamptz
);
CREATE UNIQUE INDEX batch_held ON batch (connection) WHERE state = 'held';
CREATE TABLE batch_item (
    batch_id      bigint NOT NULL REFERENCES batch,
    credential_id bigint NOT NULL REFERENCES credential,
    why           text NOT NULL DEFAULT '',
    begun         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (batch_id, credential_id)
);
CREATE INDEX batch_item_credential ON batch_item (credential_id);

-- The one chance to connect an OAuth app, and what came of it.
CREATE TABLE oauth_connect (
    credential_id bigint PRIMARY KEY REFERENCES credential,
    nonce         text NOT NULL,
    hash          bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    state_hash    bytea UNIQUE CHECK (octet_length(state_hash) = 32), -- of the round trip under way
    browser_hash  bytea CHECK (octet_length(browser_hash) = 32), -- the browser that began it
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz
);
CREATE TABLE oauth_grant (
    credential_id bigint PRIMARY KEY REFERENCES credential,
    data_key_id   smallint NOT NULL REFERENCES data_key,
    access        bytea, -- sealed; null once the grant ended
    refresh       bytea, -- sealed; null where the vendor gives none
    expires_at    timestamptz, -- of the access token; null when the vendor does not say
    refresh_at    timestamptz,
    attempts      integer NOT NULL DEFAULT 0,
    lease_until   timestamptz,
    problem       text NOT NULL DEFAULT ''
);
CREATE INDEX oauth_grant_due ON oauth_grant (refresh_at) WHERE refresh_at IS NOT NULL;

-- The gateway uses the grant of a key, and hears when it is another one.
CREATE FUNCTION oauth_grant_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE credential SET changed_at = clock_timestamp() WHERE id = NEW.credential_id;
    PERFORM pg_notify('latchkey_key', NEW.credential_id::text);
    RETURN NEW;
END $$;
CREATE TRIGGER oauth_grant_changed AFTER INSERT OR UPDATE OF access ON oauth_grant
    FOR EACH ROW EXECUTE FUNCTION oauth_grant_changed();
