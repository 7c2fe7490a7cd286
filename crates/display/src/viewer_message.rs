//! Messages a viewer sends (docs/display-protocol.md §4).

use crate::limits;
use crate::wire::{Malformed, Reader, Write};

/// What a viewer can do, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities(pub u32);

impl Abilities {
    /// Decodes JPEG.
    pub const JPEG: Abilities = Abilities(1);
    /// Decodes H.264 by WebCodecs.
    pub const H264: Abilities = Abilities(1 << 1);
    /// Draws from shared memory.
    pub const SHARED_MEMORY: Abilities = Abilities(1 << 2);
    /// Draws the cursor from cursor messages.
    pub const CURSOR: Abilities = Abilities(1 << 3);
    /// Wants clipboard messages.
    pub const CLIPBOARD: Abilities = Abilities(1 << 4);
    /// Keeps older pictures.
    pub const SNAPSHOT: Abilities = Abilities(1 << 5);

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Abilities) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits of both.
    pub const fn and(self, other: Abilities) -> Abilities {
        Abilities(self.0 | other.0)
    }

    /// The bits that are in both.
    pub const fn common(self, other: Abilities) -> Abilities {
        Abilities(self.0 & other.0)
    }
}

/// The viewer's first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewerHello {
    /// Protocol version it speaks.
    pub version: u16,
    /// What it can do.
    pub abilities: Abilities,
    /// Wanted picture width in pixels; 0 together with the height leaves the size alone.
    pub width_px: u16,
    /// Wanted picture height in pixels.
    pub height_px: u16,
    /// Device pixels for a CSS pixel, times 256.
    pub pixel_ratio_256: u16,
    /// Largest zstd window it decodes, log2 of bytes, within [`limits::WINDOW_LOG`].
    pub window_log: u8,
}

/// Says that a frame has been drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Newest frame drawn.
    pub frame: u32,
    /// Time spent decoding it, µs.
    pub decode_us: u32,
    /// Time from its arrival to its drawing, µs.
    pub wait_us: u32,
}

/// Modifier keys, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modifiers(pub u16);

impl Modifiers {
    /// Shift.
    pub const SHIFT: Modifiers = Modifiers(1);
    /// Control.
    pub const CONTROL: Modifiers = Modifiers(1 << 1);
    /// Alt.
    pub const ALT: Modifiers = Modifiers(1 << 2);
    /// Meta, also called Super or the system key.
    pub const META: Modifiers = Modifiers(1 << 3);
    /// AltGraph.
    pub const ALT_GRAPH: Modifiers = Modifiers(1 << 4);
    /// Caps lock is on.
    pub const CAPS_LOCK: Modifiers = Modifiers(1 << 5);
    /// Num lock is on.
    pub const NUM_LOCK: Modifiers = Modifiers(1 << 6);

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Modifiers) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A key went down or up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Down, else up.
    pub down: bool,
    /// A repetition made by the person's keyboard.
    pub repeat: bool,
    /// Modifiers as the browser sees them.
    pub modifiers: Modifiers,
    /// Linux input code of the physical key; 0 unknown.
    pub scancode: u16,
    /// X11 keysym of what the key means; 0 unknown.
    pub keysym: u32,
}

/// Where the pointer is and which buttons are down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pointer {
    /// Pixels from the left.
    pub x: u16,
    /// Pixels from the top.
    pub y: u16,
    /// Buttons that are down: bit 0 left, 1 middle, 2 right, 3 back, 4 forward.
    pub buttons: u16,
    /// Wheel movement to the right, 120 a notch.
    pub wheel_x: i16,
    /// Wheel movement down, 120 a notch.
    pub wheel_y: i16,
}

/// Any message of a viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewerMessage {
    /// First message.
    Hello(ViewerHello),
    /// A frame has been drawn.
    Ack(Ack),
    /// A key.
    Key(Key),
    /// The pointer.
    Pointer(Pointer),
    /// Text for the display's selections.
    Clipboard {
        /// Set CLIPBOARD.
        clipboard: bool,
        /// Set PRIMARY.
        primary: bool,
        /// The text, at most [`limits::CLIPBOARD_BYTES`].
        text: String,
    },
    /// Another picture size is wanted.
    Resize {
        /// Wanted width in pixels, at least 1.
        width_px: u16,
        /// Wanted height in pixels, at least 1.
        height_px: u16,
        /// Device pixels for a CSS pixel, times 256.
        pixel_ratio_256: u16,
    },
    /// Asks for a pong.
    Ping {
        /// Comes back in the pong.
        token: u32,
    },
    /// Asks for the whole picture in a new pixel stream.
    Refresh,
    /// The page lost the focus: nothing is held any more.
    Release,
    /// Characters that came without keys; 1 to [`limits::TEXT_BYTES`] bytes.
    Text(String),
}

impl ViewerMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// Says what is wrong with the bytes; nothing is allocated for a length beyond its limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > limits::VIEWER_MESSAGE_BYTES {
            return Err(Malformed::Limit("message"));
        }
        let mut r = Reader::new(bytes);
        let message = match r.u8()? {
            0x81 => return decode_hello(bytes),
            0x82 => {
                r.bytes(3)?;
                ViewerMessage::Ack(Ack { frame: r.u32()?, decode_us: r.u32()?, wait_us: r.u32()? })
            }
            0x83 => {
                let flags = r.u8()?;
                let modifiers = Modifiers(r.u16()?);
                let scancode = r.u16()?;
                r.u16()?;
                let keysym = r.u32()?;
                if flags & !0b11 != 0 {
                    return Err(Malformed::Value("key flags"));
                }
                if scancode == 0 && keysym == 0 {
                    return Err(Malformed::Value("key"));
                }
                if scancode > 0x2ff || keysym > 0x1fff_ffff {
                    return Err(Malformed::Limit("key"));
                }
                ViewerMessage::Key(Key { down: flags & 1 != 0, repeat: flags & 2 != 0, modifiers, scancode, keysym })
            }
            0x84 => {
                r.u8()?;
                let p = Pointer { x: r.u16()?, y: r.u16()?, buttons: r.u16()?, wheel_x: r.i16()?, wheel_y: r.i16()? };
                if p.buttons & !0b1_1111 != 0 {
                    return Err(Malformed::Value("buttons"));
                }
                ViewerMessage::Pointer(p)
            }
            0x85 => {
                let selections = r.u8()?;
                r.u16()?;
                let n = r.length32(limits::CLIPBOARD_BYTES, "clipboard text")?;
                if selections & !0b11 != 0 || selections == 0 {
                    return Err(Malformed::Value("selections"));
                }
                let text = r.text(n)?.to_owned();
                ViewerMessage::Clipboard { clipboard: selections & 1 != 0, primary: selections & 2 != 0, text }
            }
            0x86 => {
                r.u8()?;
                let (width_px, height_px, pixel_ratio_256) = (r.u16()?, r.u16()?, r.u16()?);
                if width_px == 0 || height_px == 0 {
                    return Err(Malformed::Value("size"));
                }
                ViewerMessage::Resize { width_px, height_px, pixel_ratio_256 }
            }
            0x87 => {
                r.bytes(3)?;
                ViewerMessage::Ping { token: r.u32()? }
            }
            0x88 => ViewerMessage::Refresh,
            0x89 => ViewerMessage::Release,
            0x8a => {
                r.u8()?;
                let n = r.length16(limits::TEXT_BYTES, "text")?;
                if n == 0 {
                    return Err(Malformed::Value("text"));
                }
                ViewerMessage::Text(r.text(n)?.to_owned())
            }
            other => return Err(Malformed::Type(other)),
        };
        r.end()?;
        Ok(message)
    }

    /// Writes the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        match self {
            ViewerMessage::Hello(h) => {
                out.extend([0x81, 0]);
                out.put_u16(h.version);
                out.put_u32(h.abilities.0);
                out.put_u16(h.width_px);
                out.put_u16(h.height_px);
                out.put_u16(h.pixel_ratio_256);
                out.extend([h.window_log, 0]);
            }
            ViewerMessage::Ack(a) => {
                out.extend([0x82, 0, 0, 0]);
                out.put_u32(a.frame);
                out.put_u32(a.decode_us);
                out.put_u32(a.wait_us);
            }
            ViewerMessage::Key(k) => {
                out.extend([0x83, u8::from(k.down) | u8::from(k.repeat) << 1]);
                out.put_u16(k.modifiers.0);
                out.put_u16(k.scancode);
                out.put_u16(0);
                out.put_u32(k.keysym);
            }
            ViewerMessage::Pointer(p) => {
                out.extend([0x84, 0]);
                out.put_u16(p.x);
                out.put_u16(p.y);
                out.put_u16(p.buttons);
                out.extend(p.wheel_x.to_le_bytes());
                out.extend(p.wheel_y.to_le_bytes());
            }
            ViewerMessage::Clipboard { clipboard, primary, text } => {
                out.extend([0x85, u8::from(*clipboard) | u8::from(*primary) << 1, 0, 0]);
                out.put_u32(text.len() as u32);
                out.extend(text.as_bytes());
            }
            ViewerMessage::Resize { width_px, height_px, pixel_ratio_256 } => {
                out.extend([0x86, 0]);
                out.put_u16(*width_px);
                out.put_u16(*height_px);
                out.put_u16(*pixel_ratio_256);
            }
            ViewerMessage::Ping { token } => {
                out.extend([0x87, 0, 0, 0]);
                out.put_u32(*token);
            }
            ViewerMessage::Refresh => out.put_u8(0x88),
            ViewerMessage::Release => out.put_u8(0x89),
            ViewerMessage::Text(text) => {
                out.extend([0x8a, 0]);
                out.put_u16(text.len() as u16);
                out.extend(text.as_bytes());
            }
        }
        out
    }
}

/// Reads a hello; bytes behind the fields belong to later versions.
fn decode_hello(bytes: &[u8]) -> Result<ViewerMessage, Malformed> {
    if bytes.len() > limits::VIEWER_HELLO_BYTES {
        return Err(Malformed::Limit("hello"));
    }
    let mut r = Reader::new(bytes);
    r.bytes(2)?;
    let mut hello = ViewerHello {
        version: r.u16()?,
        abilities: Abilities(r.u32()?),
        width_px: r.u16()?,
        height_px: r.u16()?,
        pixel_ratio_256: r.u16()?,
        window_log: r.u8()?,
    };
    r.u8()?;
    if hello.window_log == 0 {
        hello.window_log = 21;
    }
    if hello.version == crate::PROTOCOL_VERSION && !limits::WINDOW_LOG.contains(&hello.window_log) {
        return Err(Malformed::Value("zstd window"));
    }
    Ok(ViewerMessage::Hello(hello))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_message() -> impl Strategy<Value = ViewerMessage> {
        prop_oneof![
            (any::<u32>(), any::<u16>(), any::<u16>(), any::<u16>(), limits::WINDOW_LOG).prop_map(|(a, w, h, d, z)| {
                ViewerMessage::Hello(ViewerHello {
                    version: 1,
                    abilities: Abilities(a),
                    width_px: w,
                    height_px: h,
                    pixel_ratio_256: d,
                    window_log: z,
                })
            }),
            any::<(u32, u32, u32)>().prop_map(|(frame, decode_us, wait_us)| ViewerMessage::Ack(Ack {
                frame,
                decode_us,
                wait_us
            })),
            (any::<bool>(), any::<bool>(), any::<u16>(), 0..0x300u16, 1..0x2000_0000u32).prop_map(
                |(down, repeat, m, scancode, keysym)| {
                    ViewerMessage::Key(Key { down, repeat, modifiers: Modifiers(m), scancode, keysym })
                }
            ),
            (any::<u16>(), any::<u16>(), 0..32u16, any::<i16>(), any::<i16>()).prop_map(
                |(x, y, buttons, wheel_x, wheel_y)| {
                    ViewerMessage::Pointer(Pointer { x, y, buttons, wheel_x, wheel_y })
                }
            ),
            (1..4u8, ".*").prop_map(|(s, text)| ViewerMessage::Clipboard {
                clipboard: s & 1 != 0,
                primary: s & 2 != 0,
                text
            }),
            (1..u16::MAX, 1..u16::MAX, any::<u16>()).prop_map(|(width_px, height_px, pixel_ratio_256)| {
                ViewerMessage::Resize { width_px, height_px, pixel_ratio_256 }
            }),
            any::<u32>().prop_map(|token| ViewerMessage::Ping { token }),
            Just(ViewerMessage::Refresh),
            Just(ViewerMessage::Release),
            ".{1,50}".prop_map(ViewerMessage::Text),
        ]
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(message in any_message()) {
            prop_assert_eq!(ViewerMessage::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn a_cut_or_longer_message_is_refused(message in any_message(), cut in any::<prop::sample::Index>()) {
            let bytes = message.encode();
            prop_assert!(ViewerMessage::decode(&bytes[..cut.index(bytes.len())]).is_err());
            let mut longer = bytes;
            longer.push(0);
            let hello = matches!(message, ViewerMessage::Hello(_));
            prop_assert_eq!(ViewerMessage::decode(&longer).is_ok(), hello);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..64), kind in 0x80..0x8cu8) {
            let mut bytes = bytes;
            let _ = ViewerMessage::decode(&bytes);
            bytes.insert(0, kind);
            let _ = ViewerMessage::decode(&bytes);
        }
    }

    #[test]
    fn a_huge_length_is_refused_before_allocation() {
        let mut bytes = vec![0x85, 1, 0, 0];
        bytes.extend(u32::MAX.to_le_bytes());
        assert_eq!(ViewerMessage::decode(&bytes), Err(Malformed::Limit("clipboard text")));
    }
}
