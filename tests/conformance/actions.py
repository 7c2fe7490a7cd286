"""The actions the server serves, with an input each that is valid in form."""

from server import REGION, ZONE
from shapes import MODEL

VALID = {
    "CreateInstances": {"instanceNames": ["table-1"], "availabilityZone": ZONE, "blueprintId": "debian_12", "bundleId": "nano_3_0"},
    "GetInstance": {"instanceName": "no-such"},
    "GetInstances": {},
    "GetInstanceState": {"instanceName": "no-such"},
    "StartInstance": {"instanceName": "no-such"},
    "StopInstance": {"instanceName": "no-such"},
    "RebootInstance": {"instanceName": "no-such"},
    "DeleteInstance": {"instanceName": "no-such"},
    "GetBlueprints": {},
    "GetBundles": {},
    "GetRegions": {},
    "GetActiveNames": {},
    "GetOperation": {"operationId": "5ab1b6cf-90d5-4e4e-9a3c-4b9b6d8cbc3d"},
    "GetOperations": {},
    "GetOperationsForResource": {"resourceName": "no-such"},
    "CreateDisk": {"diskName": "table-disk-1", "availabilityZone": ZONE, "sizeInGb": 8},
    "GetDisk": {"diskName": "no-disk"},
    "GetDisks": {},
    "AttachDisk": {"diskName": "no-disk", "instanceName": "no-instance", "diskPath": "/dev/xvdf"},
    "DetachDisk": {"diskName": "no-disk"},
    "DeleteDisk": {"diskName": "no-disk"},
    "StartGUISession": {"resourceName": "no-such"},
    "StopGUISession": {"resourceName": "no-such"},
    "CreateGUISessionAccessDetails": {"resourceName": "no-such"},
    "GetInstanceMetricData": {
        "instanceName": "no-such", "metricName": "CPUUtilization", "period": 300, "startTime": 1_700_000_000,
        "endTime": 1_700_003_600, "unit": "Percent", "statistics": ["Average"],
    },  # fmt: skip
    "GetCostEstimate": {"resourceName": "no-such", "startTime": 1_700_000_000, "endTime": 1_700_086_400},
    "EnableAddOn": {
        "resourceName": "no-such",
        "addOnRequest": {"addOnType": "StopInstanceOnIdle", "stopInstanceOnIdleRequest": {"threshold": "5", "duration": "30"}},
    },
    "DisableAddOn": {"resourceName": "no-such", "addOnType": "AutoSnapshot"},
    "CreateKeyPair": {"keyPairName": "table-pair"},
    "ImportKeyPair": {
        "keyPairName": "table-import",
        "publicKeyBase64": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICklJTqxhWz5oKf2iqvh9bQvcbGrJuYLI6BvjEBWm0Wr",
    },
    "GetKeyPair": {"keyPairName": "no-pair"},
    "GetKeyPairs": {},
    "DeleteKeyPair": {"keyPairName": "no-pair"},
    "DownloadDefaultKeyPair": {},
    "GetInstanceAccessDetails": {"instanceName": "no-such"},
    "DeleteKnownHostKeys": {"instanceName": "no-such"},
    "TagResource": {"resourceName": "no-such", "tags": [{"key": "team", "value": "bio"}]},
    "UntagResource": {"resourceName": "no-such", "tagKeys": ["team"]},
    "CreateInstanceSnapshot": {"instanceName": "no-such", "instanceSnapshotName": "table-s"},
    "GetInstanceSnapshot": {"instanceSnapshotName": "no-snapshot"},
    "GetInstanceSnapshots": {},
    "DeleteInstanceSnapshot": {"instanceSnapshotName": "no-snapshot"},
    "CreateInstancesFromSnapshot": {
        "instanceNames": ["table-2"],
        "availabilityZone": ZONE,
        "bundleId": "nano_3_0",
        "instanceSnapshotName": "no-snapshot",
    },
    "CreateDiskSnapshot": {"diskName": "no-snapshot", "diskSnapshotName": "table-s"},
    "GetDiskSnapshot": {"diskSnapshotName": "no-snapshot"},
    "GetDiskSnapshots": {},
    "DeleteDiskSnapshot": {"diskSnapshotName": "no-snapshot"},
    "CreateDiskFromSnapshot": {
        "diskName": "table-d",
        "availabilityZone": ZONE,
        "sizeInGb": 8,
        "diskSnapshotName": "no-snapshot",
    },
    "CopySnapshot": {"sourceSnapshotName": "no-snapshot", "targetSnapshotName": "table-s", "sourceRegion": REGION},
    "ExportSnapshot": {"sourceSnapshotName": "no-snapshot"},
    "GetExportSnapshotRecords": {},
    "GetAutoSnapshots": {"resourceName": "no-snapshot"},
    "DeleteAutoSnapshot": {"resourceName": "no-snapshot", "date": "2026-01-01"},
    "OpenInstancePublicPorts": {"instanceName": "no-such", "portInfo": {"fromPort": 9000, "toPort": 9000, "protocol": "tcp"}},
    "CloseInstancePublicPorts": {"instanceName": "no-such", "portInfo": {"fromPort": 9000, "toPort": 9000, "protocol": "tcp"}},
    "PutInstancePublicPorts": {"instanceName": "no-such", "portInfos": []},
    "GetInstancePortStates": {"instanceName": "no-such"},
    "AllocateStaticIp": {"staticIpName": "table-ip"},
    "AttachStaticIp": {"staticIpName": "no-ip", "instanceName": "no-instance"},
    "DetachStaticIp": {"staticIpName": "no-ip"},
    "GetStaticIp": {"staticIpName": "no-ip"},
    "GetStaticIps": {},
    "ReleaseStaticIp": {"staticIpName": "no-ip"},
    "PeerVpc": {},
    "UnpeerVpc": {},
    "IsVpcPeered": {},
    "UpdateInstanceMetadataOptions": {"instanceName": "no-such"},
    "SetIpAddressType": {"resourceType": "Instance", "resourceName": "no-such", "ipAddressType": "ipv4"},
}
# Actions whose valid input above names an instance that does not exist.
ON_AN_INSTANCE = [action for action, members in VALID.items() if "no-such" in members.values()]
PAGED = [action for action in VALID if "pageToken" in MODEL.operation_model(action).input_shape.members]


def cases(wanted):
    """Gives (action, path, shape) for each member of the served inputs that `wanted(shape, required)` accepts."""
    found = []
    for action in VALID:
        shape = MODEL.operation_model(action).input_shape
        for name, member in shape.members.items():
            if wanted(member, name in shape.required_members):
                found.append((action, name, member))
    return found


def ids(case):
    return f"{case[0]}-{case[1]}" if isinstance(case, tuple) else None
