//! The levels of a macroblock: what its samples differ from their prediction by, transformed and quantised.

use super::cavlc::Block;
use super::search::Luma;
use super::transform::{Quantiser, Rows, Strip, forward, reconstruct, zigzag};
use super::vector;

/// A macroblock's samples: rows of luma, then rows of eight of the one chroma plane and eight of the other.
#[derive(Clone, Copy)]
pub(super) struct Samples {
    pub(super) luma: Luma,
    pub(super) chroma: [[u8; 16]; 8],
}

/// How luma and chroma are quantised.
pub(super) struct Quantisers {
    pub(super) luma: Quantiser,
    pub(super) chroma: Quantiser,
}

/// Levels of a macroblock. Blocks are counted row by row, four in a row; those of chroma, of which the left two are the one
/// plane's and the right two the other's, come after those of luma.
pub(super) struct Levels {
    strips: [Strip; 6],
    /// Blocks that have levels other than zero, a bit each, without those that are kept as DC.
    full: u32,
    /// The levels of these in the order of the stream; those of others are not defined.
    blocks: [Block; 24],
    luma_dc: Option<[[i16; 4]; 4]>,
    chroma_dc: [[i16; 4]; 2],
}

/// Blocks of luma.
const LUMA: u32 = 0xffff;
/// Four blocks in a square: a quarter of luma or, behind luma, a plane of chroma.
const QUARTER: u32 = 0b11_0011;
const QUARTERS: [u32; 4] = [QUARTER, QUARTER << 2, QUARTER << 8, QUARTER << 10];

impl Levels {
    pub(super) fn new() -> Self {
        Self {
            strips: [[[0; 16]; 4]; 6],
            full: 0,
            blocks: [Block::default(); 24],
            luma_dc: None,
            chroma_dc: [[0; 4]; 2],
        }
    }

    /// Makes the levels of a macroblock predicted from another picture, without those that cost more than they show.
    #[inline(always)]
    pub(super) fn make(&mut self, quantisers: &Quantisers, source: &Samples, prediction: &Samples) {
        self.full = 0;
        self.luma_dc = None;
        for strip in 0..4 {
            let coefficients = forward(rows(&source.luma, strip), rows(&prediction.luma, strip));
            self.strips[strip] = quantisers.luma.quantise(&coefficients, false);
            self.full |= u32::from(vector::occupied(&self.strips[strip])) << (4 * strip);
        }
        self.make_chroma(&quantisers.chroma, source, prediction, false);
        self.arrange();
        self.drop_few();
    }

    /// Makes the levels of a macroblock predicted from its own picture.
    pub(super) fn make_intra(&mut self, quantisers: &Quantisers, source: &Samples, prediction: &Samples) {
        self.full = 0;
        let mut dc = [[0; 4]; 4];
        for (strip, dc) in dc.iter_mut().enumerate() {
            let coefficients = forward(rows(&source.luma, strip), rows(&prediction.luma, strip));
            *dc = std::array::from_fn(|block| i32::from(coefficients[0][4 * block]));
            self.put_ac(strip, quantisers.luma.quantise(&coefficients, true));
        }
        self.luma_dc = Some(quantisers.luma.luma_dc(&dc));
        self.make_chroma(&quantisers.chroma, source, prediction, true);
        self.arrange();
    }

    #[inline(always)]
    fn make_chroma(&mut self, quantiser: &Quantiser, source: &Samples, prediction: &Samples, intra: bool) {
        let mut dc = [[0; 4]; 2];
        for strip in 0..2 {
            let coefficients = forward(rows(&source.chroma, strip), rows(&prediction.chroma, strip));
            for block in 0..4 {
                dc[block / 2][2 * strip + block % 2] = i32::from(coefficients[0][4 * block]);
            }
            self.put_ac(4 + strip, quantiser.quantise(&coefficients, intra));
        }
        self.chroma_dc = [quantiser.chroma_dc(dc[0], intra), quantiser.chroma_dc(dc[1], intra)];
    }

    /// Keeps a strip without its blocks' DC.
    #[inline(always)]
    fn put_ac(&mut self, strip: usize, mut levels: Strip) {
        (0..4).for_each(|block| levels[0][4 * block] = 0);
        self.full |= u32::from(vector::occupied(&levels)) << (4 * strip);
        self.strips[strip] = levels;
    }

    /// Brings the blocks that have levels into the order of the stream.
    #[inline(always)]
    fn arrange(&mut self) {
        for block in bits(self.full) {
            let levels = zigzag(&self.strips[block / 4], block % 4);
            self.blocks[block] = Block { levels, full: vector::marks(&levels).0 };
        }
    }

    /// Leaves out the levels of quarters, of luma as a whole and of chroma planes that cost more bits than they are worth.
    #[inline(always)]
    fn drop_few(&mut self) {
        if self.full == 0 {
            return;
        }
        let mut luma = 0;
        for quarter in QUARTERS {
            let worth = self.worth(self.full & quarter);
            if worth < 4 {
                self.full &= !quarter;
            } else {
                luma += worth;
            }
        }
        if luma < 6 {
            self.full &= !LUMA;
        }
        for plane in [QUARTER << 16, QUARTER << 18] {
            if self.worth(self.full & plane) < 7 {
                self.full &= !plane;
            }
        }
    }

    /// What some blocks' levels show: many where one is more than a one, fewer the farther from the lowest frequency.
    #[inline(always)]
    fn worth(&self, which: u32) -> u32 {
        const BY_ZEROS: [u32; 7] = [3, 2, 2, 1, 1, 1, 0];
        let mut sum = 0;
        for block in bits(which) {
            let Block { levels, full } = self.blocks[block];
            if vector::marks(&levels).1 != 0 {
                return 9;
            }
            let mut from = 0;
            for at in bits(full.into()) {
                sum += BY_ZEROS[(at - from).min(6)];
                from = at + 1;
            }
        }
        sum
    }

    /// Which quarters of luma have levels, a bit each, and above them 1 where chroma has DC levels alone, 2 where more.
    #[inline(always)]
    pub(super) fn pattern(&self) -> u8 {
        let quarter = |n: usize| u8::from(self.full & QUARTERS[n] != 0);
        let luma = quarter(0) | quarter(1) << 1 | quarter(2) << 2 | quarter(3) << 3;
        let some = self.chroma_dc != [[0; 4]; 2];
        luma | if self.full > LUMA { 2 << 4 } else { u8::from(some) << 4 }
    }

    /// The levels of a block.
    pub(super) fn block(&self, block: usize) -> Block {
        if self.full >> block & 1 == 1 { self.blocks[block] } else { Block::default() }
    }

    /// The levels of luma's DC as those of a block, where the macroblock was predicted from its own picture.
    pub(super) fn luma_dc(&self) -> Option<Block> {
        // The lines of these are the first of both numbers here, too.
        let mut order = Strip::default();
        let dc = self.luma_dc.as_ref()?;
        (0..4).for_each(|v| (0..4).for_each(|u| order[u][v] = dc[v][u]));
        let levels = zigzag(&order, 0);
        Some(Block { levels, full: vector::marks(&levels).0 })
    }

    /// The levels of a chroma plane's DC as those of a block.
    pub(super) fn chroma_dc(&self, plane: usize) -> Block {
        let mut levels = [0; 16];
        levels[..4].copy_from_slice(&self.chroma_dc[plane]);
        Block { levels, full: vector::marks(&levels).0 }
    }

    /// Adds what the levels stand for to the prediction, as a decoder does.
    #[inline(always)]
    pub(super) fn reconstruct(&self, quantisers: &Quantisers, prediction: &Samples) -> Samples {
        let mut made = *prediction;
        let dc = self.luma_dc.map(|dc| quantisers.luma.luma_dc_back(&dc));
        for strip in 0..4 {
            if dc.is_none() && self.full >> (4 * strip) & 15 == 0 {
                continue;
            }
            let mut coefficients = quantisers.luma.scale(&self.kept(strip));
            if let Some(dc) = &dc {
                (0..4).for_each(|block| coefficients[0][4 * block] = dc[strip][block]);
            }
            let strip_made = reconstruct(&coefficients, rows(&prediction.luma, strip));
            made.luma[4 * strip..][..4].copy_from_slice(&strip_made);
        }
        if self.full <= LUMA && self.chroma_dc == [[0; 4]; 2] {
            return made;
        }
        let dc = self.chroma_dc.map(|dc| quantisers.chroma.chroma_dc_back(dc));
        for strip in 0..2 {
            let mut coefficients = quantisers.chroma.scale(&self.kept(4 + strip));
            (0..4).for_each(|block| coefficients[0][4 * block] = dc[block / 2][2 * strip + block % 2]);
            let strip_made = reconstruct(&coefficients, rows(&prediction.chroma, strip));
            made.chroma[4 * strip..][..4].copy_from_slice(&strip_made);
        }
        made
    }

    /// A strip without the levels that were left out.
    #[inline(always)]
    fn kept(&self, strip: usize) -> Strip {
        let mut levels = self.strips[strip];
        for block in (0..4).filter(|block| self.full >> (4 * strip + block) & 1 == 0) {
            levels.iter_mut().for_each(|row| row[4 * block..][..4].fill(0));
        }
        levels
    }
}

/// The places of ones, the lowest first.
#[inline(always)]
fn bits(mut ones: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = (ones != 0).then_some(ones.trailing_zeros() as usize)?;
        ones &= ones - 1;
        Some(at)
    })
}

/// Four rows of a macroblock.
#[inline(always)]
fn rows<const N: usize>(samples: &[[u8; 16]; N], strip: usize) -> &Rows {
    samples[4 * strip..].first_chunk().expect("a strip of the macroblock")
}
