//! The selections CLIPBOARD and PRIMARY: text of applications for the viewers, and the other way round.
//!
//! ```text
//! taken by an application ─▶ ask (ConvertSelection) ─▶ whole answer ─────────────▶ text
//!                                                  └─▶ INCR: piece, piece, … ─▶┘
//! set by a viewer ─▶ own ─▶ asked by an application ─▶ whole answer, or INCR pieces as it takes them
//! ```

use std::collections::HashMap;
use std::rc::Rc;

use porthole_display::limits;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::Event;
use x11rb::protocol::xfixes::{ConnectionExt as _, SelectionEventMask};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, PropMode, Property, PropertyNotifyEvent,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent,
};
use x11rb::wrapper::ConnectionExt as _;

use super::ScreenError;
use super::x::X;

/// Text an application put into a selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) primary: bool,
    pub(crate) text: String,
}

/// Pieces of this size are handed out when a text is too long for one answer.
const PIECE_BYTES: usize = 64 << 10;
/// Answers that are under way piecewise at once.
const MOST_TRANSFERS: usize = 16;

/// An answer that comes in pieces.
#[derive(Debug)]
struct Incoming {
    selection: u32,
    bytes: Vec<u8>,
}

/// An answer that goes out in pieces.
#[derive(Debug)]
struct Outgoing {
    text: Rc<str>,
    sent: usize,
    kind: u32,
}

/// The state of both selections.
#[derive(Debug, Default)]
pub(crate) struct Clipboard {
    /// Texts this program owns, by selection.
    own: HashMap<u32, Rc<str>>,
    incoming: Option<Incoming>,
    /// By window and property of the asker.
    outgoing: HashMap<(u32, u32), Outgoing>,
    /// The selection asked for now, and the ones to ask for next.
    asked: Option<u32>,
    waiting: Vec<u32>,
    /// Whether any viewer wants texts.
    wanted: bool,
}

impl Clipboard {
    /// Asks to hear of selections changing hands.
    pub(crate) fn follow(x: &X) -> Result<Self, ScreenError> {
        for selection in [x.atoms.CLIPBOARD, AtomEnum::PRIMARY.into()] {
            let mask = SelectionEventMask::SET_SELECTION_OWNER;
            x.conn.xfixes_select_selection_input(x.window, selection, mask)?;
        }
        Ok(Self::default())
    }

    /// Says whether texts of applications are worth asking for.
    pub(crate) fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    /// Takes a text from a viewer.
    pub(crate) fn set(&mut self, x: &X, clipboard: bool, primary: bool, text: &str) -> Result<(), ScreenError> {
        let text: Rc<str> = text.into();
        for (set, selection) in [(clipboard, x.atoms.CLIPBOARD), (primary, AtomEnum::PRIMARY.into())] {
            if set {
                self.own.insert(selection, text.clone());
                x.conn.set_selection_owner(x.window, selection, x11rb::CURRENT_TIME)?;
            }
        }
        Ok(x.conn.flush()?)
    }

    /// Takes note of an event; returns a text that is complete now.
    pub(crate) fn event(&mut self, x: &X, event: &Event) -> Result<Option<Copied>, ScreenError> {
        match event {
            Event::XfixesSelectionNotify(e) if e.owner == x.window => {}
            Event::XfixesSelectionNotify(e) => {
                self.own.remove(&e.selection);
                if self.wanted && e.owner != x11rb::NONE {
                    self.ask_for(x, e.selection)?;
                }
            }
            Event::SelectionClear(e) => drop(self.own.remove(&e.selection)),
            Event::SelectionNotify(e) if e.requestor == x.window => return self.answered(x, e),
            Event::SelectionRequest(e) => self.requested(x, e)?,
            Event::PropertyNotify(e)
                if e.window == x.window && e.state == Property::NEW_VALUE && e.atom == x.atoms.PORTHOLE_SELECTION =>
            {
                return self.piece_came(x);
            }
            Event::PropertyNotify(e) if e.state == Property::DELETE => self.piece_taken(x, e)?,
            Event::DestroyNotify(e) => self.outgoing.retain(|(window, _), _| *window != e.window),
            _ => {}
        }
        Ok(None)
    }

    /// Asks the owner for its text, or notes to ask when the answer under way is there.
    fn ask_for(&mut self, x: &X, selection: u32) -> Result<(), ScreenError> {
        if self.asked.is_some_and(|asked| asked != selection) {
            if !self.waiting.contains(&selection) {
                self.waiting.push(selection);
            }
            return Ok(());
        }
        // The same selection changed hands again: the old answer is of no use any more.
        self.incoming = None;
        self.asked = Some(selection);
        let (kind, property) = (x.atoms.UTF8_STRING, x.atoms.PORTHOLE_SELECTION);
        x.conn.convert_selection(x.window, selection, kind, property, x11rb::CURRENT_TIME)?;
        Ok(x.conn.flush()?)
    }

    fn answered(&mut self, x: &X, e: &SelectionNotifyEvent) -> Result<Option<Copied>, ScreenError> {
        if self.asked != Some(e.selection) {
            return Ok(None);
        }
        if e.property == x11rb::NONE {
            self.finish(x)?;
            return Ok(None);
        }
        let longest = (limits::CLIPBOARD_BYTES / 4 + 1) as u32;
        let reply = x.conn.get_property(true, x.window, e.property, AtomEnum::ANY, 0, longest)?.reply()?;
        if reply.type_ == x.atoms.INCR {
            self.incoming = Some(Incoming { selection: e.selection, bytes: Vec::new() });
            return Ok(None);
        }
        let whole = reply.bytes_after == 0 && reply.format == 8;
        self.finish(x)?;
        Ok(if whole { copied(x, e.selection, reply.value) } else { None })
    }

    fn piece_came(&mut self, x: &X) -> Result<Option<Copied>, ScreenError> {
        let Some(incoming) = &mut self.incoming else { return Ok(None) };
        let property = x.atoms.PORTHOLE_SELECTION;
        let longest = (limits::CLIPBOARD_BYTES / 4 + 1) as u32;
        let reply = x.conn.get_property(true, x.window, property, AtomEnum::ANY, 0, longest)?.reply()?;
        if reply.value.is_empty() {
            let Some(done) = self.incoming.take() else { return Ok(None) };
            self.finish(x)?;
            return Ok(copied(x, done.selection, done.bytes));
        }
        // Pieces beyond the limit are taken, so that the owner comes to its end, and thrown away.
        if incoming.bytes.len() <= limits::CLIPBOARD_BYTES {
            incoming.bytes.extend(reply.value);
        }
        Ok(None)
    }

    fn finish(&mut self, x: &X) -> Result<(), ScreenError> {
        self.asked = None;
        self.incoming = None;
        match self.waiting.pop() {
            Some(next) => self.ask_for(x, next),
            None => Ok(()),
        }
    }

    fn requested(&mut self, x: &X, e: &SelectionRequestEvent) -> Result<(), ScreenError> {
        let property = if e.property == x11rb::NONE { e.target } else { e.property };
        let done = match self.own.get(&e.selection).cloned() {
            Some(text) => self.answer(x, e, property, text)?,
            None => false,
        };
        let notice = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: e.time,
            requestor: e.requestor,
            selection: e.selection,
            target: e.target,
            property: if done { property } else { x11rb::NONE },
        };
        x.conn.send_event(false, e.requestor, EventMask::NO_EVENT, notice)?;
        Ok(x.conn.flush()?)
    }

    fn answer(&mut self, x: &X, e: &SelectionRequestEvent, property: u32, text: Rc<str>) -> Result<bool, ScreenError> {
        let a = &x.atoms;
        let (replace, to, atom, integer) = (PropMode::REPLACE, e.requestor, AtomEnum::ATOM, AtomEnum::INTEGER);
        let string: u32 = AtomEnum::STRING.into();
        let targets = [a.TARGETS, a.TIMESTAMP, a.UTF8_STRING, a.TEXT_PLAIN_UTF8, a.TEXT_PLAIN, a.TEXT, string];
        if e.target == a.TARGETS {
            x.conn.change_property32(replace, to, property, atom, &targets)?;
        } else if e.target == a.TIMESTAMP {
            x.conn.change_property32(replace, to, property, integer, &[x11rb::CURRENT_TIME])?;
        } else if !targets.contains(&e.target) {
            return Ok(false);
        } else {
            let kind = if e.target == a.TEXT { a.UTF8_STRING } else { e.target };
            if text.len() <= PIECE_BYTES.min(x.conn.maximum_request_bytes() / 2) {
                x.conn.change_property8(replace, to, property, kind, text.as_bytes())?;
            } else {
                if self.outgoing.len() >= MOST_TRANSFERS {
                    self.outgoing.clear();
                }
                let events = EventMask::PROPERTY_CHANGE | EventMask::STRUCTURE_NOTIFY;
                x.conn.change_window_attributes(to, &ChangeWindowAttributesAux::new().event_mask(events))?;
                x.conn.change_property32(replace, to, property, a.INCR, &[text.len() as u32])?;
                self.outgoing.insert((to, property), Outgoing { text, sent: 0, kind });
            }
        }
        Ok(true)
    }

    /// The asker took a piece (by deleting the property): it gets the next one, an empty one at the end.
    fn piece_taken(&mut self, x: &X, e: &PropertyNotifyEvent) -> Result<(), ScreenError> {
        let key = (e.window, e.atom);
        let Some(outgoing) = self.outgoing.get_mut(&key) else { return Ok(()) };
        let bytes = outgoing.text.as_bytes();
        let end = (outgoing.sent + PIECE_BYTES).min(bytes.len());
        let piece = &bytes[outgoing.sent..end];
        let last = piece.is_empty();
        x.conn.change_property8(PropMode::REPLACE, e.window, e.atom, outgoing.kind, piece)?;
        outgoing.sent = end;
        if last {
            self.outgoing.remove(&key);
            x.conn.change_window_attributes(
                e.window,
                &ChangeWindowAttributesAux::new().event_mask(EventMask::NO_EVENT),
            )?;
        }
        Ok(x.conn.flush()?)
    }
}

fn copied(x: &X, selection: u32, bytes: Vec<u8>) -> Option<Copied> {
    if bytes.len() > limits::CLIPBOARD_BYTES {
        return None;
    }
    let text = String::from_utf8(bytes).ok()?;
    Some(Copied { primary: selection != x.atoms.CLIPBOARD, text })
}
