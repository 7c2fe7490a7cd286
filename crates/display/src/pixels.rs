//! Pixels to be read, wherever they are kept: in a [`Picture`], or in memory that somebody else draws to.

use std::borrow::Cow;

use crate::geometry::{Rect, Size};
use crate::picture::Picture;
use crate::tiles::{TILE_PX, TileSet};

/// Order of the bytes of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PixelOrder {
    /// Red, green, blue, 255: as on the wire.
    #[default]
    Rgb,
    /// Blue, green, red, and a byte that means nothing: as X servers have them.
    Bgr,
}

impl PixelOrder {
    /// Red, green and blue of a pixel.
    pub(crate) fn rgb(self, [a, b, c, _]: [u8; 4]) -> [u8; 3] {
        match self {
            PixelOrder::Rgb => [a, b, c],
            PixelOrder::Bgr => [c, b, a],
        }
    }

    /// Appends pixels to `out` as r g b 255.
    pub(crate) fn append(self, pixels: &[u8], out: &mut Vec<u8>) {
        match self {
            PixelOrder::Rgb => out.extend_from_slice(pixels),
            PixelOrder::Bgr => out.extend(pixels.as_chunks::<4>().0.iter().flat_map(|&[b, g, r, _]| [r, g, b, 255])),
        }
    }
}

/// A quarter of all pixels, by which whole rectangles are judged: every fourth row. So what is four rows high cannot escape
/// it, and nothing escapes four quarters in turn. Smaller pieces would see more, and take longer than all of it: memory
/// is slow where it is not read on and on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quarter(u16);

impl Quarter {
    /// From one row that is looked at to the next.
    pub(crate) const ROWS: u16 = 4;

    /// Whether it has row `i` of a rectangle.
    pub(crate) fn has(self, i: u16) -> bool {
        i % Self::ROWS == self.0
    }

    /// Another one.
    pub(crate) fn next(self) -> Self {
        Self((self.0 + 1) % Self::ROWS)
    }
}

/// A view of pixels, four bytes each. Pixels that differ in any byte count as different.
///
/// Whoever draws meanwhile may be seen half done; nothing but the picture depends on it.
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    bytes: &'a [u8],
    size: Size,
    /// Bytes from one row to the next.
    stride: usize,
    /// Which row of `bytes` each row is, where they are not in order.
    places: Option<&'a [u16]>,
}

impl<'a> Pixels<'a> {
    /// Looks at `bytes`, whose rows begin `stride` bytes apart.
    ///
    /// # Panics
    /// When there are too few bytes for `size`.
    pub fn new(bytes: &'a [u8], size: Size, stride: usize) -> Self {
        let width = 4 * usize::from(size.width);
        let needed = usize::from(size.height).checked_sub(1).map_or(0, |rows| rows * stride + width);
        assert!(stride >= width && bytes.len() >= needed, "the rows of a picture do not fit its bytes");
        Self { bytes, size, stride, places: None }
    }

    /// Looks at `bytes`, without padding, where each row is the one that `places` says: a permutation of all rows.
    pub(crate) fn placed(bytes: &'a [u8], size: Size, places: &'a [u16]) -> Self {
        Self { places: Some(places), ..Self::new(bytes, size, 4 * usize::from(size.width)) }
    }

    /// Width and height.
    pub fn size(self) -> Size {
        self.size
    }

    /// Bytes of a part of a row; the part must lie inside.
    pub fn row(self, x: u16, y: u16, w: u16) -> &'a [u8] {
        let place = self.places.map_or(y, |places| places[usize::from(y)]);
        let start = usize::from(place) * self.stride + 4 * usize::from(x);
        &self.bytes[start..start + 4 * usize::from(w)]
    }

    /// The bytes of a rectangle's rows in order, and how many lie from one row to the next.
    pub(crate) fn bytes_of(self, rect: Rect) -> (Cow<'a, [u8]>, usize) {
        if self.places.is_some() {
            return (self.rows(rect).collect::<Vec<_>>().concat().into(), 4 * usize::from(rect.w));
        }
        let start = usize::from(rect.y) * self.stride + 4 * usize::from(rect.x);
        (self.bytes[start..].into(), self.stride)
    }

    /// The rows of a rectangle that lies inside.
    pub fn rows(self, rect: Rect) -> impl Iterator<Item = &'a [u8]> {
        (rect.y..rect.bottom()).map(move |y| self.row(rect.x, y, rect.w))
    }

    /// Makes a picture of them, r g b 255.
    pub fn to_picture(self, order: PixelOrder) -> Picture {
        let mut picture = Picture::new(self.size);
        for y in 0..self.size.height {
            let target = picture.row_mut(0, y, self.size.width).as_chunks_mut::<4>().0;
            for (to, from) in target.iter_mut().zip(self.row(0, y, self.size.width).as_chunks::<4>().0) {
                let [r, g, b] = order.rgb(*from);
                *to = [r, g, b, 255];
            }
        }
        picture
    }

    /// Whether a rectangle has the same pixels as one of its size in `other`, as far as a quarter of them tells.
    pub(crate) fn seems(self, rect: Rect, other: Pixels<'_>, from: Rect, quarter: Quarter) -> bool {
        let rows = self.rows(rect).zip(other.rows(from));
        rows.skip(usize::from(quarter.0)).step_by(usize::from(Quarter::ROWS)).all(|(a, b)| a == b)
    }

    /// Whether a rectangle has the same pixels in both.
    pub(crate) fn same(self, other: Pixels<'_>, rect: Rect) -> bool {
        self.rows(rect).eq(other.rows(rect))
    }

    /// Whether a rectangle holds pixels of several colours.
    pub fn is_varied(self, rect: Rect) -> bool {
        !rect.is_empty() && self.single_pixel(rect).is_none()
    }

    /// The one pixel that fills a rectangle that holds pixels; `None` when they differ.
    pub(crate) fn single_pixel(self, rect: Rect) -> Option<[u8; 4]> {
        let top = self.row(rect.x, rect.y, rect.w);
        let first = *top.first_chunk()?;
        (is_uniform(top) && self.rows(rect).all(|row| row == top)).then_some(first)
    }

    /// The smallest rectangle inside `rect` around all pixels that differ from `other`; `None` when all are equal.
    pub(crate) fn difference(self, other: Pixels<'_>, rect: Rect) -> Option<Rect> {
        let differs = |y: u16| self.row(rect.x, y, rect.w) != other.row(rect.x, y, rect.w);
        let top = (rect.y..rect.bottom()).find(|&y| differs(y))?;
        let bottom = (top..rect.bottom()).rev().find(|&y| differs(y))? + 1;
        let (mut left, mut right) = (rect.w, 0);
        for y in top..bottom {
            // Only what could still widen the rectangle is looked at.
            if left > 0 {
                let (a, b) = (self.row(rect.x, y, left), other.row(rect.x, y, left));
                left = first_unequal(a, b).map_or(left, |i| i as u16);
            }
            if right < rect.w {
                let (x, w) = (rect.x + right, rect.w - right);
                let (a, b) = (self.row(x, y, w), other.row(x, y, w));
                right += last_unequal(a, b).map_or(0, |i| i as u16 + 1);
            }
            if left == 0 && right == rect.w {
                break;
            }
        }
        Some(Rect::between(rect.x + left, top, rect.x + right, bottom))
    }

    /// The part of a row that differs from `other`.
    fn row_difference(self, other: Pixels<'_>, x: u16, y: u16, w: u16) -> Option<Rect> {
        let (a, b) = (self.row(x, y, w), other.row(x, y, w));
        let left = first_unequal(a, b)?;
        // Whoever draws meanwhile may have made pixels equal again.
        let right = last_unequal(a, b)?.max(left);
        Some(Rect::new(x + left as u16, y, (right - left) as u16 + 1, 1))
    }

    /// Cuts what differs from `other` inside `rect` into rectangles, one below the other: rows that differ over like
    /// columns stay together, and together with their neighbours as long as that adds few equal pixels.
    pub(crate) fn bands(self, other: Pixels<'_>, rect: Rect) -> Vec<Rect> {
        let mut bands: Vec<(Rect, usize)> = Vec::new();
        let mut last: Option<(Rect, usize)> = None;
        for y in rect.y..rect.bottom() {
            let Some(row) = self.row_difference(other, rect.x, y, rect.w) else { continue };
            let area = row.area();
            match &mut last {
                Some((run, covered))
                    if alike(run, &row) && run.union(&row).area() - *covered - area <= BAND_WASTE_PX =>
                {
                    *run = run.union(&row);
                    *covered += area;
                }
                Some(done) => {
                    join_band(&mut bands, *done);
                    *done = (row, area);
                }
                None => last = Some((row, area)),
            }
        }
        if let Some(done) = last {
            join_band(&mut bands, done);
        }
        bands.into_iter().map(|(r, _)| r).collect()
    }

    /// For each tile of `marked` the smallest rectangle around what differs from `other`.
    pub(crate) fn differences(self, other: Pixels<'_>, marked: &TileSet) -> TileSet {
        let mut found = TileSet::new(self.size);
        for_tile_rows(marked, |tiles, rows| {
            // Until the first difference of each tile: memory likes to be read row by row, and most of it once.
            let differs = |r: &Rect, y| self.row(r.x, y, r.w) != other.row(r.x, y, r.w);
            let mut tops = vec![None; tiles.len()];
            first_rows(tiles, rows, differs, &mut tops);
            for ((_, r), top) in tiles.iter().zip(tops) {
                let rest = top.and_then(|y| self.difference(other, Rect::between(r.x, y, r.right(), r.bottom())));
                found.add(rest.unwrap_or(Rect::new(0, 0, 0, 0)));
            }
        });
        found
    }

    /// Those tiles of `marked` that hold one colour: index, rectangle and the pixel that fills it.
    pub(crate) fn single_pixels(self, marked: &TileSet) -> Vec<(usize, Rect, [u8; 4])> {
        let mut found = Vec::new();
        for_tile_rows(marked, |tiles, rows| {
            let top = |r: &Rect| self.row(r.x, r.y, r.w);
            let differs = |r: &Rect, y| self.row(r.x, y, r.w) != top(r);
            let mut others: Vec<_> = tiles.iter().map(|(_, r)| (!is_uniform(top(r))).then_some(r.y)).collect();
            first_rows(tiles, rows, differs, &mut others);
            let flat = tiles.iter().zip(others).filter(|(_, other)| other.is_none()).map(|(tile, _)| tile);
            found.extend(flat.filter_map(|(i, r)| Some((*i, *r, *top(r).first_chunk()?))));
        });
        found
    }
}

/// Finds for each tile that has none yet the first of the rows that `is_it` says yes to. Of tiles side by side it says yes if
/// it does of one of them: so they are asked about together until then.
fn first_rows(
    tiles: &[(usize, Rect)],
    rows: std::ops::Range<u16>,
    is_it: impl Fn(&Rect, u16) -> bool,
    found: &mut [Option<u16>],
) {
    let beside = |a: &(usize, Rect), b: &(usize, Rect)| (a.1.right(), a.1.y, a.1.h) == (b.1.x, b.1.y, b.1.h);
    let mut spans = Vec::new();
    let mut rest = found;
    for span in tiles.chunk_by(beside) {
        let (own, others) = rest.split_at_mut(span.len());
        rest = others;
        let whole = span.iter().fold(span[0].1, |whole, (_, r)| whole.union(r));
        let together = own.iter().all(Option::is_none);
        spans.push((span, own, whole, together));
    }
    for y in rows {
        for (span, found, whole, together) in &mut spans {
            if !has_row(whole, y) || (*together && !is_it(whole, y)) {
                continue;
            }
            *together = false;
            for ((_, r), found) in span.iter().zip(found.iter_mut()).filter(|(_, found)| found.is_none()) {
                *found = is_it(r, y).then_some(y);
            }
        }
    }
}

/// Calls `work` with the tiles of each row of tiles that holds any, and with the rows of pixels they lie in.
fn for_tile_rows(marked: &TileSet, mut work: impl FnMut(&[(usize, Rect)], std::ops::Range<u16>)) {
    let all: Vec<(usize, Rect)> = marked.iter().collect();
    for tiles in all.chunk_by(|a, b| a.1.y / TILE_PX == b.1.y / TILE_PX) {
        let top = tiles.iter().map(|(_, r)| r.y).min().unwrap_or(0);
        let bottom = tiles.iter().map(|(_, r)| r.bottom()).max().unwrap_or(0);
        work(tiles, top..bottom);
    }
}

fn has_row(r: &Rect, y: u16) -> bool {
    r.y <= y && y < r.bottom()
}

/// Whether all pixels of a row are the same.
fn is_uniform(row: &[u8]) -> bool {
    row.len() < 8 || row[4..] == row[..row.len() - 4]
}

/// Number of the first pixel that differs in two rows of equal length.
fn first_unequal(a: &[u8], b: &[u8]) -> Option<usize> {
    // Pairs of pixels at a time, then the one of the pair.
    let pairs = a.chunks_exact(8).zip(b.chunks_exact(8));
    let whole = a.len() / 8;
    match pairs.into_iter().position(|(p, q)| p != q) {
        Some(i) => Some(2 * i + usize::from(a[8 * i..8 * i + 4] == b[8 * i..8 * i + 4])),
        None => (a[8 * whole..] != b[8 * whole..]).then_some(2 * whole),
    }
}

/// Number of the last pixel that differs in two rows of equal length.
fn last_unequal(a: &[u8], b: &[u8]) -> Option<usize> {
    let whole = a.len() / 8;
    if a[8 * whole..] != b[8 * whole..] {
        return Some(2 * whole);
    }
    let i = a.chunks_exact(8).zip(b.chunks_exact(8)).rposition(|(p, q)| p != q)?;
    Some(2 * i + usize::from(a[8 * i + 4..8 * i + 8] != b[8 * i + 4..8 * i + 8]))
}

/// Equal pixels a band may hold; cheaper to send than another command and a worse match.
const BAND_WASTE_PX: usize = 160;

/// Whether a row continues a run of rows: right below it, over nearly the same columns.
fn alike(run: &Rect, row: &Rect) -> bool {
    run.bottom() == row.y && run.x.abs_diff(row.x) <= 8 && run.right().abs_diff(row.right()) <= 8
}

/// Appends a run of rows, or joins it to the last band; each comes with the number of its pixels that may differ.
fn join_band(bands: &mut Vec<(Rect, usize)>, (run, covered): (Rect, usize)) {
    if let Some((band, sum)) = bands.last_mut() {
        let union = band.union(&run);
        if union.area() - (*sum + covered) <= BAND_WASTE_PX {
            (*band, *sum) = (union, *sum + covered);
            return;
        }
    }
    bands.push((run, covered));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: Size = Size::new(300, 150);

    fn rects(most: usize) -> impl Strategy<Value = Vec<Rect>> {
        let rect = (0..SIZE.width, 0..SIZE.height, 1..SIZE.width, 1..SIZE.height);
        prop::collection::vec(rect.prop_map(|(x, y, w, h)| Rect::new(x, y, w, h).intersect(&SIZE.rect())), 0..most)
    }

    /// A black picture with rectangles in other colours.
    fn painted(rects: &[Rect]) -> Picture {
        let mut picture = Picture::new(SIZE);
        rects.iter().zip(1..).for_each(|(rect, shade)| picture.fill(*rect, [shade, 0, 0]));
        picture
    }

    fn places(rect: Rect) -> impl Iterator<Item = (u16, u16)> {
        (rect.y..rect.bottom()).flat_map(move |y| (rect.x..rect.right()).map(move |x| (x, y)))
    }

    proptest! {
        #[test]
        fn tiles_are_judged_as_one_pixel_after_the_other_would_be(
            before in rects(4),
            after in rects(4),
            damage in rects(6),
        ) {
            let (shown, screen) = (painted(&before), painted(&[before, after].concat()));
            let (shown, screen) = (shown.view(), screen.view());
            let mut marked = TileSet::new(SIZE);
            damage.into_iter().for_each(|rect| marked.add(rect));
            let (found, flat) = (screen.differences(shown, &marked), screen.single_pixels(&marked));
            for index in 0..marked.tiles() {
                let held = marked.get(index).unwrap_or(Rect::new(0, 0, 0, 0));
                let differing = places(held).filter(|&(x, y)| screen.row(x, y, 1) != shown.row(x, y, 1));
                let around = differing.map(|(x, y)| Rect::new(x, y, 1, 1)).reduce(|a, b| a.union(&b));
                prop_assert_eq!(found.get(index), around);
                let mut pixels = places(held).map(|(x, y)| screen.row(x, y, 1));
                let one = pixels.next().filter(|first| pixels.all(|pixel| pixel == *first));
                let judged = flat.iter().find(|tile| tile.0 == index).map(|(_, rect, pixel)| (*rect, &pixel[..]));
                prop_assert_eq!(judged, one.map(|pixel| (held, pixel)));
            }
        }
    }
}
