//! The cursor's shape, and which shapes each viewer has already.

use std::collections::VecDeque;
use std::rc::Rc;

use porthole_display::{CursorImage, CursorMessage, Size, limits};
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask, GetCursorImageReply};

use super::ScreenError;
use super::x::X;

/// A shape and the number the X server gave it.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    serial: u32,
    /// `None`: the cursor is invisible.
    image: Option<Rc<CursorImage>>,
}

/// Shapes seen lately.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    known: VecDeque<Shape>,
    now: Option<Shape>,
}

impl Cursors {
    /// Takes the cursor out of the picture and asks to hear of its changes.
    pub(crate) fn follow(x: &X) -> Result<Self, ScreenError> {
        x.conn.xfixes_hide_cursor(x.root)?;
        x.conn.xfixes_select_cursor_input(x.root, CursorNotifyMask::DISPLAY_CURSOR)?;
        Ok(Self::default())
    }

    /// The cursor changed to the one with this serial; its pixels are asked for only when it is new.
    pub(crate) fn changed(&mut self, x: &X, serial: u32) -> Result<Shape, ScreenError> {
        if let Some(shape) = self.known.iter().find(|s| s.serial == serial) {
            self.now = Some(shape.clone());
            return Ok(shape.clone());
        }
        self.ask(x)
    }

    /// The cursor changed while nobody looked.
    pub(crate) fn forget_current(&mut self) {
        self.now = None;
    }

    /// The cursor now.
    pub(crate) fn current(&mut self, x: &X) -> Result<Shape, ScreenError> {
        match &self.now {
            Some(shape) => Ok(shape.clone()),
            None => self.ask(x),
        }
    }

    fn ask(&mut self, x: &X) -> Result<Shape, ScreenError> {
        let reply = x.conn.xfixes_get_cursor_image()?.reply()?;
        let shape = Shape { serial: reply.cursor_serial, image: image(&reply).map(Rc::new) };
        if self.known.len() >= usize::from(limits::CURSOR_SLOTS) {
            self.known.pop_front();
        }
        self.known.push_back(shape.clone());
        self.now = Some(shape.clone());
        Ok(shape)
    }
}

/// Which shape is in which slot of one viewer.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    held: Vec<u32>,
    next: usize,
    shown: Option<u32>,
}

impl Slots {
    /// The message that shows a shape; `None` when it is shown already.
    pub(crate) fn show(&mut self, shape: &Shape) -> Option<CursorMessage> {
        if self.shown == Some(shape.serial) {
            return None;
        }
        self.shown = Some(shape.serial);
        let Some(image) = &shape.image else { return Some(CursorMessage::Hidden) };
        if let Some(slot) = self.held.iter().position(|s| *s == shape.serial) {
            return Some(CursorMessage::Recall { slot: slot as u8 });
        }
        let slot = self.next;
        self.next = (self.next + 1) % usize::from(limits::CURSOR_SLOTS);
        if slot < self.held.len() {
            self.held[slot] = shape.serial;
        } else {
            self.held.push(shape.serial);
        }
        Some(CursorMessage::Define { slot: slot as u8, image: (**image).clone() })
    }
}

/// The shape as viewers want it; `None` when nothing of it can be seen.
fn image(reply: &GetCursorImageReply) -> Option<CursorImage> {
    let (w, h) = (usize::from(reply.width), usize::from(reply.height));
    if w == 0 || h == 0 || reply.cursor_image.len() < w * h || reply.cursor_image.iter().all(|p| p >> 24 == 0) {
        return None;
    }
    // Larger ones are thinned out: browsers show none beyond 128 pixels.
    let step = w.max(h).div_ceil(usize::from(limits::CURSOR_PX));
    let size = Size::new(w.div_ceil(step) as u16, h.div_ceil(step) as u16);
    let mut rgba = Vec::with_capacity(4 * size.area());
    for y in (0..h).step_by(step) {
        for x in (0..w).step_by(step) {
            rgba.extend(straight(reply.cursor_image[y * w + x]));
        }
    }
    let hot = |v: u16, side: u16| (v / step as u16).min(side - 1);
    Some(CursorImage { size, hot_x: hot(reply.xhot, size.width), hot_y: hot(reply.yhot, size.height), rgba })
}

/// Bytes r g b a of a pixel whose colours come multiplied by its alpha.
fn straight(argb: u32) -> [u8; 4] {
    let [b, g, r, a] = argb.to_le_bytes();
    let whole =
        |c: u8| if a == 0 { 0 } else { ((u32::from(c) * 255 + u32::from(a) / 2) / u32::from(a)).min(255) as u8 };
    [whole(r), whole(g), whole(b), a]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(serial: u32) -> Shape {
        let image = CursorImage { size: Size::new(1, 1), hot_x: 0, hot_y: 0, rgba: vec![1, 2, 3, 255] };
        Shape { serial, image: Some(Rc::new(image)) }
    }

    #[test]
    fn a_shape_is_defined_once_and_recalled() {
        let mut slots = Slots::default();
        assert!(matches!(slots.show(&shape(7)), Some(CursorMessage::Define { slot: 0, .. })));
        assert_eq!(slots.show(&shape(7)), None);
        assert!(matches!(slots.show(&shape(8)), Some(CursorMessage::Define { slot: 1, .. })));
        assert_eq!(slots.show(&shape(7)), Some(CursorMessage::Recall { slot: 0 }));
        assert_eq!(slots.show(&Shape { serial: 1, image: None }), Some(CursorMessage::Hidden));
        for serial in 100..164 {
            assert!(matches!(slots.show(&shape(serial)), Some(CursorMessage::Define { .. })));
        }
        assert!(matches!(slots.show(&shape(7)), Some(CursorMessage::Define { .. })), "its slot was given away");
    }

    #[test]
    fn alpha_is_taken_out_and_large_shapes_are_thinned() {
        assert_eq!(straight(0x8040_2010), [128, 64, 32, 128]);
        assert_eq!(straight(0x00ff_ffff), [0, 0, 0, 0]);
        let reply = GetCursorImageReply {
            width: 300,
            height: 10,
            xhot: 299,
            yhot: 4,
            cursor_image: vec![u32::MAX; 3000],
            ..Default::default()
        };
        let image = image(&reply).expect("visible");
        assert_eq!((image.size, image.hot_x, image.hot_y), (Size::new(100, 4), 99, 1));
        assert_eq!(image.rgba.len(), 1600);
    }
}
