//! What the viewer shows only approximately, and when each part of it has rested long enough to be made exact
//! (docs/display-protocol.md §6.2).

use std::time::Duration;

use crate::geometry::{Point, Rect, Size};
use crate::motion::Move;
use crate::tiles::TileSet;

/// So long a tile rests before it is made exact.
const QUIET: Duration = Duration::from_millis(100);
/// What moves rests for two and a quarter times what lay between two changes of its last three, the shorter time of both,
/// within these bounds: what moves ten times a second is not made exact in between, nor a film of
/// 15 pictures a second and more that misses one.
const SHORTEST_QUIET: Duration = Duration::from_millis(75);
const LONGEST_QUIET: Duration = Duration::from_millis(150);

/// When a tile that is lossy changed last.
#[derive(Debug, Clone, Copy)]
struct Change {
    at: Duration,
    /// How long after another change since which it is lossy, and that one after the one before; very long without one.
    gaps: [Duration; 2],
}

impl Change {
    /// The first change that makes something lossy.
    fn first(at: Duration) -> Self {
        Self { at, gaps: [Duration::MAX; 2] }
    }

    fn then(self, at: Duration) -> Self {
        Self { at, gaps: [at - self.at, self.gaps[0]] }
    }

    fn rested_at(self) -> Duration {
        // One change that was late by itself does not make a film a slow one.
        let gap = self.gaps[0].min(self.gaps[1]);
        let moves = gap <= LONGEST_QUIET;
        self.at + if moves { (gap * 9 / 4).clamp(SHORTEST_QUIET, LONGEST_QUIET) } else { QUIET }
    }
}

/// The lossy pixels of one viewer.
pub(super) struct Lossy {
    tiles: TileSet,
    /// One for each tile.
    changes: Vec<Change>,
}

impl Lossy {
    pub(super) fn new(size: Size) -> Self {
        let tiles = TileSet::new(size);
        Self { changes: vec![Change::first(Duration::ZERO); tiles.tiles()], tiles }
    }

    pub(super) fn tiles(&self) -> &TileSet {
        &self.tiles
    }

    /// When anything of it changed last.
    pub(super) fn latest(&self) -> Duration {
        self.changes.iter().map(|c| c.at).max().unwrap_or_default()
    }

    /// Follows the picture to another size; everything counts as just changed.
    pub(super) fn resize(&mut self, size: Size) {
        let latest = Change::first(self.latest());
        let mut tiles = TileSet::new(size);
        tiles.add_all(&self.tiles);
        self.changes = vec![latest; tiles.tiles()];
        self.tiles = tiles;
    }

    pub(super) fn clear(&mut self) {
        self.tiles.clear();
    }

    /// Notes that a rectangle was sent lossless.
    pub(super) fn clear_covered(&mut self, rect: Rect) {
        self.tiles.clear_covered(rect);
    }

    /// Notes that a rectangle was sent lossy.
    pub(super) fn add(&mut self, rect: Rect, now: Duration) {
        for (index, _) in TileSet::touched(self.tiles.size(), rect) {
            self.touch(index, now);
        }
        self.tiles.add(rect);
    }

    /// Notes that pixels of a tile differ from the screen.
    pub(super) fn changed(&mut self, index: usize, differs: Rect, now: Duration) {
        if self.tiles.get(index).is_some_and(|l| !l.intersect(&differs).is_empty()) {
            self.touch(index, now);
        }
    }

    fn touch(&mut self, index: usize, now: Duration) {
        let was_lossy = self.tiles.get(index).is_some();
        let change = &mut self.changes[index];
        if !was_lossy {
            *change = Change::first(now);
        } else if now > change.at {
            *change = change.then(now);
        }
    }

    /// Takes the mark along with copied pixels.
    pub(super) fn moved(&mut self, m: &Move, now: Duration) {
        if self.tiles.is_empty() {
            return;
        }
        let taken: Vec<Rect> = TileSet::touched(self.tiles.size(), m.from())
            .filter_map(|(index, part)| Some(self.tiles.get(index)?.intersect(&part)))
            .filter(|r| !r.is_empty())
            .map(|r| Rect::new(r.x - m.from_x + m.to.x, r.y - m.from_y + m.to.y, r.w, r.h))
            .collect();
        self.clear_covered(m.to);
        taken.into_iter().for_each(|rect| self.add(rect, now));
    }

    /// When the next tile will have rested long enough.
    pub(super) fn next_rested(&self) -> Option<Duration> {
        self.tiles.iter().map(|(index, _)| self.changes[index].rested_at()).min()
    }

    /// Tiles that have rested long enough, nearest to `focus` first, about `enough_px` pixels.
    pub(super) fn rested(&self, now: Duration, focus: Option<Point>, enough_px: usize) -> TileSet {
        let mut due: Vec<Rect> =
            self.tiles.iter().filter(|(index, _)| self.changes[*index].rested_at() <= now).map(|(_, r)| r).collect();
        if let Some(focus) = focus {
            due.sort_by_key(|r| r.distance_squared(focus));
        }
        let mut rested = TileSet::new(self.tiles.size());
        let mut px = 0;
        for rect in due {
            if px >= enough_px {
                break;
            }
            px += rect.area();
            rested.add(rect);
        }
        rested
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn what_moves_ten_times_a_second_is_not_made_exact_in_between() {
        let tile = Rect::new(0, 0, 64, 64);
        for (gap, quiet) in [(16, 75), (40, 90), (60, 135), (100, 150), (140, 150), (200, 100), (5000, 100)] {
            let mut lossy = Lossy::new(Size::new(200, 200));
            (1..5).for_each(|n| lossy.add(tile, ms(n * gap)));
            assert_eq!(lossy.next_rested(), Some(ms(4 * gap + quiet)), "every {gap} ms");
            assert!(lossy.rested(ms(4 * gap + quiet - 1), None, usize::MAX).is_empty());
            assert_eq!(lossy.rested(ms(4 * gap + quiet), None, usize::MAX).bounds(), tile);
        }
    }

    #[test]
    fn one_late_change_does_not_make_a_film_slow() {
        let tile = Rect::new(0, 0, 64, 64);
        let mut lossy = Lossy::new(Size::new(200, 200));
        [0, 34, 68, 112].into_iter().for_each(|at| lossy.add(tile, ms(at)));
        assert_eq!(lossy.next_rested(), Some(Duration::from_micros(112_000 + 76_500)));
        lossy.add(tile, ms(156));
        assert_eq!(lossy.next_rested(), Some(ms(156 + 99)), "two of them are its pace");
    }

    #[test]
    fn a_film_that_misses_a_picture_is_not_made_exact_meanwhile() {
        let tile = Rect::new(0, 0, 64, 64);
        for gap in [16, 33, 41, 66] {
            let mut lossy = Lossy::new(Size::new(200, 200));
            (1..5).for_each(|n| lossy.add(tile, ms(n * gap)));
            assert!(lossy.rested(ms(6 * gap), None, usize::MAX).is_empty(), "every {gap} ms");
            lossy.add(tile, ms(6 * gap));
            assert!(lossy.rested(ms(8 * gap), None, usize::MAX).is_empty(), "every {gap} ms, and another one");
        }
    }

    #[test]
    fn what_is_nearest_rests_first_and_no_more_than_is_enough() {
        let mut lossy = Lossy::new(Size::new(1000, 1000));
        lossy.add(Rect::new(0, 0, 1000, 1000), ms(500));
        let near = lossy.rested(ms(700), Some(Point { x: 990, y: 990 }), 64 * 64);
        assert!(near.area() < 4 * 64 * 64 && near.touches(Rect::new(960, 960, 40, 40)), "{near:?}");
        assert_eq!(lossy.rested(ms(700), None, usize::MAX).area(), 1_000_000);
    }
}
