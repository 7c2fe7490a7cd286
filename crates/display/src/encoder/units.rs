//! Groups changed tiles of one kind into rectangles worth a command each, and decides their order.

use std::time::Duration;

use super::snapshots::Snapshots;
use crate::classify::{Class, classify};
use crate::geometry::{Point, Rect};
use crate::pixels::Pixels;
use crate::tiles::TileSet;

/// How a rectangle is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Fill([u8; 4]),
    Raw,
    Planar,
    /// Little text without colour, in planes: two of the three say nothing.
    Grey,
    Jpeg,
    /// A snapshot of the viewer has it.
    Restore(u8),
}

/// A rectangle and how it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) rect: Rect,
    pub(super) kind: Kind,
}

/// Largest rectangle of pixels in one command; smaller ones let a budget end anywhere.
const LARGEST_UNIT_PX: usize = 128 << 10;
/// Units are not kept smaller than this for the sake of a small budget.
const SMALLEST_SPLIT_PX: usize = 16 << 10;
/// Rectangles with fewer pixels are not looked for in snapshots.
const SMALLEST_RESTORED_PX: usize = 32;
/// Text in larger rectangles finds its own letters again, wherever they are, when it goes as it is.
const LARGEST_GREY_PX: usize = 1024;
/// Changes with fewer photographic pixels are sent lossless at once: cheap, and nothing to refine.
const SMALLEST_LOSSY_PX: usize = 12 << 10;

/// Changed tiles of one colour, found once a frame.
#[derive(Debug, Default)]
pub(super) struct FlatTiles {
    /// Index, rectangle and pixel, in the order of the indices.
    tiles: Vec<(usize, Rect, [u8; 4])>,
}

impl FlatTiles {
    pub(super) fn find(pixels: Pixels<'_>, changed: &TileSet) -> Self {
        Self { tiles: pixels.single_pixels(changed) }
    }

    pub(super) fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        self.tiles.iter().map(|t| t.0)
    }

    /// The pixel of a tile's rectangle, if it is the one looked at.
    fn pixel(&self, index: usize, rect: Rect) -> Option<[u8; 4]> {
        let i = self.tiles.binary_search_by_key(&index, |t| t.0).ok()?;
        (self.tiles[i].1 == rect).then_some(self.tiles[i].2)
    }
}

/// What is to be covered with units.
pub(super) struct Task<'a> {
    /// The pixels to send.
    pub(super) pixels: Pixels<'a>,
    /// What the viewer has; equal pixels need not be covered. `None`: everything is sent.
    pub(super) shown: Option<Pixels<'a>>,
    /// Where.
    pub(super) changed: &'a TileSet,
    /// Which of it is known to be of one colour.
    pub(super) flat: &'a FlatTiles,
    /// Whether photographic units may be lossy.
    pub(super) lossy_allowed: bool,
    /// Bytes the frame may have.
    pub(super) budget_bytes: usize,
    /// What the viewer was asked to keep.
    pub(super) snapshots: Option<&'a mut Snapshots>,
    pub(super) now: Duration,
}

/// Covers every pixel of a task with units. Photographic ones are lossy when that is allowed and there are many.
pub(super) fn plan(task: &mut Task<'_>) -> Vec<Unit> {
    let columns = usize::from(task.changed.columns());
    let largest = (task.budget_bytes / 2).clamp(SMALLEST_SPLIT_PX, LARGEST_UNIT_PX);
    let mut units: Vec<Unit> = Vec::new();
    // Units of the tile row at hand, and which of the finished ones reach the row above it.
    let (mut current, mut open, mut row): (Vec<Unit>, Vec<usize>, usize) = (Vec::new(), Vec::new(), 0);
    for (index, changed) in task.changed.iter() {
        if index / columns != row {
            close_row(&mut units, &mut open, &mut current, largest);
            if index / columns != row + 1 {
                open.clear();
            }
            row = index / columns;
        }
        // One colour needs no cutting: filling equal pixels once more changes nothing.
        let flat = task.flat.pixel(index, changed);
        let bands = match (flat, task.shown) {
            (None, Some(shown)) => task.pixels.bands(shown, changed),
            (Some(_), _) | (_, None) => vec![changed],
        };
        for rect in bands {
            let snapshots = task.snapshots.as_mut().filter(|_| flat.is_none() && rect.area() >= SMALLEST_RESTORED_PX);
            let kept = snapshots.and_then(|s| s.holding(index, task.pixels, rect, task.now));
            let kind = match (kept, flat) {
                (Some(slot), _) => Kind::Restore(slot),
                (None, Some(pixel)) => Kind::Fill(pixel),
                (None, None) => match classify(task.pixels, rect) {
                    Class::Flat(pixel) => Kind::Fill(pixel),
                    Class::Text if is_little_grey(task.pixels, rect) => Kind::Grey,
                    Class::Text => Kind::Raw,
                    Class::Photo => Kind::Planar,
                },
            };
            let unit = Unit { rect, kind };
            // Only the bands of the tile to the left can be continued; they are among the last few.
            match current.iter_mut().rev().take(8).find(|u| joins_right(u, &unit, largest)) {
                Some(left) => left.rect = left.rect.union(&rect),
                None => current.push(unit),
            }
        }
    }
    close_row(&mut units, &mut open, &mut current, largest);
    let lossy_allowed = task.lossy_allowed;
    let photo_px: usize = units.iter().filter(|u| u.kind == Kind::Planar).map(|u| u.rect.area()).sum();
    if lossy_allowed && photo_px >= SMALLEST_LOSSY_PX {
        for unit in units.iter_mut().filter(|u| u.kind == Kind::Planar) {
            unit.kind = Kind::Jpeg;
        }
    }
    units
}

/// Whether a rectangle is as small as a few letters, and without colour.
fn is_little_grey(pixels: Pixels<'_>, rect: Rect) -> bool {
    let grey = |p: &[u8; 4]| p[0] == p[1] && p[1] == p[2];
    rect.area() <= LARGEST_GREY_PX && pixels.rows(rect).all(|row| row.as_chunks().0.iter().all(grey))
}

/// Moves the units of a finished tile row to `units`, joined with those `open` ones they continue.
fn close_row(units: &mut Vec<Unit>, open: &mut Vec<usize>, current: &mut Vec<Unit>, largest: usize) {
    let mut reached = Vec::with_capacity(current.len());
    for unit in current.drain(..) {
        match open.iter().copied().find(|i| joins_below(&units[*i], &unit, largest)) {
            Some(i) => {
                units[i].rect = units[i].rect.union(&unit.rect);
                reached.push(i);
            }
            None => {
                units.push(unit);
                reached.push(units.len() - 1);
            }
        }
    }
    *open = reached;
}

/// Whether one rectangle around both wastes little.
fn wastes_little(a: &Rect, b: &Rect) -> bool {
    let sum = a.area() + b.area();
    a.union(b).area() <= sum + sum / 8 + 32
}

fn joins_right(a: &Unit, b: &Unit, largest: usize) -> bool {
    if a.kind != b.kind || b.rect.x < a.rect.right() {
        return false;
    }
    match a.kind {
        // Neither covers pixels that are not right then: only exact continuations join.
        Kind::Fill(_) | Kind::Restore(_) => a.rect.right() == b.rect.x && (a.rect.y, a.rect.h) == (b.rect.y, b.rect.h),
        Kind::Raw | Kind::Planar | Kind::Grey | Kind::Jpeg => {
            a.rect.area() + b.rect.area() <= largest && wastes_little(&a.rect, &b.rect)
        }
    }
}

fn joins_below(a: &Unit, b: &Unit, largest: usize) -> bool {
    let continues = a.rect.bottom() == b.rect.y && (a.rect.x, a.rect.w) == (b.rect.x, b.rect.w);
    match a.kind {
        Kind::Fill(_) | Kind::Restore(_) => a.kind == b.kind && continues,
        Kind::Raw | Kind::Planar | Kind::Grey | Kind::Jpeg => {
            let fits = a.rect.area() + b.rect.area() <= largest;
            a.kind == b.kind && fits && (continues || wastes_little(&a.rect, &b.rect))
        }
    }
}

/// Puts what matters most first, when it may be that not all fits.
pub(super) fn order(units: &mut [Unit], focus: Option<Point>, budget_bytes: usize) {
    let estimate: usize = units.iter().map(|u| u.rect.area() / 2).sum();
    if estimate <= budget_bytes {
        return;
    }
    units.sort_by_key(|u| {
        let distance = focus.map_or(0, |p| u.rect.distance_squared(p) >> 14);
        (u.rect.area() > LARGEST_UNIT_PX / 4, distance, u.rect.y, u.rect.x)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::picture::{Picture, tests::noise};

    fn plan_all(picture: &Picture, changed: &TileSet, lossy_allowed: bool) -> Vec<Unit> {
        let flat = &FlatTiles::find(picture.view(), changed);
        plan(&mut Task {
            pixels: picture.view(),
            shown: None,
            changed,
            flat,
            lossy_allowed,
            budget_bytes: usize::MAX,
            snapshots: None,
            now: Duration::ZERO,
        })
    }

    fn covered(units: &[Unit], changed: &TileSet) -> bool {
        changed.iter().all(|(_, r)| units.iter().any(|u| u.rect.contains(&r)))
    }

    #[test]
    fn a_flat_screen_is_one_fill() {
        let size = Size::new(640, 480);
        let mut picture = Picture::new(size);
        picture.fill(size.rect(), [7, 8, 9]);
        let units = plan_all(&picture, &TileSet::full(size), true);
        assert_eq!(units, [Unit { rect: size.rect(), kind: Kind::Fill([7, 8, 9, 255]) }]);
    }

    #[test]
    fn noise_is_lossy_only_when_allowed_and_large() {
        let size = Size::new(640, 480);
        let picture = noise(size, 3);
        let units = plan_all(&picture, &TileSet::full(size), true);
        assert!(units.iter().all(|u| u.kind == Kind::Jpeg) && covered(&units, &TileSet::full(size)));
        assert!(units.iter().all(|u| u.rect.area() <= LARGEST_UNIT_PX));
        let units = plan_all(&picture, &TileSet::full(size), false);
        assert!(units.iter().all(|u| u.kind == Kind::Planar));
        let mut small = TileSet::new(size);
        small.add(Rect::new(10, 10, 100, 40));
        assert!(plan_all(&picture, &small, true).iter().all(|u| u.kind == Kind::Planar));
    }

    #[test]
    fn small_changes_stay_small_rectangles() {
        let size = Size::new(640, 480);
        let mut picture = Picture::new(size);
        picture.fill(Rect::new(100, 100, 4, 12), [255, 255, 255]);
        let mut changed = TileSet::new(size);
        changed.add(Rect::new(98, 98, 10, 20));
        changed.add(Rect::new(600, 400, 10, 20));
        let units = plan_all(&picture, &changed, true);
        assert!(covered(&units, &changed));
        assert!(units.iter().map(|u| u.rect.area()).sum::<usize>() <= 400);
    }

    #[test]
    fn little_grey_text_goes_in_planes_and_is_never_lossy() {
        let size = Size::new(640, 480);
        let mut picture = Picture::new(size);
        let letter = |x: u16| Rect::new(x, 64, 9, 18);
        let draw = |picture: &mut Picture, x: u16, ink: [u8; 3]| picture.fill(Rect::new(x + 2, 70, 4, 9), ink);
        let planned = |picture: &Picture, x: u16| {
            let mut changed = TileSet::new(size);
            changed.add(letter(x));
            plan_all(picture, &changed, true)
        };
        draw(&mut picture, 64, [90, 90, 90]);
        draw(&mut picture, 128, [90, 90, 91]);
        assert_eq!(planned(&picture, 64), [Unit { rect: letter(64), kind: Kind::Grey }]);
        assert_eq!(planned(&picture, 128), [Unit { rect: letter(128), kind: Kind::Raw }]);
        let mut many = TileSet::new(size);
        for y in (0..448).step_by(64) {
            for x in (0..576).step_by(64) {
                picture.fill(Rect::new(x + 2, y + 2, 20, 20), [80, 80, 80]);
                many.add(Rect::new(x, y, 30, 30));
            }
        }
        assert!(many.area() > LARGEST_GREY_PX && plan_all(&picture, &many, true).iter().all(|u| u.kind == Kind::Grey));
    }
}
