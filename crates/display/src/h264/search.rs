//! Finds where a macroblock came from in the picture before, to a quarter of a sample.

use super::bits::signed_bits;
use super::interpolate::{Around, Wanted};
use super::planes::Plane;
use super::vector;

/// A macroblock's luma.
pub(super) type Luma = [[u8; 16]; 16];

/// How far something moved, in quarters of a sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Vector {
    pub(super) x: i16,
    pub(super) y: i16,
}

impl Vector {
    pub(super) const fn new(x: i16, y: i16) -> Self {
        Self { x, y }
    }

    /// The nearest one by whole samples.
    fn whole(self) -> Self {
        Self::new((self.x + 2) & !3, (self.y + 2) & !3)
    }

    fn is_whole(self) -> bool {
        (self.x | self.y) & 3 == 0
    }

    fn moved(self, (x, y): (i16, i16), by: i16) -> Self {
        Self::new(self.x + by * x, self.y + by * y)
    }

    fn from(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

/// Samples that a vector may reach beyond the picture's edges.
const REACH: i16 = 16;
/// A match is bad, and searched farther away, where samples differ by more than this on the mean.
const BAD: u32 = 5 * 256;
/// Most steps of a search at one distance.
const STEPS: usize = 12;
/// The neighbours of a vector: opposite ones are as far from either end.
const CROSS: [(i16, i16); 4] = [(0, -1), (-1, 0), (1, 0), (0, 1)];

/// A search for one macroblock.
pub(super) struct Search<'a> {
    /// Luma of the picture before.
    pub(super) plane: &'a Plane,
    pub(super) source: &'a Luma,
    /// The macroblock's first sample, and the picture's size.
    pub(super) place: (usize, usize),
    pub(super) size: (usize, usize),
    /// What a vector is told as the difference from, and what a bit of that is worth.
    pub(super) predicted: Vector,
    pub(super) lambda: u32,
    /// Look between samples also where nothing near came from there.
    pub(super) probe: bool,
}

/// The best vector that was found.
pub(super) struct Found {
    pub(super) vector: Vector,
    /// The sum of what the samples differ by.
    pub(super) difference: u32,
    cost: u32,
}

impl Search<'_> {
    /// What the vector's bits are worth.
    #[inline(always)]
    fn bits(&self, vector: Vector) -> u32 {
        let bits = signed_bits(i32::from(vector.x) - i32::from(self.predicted.x))
            + signed_bits(i32::from(vector.y) - i32::from(self.predicted.y));
        self.lambda * bits
    }

    /// Where the samples at a vector's whole part begin.
    #[inline(always)]
    fn corner(&self, vector: Vector) -> (isize, isize) {
        (self.place.0 as isize + isize::from(vector.x >> 2), self.place.1 as isize + isize::from(vector.y >> 2))
    }

    /// The plane from there on, as far as the macroblock reaches.
    #[inline(always)]
    fn rows(&self, vector: Vector) -> &[u8] {
        let (x, y) = self.corner(vector);
        &self.plane.bytes[self.plane.at(x, y)..][..15 * self.plane.stride + 16]
    }

    /// The vector, within the margin and what the level allows (table A-1).
    #[inline(always)]
    fn clamp(&self, vector: Vector) -> Vector {
        let range = |at: usize, size: usize| {
            let (at, size) = (at as i16, size as i16);
            (-4 * (at + REACH), 4 * (size - 16 - at + REACH))
        };
        let ((left, right), (top, bottom)) = (range(self.place.0, self.size.0), range(self.place.1, self.size.1));
        Vector::new(vector.x.clamp(left, right), vector.y.clamp(top.max(-2048), bottom.min(2044)))
    }

    /// What the macroblock looks like when it came from there. `around` is computed anew.
    #[inline(always)]
    fn predict(&self, vector: Vector, around: &mut Around) -> Luma {
        if vector.is_whole() {
            return vector::copy(self.rows(vector), self.plane.stride);
        }
        around.compute(self.plane, self.corner(vector), Wanted::of(vector));
        around.predict(Vector::new(vector.x & 3, vector.y & 3))
    }

    #[inline(always)]
    fn whole(&self, vector: Vector) -> Found {
        let difference = vector::difference(self.source, self.rows(vector), self.plane.stride);
        Found { vector, difference, cost: difference + self.bits(vector) }
    }

    /// The best vector that is found, with what the macroblock looks like from there. What differs by no more than `enough`
    /// is not looked for any further: first the vector of a macroblock that is not in the stream, then the others.
    #[inline(always)]
    pub(super) fn best(&self, skip: Vector, starts: [Vector; 4], enough: u32, around: &mut Around) -> (Found, Luma) {
        let skip = self.clamp(skip);
        let made = self.predict(skip, around);
        let difference = vector::difference(self.source, made.as_flattened(), 16);
        let first = Found { vector: skip, difference, cost: difference + self.bits(skip) };
        if difference <= enough {
            return (first, made);
        }
        let mut best = self.whole(self.clamp(skip.whole()));
        for start in starts {
            let start = self.clamp(start.whole());
            if start != best.vector {
                best.offer(self.whole(start));
            }
        }
        if best.difference > BAD {
            for far in [32, 16, 8] {
                self.descend(&mut best, 4 * far, 2);
            }
            self.descend(&mut best, 16, STEPS);
            self.descend(&mut best, 8, STEPS);
        }
        self.descend(&mut best, 4, STEPS);
        let between = self.probe || !skip.is_whole() || !starts.into_iter().all(Vector::is_whole);
        if between && best.difference > enough {
            let (middle, corner) = (best.vector, self.corner(best.vector));
            around.compute(self.plane, corner, Wanted::EDGES);
            self.descend_between(&mut best, middle, 2, around);
            if best.vector != middle {
                around.compute_both();
            }
            self.descend_between(&mut best, middle, 1, around);
            if best.cost < first.cost {
                let made = around.predict(best.vector.from(middle));
                return (best, made);
            }
        } else if best.cost < first.cost {
            let made = self.predict(best.vector, around);
            return (best, made);
        }
        (first, made)
    }

    /// Goes to the best neighbour at this distance of whole samples, as often as one is better.
    #[inline(always)]
    fn descend(&self, best: &mut Found, by: i16, steps: usize) {
        let mut came = None;
        for _ in 0..steps {
            let middle = best.vector;
            let mut went = None;
            for (n, side) in CROSS.into_iter().enumerate() {
                let next = middle.moved(side, by);
                // Where it came from is no better.
                if came != Some(3 - n) && next == self.clamp(next) && best.offer(self.whole(next)) {
                    went = Some(n);
                }
            }
            if went.is_none() {
                return;
            }
            came = went;
        }
    }

    /// Goes to the best neighbour at this distance between samples, which is less than one from the middle.
    #[inline(always)]
    fn descend_between(&self, best: &mut Found, middle: Vector, by: i16, around: &Around) {
        let from = best.vector;
        for side in CROSS {
            let vector = from.moved(side, by);
            let difference = around.difference(self.source, vector.from(middle));
            best.offer(Found { vector, difference, cost: difference + self.bits(vector) });
        }
    }
}

impl Found {
    #[inline(always)]
    fn offer(&mut self, other: Self) -> bool {
        let better = other.cost < self.cost;
        if better {
            *self = other;
        }
        better
    }
}
