//! The actions that get Rust types: Lightsail for Research's, and those its users need with them.

/// Wire names, in groups as the service's guide lists them.
#[rustfmt::skip]
pub(crate) const SERVED: [&str; 68] = [
    // Sessions and cost
    "CreateGUISessionAccessDetails", "GetCostEstimate", "StartGUISession", "StopGUISession",
    // Instances
    "CreateInstances", "DeleteInstance", "GetBlueprints", "GetBundles", "GetInstance", "GetInstanceMetricData",
    "GetInstances", "GetInstanceState", "RebootInstance", "StartInstance", "StopInstance", "UpdateInstanceMetadataOptions",
    // Disks
    "AttachDisk", "CreateDisk", "DeleteDisk", "DetachDisk", "GetDisk", "GetDisks",
    // Key pairs
    "CreateKeyPair", "DeleteKeyPair", "DownloadDefaultKeyPair", "GetInstanceAccessDetails", "GetKeyPair", "GetKeyPairs",
    "ImportKeyPair",
    // Networking
    "GetInstancePortStates", "IsVpcPeered", "OpenInstancePublicPorts", "PutInstancePublicPorts", "PeerVpc",
    "SetIpAddressType", "UnpeerVpc",
    // Snapshots
    "CopySnapshot", "CreateDiskFromSnapshot", "CreateDiskSnapshot", "CreateInstancesFromSnapshot",
    "CreateInstanceSnapshot", "DeleteAutoSnapshot", "DeleteDiskSnapshot", "DeleteInstanceSnapshot", "ExportSnapshot",
    "GetDiskSnapshot", "GetDiskSnapshots", "GetExportSnapshotRecords", "GetInstanceSnapshot", "GetInstanceSnapshots",
    // Tags
    "TagResource", "UntagResource",
    // The rest of the guide's list
    "GetActiveNames", "GetOperation", "GetOperations", "GetOperationsForResource", "GetRegions",
    // Not on the guide's list, needed by its procedures
    "EnableAddOn", "DisableAddOn", "GetAutoSnapshots", "CloseInstancePublicPorts", "DeleteKnownHostKeys",
    "AllocateStaticIp", "AttachStaticIp", "DetachStaticIp", "GetStaticIp", "GetStaticIps", "ReleaseStaticIp",
];
