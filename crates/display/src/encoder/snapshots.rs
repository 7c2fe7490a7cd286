//! What the viewer is asked to keep of older pictures, so that what comes back costs a command: the background under a
//! window that is moved or closed, the page under a menu.
//!
//! Kept are whole tiles that look photographic, when they are about to change after a rest and are exact. Text is not
//! worth it: the pixel stream finds it again by itself. A tile that is back on the screen as a whole is kept no longer,
//! and anew when it is about to change again, rested or not: it has shown that it comes back. So what is kept is what is
//! covered. No more tiles are kept than the screen has: what was used longest ago goes.

use std::time::Duration;

use crate::classify::{Class, classify};
use crate::frame::Command;
use crate::geometry::{Rect, Size};
use crate::limits::SNAPSHOTS;
use crate::picture::Picture;
use crate::pixels::Pixels;
use crate::tiles::{TILE_PX, TileSet};

/// A tile that has not changed for so long is worth keeping.
const REST: Duration = Duration::from_millis(400);

/// Of all that is kept such a part goes when there is no room.
const FORGOTTEN_AT_ONCE: usize = 16;

/// What one snapshot has of a tile.
#[derive(Debug, Clone, Default)]
struct Kept {
    /// All pixels of the tile, row by row; empty when nothing is kept.
    pixels: Vec<u8>,
    /// When it was kept or used last.
    used: Duration,
}

/// The snapshots of one viewer.
pub(super) struct Snapshots {
    size: Size,
    tiles: Vec<[Kept; SNAPSHOTS]>,
    /// How many hold pixels.
    count: usize,
    /// When the pixels of each tile changed last; long ago, for tiles that came back.
    changed_at: Vec<Duration>,
    /// Kept tiles that changed with the frame before.
    changed: Vec<usize>,
}

impl Snapshots {
    pub(super) fn new(size: Size, now: Duration) -> Self {
        let tiles = TileSet::new(size).tiles();
        let changed = Vec::new();
        Self { size, tiles: vec![Default::default(); tiles], count: 0, changed_at: vec![now; tiles], changed }
    }

    /// Keeps no longer what the frame before brought back as a whole, and notes what is `changed` in this one. Where
    /// something is `lifted`, the viewer shows that instead of what `shown` has.
    pub(super) fn let_go(&mut self, shown: Pixels<'_>, lifted: Rect, changed: &TileSet) {
        for index in std::mem::take(&mut self.changed) {
            let tile = self.tile(index);
            if !tile.intersect(&lifted).is_empty() {
                continue;
            }
            let bytes_a_row = 4 * usize::from(tile.w);
            let is_back = |k: &&mut Kept| shown.rows(tile).eq(k.pixels.chunks_exact(bytes_a_row));
            if let Some(kept) = self.tiles[index].iter_mut().find(is_back) {
                *kept = Kept::default();
                self.count -= 1;
                self.changed_at[index] = Duration::ZERO;
            }
        }
        let is_kept = |index: &usize| self.tiles[*index].iter().any(|k| !k.pixels.is_empty());
        self.changed.extend(changed.iter().map(|(index, _)| index).filter(is_kept));
    }

    /// The place of a tile.
    fn tile(&self, index: usize) -> Rect {
        let columns = usize::from(self.size.width.div_ceil(TILE_PX));
        let (column, row) = ((index % columns) as u16, (index / columns) as u16);
        Rect::new(column * TILE_PX, row * TILE_PX, TILE_PX, TILE_PX).intersect(&self.size.rect())
    }

    /// Keeps what `shown` has in those tiles that are about to change and are worth it, and notes that they change.
    pub(super) fn keep(
        &mut self,
        shown: Pixels<'_>,
        changed: &TileSet,
        lossy: &TileSet,
        now: Duration,
    ) -> Vec<Command> {
        let mut commands: Vec<Command> = Vec::new();
        for (index, _) in changed.iter() {
            let rested = now.saturating_sub(std::mem::replace(&mut self.changed_at[index], now)) >= REST;
            if !rested || lossy.get(index).is_some() {
                continue;
            }
            let tile = self.tile(index);
            if classify(shown, tile) != Class::Photo || self.find(index, shown, tile, tile, now).is_some() {
                continue;
            }
            if self.count == self.tiles.len() {
                self.forget_oldest();
            }
            let kept = &mut self.tiles[index];
            let slot = (0..SNAPSHOTS).min_by_key(|s| (!kept[*s].pixels.is_empty(), kept[*s].used)).unwrap_or(0);
            self.count += usize::from(kept[slot].pixels.is_empty());
            kept[slot].pixels.clear();
            shown.rows(tile).for_each(|row| kept[slot].pixels.extend_from_slice(row));
            kept[slot].used = now;
            match commands.last_mut() {
                Some(Command::Save { rect, slot: last })
                    if usize::from(*last) == slot && (rect.right(), rect.y, rect.h) == (tile.x, tile.y, tile.h) =>
                {
                    rect.w += tile.w;
                }
                _ => commands.push(Command::Save { rect: tile, slot: slot as u8 }),
            }
        }
        commands
    }

    /// Forgets what was used longest ago, some of it at once: to look for it takes as long for one as for all.
    fn forget_oldest(&mut self) {
        let mut kept: Vec<&mut Kept> = self.tiles.iter_mut().flatten().filter(|k| !k.pixels.is_empty()).collect();
        let some = kept.len().div_ceil(FORGOTTEN_AT_ONCE);
        kept.select_nth_unstable_by_key(some - 1, |k| k.used);
        kept.into_iter().take(some).for_each(|k| *k = Kept::default());
        self.count -= some;
    }

    /// Notes that a rectangle changes, of which nothing is to be kept.
    pub(super) fn note(&mut self, rect: Rect, now: Duration) {
        TileSet::touched(self.size, rect).for_each(|(index, _)| self.changed_at[index] = now);
    }

    /// The snapshot that has the pixels of `rect`, which lies in the tile `index`.
    pub(super) fn holding(&mut self, index: usize, pixels: Pixels<'_>, rect: Rect, now: Duration) -> Option<u8> {
        self.find(index, pixels, self.tile(index), rect, now)
    }

    /// Does to `shown` what the viewer does.
    pub(super) fn restore(&self, shown: &mut Picture, rect: Rect, slot: u8) {
        for (index, part) in TileSet::touched(self.size, rect) {
            let kept = &self.tiles[index][usize::from(slot)];
            let left = part.x / TILE_PX * TILE_PX;
            let stride = 4 * usize::from(TILE_PX.min(self.size.width - left));
            for y in part.y..part.bottom() {
                let start = usize::from(y % TILE_PX) * stride + 4 * usize::from(part.x - left);
                let row = shown.row_mut(part.x, y, part.w);
                row.copy_from_slice(&kept.pixels[start..start + row.len()]);
            }
        }
    }

    fn find(&mut self, index: usize, pixels: Pixels<'_>, tile: Rect, rect: Rect, now: Duration) -> Option<u8> {
        let kept = self.tiles.get_mut(index)?;
        let stride = 4 * usize::from(tile.w);
        let from = 4 * usize::from(rect.x - tile.x);
        let length = 4 * usize::from(rect.w);
        let slot = kept.iter().position(|kept| {
            !kept.pixels.is_empty()
                && (rect.y..rect.bottom()).all(|y| {
                    let start = usize::from(y - tile.y) * stride + from;
                    pixels.row(rect.x, y, rect.w) == &kept.pixels[start..start + length]
                })
        })?;
        kept[slot].used = now;
        Some(slot as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::noise;

    #[test]
    fn no_more_is_kept_than_the_screen_has_and_what_was_used_longest_ago_goes() {
        let size = Size::new(640, 320);
        let nothing = TileSet::new(size);
        let (left, right) = (Rect::new(0, 0, 320, 320), Rect::new(320, 0, 192, 320));
        let mut snapshots = Snapshots::new(size, Duration::ZERO);
        let mut changes = |rect: Rect, seed: u32, second: u64| {
            let mut changed = TileSet::new(size);
            changed.add(rect);
            let saved = snapshots.keep(noise(size, seed).view(), &changed, &nothing, Duration::from_secs(second));
            let held = snapshots.tiles.iter().flatten().filter(|k| !k.pixels.is_empty()).count();
            assert!(held == snapshots.count && held <= changed.tiles(), "{held} tiles of {}", changed.tiles());
            saved.len()
        };
        assert_eq!(changes(size.rect(), 1, 1), 5, "a command for each row of tiles");
        assert!(changes(left, 2, 2) > 0);
        assert_eq!(changes(left, 2, 3), 0, "they are kept");
        assert!(changes(left, 1, 4) > 0, "a part of the first picture had to go for the second");
        assert!(changes(right, 1, 5) > 0, "and more of it now");
        assert_eq!(changes(left, 1, 6), 0, "these were used since");
    }

    #[test]
    fn what_is_back_is_kept_no_longer_and_anew_without_a_rest() {
        let size = Size::new(128, 64);
        let (behind, front) = (noise(size, 1), noise(size, 2));
        let (all, nothing) = (TileSet::full(size), TileSet::new(size));
        let nowhere = Rect::new(0, 0, 0, 0);
        let mut snapshots = Snapshots::new(size, Duration::ZERO);
        let save = Command::Save { rect: size.rect(), slot: 0 };
        assert_eq!(snapshots.keep(behind.view(), &all, &nothing, Duration::from_secs(1)), std::slice::from_ref(&save));
        snapshots.let_go(front.view(), nowhere, &all);
        snapshots.let_go(behind.view(), Rect::new(100, 0, 9, 9), &all);
        assert_eq!(snapshots.count, 1, "beneath what is lifted nobody knows");
        snapshots.let_go(behind.view(), nowhere, &nothing);
        assert_eq!(snapshots.count, 0);
        let soon = Duration::from_millis(1010);
        assert_eq!(snapshots.keep(behind.view(), &all, &nothing, soon), [save]);
        assert_eq!(snapshots.keep(front.view(), &all, &nothing, soon), [], "this has not rested");
    }
}
