//! What a frame costs, by what happened on the screen: `cargo bench -p porthole-display`.
//!
//! Each case changes a 1920 × 1080 screen and encodes one frame. Numbers of a shared machine jump; for a judgement
//! count instructions: `bench/display/instructions`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use porthole_display::{Abilities, Budget, Encoder, EncoderSettings, Picture, Rect, Size, TileSet, WindowPlace};

const SIZE: Size = Size::new(1920, 1080);

fn mix(a: u32, b: u32) -> u32 {
    let mut h = a.wrapping_mul(0x9e37_79b1) ^ b.wrapping_mul(0x85eb_ca77);
    h ^= h >> 15;
    h = h.wrapping_mul(0x27d4_eb2f);
    h ^ h >> 13
}

/// Lines `from..` of an endless made-up source file, 18 pixels each, in two panes.
fn code(screen: &mut Picture, rect: Rect, first_row: u32) {
    for y in rect.y..rect.bottom() {
        let row = first_row + u32::from(y - rect.y);
        let (line, in_line) = (row / 18, row % 18);
        for (i, pixel) in screen.row_mut(rect.x, y, rect.w).chunks_exact_mut(4).enumerate() {
            let (cell, in_cell) = (i as u32 / 9, i as u32 % 9);
            let word = mix(line, cell / 5);
            let glyph = mix(word % 40, cell % 5) % 60;
            let inked = word % 7 > 2 && (3..14).contains(&in_line) && in_cell < 7;
            let on = inked && mix(glyph, in_line * 8 + in_cell).is_multiple_of(3);
            let shade = if on { [200, 180 + (word % 60) as u8, 120] } else { [30, 32, 36] };
            pixel[..3].copy_from_slice(&shade);
        }
    }
}

/// Slopes with grain, another picture for each `seed`.
fn photo(screen: &mut Picture, rect: Rect, seed: u32) {
    for y in rect.y..rect.bottom() {
        for (i, pixel) in screen.row_mut(rect.x, y, rect.w).chunks_exact_mut(4).enumerate() {
            let grain = (mix(seed, i as u32 * 4096 + u32::from(y)) & 7) as u8;
            pixel[0] = (((i as u32 + seed * 3) / 5) as u8).wrapping_add(grain);
            pixel[1] = ((u32::from(y) / 4 + seed) as u8).wrapping_add(grain);
            pixel[2] = (((i as u32 + u32::from(y)) / 9) as u8).wrapping_add(grain);
        }
    }
}

/// The screen's own time between two frames.
const FRAME_TIME: Duration = Duration::from_millis(33);

struct Bench {
    screen: Picture,
    encoder: Encoder,
    number: u32,
    damage: TileSet,
    bytes: usize,
}

impl Bench {
    /// Begins with a picture that the viewer has; it can do these things beside JPEG.
    fn new(more: &[Abilities], draw: impl FnOnce(&mut Picture)) -> Self {
        let mut screen = Picture::new(SIZE);
        draw(&mut screen);
        let abilities = more.iter().fold(Abilities::JPEG, |all, one| all.and(*one));
        let encoder = Encoder::new(SIZE, EncoderSettings::new(abilities, 22)).unwrap();
        let mut bench = Self { screen, encoder, number: 0, damage: TileSet::full(SIZE), bytes: 0 };
        // Until everything is exact and has rested.
        for _ in 0..20 {
            bench.frame(&[]);
        }
        bench
    }

    /// Not inlined, so that a tool can count what it does.
    #[inline(never)]
    fn frame(&mut self, windows: &[WindowPlace]) {
        self.number += 1;
        self.encoder.damage(&self.damage);
        let (budget, now) = (Budget::UNLIMITED, self.number * FRAME_TIME);
        let made = self.encoder.encode(self.screen.view(), self.number, budget, now, None, windows);
        self.bytes = made.unwrap().map_or(0, |m| m.len());
    }
}

/// What happens to the screen in step `n`, outside of the measurement; gives the places of the windows then.
type Change = Box<dyn Fn(&mut Picture, u32) -> Vec<WindowPlace>>;

/// A case: its name, and what begins it.
type Case = (&'static str, fn() -> (Bench, Change));

const ALL: Rect = Rect::new(0, 0, SIZE.width, SIZE.height);
const FILM: Rect = Rect::new(320, 180, 1280, 720);

const CASES: [Case; 10] = [
    ("false damage, whole screen", || (page(), Box::new(|_, _| Vec::new()))),
    ("one colour, whole screen", || {
        let change = |s: &mut Picture, n: u32| s.fill(ALL, [n as u8, 30, (n >> 8) as u8]);
        (page(), plain(change))
    }),
    ("a character", || {
        let mut typing = page();
        typing.damage = TileSet::new(SIZE);
        typing.damage.add(Rect::new(500, 500, 24, 18));
        let change = |s: &mut Picture, n: u32| {
            s.fill(Rect::new(500 + (n % 2) as u16 * 9, 502, 2 + (n % 5) as u16, 12), [200, 200, n as u8]);
        };
        (typing, plain(change))
    }),
    ("scroll by three lines, all repainted", || (page(), plain(|s, n| code(s, ALL, n * 54)))),
    ("scroll by another distance each time", || (page(), plain(|s, n| code(s, ALL, n * 54 + n % 2 * 18)))),
    ("another page of text", || (page(), plain(|s, n| code(s, ALL, n * 18 * 1000)))),
    ("film 1280x720 as JPEG", || film(&[])),
    ("film 1280x720 as H.264", || film(&[Abilities::H264])),
    ("window 800x600 dragged over a photograph", || drag(&[])),
    ("window 800x600 dragged over a kept photograph", || drag(&[Abilities::SNAPSHOT])),
];

fn plain(change: impl Fn(&mut Picture, u32) + 'static) -> Change {
    Box::new(move |screen, n| {
        change(screen, n);
        Vec::new()
    })
}

fn page() -> Bench {
    Bench::new(&[], |s| code(s, ALL, 0))
}

fn film(more: &[Abilities]) -> (Bench, Change) {
    let mut playing = Bench::new(more, |s| photo(s, FILM, 0));
    // It plays until it is known for a film.
    for n in 0..10 {
        photo(&mut playing.screen, FILM, 1000 + n);
        playing.frame(&[]);
    }
    (playing, plain(|s, n| photo(s, FILM, n)))
}

fn drag(more: &[Abilities]) -> (Bench, Change) {
    let mut back = Picture::new(SIZE);
    photo(&mut back, ALL, 9);
    let mut window = Picture::new(SIZE);
    code(&mut window, Rect::new(0, 0, 800, 600), 0);
    let bench = Bench::new(more, |s| s.take(back.view(), ALL));
    let change = move |s: &mut Picture, n: u32| {
        let (x, y) = (100 + (n % 80) as u16 * 10, 60 + (n % 50) as u16 * 6);
        s.take(back.view(), ALL);
        for row in 0..600 {
            let pixels = window.row(0, row, 800).to_vec();
            s.row_mut(x, y + row, 800).copy_from_slice(&pixels);
        }
        vec![WindowPlace { id: 1, x: x.into(), y: y.into(), w: 800, h: 600 }]
    };
    (bench, Box::new(change))
}

fn measure(c: &mut Criterion, (name, begin): Case) {
    let mut begun = None;
    let (mut n, mut bytes) = (0, 0);
    c.bench_function(name, |b| {
        let (bench, change) = begun.get_or_insert_with(begin);
        b.iter_custom(|count| {
            let mut spent = Duration::ZERO;
            for _ in 0..count {
                n += 1;
                let windows = change(&mut bench.screen, n);
                let start = std::time::Instant::now();
                bench.frame(&windows);
                black_box(bench.bytes);
                spent += start.elapsed();
                bytes = bench.bytes;
            }
            spent
        });
    });
    if begun.is_some() {
        println!("{name}: {bytes} bytes a frame");
    }
}

/// With FRAMES in the environment the case CASE runs just so many, for a tool that counts; CASE=? names the cases.
fn main() {
    let Some(frames) = std::env::var("FRAMES").ok().and_then(|n| n.parse().ok()) else {
        let mut criterion = Criterion::default().configure_from_args();
        CASES.into_iter().for_each(|case| measure(&mut criterion, case));
        return criterion.final_summary();
    };
    let wanted = std::env::var("CASE").unwrap_or_default();
    for (name, begin) in CASES {
        if wanted == "?" {
            println!("{name}");
        } else if wanted == name {
            let (mut bench, change) = begin();
            for n in 1..=frames {
                let windows = change(&mut bench.screen, n);
                bench.frame(&windows);
            }
        }
    }
}
