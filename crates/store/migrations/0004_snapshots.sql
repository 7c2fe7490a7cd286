-- Snapshots of instances and of disks, automatic ones too.
CREATE TABLE snapshot (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    region TEXT NOT NULL,
    -- Empty for an automatic one: it has no name of its own.
    name TEXT NOT NULL,
    -- model shape ResourceType: InstanceSnapshot or DiskSnapshot
    resource_type TEXT NOT NULL,
    -- pending, available or error
    state TEXT NOT NULL,
    progress BIGINT NOT NULL,
    -- UTC day of an automatic one, YYYY-MM-DD; empty: made by hand.
    auto_date TEXT NOT NULL,
    -- Whether it is a copy of an automatic one.
    from_auto BIGINT NOT NULL,
    -- What it was made of: Instance or Disk, id and name at that time.
    source_type TEXT NOT NULL,
    source_id TEXT NOT NULL,
    source_name TEXT NOT NULL,
    -- Of an instance's snapshot; else empty.
    blueprint_id TEXT NOT NULL,
    bundle_id TEXT NOT NULL,
    size_gb BIGINT NOT NULL,
    -- JSON array: the data disks that were attached.
    disks TEXT NOT NULL,
    tags TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX snapshot_page ON snapshot (account_id, region, resource_type, created_ms, id);
CREATE INDEX snapshot_source ON snapshot (source_id, auto_date);
-- One automatic snapshot a day.
CREATE UNIQUE INDEX snapshot_auto ON snapshot (source_id, auto_date) WHERE auto_date <> '';

CREATE TABLE export_record (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Started, Succeeded or Failed
    state TEXT NOT NULL,
    -- The snapshot as it was when the export began: its row as JSON.
    source TEXT NOT NULL,
    -- Where the image is; empty until it is there.
    destination TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX export_record_page ON export_record (account_id, region, created_ms, id);
