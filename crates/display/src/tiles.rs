//! Sets of pixels, kept as one rectangle in each tile of 64 × 64: damage, and what is not exact.

use crate::geometry::{Rect, Size};

/// Width and height of a tile.
pub const TILE_PX: u16 = 64;

/// A set of pixels: in each tile the smallest rectangle around what was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileSet {
    size: Size,
    columns: u16,
    /// One for each tile, row by row; an empty rectangle where nothing was added.
    /// INVARIANT: each lies inside its tile and inside the picture.
    tiles: Vec<Rect>,
    /// INVARIANT: the number of rectangles in `tiles` that hold pixels.
    count: usize,
}

const NONE: Rect = Rect::new(0, 0, 0, 0);

impl TileSet {
    /// Makes an empty set for a picture of `size`.
    pub fn new(size: Size) -> Self {
        let columns = size.width.div_ceil(TILE_PX);
        let rows = size.height.div_ceil(TILE_PX);
        Self { size, columns, tiles: vec![NONE; usize::from(columns) * usize::from(rows)], count: 0 }
    }

    /// Makes the set of all pixels of a picture of `size`.
    pub fn full(size: Size) -> Self {
        let mut set = Self::new(size);
        set.add(size.rect());
        set
    }

    /// The picture's size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Tiles in a row.
    pub fn columns(&self) -> u16 {
        self.columns
    }

    /// Number of tiles of the picture.
    pub fn tiles(&self) -> usize {
        self.tiles.len()
    }

    /// Number of tiles that hold something.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What the tile with this index holds.
    pub fn get(&self, index: usize) -> Option<Rect> {
        self.tiles.get(index).copied().filter(|r| !r.is_empty())
    }

    /// Index and rectangle of every tile that holds something, row by row.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Rect)> + '_ {
        let some = if self.count == 0 { &[] } else { &self.tiles[..] };
        some.iter().enumerate().filter(|(_, r)| !r.is_empty()).map(|(i, r)| (i, *r))
    }

    /// Index and common part for each tile that `rect` touches; `rect` is cut to the picture.
    pub fn touched(size: Size, rect: Rect) -> impl Iterator<Item = (usize, Rect)> {
        let rect = rect.intersect(&size.rect());
        let columns = usize::from(size.width.div_ceil(TILE_PX));
        let range = |from: u16, to: u16| if from >= to { 0..0 } else { from / TILE_PX..(to - 1) / TILE_PX + 1 };
        let across = if rect.is_empty() { 0..0 } else { range(rect.x, rect.right()) };
        range(rect.y, rect.bottom()).flat_map(move |row| {
            across.clone().map(move |column| {
                let tile = Rect::new(column * TILE_PX, row * TILE_PX, TILE_PX, TILE_PX);
                (usize::from(row) * columns + usize::from(column), tile.intersect(&rect))
            })
        })
    }

    /// Adds a rectangle; what lies outside the picture is left out.
    pub fn add(&mut self, rect: Rect) {
        for (index, part) in Self::touched(self.size, rect) {
            let tile = &mut self.tiles[index];
            self.count += usize::from(tile.is_empty());
            *tile = tile.union(&part);
        }
    }

    /// Adds all of another set of the same picture size.
    pub fn add_all(&mut self, other: &TileSet) {
        for (_, rect) in other.iter() {
            self.add(rect);
        }
    }

    /// Empties one tile.
    pub fn clear_tile(&mut self, index: usize) {
        if let Some(tile) = self.tiles.get_mut(index) {
            self.count -= usize::from(!tile.is_empty());
            *tile = NONE;
        }
    }

    /// Empties every tile whose rectangle lies inside `rect`; the others keep all of theirs.
    pub fn clear_covered(&mut self, rect: Rect) {
        for (index, part) in Self::touched(self.size, rect) {
            if self.get(index).is_some_and(|held| part.contains(&held)) {
                self.clear_tile(index);
            }
        }
    }

    /// Takes a rectangle out: in each tile the smallest rectangle around what is left stays.
    pub fn remove(&mut self, rect: Rect) {
        for (index, part) in Self::touched(self.size, rect) {
            let Some(held) = self.get(index) else { continue };
            let common = held.intersect(&part);
            let left = if common == held {
                NONE
            } else if common.w == held.w {
                let (top, bottom) = outside((held.y, held.bottom()), (common.y, common.bottom()));
                Rect::between(held.x, top, held.right(), bottom)
            } else if common.h == held.h {
                let (left, right) = outside((held.x, held.right()), (common.x, common.right()));
                Rect::between(left, held.y, right, held.bottom())
            } else {
                continue;
            };
            self.count -= usize::from(left.is_empty());
            self.tiles[index] = left;
        }
    }

    /// Empties the set.
    pub fn clear(&mut self) {
        if self.count > 0 {
            self.tiles.fill(NONE);
            self.count = 0;
        }
    }

    /// The smallest rectangle around everything.
    pub fn bounds(&self) -> Rect {
        self.iter().fold(NONE, |sum, (_, r)| sum.union(&r))
    }

    /// Number of pixels in the rectangles.
    pub fn area(&self) -> usize {
        self.iter().map(|(_, r)| r.area()).sum()
    }

    /// Whether every pixel of `rect` lies in one of the rectangles.
    pub fn covers(&self, rect: Rect) -> bool {
        Self::touched(self.size, rect).all(|(index, part)| self.get(index).is_some_and(|held| held.contains(&part)))
    }

    /// Whether any pixel of `rect` lies in one of the rectangles.
    pub fn touches(&self, rect: Rect) -> bool {
        self.count > 0
            && Self::touched(self.size, rect)
                .any(|(index, part)| self.get(index).is_some_and(|held| !held.intersect(&part).is_empty()))
    }
}

/// What is left of a range when another, inside it, is taken out of it; all of it, when that lies in the middle.
fn outside((from, to): (u16, u16), (begin, end): (u16, u16)) -> (u16, u16) {
    match (begin == from, end == to) {
        (true, _) => (end, to),
        (false, true) => (from, begin),
        (false, false) => (from, to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_rect() -> impl Strategy<Value = Rect> {
        (0..300u16, 0..300u16, 0..200u16, 0..200u16).prop_map(|(x, y, w, h)| Rect::new(x, y, w, h))
    }

    proptest! {
        #[test]
        fn what_was_added_is_held(rects in prop::collection::vec(any_rect(), 0..8)) {
            let size = Size::new(250, 190);
            let mut set = TileSet::new(size);
            for rect in &rects {
                set.add(*rect);
            }
            for rect in &rects {
                for (index, part) in TileSet::touched(size, *rect) {
                    prop_assert!(set.get(index).expect("touched tiles hold something").contains(&part));
                }
            }
            prop_assert_eq!(set.len(), set.iter().count());
            prop_assert_eq!(set.is_empty(), set.bounds().is_empty());
            let added: usize = rects.iter().map(|r| r.intersect(&size.rect()).area()).sum();
            prop_assert!(rects.len() != 1 || set.area() == added);
            for rect in &rects {
                prop_assert_eq!(set.touches(*rect), !rect.intersect(&size.rect()).is_empty());
            }
            set.clear_covered(size.rect());
            prop_assert!(set.is_empty());
        }

        #[test]
        fn what_is_removed_takes_nothing_else_along(held in any_rect(), removed in any_rect()) {
            let size = Size::new(250, 190);
            let mut set = TileSet::new(size);
            set.add(held);
            let before = set.clone();
            set.remove(removed);
            for (index, was) in before.iter() {
                let now = set.get(index).unwrap_or(NONE);
                prop_assert!(was.contains(&now) || now.is_empty());
                for (x, y) in (was.y..was.bottom()).flat_map(|y| (was.x..was.right()).map(move |x| (x, y))) {
                    let pixel = Rect::new(x, y, 1, 1);
                    prop_assert!(removed.contains(&pixel) || now.contains(&pixel));
                }
                let common = was.intersect(&removed);
                let at_a_side = common.w == was.w && (common.y == was.y || common.bottom() == was.bottom())
                    || common.h == was.h && (common.x == was.x || common.right() == was.right());
                prop_assert!(!at_a_side || common.is_empty() || now.area() == was.area() - common.area());
            }
            prop_assert_eq!(set.len(), set.iter().count());
        }
    }

    #[test]
    fn a_tile_is_cleared_only_when_covered() {
        let mut set = TileSet::new(Size::new(200, 100));
        set.add(Rect::new(60, 10, 10, 10));
        assert_eq!(set.len(), 2);
        set.clear_covered(Rect::new(62, 0, 100, 100));
        assert_eq!(set.iter().map(|(_, r)| r).collect::<Vec<_>>(), [Rect::new(60, 10, 4, 10)]);
    }
}
