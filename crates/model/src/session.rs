//! A session's life: whether an instance's displays are up, and who may see them.
//!
//! ```text
//!   SettingUpInstance ──instance_up──► NotStarted ──start──► Starting ──came_up──► Started ⟲ start renews the hour
//!         │ instance_failed               ▲                     │ ▲                   │ expire
//!         ▼                               │ boot                │ └───── start ──── StartExpired
//!   FailedInstanceCreation             (any)                    ▼ failed
//!                                                   FailedStartingGuiSession
//!   anything with displays ──stop──► Stopping ──ended──► Stopped ──start──► Starting
//! ```
//!
//! The `generation` is what tokens are minted for. It rises whenever those out there must die: at a start, a stop, a
//! boot, and when the instance goes down; so a stop revokes access in the very transaction that accepts it.

/// Where a session is; the names are the service's (model shape Status).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The instance is being created.
    SettingUpInstance,
    /// The instance exists; no session since it booted.
    NotStarted,
    /// Displays are coming up.
    Starting,
    /// Displays are up and viewers are admitted.
    Started,
    /// Displays are up, but the time is over: viewers are cut off.
    StartExpired,
    /// Displays are being ended.
    Stopping,
    /// Nothing of the session is left.
    Stopped,
    /// The instance could not be created.
    FailedInstanceCreation,
    /// Displays could not be brought up.
    FailedStartingGuiSession,
    /// Displays could not be ended.
    FailedStoppingGuiSession,
}

/// A session's whole state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Where it is.
    pub status: Status,
    /// Which access tokens are good: those minted for this number.
    pub generation: i64,
    /// 0–100: how far the current start has come.
    pub percent: u8,
    /// Why it failed and what to do; empty unless it failed.
    pub failure_reason: String,
    /// When viewers are cut off, in milliseconds since the epoch; 0 unless `Started`.
    pub expires_at_ms: i64,
}

/// What can happen to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The instance came up for the first time, or again: nothing is displayed.
    Boot,
    /// The instance could not be created.
    InstanceFailed(String),
    /// The instance went down, with all its displays.
    InstanceDown,
    /// StartGUISession was called; the session shall admit viewers until then.
    Start {
        /// Milliseconds since the epoch.
        expires_at_ms: i64,
    },
    /// A start has come so far.
    Progress(u8),
    /// All displays are up.
    CameUp {
        /// Milliseconds since the epoch.
        expires_at_ms: i64,
    },
    /// Displays could not be brought up.
    StartFailed(String),
    /// The clock has passed `expires_at_ms`.
    Expire,
    /// StopGUISession was called, or the instance is to go down.
    Stop,
    /// All displays are gone.
    Ended,
    /// Displays could not be ended.
    StopFailed(String),
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not possible while the session is {}", .0.name())]
pub struct Refused(pub Status);

impl Status {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::SettingUpInstance,
        Self::NotStarted,
        Self::Starting,
        Self::Started,
        Self::StartExpired,
        Self::Stopping,
        Self::Stopped,
        Self::FailedInstanceCreation,
        Self::FailedStartingGuiSession,
        Self::FailedStoppingGuiSession,
    ];

    /// The name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SettingUpInstance => "settingUpInstance",
            Self::NotStarted => "notStarted",
            Self::Starting => "starting",
            Self::Started => "started",
            Self::StartExpired => "startExpired",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::FailedInstanceCreation => "failedInstanceCreation",
            Self::FailedStartingGuiSession => "failedStartingGUISession",
            Self::FailedStoppingGuiSession => "failedStoppingGUISession",
        }
    }

    /// Finds a status by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Says whether displays may be up, so that a stop has something to do.
    pub const fn may_have_displays(self) -> bool {
        match self {
            Self::Starting
            | Self::Started
            | Self::StartExpired
            | Self::Stopping
            | Self::FailedStartingGuiSession
            | Self::FailedStoppingGuiSession => true,
            Self::SettingUpInstance | Self::NotStarted | Self::Stopped | Self::FailedInstanceCreation => false,
        }
    }
}

impl Session {
    /// The session of an instance that is being created.
    pub const fn new() -> Self {
        Self {
            status: Status::SettingUpInstance,
            generation: 0,
            percent: 0,
            failure_reason: String::new(),
            expires_at_ms: 0,
        }
    }

    /// The state as it is at this time: a started session whose time is over is expired, whether or not anybody has
    /// written that down yet.
    pub fn at(&self, now_ms: i64) -> Self {
        if self.status == Status::Started && self.expires_at_ms <= now_ms {
            return self.with(Status::StartExpired);
        }
        self.clone()
    }

    fn with(&self, status: Status) -> Self {
        Self { status, generation: self.generation, percent: 0, failure_reason: String::new(), expires_at_ms: 0 }
    }

    fn fresh(&self, status: Status) -> Self {
        Self { generation: self.generation + 1, ..self.with(status) }
    }

    fn failed(&self, status: Status, failure_reason: String) -> Self {
        Self { failure_reason, ..self.with(status) }
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

/// Decides what an event does to a session, as it is at the event's time (see [`Session::at`]).
///
/// # Errors
/// [`Refused`] when StartGUISession comes before the instance is there or while the session is being stopped.
pub fn transition(session: &Session, event: Event) -> Result<Session, Refused> {
    use Status as S;
    let same = || Ok(session.clone());
    match event {
        Event::Boot => Ok(session.fresh(S::NotStarted)),
        Event::InstanceFailed(reason) => Ok(session.failed(S::FailedInstanceCreation, reason)),
        Event::InstanceDown => match session.status {
            S::SettingUpInstance | S::NotStarted | S::Stopped | S::FailedInstanceCreation => same(),
            S::Starting
            | S::Started
            | S::StartExpired
            | S::Stopping
            | S::FailedStartingGuiSession
            | S::FailedStoppingGuiSession => Ok(session.fresh(S::Stopped)),
        },
        Event::Start { expires_at_ms } => match session.status {
            S::SettingUpInstance | S::FailedInstanceCreation | S::Stopping => Err(Refused(session.status)),
            S::Starting => same(),
            S::Started => Ok(Session { expires_at_ms, ..session.clone() }),
            S::NotStarted
            | S::StartExpired
            | S::Stopped
            | S::FailedStartingGuiSession
            | S::FailedStoppingGuiSession => Ok(session.fresh(S::Starting)),
        },
        Event::Progress(percent) => match session.status {
            S::Starting => Ok(Session { percent: percent.min(99).max(session.percent), ..session.clone() }),
            _ => same(),
        },
        Event::CameUp { expires_at_ms } => match session.status {
            S::Starting => Ok(Session { percent: 100, expires_at_ms, ..session.with(S::Started) }),
            _ => same(),
        },
        Event::StartFailed(reason) => match session.status {
            S::Starting => Ok(session.failed(S::FailedStartingGuiSession, reason)),
            // The start was taken back after it had been marked: its displays are gone, and so are its tokens.
            S::Started | S::StartExpired => {
                let generation = session.generation + 1;
                Ok(Session { generation, ..session.failed(S::FailedStartingGuiSession, reason) })
            }
            _ => same(),
        },
        Event::Expire => match session.status {
            S::Started => Ok(session.with(S::StartExpired)),
            _ => same(),
        },
        Event::Stop => {
            if session.status == S::Stopping || !session.status.may_have_displays() {
                return same();
            }
            Ok(session.fresh(S::Stopping))
        }
        Event::Ended => match session.status {
            S::Stopping => Ok(session.with(S::Stopped)),
            _ => same(),
        },
        Event::StopFailed(reason) => match session.status {
            S::Stopping => Ok(session.failed(S::FailedStoppingGuiSession, reason)),
            _ => same(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn events() -> Vec<Event> {
        vec![
            Event::Boot,
            Event::InstanceFailed("x".into()),
            Event::InstanceDown,
            Event::Start { expires_at_ms: 9 },
            Event::Progress(50),
            Event::CameUp { expires_at_ms: 9 },
            Event::StartFailed("x".into()),
            Event::Expire,
            Event::Stop,
            Event::Ended,
            Event::StopFailed("x".into()),
        ]
    }

    #[test]
    fn all_pairs_that_change_something() {
        let mut table = String::new();
        for status in Status::ALL {
            let from = Session { status, generation: 1, ..Session::new() };
            for event in events() {
                let name = format!("{event:?}");
                let name = name.split([' ', '(']).next().unwrap_or_default().to_owned();
                match transition(&from, event) {
                    Ok(to) if to == from => {}
                    Ok(to) => {
                        let rose = if to.generation > 1 { " (new generation)" } else { "" };
                        writeln!(table, "{} + {name} = {}{rose}", status.name(), to.status.name())
                            .expect("a string takes all");
                    }
                    Err(_) => writeln!(table, "{} + {name} = refused", status.name()).expect("a string takes all"),
                }
            }
        }
        expect![[r#"
            settingUpInstance + Boot = notStarted (new generation)
            settingUpInstance + InstanceFailed = failedInstanceCreation
            settingUpInstance + Start = refused
            notStarted + Boot = notStarted (new generation)
            notStarted + InstanceFailed = failedInstanceCreation
            notStarted + Start = starting (new generation)
            starting + Boot = notStarted (new generation)
            starting + InstanceFailed = failedInstanceCreation
            starting + InstanceDown = stopped (new generation)
            starting + Progress = starting
            starting + CameUp = started
            starting + StartFailed = failedStartingGUISession
            starting + Stop = stopping (new generation)
            started + Boot = notStarted (new generation)
            started + InstanceFailed = failedInstanceCreation
            started + InstanceDown = stopped (new generation)
            started + Start = started
            started + StartFailed = failedStartingGUISession (new generation)
            started + Expire = startExpired
            started + Stop = stopping (new generation)
            startExpired + Boot = notStarted (new generation)
            startExpired + InstanceFailed = failedInstanceCreation
            startExpired + InstanceDown = stopped (new generation)
            startExpired + Start = starting (new generation)
            startExpired + StartFailed = failedStartingGUISession (new generation)
            startExpired + Stop = stopping (new generation)
            stopping + Boot = notStarted (new generation)
            stopping + InstanceFailed = failedInstanceCreation
            stopping + InstanceDown = stopped (new generation)
            stopping + Start = refused
            stopping + Ended = stopped
            stopping + StopFailed = failedStoppingGUISession
            stopped + Boot = notStarted (new generation)
            stopped + InstanceFailed = failedInstanceCreation
            stopped + Start = starting (new generation)
            failedInstanceCreation + Boot = notStarted (new generation)
            failedInstanceCreation + InstanceFailed = failedInstanceCreation
            failedInstanceCreation + Start = refused
            failedStartingGUISession + Boot = notStarted (new generation)
            failedStartingGUISession + InstanceFailed = failedInstanceCreation
            failedStartingGUISession + InstanceDown = stopped (new generation)
            failedStartingGUISession + Start = starting (new generation)
            failedStartingGUISession + Stop = stopping (new generation)
            failedStoppingGUISession + Boot = notStarted (new generation)
            failedStoppingGUISession + InstanceFailed = failedInstanceCreation
            failedStoppingGUISession + InstanceDown = stopped (new generation)
            failedStoppingGUISession + Start = starting (new generation)
            failedStoppingGUISession + Stop = stopping (new generation)
        "#]]
        .assert_eq(&table);
    }

    proptest! {
        #[test]
        fn tokens_of_an_ended_session_never_come_alive_again(picks in proptest::collection::vec(0_usize..11, 0..40)) {
            let mut session = Session::new();
            let mut dead_below = 0;
            for pick in picks {
                let before = session.clone();
                if let Ok(after) = transition(&session, events()[pick].clone()) {
                    session = after;
                }
                prop_assert!(session.generation >= before.generation);
                prop_assert!(session.status != Status::Started || session.expires_at_ms > 0);
                prop_assert!(session.status == Status::Started || session.expires_at_ms == 0);
                prop_assert!(session.percent <= 100);
                if before.status == Status::Started && !matches!(session.status, Status::Started) {
                    dead_below = session.generation.max(before.generation + i64::from(session.status == Status::StartExpired));
                }
                if session.status == Status::Started {
                    prop_assert!(session.generation >= dead_below, "an old token would be good again");
                }
            }
        }
    }
}
