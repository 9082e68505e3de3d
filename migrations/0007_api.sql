-- What a key of Latchkey's own was answered under an Idempotency-Key, so that
-- the same request again gets the same answer. Neither that key nor the body of
-- the request is stored, only keyed hashes of them; and no answer that holds a
-- key, sealed or not.
CREATE TABLE api_answer (
    key_id     bigint NOT NULL REFERENCES credential,
    name       bytea NOT NULL CHECK (octet_length(name) = 32),    -- of the Idempotency-Key
    request    bytea NOT NULL CHECK (octet_length(request) = 32), -- of method, address and body
    held_until timestamptz NOT NULL,                              -- by whoever works on the answer
    status     smallint,                                          -- null while there is no answer
    headers    jsonb NOT NULL DEFAULT '{}',
    body       bytea NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT latchkey_now(),
    PRIMARY KEY (key_id, name)
);
CREATE INDEX api_answer_created ON api_answer (created_at);

-- Lists of people begin with the newest, and lists of requests of one system
-- with its own.
CREATE INDEX request_connection ON request (connection, id);
