//! Gives the memory of the X server's picture that lies outside the screen back to the system.
//!
//! An X server has room for the largest screen there may be, and has written to all of it when it begins.

use std::time::Duration;

use tokio::time::Instant;

use super::{Screen, ScreenError};

/// Time after a start or a change of size: both have better to do first.
const PAUSE: Duration = Duration::from_secs(1);
/// Rows at once; nothing else is done for half a millisecond.
const ROWS: u16 = 64;
/// Time between two of these.
const GAP: Duration = Duration::from_millis(2);

/// What is still to be given back.
#[derive(Debug)]
pub(super) struct Spare {
    /// The first row that was not looked at.
    row: u16,
    /// When to look on; `None` when all is done.
    pub(super) due: Option<Instant>,
}

impl Spare {
    /// All of it, in a while.
    pub(super) fn all() -> Self {
        Self { row: 0, due: Some(Instant::now() + PAUSE) }
    }
}

impl Screen {
    /// Gives some rows back when it is time to.
    pub(super) fn release_spare(&mut self) -> Result<(), ScreenError> {
        let size = self.size;
        if self.spare.due.is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        self.spare.due = Some(Instant::now() + PAUSE);
        if !self.hold_still()? {
            return Ok(());
        }
        // While the X server waits nobody changes the size; what was changed before has been read, if it has answered.
        if size == self.size && self.still.has_answered() {
            self.framebuffer.release_outside(size, self.spare.row, ROWS);
            self.spare.row = self.spare.row.saturating_add(ROWS);
            let more = self.spare.row < self.framebuffer.max_size().height;
            self.spare.due = more.then(|| Instant::now() + GAP);
        }
        self.let_go()
    }
}
