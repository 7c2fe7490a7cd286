//! Codes pictures: what each macroblock is predicted from, and what it differs by.

use std::ops::Range;

use super::bits::BitWriter;
use super::cavlc::{Extent, put_block};
use super::deblock::Smoothing;
use super::headers;
use super::interpolate::Around;
use super::intra::{self, LumaMode, Place};
use super::levels::{Levels, Quantisers, Samples};
use super::planes::{CHROMA_MARGIN, MARGIN, Plane};
use super::search::{Luma, Search, Vector};
use super::transform::Quantiser;
use super::vector;

/// What the macroblocks beside and below, and those of the next picture, need to know of one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Past {
    /// Where it came from, unless it was predicted from its own picture.
    pub(super) vector: Option<Vector>,
    /// What its luma differed by from there.
    difference: u32,
    /// Coefficients of its blocks that are not zero, row by row.
    pub(super) luma: [[u8; 4]; 4],
    /// The same by chroma plane.
    chroma: [[[u8; 2]; 2]; 2],
}

/// The number that stands for a pattern of a macroblock from another picture (table 9-4).
const PATTERN_CODES: [u8; 48] = [
    0, 2, 3, 7, 4, 8, 17, 13, 5, 18, 9, 14, 10, 15, 16, 11, 1, 32, 33, 36, 34, 37, 44, 40, 35, 45, 38, 41, 39, 42, 43,
    19, 6, 24, 25, 20, 26, 21, 46, 28, 27, 47, 22, 29, 23, 30, 31, 12,
];

/// Samples from a macroblock to what is fetched while it is coded.
const AHEAD: isize = 64;

/// What a bit is worth in differences of samples, by quantisation.
fn lambda(qp: u8) -> u32 {
    2f64.powf((f64::from(qp) - 12.0) / 6.0).round() as u32
}

/// A sequence of pictures of one size.
pub(super) struct Coder {
    /// The picture's size in samples, and in macroblocks.
    size: (usize, usize),
    columns: usize,
    lines: usize,
    /// One line of macroblocks of the picture to code.
    source: [Plane; 3],
    made: [Plane; 3],
    before: [Plane; 3],
    /// What is known of the macroblocks of the picture before, and those of this one that were coded.
    earlier: Vec<Past>,
    past: Vec<Past>,
    scratch: Box<Scratch>,
    /// Number of this sequence's keys, and of pictures since one.
    id: u16,
    number: u8,
}

/// What is used for one macroblock after another.
struct Scratch {
    around: Around,
    levels: Levels,
}

/// A picture that was coded.
pub(super) struct Coded {
    /// NAL units in the byte stream format.
    pub(super) data: Vec<u8>,
    number: u8,
}

fn planes(columns: usize, lines: usize, luma: usize, chroma: usize) -> [Plane; 3] {
    let small = || Plane::new(8 * columns, 8 * lines, chroma);
    [Plane::new(16 * columns, 16 * lines, luma), small(), small()]
}

impl Coder {
    /// Prepares for pictures of this size; both sides must be even. `id` is another than that of the sequence before.
    pub(super) fn new(width: usize, height: usize, id: u16) -> Self {
        let (columns, lines) = (width.div_ceil(16), height.div_ceil(16));
        Self {
            size: (width, height),
            columns,
            lines,
            source: planes(columns, 1, 0, 0),
            made: planes(columns, lines, MARGIN, CHROMA_MARGIN),
            before: planes(columns, lines, MARGIN, CHROMA_MARGIN),
            earlier: vec![Past::default(); columns * lines],
            past: vec![Past::default(); columns * lines],
            scratch: Box::new(Scratch { around: Around::new(), levels: Levels::new() }),
            id,
            number: 0,
        }
    }

    /// Codes a picture at a quantisation of 22 to 51, as one that can be decoded by itself when it is a `key`.
    ///
    /// `fill` is given the rows to fill, the first of them and those behind it, of every plane with the length of its rows;
    /// so they are still near the processor when they are coded. The picture may be coded again, in another way, before it
    /// is [kept](Self::keep).
    ///
    /// # Errors
    /// Those of `fill`.
    pub(super) fn encode<E>(
        &mut self,
        qp: u8,
        key: bool,
        mut fill: impl FnMut(Range<usize>, [(&mut [u8], usize); 3]) -> Result<(), E>,
    ) -> Result<Coded, E> {
        let (width, height) = self.size;
        let number = if key { 0 } else { self.number.wrapping_add(1) };
        let chroma_qp = headers::chroma_qp(qp);
        let mut bits = BitWriter::default();
        headers::put_slice(&mut bits, key.then_some(self.id), number, qp);
        let mut picture = Picture {
            key,
            number: number.into(),
            columns: self.columns,
            size: (16 * self.columns, 16 * self.lines),
            lambda: lambda(qp),
            quantisers: Quantisers { luma: Quantiser::new(qp), chroma: Quantiser::new(chroma_qp) },
            source: &mut self.source,
            made: &mut self.made,
            before: &self.before,
            earlier: &self.earlier,
            past: &mut self.past,
            scratch: &mut self.scratch,
            bits: &mut bits,
            skipped: 0,
        };
        let smoothing = Smoothing::new(qp, chroma_qp);
        for line in 0..self.lines {
            let rows = 16 * line..height.min(16 * line + 16);
            fill(rows.clone(), picture.source.each_mut().map(|plane| (plane.bytes.as_mut_slice(), plane.stride)))?;
            let [luma, chroma @ ..] = &mut *picture.source;
            luma.extend(width, rows.len());
            chroma.iter_mut().for_each(|plane| plane.extend(width / 2, rows.len() / 2));
            code_line(&mut picture, line);
            // A line later: what is predicted from its own picture is predicted from what is not smoothed yet.
            if let Some(before) = line.checked_sub(1) {
                smooth(&smoothing, picture.made, picture.past, self.columns, before);
            }
        }
        if picture.skipped > 0 {
            picture.bits.unsigned(picture.skipped);
        }
        smooth(&smoothing, picture.made, picture.past, self.columns, self.lines - 1);
        Ok(Coded { data: headers::units(self.size, key, &bits.finish()), number })
    }

    /// The planes that decoders show, without what is around the picture.
    #[cfg(test)]
    pub(super) fn shown(&self) -> [Vec<u8>; 3] {
        [(0, self.size), (1, (self.size.0 / 2, self.size.1 / 2)), (2, (self.size.0 / 2, self.size.1 / 2))].map(
            |(n, (width, height))| {
                let plane = &self.before[n];
                let rows = (0..height).map(|y| &plane.bytes[plane.at(0, y as isize)..][..width]);
                rows.flatten().copied().collect()
            },
        )
    }

    /// Takes the picture that was coded last for what decoders show, and the next is predicted from.
    pub(super) fn keep(&mut self, coded: &Coded) {
        self.made.iter_mut().for_each(Plane::extend_all);
        std::mem::swap(&mut self.made, &mut self.before);
        std::mem::swap(&mut self.past, &mut self.earlier);
        self.number = coded.number;
    }
}

/// Codes a line of macroblocks.
#[multiversion::multiversion(targets("x86_64+avx2+bmi1+bmi2+lzcnt+popcnt"))]
fn code_line<'a>(picture: &mut Picture<'a>, line: usize) {
    for column in 0..picture.columns {
        picture.code(Place { column, line });
    }
}

/// Smooths a line of macroblocks.
#[multiversion::multiversion(targets("x86_64+avx2+bmi1+bmi2+lzcnt+popcnt"))]
fn smooth(smoothing: &Smoothing, made: &mut [Plane; 3], past: &[Past], columns: usize, line: usize) {
    smoothing.line(made, past, columns, line);
}

/// One picture while it is coded.
struct Picture<'a> {
    key: bool,
    number: usize,
    columns: usize,
    size: (usize, usize),
    lambda: u32,
    quantisers: Quantisers,
    source: &'a mut [Plane; 3],
    made: &'a mut [Plane; 3],
    before: &'a [Plane; 3],
    earlier: &'a [Past],
    past: &'a mut [Past],
    scratch: &'a mut Scratch,
    bits: &'a mut BitWriter,
    /// Macroblocks since the last that is in the stream.
    skipped: u32,
}

impl Picture<'_> {
    #[inline(always)]
    fn at(&self, place: Place) -> usize {
        place.line * self.columns + place.column
    }

    #[inline(always)]
    fn code(&mut self, place: Place) {
        let source = load(self.source, place.column);
        if self.key {
            return self.code_intra(place, &source, intra::luma(&self.made[0], place, &source.luma));
        }
        let (predicted, skip) = self.predicted_vector(place);
        let search = Search {
            plane: &self.before[0],
            source: &source.luma,
            place: (16 * place.column, 16 * place.line),
            size: self.size,
            predicted,
            lambda: self.lambda,
            // Of a motion by parts of a sample one of eight finds out, in each picture another; those beside and below follow.
            probe: (place.column + 3 * place.line + 5 * self.number).is_multiple_of(8),
        };
        let (starts, enough) = self.expect(place);
        let (found, luma) = search.best(skip, starts, enough, &mut self.scratch.around);
        let (vector, difference) = (found.vector, found.difference);
        if difference > 24 * 16 * self.lambda {
            let from_neighbours = intra::luma(&self.made[0], place, &source.luma);
            if from_neighbours.2 + 8 * self.lambda < difference {
                return self.code_intra(place, &source, from_neighbours);
            }
        }
        self.fetch(place, vector);
        let [_, first, second] = self.before;
        let prediction = Samples { luma, chroma: chroma_from(first, second, place, vector) };
        self.scratch.levels.make(&self.quantisers, &source, &prediction);
        let pattern = self.scratch.levels.pattern();
        let at = self.at(place);
        self.past[at] = Past { vector: Some(vector), difference, ..Past::default() };
        if pattern == 0 && vector == skip {
            self.skipped += 1;
            return self.store(place, &prediction);
        }
        self.bits.unsigned(self.skipped);
        self.skipped = 0;
        self.bits.unsigned(0); // mb_type: one vector for all of it
        self.bits.signed(i32::from(vector.x) - i32::from(predicted.x));
        self.bits.signed(i32::from(vector.y) - i32::from(predicted.y));
        self.bits.unsigned(PATTERN_CODES[usize::from(pattern)].into());
        if pattern == 0 {
            return self.store(place, &prediction);
        }
        self.bits.signed(0); // mb_qp_delta
        self.finish(place, &prediction, pattern);
    }

    /// Brings near what some macroblocks farther on are predicted from, if they came from where this one did.
    #[inline(always)]
    fn fetch(&self, place: Place, vector: Vector) {
        let (x, y) = (isize::from(vector.x >> 2), isize::from(vector.y >> 2));
        let [luma, first, second] = self.before;
        let at = luma.at(16 * place.column as isize + AHEAD + x, 16 * place.line as isize + y);
        vector::fetch(&luma.bytes, at, luma.stride, 16);
        let at = first.at(8 * place.column as isize + AHEAD / 2 + x / 2, 8 * place.line as isize + y / 2);
        vector::fetch(&first.bytes, at, first.stride, 9);
        vector::fetch(&second.bytes, at, second.stride, 9);
        let [luma, first, second] = &*self.made;
        let at = luma.at(16 * place.column as isize + AHEAD, 16 * place.line as isize);
        vector::fetch(&luma.bytes, at, luma.stride, 16);
        let at = first.at(8 * place.column as isize + AHEAD / 2, 8 * place.line as isize);
        vector::fetch(&first.bytes, at, first.stride, 8);
        vector::fetch(&second.bytes, at, second.stride, 8);
    }

    /// Where a macroblock may have come from, and what it will differ by at most when nothing better is to be expected.
    #[inline(always)]
    fn expect(&self, place: Place) -> ([Vector; 4], u32) {
        let at = self.at(place);
        let none = &Past::default();
        let left = if place.column > 0 { &self.past[at - 1] } else { none };
        let above = if place.line > 0 { &self.past[at - self.columns] } else { none };
        let all = [left, above, &self.earlier[at]];
        let (mut starts, mut usual) = ([Vector::default(); 4], u32::MAX);
        for (past, start) in all.into_iter().zip(&mut starts) {
            if let Some(vector) = past.vector {
                *start = vector;
                usual = usual.min(past.difference);
            }
        }
        // What is hardly worse than beside and before is not searched: the rest is noise.
        let enough = if usual == u32::MAX { 0 } else { usual + usual / 8 };
        (starts, enough.min(256 * self.lambda))
    }

    fn code_intra(&mut self, place: Place, source: &Samples, (mode, luma, _): (LumaMode, Luma, u32)) {
        let [_, first, second] = &*self.made;
        let (chroma_mode, chroma) = intra::chroma([first, second], place, &source.chroma);
        let prediction = Samples { luma, chroma };
        self.scratch.levels.make_intra(&self.quantisers, source, &prediction);
        let mut pattern = self.scratch.levels.pattern();
        // Of luma there are all blocks or none.
        if pattern & 15 != 0 {
            pattern |= 15;
        }
        if !self.key {
            self.bits.unsigned(self.skipped);
            self.skipped = 0;
        }
        let kind = 1 + mode as u32 + 4 * u32::from(pattern >> 4) + if pattern & 15 == 0 { 0 } else { 12 };
        self.bits.unsigned(kind + if self.key { 0 } else { 5 }); // mb_type
        self.bits.unsigned(chroma_mode as u32);
        self.bits.signed(0); // mb_qp_delta
        let at = self.at(place);
        self.past[at] = Past::default();
        self.finish(place, &prediction, pattern);
    }

    /// Writes the levels, and keeps the macroblock as a decoder sees it.
    #[inline(always)]
    fn finish(&mut self, place: Place, prediction: &Samples, pattern: u8) {
        self.put_levels(place, pattern);
        let made = self.scratch.levels.reconstruct(&self.quantisers, prediction);
        self.store(place, &made);
    }

    /// What a vector is told as the difference from, and the vector of a macroblock that is not in the stream
    /// (clauses 8.4.1.1 and 8.4.1.3).
    #[inline(always)]
    fn predicted_vector(&self, place: Place) -> (Vector, Vector) {
        let at = self.at(place);
        let left = (place.column > 0).then(|| self.past[at - 1].vector);
        let above = (place.line > 0).then(|| self.past[at - self.columns].vector);
        let diagonal = match (place.line > 0, place.column) {
            (true, column) if column + 1 < self.columns => Some(self.past[at - self.columns + 1].vector),
            (true, 1..) => Some(self.past[at - self.columns - 1].vector),
            _ => None,
        };
        let rests = |side: Option<Option<Vector>>| side.is_none_or(|vector| vector == Some(Vector::default()));
        let only_left = above.is_none() && diagonal.is_none();
        let predicted = match [left.flatten(), above.flatten(), diagonal.flatten()] {
            [Some(a), ..] if only_left => a,
            [Some(one), None, None] | [None, Some(one), None] | [None, None, Some(one)] => one,
            [a, b, c] => {
                let [a, b, c] = [a.unwrap_or_default(), b.unwrap_or_default(), c.unwrap_or_default()];
                let middle = |a: i16, b: i16, c: i16| a.max(b).min(a.min(b).max(c));
                Vector::new(middle(a.x, b.x, c.x), middle(a.y, b.y, c.y))
            }
        };
        (predicted, if rests(left) || rests(above) { Vector::default() } else { predicted })
    }

    #[inline(always)]
    fn store(&mut self, place: Place, samples: &Samples) {
        let [luma, first, second] = &mut *self.made;
        let (at, stride) = (luma.at(16 * place.column as isize, 16 * place.line as isize), luma.stride);
        let rows = &mut luma.bytes[at..at + 15 * stride + 16];
        for (y, row) in samples.luma.iter().enumerate() {
            rows[y * stride..][..16].copy_from_slice(row);
        }
        let (at, stride) = (first.at(8 * place.column as isize, 8 * place.line as isize), first.stride);
        let first = &mut first.bytes[at..at + 7 * stride + 8];
        let second = &mut second.bytes[at..at + 7 * stride + 8];
        for (y, row) in samples.chroma.iter().enumerate() {
            first[y * stride..][..8].copy_from_slice(&row[..8]);
            second[y * stride..][..8].copy_from_slice(&row[8..]);
        }
    }

    fn put_levels(&mut self, place: Place, pattern: u8) {
        let at = self.at(place);
        let levels = &self.scratch.levels;
        let left = (place.column > 0).then(|| self.past[at - 1]);
        let above = (place.line > 0).then(|| self.past[at - self.columns]);
        let mut own = self.past[at];
        let mean = |left: Option<u8>, above: Option<u8>| match (left, above) {
            (Some(a), Some(b)) => (a + b).div_ceil(2),
            (a, b) => a.or(b).unwrap_or(0),
        };
        let beside_luma = |own: &Past, x: usize, y: usize| {
            let a = if x > 0 { Some(own.luma[y][x - 1]) } else { left.map(|past| past.luma[y][3]) };
            let b = if y > 0 { Some(own.luma[y - 1][x]) } else { above.map(|past| past.luma[3][x]) };
            mean(a, b)
        };
        let beside_chroma = |own: &Past, plane: usize, x: usize, y: usize| {
            let a = if x > 0 { Some(own.chroma[plane][y][0]) } else { left.map(|past| past.chroma[plane][y][1]) };
            let b = if y > 0 { Some(own.chroma[plane][0][x]) } else { above.map(|past| past.chroma[plane][1][x]) };
            mean(a, b)
        };
        let mut extent = Extent::All;
        if let Some(dc) = &levels.luma_dc() {
            put_block(self.bits, dc, extent, beside_luma(&own, 0, 0));
            extent = Extent::Rest;
        }
        for block in (0..16usize).filter(|block| pattern >> (block / 4) & 1 == 1) {
            // Four in a square, and four such squares in a square.
            let (x, y) = ((block & 1) | (block >> 1 & 2), (block >> 1 & 1) | (block >> 2 & 2));
            let levels = levels.block(4 * y + x);
            put_block(self.bits, &levels, extent, beside_luma(&own, x, y));
            own.luma[y][x] = levels.full.count_ones() as u8;
        }
        if pattern >> 4 != 0 {
            (0..2).for_each(|plane| put_block(self.bits, &levels.chroma_dc(plane), Extent::ChromaDc, 0));
        }
        if pattern >> 4 == 2 {
            for (plane, x, y) in (0..8).map(|n| (n / 4, n % 2, n / 2 % 2)) {
                let levels = levels.block(16 + 4 * y + 2 * plane + x);
                put_block(self.bits, &levels, Extent::Rest, beside_chroma(&own, plane, x, y));
                own.chroma[plane][y][x] = levels.full.count_ones() as u8;
            }
        }
        self.past[at] = own;
    }
}

#[inline(always)]
fn load(line: &[Plane; 3], column: usize) -> Samples {
    let [luma, first, second] = line;
    let (at, stride) = (8 * column, first.stride);
    let (first, second) = (&first.bytes[at..at + 7 * stride + 8], &second.bytes[at..at + 7 * stride + 8]);
    let mut chroma = [[0; 16]; 8];
    for (y, row) in chroma.iter_mut().enumerate() {
        row[..8].copy_from_slice(&first[y * stride..][..8]);
        row[8..].copy_from_slice(&second[y * stride..][..8]);
    }
    Samples { luma: vector::copy(&luma.bytes[16 * column..], luma.stride), chroma }
}

/// A macroblock's samples of both chroma planes, between those of the picture before (clause 8.4.2.2.2).
#[inline(always)]
fn chroma_from(first: &Plane, second: &Plane, place: Place, vector: Vector) -> [[u8; 16]; 8] {
    let (x, y) =
        (8 * place.column as isize + isize::from(vector.x >> 3), 8 * place.line as isize + isize::from(vector.y >> 3));
    let (at, stride) = (first.at(x, y), first.stride);
    let (first, second) = (&first.bytes[at..at + 8 * stride + 9], &second.bytes[at..at + 8 * stride + 9]);
    let (right, down) = ((vector.x & 7) as u16, (vector.y & 7) as u16);
    let row = |y: usize| vector::between_columns(&first[y * stride..], &second[y * stride..], right);
    let mut made = [[0; 16]; 8];
    let mut above = row(0);
    for (y, out) in made.iter_mut().enumerate() {
        let below = row(y + 1);
        for i in 0..16 {
            out[i] = (((8 - down) * above[i] + down * below[i] + 32) >> 6) as u8;
        }
        above = below;
    }
    made
}
