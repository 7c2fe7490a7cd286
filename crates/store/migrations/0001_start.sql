-- Columns are TEXT, BIGINT and BYTEA only, none is NULL, a boolean is 0 or 1, times are milliseconds since the epoch:
-- so that SQLite and PostgreSQL take the same statements.

CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL
);

CREATE TABLE access_key (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    secret_sealed BYTEA NOT NULL,
    active BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX access_key_account ON access_key (account_id);

-- One namespace an account and region, over all resource types.
CREATE TABLE name (
    account_id TEXT NOT NULL REFERENCES account (id),
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    PRIMARY KEY (account_id, region, name)
);

CREATE TABLE instance (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    region TEXT NOT NULL,
    zone TEXT NOT NULL,
    name TEXT NOT NULL,
    blueprint_id TEXT NOT NULL,
    bundle_id TEXT NOT NULL,
    state TEXT NOT NULL,
    address_index BIGINT NOT NULL UNIQUE,
    ip_address_type TEXT NOT NULL,
    key_pair_name TEXT NOT NULL,
    user_data TEXT NOT NULL,
    tags TEXT NOT NULL,
    add_ons TEXT NOT NULL,
    session_status TEXT NOT NULL,
    session_generation BIGINT NOT NULL,
    session_percent BIGINT NOT NULL,
    session_failure TEXT NOT NULL,
    session_expires_ms BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (account_id, region, name)
);
CREATE INDEX name_resource ON name (resource_id);
CREATE INDEX instance_page ON instance (account_id, region, created_ms, id);
CREATE INDEX instance_expiry ON instance (session_status, session_expires_ms);

CREATE TABLE operation (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    zone TEXT NOT NULL,
    resource_name TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    details TEXT NOT NULL,
    state TEXT NOT NULL,
    progress BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_try_ms BIGINT NOT NULL,
    superseded BIGINT NOT NULL,
    lease_owner TEXT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    deadline_ms BIGINT NOT NULL,
    error_code TEXT NOT NULL,
    error_details TEXT NOT NULL,
    done_ms BIGINT NOT NULL
);
CREATE INDEX operation_page ON operation (account_id, region, created_ms, id);
CREATE INDEX operation_resource ON operation (account_id, region, resource_name, created_ms, id);
CREATE INDEX operation_done ON operation (done_ms);
-- One live operation a resource; those that were superseded are ending.
CREATE UNIQUE INDEX operation_live ON operation (resource_id) WHERE done_ms = 0 AND superseded = 0;
CREATE INDEX operation_undone ON operation (resource_id, created_ms) WHERE done_ms = 0;
