//! Chooses how coarsely pictures are quantised, so that the way to the viewer carries them.

use std::time::Duration;

/// Quantisation of a picture when the way to the viewer allows it, and at worst; 0–51, six more halve what is sent.
pub(super) const FINEST: u8 = 27;
pub(super) const COARSEST: u8 = 47;
/// So much coarser is a picture that stands alone: the next ones make it as fine as the others for fewer bytes.
const KEY_COARSER: u8 = 3;
/// Steps by which quantisation gets finer from one picture to the next.
const FINER: u8 = 2;
/// Bits a second beyond which quality gains nothing, and below which nothing can be recognised.
const MOST_BITS_PER_S: u32 = 20_000_000;
const FEWEST_BITS_PER_S: u32 = 400_000;
/// Pictures that the way has not carried after so long are the last before one is left out.
const HELD_S: f64 = 0.15;
/// Time from one picture to the next that is reckoned with, at least and at most.
const INTERVAL_S: (f64, f64) = (1.0 / 60.0, 0.2);
/// Share of a new value in a mean.
const SHARE: f64 = 0.25;

/// What is known of the pictures so far, and of the way.
pub(super) struct Rate {
    bits_per_s: f64,
    /// Bits of pictures that the way has not carried yet.
    owed: f64,
    /// When the last picture came, and how far apart they are.
    last: Option<Duration>,
    interval_s: f64,
    /// Bits that a picture told as a difference would take at quantisation zero.
    weight: Option<f64>,
    qp: u8,
}

impl Rate {
    pub(super) const fn new() -> Self {
        Self { bits_per_s: 0.0, owed: 0.0, last: None, interval_s: 1.0 / 30.0, weight: None, qp: FINEST }
    }

    /// A picture comes; false when it has to be left out, since the way has not carried those before.
    pub(super) fn next(&mut self, bits_per_s: u32, now: Duration) -> bool {
        self.bits_per_s = bits_per_s.clamp(FEWEST_BITS_PER_S, MOST_BITS_PER_S).into();
        if let Some(last) = self.last.replace(now) {
            let passed_s = now.saturating_sub(last).as_secs_f64();
            self.owed = (self.owed - passed_s * self.bits_per_s).max(0.0);
            self.interval_s += SHARE * (passed_s.clamp(INTERVAL_S.0, INTERVAL_S.1) - self.interval_s);
        }
        self.owed <= HELD_S * self.bits_per_s
    }

    /// The quantisation to try first.
    pub(super) fn quantisation(&self, key: bool) -> u8 {
        if key {
            return FINEST + KEY_COARSER;
        }
        let Some(weight) = self.weight else { return FINEST };
        let behind = self.owed / (HELD_S * self.bits_per_s);
        let wanted = self.bits_per_s * self.interval_s * (1.0 - behind).max(0.25);
        let fitting = (6.0 * (weight / wanted).log2()).ceil().clamp(f64::from(FINEST), f64::from(COARSEST)) as u8;
        fitting.max(self.qp.saturating_sub(FINER))
    }

    /// The quantisation to try after a picture took `bytes` where `most` are allowed; `None` when it fits, or nothing can be
    /// done.
    pub(super) fn coarser(qp: u8, bytes: usize, most: usize) -> Option<u8> {
        if bytes <= most || qp >= COARSEST {
            return None;
        }
        let steps = (6.0 * (bytes as f64 / most.max(1) as f64).log2()).ceil() as u8;
        Some(qp.saturating_add(steps.max(1)).min(COARSEST))
    }

    /// A picture took so many bits, and goes to the viewer.
    pub(super) fn sent(&mut self, qp: u8, key: bool, bits: usize) {
        self.owed += bits as f64;
        if key {
            return;
        }
        self.qp = qp;
        let weight = bits as f64 * (f64::from(qp) / 6.0).exp2();
        // What needs more than before is not waited for.
        self.weight =
            Some(self.weight.map_or(weight, |old| if weight > old { weight } else { old + SHARE * (weight - old) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of so many bits at quantisation zero for some seconds at 30 a second: their quantisation, or that they
    /// are left out, and the bits of each.
    fn play(rate: &mut Rate, weight: f64, bits_per_s: u32, from_s: f64, seconds: f64) -> Vec<(Option<u8>, usize)> {
        let pictures = 0..(seconds * 30.0) as u32;
        let picture = |n: u32| {
            if !rate.next(bits_per_s, Duration::from_secs_f64(from_s + f64::from(n) / 30.0)) {
                return (None, 0);
            }
            let qp = rate.quantisation(false);
            let bits = (weight / (f64::from(qp) / 6.0).exp2()) as usize;
            rate.sent(qp, false, bits);
            (Some(qp), bits)
        };
        pictures.map(picture).collect()
    }

    #[test]
    fn a_fast_way_gets_the_finest() {
        let mut rate = Rate::new();
        assert!(play(&mut rate, 2e6, u32::MAX, 0.0, 2.0).iter().all(|(qp, _)| *qp == Some(FINEST)));
    }

    #[test]
    fn a_slow_way_gets_what_it_carries_and_more_as_soon_as_it_is_faster() {
        let mut rate = Rate::new();
        let made = play(&mut rate, 4e6, 2_000_000, 0.0, 3.0);
        let after_one: usize = made[30..].iter().map(|(_, bits)| bits).sum();
        assert!((3_000_000..=4_200_000).contains(&after_one), "{after_one} bits in two seconds at 2 Mbit/s");
        assert!(made[30..].iter().all(|(qp, _)| qp.is_some()), "none is left out of {made:?}");
        let later = play(&mut rate, 4e6, 20_000_000, 3.0, 1.0);
        assert_eq!(later[15].0, Some(FINEST), "{later:?}");
    }

    #[test]
    fn what_the_way_cannot_carry_even_at_the_coarsest_is_left_out() {
        let mut rate = Rate::new();
        let made = play(&mut rate, 50e6, 400_000, 0.0, 5.0);
        let left_out = made.iter().filter(|(qp, _)| qp.is_none()).count();
        assert!(left_out > 50, "{left_out} of 150");
        let bits: usize = made[30..].iter().map(|(_, bits)| bits).sum();
        assert!(bits <= 2_000_000, "{bits} bits in four seconds at 0.4 Mbit/s");
    }

    #[test]
    fn what_is_too_large_is_tried_more_coarsely() {
        assert_eq!(Rate::coarser(30, 1000, 1000), None);
        assert_eq!(Rate::coarser(30, 1001, 1000), Some(31));
        assert_eq!(Rate::coarser(30, 4000, 1000), Some(42));
        assert_eq!(Rate::coarser(30, 1 << 40, 1), Some(COARSEST));
        assert_eq!(Rate::coarser(COARSEST, 1001, 1000), None);
    }
}
