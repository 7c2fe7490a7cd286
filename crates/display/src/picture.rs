//! A picture in memory, in the byte order of the wire and of a browser's canvas.

use crate::geometry::{Rect, Size};
use crate::pixels::Pixels;

/// Pixels of a screen.
#[derive(Clone)]
pub struct Picture {
    size: Size,
    /// Bytes r g b 255, row by row, without padding.
    /// Length is exactly `4 * width * height`.
    pixels: Vec<u8>,
    /// Which row of `pixels` each row of the picture is, so that rows move without their bytes being copied.
    /// A permutation of `0..height`.
    places: Vec<u16>,
}

impl PartialEq for Picture {
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size && self.rows(self.size.rect()).eq(other.rows(other.size.rect()))
    }
}

impl Eq for Picture {}

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
        Self { size, pixels: BLACK.repeat(size.area()), places: (0..size.height).collect() }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Gives all bytes: r g b 255, row by row, top first.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.rows(self.size.rect()).collect::<Vec<_>>().concat()
    }

    fn at(&self, x: u16, y: u16) -> usize {
        4 * (usize::from(self.places[usize::from(y)]) * usize::from(self.size.width) + usize::from(x))
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
        Pixels::placed(&self.pixels, self.size, &self.places)
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
        if from_x == to.x && self.turns(to, from_y) {
            return self.turn(to, from_y);
        }
        // Rows are walked away from the overlap, so that none is overwritten before it was read.
        let mut row = |i: u16| self.copy_row(from_x, from_y + i, to.x, to.y + i, to.w);
        if from_y < to.y { (0..to.h).rev().for_each(&mut row) } else { (0..to.h).for_each(&mut row) }
    }

    fn copy_row(&mut self, from_x: u16, from_y: u16, x: u16, y: u16, w: u16) {
        let source = self.at(from_x, from_y);
        let target = self.at(x, y);
        self.pixels.copy_within(source..source + 4 * usize::from(w), target);
    }

    /// Whether a copy from above or below is done sooner by a turn: of so many rows, and nearly as wide as the picture.
    fn turns(&self, to: Rect, from_y: u16) -> bool {
        let distance = usize::from(to.y.abs_diff(from_y));
        let (w, h) = (usize::from(to.w), usize::from(to.h));
        let put_back = distance * w + (h + distance) * (usize::from(self.size.width) - w);
        2 * put_back <= h * w
    }

    /// Copies by letting whole rows change places, and puts back what was not to move.
    fn turn(&mut self, to: Rect, from_y: u16) {
        let up = from_y > to.y;
        let distance = to.y.abs_diff(from_y);
        let (top, rows) = (to.y.min(from_y), to.h + distance);
        let places = &mut self.places[usize::from(top)..usize::from(top + rows)];
        if up {
            places.rotate_left(distance.into())
        } else {
            places.rotate_right(distance.into())
        }
        // Rows in the direction of the move.
        let y = |i: u16| if up { top + i } else { top + rows - 1 - i };
        // What was only read stays.
        for i in to.h..rows {
            self.copy_row(to.x, y(i - distance), to.x, y(i), to.w);
        }
        for (x, w) in [(0, to.x), (to.right(), self.size.width - to.right())].into_iter().filter(|(_, w)| *w > 0) {
            let last: Vec<u8> = (to.h..rows).flat_map(|i| self.row(x, y(i), w)).copied().collect();
            for i in (distance..rows).rev() {
                self.copy_row(x, y(i - distance), x, y(i), w);
            }
            for (i, row) in (0..distance).zip(last.chunks_exact(4 * usize::from(w))) {
                self.row_mut(x, y(i), w).copy_from_slice(row);
            }
        }
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
        fn rows_that_change_places_are_as_copied(
            copies in prop::collection::vec((0..4u16, 1..33u16, 0..60u16, 1..60u16, -9..10i16), 1..6),
        ) {
            let size = Size::new(32, 64);
            let mut picture = noise(size, 7);
            for (x, w, y, h, distance) in copies {
                let to = Rect::new(x, y, w, h).intersect(&size.rect());
                let from_y = i32::from(to.y) + i32::from(distance);
                if !(0..=i32::from(size.height - to.h)).contains(&from_y) {
                    continue;
                }
                let before = picture.clone();
                picture.copy(to, to.x, from_y as u16);
                let mut expected = before.clone();
                for row in 0..to.h {
                    expected.row_mut(to.x, to.y + row, to.w).copy_from_slice(before.row(to.x, from_y as u16 + row, to.w));
                }
                prop_assert!(picture == expected, "{to:?} from {from_y}");
                prop_assert!(picture.view().same(expected.view(), size.rect()));
                prop_assert_eq!(picture.to_bytes(), expected.to_bytes());
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
