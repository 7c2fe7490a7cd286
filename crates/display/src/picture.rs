//! A picture in memory, in the byte order of the wire and of a browser's canvas.

use crate::geometry::{Rect, Size};
use crate::pixels::Pixels;

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

    /// All of it, to be read.
    pub fn view(&self) -> Pixels<'_> {
        Pixels::new(&self.pixels, self.size, 4 * usize::from(self.size.width))
    }

    /// Takes a rectangle over from elsewhere, same place.
    pub fn take(&mut self, other: Pixels<'_>, rect: Rect) {
        for y in rect.y..rect.bottom() {
            self.row_mut(rect.x, y, rect.w).copy_from_slice(other.row(rect.x, y, rect.w));
        }
    }

    /// Gives a rectangle one colour.
    pub fn fill(&mut self, rect: Rect, [r, g, b]: [u8; 3]) {
        self.fill_pixel(rect, [r, g, b, 255]);
    }

    /// Makes all pixels of a rectangle the same.
    pub(crate) fn fill_pixel(&mut self, rect: Rect, pixel: [u8; 4]) {
        for y in rect.y..rect.bottom() {
            self.row_mut(rect.x, y, rect.w).as_chunks_mut::<4>().0.fill(pixel);
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
        next.take(self.view(), both);
        *self = next;
    }

    /// The one colour of a rectangle that holds pixels; `None` when there are several.
    pub fn single_colour(&self, rect: Rect) -> Option<[u8; 3]> {
        let [r, g, b, _] = self.view().single_pixel(rect)?;
        Some([r, g, b])
    }
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
            let found = after.view().difference(before.view(), size.rect());
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
        assert_eq!(after.view().bands(before.view(), after.size().rect()), [top, side]);
        assert_eq!(after.view().bands(after.view(), after.size().rect()), []);
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
