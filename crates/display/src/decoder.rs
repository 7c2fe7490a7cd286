//! A viewer without a window: the oracle of the tests, and what a viewer must do, in Rust.

use crate::display_message::DisplayMessage;
use crate::frame::{Command, Frame};
use crate::geometry::{Rect, Size};
use crate::limits;
use crate::picture::Picture;
use crate::pixel_stream::PixelReader;
use crate::planar;
use crate::wire::Malformed;

/// Why a message could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Its bytes are not a message.
    #[error("message is malformed")]
    Malformed(#[from] Malformed),
    /// Its zstd section does not decode to what the header promises.
    #[error("pixel stream of frame {0} is broken")]
    Stream(u32, #[source] std::io::Error),
    /// Its number does not follow the last one.
    #[error("frame {got} came where {expected} was due")]
    Number {
        /// What came.
        got: u32,
        /// What was due.
        expected: u32,
    },
    /// A section came before any stream was begun.
    #[error("pixel stream was never begun")]
    NoStream,
    /// A JPEG image is broken or of another size than its rectangle.
    #[error("JPEG image is broken")]
    Jpeg,
    /// A picture of a video is broken or of another size than its rectangle.
    #[error("picture of a video is broken")]
    Video,
    /// A snapshot is asked for that was never made in this size.
    #[error("snapshot was never made")]
    Snapshot,
}

/// What a message did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drawn {
    /// A frame was drawn.
    Frame {
        /// Its number, to be acknowledged.
        number: u32,
        /// Whether the picture is exact now.
        exact: bool,
        /// What changed.
        rects: Vec<Rect>,
    },
    /// The picture has another size now.
    Resized(Size),
    /// Anything else, for the caller.
    Other(DisplayMessage),
}

/// Decodes an image into r g b 255 of exactly the rectangle's size.
type ImageDecoder = Box<dyn FnMut(&[u8], Size) -> Option<Vec<u8>> + Send>;

/// Carries out what a display says.
pub struct Decoder {
    picture: Picture,
    reader: Option<PixelReader>,
    window_log: u8,
    next_number: u32,
    jpeg: ImageDecoder,
    video: ImageDecoder,
    snapshots: [Option<Picture>; limits::SNAPSHOTS],
}

impl Decoder {
    /// Begins with the sizes of the display's hello; `jpeg` decodes images.
    pub fn new(size: Size, window_log: u8, jpeg: impl FnMut(&[u8], Size) -> Option<Vec<u8>> + Send + 'static) -> Self {
        Self {
            picture: Picture::new(size),
            reader: None,
            window_log,
            next_number: 1,
            jpeg: Box::new(jpeg),
            video: Box::new(|_, _| None),
            snapshots: Default::default(),
        }
    }

    /// Decodes pictures of videos by `video`; without it they are errors.
    #[must_use]
    pub fn with_video(mut self, video: impl FnMut(&[u8], Size) -> Option<Vec<u8>> + Send + 'static) -> Self {
        self.video = Box::new(video);
        self
    }

    /// What a person would see.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Carries out a message.
    ///
    /// # Errors
    /// Anything the protocol does not allow.
    pub fn message(&mut self, bytes: &[u8]) -> Result<Drawn, DecodeError> {
        match DisplayMessage::decode(bytes, self.picture.size())? {
            DisplayMessage::Frame(frame) => self.frame(&frame),
            DisplayMessage::Resize(size) => {
                self.picture.resize(size);
                self.snapshots = Default::default();
                Ok(Drawn::Resized(size))
            }
            other => Ok(Drawn::Other(other)),
        }
    }

    fn frame(&mut self, frame: &Frame) -> Result<Drawn, DecodeError> {
        if frame.number != self.next_number {
            return Err(DecodeError::Number { got: frame.number, expected: self.next_number });
        }
        self.next_number = self.next_number.wrapping_add(1);
        let broken = |e| DecodeError::Stream(frame.number, e);
        if frame.flags.new_stream {
            self.reader = Some(PixelReader::new(self.window_log).map_err(broken)?);
        }
        let mut pixels = Vec::new();
        if !frame.zstd.is_empty() {
            let reader = self.reader.as_mut().ok_or(DecodeError::NoStream)?;
            pixels = reader.read(&frame.zstd, frame.raw_length as usize).map_err(broken)?;
        }
        let mut rest = &pixels[..];
        for command in &frame.commands {
            let (own, next) = rest.split_at(command.pixel_bytes());
            rest = next;
            self.command(command, own)?;
        }
        let rects = frame.commands.iter().map(Command::rect).collect();
        Ok(Drawn::Frame { number: frame.number, exact: frame.flags.exact, rects })
    }

    fn command(&mut self, command: &Command, pixels: &[u8]) -> Result<(), DecodeError> {
        match command {
            Command::Fill { rect, rgb } => self.picture.fill(*rect, *rgb),
            Command::Copy { to, from_x, from_y } => self.picture.copy(*to, *from_x, *from_y),
            Command::Raw { rect } => self.put(*rect, pixels),
            Command::Planar { rect } => {
                let picture = &mut self.picture;
                planar::decode(pixels, rect.w.into(), rect.h.into(), |x, y, rgb| {
                    picture.row_mut(rect.x + x as u16, rect.y + y as u16, 1)[..3].copy_from_slice(&rgb);
                });
            }
            Command::Jpeg { rect, data } => {
                let size = Size::new(rect.w, rect.h);
                let pixels = (self.jpeg)(data, size).filter(|p| p.len() == 4 * size.area());
                self.put(*rect, &pixels.ok_or(DecodeError::Jpeg)?);
            }
            Command::Save { rect, slot } => {
                let size = self.picture.size();
                let snapshot = self.snapshots[usize::from(*slot)].get_or_insert_with(|| Picture::new(size));
                snapshot.take(self.picture.view(), *rect);
            }
            Command::Restore { rect, slot } => {
                let snapshot = self.snapshots[usize::from(*slot)].as_ref().ok_or(DecodeError::Snapshot)?;
                self.picture.take(snapshot.view(), *rect);
            }
            Command::Video { rect, data, .. } => {
                let size = Size::new(rect.w, rect.h);
                let pixels = (self.video)(data, size).filter(|p| p.len() == 4 * size.area());
                self.put(*rect, &pixels.ok_or(DecodeError::Video)?);
            }
        }
        Ok(())
    }

    fn put(&mut self, rect: Rect, pixels: &[u8]) {
        for (y, row) in (rect.y..).zip(pixels.chunks_exact(4 * usize::from(rect.w))) {
            let target = self.picture.row_mut(rect.x, y, rect.w);
            target.copy_from_slice(row);
            for pixel in target.chunks_exact_mut(4) {
                pixel[3] = 255;
            }
        }
    }
}
