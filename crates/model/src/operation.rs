//! What an operation is, where it stands, and which one gives way to which.

/// What an operation does. Those that take time have a plan each; the others have succeeded when they are inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// CreateInstances.
    CreateInstance,
    /// StartInstance.
    StartInstance,
    /// StopInstance.
    StopInstance,
    /// RebootInstance.
    RebootInstance,
    /// DeleteInstance.
    DeleteInstance,
    /// StartGUISession.
    StartSession,
    /// StopGUISession.
    StopSession,
    /// CreateDisk.
    CreateDisk,
    /// DeleteDisk.
    DeleteDisk,
    /// AttachDisk.
    AttachDisk,
    /// DetachDisk.
    DetachDisk,
    /// CreateDiskFromSnapshot.
    CreateDiskFromSnapshot,
    /// CreateDiskSnapshot.
    CreateDiskSnapshot,
    /// DeleteDiskSnapshot.
    DeleteDiskSnapshot,
    /// CreateInstanceSnapshot.
    CreateInstanceSnapshot,
    /// DeleteInstanceSnapshot.
    DeleteInstanceSnapshot,
    /// CreateInstancesFromSnapshot.
    CreateInstancesFromSnapshot,
    /// CopySnapshot.
    CopySnapshot,
    /// ExportSnapshot.
    ExportSnapshot,
    /// DeleteAutoSnapshot.
    DeleteAutoSnapshot,
    /// EnableAddOn.
    EnableAddOn,
    /// DisableAddOn.
    DisableAddOn,
    /// CreateKeyPair.
    CreateKeyPair,
    /// ImportKeyPair.
    ImportKeyPair,
    /// DeleteKeyPair.
    DeleteKeyPair,
    /// DeleteKnownHostKeys.
    DeleteKnownHostKeys,
    /// OpenInstancePublicPorts.
    OpenInstancePublicPorts,
    /// CloseInstancePublicPorts.
    CloseInstancePublicPorts,
    /// PutInstancePublicPorts.
    PutInstancePublicPorts,
    /// AllocateStaticIp.
    AllocateStaticIp,
    /// AttachStaticIp.
    AttachStaticIp,
    /// DetachStaticIp.
    DetachStaticIp,
    /// ReleaseStaticIp.
    ReleaseStaticIp,
    /// SetIpAddressType.
    SetIpAddressType,
    /// PeerVpc.
    PeerVpc,
    /// UnpeerVpc.
    UnpeerVpc,
    /// UpdateInstanceMetadataOptions.
    UpdateInstanceMetadataOptions,
    /// TagResource.
    TagResource,
    /// UntagResource.
    UntagResource,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 39] = [
        Self::CreateInstance,
        Self::StartInstance,
        Self::StopInstance,
        Self::RebootInstance,
        Self::DeleteInstance,
        Self::StartSession,
        Self::StopSession,
        Self::CreateDisk,
        Self::DeleteDisk,
        Self::AttachDisk,
        Self::DetachDisk,
        Self::CreateDiskFromSnapshot,
        Self::CreateDiskSnapshot,
        Self::DeleteDiskSnapshot,
        Self::CreateInstanceSnapshot,
        Self::DeleteInstanceSnapshot,
        Self::CreateInstancesFromSnapshot,
        Self::CopySnapshot,
        Self::ExportSnapshot,
        Self::DeleteAutoSnapshot,
        Self::EnableAddOn,
        Self::DisableAddOn,
        Self::CreateKeyPair,
        Self::ImportKeyPair,
        Self::DeleteKeyPair,
        Self::DeleteKnownHostKeys,
        Self::OpenInstancePublicPorts,
        Self::CloseInstancePublicPorts,
        Self::PutInstancePublicPorts,
        Self::AllocateStaticIp,
        Self::AttachStaticIp,
        Self::DetachStaticIp,
        Self::ReleaseStaticIp,
        Self::SetIpAddressType,
        Self::PeerVpc,
        Self::UnpeerVpc,
        Self::UpdateInstanceMetadataOptions,
        Self::TagResource,
        Self::UntagResource,
    ];

    /// The name on the wire (model shape OperationType) and in the store. Never changed: rows outlive programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateInstance => "CreateInstance",
            Self::StartInstance => "StartInstance",
            Self::StopInstance => "StopInstance",
            Self::RebootInstance => "RebootInstance",
            Self::DeleteInstance => "DeleteInstance",
            Self::StartSession => "StartGUISession",
            Self::StopSession => "StopGUISession",
            Self::CreateDisk => "CreateDisk",
            Self::DeleteDisk => "DeleteDisk",
            Self::AttachDisk => "AttachDisk",
            Self::DetachDisk => "DetachDisk",
            Self::CreateDiskFromSnapshot => "CreateDiskFromSnapshot",
            Self::CreateDiskSnapshot => "CreateDiskSnapshot",
            Self::DeleteDiskSnapshot => "DeleteDiskSnapshot",
            Self::CreateInstanceSnapshot => "CreateInstanceSnapshot",
            Self::DeleteInstanceSnapshot => "DeleteInstanceSnapshot",
            Self::CreateInstancesFromSnapshot => "CreateInstancesFromSnapshot",
            Self::CopySnapshot => "CopySnapshot",
            Self::ExportSnapshot => "ExportSnapshot",
            Self::DeleteAutoSnapshot => "DeleteAutoSnapshot",
            Self::EnableAddOn => "EnableAddOn",
            Self::DisableAddOn => "DisableAddOn",
            Self::CreateKeyPair => "CreateKeyPair",
            Self::ImportKeyPair => "ImportKeyPair",
            Self::DeleteKeyPair => "DeleteKeyPair",
            Self::DeleteKnownHostKeys => "DeleteKnownHostKeys",
            Self::OpenInstancePublicPorts => "OpenInstancePublicPorts",
            Self::CloseInstancePublicPorts => "CloseInstancePublicPorts",
            Self::PutInstancePublicPorts => "PutInstancePublicPorts",
            Self::AllocateStaticIp => "AllocateStaticIp",
            Self::AttachStaticIp => "AttachStaticIp",
            Self::DetachStaticIp => "DetachStaticIp",
            Self::ReleaseStaticIp => "ReleaseStaticIp",
            Self::SetIpAddressType => "SetIpAddressType",
            Self::PeerVpc => "PeerVpc",
            Self::UnpeerVpc => "UnpeerVpc",
            Self::UpdateInstanceMetadataOptions => "UpdateInstanceMetadataOptions",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
        }
    }

    /// Finds a kind by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How much is ended by it: what is under way and ends less gives way. 0 gives way to all and supersedes nothing.
    const fn ends(self) -> u8 {
        match self {
            Self::StopSession => 1,
            Self::StopInstance => 2,
            Self::DeleteInstance | Self::DeleteDisk | Self::DeleteDiskSnapshot | Self::DeleteInstanceSnapshot => 3,
            Self::CreateInstance
            | Self::StartInstance
            | Self::RebootInstance
            | Self::StartSession
            | Self::CreateDisk
            | Self::AttachDisk
            | Self::DetachDisk
            | Self::CreateDiskFromSnapshot
            | Self::CreateDiskSnapshot
            | Self::CreateInstanceSnapshot
            | Self::CreateInstancesFromSnapshot
            | Self::CopySnapshot
            | Self::ExportSnapshot
            | Self::DeleteAutoSnapshot
            | Self::EnableAddOn
            | Self::DisableAddOn
            | Self::CreateKeyPair
            | Self::ImportKeyPair
            | Self::DeleteKeyPair
            | Self::DeleteKnownHostKeys
            | Self::OpenInstancePublicPorts
            | Self::CloseInstancePublicPorts
            | Self::PutInstancePublicPorts
            | Self::AllocateStaticIp
            | Self::AttachStaticIp
            | Self::DetachStaticIp
            | Self::ReleaseStaticIp
            | Self::SetIpAddressType
            | Self::PeerVpc
            | Self::UnpeerVpc
            | Self::UpdateInstanceMetadataOptions
            | Self::TagResource
            | Self::UntagResource => 0,
        }
    }
}

/// What a request does that finds an operation under way on its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// It asks for what is under way, and gets that operation.
    Same,
    /// It makes what is under way stop and undo, and begins after it.
    Supersedes,
    /// It is refused.
    Refused,
}

/// Decides what becomes of a new request while `live` is under way.
pub const fn meet(live: Kind, new: Kind) -> Meeting {
    if live as u8 == new as u8 {
        return Meeting::Same;
    }
    match (live, new) {
        // What goes down takes its session with it.
        (Kind::StopInstance | Kind::DeleteInstance, Kind::StopSession) => Meeting::Same,
        // The session of an instance that is coming up has nothing to stop; the caller of stop answers that itself.
        _ if new.ends() > live.ends() => Meeting::Supersedes,
        _ => Meeting::Refused,
    }
}

/// Where an operation stands; the number is that of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// This step is to be run.
    Forward(u16),
    /// This step is to be undone.
    Undo(u16),
    /// All steps ran.
    Succeeded,
    /// It failed and everything was undone.
    Failed,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Done,
    /// Not; trying again will not help, or may not be waited for.
    Failed,
}

impl Progress {
    /// Where the operation stands after the current step ended. `steps` is the plan's length, at least 1. An undo that
    /// failed stands where it is: it is tried for ever.
    #[must_use]
    pub const fn after(self, outcome: Outcome, steps: u16) -> Self {
        match (self, outcome) {
            (Self::Forward(n), Outcome::Done) if n + 1 < steps => Self::Forward(n + 1),
            (Self::Forward(_), Outcome::Done) => Self::Succeeded,
            // Begins at the step that failed, since that may have half run.
            (Self::Forward(n), Outcome::Failed) => Self::Undo(n),
            (Self::Undo(0), Outcome::Done) => Self::Failed,
            (Self::Undo(n), Outcome::Done) => Self::Undo(n - 1),
            (Self::Undo(_) | Self::Succeeded | Self::Failed, _) => self,
        }
    }

    /// Says whether nothing more will happen.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// A number for the store: forward steps from 0 up, undo steps from −1 down, terminal states far away.
    pub const fn to_number(self) -> i64 {
        match self {
            Self::Forward(n) => n as i64,
            Self::Undo(n) => -1 - n as i64,
            Self::Succeeded => 1_000_000,
            Self::Failed => -1_000_000,
        }
    }

    /// Reads the number back; `None` when no state has it.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            1_000_000 => Some(Self::Succeeded),
            -1_000_000 => Some(Self::Failed),
            0.. => u16::try_from(number).ok().map(Self::Forward),
            _ => u16::try_from(-1 - number).ok().map(Self::Undo),
        }
    }
}

/// How long to wait before attempt number `attempts` (from 1): doubles from 100 ms to 30 s.
pub fn backoff_ms(attempts: u32) -> i64 {
    (100_i64 << attempts.saturating_sub(1).min(12)).min(30_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stop_and_delete_supersede_and_nothing_else_does() {
        use Kind::*;
        let instances = [
            CreateInstance,
            StartInstance,
            StopInstance,
            RebootInstance,
            DeleteInstance,
            StartSession,
            StopSession,
            AttachDisk,
            CreateInstanceSnapshot,
        ];
        for live in instances {
            for new in instances {
                let met = meet(live, new);
                assert_eq!(met == Meeting::Same && live == new, live == new, "{live:?} {new:?}");
                if matches!(new, CreateInstance | StartInstance | RebootInstance | StartSession) && live != new {
                    assert_eq!(met, Meeting::Refused, "{live:?} {new:?}");
                }
                if new == DeleteInstance && live != DeleteInstance {
                    assert_eq!(met, Meeting::Supersedes, "{live:?}");
                }
            }
        }
        assert_eq!(meet(StopInstance, StopSession), Meeting::Same);
        assert_eq!(meet(StartSession, StopSession), Meeting::Supersedes);
        assert_eq!(meet(StopSession, StopInstance), Meeting::Supersedes);
        assert_eq!(meet(DeleteInstance, StopInstance), Meeting::Refused);
    }

    proptest! {
        #[test]
        fn every_operation_ends(steps in 1_u16..9, fail_at in 0_u16..12) {
            let mut progress = Progress::Forward(0);
            for _ in 0..40 {
                prop_assert_eq!(Progress::from_number(progress.to_number()), Some(progress));
                let outcome = if progress == Progress::Forward(fail_at) { Outcome::Failed } else { Outcome::Done };
                progress = progress.after(outcome, steps);
            }
            prop_assert_eq!(progress, if fail_at < steps { Progress::Failed } else { Progress::Succeeded });
        }

        #[test]
        fn backoff_grows_to_its_limit(attempts in 0_u32..100) {
            let wait = backoff_ms(attempts);
            prop_assert!((100..=30_000).contains(&wait));
            prop_assert!(backoff_ms(attempts + 1) >= wait);
        }
    }
}
