//! A data disk's life.
//!
//! ```text
//!   Pending ──made──► Available ──attach──► InUse
//!      │ failed           ▲ └──────◄──detach──┘
//!      ▼                  │
//!   Error      Pending, Error, Available ──delete──► (the row is removed)
//! ```

/// Smallest data disk, in GB.
pub const LEAST_GB: i64 = 8;
/// Largest data disk, in GB.
pub const MOST_GB: i64 = 16_384;
/// Bytes of one GB of disk.
pub const GB_BYTES: u64 = 1 << 30;

/// Where a disk is in its life (model shape DiskState).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Being made.
    Pending,
    /// It could not be made.
    Error,
    /// Attached to nothing.
    Available,
    /// Attached, or being attached.
    InUse,
}

/// What can happen to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its file is there.
    Made,
    /// Its file could not be made.
    Failed,
    /// AttachDisk was called.
    Attach,
    /// It was detached, its instance is gone, or attaching it failed.
    Detach,
    /// DeleteDisk was called; what is allowed to go keeps its state until the row is removed.
    Delete,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not possible while the disk is {state}", state = .0.name())]
pub struct Refused(pub State);

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Error, Self::Available, Self::InUse];

    /// The name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Error => "error",
            Self::Available => "available",
            Self::InUse => "in-use",
        }
    }

    /// Finds a state by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Whether a disk is mounted in its instance (model shape AutoMountStatus).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mount {
    /// It could not be mounted.
    Failed,
    /// It will be mounted: at once, or when its instance starts.
    Pending,
    /// It is mounted whenever its instance runs.
    Mounted,
    /// It is not to be mounted, or not attached.
    NotMounted,
}

impl Mount {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Failed, Self::Pending, Self::Mounted, Self::NotMounted];

    /// The name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "Failed",
            Self::Pending => "Pending",
            Self::Mounted => "Mounted",
            Self::NotMounted => "NotMounted",
        }
    }

    /// Finds a status by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// Decides what an event does.
///
/// # Errors
/// [`Refused`] when the event makes no sense in this state.
pub const fn transition(state: State, event: Event) -> Result<State, Refused> {
    use Event as E;
    use State as S;
    match (state, event) {
        (S::Pending | S::Available, E::Made) => Ok(S::Available),
        (S::Pending | S::Error, E::Failed) => Ok(S::Error),
        (S::Available, E::Attach) => Ok(S::InUse),
        (S::InUse | S::Available, E::Detach) => Ok(S::Available),
        (S::Pending | S::Error | S::Available, E::Delete) => Ok(state),
        (S::Error | S::InUse, E::Made)
        | (S::Available | S::InUse, E::Failed)
        | (S::Pending | S::Error | S::InUse, E::Attach)
        | (S::Pending | S::Error, E::Detach)
        | (S::InUse, E::Delete) => Err(Refused(state)),
    }
}

/// Says whether a path is one that a disk may be attached at: `/dev/xvdf` to `/dev/xvdz`, or the same with `sd`, as the
/// block device mapping of the service has them; `a` is the system disk's and `b` to `e` are kept for the system.
pub fn is_device_path(path: &str) -> bool {
    let letter = path.strip_prefix("/dev/xvd").or_else(|| path.strip_prefix("/dev/sd"));
    letter.is_some_and(|letter| matches!(letter.as_bytes(), [b'f'..=b'z']))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::expect;

    use super::*;

    #[test]
    fn all_pairs() {
        let mut table = String::new();
        for state in State::ALL {
            for event in [Event::Made, Event::Failed, Event::Attach, Event::Detach, Event::Delete] {
                let to = transition(state, event).map_or("refused", State::name);
                writeln!(table, "{} + {event:?} = {to}", state.name()).expect("a string takes all");
            }
        }
        expect![[r#"
            pending + Made = available
            pending + Failed = error
            pending + Attach = refused
            pending + Detach = refused
            pending + Delete = pending
            error + Made = refused
            error + Failed = error
            error + Attach = refused
            error + Detach = refused
            error + Delete = error
            available + Made = available
            available + Failed = refused
            available + Attach = in-use
            available + Detach = available
            available + Delete = available
            in-use + Made = refused
            in-use + Failed = refused
            in-use + Attach = refused
            in-use + Detach = available
            in-use + Delete = refused
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn names_are_read_back() {
        assert!(State::ALL.into_iter().all(|state| State::from_name(state.name()) == Some(state)));
        assert!(Mount::ALL.into_iter().all(|status| Mount::from_name(status.name()) == Some(status)));
        assert_eq!(State::from_name("unknown"), None);
    }

    #[test]
    fn device_paths() {
        for good in ["/dev/xvdf", "/dev/xvdp", "/dev/xvdz", "/dev/sdf"] {
            assert!(is_device_path(good), "{good}");
        }
        for bad in
            ["/dev/xvda", "/dev/xvde", "/dev/xvd", "/dev/xvdfa", "/dev/xvdF", "/dev/nvme1n1", "xvdf", "/dev/sdf1"]
        {
            assert!(!is_device_path(bad), "{bad}");
        }
    }
}
