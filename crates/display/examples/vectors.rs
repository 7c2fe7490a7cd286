//! Writes the test vectors of docs/display-protocol.md §8: `cargo run -p porthole-display --example vectors -- FOLDER`.
//!
//! The messages come from the real encoder; the checks from the reference decoder. The output is the same each time.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use porthole_display::{
    Abilities, Budget, CursorImage, CursorMessage, Decoder, DisplayHello, DisplayMessage, Drawn, Encoder,
    EncoderSettings, Goodbye, GoodbyeReason, Picture, Pong, Rect, Role, Size, TileSet,
};
use sha2::{Digest, Sha256};

const WINDOW_LOG: u8 = 18;

/// Images are not for the reference decoder to look at.
fn grey(_: &[u8], size: Size) -> Option<Vec<u8>> {
    Some(vec![128; 4 * size.area()])
}

/// One vector: messages, and what the picture must be after some of them.
struct Vector {
    screen: Picture,
    encoder: Encoder,
    decoder: Decoder,
    number: u32,
    now: Duration,
    messages: Vec<Vec<u8>>,
    checks: Vec<String>,
}

impl Vector {
    fn new(size: Size, abilities: Abilities) -> Self {
        let mut vector = Self {
            screen: Picture::new(size),
            encoder: Encoder::new(size, EncoderSettings::new(abilities, WINDOW_LOG)).expect("memory"),
            decoder: Decoder::new(size, WINDOW_LOG, grey).with_video(grey),
            number: 0,
            now: Duration::ZERO,
            messages: Vec::new(),
            checks: Vec::new(),
        };
        vector.send(&DisplayMessage::Hello(DisplayHello {
            role: Role::Control,
            version: 1,
            abilities,
            size,
            max_size: Size::new(640, 480),
            window_log: WINDOW_LOG,
            frames_in_flight: 2,
            name: "application".into(),
        }));
        vector
    }

    fn send(&mut self, message: &DisplayMessage) {
        let bytes = message.encode();
        self.decoder.message(&bytes).expect("own messages decode");
        self.messages.push(bytes);
    }

    fn changed(&mut self, rect: Rect) {
        let mut damage = TileSet::new(self.screen.size());
        damage.add(rect);
        self.encoder.damage(&damage);
    }

    /// Sends frames until the encoder has no more to say now, with a check behind each that is free of lossy images.
    fn frames(&mut self, budget: Budget) {
        while self.encoder.wants_frame(self.now) {
            let made = self.encoder.encode(self.screen.view(), self.number + 1, budget, self.now, None, &[]);
            let Some(bytes) = made.expect("encodes") else { break };
            self.number += 1;
            let drawn = self.decoder.message(&bytes).expect("decodes");
            self.messages.push(bytes);
            let Drawn::Frame { exact, .. } = drawn else { continue };
            if exact || self.encoder.lossy_tiles() == 0 {
                self.check(exact);
            }
        }
    }

    fn check(&mut self, exact: bool) {
        let picture = self.decoder.picture();
        let hash = hex::encode(Sha256::digest(picture.to_bytes()));
        let (after, size) = (self.messages.len(), picture.size());
        self.checks.push(format!(
            r#"{{"after":{after},"width":{},"height":{},"exact":{exact},"sha256":"{hash}"}}"#,
            size.width, size.height
        ));
    }

    fn write(&self, folder: &std::path::Path, name: &str) -> std::io::Result<()> {
        let mut bin = Vec::new();
        for message in &self.messages {
            bin.extend((message.len() as u32).to_le_bytes());
            bin.extend(message);
        }
        let mut json = String::from("{\"checks\":[\n");
        let _ = writeln!(json, "{}\n]}}", self.checks.join(",\n"));
        std::fs::write(folder.join(format!("{name}.bin")), bin)?;
        std::fs::write(folder.join(format!("{name}.json")), json)
    }
}

/// A number that looks random and is the same each time.
fn mix(a: u32, b: u32, c: u32) -> u32 {
    let mut h = a.wrapping_mul(0x9e37_79b1) ^ b.wrapping_mul(0x85eb_ca77) ^ c.wrapping_mul(0xc2b2_ae3d);
    h ^= h >> 15;
    h = h.wrapping_mul(0x27d4_eb2f);
    h ^ h >> 13
}

/// Draws lines of made-up glyphs.
fn text(screen: &mut Picture, rect: Rect, seed: u32) {
    screen.fill(rect, [24, 26, 30]);
    for (line, y) in (rect.y..rect.bottom().saturating_sub(10)).step_by(12).enumerate() {
        for (column, x) in (rect.x + 2..rect.right().saturating_sub(6)).step_by(7).enumerate() {
            let glyph = mix(seed, line as u32, column as u32 / 3) % 24;
            for bit in 0..12 {
                if mix(glyph, bit, 1) & 1 == 1 {
                    let shade = 140 + (mix(glyph, bit, 2) % 110) as u8;
                    let dot = Rect::new(x + (bit % 3) as u16 * 2, y + (bit / 3) as u16 * 2, 2, 1);
                    screen.fill(dot, [shade, shade, shade / 2]);
                }
            }
        }
    }
}

/// Draws something like a photograph: slopes and grain.
fn photo(screen: &mut Picture, rect: Rect, seed: u32) {
    for y in rect.y..rect.bottom() {
        for x in rect.x..rect.right() {
            let grain = (mix(seed, x.into(), y.into()) & 15) as u8;
            let pixel = screen.row_mut(x, y, 1);
            pixel[0] = (x as u8).wrapping_add(grain);
            pixel[1] = (y as u8).wrapping_mul(2).wrapping_add(grain / 2);
            pixel[2] = (x as u8 ^ y as u8).wrapping_add(grain);
        }
    }
}

fn act(v: &mut Vector, rect: Rect, budget: Budget, draw: impl FnOnce(&mut Picture)) {
    draw(&mut v.screen);
    v.changed(rect);
    v.now += Duration::from_millis(20);
    v.frames(budget);
}

/// Every lossless command, resize, refresh, small budgets.
fn lossless() -> Vector {
    let size = Size::new(230, 150);
    let mut v = Vector::new(size, Abilities::CURSOR);
    v.frames(Budget::UNLIMITED);
    act(&mut v, size.rect(), Budget::UNLIMITED, |s| text(s, size.rect(), 1));
    for i in 0..6u16 {
        let cell = Rect::new(20 + 7 * i, 60, 9, 10);
        act(&mut v, cell, Budget::UNLIMITED, |s| text(s, cell, 7 + u32::from(i)));
    }
    for i in 0..4u32 {
        act(&mut v, size.rect(), Budget::UNLIMITED, |s| {
            s.copy(Rect::new(0, 0, 230, 138), 0, 12);
            text(s, Rect::new(0, 138, 230, 12), 30 + i);
        });
    }
    let picture = Rect::new(33, 21, 90, 101);
    act(&mut v, picture, Budget::UNLIMITED, |s| photo(s, picture, 3));
    act(&mut v, size.rect(), Budget::UNLIMITED, |s| s.copy(Rect::new(60, 40, 90, 101), 33, 21));
    v.encoder.refresh().expect("memory");
    v.frames(Budget { bytes: 4000, refine_bytes: 1000, jpeg_quality: 70, ..Budget::UNLIMITED });
    for size in [Size::new(301, 99), Size::new(120, 240)] {
        v.screen.resize(size);
        v.encoder.resize(size);
        v.send(&DisplayMessage::Resize(size));
        v.frames(Budget::UNLIMITED);
        act(&mut v, size.rect(), Budget::UNLIMITED, |s| text(s, Rect::new(0, 0, size.width, 60), 50));
    }
    v
}

/// JPEG first, exact later; the decoder of the test need only find the images.
fn lossy() -> Vector {
    let size = Size::new(200, 130);
    let mut v = Vector::new(size, Abilities::JPEG);
    act(&mut v, size.rect(), Budget::UNLIMITED, |s| text(s, size.rect(), 2));
    let picture = Rect::new(5, 8, 150, 110);
    act(&mut v, picture, Budget::UNLIMITED, |s| photo(s, picture, 4));
    act(&mut v, size.rect(), Budget::UNLIMITED, |s| s.copy(Rect::new(5, 8, 150, 90), 5, 28));
    v.now += Duration::from_millis(500);
    v.frames(Budget { bytes: 9000, refine_bytes: 9000, jpeg_quality: 70, ..Budget::UNLIMITED });
    v
}

/// A film: JPEG until it is known for one, then video with text beside it, exact in the end.
fn film() -> Vector {
    let size = Size::new(224, 176);
    let mut v = Vector::new(size, Abilities::JPEG.and(Abilities::H264));
    let (film, line) = (Rect::new(7, 4, 193, 136), Rect::new(0, 150, 224, 20));
    for n in 0..26 {
        v.now += Duration::from_millis(20);
        act(&mut v, size.rect(), Budget::UNLIMITED, |s| {
            photo(s, film, n);
            text(s, line, n);
        });
    }
    assert!(v.encoder.statistics().video_px > 0, "the film became one");
    v.now += Duration::from_millis(500);
    v.frames(Budget::UNLIMITED);
    v
}

/// A photograph under a menu that comes and goes, also at the edges of the picture and after a change of size.
fn snapshots() -> Vector {
    let mut v = Vector::new(Size::new(200, 150), Abilities::JPEG.and(Abilities::SNAPSHOT));
    for size in [Size::new(200, 150), Size::new(170, 140)] {
        if size != v.screen.size() {
            v.screen.resize(size);
            v.encoder.resize(size);
            v.send(&DisplayMessage::Resize(size));
        }
        act(&mut v, size.rect(), Budget::UNLIMITED, |s| photo(s, size.rect(), 5));
        v.now += Duration::from_millis(500);
        v.frames(Budget::UNLIMITED);
        for (n, menu) in [Rect::new(20, 10, 70, 90), Rect::new(110, 70, 60, 70)].into_iter().enumerate() {
            v.now += Duration::from_millis(500);
            act(&mut v, menu, Budget::UNLIMITED, |s| text(s, menu, n as u32));
            v.now += Duration::from_millis(500);
            act(&mut v, menu, Budget::UNLIMITED, |s| photo(s, menu, 5));
        }
    }
    assert!(v.encoder.statistics().restored_px > 15_000, "what the menus covered comes back");
    v
}

/// Every message that is not a frame.
fn messages() -> Vector {
    let mut v = Vector::new(Size::new(64, 48), Abilities(0b01_1001));
    let rgba: Vec<u8> = (0..4 * 5 * 7).map(|i| (i * 3) as u8).collect();
    let image = CursorImage { size: Size::new(5, 7), hot_x: 2, hot_y: 6, rgba };
    v.send(&DisplayMessage::Cursor(CursorMessage::Define { slot: 3, image }));
    v.send(&DisplayMessage::Cursor(CursorMessage::Hidden));
    v.send(&DisplayMessage::Cursor(CursorMessage::Recall { slot: 3 }));
    v.send(&DisplayMessage::Clipboard { primary: false, text: "grüße, 世界\n".into() });
    v.send(&DisplayMessage::Clipboard { primary: true, text: String::new() });
    v.send(&DisplayMessage::Pong(Pong {
        token: 0xdead_beef,
        frames: 12,
        lossy_tiles: 3,
        bytes: 1 << 40,
        encode_us: 123_456,
        ack_us: 17_000,
        rate_kbps: 50_000,
    }));
    v.send(&DisplayMessage::Resize(Size::new(80, 20)));
    let sentence = "The display has ended.".into();
    v.send(&DisplayMessage::Goodbye(Goodbye { reason: GoodbyeReason::DisplayEnded, sentence }));
    v
}

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(std::io::Error::other("usage: vectors FOLDER"));
    };
    std::fs::create_dir_all(&folder)?;
    lossless().write(&folder, "lossless")?;
    lossy().write(&folder, "lossy")?;
    film().write(&folder, "film")?;
    snapshots().write(&folder, "snapshots")?;
    messages().write(&folder, "messages")
}
