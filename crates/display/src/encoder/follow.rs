//! What goes on moving as it did is sent before anything is compared.

use std::time::Duration;

use super::{Draft, Encoder};
use crate::geometry::Rect;
use crate::motion::{Lifted, Move, SMALLEST_CHANGE_PX};
use crate::pixels::Pixels;
use crate::tiles::TileSet;

impl Encoder {
    /// Sends a scroll, or else a drag, that goes on as it began. Where nothing has for a while, what was copied on trust is to
    /// be compared.
    pub(super) fn follow(&mut self, screen: Pixels<'_>, windows: &[Move], now: Duration, draft: &mut Draft) {
        let rested = self.assumed.has_rested(now);
        if rested {
            self.land();
        }
        if let Some(lifted) = &self.lifted {
            if let Some(m) = self.momentum.follow_lifted(lifted, screen, &self.dirty, windows) {
                return self.drag(&m, now, draft);
            }
            // Something small beside it does not end it.
            if self.dirty.area() >= SMALLEST_CHANGE_PX {
                self.land();
            }
            return;
        }
        if !self.dirty.is_empty() {
            let moves = self.momentum.follow_scroll(&mut self.shown, screen, &self.dirty);
            for m in &moves {
                if let Some(snapshots) = &mut self.snapshots {
                    snapshots.note(m.to, now);
                }
                self.send_on_trust(m, now, draft);
            }
            if !moves.is_empty() {
                return;
            }
            if let Some(m) = self.momentum.follow_drag(&self.shown, screen, &self.dirty, windows) {
                return self.drag(&m, now, draft);
            }
        }
        // What moved may go on after a rest; this did not.
        if rested {
            self.assumed.give_up(&mut self.dirty);
        }
    }

    /// Sends a step of a drag.
    fn drag(&mut self, m: &Move, now: Duration, draft: &mut Draft) {
        let mut covered = TileSet::new(self.shown.size());
        covered.add(m.to);
        self.keep(&covered, now, draft);
        let mut lifted = self.lifted.take().unwrap_or_else(|| Lifted::new(&self.shown, m.from()));
        lifted.step(m, &mut self.shown);
        self.lifted = Some(lifted);
        self.send_on_trust(m, now, draft);
    }

    /// Sends a move that was carried out since a sample of it fit.
    fn send_on_trust(&mut self, m: &Move, now: Duration, draft: &mut Draft) {
        self.dirty.remove(m.to);
        self.assumed.add(m.to, &mut self.dirty, now);
        self.send_move(m, now, draft);
    }

    /// Gives `shown` what it needs of what is being dragged to be compared where it is dirty.
    pub(super) fn put_down(&mut self) {
        let Some(lifted) = &self.lifted else { return };
        for (_, rect) in self.dirty.iter() {
            lifted.put_down(rect.intersect(&lifted.place()), &mut self.shown);
        }
    }

    /// Notes for what is being dragged that a rectangle of `shown` may have changed.
    pub(super) fn pick_up(&mut self, changed: Rect) {
        if let Some(lifted) = &mut self.lifted {
            lifted.pick_up(changed.intersect(&lifted.place()), &self.shown);
        }
    }

    /// Gives `shown` all of what was being dragged.
    pub(super) fn land(&mut self) {
        if let Some(lifted) = self.lifted.take() {
            lifted.put_down(lifted.place(), &mut self.shown);
        }
    }
}
