//! Follows the top-level windows: where they are (hints for motion), and whether the application has shown itself.

use std::collections::BTreeMap;

use porthole_display::{Rect, Size, WindowPlace};
use porthole_model::guest::{MOST_WINDOW_TEXT, MOST_WINDOWS, Window, WindowList};
use x11rb::errors::ReplyError;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, GetPropertyReply, MapState, WindowClass,
};

use super::ScreenError;
use super::x::X;

#[derive(Debug, Clone, Copy)]
struct Place {
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
    all: BTreeMap<u32, Place>,
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
        let window = Place {
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

    fn shown(&self) -> impl Iterator<Item = (u32, &Place)> {
        self.all.iter().filter(|(_, w)| w.mapped && w.visible).map(|(id, w)| (*id, w))
    }

    /// Where the visible windows are.
    pub(crate) fn places(&self) -> Vec<WindowPlace> {
        let place = |(id, w): (u32, &Place)| WindowPlace { id, x: w.x, y: w.y, w: w.w, h: w.h };
        self.shown().filter(|(_, w)| w.w >= 32 && w.h >= 32).map(place).collect()
    }

    /// Names the windows a person may have work in: those the window manager knows, or without one those that show.
    pub(crate) fn list(&self, x: &X) -> Result<WindowList, ScreenError> {
        let known = property(x, x.root, x.atoms._NET_CLIENT_LIST, AtomEnum::WINDOW.into(), MOST_WINDOWS)?;
        let mut ids: Vec<u32> = known.and_then(|found| Some(found.value32()?.collect())).unwrap_or_default();
        if ids.is_empty() {
            ids = self.shown().map(|(id, _)| id).collect();
        }
        let mut list = WindowList::default();
        for id in ids.into_iter().take(MOST_WINDOWS) {
            if is_furniture(x, id)? {
                continue;
            }
            let title = match text(x, id, x.atoms._NET_WM_NAME, x.atoms.UTF8_STRING)? {
                title if title.is_empty() => text(x, id, AtomEnum::WM_NAME.into(), AtomEnum::ANY.into())?,
                title => title,
            };
            // Two words with a zero byte behind each: the instance's name, and the class.
            let class = text(x, id, AtomEnum::WM_CLASS.into(), AtomEnum::STRING.into())?;
            let application = class.split('\0').rfind(|word| !word.is_empty()).unwrap_or_default();
            if !title.is_empty() || !application.is_empty() {
                let application = application.to_owned();
                list.windows.push(Window { title: title.replace('\0', " "), application });
            }
        }
        Ok(list)
    }

    /// Whether a window covers at least a quarter of the screen, and where.
    pub(crate) fn large(&self, size: Size) -> Option<Rect> {
        self.shown()
            .map(|(_, w)| Rect::clipped(w.x, w.y, w.w.into(), w.h.into(), size))
            .find(|rect| 4 * rect.area() >= size.area())
    }
}

/// Reads at most `words` 32-bit words of a property; `None` when the window has gone.
fn property(x: &X, window: u32, name: u32, kind: u32, words: usize) -> Result<Option<GetPropertyReply>, ScreenError> {
    match x.conn.get_property(false, window, name, kind, 0, u32::try_from(words).unwrap_or(u32::MAX))?.reply() {
        Ok(reply) => Ok(Some(reply)),
        // A window may go at any time.
        Err(ReplyError::X11Error(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a window is the desktop itself or a panel.
fn is_furniture(x: &X, window: u32) -> Result<bool, ScreenError> {
    let kinds = property(x, window, x.atoms._NET_WM_WINDOW_TYPE, AtomEnum::ATOM.into(), 8)?;
    let furniture = [x.atoms._NET_WM_WINDOW_TYPE_DESKTOP, x.atoms._NET_WM_WINDOW_TYPE_DOCK];
    Ok(kinds
        .as_ref()
        .and_then(GetPropertyReply::value32)
        .is_some_and(|mut kinds| kinds.any(|k| furniture.contains(&k))))
}

/// Reads a property's text; empty when there is none.
fn text(x: &X, window: u32, name: u32, kind: u32) -> Result<String, ScreenError> {
    let found = property(x, window, name, kind, MOST_WINDOW_TEXT)?;
    let bytes = found.filter(|reply| reply.format == 8).map(|reply| reply.value).unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).chars().take(MOST_WINDOW_TEXT).collect())
}
