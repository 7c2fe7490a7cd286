//! Predicts a macroblock's luma from the picture before, also between its samples (ITU-T H.264, clause 8.4.2.2.1).

use super::planes::Plane;
use super::search::{Luma, Vector};
use super::vector;

/// Rows and columns of samples that are computed at a time: a macroblock's, one more on every side, and some to spare.
const ROWS: usize = 18;
const COLUMNS: usize = 24;
/// Samples of a row that those are computed from.
const TAPS: usize = COLUMNS + 5;
type Samples = [[u8; COLUMNS]; ROWS];

/// A luma plane's samples around a block, and those half-way between them: to the right of each, below, and both.
pub(super) struct Around {
    full: Samples,
    right: Samples,
    below: Samples,
    both: Samples,
    /// Half-way to the row below, of as many bits as it takes.
    between: [[i16; TAPS]; ROWS],
}

/// Which half-way samples are computed.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    right: bool,
    below: bool,
    both: bool,
}

impl Wanted {
    /// For predictions half-way, and a quarter of the way to there from whole samples.
    pub(super) const EDGES: Self = Self { right: true, below: true, both: false };

    /// For the prediction at this vector alone.
    #[inline(always)]
    pub(super) const fn of(vector: Vector) -> Self {
        let (column, line) = (vector.x & 3, vector.y & 3);
        Self {
            right: column != 0 && line != 2,
            below: line != 0 && column != 2,
            both: column == 2 && line != 0 || line == 2 && column != 0,
        }
    }
}

impl Around {
    pub(super) const fn new() -> Self {
        let none = [[0; COLUMNS]; ROWS];
        Self { full: none, right: none, below: none, both: none, between: [[0; TAPS]; ROWS] }
    }

    /// Computes what is wanted around the sixteen rows of sixteen samples that begin at (x, y) of the plane.
    #[inline(always)]
    pub(super) fn compute(&mut self, plane: &Plane, (x, y): (isize, isize), wanted: Wanted) {
        let first = plane.at(x - 3, y - 3);
        let row = |line: usize| -> &[u8; TAPS] { plane.row(first + line * plane.stride) };
        for (line, out) in self.full.iter_mut().enumerate() {
            out.copy_from_slice(&row(line + 2)[2..][..COLUMNS]);
        }
        if wanted.right {
            for (line, out) in self.right.iter_mut().enumerate() {
                to_the_right(out, row(line + 2));
            }
        }
        if wanted.below || wanted.both {
            for (line, out) in self.between.iter_mut().enumerate() {
                down(out, [row(line), row(line + 1), row(line + 2), row(line + 3), row(line + 4), row(line + 5)]);
            }
        }
        if wanted.below {
            for (out, between) in self.below.iter_mut().zip(&self.between) {
                round(out, between);
            }
        }
        if wanted.both {
            self.compute_both();
        }
    }

    /// Computes those half-way in both directions, where [`compute`](Self::compute) was asked for those below.
    #[inline(always)]
    pub(super) fn compute_both(&mut self) {
        for (out, between) in self.both.iter_mut().zip(&self.between) {
            across(out, between);
        }
    }

    /// The samples whose mean is the prediction at a vector that is so far from where [`compute`](Self::compute) was
    /// asked; twice the same where there is nothing to take the mean of.
    #[inline(always)]
    fn at(&self, vector: Vector) -> [&[u8]; 2] {
        let Self { full, right, below, both, .. } = self;
        let (column, line) = (vector.x & 3, vector.y & 3);
        let (x, y) = ((1 + (vector.x >> 2)) as usize, (1 + (vector.y >> 2)) as usize);
        let first = match (column, line) {
            (0, 0 | 1 | 3) => full,
            (0, _) => below,
            (_, 0 | 1 | 3) => right,
            (_, _) => both,
        };
        let second = match (column, line) {
            (0, 0) | (1 | 3, 0) => full,
            (2, 0) => right,
            (0 | 1 | 3, _) => below,
            (_, _) => both,
        };
        [from(first, y + usize::from(line == 3), x), from(second, y, x + usize::from(column == 3))]
    }

    /// The prediction at a vector.
    #[inline(always)]
    pub(super) fn predict(&self, vector: Vector) -> Luma {
        let [a, b] = self.at(vector);
        vector::mean(a, b, COLUMNS)
    }

    /// The sum of what the samples of a macroblock differ by from the prediction at a vector.
    #[inline(always)]
    pub(super) fn difference(&self, source: &Luma, vector: Vector) -> u32 {
        let [a, b] = self.at(vector);
        vector::difference_from_mean(source, a, b, COLUMNS)
    }
}

/// A block's samples, the first of them being at (x, y).
#[inline(always)]
fn from(samples: &Samples, y: usize, x: usize) -> &[u8] {
    &samples.as_flattened()[y * COLUMNS + x..][..15 * COLUMNS + 16]
}

/// What lies half-way between the third and the fourth of six samples in a row, times 32.
#[inline(always)]
fn between(outer: i16, near: i16, inner: i16) -> i16 {
    outer + 5 * (4 * inner - near)
}

#[inline(always)]
fn to_the_right(out: &mut [u8; COLUMNS], row: &[u8; TAPS]) {
    for x in 0..COLUMNS {
        let pair = |n: usize| i16::from(row[x + n]) + i16::from(row[x + 5 - n]);
        out[x] = ((between(pair(0), pair(1), pair(2)) + 16) >> 5).clamp(0, 255) as u8;
    }
}

#[inline(always)]
fn down(out: &mut [i16; TAPS], rows: [&[u8; TAPS]; 6]) {
    for x in 0..TAPS {
        let pair = |n: usize| i16::from(rows[n][x]) + i16::from(rows[5 - n][x]);
        out[x] = between(pair(0), pair(1), pair(2));
    }
}

#[inline(always)]
fn round(out: &mut [u8; COLUMNS], between: &[i16; TAPS]) {
    for x in 0..COLUMNS {
        out[x] = ((between[x + 2] + 16) >> 5).clamp(0, 255) as u8;
    }
}

#[inline(always)]
fn across(out: &mut [u8; COLUMNS], row: &[i16; TAPS]) {
    for x in 0..COLUMNS {
        let (outer, near, inner) = (row[x] + row[x + 5], row[x + 1] + row[x + 4], row[x + 2] + row[x + 3]);
        // (outer - 5 near + 20 inner) / 16 in as many bits; what would need more is beyond black or white anyway.
        let quarter = ((outer - near) >> 2).saturating_sub(near).saturating_add(inner);
        out[x] = (((quarter >> 2) + inner + 32) >> 6).clamp(0, 255) as u8;
    }
}
