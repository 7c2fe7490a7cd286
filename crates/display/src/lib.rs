//! What a viewer and a display say to each other, and how pixels become bytes.
//!
//! The protocol is `docs/display-protocol.md`. The way of a frame: [`Pixels`] (the screen now) → [`TileSet`] (what may
//! have changed) → [`Encoder`] (compare, motion, classes, refinement, within the byte budget of [`Pacing`]) →
//! message. [`Decoder`] is the other end: the oracle of the tests, and the definition of what a viewer must do.
//!
//! No sockets, no X11, no clock: time is an argument, a [`Duration`](std::time::Duration) since any fixed moment.
#![forbid(unsafe_code)]

mod classify;
mod decoder;
mod display_message;
mod encoder;
mod frame;
mod geometry;
mod h264;
mod jpeg;
mod motion;
#[doc(hidden)]
pub mod oracle;
mod pacing;
mod picture;
mod pixel_stream;
mod pixels;
mod planar;
mod thumbnail;
mod tiles;
mod viewer_message;
mod wire;

pub use decoder::{DecodeError, Decoder, Drawn};
pub use display_message::{CursorImage, CursorMessage, DisplayHello, DisplayMessage, Goodbye, GoodbyeReason, Pong};
pub use encoder::{Encoder, EncoderSettings, EncoderStatistics, Look};
pub use frame::{Command, Frame, FrameFlags};
pub use geometry::{Point, Rect, Size};
pub use motion::WindowPlace;
pub use pacing::{AckError, Budget, Pacing};
pub use picture::Picture;
pub use pixels::{PixelOrder, Pixels};
pub use tiles::{TILE_PX, TileSet};
pub use viewer_message::{Abilities, Ack, Key, Modifiers, Pointer, ViewerHello, ViewerMessage};
pub use wire::Malformed;

/// Version of the display protocol this crate speaks.
pub const PROTOCOL_VERSION: u16 = 1;

/// Who a viewer is: may it act, or only look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sees the picture; its input is checked for form and ignored.
    View,
    /// Sees the picture and types, points, resizes, and shares the clipboard.
    Control,
}

/// Limits of the protocol, bytes unless the name says otherwise.
pub mod limits {
    /// Largest message from a viewer.
    pub const VIEWER_MESSAGE_BYTES: usize = CLIPBOARD_BYTES + 64;
    /// Largest message from a display.
    pub const DISPLAY_MESSAGE_BYTES: usize = 64 << 20;
    /// Most bytes the zstd section of a frame may decode to.
    pub const FRAME_RAW_BYTES: usize = 64 << 20;
    /// Most commands in a frame.
    pub const FRAME_COMMANDS: usize = 16_384;
    /// Widest and highest picture.
    pub const SCREEN_PX: u16 = 8192;
    /// Widest and highest cursor.
    pub const CURSOR_PX: u16 = 128;
    /// Older pictures a viewer keeps.
    pub const SNAPSHOTS: usize = 2;
    /// Cursor shapes a viewer keeps.
    pub const CURSOR_SLOTS: u8 = 64;
    /// Longest clipboard text.
    pub const CLIPBOARD_BYTES: usize = 1 << 20;
    /// Longest text typed by one message.
    pub const TEXT_BYTES: usize = 4096;
    /// Longest sentence of a goodbye.
    pub const GOODBYE_BYTES: usize = 512;
    /// Longest name of a display.
    pub const NAME_BYTES: usize = 256;
    /// Longest hello of a viewer.
    pub const VIEWER_HELLO_BYTES: usize = 256;
    /// Frames a display may send without an ack.
    pub const FRAMES_IN_FLIGHT: usize = 2;
    /// Smallest and largest zstd window, log2 of bytes.
    pub const WINDOW_LOG: core::ops::RangeInclusive<u8> = 17..=23;
    /// Smallest screen a viewer can ask for.
    pub const SMALLEST_SCREEN_PX: (u16, u16) = (320, 200);
}
