CREATE TABLE key_pair (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Algorithm and key in base64, without a comment.
    public_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    -- The default pair's private key, encrypted by the server; empty for all others, whose private keys are never kept.
    private_key_sealed BYTEA NOT NULL,
    tags TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (account_id, region, name)
);
CREATE INDEX key_pair_page ON key_pair (account_id, region, created_ms, id);

-- What SSH needs to know of an instance.
CREATE TABLE instance_ssh (
    instance_id TEXT NOT NULL PRIMARY KEY,
    -- The key it was created with, which outlives the pair; empty: none.
    public_key TEXT NOT NULL,
    -- JSON array of the host keys as they were first seen; empty: not seen yet.
    host_keys TEXT NOT NULL
);
