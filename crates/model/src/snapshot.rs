//! What a snapshot is, which sizes may be made of it, and which automatic ones are kept.

use serde::{Deserialize, Serialize};

use crate::catalog::Bundle;

/// How many automatic snapshots of a resource are kept (guide page on automatic snapshots).
pub const AUTO_KEPT: usize = 7;
/// Minutes of a day.
const DAY_MIN: i64 = 1_440;
/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// Where a snapshot is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Being made.
    Pending,
    /// There.
    Available,
    /// Its making failed.
    Error,
}

impl State {
    /// The name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Error => "error",
        }
    }

    /// Finds a state by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Available, Self::Error].into_iter().find(|state| state.name() == name)
    }
}

/// Of what a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A whole instance: its system disk and the data disks attached.
    InstanceSnapshot,
    /// One disk: a data disk, or an instance's system disk.
    DiskSnapshot,
}

impl Kind {
    /// Model shape ResourceType.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InstanceSnapshot => "InstanceSnapshot",
            Self::DiskSnapshot => "DiskSnapshot",
        }
    }

    /// Finds a kind by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::InstanceSnapshot, Self::DiskSnapshot].into_iter().find(|kind| kind.name() == name)
    }
}

/// A data disk that an instance's snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Id of the disk at that time, by which the snapshot's file is called.
    pub id: String,
    /// Its name at that time.
    pub name: String,
    /// Where it was attached, for example `/dev/xvdf`.
    pub path: String,
    /// Its size in GB.
    pub size_gb: u32,
}

/// Why a bundle is too small for a snapshot, as a sentence; `None` when it fits. `source` is the bundle of the instance
/// that the snapshot was made of, where it is still known.
pub fn too_small(bundle: &Bundle, source: Option<&Bundle>, disk_gb: u32) -> Option<String> {
    let (vcpus, ram_gb) = source.map_or((0, 0.0), |source| (source.vcpus, source.ram_gb));
    if bundle.disk_gb >= disk_gb && bundle.vcpus >= vcpus && bundle.ram_gb >= ram_gb {
        return None;
    }
    Some(format!(
        "Bundle {} is smaller than the one the snapshot was made from: it has {} vCPUs, {} GB of memory and a disk of {} \
         GB; at least {vcpus} vCPUs, {ram_gb} GB of memory and a disk of {disk_gb} GB are needed.",
        bundle.id, bundle.vcpus, bundle.ram_gb, bundle.disk_gb
    ))
}

/// The latest time at or before `now_ms` at which an automatic snapshot was due.
pub const fn last_due_ms(now_ms: i64, minute_of_day: u16) -> i64 {
    let due = now_ms.div_euclid(MINUTE_MS * DAY_MIN) * MINUTE_MS * DAY_MIN + minute_of_day as i64 * MINUTE_MS;
    if due <= now_ms { due } else { due - MINUTE_MS * DAY_MIN }
}

/// Those of the automatic snapshots that are to go, given oldest first as (date, complete): the newest seven that are
/// complete stay, and whatever is under way.
pub fn superfluous<'a>(autos: &[(&'a str, State)]) -> Vec<&'a str> {
    let complete = autos.iter().filter(|(_, state)| *state == State::Available).count();
    let mut to_go = complete.saturating_sub(AUTO_KEPT);
    let mut going = Vec::new();
    for (date, state) in autos {
        if *state == State::Available && to_go > 0 {
            going.push(*date);
            to_go -= 1;
        }
    }
    going
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(vcpus: u32, ram_gb: f64, disk_gb: u32) -> Bundle {
        Bundle {
            id: "b".into(),
            name: "B".into(),
            price_per_month: 1.0,
            price_per_hour: 1.0,
            vcpus,
            ram_gb,
            disk_gb,
            transfer_gb: 1,
            power: 1,
            instance_type: "b".into(),
            is_active: true,
            lfr: true,
            lightsail: true,
        }
    }

    #[test]
    fn the_same_or_larger_fits() {
        let source = bundle(2, 2.0, 40);
        for (vcpus, ram_gb, disk_gb, fits) in
            [(2, 2.0, 40, true), (4, 8.0, 80, true), (1, 8.0, 80, false), (4, 1.0, 80, false), (4, 8.0, 39, false)]
        {
            let refusal = too_small(&bundle(vcpus, ram_gb, disk_gb), Some(&source), 40);
            assert_eq!(refusal.is_none(), fits, "{vcpus} {ram_gb} {disk_gb}: {refusal:?}");
        }
        assert!(too_small(&bundle(1, 0.5, 40), None, 40).is_none(), "an unknown bundle asks for its disk alone");
    }

    #[test]
    fn a_day_has_one_due_time() {
        let day = MINUTE_MS * DAY_MIN;
        for (now_ms, minute, due) in [
            (day * 3, 0, day * 3),
            (day * 3, 60, day * 2 + 60 * MINUTE_MS),
            (day * 3 + 60 * MINUTE_MS, 60, day * 3 + 60 * MINUTE_MS),
            (day * 3 + 60 * MINUTE_MS - 1, 60, day * 2 + 60 * MINUTE_MS),
        ] {
            assert_eq!(last_due_ms(now_ms, minute), due, "{now_ms} {minute}");
        }
    }

    #[test]
    fn the_newest_seven_stay() {
        let dates: Vec<String> = (1..=9).map(|day| format!("2026-01-{day:02}")).collect();
        let mut autos: Vec<(&str, State)> = dates.iter().map(|date| (date.as_str(), State::Available)).collect();
        assert_eq!(superfluous(&autos), ["2026-01-01", "2026-01-02"]);
        autos[8].1 = State::Pending;
        assert_eq!(superfluous(&autos), ["2026-01-01"], "one under way does not count yet");
        assert!(superfluous(&autos[..7]).is_empty());
    }
}
