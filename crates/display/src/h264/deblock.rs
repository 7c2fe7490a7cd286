//! Smooths the edges of blocks as decoders do, so that what the next picture is predicted from is what they show
//! (ITU-T H.264, clause 8.7).

use super::coder::Past;
use super::planes::Plane;
use super::vector::{self, Across};

/// Samples on both sides of an edge differ by less where it is smoothed: across it, and beside it; by quantisation.
#[rustfmt::skip]
const ALPHA: [u8; 52] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 17, 20, 22, 25, 28, 32, 36, 40, 45,
    50, 56, 63, 71, 80, 90, 101, 113, 127, 144, 162, 182, 203, 226, 255, 255,
];
#[rustfmt::skip]
const BETA: [u8; 52] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12,
    12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18,
];
/// How far a sample is moved, by quantisation and strengths of one to three.
#[rustfmt::skip]
const MOST: [[u8; 3]; 52] = [
    [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0],
    [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1],
    [0, 0, 1], [0, 1, 1], [0, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 2], [1, 1, 2], [1, 1, 2],
    [1, 1, 2], [1, 2, 3], [1, 2, 3], [2, 2, 3], [2, 2, 4], [2, 3, 4], [2, 3, 4], [3, 3, 5], [3, 4, 6], [3, 4, 6],
    [4, 5, 7], [4, 5, 8], [4, 6, 9], [5, 7, 10], [6, 8, 11], [6, 8, 13], [7, 10, 14], [8, 11, 16], [9, 12, 18],
    [10, 13, 20], [11, 15, 23], [13, 17, 25],
];

/// How strongly each quarter of an edge is smoothed; 4 where a macroblock on either side is predicted from its own picture.
type Strengths = [u8; 4];

/// What an edge is smoothed with at one quantisation.
struct Filter {
    alpha: u8,
    beta: u8,
    most: [u8; 3],
    chroma: bool,
}

/// What the edges of a picture are smoothed with.
pub(super) struct Smoothing {
    luma: Filter,
    chroma: Filter,
}

impl Smoothing {
    /// Prepares for a quantisation of luma and one of chroma.
    pub(super) fn new(luma_qp: u8, chroma_qp: u8) -> Self {
        let filter = |qp: u8, chroma| {
            let qp = usize::from(qp);
            Filter { alpha: ALPHA[qp], beta: BETA[qp], most: MOST[qp], chroma }
        };
        Self { luma: filter(luma_qp, false), chroma: filter(chroma_qp, true) }
    }

    /// Smooths a line of macroblocks and the edge above it; those above are smoothed.
    #[inline(always)]
    pub(super) fn line(&self, planes: &mut [Plane; 3], past: &[Past], columns: usize, line: usize) {
        for column in 0..columns {
            self.macroblock(planes, past, columns, (column, line));
        }
    }

    #[inline(always)]
    fn macroblock(&self, planes: &mut [Plane; 3], past: &[Past], columns: usize, (column, line): (usize, usize)) {
        let at = line * columns + column;
        let own = &past[at];
        let left = (column > 0).then(|| outer(own, &past[at - 1], true));
        let above = (line > 0).then(|| outer(own, &past[at - columns], false));
        let rests = own.vector.is_some() && own.luma == [[0; 4]; 4];
        if rests && left.is_none_or(|s| s == [0; 4]) && above.is_none_or(|s| s == [0; 4]) {
            return;
        }
        for (upright, beside) in [(true, left), (false, above)] {
            for edge in 0..if rests { 1 } else { 4 } {
                let strengths = match (edge, beside) {
                    (0, None) => continue,
                    (0, Some(strengths)) => strengths,
                    _ => inner(own, edge, upright),
                };
                if strengths == [0; 4] {
                    continue;
                }
                smooth_luma(&mut planes[0], (16 * column, 16 * line), edge, upright, &self.luma, strengths);
                if edge % 2 == 0 {
                    smooth_chroma(planes, (8 * column, 8 * line), edge / 2, upright, &self.chroma, strengths);
                }
            }
        }
    }
}

/// Strengths of the edge to the macroblock before.
#[inline(always)]
fn outer(own: &Past, other: &Past, upright: bool) -> Strengths {
    let (Some(a), Some(b)) = (own.vector, other.vector) else { return [4; 4] };
    let moved = u8::from(a.x.abs_diff(b.x) >= 4 || a.y.abs_diff(b.y) >= 4);
    let strength = |i: usize| {
        let (near, far) = if upright { (own.luma[i][0], other.luma[i][3]) } else { (own.luma[0][i], other.luma[3][i]) };
        if near | far == 0 { moved } else { 2 }
    };
    [strength(0), strength(1), strength(2), strength(3)]
}

/// Strengths of an edge within a macroblock.
#[inline(always)]
fn inner(own: &Past, edge: usize, upright: bool) -> Strengths {
    if own.vector.is_none() {
        return [3; 4];
    }
    let strength = |i: usize| {
        let (near, far) = if upright {
            (own.luma[i][edge], own.luma[i][edge - 1])
        } else {
            (own.luma[edge][i], own.luma[edge - 1][i])
        };
        if near | far == 0 { 0 } else { 2 }
    };
    [strength(0), strength(1), strength(2), strength(3)]
}

/// Smooths one edge of luma in a macroblock at (x, y).
#[inline(always)]
fn smooth_luma(plane: &mut Plane, (x, y): (usize, usize), edge: usize, upright: bool, filter: &Filter, by: Strengths) {
    let [a, b, c, d] = by;
    let strengths = [a, a, a, a, b, b, b, b, c, c, c, c, d, d, d, d];
    let stride = plane.stride;
    if upright {
        let at = plane.at((x + 4 * edge) as isize - 4, y as isize);
        let mut rows = [[0; 8]; 16];
        rows.iter_mut().enumerate().for_each(|(i, row)| *row = *plane.row(at + i * stride));
        let mut across = vector::across(&rows);
        if filter.smooth(&mut across, &strengths) {
            for (i, row) in vector::along(&across).iter().enumerate() {
                plane.put(at + i * stride, row);
            }
        }
    } else {
        let at = plane.at(x as isize, (y + 4 * edge) as isize - 4);
        let mut across: Across = [[0; 16]; 8];
        across.iter_mut().enumerate().for_each(|(n, samples)| *samples = *plane.row(at + n * stride));
        if filter.smooth(&mut across, &strengths) {
            across[1..7].iter().enumerate().for_each(|(n, samples)| plane.put(at + (n + 1) * stride, samples));
        }
    }
}

/// The same of both planes of chroma at once.
#[inline(always)]
fn smooth_chroma(
    [_, first, second]: &mut [Plane; 3],
    (x, y): (usize, usize),
    edge: usize,
    upright: bool,
    filter: &Filter,
    by: Strengths,
) {
    let [a, b, c, d] = by;
    let strengths = [a, a, b, b, c, c, d, d, a, a, b, b, c, c, d, d];
    let stride = first.stride;
    // Of chroma two samples on either side take part.
    if upright {
        let at = first.at((x + 4 * edge) as isize - 4, y as isize);
        let mut rows = [[0; 8]; 16];
        for i in 0..8 {
            (rows[i], rows[i + 8]) = (*first.row(at + i * stride), *second.row(at + i * stride));
        }
        let mut across = vector::across(&rows);
        if filter.smooth(&mut across, &strengths) {
            let rows = vector::along(&across);
            for i in 0..8 {
                first.put(at + i * stride, &rows[i]);
                second.put(at + i * stride, &rows[i + 8]);
            }
        }
    } else {
        let at = first.at(x as isize, (y + 4 * edge) as isize - 2);
        let mut across: Across = [[0; 16]; 8];
        for n in 0..4 {
            across[n + 2][..8].copy_from_slice(first.row::<8>(at + n * stride));
            across[n + 2][8..].copy_from_slice(second.row::<8>(at + n * stride));
        }
        if filter.smooth(&mut across, &strengths) {
            for n in 1..3 {
                let (halves, _) = across[n + 2].as_chunks::<8>();
                first.put(at + n * stride, &halves[0]);
                second.put(at + n * stride, &halves[1]);
            }
        }
    }
}

impl Filter {
    /// Smooths the samples across an edge; false when none is changed.
    #[inline(always)]
    fn smooth(&self, across: &mut Across, strengths: &[u8; 16]) -> bool {
        if self.alpha == 0 || self.beta == 0 {
            return false;
        }
        let near = vector::near(across, strengths, self.alpha, self.beta);
        if near == [0; 16] {
            return false;
        }
        if strengths[0] == 4 {
            self.strong(across, &near);
        } else {
            let mut most = [0; 16];
            for i in 0..16 {
                most[i] = if strengths[i] == 2 {
                    self.most[1]
                } else if strengths[i] == 1 {
                    self.most[0]
                } else {
                    self.most[2]
                };
            }
            vector::weak(across, &near, &most, self.beta, self.chroma);
        }
        true
    }

    /// Smooths more samples, where at least one side was predicted from its own picture (clause 8.7.2.4).
    #[inline(always)]
    fn strong(&self, across: &mut Across, near: &[u8; 16]) {
        let (alpha, beta) = (i16::from(self.alpha), i16::from(self.beta));
        let before = *across;
        for i in 0..16 {
            let at = |n: usize| i16::from(before[n][i]);
            let smooth = !self.chroma && (at(3) - at(4)).abs() < (alpha >> 2) + 2;
            // From the edge on: three samples on this side, and two on the other.
            let side = |[m3, m2, m1, m0, n0, n1]: [i16; 6]| {
                let mean = m2 + m1 + m0 + n0;
                let flat = smooth && (m2 - m0).abs() < beta;
                let pick = |is: i16, else_is: i16| if flat { is } else { else_is };
                [
                    pick((mean + m1 + m0 + n0 + n1 + 4) >> 3, (2 * m1 + m0 + n1 + 2) >> 2),
                    pick((mean + 2) >> 2, m1),
                    pick((2 * m3 + 3 * m2 + m1 + m0 + n0 + 4) >> 3, m2),
                ]
            };
            let [c0, c1, c2] = side([at(0), at(1), at(2), at(3), at(4), at(5)]);
            let [d0, d1, d2] = side([at(7), at(6), at(5), at(4), at(3), at(2)]);
            for (n, sample) in [c2, c1, c0, d0, d1, d2].into_iter().enumerate() {
                across[n + 1][i] = if near[i] == 0 { before[n + 1][i] } else { sample as u8 };
            }
        }
    }
}
