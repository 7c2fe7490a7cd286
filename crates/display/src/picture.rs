//! A picture in memory, in the byte order of the wire and of a browser's canvas.

use crate::geometry::{Rect, Size};

/// Pixels of a screen.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    size: Size,
    /// Bytes r g b 255, row by row, top first, without padding.
    /// Length is exactly `4 * width * height`.
    pixels: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{})", self.size.width, self.size.height)
    }
}

/// Opaque black.
const BLACK: [u8; 4] = [0, 0, 0, 255];

impl Picture {
    /// Makes a black picture.
    pub fn new(size: Size) -> Self {
        Self { size, pixels: BLACK.repeat(size.area()) }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// All bytes: r g b 255, row by row.
    pub fn bytes(&self) -> &[u8] {
        &self.pixels
    }

    fn at(&self, x: u16, y: u16) -> usize {
        4 * (usize::from(y) * usize::from(self.size.width) + usize::from(x))
    }

    /// Bytes of a part of a row; the part must lie inside.
    pub fn row(&self, x: u16, y: u16, w: u16) -> &[u8] {
        let start = self.at(x, y);
        &self.pixels[start..start + 4 * usize::from(w)]
    }

    /// Bytes of a part of a row, to be changed; every fourth must stay 255.
    pub fn row_mut(&mut self, x: u16, y: u16, w: u16) -> &mut [u8] {
        let start = self.at(x, y);
        &mut self.pixels[start..start + 4 * usize::from(w)]
    }

    /// The rows of a rectangle that lies inside, as byte slices.
    pub fn rows(&self, rect: Rect) -> impl Iterator<Item = &[u8]> {
        (rect.y..rect.bottom()).map(move |y| self.row(rect.x, y, rect.w))
    }

    /// Whether a rectangle has the same pixels in both pictures.
    pub fn same(&self, other: &Picture, rect: Rect) -> bool {
        (rect.y..rect.bottom()).all(|y| self.row(rect.x, y, rect.w) == other.row(rect.x, y, rect.w))
    }

    /// Takes a rectangle over from another picture, same place.
    pub fn take(&mut self, other: &Picture, rect: Rect) {
        for y in rect.y..rect.bottom() {
            self.row_mut(rect.x, y, rect.w).copy_from_slice(other.row(rect.x, y, rect.w));
        }
    }

    /// Gives a rectangle one colour.
    pub fn fill(&mut self, rect: Rect, [r, g, b]: [u8; 3]) {
        for y in rect.y..rect.bottom() {
            self.row_mut(rect.x, y, rect.w).as_chunks_mut::<4>().0.fill([r, g, b, 255]);
        }
    }

    /// Copies a rectangle inside the picture; source and destination may overlap.
    pub fn copy(&mut self, to: Rect, from_x: u16, from_y: u16) {
        let n = 4 * usize::from(to.w);
        let mut row = |i: u16| {
            let source = self.at(from_x, from_y + i);
            let target = self.at(to.x, to.y + i);
            self.pixels.copy_within(source..source + n, target);
        };
        // Rows are walked away from the overlap, so that none is overwritten before it was read.
        if from_y < to.y { (0..to.h).rev().for_each(&mut row) } else { (0..to.h).for_each(&mut row) }
    }

    /// Makes every pixel differ from every pixel of a screen.
    pub(crate) fn forget(&mut self) {
        self.pixels.fill(0);
    }

    /// Changes the size; pixels inside both stay in their places, new ones are black.
    pub fn resize(&mut self, size: Size) {
        let mut next = Picture::new(size);
        let both = self.size.rect().intersect(&size.rect());
        next.take(self, both);
        *self = next;
    }

    /// The smallest rectangle inside `rect` around all pixels that differ from `other`; `None` when all are equal.
    pub fn difference(&self, other: &Picture, rect: Rect) -> Option<Rect> {
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
    fn row_difference(&self, other: &Picture, x: u16, y: u16, w: u16) -> Option<Rect> {
        let (a, b) = (self.row(x, y, w), other.row(x, y, w));
        let left = first_unequal(a, b)?;
        let right = last_unequal(a, b)?;
        Some(Rect::new(x + left as u16, y, (right - left) as u16 + 1, 1))
    }

    /// Cuts what differs from `other` inside `rect` into rectangles, one below the other: rows that differ over like
    /// columns stay together, and together with their neighbours as long as that adds few equal pixels.
    pub(crate) fn bands(&self, other: &Picture, rect: Rect) -> Vec<Rect> {
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

    /// The one colour of a rectangle that holds pixels; `None` when there are several.
    pub fn single_colour(&self, rect: Rect) -> Option<[u8; 3]> {
        let first: [u8; 4] = self.row(rect.x, rect.y, 1).try_into().ok()?;
        let top = self.row(rect.x, rect.y, rect.w);
        let flat = top.chunks_exact(4).all(|p| p == first) && self.rows(rect).all(|row| row == top);
        flat.then_some([first[0], first[1], first[2]])
    }
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
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A picture of noise, the same for the same seed.
    pub(crate) fn noise(size: Size, seed: u32) -> Picture {
        let mut picture = Picture::new(size);
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        for y in 0..size.height {
            for pixel in picture.row_mut(0, y, size.width).chunks_exact_mut(4) {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                pixel[..3].copy_from_slice(&state.to_le_bytes()[..3]);
            }
        }
        picture
    }

    proptest! {
        #[test]
        fn copying_is_as_if_by_a_second_buffer(
            x in 0..20u16, y in 0..20u16, to_x in 0..20u16, to_y in 0..20u16, w in 1..12u16, h in 1..12u16,
        ) {
            let size = Size::new(32, 32);
            let before = noise(size, 5);
            let mut after = before.clone();
            after.copy(Rect::new(to_x, to_y, w, h), x, y);
            for row in 0..h {
                prop_assert_eq!(after.row(to_x, to_y + row, w), before.row(x, y + row, w));
            }
        }

        #[test]
        fn the_difference_is_the_smallest_rectangle(points in prop::collection::vec((0..40u16, 0..30u16), 0..6)) {
            let size = Size::new(40, 30);
            let before = noise(size, 9);
            let mut after = before.clone();
            let mut expected = Rect::new(0, 0, 0, 0);
            for (x, y) in points {
                let old = before.row(x, y, 1)[1];
                after.row_mut(x, y, 1)[1] = !old;
                expected = expected.union(&Rect::new(x, y, 1, 1));
            }
            let found = after.difference(&before, size.rect());
            prop_assert_eq!(found, (!expected.is_empty()).then_some(expected));
        }
    }

    #[test]
    fn an_angle_is_cut_into_its_two_arms() {
        let before = Picture::new(Size::new(64, 64));
        let mut after = before.clone();
        let (top, side) = (Rect::new(2, 3, 60, 4), Rect::new(2, 7, 6, 50));
        after.fill(top, [1, 2, 3]);
        after.fill(side, [1, 2, 3]);
        assert_eq!(after.bands(&before, after.size().rect()), [top, side]);
        assert_eq!(after.bands(&after, after.size().rect()), []);
    }

    #[test]
    fn resizing_keeps_the_corner() {
        let mut p = noise(Size::new(10, 10), 1);
        let old = p.clone();
        p.resize(Size::new(20, 5));
        assert_eq!(p.row(0, 4, 10), old.row(0, 4, 10));
        assert_eq!(p.single_colour(Rect::new(10, 0, 10, 5)), Some([0, 0, 0]));
    }
}
