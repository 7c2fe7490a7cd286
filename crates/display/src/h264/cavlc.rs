//! Writes the coefficients of a block with context-adaptive codes (ITU-T H.264, clause 9.2).

use super::bits::BitWriter;

/// A code: its value and the number of its bits.
type Code = (u16, u8);

/// The levels of a block, that of the lowest frequency first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Block {
    pub(super) levels: [i16; 16],
    /// A bit for each that is not zero, the first in the lowest place.
    pub(super) full: u16,
}

/// Which of a block's levels are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    All,
    /// Without the first, which is zero.
    Rest,
    /// The four DC coefficients of a chroma plane, the others being zero.
    ChromaDc,
}

/// Appends a block's levels. Their amount is below 2,000, which quantisation by QP 10 and more ensures. `neighbours` is
/// the mean number of levels in the blocks to the left and above (nC).
pub(super) fn put_block(bits: &mut BitWriter, block: &Block, extent: Extent, neighbours: u8) {
    let Block { levels, full } = block;
    let total = full.count_ones() as usize;
    // From the highest frequency down.
    let mut found = [0; 16];
    let mut left = *full;
    for level in &mut found[..total] {
        let at = left.ilog2();
        *level = levels[at as usize];
        left ^= 1 << at;
    }
    let ones = found.iter().take(3).take_while(|level| level.unsigned_abs() == 1).count();
    let token = match (extent, neighbours) {
        (Extent::ChromaDc, _) => COEFF_TOKEN_CHROMA_DC[total][ones],
        (_, 0..2) => COEFF_TOKEN[0][total][ones],
        (_, 2..4) => COEFF_TOKEN[1][total][ones],
        (_, 4..8) => COEFF_TOKEN[2][total][ones],
        _ if total == 0 => (3, 6),
        _ => ((total as u16 - 1) << 2 | ones as u16, 6),
    };
    put(bits, token);
    if total == 0 {
        return;
    }
    for level in &found[..ones] {
        bits.put(u32::from(*level < 0), 1);
    }
    put_levels(bits, &found[ones..total], total, ones);
    let (first, most) = match extent {
        Extent::All => (0, 16),
        Extent::Rest => (1, 15),
        Extent::ChromaDc => (0, 4),
    };
    let last = full.ilog2() as usize;
    let mut zeros = last + 1 - first - total;
    if total < most {
        put(
            bits,
            match extent {
                Extent::ChromaDc => TOTAL_ZEROS_CHROMA_DC[total - 1][zeros],
                _ => TOTAL_ZEROS[total - 1][zeros],
            },
        );
    }
    let (mut at, mut left) = (last, full ^ 1 << last);
    while zeros > 0 && left != 0 {
        let next = left.ilog2() as usize;
        let run = at - next - 1;
        put(bits, RUN_BEFORE[zeros.min(7) - 1][run]);
        zeros -= run;
        (at, left) = (next, left ^ 1 << next);
    }
}

/// Appends the amounts other than the trailing ones.
fn put_levels(bits: &mut BitWriter, levels: &[i16], total: usize, ones: usize) {
    let mut suffix = u32::from(total > 10 && ones < 3);
    for (n, level) in levels.iter().enumerate() {
        let amount = u32::from(level.unsigned_abs());
        let mut code = 2 * amount - 2 + u32::from(*level < 0);
        // That it is no trailing one is known of the first.
        code -= if n == 0 && ones < 3 { 2 } else { 0 };
        match (suffix, code) {
            (0, 0..14) => bits.put(1, code + 1),
            (0, 14..30) => bits.put(1 << 4 | (code - 14), 15 + 4),
            (0, _) => bits.put(1 << 12 | (code - 30), 16 + 12),
            _ if code < 15 << suffix => {
                bits.put(1 << suffix | code & ((1 << suffix) - 1), (code >> suffix) + 1 + suffix)
            }
            _ => bits.put(1 << 12 | (code - (15 << suffix)), 16 + 12),
        }
        suffix = suffix.max(1);
        suffix += u32::from(amount > 3 << (suffix - 1) && suffix < 6);
    }
}

fn put(bits: &mut BitWriter, (value, count): Code) {
    bits.put(value.into(), count.into());
}

/// `coeff_token` by the kind of neighbourhood (nC of 0–1, 2–3, 4–7), number of coefficients and trailing ones.
#[rustfmt::skip]
const COEFF_TOKEN: [[[Code; 4]; 17]; 3] = [
    [
        [(1, 1), (0, 0), (0, 0), (0, 0)],
        [(5, 6), (1, 2), (0, 0), (0, 0)],
        [(7, 8), (4, 6), (1, 3), (0, 0)],
        [(7, 9), (6, 8), (5, 7), (3, 5)],
        [(7, 10), (6, 9), (5, 8), (3, 6)],
        [(7, 11), (6, 10), (5, 9), (4, 7)],
        [(15, 13), (6, 11), (5, 10), (4, 8)],
        [(11, 13), (14, 13), (5, 11), (4, 9)],
        [(8, 13), (10, 13), (13, 13), (4, 10)],
        [(15, 14), (14, 14), (9, 13), (4, 11)],
        [(11, 14), (10, 14), (13, 14), (12, 13)],
        [(15, 15), (14, 15), (9, 14), (12, 14)],
        [(11, 15), (10, 15), (13, 15), (8, 14)],
        [(15, 16), (1, 15), (9, 15), (12, 15)],
        [(11, 16), (14, 16), (13, 16), (8, 15)],
        [(7, 16), (10, 16), (9, 16), (12, 16)],
        [(4, 16), (6, 16), (5, 16), (8, 16)],
    ],
    [
        [(3, 2), (0, 0), (0, 0), (0, 0)],
        [(11, 6), (2, 2), (0, 0), (0, 0)],
        [(7, 6), (7, 5), (3, 3), (0, 0)],
        [(7, 7), (10, 6), (9, 6), (5, 4)],
        [(7, 8), (6, 6), (5, 6), (4, 4)],
        [(4, 8), (6, 7), (5, 7), (6, 5)],
        [(7, 9), (6, 8), (5, 8), (8, 6)],
        [(15, 11), (6, 9), (5, 9), (4, 6)],
        [(11, 11), (14, 11), (13, 11), (4, 7)],
        [(15, 12), (10, 11), (9, 11), (4, 9)],
        [(11, 12), (14, 12), (13, 12), (12, 11)],
        [(8, 12), (10, 12), (9, 12), (8, 11)],
        [(15, 13), (14, 13), (13, 13), (12, 12)],
        [(11, 13), (10, 13), (9, 13), (12, 13)],
        [(7, 13), (11, 14), (6, 13), (8, 13)],
        [(9, 14), (8, 14), (10, 14), (1, 13)],
        [(7, 14), (6, 14), (5, 14), (4, 14)],
    ],
    [
        [(15, 4), (0, 0), (0, 0), (0, 0)],
        [(15, 6), (14, 4), (0, 0), (0, 0)],
        [(11, 6), (15, 5), (13, 4), (0, 0)],
        [(8, 6), (12, 5), (14, 5), (12, 4)],
        [(15, 7), (10, 5), (11, 5), (11, 4)],
        [(11, 7), (8, 5), (9, 5), (10, 4)],
        [(9, 7), (14, 6), (13, 6), (9, 4)],
        [(8, 7), (10, 6), (9, 6), (8, 4)],
        [(15, 8), (14, 7), (13, 7), (13, 5)],
        [(11, 8), (14, 8), (10, 7), (12, 6)],
        [(15, 9), (10, 8), (13, 8), (12, 7)],
        [(11, 9), (14, 9), (9, 8), (12, 8)],
        [(8, 9), (10, 9), (13, 9), (8, 8)],
        [(13, 10), (7, 9), (9, 9), (12, 9)],
        [(9, 10), (12, 10), (11, 10), (10, 10)],
        [(5, 10), (8, 10), (7, 10), (6, 10)],
        [(1, 10), (4, 10), (3, 10), (2, 10)],
    ],
];

/// The same for the DC coefficients of chroma.
#[rustfmt::skip]
const COEFF_TOKEN_CHROMA_DC: [[Code; 4]; 5] = [
    [(1, 2), (0, 0), (0, 0), (0, 0)],
    [(7, 6), (1, 1), (0, 0), (0, 0)],
    [(4, 6), (6, 6), (1, 3), (0, 0)],
    [(3, 6), (3, 7), (2, 7), (5, 6)],
    [(2, 6), (3, 8), (2, 8), (0, 7)],
];

/// `total_zeros` by the number of coefficients less one, of sixteen.
#[rustfmt::skip]
const TOTAL_ZEROS: [[Code; 16]; 15] = [
    [(1, 1), (3, 3), (2, 3), (3, 4), (2, 4), (3, 5), (2, 5), (3, 6), (2, 6), (3, 7), (2, 7), (3, 8), (2, 8), (3, 9), (2, 9), (1, 9)],
    [(7, 3), (6, 3), (5, 3), (4, 3), (3, 3), (5, 4), (4, 4), (3, 4), (2, 4), (3, 5), (2, 5), (3, 6), (2, 6), (1, 6), (0, 6), (0, 0)],
    [(5, 4), (7, 3), (6, 3), (5, 3), (4, 4), (3, 4), (4, 3), (3, 3), (2, 4), (3, 5), (2, 5), (1, 6), (1, 5), (0, 6), (0, 0), (0, 0)],
    [(3, 5), (7, 3), (5, 4), (4, 4), (6, 3), (5, 3), (4, 3), (3, 4), (3, 3), (2, 4), (2, 5), (1, 5), (0, 5), (0, 0), (0, 0), (0, 0)],
    [(5, 4), (4, 4), (3, 4), (7, 3), (6, 3), (5, 3), (4, 3), (3, 3), (2, 4), (1, 5), (1, 4), (0, 5), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(1, 6), (1, 5), (7, 3), (6, 3), (5, 3), (4, 3), (3, 3), (2, 3), (1, 4), (1, 3), (0, 6), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(1, 6), (1, 5), (5, 3), (4, 3), (3, 3), (3, 2), (2, 3), (1, 4), (1, 3), (0, 6), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(1, 6), (1, 4), (1, 5), (3, 3), (3, 2), (2, 2), (2, 3), (1, 3), (0, 6), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(1, 6), (0, 6), (1, 4), (3, 2), (2, 2), (1, 3), (1, 2), (1, 5), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(1, 5), (0, 5), (1, 3), (3, 2), (2, 2), (1, 2), (1, 4), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(0, 4), (1, 4), (1, 3), (2, 3), (1, 1), (3, 3), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(0, 4), (1, 4), (1, 2), (1, 1), (1, 3), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(0, 3), (1, 3), (1, 1), (1, 2), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(0, 2), (1, 2), (1, 1), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(0, 1), (1, 1), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
];

/// The same of four.
#[rustfmt::skip]
const TOTAL_ZEROS_CHROMA_DC: [[Code; 4]; 3] = [
    [(1, 1), (1, 2), (1, 3), (0, 3)],
    [(1, 1), (1, 2), (0, 2), (0, 0)],
    [(1, 1), (0, 1), (0, 0), (0, 0)],
];

/// `run_before` by the zeros left less one, seven and more alike.
#[rustfmt::skip]
const RUN_BEFORE: [[Code; 15]; 7] = [
    [(1, 1), (0, 1), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(1, 1), (1, 2), (0, 2), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(3, 2), (2, 2), (1, 2), (0, 2), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(3, 2), (2, 2), (1, 2), (1, 3), (0, 3), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(3, 2), (2, 2), (3, 3), (2, 3), (1, 3), (0, 3), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(3, 2), (0, 3), (1, 3), (3, 3), (2, 3), (5, 3), (4, 3), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    [(7, 3), (6, 3), (5, 3), (4, 3), (3, 3), (2, 3), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (1, 8), (1, 9), (1, 10), (1, 11)],
];
