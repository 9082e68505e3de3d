-- What a key of Latchkey's own was answered under an Idempotency-Key, so that
-- the same request again gets the same answer. Neither that key nor the body of
-- the request is stored, only keyed hashes of them; and no answer that holds a
-- key, sealed or not.
CREATE TABLE api_answer (
    key_id     bigint NOT NULL REFERENCES credential,
    id         uuid NOT NULL DEFAULT gen_random_uuid(),           -- of the claim: the source of what is done under it
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

-- Whose key of Latchkey's own filed a request for somebody. That person does not
-- review it. Null: the requester asked.
ALTER TABLE request ADD COLUMN filed_by bigint REFERENCES person;

-- Lists of people begin with the newest, and lists of requests of one system
-- with its own.
CREATE INDEX request_connection ON request (connection, id);
