//! What the viewer is asked to keep of older pictures, so that what comes back costs a command: the background under a
//! window that is moved or closed, the page under a menu.
//!
//! Kept are whole tiles that look photographic, when they are about to change after a rest and are exact. Text is not
//! worth it: the pixel stream finds it again by itself. No more tiles are kept than the screen has: what was used longest
//! ago goes.

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
    /// When the pixels of each tile changed last.
    changed_at: Vec<Duration>,
}

impl Snapshots {
    pub(super) fn new(size: Size, now: Duration) -> Self {
        let tiles = TileSet::new(size).tiles();
        Self { size, tiles: vec![Default::default(); tiles], count: 0, changed_at: vec![now; tiles] }
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
        let columns = usize::from(changed.columns());
        for (index, _) in changed.iter() {
            let rested = now.saturating_sub(std::mem::replace(&mut self.changed_at[index], now)) >= REST;
            if !rested || lossy.get(index).is_some() {
                continue;
            }
            let (column, row) = ((index % columns) as u16, (index / columns) as u16);
            let tile = Rect::new(column * TILE_PX, row * TILE_PX, TILE_PX, TILE_PX).intersect(&self.size.rect());
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
        let (x, y) = (rect.x / TILE_PX * TILE_PX, rect.y / TILE_PX * TILE_PX);
        let tile = Rect::new(x, y, TILE_PX, TILE_PX).intersect(&self.size.rect());
        self.find(index, pixels, tile, rect, now)
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
}
