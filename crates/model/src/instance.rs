//! An instance's life.
//!
//! ```text
//!   Pending ──came_up──► Running ──stop──► Stopping ──went_down──► Stopped ──start──► Pending
//!      │ failed             │ ▲ reboot        (Running ──went_down──► Stopped: it ended by itself)
//!      ▼                    └─┘
//!   Stopped            any ──delete──► ShuttingDown ──(the row is removed)
//! ```

use serde::{Deserialize, Serialize};

/// Where an instance is in its life; the codes are the service's (model shape InstanceState, CLI examples).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Being created or started.
    Pending,
    /// Up.
    Running,
    /// Being stopped.
    Stopping,
    /// Down; its disk is kept.
    Stopped,
    /// Being deleted.
    ShuttingDown,
}

/// Which kinds of address an instance has, by the service's names (model enum IpAddressType).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressType {
    /// IPv4 alone.
    Ipv4,
    /// Both.
    Dualstack,
    /// IPv6 alone: a private IPv4 address is kept for the account's other instances.
    Ipv6,
}

impl AddressType {
    /// Reads the name; anything else is the service's default, both.
    pub fn of(name: &str) -> Self {
        match name {
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            _ => Self::Dualstack,
        }
    }

    /// Whether IPv6 is among them.
    pub const fn has_ipv6(self) -> bool {
        !matches!(self, Self::Ipv4)
    }
}

/// What can happen to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// StartInstance was called.
    Start,
    /// StopInstance was called.
    Stop,
    /// RebootInstance was called.
    Reboot,
    /// DeleteInstance was called.
    Delete,
    /// The guest agent answers.
    CameUp,
    /// Nothing of it runs any more: stopped, failed to start, or ended by itself.
    WentDown,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not possible while the instance is {state}", state = .0.name())]
pub struct Refused(pub State);

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Stopping, Self::Stopped, Self::ShuttingDown];

    /// The name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
        }
    }

    /// The code on the wire.
    pub const fn code(self) -> i32 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    /// Finds a state by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Decides what an event does. Asking again for what is under way changes nothing and is allowed.
///
/// # Errors
/// [`Refused`] when the event contradicts what is under way.
pub const fn transition(state: State, event: Event) -> Result<State, Refused> {
    use Event as E;
    use State as S;
    match (state, event) {
        (S::Pending | S::Running | S::Stopping | S::Stopped | S::ShuttingDown, E::Delete) => Ok(S::ShuttingDown),
        (S::ShuttingDown, E::Start | E::Stop | E::Reboot) => Err(Refused(state)),
        // What a late observation says about an instance that is going does not matter.
        (S::ShuttingDown, E::CameUp | E::WentDown) => Ok(S::ShuttingDown),
        (S::Pending | S::Running, E::Start) => Ok(state),
        (S::Stopped, E::Start) => Ok(S::Pending),
        (S::Stopping, E::Start | E::Reboot) => Err(Refused(state)),
        (S::Stopped | S::Pending, E::Reboot) => Err(Refused(state)),
        (S::Running, E::Reboot) => Ok(S::Running),
        (S::Pending | S::Running | S::Stopping, E::Stop) => Ok(S::Stopping),
        (S::Stopped, E::Stop) => Ok(S::Stopped),
        (S::Pending | S::Running, E::CameUp) => Ok(S::Running),
        (S::Stopping | S::Stopped, E::CameUp) => Ok(state),
        (S::Pending | S::Running | S::Stopping | S::Stopped, E::WentDown) => Ok(S::Stopped),
    }
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
            for event in [Event::Start, Event::Stop, Event::Reboot, Event::Delete, Event::CameUp, Event::WentDown] {
                let to = transition(state, event).map_or("refused", State::name);
                writeln!(table, "{} + {event:?} = {to}", state.name()).expect("a string takes all");
            }
        }
        expect![[r#"
            pending + Start = pending
            pending + Stop = stopping
            pending + Reboot = refused
            pending + Delete = shutting-down
            pending + CameUp = running
            pending + WentDown = stopped
            running + Start = running
            running + Stop = stopping
            running + Reboot = running
            running + Delete = shutting-down
            running + CameUp = running
            running + WentDown = stopped
            stopping + Start = refused
            stopping + Stop = stopping
            stopping + Reboot = refused
            stopping + Delete = shutting-down
            stopping + CameUp = stopping
            stopping + WentDown = stopped
            stopped + Start = pending
            stopped + Stop = stopped
            stopped + Reboot = refused
            stopped + Delete = shutting-down
            stopped + CameUp = stopped
            stopped + WentDown = stopped
            shutting-down + Start = refused
            shutting-down + Stop = refused
            shutting-down + Reboot = refused
            shutting-down + Delete = shutting-down
            shutting-down + CameUp = shutting-down
            shutting-down + WentDown = shutting-down
        "#]]
        .assert_eq(&table);
    }
}
