-- Rows of an instance go with it: what is deleted costs nothing and is measured no more.

-- From coming up to going down; what costs are computed from.
CREATE TABLE run (
    instance_id TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
    bundle_id TEXT NOT NULL,
    -- Millionths of a USD an hour, as it was then.
    price_micros BIGINT NOT NULL,
    began_ms BIGINT NOT NULL,
    -- 0: it runs.
    ended_ms BIGINT NOT NULL
);
CREATE INDEX run_instance ON run (instance_id, began_ms);
CREATE UNIQUE INDEX run_open ON run (instance_id) WHERE ended_ms = 0;

-- Measured points: porthole_model::metric::Row.
CREATE TABLE metric (
    instance_id TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
    step_s BIGINT NOT NULL,
    began_s BIGINT NOT NULL,
    points BYTEA NOT NULL,
    PRIMARY KEY (instance_id, step_s, began_s)
);

-- The newest decisions about stopping it for being idle: porthole_model::idle::Entry, JSON.
CREATE TABLE idle (
    instance_id TEXT NOT NULL PRIMARY KEY REFERENCES instance (id) ON DELETE CASCADE,
    decisions TEXT NOT NULL
);
