//! Lets the X server wait while its picture is read, so that a frame shows what applications meant to show.
//!
//! A picture read while it is drawn is mended by the next frame; until then it is torn, and what moved in it is not found
//! again. Where another client makes the X server wait already, the picture is read as it is.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::time::Instant;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ClientMessageEvent, ConnectionExt as _, EventMask};

use super::{Screen, ScreenError};

/// Longest time to wait for the X server to finish what it is at.
const PATIENCE: Duration = Duration::from_millis(4);

/// How often the X server was asked to wait, and how often it did.
#[derive(Debug, Default)]
pub(super) struct Stillness {
    asked: u32,
    answered: u32,
}

impl Stillness {
    /// Notes an answer.
    pub(super) fn answered(&mut self, number: u32) {
        self.answered = number;
    }

    /// Whether it has done all it was asked.
    pub(super) fn has_answered(&self) -> bool {
        self.asked == self.answered
    }
}

impl Screen {
    /// Asks the X server to wait and takes note of all it has drawn by then. Returns whether it must be let go again.
    pub(super) fn hold_still(&mut self) -> Result<bool, ScreenError> {
        if !self.still.has_answered() {
            // It has not even come to what was asked last time.
            return Ok(false);
        }
        self.still.asked = self.still.asked.wrapping_add(1);
        let (window, kind) = (self.x.window, self.x.atoms.PORTHOLE_STILL);
        let message = ClientMessageEvent::new(32, window, kind, [self.still.asked, 0, 0, 0, 0]);
        self.x.conn.grab_server()?;
        // The answer: it comes behind everything that was drawn before.
        self.x.conn.send_event(false, window, EventMask::NO_EVENT, message)?;
        self.x.conn.flush()?;
        let until = Instant::now() + PATIENCE;
        loop {
            self.read_x()?;
            let left = until.saturating_duration_since(Instant::now());
            if self.still.has_answered() || left.is_zero() {
                return Ok(true);
            }
            let left = Timespec { tv_sec: 0, tv_nsec: left.as_nanos() as _ };
            match poll(&mut [PollFd::new(self.x.readable.get_ref(), PollFlags::IN)], Some(&left)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(ScreenError::Io(error.into())),
            }
        }
    }

    /// Lets the X server go on.
    pub(super) fn let_go(&self) -> Result<(), ScreenError> {
        self.x.conn.ungrab_server()?;
        Ok(self.x.conn.flush()?)
    }
}
