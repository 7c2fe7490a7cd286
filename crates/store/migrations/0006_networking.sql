-- Static addresses; the attached instance's id, empty: none.
CREATE TABLE static_ip (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL UNIQUE,
    instance_id TEXT NOT NULL,
    tags TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (account_id, region, name)
);
CREATE INDEX static_ip_page ON static_ip (account_id, region, created_ms, id);
-- An instance has at most one.
CREATE UNIQUE INDEX static_ip_instance ON static_ip (instance_id) WHERE instance_id <> '';

-- Addresses of the public pool that running instances without a static address have.
CREATE TABLE dynamic_ip (
    address TEXT NOT NULL PRIMARY KEY,
    instance_id TEXT NOT NULL UNIQUE
);

-- Whether the account's instances reach the site's networks.
ALTER TABLE account ADD COLUMN peered BIGINT NOT NULL DEFAULT 0;
