//! Messages a display sends, frames apart (docs/display-protocol.md §3; frames are in `frame.rs`).

use crate::frame::Frame;
use crate::geometry::Size;
use crate::limits;
use crate::viewer_message::Abilities;
use crate::wire::{Malformed, Reader, Write};
use crate::{Role, frame};

/// The display's answer to a viewer's hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayHello {
    /// What the viewer may do.
    pub role: Role,
    /// Protocol version spoken from here on.
    pub version: u16,
    /// Which of the viewer's abilities are used.
    pub abilities: Abilities,
    /// Picture size now.
    pub size: Size,
    /// Largest picture size a resize can get.
    pub max_size: Size,
    /// Window of the pixel stream, log2 of bytes.
    pub window_log: u8,
    /// Frames that may be unacknowledged.
    pub frames_in_flight: u8,
    /// The display's name.
    pub name: String,
}

/// Pixels of a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorImage {
    /// Width and height, 1 to [`limits::CURSOR_PX`].
    pub size: Size,
    /// Column of the pixel that points.
    pub hot_x: u16,
    /// Row of the pixel that points.
    pub hot_y: u16,
    /// Bytes r g b a, row by row, alpha not premultiplied.
    /// Length is exactly `4 * width * height`.
    pub rgba: Vec<u8>,
}

/// What the cursor looks like from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorMessage {
    /// No cursor.
    Hidden,
    /// Fill a slot of the viewer's memory and show it.
    Define {
        /// Slot, below [`limits::CURSOR_SLOTS`].
        slot: u8,
        /// Its new content.
        image: CursorImage,
    },
    /// Show a slot filled before.
    Recall {
        /// Slot, below [`limits::CURSOR_SLOTS`].
        slot: u8,
    },
}

/// Why the display ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoodbyeReason {
    /// The display has ended.
    DisplayEnded,
    /// The version is not spoken.
    Version,
    /// The viewer broke the protocol.
    Protocol,
    /// Too many viewers.
    TooMany,
    /// The agent ends.
    AgentEnds,
}

impl GoodbyeReason {
    const ALL: [GoodbyeReason; 5] = [
        GoodbyeReason::DisplayEnded,
        GoodbyeReason::Version,
        GoodbyeReason::Protocol,
        GoodbyeReason::TooMany,
        GoodbyeReason::AgentEnds,
    ];

    fn code(self) -> u8 {
        match self {
            GoodbyeReason::DisplayEnded => 1,
            GoodbyeReason::Version => 2,
            GoodbyeReason::Protocol => 3,
            GoodbyeReason::TooMany => 4,
            GoodbyeReason::AgentEnds => 5,
        }
    }
}

/// The display's last message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goodbye {
    /// Why.
    pub reason: GoodbyeReason,
    /// For the person, at most [`limits::GOODBYE_BYTES`].
    pub sentence: String,
}

/// Answer to a ping, with what the display counted for this viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pong {
    /// The ping's token.
    pub token: u32,
    /// Frames sent.
    pub frames: u32,
    /// Tiles that are not exact yet.
    pub lossy_tiles: u32,
    /// Bytes of messages sent.
    pub bytes: u64,
    /// Time spent encoding, µs.
    pub encode_us: u64,
    /// Smoothed time from sending a frame to its ack, µs.
    pub ack_us: u32,
    /// Estimated rate of the way to the viewer, kbit/s; 0 unknown.
    pub rate_kbps: u32,
}

/// Any message of a display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisplayMessage {
    /// Answer to the viewer's hello.
    Hello(DisplayHello),
    /// A change of the picture.
    Frame(Frame),
    /// Another cursor.
    Cursor(CursorMessage),
    /// An application took a selection.
    Clipboard {
        /// PRIMARY, else CLIPBOARD.
        primary: bool,
        /// The text, at most [`limits::CLIPBOARD_BYTES`].
        text: String,
    },
    /// Another picture size.
    Resize(Size),
    /// The end.
    Goodbye(Goodbye),
    /// Answer to a ping.
    Pong(Pong),
}

impl DisplayMessage {
    /// Writes the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        match self {
            DisplayMessage::Hello(h) => {
                out.extend([0x01, u8::from(h.role == Role::Control)]);
                out.put_u16(h.version);
                out.put_u32(h.abilities.0);
                out.put_u16(h.size.width);
                out.put_u16(h.size.height);
                out.put_u16(h.max_size.width);
                out.put_u16(h.max_size.height);
                out.extend([h.window_log, h.frames_in_flight]);
                let name = cut(&h.name, limits::NAME_BYTES);
                out.put_u16(name.len() as u16);
                out.extend(name.as_bytes());
            }
            DisplayMessage::Frame(f) => f.encode(&mut out),
            DisplayMessage::Cursor(c) => encode_cursor(c, &mut out),
            DisplayMessage::Clipboard { primary, text } => {
                out.extend([0x04, u8::from(*primary), 0, 0]);
                let text = cut(text, limits::CLIPBOARD_BYTES);
                out.put_u32(text.len() as u32);
                out.extend(text.as_bytes());
            }
            DisplayMessage::Resize(size) => {
                out.extend([0x05, 0]);
                out.put_u16(size.width);
                out.put_u16(size.height);
            }
            DisplayMessage::Goodbye(g) => {
                out.extend([0x06, g.reason.code()]);
                let sentence = cut(&g.sentence, limits::GOODBYE_BYTES);
                out.put_u16(sentence.len() as u16);
                out.extend(sentence.as_bytes());
            }
            DisplayMessage::Pong(p) => {
                out.extend([0x07, 0, 0, 0]);
                out.put_u32(p.token);
                out.put_u32(p.frames);
                out.put_u32(p.lossy_tiles);
                out.put_u64(p.bytes);
                out.put_u64(p.encode_us);
                out.put_u32(p.ack_us);
                out.put_u32(p.rate_kbps);
            }
        }
        out
    }

    /// Reads a message; `size` is the picture's size when it comes.
    ///
    /// # Errors
    /// Says what is wrong with the bytes; nothing is allocated for a length beyond its limit.
    pub fn decode(bytes: &[u8], size: Size) -> Result<Self, Malformed> {
        if bytes.len() > limits::DISPLAY_MESSAGE_BYTES {
            return Err(Malformed::Limit("message"));
        }
        let mut r = Reader::new(bytes);
        Ok(match r.u8()? {
            0x01 => DisplayMessage::Hello(decode_hello(&mut r)?),
            frame::TYPE => DisplayMessage::Frame(Frame::decode(bytes, size)?),
            0x03 => DisplayMessage::Cursor(decode_cursor(&mut r)?),
            0x04 => {
                let primary = r.u8()?;
                r.u16()?;
                let n = r.length32(limits::CLIPBOARD_BYTES, "clipboard text")?;
                if primary > 1 {
                    return Err(Malformed::Value("selection"));
                }
                DisplayMessage::Clipboard { primary: primary == 1, text: r.text(n)?.to_owned() }
            }
            0x05 => {
                r.u8()?;
                DisplayMessage::Resize(picture_size(&mut r)?)
            }
            0x06 => {
                let code = r.u8()?;
                let n = r.length16(limits::GOODBYE_BYTES, "sentence")?;
                let reason = GoodbyeReason::ALL.into_iter().find(|g| g.code() == code);
                let reason = reason.ok_or(Malformed::Value("reason"))?;
                DisplayMessage::Goodbye(Goodbye { reason, sentence: r.text(n)?.to_owned() })
            }
            0x07 => {
                r.bytes(3)?;
                DisplayMessage::Pong(Pong {
                    token: r.u32()?,
                    frames: r.u32()?,
                    lossy_tiles: r.u32()?,
                    bytes: r.u64()?,
                    encode_us: r.u64()?,
                    ack_us: r.u32()?,
                    rate_kbps: r.u32()?,
                })
            }
            other => return Err(Malformed::Type(other)),
        })
    }
}

/// The longest beginning of a text that is at most `limit` bytes and ends between characters.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn picture_size(r: &mut Reader<'_>) -> Result<Size, Malformed> {
    let size = Size::new(r.u16()?, r.u16()?);
    let good = |n: u16| (1..=limits::SCREEN_PX).contains(&n);
    if good(size.width) && good(size.height) { Ok(size) } else { Err(Malformed::Limit("picture size")) }
}

fn decode_hello(r: &mut Reader<'_>) -> Result<DisplayHello, Malformed> {
    let role = match r.u8()? {
        0 => Role::View,
        1 => Role::Control,
        _ => return Err(Malformed::Value("role")),
    };
    let version = r.u16()?;
    let abilities = Abilities(r.u32()?);
    let size = picture_size(r)?;
    let max_size = picture_size(r)?;
    let (window_log, frames_in_flight) = (r.u8()?, r.u8()?);
    if !limits::WINDOW_LOG.contains(&window_log) {
        return Err(Malformed::Value("zstd window"));
    }
    let n = r.length16(limits::NAME_BYTES, "name")?;
    let name = r.text(n)?.to_owned();
    Ok(DisplayHello { role, version, abilities, size, max_size, window_log, frames_in_flight, name })
}

fn encode_cursor(cursor: &CursorMessage, out: &mut Vec<u8>) {
    let (flags, slot, image) = match cursor {
        CursorMessage::Hidden => (0b10, 0, None),
        CursorMessage::Define { slot, image } => (0b01, *slot, Some(image)),
        CursorMessage::Recall { slot } => (0, *slot, None),
    };
    out.extend([0x03, flags, slot, 0]);
    let Some(image) = image else {
        return out.put_u64(0);
    };
    out.put_u16(image.size.width);
    out.put_u16(image.size.height);
    out.put_u16(image.hot_x);
    out.put_u16(image.hot_y);
    out.extend_from_slice(&image.rgba);
}

fn decode_cursor(r: &mut Reader<'_>) -> Result<CursorMessage, Malformed> {
    let (flags, slot) = (r.u8()?, r.u8()?);
    r.u8()?;
    let size = Size::new(r.u16()?, r.u16()?);
    let (hot_x, hot_y) = (r.u16()?, r.u16()?);
    if slot >= limits::CURSOR_SLOTS {
        return Err(Malformed::Limit("cursor slot"));
    }
    match flags {
        0b10 => Ok(CursorMessage::Hidden),
        0 => Ok(CursorMessage::Recall { slot }),
        0b01 => {
            let good = |n: u16| (1..=limits::CURSOR_PX).contains(&n);
            if !good(size.width) || !good(size.height) {
                return Err(Malformed::Limit("cursor size"));
            }
            let rgba = r.bytes(4 * size.area())?.to_vec();
            Ok(CursorMessage::Define { slot, image: CursorImage { size, hot_x, hot_y, rgba } })
        }
        _ => Err(Malformed::Value("cursor flags")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: Size = Size::new(640, 480);

    fn any_size(limit: u16) -> impl Strategy<Value = Size> {
        (1..=limit, 1..=limit).prop_map(|(w, h)| Size::new(w, h))
    }

    fn any_cursor() -> impl Strategy<Value = CursorMessage> {
        prop_oneof![
            Just(CursorMessage::Hidden),
            (0..64u8).prop_map(|slot| CursorMessage::Recall { slot }),
            (0..64u8, any_size(16), any::<u16>(), any::<u16>(), any::<u8>()).prop_map(
                |(slot, size, hot_x, hot_y, seed)| {
                    let rgba = (0..4 * size.area()).map(|i| seed.wrapping_mul(i as u8)).collect();
                    CursorMessage::Define { slot, image: CursorImage { size, hot_x, hot_y, rgba } }
                }
            ),
        ]
    }

    fn any_message() -> impl Strategy<Value = DisplayMessage> {
        prop_oneof![
            (any::<bool>(), any::<u32>(), any_size(8192), any_size(8192), limits::WINDOW_LOG, "[a-z]{0,20}").prop_map(
                |(control, a, size, max_size, window_log, name)| DisplayMessage::Hello(DisplayHello {
                    role: if control { Role::Control } else { Role::View },
                    version: 1,
                    abilities: Abilities(a),
                    size,
                    max_size,
                    window_log,
                    frames_in_flight: 2,
                    name,
                })
            ),
            any_cursor().prop_map(DisplayMessage::Cursor),
            (any::<bool>(), ".*").prop_map(|(primary, text)| DisplayMessage::Clipboard { primary, text }),
            any_size(8192).prop_map(DisplayMessage::Resize),
            (prop::sample::select(&GoodbyeReason::ALL), ".{0,40}")
                .prop_map(|(reason, sentence)| DisplayMessage::Goodbye(Goodbye { reason, sentence })),
            any::<(u32, u32, u32, u64, u64, u32, u32)>().prop_map(|t| {
                let (token, frames, lossy_tiles, bytes, encode_us, ack_us, rate_kbps) = t;
                DisplayMessage::Pong(Pong { token, frames, lossy_tiles, bytes, encode_us, ack_us, rate_kbps })
            }),
        ]
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(message in any_message()) {
            let bytes = message.encode();
            prop_assert_eq!(DisplayMessage::decode(&bytes, SIZE), Ok(message.clone()));
            let mut longer = bytes;
            longer.push(7);
            prop_assert_eq!(DisplayMessage::decode(&longer, SIZE), Ok(message));
        }

        #[test]
        fn a_cut_message_is_refused(message in any_message(), at in any::<prop::sample::Index>()) {
            let bytes = message.encode();
            prop_assert!(DisplayMessage::decode(&bytes[..at.index(bytes.len())], SIZE).is_err());
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..10u8) {
            let mut bytes = bytes;
            bytes.insert(0, kind);
            let _ = DisplayMessage::decode(&bytes, SIZE);
        }
    }

    #[test]
    fn a_long_sentence_is_cut_between_characters() {
        let sentence = "é".repeat(400);
        let bytes = DisplayMessage::Goodbye(Goodbye { reason: GoodbyeReason::Protocol, sentence }).encode();
        let DisplayMessage::Goodbye(g) = DisplayMessage::decode(&bytes, SIZE).expect("own bytes decode") else {
            panic!("a goodbye")
        };
        assert_eq!(g.sentence, "é".repeat(256));
    }
}
