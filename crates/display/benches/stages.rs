//! What a frame costs, by what happened on the screen: `cargo bench -p porthole-display`.
//!
//! Each case changes a 1920 × 1080 screen and encodes one frame. Numbers of a shared machine jump; for a judgement
//! count instructions: `valgrind --tool=callgrind --toggle-collect='*Encoder*encode*' BENCH --bench CASE`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
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

    fn frame(&mut self, windows: &[WindowPlace]) {
        self.number += 1;
        self.encoder.damage(&self.damage);
        let (budget, now) = (Budget::UNLIMITED, self.number * FRAME_TIME);
        let made = self.encoder.encode(self.screen.view(), self.number, budget, now, None, windows);
        self.bytes = made.unwrap().map_or(0, |m| m.len());
    }
}

/// Runs a case: `change` alters the screen in step `n` outside of the measurement.
fn case(c: &mut Criterion, name: &str, mut bench: Bench, change: impl Fn(&mut Picture, u32) -> Vec<WindowPlace>) {
    let mut n = 0;
    let mut bytes = 0;
    c.bench_function(name, |b| {
        b.iter_custom(|count| {
            let mut spent = Duration::ZERO;
            for _ in 0..count {
                n += 1;
                let windows = change(&mut bench.screen, n);
                let begun = std::time::Instant::now();
                bench.frame(&windows);
                black_box(bench.bytes);
                spent += begun.elapsed();
                bytes = bench.bytes;
            }
            spent
        });
    });
    println!("{name}: {bytes} bytes a frame");
}

fn stages(c: &mut Criterion) {
    let all = SIZE.rect();
    case(c, "false damage, whole screen", Bench::new(&[], |s| code(s, all, 0)), |_, _| Vec::new());
    case(c, "one colour, whole screen", Bench::new(&[], |s| code(s, all, 0)), |s, n| {
        s.fill(all, [n as u8, 30, (n >> 8) as u8]);
        Vec::new()
    });
    let mut typing = Bench::new(&[], |s| code(s, all, 0));
    typing.damage = TileSet::new(SIZE);
    typing.damage.add(Rect::new(500, 500, 24, 18));
    case(c, "a character", typing, |s, n| {
        s.fill(Rect::new(500 + (n % 2) as u16 * 9, 502, 2 + (n % 5) as u16, 12), [200, 200, n as u8]);
        Vec::new()
    });
    case(c, "scroll by three lines, all repainted", Bench::new(&[], |s| code(s, all, 0)), |s, n| {
        code(s, all, n * 54);
        Vec::new()
    });
    case(c, "another page of text", Bench::new(&[], |s| code(s, all, 0)), |s, n| {
        code(s, all, n * 18 * 1000);
        Vec::new()
    });
    let film = Rect::new(320, 180, 1280, 720);
    for (name, more) in [("film 1280x720 as JPEG", &[] as &[_]), ("film 1280x720 as H.264", &[Abilities::H264])] {
        let mut playing = Bench::new(more, |s| photo(s, film, 0));
        // It plays until it is known for a film.
        for n in 0..30 {
            photo(&mut playing.screen, film, 1000 + n);
            playing.frame(&[]);
        }
        case(c, name, playing, move |s, n| {
            photo(s, film, n);
            Vec::new()
        });
    }
    let back = {
        let mut picture = Picture::new(SIZE);
        photo(&mut picture, all, 9);
        picture
    };
    let mut window = Picture::new(SIZE);
    code(&mut window, Rect::new(0, 0, 800, 600), 0);
    let snapshots = ("window 800x600 dragged over a kept photograph", &[Abilities::SNAPSHOT] as &[_]);
    for (name, more) in [("window 800x600 dragged over a photograph", &[] as &[_]), snapshots] {
        case(c, name, Bench::new(more, |s| s.take(back.view(), all)), |s, n| {
            let (x, y) = (100 + (n % 80) as u16 * 10, 60 + (n % 50) as u16 * 6);
            s.take(back.view(), all);
            for row in 0..600 {
                let pixels = window.row(0, row, 800).to_vec();
                s.row_mut(x, y + row, 800).copy_from_slice(&pixels);
            }
            vec![WindowPlace { id: 1, x: x.into(), y: y.into(), w: 800, h: 600 }]
        });
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
