//! What each action works on: which member of its input names it, and its type.

use porthole_api::Action;

/// Types of resources: entity types of policies, model shape ResourceType. `Resource` is a name nothing has.
pub(super) const RESOURCE_TYPES: [&str; 8] =
    ["Disk", "DiskSnapshot", "Instance", "InstanceSnapshot", "KeyPair", "Resource", "StaticIp", "ExportSnapshotRecord"];

/// One member that names what an action works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) member: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// What a member names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something of this type that the action makes; its tags are those of the request.
    New(&'static str),
    /// Something of this type.
    Existing(&'static str),
    /// Whatever has the name.
    Any,
}

const fn existing(member: &'static str, kind: &'static str) -> Subject {
    Subject { member, kind: Kind::Existing(kind), required: true }
}

const fn maybe(member: &'static str, kind: &'static str) -> Subject {
    Subject { member, kind: Kind::Existing(kind), required: false }
}

const fn new(member: &'static str, kind: &'static str) -> Subject {
    Subject { member, kind: Kind::New(kind), required: true }
}

const ANY: Subject = Subject { member: "resourceName", kind: Kind::Any, required: true };
const INSTANCE: Subject = existing("instanceName", "Instance");
const DISK: Subject = existing("diskName", "Disk");
const STATIC_IP: Subject = existing("staticIpName", "StaticIp");

/// Gives what an action works on: nothing is the account itself, `None` an action that is not served. All that a request
/// names must be allowed.
pub(super) const fn of(action: Action) -> Option<&'static [Subject]> {
    use Action::*;
    Some(match action {
        GetActiveNames
        | GetBlueprints
        | GetBundles
        | GetDisks
        | GetDiskSnapshots
        | GetExportSnapshotRecords
        | GetInstances
        | GetInstanceSnapshots
        | GetKeyPairs
        | GetOperation
        | GetOperations
        | GetRegions
        | GetStaticIps
        | DownloadDefaultKeyPair
        | IsVpcPeered
        | PeerVpc
        | UnpeerVpc => &[],
        CreateInstances => const { &[new("instanceNames", "Instance")] },
        DeleteInstance
        | DeleteKnownHostKeys
        | GetInstance
        | GetInstanceAccessDetails
        | GetInstanceMetricData
        | GetInstancePortStates
        | GetInstanceState
        | OpenInstancePublicPorts
        | CloseInstancePublicPorts
        | PutInstancePublicPorts
        | RebootInstance
        | StartInstance
        | StopInstance
        | UpdateInstanceMetadataOptions => const { &[INSTANCE] },
        CreateGuiSessionAccessDetails | StartGuiSession | StopGuiSession => {
            const { &[existing("resourceName", "Instance")] }
        }
        DeleteAutoSnapshot
        | DisableAddOn
        | EnableAddOn
        | GetAutoSnapshots
        | GetCostEstimate
        | GetOperationsForResource
        | SetIpAddressType
        | TagResource
        | UntagResource => const { &[ANY] },
        CreateDisk => const { &[new("diskName", "Disk")] },
        DeleteDisk | DetachDisk | GetDisk => const { &[DISK] },
        AttachDisk => const { &[DISK, INSTANCE] },
        CreateDiskFromSnapshot => {
            const { &[new("diskName", "Disk"), maybe("diskSnapshotName", "DiskSnapshot"), maybe("sourceDiskName", "Disk")] }
        }
        CreateDiskSnapshot => {
            const { &[new("diskSnapshotName", "DiskSnapshot"), maybe("diskName", "Disk"), maybe("instanceName", "Instance")] }
        }
        DeleteDiskSnapshot | GetDiskSnapshot => const { &[existing("diskSnapshotName", "DiskSnapshot")] },
        CreateInstanceSnapshot => const { &[new("instanceSnapshotName", "InstanceSnapshot"), INSTANCE] },
        DeleteInstanceSnapshot | GetInstanceSnapshot => {
            const { &[existing("instanceSnapshotName", "InstanceSnapshot")] }
        }
        CreateInstancesFromSnapshot => {
            const {
                &[
                    new("instanceNames", "Instance"),
                    maybe("instanceSnapshotName", "InstanceSnapshot"),
                    maybe("sourceInstanceName", "Instance"),
                ]
            }
        }
        CopySnapshot => {
            const {
                &[
                    // An instance's or a disk's: its type is known only by its source.
                    Subject { member: "targetSnapshotName", kind: Kind::Any, required: true },
                    Subject { member: "sourceSnapshotName", kind: Kind::Any, required: false },
                    Subject { member: "sourceResourceName", kind: Kind::Any, required: false },
                ]
            }
        }
        ExportSnapshot => const { &[Subject { member: "sourceSnapshotName", kind: Kind::Any, required: true }] },
        CreateKeyPair | ImportKeyPair => const { &[new("keyPairName", "KeyPair")] },
        DeleteKeyPair | GetKeyPair => const { &[existing("keyPairName", "KeyPair")] },
        AllocateStaticIp => const { &[new("staticIpName", "StaticIp")] },
        AttachStaticIp => const { &[STATIC_IP, INSTANCE] },
        DetachStaticIp | GetStaticIp | ReleaseStaticIp => const { &[STATIC_IP] },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use porthole_api::protocol;

    use super::*;

    #[test]
    fn the_whole_interface_of_lightsail_for_research_has_rows() {
        assert_eq!(Action::all().iter().filter(|action| of(**action).is_some()).count(), 68);
    }

    #[test]
    fn every_named_member_is_one_of_the_inputs() {
        for action in Action::all() {
            for subject in of(*action).unwrap_or_default() {
                let members = protocol::members(*action);
                let found = members.iter().find(|(name, _)| *name == subject.member);
                let (_, required) = found.unwrap_or_else(|| panic!("{action} has no member {}", subject.member));
                assert_eq!(*required, subject.required, "{action} {}", subject.member);
            }
            // A required name of a resource must not be forgotten.
            for (name, required) in protocol::members(*action) {
                let names_something =
                    required && (name.ends_with("Name") || name.ends_with("Names")) && name != "metricName";
                if names_something && of(*action).is_some() {
                    let known = of(*action).unwrap_or_default().iter().any(|subject| subject.member == name);
                    assert!(known, "{action} must be asked about {name}");
                }
            }
        }
    }
}
