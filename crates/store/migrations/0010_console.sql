-- People who use the console, and what they did.

CREATE TABLE person (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES account (id),
    -- porthole_model::person::Role
    role TEXT NOT NULL,
    -- Hash with its parameters (PHC form); empty: none.
    password TEXT NOT NULL,
    -- Issuer and subject at the identity provider; empty: none.
    subject TEXT NOT NULL,
    disabled BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    -- 0: never.
    signed_in_ms BIGINT NOT NULL
);
CREATE INDEX person_account ON person (account_id);
CREATE UNIQUE INDEX person_subject ON person (subject) WHERE subject <> '';

-- A person's session in one browser. Of its token the hash alone.
CREATE TABLE sign_in (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    person_id TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    -- Whether it began with a one-time link.
    by_link BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX sign_in_person ON sign_in (person_id);
CREATE INDEX sign_in_expiry ON sign_in (expires_ms);

-- A one-time link: gone when used. Of its token the hash alone.
CREATE TABLE sign_in_link (
    token_hash TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    expires_ms BIGINT NOT NULL
);

-- Failures of a name or an address, and until when it must wait.
CREATE TABLE sign_in_failure (
    subject TEXT NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL
);

-- What was done. Ids are in the order of time.
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    account_id TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    address TEXT NOT NULL,
    outcome TEXT NOT NULL
);
CREATE INDEX audit_account ON audit (account_id, id);
CREATE INDEX audit_time ON audit (at_ms);

-- A link to a display of a running session.
CREATE TABLE share (
    id TEXT NOT NULL PRIMARY KEY,
    instance_id TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
    -- Of the session it was made for, with which it ends.
    generation BIGINT NOT NULL,
    display TEXT NOT NULL,
    -- control or view
    role TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX share_instance ON share (instance_id);

-- What an account may have where it differs from the configuration.
CREATE TABLE account_quota (
    account_id TEXT NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (account_id, name)
);

-- Bundles that differ from the data file. -1: as in the file.
CREATE TABLE bundle_change (
    bundle_id TEXT NOT NULL PRIMARY KEY,
    hour_micros BIGINT NOT NULL,
    month_micros BIGINT NOT NULL,
    active BIGINT NOT NULL
);

ALTER TABLE access_key ADD COLUMN description TEXT NOT NULL DEFAULT '';
-- Id of the person who made it in the console; empty: an operator at the command line.
ALTER TABLE access_key ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
-- 0: never.
ALTER TABLE access_key ADD COLUMN last_used_ms BIGINT NOT NULL DEFAULT 0;
