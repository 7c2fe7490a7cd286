//! What was copied since a sample of it fit, and has not been compared with the screen (docs/display-protocol.md §6.2).

use std::time::Duration;

use crate::geometry::{Rect, Size};
use crate::pixels::Quarter;
use crate::tiles::TileSet;

/// What moved is compared when it has rested for so long: far longer than lies between two frames.
const REST: Duration = Duration::from_millis(60);

/// The pixels of one viewer that were copied on trust.
pub(super) struct Assumed {
    tiles: TileSet,
    /// When the last of them were copied.
    latest: Duration,
}

impl Assumed {
    pub(super) fn new(size: Size) -> Self {
        Self { tiles: TileSet::new(size), latest: Duration::ZERO }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// When they are to be compared, if nothing goes on moving.
    pub(super) fn rested_at(&self) -> Option<Duration> {
        (!self.is_empty()).then_some(self.latest + REST)
    }

    /// Takes a rectangle on trust, but for its upper and lower edge, which become dirty: there a sample may miss that
    /// something else begins.
    pub(super) fn add(&mut self, rect: Rect, dirty: &mut TileSet, now: Duration) {
        self.tiles.add(rect);
        self.latest = now;
        let edge = Quarter::ROWS.min(rect.h);
        dirty.add(Rect::new(rect.x, rect.y, rect.w, edge));
        dirty.add(Rect::new(rect.x, rect.bottom() - edge, rect.w, edge));
    }

    /// Notes that all of `dirty` is being compared.
    pub(super) fn compared(&mut self, dirty: &TileSet) {
        if !self.is_empty() {
            dirty.iter().for_each(|(_, rect)| self.tiles.clear_covered(rect));
        }
    }

    /// Whether it has rested.
    pub(super) fn has_rested(&self, now: Duration) -> bool {
        self.rested_at().is_some_and(|at| at <= now)
    }

    /// Makes all of it dirty.
    pub(super) fn give_up(&mut self, dirty: &mut TileSet) {
        dirty.add_all(&self.tiles);
        self.tiles.clear();
    }
}
