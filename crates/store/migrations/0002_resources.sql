-- A request that works on two resources inserts two operations: one leads and is driven, the other follows and ends with it.
ALTER TABLE operation ADD COLUMN leader_id TEXT NOT NULL DEFAULT '';
CREATE INDEX operation_leader ON operation (leader_id) WHERE done_ms = 0;

-- JSON: port states (empty: the default ones), options of the metadata service (empty: the default ones).
ALTER TABLE instance ADD COLUMN ports TEXT NOT NULL DEFAULT '';
ALTER TABLE instance ADD COLUMN metadata_options TEXT NOT NULL DEFAULT '';
-- The snapshot it was made from; empty: none.
ALTER TABLE instance ADD COLUMN from_snapshot_id TEXT NOT NULL DEFAULT '';

CREATE TABLE disk (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    region TEXT NOT NULL,
    zone TEXT NOT NULL,
    name TEXT NOT NULL,
    size_gb BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- The instance it is attached to; empty: none.
    instance_id TEXT NOT NULL,
    -- As AttachDisk gave it, for example /dev/xvdf; empty while detached.
    path TEXT NOT NULL,
    -- model shape AutoMountStatus
    auto_mount_status TEXT NOT NULL,
    -- Whether autoMounting was asked for.
    auto_mount BIGINT NOT NULL,
    -- The snapshot it was made from; empty: none.
    from_snapshot_id TEXT NOT NULL,
    tags TEXT NOT NULL,
    add_ons TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (account_id, region, name)
);
CREATE INDEX disk_page ON disk (account_id, region, created_ms, id);
CREATE INDEX disk_instance ON disk (instance_id);
