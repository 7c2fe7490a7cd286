//! Metrics of an instance: how they are kept in few bytes, and what statistics over a period are.
//!
//! A minute is 21 bytes; five minutes or an hour, with minimum, maximum and sum of each series, are 70. A row of the
//! store holds an hour of minutes, an hour of five-minute points, or a day of hourly points, at a fixed size. Numbers are
//! kept in 16 bits: exact below 2 048, within 0.05 % above.

use std::collections::BTreeMap;

/// Series that are kept of a minute, in their order in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Series {
    Cpu,
    NetworkIn,
    NetworkOut,
    ReadOps,
    WriteOps,
    ReadBytes,
    WriteBytes,
    ReadMs,
    WriteMs,
    NoToken,
    Queue,
}

/// Series of a slot that sums several minutes.
const SERIES: usize = 11;
/// The queue of a minute follows from its read and write times.
const MINUTE_SERIES: usize = 10;
/// What a number is multiplied by before it is rounded.
const SCALE: [f64; SERIES] = [100.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1000.0];
const MINUTE_BYTES: usize = 1 + 2 * MINUTE_SERIES;
const SUM_BYTES: usize = 4 + 6 * SERIES;
const PRESENT: u8 = 1;
const INSTANCE_FAILED: u8 = 2;
const SYSTEM_FAILED: u8 = 4;

/// What was measured in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Minute {
    /// Percent of the bundle's vCPUs.
    pub cpu_percent: f64,
    /// Bytes the instance received.
    pub network_in: f64,
    /// Bytes the instance sent.
    pub network_out: f64,
    /// Completed reads of its disks.
    pub read_ops: f64,
    /// Completed writes.
    pub write_ops: f64,
    /// Bytes read.
    pub read_bytes: f64,
    /// Bytes written.
    pub write_bytes: f64,
    /// Time reads took, all together, in milliseconds.
    pub read_ms: f64,
    /// Time writes took.
    pub write_ms: f64,
    /// Requests to the metadata service without a token.
    pub no_token: f64,
    /// The guest agent did not answer.
    pub instance_failed: bool,
    /// The host could not say how the instance is.
    pub system_failed: bool,
}

/// Minimum, maximum, sum and number of samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stat {
    /// Smallest sample.
    pub min: f64,
    /// Largest sample.
    pub max: f64,
    /// Sum of samples.
    pub sum: f64,
    /// Number of samples.
    pub count: f64,
}

impl Stat {
    const fn constant(value: f64, count: f64) -> Self {
        Self { min: value, max: value, sum: value * count, count }
    }

    fn times(self, factor: f64) -> Self {
        Self { min: self.min * factor, max: self.max * factor, sum: self.sum * factor, count: self.count }
    }

    fn add(&mut self, other: Self) {
        *self = if self.count == 0.0 {
            other
        } else {
            Self {
                min: self.min.min(other.min),
                max: self.max.max(other.max),
                sum: self.sum + other.sum,
                count: self.count + other.count,
            }
        };
    }
}

/// One or more minutes together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Summary {
    minutes: u8,
    instance_failed: u8,
    system_failed: u8,
    failed: u8,
    series: [Stat; SERIES],
}

impl From<&Minute> for Summary {
    fn from(m: &Minute) -> Self {
        let values = [
            m.cpu_percent,
            m.network_in,
            m.network_out,
            m.read_ops,
            m.write_ops,
            m.read_bytes,
            m.write_bytes,
            m.read_ms,
            m.write_ms,
            m.no_token,
            // Little's law: time spent in the queue over time passed.
            (m.read_ms + m.write_ms) / 60_000.0,
        ];
        Self {
            minutes: 1,
            instance_failed: m.instance_failed.into(),
            system_failed: m.system_failed.into(),
            failed: (m.instance_failed || m.system_failed).into(),
            series: values.map(|value| Stat::constant(value, 1.0)),
        }
    }
}

impl Summary {
    /// Takes another one in; past 255 minutes more are not counted.
    pub fn add(&mut self, other: &Self) {
        self.minutes = self.minutes.saturating_add(other.minutes);
        self.instance_failed = self.instance_failed.saturating_add(other.instance_failed);
        self.system_failed = self.system_failed.saturating_add(other.system_failed);
        self.failed = self.failed.saturating_add(other.failed);
        for (mine, theirs) in self.series.iter_mut().zip(other.series) {
            mine.add(theirs);
        }
    }

    fn of(&self, series: Series) -> Stat {
        self.series[series as usize]
    }

    fn checks(&self, failed: u8) -> Stat {
        Stat {
            min: f64::from(u8::from(failed == self.minutes)),
            max: f64::from(u8::from(failed > 0)),
            sum: failed.into(),
            count: self.minutes.into(),
        }
    }
}

/// How fine a row's slots are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// An hour of minutes, kept 15 days.
    Minute,
    /// An hour of five-minute points, kept 63 days.
    FiveMinutes,
    /// A day of hours, kept 455 days.
    Hour,
}

impl Step {
    /// Every step, finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::FiveMinutes, Self::Hour];

    /// Seconds of a slot; also its name in the store.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::FiveMinutes => 300,
            Self::Hour => 3600,
        }
    }

    /// Seconds of a row.
    pub const fn row_seconds(self) -> i64 {
        match self {
            Self::Minute | Self::FiveMinutes => 3600,
            Self::Hour => 86_400,
        }
    }

    /// How long rows are kept before they become coarser or go.
    pub const fn kept_seconds(self) -> i64 {
        86_400
            * match self {
                Self::Minute => 15,
                Self::FiveMinutes => 63,
                Self::Hour => 455,
            }
    }

    /// What rows become when their time is over.
    pub const fn coarser(self) -> Option<Self> {
        match self {
            Self::Minute => Some(Self::FiveMinutes),
            Self::FiveMinutes => Some(Self::Hour),
            Self::Hour => None,
        }
    }

    const fn slot_bytes(self) -> usize {
        match self {
            Self::Minute => MINUTE_BYTES,
            Self::FiveMinutes | Self::Hour => SUM_BYTES,
        }
    }

    const fn slots(self) -> usize {
        (self.row_seconds() / self.seconds()) as usize
    }
}

/// A row of the store: slots of one step, of which some may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// How fine it is.
    pub step: Step,
    /// Seconds since the epoch at which it begins: a whole multiple of [`Step::row_seconds`].
    pub began_s: i64,
    bytes: Vec<u8>,
}

impl Row {
    /// An empty row around a time.
    pub fn empty(step: Step, at_s: i64) -> Self {
        let began_s = at_s.div_euclid(step.row_seconds()) * step.row_seconds();
        Self { step, began_s, bytes: vec![0; step.slots() * step.slot_bytes()] }
    }

    /// Reads what the store holds; `None` when the length is wrong.
    pub fn read(step: Step, began_s: i64, bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() == step.slots() * step.slot_bytes()).then_some(Self { step, began_s, bytes })
    }

    /// What the store holds.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes a minute over what its slot held; does nothing outside the row or in a coarser row.
    pub fn put(&mut self, at_s: i64, minute: &Minute) {
        if self.step != Step::Minute {
            return;
        }
        let Some(slot) = self.slot_mut(at_s) else { return };
        slot[0] = PRESENT
            | if minute.instance_failed { INSTANCE_FAILED } else { 0 }
            | if minute.system_failed { SYSTEM_FAILED } else { 0 };
        let series = Summary::from(minute).series;
        for (at, place) in slot[1..].chunks_exact_mut(2).enumerate() {
            place.copy_from_slice(&pack(series[at].sum * SCALE[at]).to_le_bytes());
        }
    }

    /// Takes the points of a finer row in; does nothing outside the row or in a row of minutes.
    pub fn take(&mut self, finer: &Self) {
        if self.step == Step::Minute {
            return;
        }
        // Summed up first and packed once: each packing of a large sum rounds it.
        let mut sums: BTreeMap<usize, Summary> = BTreeMap::new();
        for (at_s, point) in finer.points() {
            if let Some(range) = self.range(at_s) {
                let slot = self.bytes.get(range.clone());
                sums.entry(range.start).or_insert_with(|| slot.and_then(read_sum).unwrap_or_default()).add(&point);
            }
        }
        for (start, sum) in sums {
            if let Some(slot) = self.bytes.get_mut(start..start + self.step.slot_bytes()) {
                write_sum(slot, &sum);
            }
        }
    }

    /// Gives every slot that is not empty, with the second at which it begins.
    pub fn points(&self) -> impl Iterator<Item = (i64, Summary)> + '_ {
        let read = match self.step {
            Step::Minute => read_minute,
            Step::FiveMinutes | Step::Hour => read_sum,
        };
        let slots = self.bytes.chunks_exact(self.step.slot_bytes()).enumerate();
        slots.filter_map(move |(at, slot)| Some((self.began_s + at as i64 * self.step.seconds(), read(slot)?)))
    }

    fn range(&self, at_s: i64) -> Option<std::ops::Range<usize>> {
        let slot = usize::try_from((at_s - self.began_s).div_euclid(self.step.seconds())).ok()?;
        let size = self.step.slot_bytes();
        (slot < self.step.slots()).then_some(slot * size..(slot + 1) * size)
    }

    fn slot_mut(&mut self, at_s: i64) -> Option<&mut [u8]> {
        let range = self.range(at_s)?;
        self.bytes.get_mut(range)
    }
}

fn number(slot: &[u8], at: usize) -> f64 {
    unpack(u16::from_le_bytes([slot[at], slot[at + 1]]))
}

fn read_minute(slot: &[u8]) -> Option<Summary> {
    let value = |at: usize| number(slot, 1 + 2 * at) / SCALE[at];
    (slot[0] & PRESENT != 0).then(|| {
        Summary::from(&Minute {
            cpu_percent: value(0),
            network_in: value(1),
            network_out: value(2),
            read_ops: value(3),
            write_ops: value(4),
            read_bytes: value(5),
            write_bytes: value(6),
            read_ms: value(7),
            write_ms: value(8),
            no_token: value(9),
            instance_failed: slot[0] & INSTANCE_FAILED != 0,
            system_failed: slot[0] & SYSTEM_FAILED != 0,
        })
    })
}

fn read_sum(slot: &[u8]) -> Option<Summary> {
    let stat = |at: usize| {
        let value = |part: usize| number(slot, 4 + 6 * at + 2 * part) / SCALE[at];
        Stat { min: value(0), max: value(1), sum: value(2), count: slot[0].into() }
    };
    (slot[0] != 0).then(|| Summary {
        minutes: slot[0],
        instance_failed: slot[1],
        system_failed: slot[2],
        failed: slot[3],
        series: std::array::from_fn(stat),
    })
}

fn write_sum(slot: &mut [u8], sum: &Summary) {
    slot[..4].copy_from_slice(&[sum.minutes, sum.instance_failed, sum.system_failed, sum.failed]);
    for (at, place) in slot[4..].chunks_exact_mut(6).enumerate() {
        let Stat { min, max, sum, .. } = sum.series[at].times(SCALE[at]);
        for (part, value) in place.chunks_exact_mut(2).zip([min, max, sum]) {
            part.copy_from_slice(&pack(value).to_le_bytes());
        }
    }
}

/// Puts a number of at least 0 into 16 bits: exact below 2 048, eleven significant bits above.
fn pack(value: f64) -> u16 {
    // A value outside of u64 saturates, one that is no number is 0.
    let value = value.round() as u64;
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(11);
    let half = if shift == 0 { 0 } else { 1_u64 << (shift - 1) };
    // Rounding up may carry into the exponent, which is right.
    let mantissa = value.saturating_add(half) >> shift;
    u16::try_from(u64::from(shift) * 1024 + mantissa).unwrap_or(u16::MAX)
}

fn unpack(code: u16) -> f64 {
    let (shift, low) = (code / 1024, code % 1024);
    match shift {
        0 => low.into(),
        _ => f64::from(1024 + low) * 2.0_f64.powi(i32::from(shift) - 1),
    }
}

/// A metric of the service (model shape InstanceMetricName).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// CPUUtilization
    CpuUtilization,
    /// NetworkIn
    NetworkIn,
    /// NetworkOut
    NetworkOut,
    /// StatusCheckFailed
    StatusCheckFailed,
    /// StatusCheckFailed_Instance
    StatusCheckFailedInstance,
    /// StatusCheckFailed_System
    StatusCheckFailedSystem,
    /// BurstCapacityTime
    BurstCapacityTime,
    /// BurstCapacityPercentage
    BurstCapacityPercentage,
    /// MetadataNoToken
    MetadataNoToken,
    /// DiskReadOps
    DiskReadOps,
    /// DiskWriteOps
    DiskWriteOps,
    /// DiskReadBytes
    DiskReadBytes,
    /// DiskWriteBytes
    DiskWriteBytes,
    /// DiskTotalReadTime
    DiskTotalReadTime,
    /// DiskTotalWriteTime
    DiskTotalWriteTime,
    /// DiskQueueLength
    DiskQueueLength,
}

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Percent.
    Percent,
    /// Bytes; bits and their multiples convert.
    Bytes,
    /// A number of things.
    Count,
    /// Seconds; their parts convert.
    Seconds,
}

/// No bundle of this service has a burst allowance: all of it may be used all day.
const FULL_BURST_S: f64 = 86_400.0;

impl Metric {
    /// What it is measured in.
    pub const fn quantity(self) -> Quantity {
        match self {
            Self::CpuUtilization | Self::BurstCapacityPercentage => Quantity::Percent,
            Self::NetworkIn | Self::NetworkOut | Self::DiskReadBytes | Self::DiskWriteBytes => Quantity::Bytes,
            Self::BurstCapacityTime | Self::DiskTotalReadTime | Self::DiskTotalWriteTime => Quantity::Seconds,
            Self::StatusCheckFailed
            | Self::StatusCheckFailedInstance
            | Self::StatusCheckFailedSystem
            | Self::MetadataNoToken
            | Self::DiskReadOps
            | Self::DiskWriteOps
            | Self::DiskQueueLength => Quantity::Count,
        }
    }

    /// What it was in the minutes of a summary.
    pub fn of(self, summary: &Summary) -> Stat {
        match self {
            Self::CpuUtilization => summary.of(Series::Cpu),
            Self::NetworkIn => summary.of(Series::NetworkIn),
            Self::NetworkOut => summary.of(Series::NetworkOut),
            Self::StatusCheckFailed => summary.checks(summary.failed),
            Self::StatusCheckFailedInstance => summary.checks(summary.instance_failed),
            Self::StatusCheckFailedSystem => summary.checks(summary.system_failed),
            Self::BurstCapacityTime => Stat::constant(FULL_BURST_S, summary.minutes.into()),
            Self::BurstCapacityPercentage => Stat::constant(100.0, summary.minutes.into()),
            Self::MetadataNoToken => summary.of(Series::NoToken),
            Self::DiskReadOps => summary.of(Series::ReadOps),
            Self::DiskWriteOps => summary.of(Series::WriteOps),
            Self::DiskReadBytes => summary.of(Series::ReadBytes),
            Self::DiskWriteBytes => summary.of(Series::WriteBytes),
            Self::DiskTotalReadTime => summary.of(Series::ReadMs).times(0.001),
            Self::DiskTotalWriteTime => summary.of(Series::WriteMs).times(0.001),
            Self::DiskQueueLength => summary.of(Series::Queue),
        }
    }
}

impl Quantity {
    /// Every unit that values of this quantity can be given in, with what one of its own is in it. Multiples are decimal.
    pub const fn units(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Percent => &[("Percent", 1.0)],
            Self::Count => &[("Count", 1.0)],
            Self::Seconds => &[("Seconds", 1.0), ("Milliseconds", 1e3), ("Microseconds", 1e6)],
            Self::Bytes => &[
                ("Bytes", 1.0),
                ("Kilobytes", 1e-3),
                ("Megabytes", 1e-6),
                ("Gigabytes", 1e-9),
                ("Terabytes", 1e-12),
                ("Bits", 8.0),
                ("Kilobits", 8e-3),
                ("Megabits", 8e-6),
                ("Gigabits", 8e-9),
                ("Terabits", 8e-12),
            ],
        }
    }
}

/// Statistics over periods aligned to the epoch, oldest first, of the points in `[start, end)`; the start is rounded down
/// to its period. Periods without a point are left out.
pub fn statistics(
    points: impl IntoIterator<Item = (i64, Summary)>,
    metric: Metric,
    (start_s, end_s): (i64, i64),
    period_s: i64,
) -> Vec<(i64, Stat)> {
    let first = start_s.div_euclid(period_s) * period_s;
    let mut periods = std::collections::BTreeMap::<i64, Stat>::new();
    for (at_s, point) in points {
        if (first..end_s).contains(&at_s) {
            periods.entry(at_s.div_euclid(period_s) * period_s).or_default().add(metric.of(&point));
        }
    }
    periods.into_iter().collect()
}

/// Gives a statistic in another unit; the factor is one of [`Quantity::units`].
#[must_use]
pub fn in_unit(stat: Stat, factor: f64) -> Stat {
    stat.times(factor)
}

#[cfg(test)]
mod tests;
