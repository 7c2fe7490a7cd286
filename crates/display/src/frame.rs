//! The frame message: its header, its commands (docs/display-protocol.md §3, 0x02).

use crate::geometry::{Rect, Size};
use crate::limits;
use crate::wire::{Malformed, Reader, Write, place};

/// Type byte of a frame.
pub(crate) const TYPE: u8 = 0x02;
/// 1 /* type */ + 1 /* flags */ + 2 /* count */ + 4 /* number */ + 4 /* raw_length */ + 4 /* zstd_length */
pub(crate) const HEADER_BYTES: usize = 16;

/// What a frame says besides pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameFlags {
    /// The zstd section begins a new pixel stream.
    pub new_stream: bool,
    /// After this frame the viewer's picture equals the screen.
    pub exact: bool,
}

/// One change of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// One colour.
    Fill {
        /// Where.
        rect: Rect,
        /// Red, green, blue.
        rgb: [u8; 3],
    },
    /// Pixels of the picture itself.
    Copy {
        /// Where to.
        to: Rect,
        /// Left edge of the source.
        from_x: u16,
        /// Upper edge of the source.
        from_y: u16,
    },
    /// Pixels of the pixel stream, four bytes each.
    Raw {
        /// Where.
        rect: Rect,
    },
    /// Pixels of the pixel stream in three predicted planes.
    Planar {
        /// Where.
        rect: Rect,
    },
    /// A JPEG image.
    Jpeg {
        /// Where.
        rect: Rect,
        /// JFIF bytes.
        data: Vec<u8>,
    },
    /// Pixels of the picture, to be kept at the same place of a snapshot.
    Save {
        /// Where.
        rect: Rect,
        /// Number of the snapshot.
        slot: u8,
    },
    /// Pixels of a snapshot, from the same place.
    Restore {
        /// Where.
        rect: Rect,
        /// Number of the snapshot.
        slot: u8,
    },
    /// The next picture of the video, H.264.
    Video {
        /// Where; both sides are even.
        rect: Rect,
        /// It needs none of those before.
        key: bool,
        /// NAL units in the byte stream format.
        data: Vec<u8>,
    },
}

impl Command {
    /// The pixels it changes.
    pub fn rect(&self) -> Rect {
        match self {
            Command::Fill { rect, .. }
            | Command::Raw { rect }
            | Command::Planar { rect }
            | Command::Jpeg { rect, .. }
            | Command::Save { rect, .. }
            | Command::Restore { rect, .. }
            | Command::Video { rect, .. } => *rect,
            Command::Copy { to, .. } => *to,
        }
    }

    /// Bytes it takes from the pixel stream.
    pub fn pixel_bytes(&self) -> usize {
        match self {
            Command::Raw { rect } => 4 * rect.area(),
            Command::Planar { rect } => 3 * rect.area(),
            Command::Fill { .. }
            | Command::Copy { .. }
            | Command::Jpeg { .. }
            | Command::Save { .. }
            | Command::Restore { .. }
            | Command::Video { .. } => 0,
        }
    }

    /// Bytes of its own in the message.
    pub(crate) fn wire_bytes(&self) -> usize {
        match self {
            Command::Fill { .. } => 12,
            Command::Copy { .. } => 13,
            Command::Raw { .. } | Command::Planar { .. } => 9,
            Command::Jpeg { data, .. } => 13 + data.len(),
            Command::Save { .. } | Command::Restore { .. } => 10,
            Command::Video { data, .. } => 14 + data.len(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let opcode = match self {
            Command::Fill { .. } => 1,
            Command::Copy { .. } => 2,
            Command::Raw { .. } => 3,
            Command::Planar { .. } => 4,
            Command::Jpeg { .. } => 5,
            Command::Save { .. } => 6,
            Command::Restore { .. } => 7,
            Command::Video { .. } => 8,
        };
        out.put_u8(opcode);
        out.put_rect(self.rect());
        match self {
            Command::Fill { rgb, .. } => out.extend_from_slice(rgb),
            Command::Copy { from_x, from_y, .. } => {
                out.put_u16(*from_x);
                out.put_u16(*from_y);
            }
            Command::Raw { .. } | Command::Planar { .. } => {}
            Command::Jpeg { data, .. } => {
                out.put_u32(data.len() as u32);
                out.extend_from_slice(data);
            }
            Command::Save { slot, .. } | Command::Restore { slot, .. } => out.put_u8(*slot),
            Command::Video { key, data, .. } => {
                out.put_u8((*key).into());
                out.put_u32(data.len() as u32);
                out.extend_from_slice(data);
            }
        }
    }

    fn decode(r: &mut Reader<'_>, size: Size) -> Result<Self, Malformed> {
        let opcode = r.u8()?;
        let rect = r.rect(size)?;
        Ok(match opcode {
            1 => Command::Fill { rect, rgb: [r.u8()?, r.u8()?, r.u8()?] },
            2 => {
                let (from_x, from_y) = (r.u16()?, r.u16()?);
                place(from_x, from_y, rect.w, rect.h, size)?;
                Command::Copy { to: rect, from_x, from_y }
            }
            3 => Command::Raw { rect },
            4 => Command::Planar { rect },
            5 => {
                let n = r.length32(limits::DISPLAY_MESSAGE_BYTES, "JPEG length")?;
                Command::Jpeg { rect, data: r.bytes(n)?.to_vec() }
            }
            6 | 7 => {
                let slot = r.u8()?;
                if usize::from(slot) >= limits::SNAPSHOTS {
                    return Err(Malformed::Value("snapshot"));
                }
                if opcode == 6 { Command::Save { rect, slot } } else { Command::Restore { rect, slot } }
            }
            8 => {
                let flags = r.u8()?;
                if flags & !1 != 0 {
                    return Err(Malformed::Value("video flags"));
                }
                if rect.w % 2 != 0 || rect.h % 2 != 0 {
                    return Err(Malformed::Value("video size"));
                }
                let n = r.length32(limits::DISPLAY_MESSAGE_BYTES, "video length")?;
                Command::Video { rect, key: flags == 1, data: r.bytes(n)?.to_vec() }
            }
            _ => return Err(Malformed::Value("opcode")),
        })
    }
}

/// A numbered change of the picture, shown as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Counts up in a connection.
    pub number: u32,
    /// What it says besides pixels.
    pub flags: FrameFlags,
    /// Bytes the zstd section decodes to; the sum of [`Command::pixel_bytes`].
    pub raw_length: u32,
    /// The next piece of the pixel stream.
    pub zstd: Vec<u8>,
    /// Changes in their order.
    pub commands: Vec<Command>,
}

impl Frame {
    /// Appends the message to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(HEADER_BYTES + self.zstd.len() + self.commands.iter().map(Command::wire_bytes).sum::<usize>());
        let flags = u8::from(self.flags.new_stream) | u8::from(self.flags.exact) << 1;
        out.extend([TYPE, flags]);
        out.put_u16(self.commands.len() as u16);
        out.put_u32(self.number);
        out.put_u32(self.raw_length);
        out.put_u32(self.zstd.len() as u32);
        out.extend_from_slice(&self.zstd);
        for command in &self.commands {
            command.encode(out);
        }
    }

    /// Reads a frame for a picture of `size`.
    ///
    /// # Errors
    /// Says what is wrong with the bytes; nothing is allocated for a length beyond its limit.
    pub fn decode(bytes: &[u8], size: Size) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        if r.u8()? != TYPE {
            return Err(Malformed::Type(bytes[0]));
        }
        let flags = r.u8()?;
        if flags & !0b11 != 0 {
            return Err(Malformed::Value("frame flags"));
        }
        let count = r.length16(limits::FRAME_COMMANDS, "commands")?;
        let number = r.u32()?;
        let raw_length = r.length32(limits::FRAME_RAW_BYTES, "raw_length")?;
        let zstd_length = r.length32(limits::DISPLAY_MESSAGE_BYTES, "zstd_length")?;
        if (raw_length == 0) != (zstd_length == 0) {
            return Err(Malformed::Value("zstd_length"));
        }
        let zstd = r.bytes(zstd_length)?.to_vec();
        let mut commands = Vec::with_capacity(count.min(bytes.len() / 9));
        let mut pixel_bytes = 0usize;
        for _ in 0..count {
            let command = Command::decode(&mut r, size)?;
            pixel_bytes = pixel_bytes.saturating_add(command.pixel_bytes());
            commands.push(command);
        }
        if !r.is_empty() {
            return Err(Malformed::Long);
        }
        if pixel_bytes != raw_length {
            return Err(Malformed::Value("raw_length"));
        }
        let flags = FrameFlags { new_stream: flags & 1 != 0, exact: flags & 2 != 0 };
        Ok(Frame { number, flags, raw_length: raw_length as u32, zstd, commands })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: Size = Size::new(300, 200);

    fn any_rect() -> impl Strategy<Value = Rect> {
        (0..SIZE.width, 0..SIZE.height).prop_flat_map(|(x, y)| {
            (1..=SIZE.width - x, 1..=SIZE.height - y).prop_map(move |(w, h)| Rect::new(x, y, w, h))
        })
    }

    fn any_command() -> impl Strategy<Value = Command> {
        prop_oneof![
            (any_rect(), any::<[u8; 3]>()).prop_map(|(rect, rgb)| Command::Fill { rect, rgb }),
            any_rect().prop_map(|to| Command::Copy { to, from_x: SIZE.width - to.w, from_y: 0 }),
            any_rect().prop_map(|rect| Command::Raw { rect }),
            any_rect().prop_map(|rect| Command::Planar { rect }),
            (any_rect(), prop::collection::vec(any::<u8>(), 0..40))
                .prop_map(|(rect, data)| Command::Jpeg { rect, data }),
            (any_rect(), 0..limits::SNAPSHOTS as u8).prop_map(|(rect, slot)| Command::Save { rect, slot }),
            (any_rect(), 0..limits::SNAPSHOTS as u8).prop_map(|(rect, slot)| Command::Restore { rect, slot }),
            (any_rect(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(rect, key, data)| {
                let rect = Rect::new(rect.x & !1, rect.y & !1, rect.w.next_multiple_of(2), rect.h.next_multiple_of(2));
                Command::Video { rect, key, data }
            }),
        ]
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(
            commands in prop::collection::vec(any_command(), 0..8),
            number in any::<u32>(),
            new_stream in any::<bool>(),
            exact in any::<bool>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let raw_length = commands.iter().map(Command::pixel_bytes).sum::<usize>() as u32;
            let zstd = vec![7; if raw_length == 0 { 0 } else { 5 }];
            let frame = Frame { number, flags: FrameFlags { new_stream, exact }, raw_length, zstd, commands };
            let mut bytes = Vec::new();
            frame.encode(&mut bytes);
            prop_assert_eq!(Frame::decode(&bytes, SIZE), Ok(frame));
            prop_assert!(Frame::decode(&bytes[..cut.index(bytes.len())], SIZE).is_err());
            bytes.push(0);
            prop_assert!(Frame::decode(&bytes, SIZE).is_err());
        }
    }

    #[test]
    fn rectangles_outside_the_picture_are_refused() {
        for (x, y, w, h) in [(0, 0, 0, 1), (0, 0, 301, 1), (299, 0, 2, 1), (65535, 0, 65535, 1), (0, 199, 1, 2)] {
            let mut bytes = vec![TYPE, 0, 1, 0];
            bytes.extend([0; 12]);
            bytes.put_u8(1);
            bytes.put_rect(Rect { x, y, w, h });
            bytes.extend([1, 2, 3]);
            assert_eq!(Frame::decode(&bytes, SIZE), Err(Malformed::Value("rectangle")));
        }
    }
}
