use super::*;
use crate::decoder::{Decoder, Drawn};
use crate::picture::tests::noise;
use proptest::prelude::*;

const QUIET: Duration = Duration::from_millis(100);

/// A screen, the encoder of a viewer, and that viewer. Its decoders of images return garbage, the worst a lossy codec can
/// do.
struct Pair {
    screen: Picture,
    encoder: Encoder,
    decoder: Decoder,
    order: PixelOrder,
    number: u32,
    now: Duration,
    bytes: usize,
    exact: bool,
}

impl Pair {
    fn new(size: Size, abilities: Abilities) -> Self {
        Self::with_order(size, abilities, PixelOrder::Rgb)
    }

    fn with_order(size: Size, abilities: Abilities, order: PixelOrder) -> Self {
        let garbage = |_: &[u8], size: Size| Some(noise(size, 77).to_bytes());
        Self {
            screen: Picture::new(size),
            encoder: Encoder::new(size, EncoderSettings { order, ..EncoderSettings::new(abilities, 20) })
                .expect("encoder"),
            decoder: Decoder::new(size, 20, garbage).with_video(garbage),
            order,
            number: 0,
            now: Duration::ZERO,
            bytes: 0,
            exact: false,
        }
    }

    fn damage(&mut self, rect: Rect) {
        let mut set = TileSet::new(self.screen.size());
        set.add(rect);
        self.encoder.damage(&set);
    }

    /// The screen's bytes in the order the encoder was told; the fourth byte goes with the colour, as when it is drawn.
    fn screen_bytes(&self) -> Vec<u8> {
        match self.order {
            PixelOrder::Rgb => self.screen.to_bytes(),
            PixelOrder::Bgr => {
                let pixels = self.screen.to_bytes();
                pixels.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [b, g, r, r ^ 0x5a]).collect()
            }
        }
    }

    /// Sends one frame; false when there was nothing to send.
    fn step(&mut self, budget: Budget, windows: &[WindowPlace]) -> bool {
        let bytes = self.screen_bytes();
        let size = self.screen.size();
        let screen = Pixels::new(&bytes, size, 4 * usize::from(size.width));
        let made = self.encoder.encode(screen, self.number + 1, budget, self.now, None, windows);
        let Some(message) = made.expect("encodes") else {
            return false;
        };
        self.number += 1;
        self.bytes += message.len();
        let drawn = self.decoder.message(&message).expect("decodes");
        let Drawn::Frame { exact, .. } = drawn else { panic!("a frame") };
        self.exact = exact;
        assert!(!exact || self.decoder.picture() == &self.screen, "a frame says exact and is not");
        true
    }

    /// Whether the viewer shows the screen, said or not.
    fn is_right(&self) -> bool {
        self.decoder.picture() == &self.screen
    }

    fn settle(&mut self, budget: Budget) {
        let mut frames = 0;
        loop {
            if self.encoder.wants_frame(self.now) {
                self.step(budget, &[]);
                frames += 1;
                assert!(frames < 3000, "refinement never ends");
                self.now += Duration::from_millis(16);
            } else if let Some(due) = self.encoder.next_due() {
                self.now = due;
            } else {
                break;
            }
        }
        assert!(self.exact && self.encoder.next_due().is_none());
        assert!(self.is_right());
    }
}

const SMALL: Budget = Budget { bytes: 3000, refine_bytes: 2000, jpeg_quality: 50, video_bits_per_s: 1_000_000 };

/// Something an application may do to the screen.
#[derive(Debug, Clone)]
enum Act {
    Fill(Rect, [u8; 3]),
    Noise(Rect, u32),
    Film(Rect, u32),
    /// By so many rows, so often, up or down; each time with new rows and a frame.
    Scroll(Rect, u16, u8, bool),
    /// A rectangle by so many pixels, so often, over whatever is there; each time with a frame. The last number says where
    /// something else changes meanwhile, how fast that goes, and whether the window is known.
    Drag(Rect, i32, i32, u8, u32),
    Move(Rect, u16, u16),
    FalseDamage(Rect),
    Frame(bool),
    Wait(u64),
    Resize(u16, u16),
    Refresh,
}

fn any_act() -> impl Strategy<Value = Act> {
    let rect = (0..260u16, 0..200u16, 1..300u16, 1..300u16).prop_map(|(x, y, w, h)| Rect::new(x, y, w, h));
    prop_oneof![
        3 => (rect.clone(), any::<[u8; 3]>()).prop_map(|(r, c)| Act::Fill(r, c)),
        3 => (rect.clone(), any::<u32>()).prop_map(|(r, s)| Act::Noise(r, s)),
        1 => (rect.clone(), any::<u32>()).prop_map(|(r, s)| Act::Film(r, s)),
        3 => (rect.clone(), 1..60u16, 1..5u8, any::<bool>()).prop_map(|(r, n, k, up)| Act::Scroll(r, n, k, up)),
        3 => (rect.clone(), -20..20, -20..20, 1..7u8, any::<u32>()).prop_map(|(r, x, y, k, s)| Act::Drag(r, x, y, k, s)),
        2 => (rect.clone(), 0..100u16, 0..100u16).prop_map(|(r, x, y)| Act::Move(r, x, y)),
        1 => rect.prop_map(Act::FalseDamage),
        6 => any::<bool>().prop_map(Act::Frame),
        2 => (0..200u64).prop_map(Act::Wait),
        1 => (64..330u16, 64..260u16).prop_map(|(w, h)| Act::Resize(w, h)),
        1 => Just(Act::Refresh),
    ]
}

/// Moves the rows of a rectangle up or down; those that come are noise.
fn scroll(screen: &mut Picture, rect: Rect, by: u16, up: bool, seed: u32) {
    let (top, below) = (Rect::new(rect.x, rect.y, rect.w, rect.h - by), rect.y + by);
    let (to, from_y) = if up { (top, below) } else { (Rect { y: below, ..top }, rect.y) };
    screen.copy(to, rect.x, from_y);
    let come = Rect::new(rect.x, if up { rect.bottom() - by } else { rect.y }, rect.w, by);
    screen.take(noise(screen.size(), seed).view(), come);
}

/// Shows `back` where a rectangle was and is no more.
fn uncover(screen: &mut Picture, back: &Picture, was: Rect, is: Rect) {
    for y in was.y..was.bottom() {
        let covered = (is.y..is.bottom()).contains(&y);
        let parts = match covered {
            false => [Rect::new(was.x, y, was.w, 1), Rect::new(0, 0, 0, 0)],
            true => [
                Rect::between(was.x, y, is.x.clamp(was.x, was.right()), y + 1),
                Rect::between(is.right().clamp(was.x, was.right()), y, was.right(), y + 1),
            ],
        };
        parts.iter().filter(|part| !part.is_empty()).for_each(|part| screen.take(back.view(), *part));
    }
}

fn apply(pair: &mut Pair, act: Act) {
    let all = pair.screen.size().rect();
    match act {
        Act::Fill(rect, rgb) => {
            let rect = rect.intersect(&all);
            pair.screen.fill(rect, rgb);
            pair.damage(rect);
        }
        Act::Noise(rect, seed) => {
            let rect = rect.intersect(&all);
            pair.screen.take(noise(pair.screen.size(), seed).view(), rect);
            pair.damage(rect);
        }
        Act::Film(rect, seed) => {
            let rect = rect.intersect(&all);
            for n in 0..15 {
                pair.screen.take(noise(pair.screen.size(), seed ^ n).view(), rect);
                pair.damage(rect);
                pair.step(Budget::UNLIMITED, &[]);
                pair.now += Duration::from_millis(40);
            }
        }
        Act::Scroll(rect, by, times, up) => {
            let rect = rect.intersect(&all);
            for n in 0..times {
                if rect.h > by && rect.w > 0 {
                    scroll(&mut pair.screen, rect, by, up, u32::from(n) + 77);
                    pair.damage(rect);
                    pair.step(Budget::UNLIMITED, &[]);
                }
            }
        }
        Act::Drag(rect, dx, dy, times, seed) => {
            let back = pair.screen.clone();
            let mut place = rect.intersect(&all);
            for n in 0..times {
                let (x, y) = (i32::from(place.x) + dx, i32::from(place.y) + dy);
                let to = Rect::clipped(x, y, place.w.into(), place.h.into(), back.size());
                if (to.w, to.h) == (place.w, place.h) {
                    pair.screen.copy(to, place.x, place.y);
                    uncover(&mut pair.screen, &back, place, to);
                    pair.damage(place.union(&to));
                    let random = seed.rotate_left(5 * u32::from(n));
                    if random & 3 == 0 {
                        let spot = Rect::new((random >> 8) as u16 & 255, (random >> 16) as u16 & 255, 40, 9);
                        apply(pair, Act::Fill(spot, [random as u8, 1, 2]));
                    }
                    let windows = [WindowPlace { id: 1, x: to.x.into(), y: to.y.into(), w: to.w, h: to.h }];
                    pair.step(Budget::UNLIMITED, if seed & 4 == 0 { &windows } else { &[] });
                    pair.now += Duration::from_millis((seed >> 3 & 3) as u64 * 22);
                    place = to;
                }
            }
        }
        Act::Move(rect, x, y) => {
            let size = pair.screen.size();
            let from = rect.intersect(&Rect::new(0, 0, size.width / 2, size.height / 2));
            let to = Rect::new(x, y, from.w, from.h).intersect(&all);
            if !to.is_empty() {
                pair.screen.copy(to, from.x, from.y);
                pair.damage(to);
            }
        }
        Act::FalseDamage(rect) => pair.damage(rect),
        Act::Frame(small) => {
            pair.step(if small { SMALL } else { Budget::UNLIMITED }, &[]);
        }
        Act::Wait(ms) => pair.now += Duration::from_millis(ms),
        Act::Resize(w, h) => {
            let size = Size::new(w, h);
            pair.screen.resize(size);
            pair.encoder.resize(size);
            pair.decoder.message(&crate::DisplayMessage::Resize(size).encode()).expect("a resize");
        }
        Act::Refresh => pair.encoder.refresh().expect("a new stream"),
    }
}

proptest! {
    #[test]
    fn the_viewer_ends_with_the_exact_picture(
        acts in prop::collection::vec(any_act(), 1..25),
        lossy in 0..4,
        small in any::<bool>(),
        bgr in any::<bool>(),
    ) {
        let abilities = match lossy {
            0 => Abilities::default(),
            1 => Abilities::JPEG,
            2 => Abilities::JPEG.and(Abilities::H264),
            _ => Abilities::JPEG.and(Abilities::H264).and(Abilities::SNAPSHOT),
        };
        let order = if bgr { PixelOrder::Bgr } else { PixelOrder::Rgb };
        let mut pair = Pair::with_order(Size::new(320, 256), abilities, order);
        for act in acts {
            apply(&mut pair, act);
        }
        pair.settle(if small { SMALL } else { Budget::UNLIMITED });
        let done = pair.encoder.statistics();
        prop_assert!((lossy > 0 || done.jpeg_px == 0) && (lossy > 1 || done.video_px == 0));
        prop_assert!(lossy > 2 || done.restored_px == 0);
    }
}

#[test]
fn a_black_screen_needs_one_empty_frame() {
    let mut pair = Pair::new(Size::new(640, 480), Abilities::JPEG);
    assert!(pair.step(Budget::UNLIMITED, &[]));
    assert!(pair.exact && pair.bytes == HEADER_BYTES);
    pair.damage(Rect::new(0, 0, 640, 480));
    assert!(!pair.step(Budget::UNLIMITED, &[]), "false damage costs no bytes");
}

#[test]
fn a_fill_is_sent_before_the_encoder_has_it_itself_and_what_follows_is_exact() {
    let mut pair = Pair::new(Size::new(640, 480), Abilities::JPEG);
    pair.settle(Budget::UNLIMITED);
    for (colour, catches_up) in [([10, 20, 30], true), ([40, 50, 60], false)] {
        pair.screen.fill(Rect::new(0, 0, 640, 480), colour);
        pair.damage(Rect::new(0, 0, 640, 480));
        assert!(pair.step(Budget::UNLIMITED, &[]) && pair.exact && pair.encoder.is_behind());
        if catches_up {
            pair.encoder.catch_up();
            assert!(!pair.encoder.is_behind());
        }
        pair.damage(Rect::new(0, 0, 640, 480));
        assert!(!pair.step(Budget::UNLIMITED, &[]), "the viewer has it already");
        assert!(pair.decoder.picture() == &pair.screen);
    }
}

#[test]
fn a_typed_character_is_a_small_frame() {
    let mut pair = Pair::new(Size::new(1920, 1080), Abilities::JPEG);
    pair.settle(Budget::UNLIMITED);
    let mut worst = 0;
    for i in 0..50u16 {
        let cell = Rect::new(100 + 9 * i, 200, 9, 18);
        pair.screen.fill(Rect::new(cell.x + 1 + i % 3, cell.y + 3, 2, 10), [230, 230, 230]);
        pair.screen.fill(Rect::new(cell.x + 9, cell.y, 2, 18), [90, 200, 90]);
        pair.damage(Rect::new(cell.x, cell.y, 20, 18));
        let before = pair.bytes;
        assert!(pair.step(Budget::UNLIMITED, &[]) && pair.exact);
        worst = worst.max(pair.bytes - before);
    }
    assert!(worst <= 110, "{worst} bytes for a character");
}

#[test]
fn photographs_are_lossy_first_and_exact_after_rest() {
    let mut pair = Pair::new(Size::new(640, 480), Abilities::JPEG);
    pair.settle(Budget::UNLIMITED);
    let rect = Rect::new(100, 100, 300, 200);
    pair.screen.take(noise(Size::new(640, 480), 4).view(), rect);
    pair.damage(rect);
    assert!(pair.step(Budget::UNLIMITED, &[]) && !pair.exact);
    assert!(!pair.encoder.wants_frame(pair.now + QUIET - Duration::from_millis(1)));
    assert_eq!(pair.encoder.next_due(), Some(pair.now + QUIET));
    pair.now += QUIET;
    assert!(pair.encoder.wants_frame(pair.now) && pair.step(Budget::UNLIMITED, &[]));
    assert!(pair.exact);
}

#[test]
fn a_film_is_sent_as_video_and_what_is_typed_beside_it_at_once_and_lossless() {
    let size = Size::new(640, 480);
    let mut pair = Pair::new(size, Abilities::JPEG.and(Abilities::H264));
    let film = Rect::new(101, 60, 301, 200);
    let mut sent_as_video = 0;
    for n in 0..30u16 {
        pair.screen.take(noise(size, n.into()).view(), film);
        pair.screen.fill(Rect::new(20 + 9 * n, 400, 5, 12), [200, 210, 90]);
        pair.damage(film);
        pair.damage(Rect::new(20 + 9 * n, 400, 5, 12));
        let before = pair.encoder.statistics();
        assert!(pair.step(Budget::UNLIMITED, &[]));
        let typed = Rect::new(0, 300, 640, 180);
        assert!(
            pair.decoder.picture().view().same(pair.screen.view(), typed),
            "what was typed with picture {n} is there"
        );
        let after = pair.encoder.statistics();
        if after.video_px > before.video_px {
            sent_as_video += 1;
            assert_eq!(after.jpeg_px, before.jpeg_px, "nothing is sent twice");
        }
        pair.now += Duration::from_millis(33);
    }
    assert!(sent_as_video >= 18, "{sent_as_video} pictures of 30");
    pair.now += QUIET;
    assert!(pair.step(Budget::UNLIMITED, &[]) && pair.exact);
    let ends = pair.encoder.next_due().expect("the film's encoder waits for another picture");
    assert!(ends > pair.now + Duration::from_secs(1));
    pair.now = ends;
    assert!(pair.encoder.wants_frame(pair.now) && !pair.step(Budget::UNLIMITED, &[]));
    assert_eq!(pair.encoder.next_due(), None, "nothing is waited for any more");
    pair.settle(Budget::UNLIMITED);
}

#[test]
fn what_a_menu_covered_comes_back_from_a_snapshot() {
    let size = Size::new(640, 480);
    for order in [PixelOrder::Rgb, PixelOrder::Bgr] {
        let mut pair = Pair::with_order(size, Abilities::JPEG.and(Abilities::SNAPSHOT), order);
        let back = noise(size, 6);
        pair.screen.take(back.view(), size.rect());
        pair.damage(size.rect());
        pair.settle(Budget::UNLIMITED);
        let mut bytes = Vec::new();
        for n in 0..6u16 {
            pair.now += Duration::from_millis(600);
            let menu = Rect::new(90 + 10 * n, 60, 180, 250);
            pair.screen.fill(menu, [240, 240, 240]);
            pair.screen.fill(Rect::new(menu.x + 10, 100, 90, 8), [20, 20, 20]);
            pair.damage(menu);
            pair.step(Budget::UNLIMITED, &[]);
            pair.now += Duration::from_millis(600);
            let before = pair.bytes;
            pair.screen.take(back.view(), menu);
            pair.damage(menu);
            assert!(pair.step(Budget::UNLIMITED, &[]) && pair.exact);
            bytes.push(pair.bytes - before);
        }
        assert!(bytes.iter().all(|b| *b < 800), "{bytes:?} bytes for closing a menu");
    }
}

#[test]
fn a_dragged_window_is_a_copy() {
    let size = Size::new(640, 480);
    let mut pair = Pair::new(size, Abilities::JPEG);
    let window = noise(size, 8);
    let place = |x: u16, y: u16| WindowPlace { id: 5, x: x.into(), y: y.into(), w: 200, h: 150 };
    let draw = |pair: &mut Pair, x: u16, y: u16| {
        pair.screen.fill(size.rect(), [40, 60, 80]);
        for row in 0..150 {
            let pixels = window.row(0, row, 200).to_vec();
            pair.screen.row_mut(x, y + row, 200).copy_from_slice(&pixels);
        }
        pair.damage(size.rect());
    };
    draw(&mut pair, 50, 50);
    pair.step(Budget::UNLIMITED, &[place(50, 50)]);
    pair.settle(Budget::UNLIMITED);
    pair.step(Budget::UNLIMITED, &[place(50, 50)]);
    for i in 1..20 {
        draw(&mut pair, 50 + 7 * i, 50 + 3 * i);
        let before = pair.bytes;
        // The encoder learns the places with each frame, also with one that says nothing.
        assert!(pair.step(Budget::UNLIMITED, &[place(50 + 7 * i, 50 + 3 * i)]));
        assert!(i == 1 || (pair.bytes - before < 400 && pair.is_right()), "{} bytes", pair.bytes - before);
    }
}

#[test]
fn a_pane_that_goes_on_scrolling_costs_its_new_rows() {
    let size = Size::new(640, 480);
    let (pane, by) = (Rect::new(90, 40, 400, 400), 18);
    for (up, blank) in [(true, false), (false, false), (true, true)] {
        let mut pair = Pair::new(size, Abilities::default());
        let mut screen = noise(size, 1);
        if blank {
            // What lies around the pane looks the same when it is moved along.
            screen.fill(size.rect(), [200, 200, 200]);
            screen.take(noise(size, 1).view(), pane);
        }
        pair.screen.take(screen.view(), size.rect());
        pair.settle(Budget::UNLIMITED);
        for n in 0..12 {
            scroll(&mut pair.screen, pane, by, up, 10 + n);
            // A sign in the midst of it that stays.
            pair.screen.fill(Rect::new(200, 200, 30, 4), [n as u8, 0, 0]);
            pair.damage(pane);
            let before = pair.encoder.statistics();
            assert!(pair.step(Budget::UNLIMITED, &[]) && pair.is_right());
            assert!(n == 0 || !pair.exact, "it is followed");
            let after = pair.encoder.statistics();
            let (copied, sent) = (after.copied_px - before.copied_px, after.lossless_px - before.lossless_px);
            let new_px = u64::from(by) * u64::from(pane.w);
            assert!(copied > 380 * 350 && sent < 5 * new_px, "{copied} copied, {sent} sent in step {n}");
        }
        pair.settle(Budget::UNLIMITED);
    }
}

#[test]
fn a_drag_that_nobody_announces_is_a_copy_and_what_it_uncovers() {
    let size = Size::new(640, 480);
    let back = noise(size, 1);
    let mut pair = Pair::new(size, Abilities::default());
    pair.screen.take(back.view(), size.rect());
    let mut place = Rect::new(50, 60, 200, 150);
    pair.screen.take(noise(size, 2).view(), place);
    pair.settle(Budget::UNLIMITED);
    for (dx, dy) in [(7, 3), (9, 4), (9, 5), (-20, 8), (-3, -9), (40, 30)] {
        let (x, y) = (i32::from(place.x) + dx, i32::from(place.y) + dy);
        let to = Rect::clipped(x, y, place.w.into(), place.h.into(), size);
        pair.screen.copy(to, place.x, place.y);
        uncover(&mut pair.screen, &back, place, to);
        pair.damage(place.union(&to));
        let before = pair.encoder.statistics();
        assert!(pair.step(Budget::UNLIMITED, &[]) && pair.is_right());
        let after = pair.encoder.statistics();
        assert_eq!(after.copied_px - before.copied_px, place.area() as u64);
        let uncovered = place.area() - place.intersect(&to).area();
        assert!(after.lossless_px - before.lossless_px < 2 * uncovered as u64, "by {dx}, {dy}");
        place = to;
    }
    pair.settle(Budget::UNLIMITED);
}

/// Takes steps of a motion, the last of which also changes a row, in each case another one. `step` takes the number of the
/// step and gives where the row may be changed, and the damage.
fn assert_a_sample_misses_some(screen: &Picture, step: impl Fn(&mut Picture, u16) -> (Rect, Rect)) {
    let mut missed = 0;
    for n in 0..8 {
        let mut pair = Pair::new(screen.size(), Abilities::default());
        pair.screen = screen.clone();
        pair.settle(Budget::UNLIMITED);
        for i in 0..6 {
            let (place, damage) = step(&mut pair.screen, i);
            if i == 5 {
                pair.screen.fill(Rect::new(place.x + 100, place.y + 70 + n, 9, 1), [1, 2, 3]);
            }
            pair.damage(damage);
            assert!(pair.step(Budget::UNLIMITED, &[]) && (i == 5 || pair.is_right()));
            assert!(!pair.exact || i < 2, "what goes on is exact when it has rested");
        }
        missed += u16::from(!pair.is_right());
        pair.now = pair.encoder.next_due().expect("it is compared when it rests");
        assert!(pair.step(Budget::UNLIMITED, &[]));
        assert!(pair.exact && pair.is_right() && pair.encoder.next_due().is_none());
    }
    assert!((1..8).contains(&missed), "{missed} of 8 were not seen at once");
}

#[test]
fn what_a_sample_misses_of_a_drag_is_right_once_it_rests() {
    let size = Size::new(640, 480);
    let back = noise(size, 1);
    let at = |i: u16| Rect::new(50 + 7 * i, 60, 300, 150);
    let mut screen = back.clone();
    screen.take(noise(size, 2).view(), at(0));
    assert_a_sample_misses_some(&screen, |screen, i| {
        let (from, to) = (at(i), at(i + 1));
        screen.copy(to, from.x, from.y);
        uncover(screen, &back, from, to);
        (to, from.union(&to))
    });
}

#[test]
fn what_a_sample_misses_of_a_scroll_is_right_once_it_rests() {
    let pane = Rect::new(90, 40, 400, 400);
    for up in [true, false] {
        assert_a_sample_misses_some(&noise(Size::new(640, 480), 1), |screen, i| {
            scroll(screen, pane, 18, up, u32::from(i) + 10);
            (pane, pane)
        });
    }
}

#[test]
fn a_small_budget_spreads_the_picture_over_frames_nearest_first() {
    let size = Size::new(640, 480);
    let mut pair = Pair::new(size, Abilities::default());
    pair.screen.take(noise(size, 3).view(), size.rect());
    pair.damage(size.rect());
    let focus = Some(Point { x: 600, y: 440 });
    let made =
        pair.encoder.encode(pair.screen.view(), 1, SMALL, pair.now, focus, &[]).expect("encodes").expect("a frame");
    let Drawn::Frame { rects, exact, .. } = pair.decoder.message(&made).expect("decodes") else { panic!("a frame") };
    assert!(!exact && rects.len() == 1 && rects[0].distance_squared(Point { x: 600, y: 440 }) < 16_384);
    pair.number = 1;
    pair.settle(SMALL);
    assert!(pair.number > 5);
}
