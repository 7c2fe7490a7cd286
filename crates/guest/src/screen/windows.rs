//! Follows the top-level windows: where they are (hints for motion), and whether the application has shown itself.

use std::collections::BTreeMap;

use porthole_display::{Picture, Rect, Size, WindowPlace};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask, MapState, WindowClass};

use super::ScreenError;
use super::x::X;

#[derive(Debug, Clone, Copy)]
struct Window {
    x: i32,
    y: i32,
    /// Border included.
    w: u16,
    h: u16,
    mapped: bool,
    /// It can be seen; input-only windows cannot.
    visible: bool,
}

/// The children of the root window.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    all: BTreeMap<u32, Window>,
}

/// Windows beyond this number are not followed.
const MOST: usize = 512;

impl Windows {
    /// Begins to follow. The root window's events are asked for here, those of the screen size included.
    pub(crate) fn follow(x: &X) -> Result<Self, ScreenError> {
        let events = EventMask::SUBSTRUCTURE_NOTIFY | EventMask::STRUCTURE_NOTIFY;
        x.conn.change_window_attributes(x.root, &ChangeWindowAttributesAux::new().event_mask(events))?;
        let mut this = Self::default();
        for child in x.conn.query_tree(x.root)?.reply()?.children {
            this.look(x, child);
        }
        Ok(this)
    }

    /// Learns about one window; it may be gone already.
    fn look(&mut self, x: &X, id: u32) {
        if id == x.window || self.all.len() >= MOST {
            return;
        }
        let (Ok(attributes), Ok(geometry)) = (x.conn.get_window_attributes(id), x.conn.get_geometry(id)) else {
            return;
        };
        let (Ok(attributes), Ok(g)) = (attributes.reply(), geometry.reply()) else { return };
        let border = 2 * g.border_width;
        let window = Window {
            x: g.x.into(),
            y: g.y.into(),
            w: g.width.saturating_add(border),
            h: g.height.saturating_add(border),
            mapped: attributes.map_state != MapState::UNMAPPED,
            visible: attributes.class != WindowClass::INPUT_ONLY,
        };
        self.all.insert(id, window);
    }

    /// Takes note of an event of the root window.
    pub(crate) fn event(&mut self, x: &X, event: &Event) {
        match event {
            Event::ConfigureNotify(e) if e.window != x.root => {
                if let Some(window) = self.all.get_mut(&e.window) {
                    let border = 2 * e.border_width;
                    (window.x, window.y) = (e.x.into(), e.y.into());
                    (window.w, window.h) = (e.width.saturating_add(border), e.height.saturating_add(border));
                }
            }
            Event::MapNotify(e) => match self.all.get_mut(&e.window) {
                Some(window) => window.mapped = true,
                None => self.look(x, e.window),
            },
            Event::UnmapNotify(e) => {
                if let Some(window) = self.all.get_mut(&e.window) {
                    window.mapped = false;
                }
            }
            Event::ReparentNotify(e) if e.parent != x.root => drop(self.all.remove(&e.window)),
            Event::ReparentNotify(e) => self.look(x, e.window),
            Event::DestroyNotify(e) => drop(self.all.remove(&e.window)),
            _ => {}
        }
    }

    fn shown(&self) -> impl Iterator<Item = (u32, &Window)> {
        self.all.iter().filter(|(_, w)| w.mapped && w.visible).map(|(id, w)| (*id, w))
    }

    /// Where the visible windows are.
    pub(crate) fn places(&self) -> Vec<WindowPlace> {
        let place = |(id, w): (u32, &Window)| WindowPlace { id, x: w.x, y: w.y, w: w.w, h: w.h };
        self.shown().filter(|(_, w)| w.w >= 32 && w.h >= 32).map(place).collect()
    }

    /// Whether a window covers at least a quarter of the screen, and where.
    pub(crate) fn large(&self, size: Size) -> Option<Rect> {
        self.shown()
            .map(|(_, w)| Rect::clipped(w.x, w.y, w.w.into(), w.h.into(), size))
            .find(|rect| 4 * rect.area() >= size.area())
    }
}

/// Whether something was drawn into a rectangle: it has more than one colour.
pub(crate) fn is_drawn(picture: &Picture, rect: Rect) -> bool {
    !rect.is_empty() && picture.single_colour(rect).is_none()
}
