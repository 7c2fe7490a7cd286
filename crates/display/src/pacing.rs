//! When a frame may be sent to a viewer, and how large it may be (docs/display-protocol.md §6.1).
//!
//! ```text
//!          send              send
//!   idle ───────▶ one sent ───────▶ two sent: no credit
//!     ▲    ack        │ ▲     ack        │
//!     └───────────────┘ └────────────────┘
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::FRAMES_IN_FLIGHT;
use crate::viewer_message::Ack;

/// How large the next frame may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes after which no further damage is put into the frame.
    pub bytes: usize,
    /// Bytes after which no further refinement is put into the frame.
    pub refine_bytes: usize,
    /// Quality of JPEG, 1–100.
    pub jpeg_quality: u8,
    /// What a video may take of the way to the viewer.
    pub video_bits_per_s: u32,
}

impl Budget {
    /// Lets everything into one frame.
    pub const UNLIMITED: Budget =
        Budget { bytes: usize::MAX, refine_bytes: usize::MAX, jpeg_quality: 85, video_bits_per_s: u32::MAX };
}

/// Why an ack is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// It names a frame that was never sent.
    #[error("frame {0} was never sent")]
    NeverSent(u32),
}

/// How long a frame may occupy the way to the viewer.
const FRAME_TIME: Duration = Duration::from_millis(30);
/// How long a slice of refinement may occupy it.
const REFINE_TIME: Duration = Duration::from_millis(30);
/// The same, where the way is at least so fast: there it is the viewer who takes longest, and fewer slices are sooner done.
const FAST_REFINE_TIME: Duration = Duration::from_millis(100);
const FAST_BYTES_PER_S: f64 = 5e6;
/// The same, while the person does something whose answer may have to wait for the slice.
const BUSY_REFINE_TIME: Duration = Duration::from_millis(8);
/// So long after the person's last act that is over.
const BUSY: Duration = Duration::from_millis(500);
/// Shorter times of carrying are taken for this.
const NOISE: Duration = Duration::from_micros(1500);
/// Fewer bytes than this say nothing about the rate.
const SMALLEST_SAMPLE_BYTES: usize = 8 << 10;
/// A frame that came by itself says that the way is slow only when it has so many: the viewer may have been busy.
const SMALLEST_SLOW_BYTES: usize = 32 << 10;
/// A frame sent so soon after credit came back had waited for it.
const PROMPT: Duration = Duration::from_millis(2);
/// Share of the way's rate that a video may take; the rest is for what else happens.
const VIDEO_SHARE: f64 = 0.7;
/// What a video may take while the rate is unknown.
const FIRST_VIDEO_BITS_PER_S: u32 = 8_000_000;
/// Frames carried one behind the other are looked at together for so long.
const LONGEST_STRETCH: Duration = Duration::from_millis(100);
/// What was carried in less than about a frame's time says nothing against the rate: busy browsers look like that too.
const TELLING_TIME: Duration = Duration::from_millis(25);
/// So long a rate measured between two frames is trusted more than what single ones say.
const MEASURED_FOR: Duration = Duration::from_secs(1);
/// The estimate grows by no more than this with an ack.
const STEEPEST_RISE: f64 = 1.5;
/// A way that has become longer is believed after one to two of these.
const MINIMUM_SPAN: Duration = Duration::from_secs(10);
/// Of so many acks so many may tell of frames that met in one animation frame; beyond, they arrive when one begins.
const LOOKED_AT: u32 = 24;
const MOST_MEETINGS: u32 = 2;
/// Frames begun so far apart were meant for different animation frames.
const APART: Duration = Duration::from_millis(8);
/// How much later frames begin then: far enough from the animation frame's beginning, for all they are unpunctual.
const SHIFT: Duration = Duration::from_millis(5);
/// Without a frame for so long, a motion is over, and the next frame begins at once.
const MOTION_PAUSE: Duration = Duration::from_millis(100);
/// Rates beyond this are taken for this.
const HIGHEST_RATE: f64 = 1.25e9;

/// The smallest of the times noted lately.
#[derive(Debug, Default)]
struct RecentMinimum {
    /// In this span, and in the one before.
    spans: [Option<Duration>; 2],
    since: Duration,
}

impl RecentMinimum {
    fn note(&mut self, time: Duration, now: Duration) {
        if now.saturating_sub(self.since) > MINIMUM_SPAN {
            *self = Self { spans: [None, self.spans[0]], since: now };
        }
        self.spans[0] = Some(self.spans[0].map_or(time, |s| s.min(time)));
    }

    fn shortest(&self) -> Option<Duration> {
        self.spans.iter().flatten().min().copied()
    }
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    number: u32,
    begun: Duration,
    at: Duration,
    bytes: usize,
    /// It was there before there was credit for it: the way, or the viewer, was the limit, and not what happened on the
    /// screen.
    waited: bool,
}

/// Keeps frames of a steady motion from meeting in one animation frame of the viewer, of which one would not be seen: where
/// they arrive just when one begins, some come before it and some after. Then all begin a little later; and when the two
/// clocks have drifted so far that they meet again, as before.
#[derive(Debug, Default)]
struct Rhythm {
    /// The last acks, the newest in the lowest place: a one for frames that met.
    meetings: u32,
    shifted: bool,
    begun: Option<Duration>,
}

impl Rhythm {
    fn sent(&mut self, begun: Duration) {
        if self.begun.is_some_and(|last| begun.saturating_sub(last) > MOTION_PAUSE) {
            *self = Self::default();
        }
        self.begun = Some(begun);
    }

    /// Notes an ack of frames, the first and the last of which were begun then.
    fn acked(&mut self, first: Duration, last: Duration) {
        let met = last.saturating_sub(first) >= APART;
        self.meetings = (self.meetings << 1 | u32::from(met)) & ((1 << LOOKED_AT) - 1);
        if self.meetings.count_ones() > MOST_MEETINGS {
            self.meetings = 0;
            self.shifted = !self.shifted;
        }
    }

    /// When a frame of what changed then may begin.
    fn begins(&self, changed: Duration) -> Duration {
        let goes_on = self.begun.is_some_and(|last| changed.saturating_sub(last) <= MOTION_PAUSE);
        if self.shifted && goes_on { changed + SHIFT } else { changed }
    }
}

/// The frames of one viewer that are under way, and what their acks taught.
#[derive(Debug, Default)]
pub struct Pacing {
    in_flight: VecDeque<Sent>,
    /// When credit came back that had been used up.
    credit_at: Option<Duration>,
    /// Frames sent since the beginning; the low half is the number of the last one.
    sent: u64,
    transit: RecentMinimum,
    /// When the newest acknowledged frame had arrived; not before any other of them.
    arrived: Duration,
    /// Bytes that were carried one behind the other, and since when; the first of them is not counted.
    stretch: Option<(usize, Duration)>,
    rate_bytes_per_s: Option<f64>,
    /// When frames that came one behind the other said something about the rate.
    measured_at: Duration,
    smoothed_ack: Duration,
    rhythm: Rhythm,
    /// When the person did something last.
    input_at: Option<Duration>,
}

impl Pacing {
    /// Begins with full credit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes how long the viewer took from the end of the handshake to its hello: a round trip and a little more.
    pub fn met(&mut self, round_trip: Duration, now: Duration) {
        self.transit.note(round_trip, now);
    }

    /// Whether another frame may be sent.
    pub fn has_credit(&self) -> bool {
        self.in_flight.len() < FRAMES_IN_FLIGHT
    }

    /// When a frame of what changed then may be begun: at once, but for a motion whose frames would meet in one animation
    /// frame of the viewer.
    pub fn begins(&self, changed: Duration) -> Duration {
        self.rhythm.begins(changed)
    }

    /// Number the next frame must carry.
    pub fn next_number(&self) -> u32 {
        (self.sent as u32).wrapping_add(1)
    }

    /// Notes that the frame numbered [`next_number`](Self::next_number), which was `begun` then, is handed to the transport
    /// `now`.
    pub fn sent(&mut self, bytes: usize, begun: Duration, now: Duration) {
        self.sent += 1;
        let number = self.sent as u32;
        let waited = self.credit_at.take().is_some_and(|at| begun.saturating_sub(at) <= PROMPT);
        self.rhythm.sent(begun);
        self.in_flight.push_back(Sent { number, begun, at: now, bytes, waited });
    }

    /// Notes an ack.
    ///
    /// # Errors
    /// [`AckError::NeverSent`] when the frame was never sent; an ack that comes twice is no error.
    pub fn acked(&mut self, ack: &Ack, now: Duration) -> Result<(), AckError> {
        // How many frames ago it was, if it was; numbers begin at 1.
        let age = (self.sent as u32).wrapping_sub(ack.frame);
        if u64::from(age) >= self.sent || age > u32::MAX / 2 {
            return Err(AckError::NeverSent(ack.frame));
        }
        let had_credit = self.has_credit();
        let (mut bytes, mut first) = (0, None);
        while let Some(sent) = self.in_flight.front().copied() {
            if (ack.frame.wrapping_sub(sent.number) as i32) < 0 {
                break;
            }
            self.in_flight.pop_front();
            bytes += sent.bytes;
            let first = *first.get_or_insert(sent);
            if sent.number == ack.frame {
                self.rhythm.acked(first.begun, sent.begun);
                self.learn(first.at, sent, bytes, ack, now);
            }
        }
        if !had_credit && self.has_credit() {
            self.credit_at = Some(now);
        }
        Ok(())
    }

    /// Learns from frames that one ack acknowledged: `bytes` in all, the first sent at `first`.
    fn learn(&mut self, first: Duration, last: Sent, bytes: usize, ack: &Ack, now: Duration) {
        let whole = now.saturating_sub(last.at);
        self.smoothed_ack = if self.smoothed_ack.is_zero() { whole } else { (self.smoothed_ack * 7 + whole) / 8 };
        // The viewer's own waiting (decoding, the animation frame) is none of the way's.
        let arrived = now.saturating_sub(Duration::from_micros(ack.wait_us.into())).max(last.at).max(self.arrived);
        self.transit.note(arrived - last.at, now);
        // With nothing before it on the way it could have begun to arrive then.
        let free = first + self.transit.shortest().unwrap_or_default();
        let before = std::mem::replace(&mut self.arrived, arrived);
        let rate = if before > free {
            // Right behind the one before: that one's arrival is when the way was free for it.
            let (sum, begun) = self.stretch.filter(|s| before - s.1 <= LONGEST_STRETCH).unwrap_or((0, before));
            let sum = sum + bytes;
            self.stretch = Some((sum, begun));
            if sum < SMALLEST_SAMPLE_BYTES {
                return;
            }
            self.measured_at = now;
            let took = arrived.saturating_sub(begun);
            let sample = sum as f64 / took.max(NOISE).as_secs_f64();
            match self.rate_bytes_per_s {
                None => sample,
                Some(rate) if sample > rate || (last.waited && took > TELLING_TIME) => {
                    (rate * 0.7 + sample * 0.3).min(rate * STEEPEST_RISE)
                }
                Some(rate) => rate,
            }
        } else {
            self.stretch = None;
            if bytes < SMALLEST_SAMPLE_BYTES {
                return;
            }
            // The shortest transit holds some carrying as well, so that this can be too high, but not too low.
            let took = arrived.saturating_sub(free);
            let sample = bytes as f64 / took.max(NOISE).as_secs_f64();
            match self.rate_bytes_per_s {
                None => sample,
                Some(rate) if sample < rate && bytes >= SMALLEST_SLOW_BYTES && took > TELLING_TIME => {
                    rate * 0.7 + sample * 0.3
                }
                Some(rate) if sample > rate && now.saturating_sub(self.measured_at) > MEASURED_FOR => {
                    sample.min(rate * STEEPEST_RISE)
                }
                Some(rate) => rate,
            }
        };
        self.rate_bytes_per_s = Some(rate.min(HIGHEST_RATE));
    }

    /// Notes that the person at the viewer did something.
    pub fn input(&mut self, now: Duration) {
        self.input_at = Some(now);
    }

    /// How large a frame may be that is made now.
    pub fn budget(&self, now: Duration) -> Budget {
        let Some(rate) = self.rate_bytes_per_s else {
            return Budget {
                bytes: 128 << 10,
                refine_bytes: 32 << 10,
                jpeg_quality: 80,
                video_bits_per_s: FIRST_VIDEO_BITS_PER_S,
            };
        };
        let bytes = |time: Duration| (rate * time.as_secs_f64()) as usize;
        let busy = self.input_at.is_some_and(|at| now.saturating_sub(at) < BUSY);
        let refine_time = match busy {
            true => BUSY_REFINE_TIME,
            false if rate < FAST_BYTES_PER_S => REFINE_TIME,
            false => FAST_REFINE_TIME,
        };
        let jpeg_quality = match rate {
            r if r < 0.6e6 => 45,
            r if r < 1.5e6 => 60,
            r if r < 4.0e6 => 75,
            _ => 85,
        };
        Budget {
            bytes: bytes(FRAME_TIME).clamp(24 << 10, 4 << 20),
            refine_bytes: bytes(refine_time).clamp(16 << 10, 2 << 20),
            jpeg_quality,
            video_bits_per_s: (rate * 8.0 * VIDEO_SHARE) as u32,
        }
    }

    /// Frames that were sent.
    pub fn frames(&self) -> u32 {
        self.sent as u32
    }

    /// Frames that are not acknowledged.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Smoothed time from sending a frame to its ack.
    pub fn ack_time(&self) -> Duration {
        self.smoothed_ack
    }

    /// Estimated rate of the way to the viewer, kbit/s; 0 unknown.
    pub fn rate_kbps(&self) -> u32 {
        self.rate_bytes_per_s.map_or(0, |rate| (rate / 125.0) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn ack(frame: u32) -> Ack {
        Ack { frame, decode_us: 0, wait_us: 0 }
    }

    #[test]
    fn two_frames_and_no_more() {
        let mut p = Pacing::new();
        assert_eq!(p.next_number(), 1);
        p.sent(10, ms(0), ms(0));
        assert!(p.has_credit());
        p.sent(10, ms(1), ms(1));
        assert!(!p.has_credit());
        p.acked(&ack(1), ms(2)).expect("was sent");
        assert!(p.has_credit());
        p.sent(10, ms(3), ms(3));
        p.acked(&ack(3), ms(4)).expect("acknowledges 2 as well");
        assert_eq!(p.in_flight(), 0);
        p.acked(&ack(2), ms(5)).expect("an old ack is harmless");
        assert_eq!(p.acked(&ack(4), ms(6)), Err(AckError::NeverSent(4)));
        assert_eq!(Pacing::new().acked(&ack(0), ms(6)), Err(AckError::NeverSent(0)));
    }

    #[test]
    fn numbers_wrap() {
        let mut p = Pacing { sent: u64::from(u32::MAX) - 1, ..Pacing::default() };
        p.sent(1, ms(0), ms(0));
        p.sent(1, ms(0), ms(0));
        assert_eq!(p.frames(), 0);
        p.acked(&ack(u32::MAX), ms(1)).expect("the first of the two");
        assert_eq!(p.in_flight(), 1);
    }

    #[test]
    fn the_rate_is_learnt_from_large_frames() {
        let mut p = Pacing::new();
        let mut now = ms(0);
        for _ in 0..30 {
            p.sent(100, now, now);
            now += ms(20);
            p.acked(&ack(p.frames()), now).expect("sent");
            // 1 MB/s: 50 000 bytes take 50 ms beyond the 20 ms of the way itself.
            p.sent(50_000, now, now);
            now += ms(70);
            p.acked(&ack(p.frames()), now).expect("sent");
        }
        let rate = f64::from(p.rate_kbps()) / 8000.0;
        assert!((0.9..1.1).contains(&rate), "{rate}");
        assert!((27_000..33_000).contains(&p.budget(now).bytes));
    }

    #[test]
    fn waiting_for_the_animation_frame_is_not_the_ways_slowness() {
        let mut p = Pacing::new();
        let mut now = ms(0);
        for _ in 0..10 {
            p.sent(100_000, now, now);
            now += ms(17);
            p.acked(&Ack { frame: p.frames(), decode_us: 2000, wait_us: 16_500 }, now).expect("sent");
        }
        assert!(p.budget(now).bytes > 1 << 20);
    }

    #[test]
    fn a_film_on_a_busy_viewer_does_not_make_the_way_look_slow() {
        let mut p = Pacing::new();
        p.sent(400_000, ms(0), ms(0));
        p.acked(&ack(1), ms(20)).expect("sent");
        let known = p.rate_kbps();
        // Thirty pictures a second, each acknowledged when the next one is under way already.
        for n in 1..100 {
            p.sent(9_000, ms(33 * n), ms(33 * n + 10));
            if n > 1 {
                p.acked(&ack(p.frames() - 1), ms(33 * n + 22)).expect("sent");
            }
        }
        assert!(p.rate_kbps() >= known, "{} instead of {known}", p.rate_kbps());
    }

    #[test]
    fn slices_are_small_while_the_person_does_something() {
        let mut p = Pacing::new();
        p.met(ms(1), ms(0));
        p.sent(1_000_000, ms(0), ms(0));
        p.acked(&ack(1), ms(100)).expect("sent");
        let calm = p.budget(ms(100)).refine_bytes;
        p.input(ms(110));
        assert!(p.budget(ms(120)).refine_bytes * 3 < calm);
        assert_eq!(p.budget(ms(700)).refine_bytes, calm);
    }

    /// How many of a motion's frames are seen by a viewer who draws as often as it moves, 60 times a second; as many of them
    /// arrive just before it draws as just after.
    fn seen(frames: u32) -> u32 {
        let mut p = Pacing::new();
        let frame_time = Duration::from_micros(16_667);
        let (mut drawn, mut shown, mut seen) = (ms(0), 0, 0);
        for n in 1..=frames {
            let changed = frame_time * n;
            let begun = p.begins(changed);
            let unpunctual = Duration::from_micros(u64::from(n * n * 7919 % 4000));
            let arrived = begun + frame_time - ms(2) + unpunctual;
            while drawn < arrived {
                if shown < p.frames() {
                    shown = p.frames();
                    seen += 1;
                    p.acked(&ack(shown), drawn).expect("was sent");
                }
                drawn += frame_time;
            }
            p.sent(3_000, begun, begun + ms(1));
        }
        seen
    }

    #[test]
    fn frames_of_a_motion_do_not_meet_for_long() {
        let seen = seen(599);
        assert!(seen >= 579, "{seen} of 599");
        let p = Pacing { rhythm: Rhythm { shifted: true, begun: Some(ms(50)), ..Rhythm::default() }, ..Pacing::new() };
        assert_eq!(p.begins(ms(60)), ms(60) + SHIFT);
        assert_eq!(p.begins(ms(151)), ms(151), "what comes after a pause is not held up");
    }

    /// Sends frames of these sizes, or as large as they may be, over a way of `rate` bytes a second and `delay` there and
    /// back, two under way at most, each as soon as it may be; the viewer draws 60 times a second.
    fn carry(p: &mut Pacing, rate: f64, delay: Duration, sizes: impl Iterator<Item = Option<usize>>) {
        let frame_time = Duration::from_micros(16_667);
        let (mut now, mut through) = (ms(0), ms(0));
        let mut under_way: VecDeque<(u32, Duration, Duration)> = VecDeque::new();
        p.met(delay + ms(5), now);
        let ack = |p: &mut Pacing, now: &mut Duration, under_way: &mut VecDeque<(u32, Duration, Duration)>| {
            let (frame, arrived, acked) = under_way.pop_front().expect("one is under way");
            *now = acked.max(*now);
            let wait_us = (acked - delay / 2 - arrived).as_micros() as u32;
            p.acked(&Ack { frame, decode_us: 0, wait_us }, *now).expect("was sent");
        };
        for size in sizes {
            while !p.has_credit() || under_way.front().is_some_and(|(_, _, acked)| *acked <= now) {
                ack(p, &mut now, &mut under_way);
            }
            let bytes = size.unwrap_or_else(|| p.budget(now).bytes);
            p.sent(bytes, now, now);
            through = through.max(now) + Duration::from_secs_f64(bytes as f64 / rate);
            let arrived = through + delay / 2;
            let drawn = frame_time * (arrived.as_micros() / frame_time.as_micros() + 1) as u32;
            under_way.push_back((p.frames(), arrived, drawn + delay / 2));
        }
    }

    #[test]
    fn a_slow_way_is_known_for_one_though_the_first_frame_is_large() {
        for (rate, delay) in [(0.6e6, ms(100)), (2.5e6, ms(50)), (12.5e6, ms(20)), (0.25e6, ms(400))] {
            let mut p = Pacing::new();
            carry(&mut p, rate, delay, [Some(128 << 10), Some(200)].into_iter().chain(std::iter::repeat_n(None, 30)));
            let found = f64::from(p.rate_kbps()) * 125.0;
            assert!((0.7..1.4).contains(&(found / rate)), "{found} bytes a second instead of {rate}");
        }
    }

    #[test]
    fn a_way_that_becomes_longer_does_not_look_slow_for_ever() {
        let mut minimum = RecentMinimum::default();
        minimum.note(ms(20), ms(0));
        minimum.note(ms(120), ms(9_000));
        assert_eq!(minimum.shortest(), Some(ms(20)));
        minimum.note(ms(120), ms(11_000));
        minimum.note(ms(130), ms(22_000));
        assert_eq!(minimum.shortest(), Some(ms(120)));
    }

    proptest! {
        #[test]
        fn any_acks_keep_the_invariants(steps in prop::collection::vec((any::<bool>(), any::<u32>(), 0..2_000_000u32, 0..90_000u64), 0..60)) {
            let mut p = Pacing::new();
            let mut now = ms(0);
            for (send, wait_us, bytes, pass) in steps {
                now += Duration::from_micros(pass);
                if send && p.has_credit() {
                    p.sent(bytes as usize, now, now);
                } else {
                    let frame = p.frames().wrapping_sub(wait_us % 4).wrapping_add(1);
                    let before = p.in_flight();
                    let result = p.acked(&Ack { frame, decode_us: 0, wait_us }, now);
                    prop_assert!(p.in_flight() <= before);
                    prop_assert_eq!(result.is_err(), frame == 0 || frame > p.frames());
                }
                prop_assert!(p.in_flight() <= FRAMES_IN_FLIGHT);
                let b = p.budget(now);
                prop_assert!(b.bytes >= 24 << 10 && b.bytes <= 4 << 20 && (16 << 10..=2 << 20).contains(&b.refine_bytes));
            }
        }
    }
}
