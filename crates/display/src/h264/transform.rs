//! The transforms of residuals and their quantisation (ITU-T H.264, clause 8.5), four blocks of 4 × 4 beside one another
//! at a time, so that they become vector instructions.

use super::vector::transpose;

/// Four rows of sixteen samples.
pub(super) type Rows = [[u8; 16]; 4];
/// Four blocks' coefficients: `[u][4 * block + v]` is the one with `u` the horizontal and `v` the vertical frequency.
pub(super) type Strip = [[i16; 16]; 4];

/// Order of a block's coefficients in the stream, as (u, v).
#[rustfmt::skip]
const ZIGZAG: [(usize, usize); 16] = [
    (0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (2, 0), (3, 0), (2, 1),
    (1, 2), (0, 3), (1, 3), (2, 2), (3, 1), (3, 2), (2, 3), (3, 3),
];

/// What a coefficient is multiplied with, by the quantisation's remainder by six: of both frequencies even, of both odd,
/// and of the others; then the same for the way back.
#[rustfmt::skip]
const FORWARD: [[i32; 3]; 6] =
    [[13107, 5243, 8066], [11916, 4660, 7490], [10082, 4194, 6554], [9362, 3647, 5825], [8192, 3355, 5243], [7282, 2893, 4559]];
#[rustfmt::skip]
const BACK: [[i32; 3]; 6] = [[10, 16, 13], [11, 18, 14], [13, 20, 16], [14, 23, 18], [16, 25, 20], [18, 29, 23]];

/// Quantisation of chroma where that of luma is 30 and more.
const CHROMA: [u8; 22] = [29, 30, 31, 32, 32, 33, 34, 34, 35, 35, 36, 36, 37, 37, 37, 38, 38, 38, 39, 39, 39, 39];

/// The quantisation of chroma that belongs to that of luma.
pub(super) fn chroma_qp(luma: u8) -> u8 {
    if luma < 30 { luma } else { CHROMA[usize::from(luma) - 30] }
}

/// How coefficients become levels and back at one quantisation.
pub(super) struct Quantiser {
    /// By u and 4 × block + v, as coefficients are.
    factors: [[u16; 16]; 4],
    inter: [[u16; 16]; 4],
    intra: [[u16; 16]; 4],
    back: [[i16; 16]; 4],
    dc_factor: i32,
    dc_back: i32,
    shift: i32,
}

impl Quantiser {
    /// Prepares the quantisation `qp`, 18 to 51.
    pub(super) fn new(qp: u8) -> Self {
        let (six, rest) = (i32::from(qp / 6), usize::from(qp % 6));
        let of = |table: &[i32; 3], u: usize, v: usize| match (u % 2, v % 2) {
            (0, 0) => table[0],
            (1, 1) => table[1],
            _ => table[2],
        };
        let grid =
            |value: &dyn Fn(usize, usize) -> i32| std::array::from_fn(|u| std::array::from_fn(|i| value(u, i % 4)));
        // The recommendation's 15 + qp / 6 bits become the sixteen of a vector instruction that multiplies.
        let factor = |u, v| (2 * of(&FORWARD[rest], u, v)) >> six;
        let rounding = |u, v, parts: i32| (1 << 16) / (parts * factor(u, v));
        let words = |g: [[i32; 16]; 4]| g.map(|row| row.map(|n| n as u16));
        Self {
            factors: words(grid(&factor)),
            inter: words(grid(&|u, v| rounding(u, v, 6))),
            intra: words(grid(&|u, v| rounding(u, v, 3))),
            back: grid(&|u, v| of(&BACK[rest], u, v) << six).map(|row| row.map(|n| n as i16)),
            dc_factor: FORWARD[rest][0],
            dc_back: BACK[rest][0],
            shift: six,
        }
    }

    /// Makes levels of coefficients.
    #[inline(always)]
    pub(super) fn quantise(&self, coefficients: &Strip, intra: bool) -> Strip {
        let rounding = if intra { &self.intra } else { &self.inter };
        let mut levels = [[0; 16]; 4];
        for u in 0..4 {
            for i in 0..16 {
                let value = coefficients[u][i];
                let amount = value.unsigned_abs().wrapping_add(rounding[u][i]);
                let level = ((u32::from(amount) * u32::from(self.factors[u][i])) >> 16) as i16;
                levels[u][i] = if value < 0 { -level } else { level };
            }
        }
        levels
    }

    /// Makes coefficients of levels again, as a decoder does.
    #[inline(always)]
    pub(super) fn scale(&self, levels: &Strip) -> Strip {
        let mut coefficients = [[0; 16]; 4];
        for u in 0..4 {
            for i in 0..16 {
                coefficients[u][i] = levels[u][i].wrapping_mul(self.back[u][i]);
            }
        }
        coefficients
    }

    /// Makes levels of the DC coefficients that were transformed once more.
    #[inline(always)]
    fn quantise_dc(&self, value: i32, intra: bool) -> i16 {
        let bits = 16 + self.shift;
        let rounding = (1 << bits) / if intra { 3 } else { 6 };
        let level = ((value.abs() * self.dc_factor + rounding) >> bits) as i16;
        if value < 0 { -level } else { level }
    }

    /// Makes levels of a macroblock's sixteen luma DC coefficients, `[v][u]` by the places of their blocks.
    pub(super) fn luma_dc(&self, dc: &[[i32; 4]; 4]) -> [[i16; 4]; 4] {
        hadamard(dc).map(|row| row.map(|value| self.quantise_dc((value + 1) >> 1, true)))
    }

    /// Makes the DC coefficients of their levels again.
    pub(super) fn luma_dc_back(&self, levels: &[[i16; 4]; 4]) -> [[i16; 4]; 4] {
        let back = |value: i32| ((value * self.dc_back) << self.shift >> 2) as i16;
        hadamard(&levels.map(|row| row.map(i32::from))).map(|row| row.map(back))
    }

    /// Makes levels of a chroma plane's four DC coefficients, row by row.
    #[inline(always)]
    pub(super) fn chroma_dc(&self, dc: [i32; 4], intra: bool) -> [i16; 4] {
        butterflies(dc).map(|value| self.quantise_dc(value, intra))
    }

    /// Makes the DC coefficients of their levels again.
    #[inline(always)]
    pub(super) fn chroma_dc_back(&self, levels: [i16; 4]) -> [i16; 4] {
        butterflies(levels.map(i32::from)).map(|value| ((value * self.dc_back) << self.shift >> 1) as i16)
    }
}

/// Transforms 2 × 2 values; the same way back.
fn butterflies([a, b, c, d]: [i32; 4]) -> [i32; 4] {
    [a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d]
}

/// Transforms 4 × 4 values with ones alone; the same way back.
fn hadamard(values: &[[i32; 4]; 4]) -> [[i32; 4]; 4] {
    let one = |[a, b, c, d]: [i32; 4]| [a + b + c + d, a + b - c - d, a - b - c + d, a - b + c - d];
    let turned = |m: [[i32; 4]; 4]| std::array::from_fn(|i| m.map(|row: [i32; 4]| row[i]));
    turned(turned(values.map(one)).map(one))
}

/// Transforms what four blocks differ from their prediction by.
#[inline(always)]
pub(super) fn forward(source: &Rows, prediction: &Rows) -> Strip {
    let mut rows = [[0; 16]; 4];
    for y in 0..4 {
        for x in 0..16 {
            rows[y][x] = i16::from(source[y][x]) - i16::from(prediction[y][x]);
        }
    }
    forward_pass(&transpose(&forward_pass(&rows)))
}

#[inline(always)]
fn forward_pass(rows: &Strip) -> Strip {
    let mut out = [[0; 16]; 4];
    for i in 0..16 {
        let [a, b, c, d] = [rows[0][i], rows[1][i], rows[2][i], rows[3][i]];
        let (outer, inner, far, near) = (a + d, b + c, a - d, b - c);
        out[0][i] = outer + inner;
        out[1][i] = 2 * far + near;
        out[2][i] = outer - inner;
        out[3][i] = far - 2 * near;
    }
    out
}

/// Adds what coefficients stand for to the prediction, as a decoder does.
#[inline(always)]
pub(super) fn reconstruct(coefficients: &Strip, prediction: &Rows) -> Rows {
    let residual = back_pass(&transpose(&back_pass(coefficients)));
    let mut rows = [[0; 16]; 4];
    for y in 0..4 {
        for x in 0..16 {
            let sum = i16::from(prediction[y][x]).wrapping_add(residual[y][x].wrapping_add(32) >> 6);
            rows[y][x] = sum.clamp(0, 255) as u8;
        }
    }
    rows
}

#[inline(always)]
fn back_pass(rows: &Strip) -> Strip {
    let mut out = [[0i16; 16]; 4];
    for i in 0..16 {
        let [a, b, c, d] = [rows[0][i], rows[1][i], rows[2][i], rows[3][i]];
        let (sum, difference) = (a.wrapping_add(c), a.wrapping_sub(c));
        let (less, more) = ((b >> 1).wrapping_sub(d), b.wrapping_add(d >> 1));
        out[0][i] = sum.wrapping_add(more);
        out[1][i] = difference.wrapping_add(less);
        out[2][i] = difference.wrapping_sub(less);
        out[3][i] = sum.wrapping_sub(more);
    }
    out
}

/// The levels of one of the four blocks in the order of the stream.
#[inline(always)]
pub(super) fn zigzag(levels: &Strip, block: usize) -> [i16; 16] {
    let mut order = [0; 16];
    for (to, (u, v)) in order.iter_mut().zip(ZIGZAG) {
        *to = levels[u][4 * block + v];
    }
    order
}
