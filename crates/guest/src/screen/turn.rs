//! What the screen does with events, with messages of viewers, and with a turn of its loop.

use std::time::Duration;

use porthole_display::{DisplayMessage, GoodbyeReason, Point, Rect, Size, TileSet, ViewerHello, ViewerMessage};
use tokio::time::Instant;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::ConnectionExt as _;
use x11rb::protocol::xproto::{ConnectionExt as _, Mapping};

use super::input::Input;
use super::spare::Spare;
use super::viewer::{Said, Viewer};
use super::{PLAIN_WINDOW_TIME, Screen, ScreenError, Told, resize};

/// Events read before viewers get their turn.
const MOST_EVENTS: usize = 20_000;
/// Damage of so many pixels is worth asking the X server to wait for.
const STILL_PX: usize = 64 << 10;
/// Shortest time between two changes of size.
const RESIZE_PAUSE: Duration = Duration::from_millis(120);

impl Screen {
    /// Reads what the X server has sent; returns whether there was anything.
    pub(super) fn read_x(&mut self) -> Result<bool, ScreenError> {
        let mut damaged = false;
        let mut any = false;
        for _ in 0..MOST_EVENTS {
            let Some(event) = self.x.conn.poll_for_event()? else { break };
            any = true;
            if let Event::DamageNotify(e) = &event {
                damaged = true;
                let (w, h) = (e.area.width.into(), e.area.height.into());
                self.pending.add(Rect::clipped(e.area.x.into(), e.area.y.into(), w, h, self.size));
            } else {
                self.event(&event)?;
            }
        }
        if let (true, Some(damage)) = (damaged, self.damage) {
            // Reports come raw, each by itself; this only keeps the X server's own sum of them small.
            self.x.conn.damage_subtract(damage, x11rb::NONE, x11rb::NONE)?;
        }
        Ok(any)
    }

    fn event(&mut self, event: &Event) -> Result<(), ScreenError> {
        match event {
            Event::XfixesCursorNotify(e) => {
                if !self.viewers.is_empty() {
                    let shape = self.cursors.changed(&self.x, e.cursor_serial)?;
                    self.viewers.iter_mut().for_each(|v| v.show_cursor(&shape));
                } else {
                    self.cursors.forget_current();
                }
            }
            Event::ConfigureNotify(e) if e.window == self.x.root => {
                if Size::new(e.width, e.height) != self.size {
                    // Of several changes in a row only the last one counts, and that may not have been reported yet.
                    let now = self.x.conn.get_geometry(self.x.root)?.reply()?;
                    self.size_changed(Size::new(now.width, now.height));
                }
            }
            Event::ClientMessage(e) if e.window == self.x.window && e.type_ == self.x.atoms.PORTHOLE_STILL => {
                self.still.answered(e.data.as_data32()[0]);
            }
            Event::MappingNotify(e) if e.request != Mapping::POINTER => {
                self.input.map_changed(&self.x, e.first_keycode, e.count)?;
            }
            Event::XkbStateNotify(e) => self.input.state_changed(e),
            Event::Error(error) => tracing::debug!(?error, "X server refused a request"),
            _ => {
                self.windows.event(&self.x, event);
                if let Some(copied) = self.clipboard.event(&self.x, event)? {
                    let message = DisplayMessage::Clipboard { primary: copied.primary, text: copied.text };
                    self.viewers.iter().filter(|v| v.wants_clipboard()).for_each(|v| {
                        v.send(&message);
                    });
                }
            }
        }
        Ok(())
    }

    /// Brings the picture up to date and sends frames to those who may have one.
    pub(super) fn turn(&mut self) -> Result<(), ScreenError> {
        let now = self.now();
        self.grant_size()?;
        self.hand_out_damage(now);
        if self.waits_for_window {
            self.look_for_window()?;
        }
        while let Some(lost) = self.viewers.iter().find(|v| v.is_lost()) {
            tracing::debug!(viewer = lost.id, "Viewer takes nothing any more");
            lost.cut();
            self.remove_viewer(lost.id)?;
        }
        if !self.viewers.iter().any(|v| v.wants_frame(now)) {
            return Ok(());
        }
        let much = |v: &Viewer| v.wants_frame(now) && v.damaged_px() >= STILL_PX;
        let held = self.viewers.iter().any(much) && self.hold_still()?;
        self.hand_out_damage(now);
        let places = self.windows.places();
        let (x, y) = self.input.pointer();
        for viewer in self.viewers.iter_mut().filter(|v| v.wants_frame(now)) {
            viewer.look(self.framebuffer.view(self.size), now, Some(Point { x, y }), &places)?;
        }
        if held {
            self.let_go()?;
        }
        // What takes longest, a video's picture, needs the screen no more.
        Ok(self.viewers.iter_mut().try_for_each(Viewer::frame)?)
    }

    /// Tells the viewers what was drawn since they were told last.
    fn hand_out_damage(&mut self, now: Duration) {
        if !self.pending.is_empty() {
            self.viewers.iter_mut().for_each(|v| v.damage(&self.pending, now));
            self.pending.clear();
        }
    }

    fn look_for_window(&mut self) -> Result<(), ScreenError> {
        let Some(rect) = self.windows.large(self.size) else {
            self.window_since = None;
            return Ok(());
        };
        let since = *self.window_since.get_or_insert_with(Instant::now);
        if self.framebuffer.view(self.size).is_varied(rect) || since.elapsed() >= PLAIN_WINDOW_TIME {
            self.waits_for_window = false;
            self.tell(Told::Drawn);
            self.watch_damage()?;
        }
        Ok(())
    }

    /// When the loop must go on though nothing happens.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let frame = self.viewers.iter().filter_map(Viewer::next_frame_due).min().map(|at| self.started + at);
        let size = self.wanted_size.map(|(_, at)| at);
        let window = self.window_since.filter(|_| self.waits_for_window).map(|since| since + PLAIN_WINDOW_TIME);
        [frame, size, window, self.spare.due].into_iter().flatten().min()
    }

    pub(super) fn viewer_said(&mut self, id: u64, said: Said) -> Result<(), ScreenError> {
        let Some(viewer) = self.viewers.iter().find(|v| v.id == id) else { return Ok(()) };
        let wrong = match said {
            Said::Gone => return self.remove_viewer(id),
            Said::Wrong(how) => how,
            Said::Message(ViewerMessage::Hello(hello)) if !viewer.has_begun() => return self.hello(id, &hello),
            Said::Message(ViewerMessage::Hello(_)) => "a second hello".into(),
            Said::Message(message) if viewer.has_begun() => match self.message(id, message)? {
                Ok(()) => return Ok(()),
                Err(how) => how,
            },
            Said::Message(_) => "no hello".into(),
        };
        tracing::debug!(viewer = id, how = wrong, "Viewer broke the protocol");
        self.dismiss(id, GoodbyeReason::Protocol, &format!("The viewer broke the protocol: {wrong}."))
    }

    fn dismiss(&mut self, id: u64, reason: GoodbyeReason, sentence: &str) -> Result<(), ScreenError> {
        if let Some(viewer) = self.viewers.iter().find(|v| v.id == id) {
            viewer.goodbye(reason, sentence);
        }
        self.remove_viewer(id)
    }

    fn hello(&mut self, id: u64, hello: &ViewerHello) -> Result<(), ScreenError> {
        if hello.version != porthole_display::PROTOCOL_VERSION {
            let sentence = "This page is of another version than the display; load it again.";
            return self.dismiss(id, GoodbyeReason::Version, sentence);
        }
        let controls = self.viewers.iter().any(|v| v.id == id && v.controls());
        if controls && hello.width_px > 0 && hello.height_px > 0 {
            self.wanted_size = Some((Size::new(hello.width_px, hello.height_px), Instant::now()));
            self.grant_size()?;
        }
        let (size, max_size) = (self.size, self.max_size());
        let (shape, now) = (self.cursors.current(&self.x)?, self.now());
        if let Some(viewer) = self.viewers.iter_mut().find(|v| v.id == id) {
            viewer.begin(hello, &self.spec.name, size, max_size, now)?;
            viewer.show_cursor(&shape);
        }
        self.clipboard.want(self.viewers.iter().any(Viewer::wants_clipboard));
        Ok(())
    }

    fn max_size(&self) -> Size {
        let limit = porthole_display::limits::SCREEN_PX;
        let max = self.framebuffer.max_size();
        Size::new(max.width.min(limit), max.height.min(limit))
    }

    /// Carries out a message of a viewer that has begun; the inner error says how it broke the protocol.
    fn message(&mut self, id: u64, message: ViewerMessage) -> Result<Result<(), String>, ScreenError> {
        let now = self.now();
        let size = self.size;
        let Some(viewer) = self.viewers.iter_mut().find(|v| v.id == id) else { return Ok(Ok(())) };
        match message {
            ViewerMessage::Ack(ack) => {
                tracing::trace!(viewer = id, ?ack, "Acknowledged");
                return Ok(viewer.pacing.acked(&ack, now).map_err(|e| e.to_string()));
            }
            ViewerMessage::Ping { token } => {
                viewer.pong(token);
            }
            ViewerMessage::Refresh => viewer.refresh()?,
            _ if !viewer.controls() => {}
            ViewerMessage::Key(key) => {
                viewer.pacing.input(now);
                self.input.key(&self.x, id, &key)?;
                Input::flush(&self.x)?;
            }
            ViewerMessage::Pointer(pointer) => {
                viewer.pacing.input(now);
                self.input.pointer_at(&self.x, id, &pointer, size)?;
                Input::flush(&self.x)?;
            }
            ViewerMessage::Text(text) => {
                viewer.pacing.input(now);
                self.input.text(&self.x, &text)?;
                Input::flush(&self.x)?;
            }
            ViewerMessage::Release => self.input.release_all(&self.x, id)?,
            ViewerMessage::Clipboard { clipboard, primary, text } => {
                self.clipboard.set(&self.x, clipboard, primary, &text)?;
            }
            ViewerMessage::Resize { width_px, height_px, .. } => {
                let at = self.resized_at.map_or_else(Instant::now, |last| last + RESIZE_PAUSE);
                self.wanted_size = Some((Size::new(width_px, height_px), at));
            }
            ViewerMessage::Hello(_) => {}
        }
        Ok(Ok(()))
    }

    /// Gives the screen the size wished last, when its time has come.
    fn grant_size(&mut self) -> Result<(), ScreenError> {
        let Some((wanted, at)) = self.wanted_size else { return Ok(()) };
        if at > Instant::now() {
            return Ok(());
        }
        self.wanted_size = None;
        let size = resize::nearest(wanted, self.max_size());
        if size == self.size {
            return Ok(());
        }
        self.resized_at = Some(Instant::now());
        match resize::set_size(&self.x, size) {
            Ok(()) => self.size_changed(size),
            Err(ScreenError::Request(error)) => tracing::warn!(%error, ?size, "X server refuses a size"),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Follows the X screen to the size it has now.
    fn size_changed(&mut self, size: Size) {
        let max = self.framebuffer.max_size();
        let size = Size::new(size.width.clamp(1, max.width), size.height.clamp(1, max.height));
        if size == self.size {
            return;
        }
        self.size = size;
        self.spare = Spare::all();
        self.pending = TileSet::full(size);
        self.viewers.iter_mut().for_each(|v| v.resize(size));
        self.tell(Told::Resized(size));
    }
}
