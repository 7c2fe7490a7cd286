//! What compilers do not make good vector instructions of: the same with those that every x86-64 processor has, and plainly
//! for others.

use super::search::Luma;
use super::transform::Strip;

/// Sixteen times eight samples across an edge, which is in the middle of them.
pub(super) type Across = [[u8; 16]; 8];

#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{
    across, along, between_columns, difference, difference_from_mean, fetch, marks, mean, near, occupied, transpose,
    weak,
};

#[cfg(not(target_arch = "x86_64"))]
pub(super) use plain::{
    across, along, between_columns, difference, difference_from_mean, fetch, marks, mean, near, occupied, transpose,
    weak,
};

/// The first sixteen samples of each row.
#[inline(always)]
pub(super) fn copy(rows: &[u8], stride: usize) -> Luma {
    let rows = &rows[..15 * stride + 16];
    let mut luma = [[0; 16]; 16];
    for (y, row) in luma.iter_mut().enumerate() {
        row.copy_from_slice(&rows[y * stride..][..16]);
    }
    luma
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::{Across, Luma, Strip};
    use safe_arch::{
        add_i16_m128i, add_i64_m128i, add_saturating_u8_m128i, average_u8_m128i, bitand_m128i, bitandnot_m128i,
        bitor_m128i, bitxor_m128i, cmp_eq_mask_i8_m128i, cmp_eq_mask_i16_m128i, cmp_gt_mask_i8_m128i, m128i,
        max_i16_m128i, max_u8_m128i, min_i16_m128i, min_u8_m128i, move_mask_i8_m128i, mul_i16_keep_low_m128i,
        pack_i16_to_i8_m128i, pack_i16_to_u8_m128i, prefetch_t0, set_splat_i8_m128i, set_splat_i16_m128i,
        shl_imm_u16_m128i, shr_imm_i16_m128i, sub_i8_m128i, sub_i16_m128i, sub_saturating_u8_m128i,
        sum_of_u8_abs_diff_m128i, unpack_high_i8_m128i, unpack_high_i16_m128i, unpack_high_i32_m128i,
        unpack_high_i64_m128i, unpack_low_i8_m128i, unpack_low_i16_m128i, unpack_low_i32_m128i, unpack_low_i64_m128i,
    };

    #[inline(always)]
    fn sixteen(samples: &[u8]) -> m128i {
        m128i::from(*samples.first_chunk::<16>().expect("sixteen samples"))
    }

    #[inline(always)]
    fn load(samples: &[u8; 16]) -> m128i {
        m128i::from(*samples)
    }

    #[inline(always)]
    fn total(sums: m128i) -> u32 {
        let [a, b] = <[u64; 2]>::from(sums);
        (a + b) as u32
    }

    /// Brings so many rows near the processor that will be needed soon.
    #[inline(always)]
    pub(in super::super) fn fetch(bytes: &[u8], at: usize, stride: usize, rows: usize) {
        for y in 0..rows {
            if let Some(first) = bytes.get(at + y * stride) {
                prefetch_t0(first);
            }
        }
    }

    /// The sum of what the samples differ by from the first sixteen of each row.
    #[inline(always)]
    pub(in super::super) fn difference(source: &Luma, rows: &[u8], stride: usize) -> u32 {
        let rows = &rows[..15 * stride + 16];
        let mut sums = m128i::default();
        for (y, row) in source.iter().enumerate() {
            sums = add_i64_m128i(sums, sum_of_u8_abs_diff_m128i(load(row), sixteen(&rows[y * stride..])));
        }
        total(sums)
    }

    /// The same from the means of two planes.
    #[inline(always)]
    pub(in super::super) fn difference_from_mean(source: &Luma, a: &[u8], b: &[u8], stride: usize) -> u32 {
        let (a, b) = (&a[..15 * stride + 16], &b[..15 * stride + 16]);
        let mut sums = m128i::default();
        for (y, row) in source.iter().enumerate() {
            let mean = average_u8_m128i(sixteen(&a[y * stride..]), sixteen(&b[y * stride..]));
            sums = add_i64_m128i(sums, sum_of_u8_abs_diff_m128i(load(row), mean));
        }
        total(sums)
    }

    /// The means of the first sixteen samples of each row of two planes.
    #[inline(always)]
    pub(in super::super) fn mean(a: &[u8], b: &[u8], stride: usize) -> Luma {
        let (a, b) = (&a[..15 * stride + 16], &b[..15 * stride + 16]);
        let mut luma = [[0; 16]; 16];
        for (y, row) in luma.iter_mut().enumerate() {
            *row = average_u8_m128i(sixteen(&a[y * stride..]), sixteen(&b[y * stride..])).into();
        }
        luma
    }

    /// A bit for each level that is not zero, the first in the lowest place, and one for each that is more than a one.
    #[inline(always)]
    pub(in super::super) fn marks(levels: &[i16; 16]) -> (u16, u16) {
        let [low, high] = levels.as_chunks::<8>().0 else { unreachable!("two halves") };
        let small = pack_i16_to_i8_m128i(m128i::from(*low), m128i::from(*high));
        let zero = move_mask_i8_m128i(cmp_eq_mask_i8_m128i(small, m128i::default()));
        let above = cmp_gt_mask_i8_m128i(small, set_splat_i8_m128i(1));
        let below = cmp_gt_mask_i8_m128i(set_splat_i8_m128i(-1), small);
        (!zero as u16, move_mask_i8_m128i(bitor_m128i(above, below)) as u16)
    }

    /// A bit for each of the four blocks that has levels other than zero, the first in the lowest place.
    #[inline(always)]
    pub(in super::super) fn occupied(levels: &Strip) -> u16 {
        let zero = |half: usize| {
            let part = |row: &[i16; 16]| m128i::from(row.as_chunks::<8>().0[half]);
            let [a, b, c, d] = [part(&levels[0]), part(&levels[1]), part(&levels[2]), part(&levels[3])];
            let any = bitor_m128i(bitor_m128i(a, b), bitor_m128i(c, d));
            cmp_eq_mask_i16_m128i(any, m128i::default())
        };
        let full = !move_mask_i8_m128i(pack_i16_to_i8_m128i(zero(0), zero(1))) as u16;
        let any = full | full >> 1 | full >> 2 | full >> 3;
        any & 1 | any >> 3 & 2 | any >> 6 & 4 | any >> 9 & 8
    }

    /// Eight times the samples so many eighths of the way from the first eight of a row to those one farther to the right, of
    /// two rows.
    #[inline(always)]
    pub(in super::super) fn between_columns(first: &[u8], second: &[u8], right: u16) -> [u16; 16] {
        let eight = |row: &[u8]| i64::from_ne_bytes(*row.first_chunk().expect("eight samples"));
        let here = m128i::from([eight(first), eight(second)]);
        let beside = m128i::from([eight(&first[1..]), eight(&second[1..])]);
        let (keep, take) = (set_splat_i16_m128i(8 - right as i16), set_splat_i16_m128i(right as i16));
        let mut out = [0; 16];
        for (half, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let wide = |v: m128i| by_turns(v, m128i::default())[half];
            let sum =
                add_i16_m128i(mul_i16_keep_low_m128i(wide(here), keep), mul_i16_keep_low_m128i(wide(beside), take));
            *out = sum.into();
        }
        out
    }

    /// Turns each of the four blocks over its diagonal.
    #[inline(always)]
    pub(in super::super) fn transpose(rows: &Strip) -> Strip {
        let mut turned = [[0; 16]; 4];
        for half in 0..2 {
            let part = |row: &[i16; 16]| m128i::from(row.as_chunks::<8>().0[half]);
            let [a, b, c, d] = [part(&rows[0]), part(&rows[1]), part(&rows[2]), part(&rows[3])];
            let (ab, cd) = (unpack_low_i16_m128i(a, b), unpack_low_i16_m128i(c, d));
            let (first, first_end) = (unpack_low_i32_m128i(ab, cd), unpack_high_i32_m128i(ab, cd));
            let (ab, cd) = (unpack_high_i16_m128i(a, b), unpack_high_i16_m128i(c, d));
            let (second, second_end) = (unpack_low_i32_m128i(ab, cd), unpack_high_i32_m128i(ab, cd));
            let columns = [
                unpack_low_i64_m128i(first, second),
                unpack_high_i64_m128i(first, second),
                unpack_low_i64_m128i(first_end, second_end),
                unpack_high_i64_m128i(first_end, second_end),
            ];
            for (row, column) in turned.iter_mut().zip(columns) {
                row.as_chunks_mut::<8>().0[half] = column.into();
            }
        }
        turned
    }

    /// Two with their bytes by turns: those of the lower halves, and of the upper ones.
    #[inline(always)]
    fn by_turns(a: m128i, b: m128i) -> [m128i; 2] {
        [unpack_low_i8_m128i(a, b), unpack_high_i8_m128i(a, b)]
    }

    /// Turns sixteen rows of eight samples into eight columns.
    #[inline(always)]
    pub(in super::super) fn across(rows: &[[u8; 8]; 16]) -> Across {
        let row = |i: usize| m128i::from([i64::from_ne_bytes(rows[i]), 0]);
        let pair = |i: usize| unpack_low_i8_m128i(row(i), row(i + 8));
        let [[a, e], [b, f], [c, g], [d, h]] = [
            by_turns(pair(0), pair(4)),
            by_turns(pair(1), pair(5)),
            by_turns(pair(2), pair(6)),
            by_turns(pair(3), pair(7)),
        ];
        let ([[a, c], [b, d]], [[e, g], [f, h]]) = ([by_turns(a, c), by_turns(b, d)], [by_turns(e, g), by_turns(f, h)]);
        let columns = [by_turns(a, b), by_turns(c, d), by_turns(e, f), by_turns(g, h)];
        let mut across = [[0; 16]; 8];
        for (out, column) in across.iter_mut().zip(columns.as_flattened()) {
            *out = (*column).into();
        }
        across
    }

    /// Turns eight columns into sixteen rows.
    #[inline(always)]
    pub(in super::super) fn along(columns: &Across) -> [[u8; 8]; 16] {
        let pair = |i: usize| by_turns(load(&columns[i]), load(&columns[i + 4]));
        let [[a, e], [b, f], [c, g], [d, h]] = [pair(0), pair(1), pair(2), pair(3)];
        let mut rows = [[0; 8]; 16];
        for (half, [a, b, c, d]) in [[a, b, c, d], [e, f, g, h]].into_iter().enumerate() {
            for (quarter, (even, odd)) in by_turns(a, c).into_iter().zip(by_turns(b, d)).enumerate() {
                for (eighth, two) in by_turns(even, odd).into_iter().enumerate() {
                    let two = <[u8; 16]>::from(two);
                    let at = 8 * half + 4 * quarter + 2 * eighth;
                    rows[at].copy_from_slice(&two[..8]);
                    rows[at + 1].copy_from_slice(&two[8..]);
                }
            }
        }
        rows
    }

    /// Ones where two differ by less than the limit, which is not zero.
    #[inline(always)]
    fn close(a: m128i, b: m128i, limit: u8) -> m128i {
        let differ = bitor_m128i(sub_saturating_u8_m128i(a, b), sub_saturating_u8_m128i(b, a));
        let most = m128i::from([limit - 1; 16]);
        cmp_eq_mask_i8_m128i(sub_saturating_u8_m128i(differ, most), m128i::default())
    }

    /// 255 where the samples across an edge are smoothed (clause 8.7.2.2); neither limit is zero.
    #[inline(always)]
    pub(in super::super) fn near(samples: &Across, strengths: &[u8; 16], alpha: u8, beta: u8) -> [u8; 16] {
        let [_, _, p1, p0, q0, q1, _, _] = samples;
        let (p1, p0, q0, q1) = (load(p1), load(p0), load(q0), load(q1));
        let off = cmp_eq_mask_i8_m128i(load(strengths), m128i::default());
        let near = bitand_m128i(close(p0, q0, alpha), bitand_m128i(close(p1, p0, beta), close(q1, q0, beta)));
        bitandnot_m128i(off, near).into()
    }

    /// Smooths the samples across an edge that are near, each by so much at most (clause 8.7.2.3).
    #[inline(always)]
    pub(in super::super) fn weak(samples: &mut Across, near: &[u8; 16], most: &[u8; 16], beta: u8, chroma: bool) {
        let [_, p2, p1, p0, q0, q1, q2, _] = &*samples;
        let (p2, p1, p0, q0, q1, q2) = (load(p2), load(p1), load(p0), load(q0), load(q1), load(q2));
        let (near, zero) = (load(near), m128i::default());
        let least = bitand_m128i(load(most), near);
        let mut most = least;
        if chroma {
            most = sub_i8_m128i(most, near);
        } else {
            let (flat_p, flat_q) = (bitand_m128i(close(p2, p0, beta), near), bitand_m128i(close(q2, q0, beta), near));
            most = sub_i8_m128i(sub_i8_m128i(most, flat_p), flat_q);
            let (middle, one) = (average_u8_m128i(p0, q0), set_splat_i8_m128i(1));
            let side = |outer: m128i, own: m128i, flat: m128i| {
                // The instruction rounds up, where the mean of these is rounded down.
                let odd = bitand_m128i(bitxor_m128i(outer, middle), one);
                let wanted = sub_i8_m128i(average_u8_m128i(outer, middle), odd);
                let by = bitand_m128i(least, flat);
                min_u8_m128i(max_u8_m128i(wanted, sub_saturating_u8_m128i(own, by)), add_saturating_u8_m128i(own, by))
            };
            (samples[2], samples[5]) = (side(p2, p1, flat_p).into(), side(q2, q1, flat_q).into());
        }
        let half = |high: usize| {
            let wide = |v: m128i| by_turns(v, zero)[high];
            let (p1, p0, q0, q1, most) = (wide(p1), wide(p0), wide(q0), wide(q1), wide(most));
            let sum = add_i16_m128i(shl_imm_u16_m128i::<2>(sub_i16_m128i(q0, p0)), sub_i16_m128i(p1, q1));
            let change = shr_imm_i16_m128i::<3>(add_i16_m128i(sum, set_splat_i16_m128i(4)));
            let change = min_i16_m128i(max_i16_m128i(change, sub_i16_m128i(zero, most)), most);
            (add_i16_m128i(p0, change), sub_i16_m128i(q0, change))
        };
        let ((p_low, q_low), (p_high, q_high)) = (half(0), half(1));
        samples[3] = pack_i16_to_u8_m128i(p_low, p_high).into();
        samples[4] = pack_i16_to_u8_m128i(q_low, q_high).into();
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain {
    use super::{Across, Luma, Strip};

    /// Nothing: there is no instruction for it.
    #[cfg(not(target_arch = "x86_64"))]
    pub(in super::super) fn fetch(_: &[u8], _: usize, _: usize, _: usize) {}

    /// The sum of what the samples differ by from the first sixteen of each row.
    pub(in super::super) fn difference(source: &Luma, rows: &[u8], stride: usize) -> u32 {
        difference_from_mean(source, rows, rows, stride)
    }

    /// The same from the means of two planes.
    pub(in super::super) fn difference_from_mean(source: &Luma, a: &[u8], b: &[u8], stride: usize) -> u32 {
        let means = mean(a, b, stride);
        let pairs = source.as_flattened().iter().zip(means.as_flattened());
        pairs.map(|(sample, mean)| u32::from(sample.abs_diff(*mean))).sum()
    }

    /// The means of the first sixteen samples of each row of two planes.
    pub(in super::super) fn mean(a: &[u8], b: &[u8], stride: usize) -> Luma {
        let one = |at: usize| (u16::from(a[at]) + u16::from(b[at])).div_ceil(2) as u8;
        std::array::from_fn(|y| std::array::from_fn(|x| one(y * stride + x)))
    }

    /// A bit for each level that is not zero, the first in the lowest place, and one for each that is more than a one.
    pub(in super::super) fn marks(levels: &[i16; 16]) -> (u16, u16) {
        let bits = |is: &dyn Fn(u16) -> bool| {
            levels.iter().rev().fold(0, |bits, level| bits << 1 | u16::from(is(level.unsigned_abs())))
        };
        (bits(&|amount| amount > 0), bits(&|amount| amount > 1))
    }

    /// A bit for each of the four blocks that has levels other than zero, the first in the lowest place.
    pub(in super::super) fn occupied(levels: &Strip) -> u16 {
        let has = |block: usize| levels.iter().any(|row| row[4 * block..][..4] != [0; 4]);
        (0..4).map(|block| u16::from(has(block)) << block).sum()
    }

    /// Eight times the samples so many eighths of the way from the first eight of a row to those one farther to the right, of
    /// two rows.
    pub(in super::super) fn between_columns(first: &[u8], second: &[u8], right: u16) -> [u16; 16] {
        let one = |row: &[u8], x: usize| (8 - right) * u16::from(row[x]) + right * u16::from(row[x + 1]);
        std::array::from_fn(|x| if x < 8 { one(first, x) } else { one(second, x - 8) })
    }

    /// Turns each of the four blocks over its diagonal.
    pub(in super::super) fn transpose(rows: &Strip) -> Strip {
        std::array::from_fn(|i| std::array::from_fn(|j| rows[j % 4][j / 4 * 4 + i]))
    }

    /// Turns sixteen rows of eight samples into eight columns.
    pub(in super::super) fn across(rows: &[[u8; 8]; 16]) -> Across {
        std::array::from_fn(|x| std::array::from_fn(|y| rows[y][x]))
    }

    /// Turns eight columns into sixteen rows.
    pub(in super::super) fn along(columns: &Across) -> [[u8; 8]; 16] {
        std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]))
    }

    /// 255 where the samples across an edge are smoothed (clause 8.7.2.2); neither limit is zero.
    pub(in super::super) fn near(samples: &Across, strengths: &[u8; 16], alpha: u8, beta: u8) -> [u8; 16] {
        let [_, _, p1, p0, q0, q1, _, _] = samples;
        std::array::from_fn(|i| {
            let flat = p1[i].abs_diff(p0[i]) < beta && q1[i].abs_diff(q0[i]) < beta;
            if flat && p0[i].abs_diff(q0[i]) < alpha && strengths[i] > 0 { 255 } else { 0 }
        })
    }

    /// Smooths the samples across an edge that are near, each by so much at most (clause 8.7.2.3).
    pub(in super::super) fn weak(samples: &mut Across, near: &[u8; 16], most: &[u8; 16], beta: u8, chroma: bool) {
        for i in (0..16).filter(|i| near[*i] != 0) {
            let [_, p2, p1, p0, q0, q1, q2, _] = samples.each_ref().map(|row| i16::from(row[i]));
            let (flat_p, flat_q) = ((p2 - p0).abs() < beta.into(), (q2 - q0).abs() < beta.into());
            let least = i16::from(most[i]);
            let most = least + if chroma { 1 } else { i16::from(flat_p) + i16::from(flat_q) };
            let change = ((4 * (q0 - p0) + p1 - q1 + 4) >> 3).clamp(-most, most);
            let side = |outer: i16, own: i16| ((outer + ((p0 + q0 + 1) >> 1) - 2 * own) >> 1).clamp(-least, least);
            if flat_p && !chroma {
                samples[2][i] = (p1 + side(p2, p1)) as u8;
            }
            if flat_q && !chroma {
                samples[5][i] = (q1 + side(q2, q1)) as u8;
            }
            samples[3][i] = (p0 + change).clamp(0, 255) as u8;
            samples[4][i] = (q0 - change).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a pattern, others for each seed.
    fn numbers(seed: u32) -> impl Iterator<Item = u32> {
        (0..).map(move |n: u32| (n * n * 77 + n * seed).wrapping_mul(0x9e37_79b1) >> 16)
    }

    fn bytes<const N: usize, const M: usize>(seed: u32, modulo: u32) -> [[u8; N]; M] {
        let mut rest = numbers(seed);
        [(); M].map(|()| [(); N].map(|()| (rest.next().expect("without end") % modulo) as u8))
    }

    #[test]
    fn differences_and_means_are_those_of_plain_code() {
        let [a, b] = [1, 2].map(|seed| numbers(seed).take(1000).map(|n| n as u8).collect::<Vec<u8>>());
        let luma: Luma = std::array::from_fn(|y| std::array::from_fn(|x| a[37 * y + x + 200]));
        assert_eq!(difference(&luma, &a, 40), plain::difference(&luma, &a, 40));
        assert!(difference(&luma, &b, 40) > 0);
        assert_eq!(difference_from_mean(&luma, &a, &b, 40), plain::difference_from_mean(&luma, &a, &b, 40));
        assert_eq!(mean(&a, &b, 40), plain::mean(&a, &b, 40));
        assert_eq!(copy(&a, 40), plain::mean(&a, &a, 40));
        for right in 0..8 {
            assert_eq!(between_columns(&a, &b, right), plain::between_columns(&a, &b, right));
        }
    }

    #[test]
    fn blocks_and_edges_are_turned_as_by_plain_code() {
        let mut rest = numbers(3).map(|n| n as i16);
        let strip: Strip = [(); 4].map(|()| [(); 16].map(|()| rest.next().expect("without end")));
        assert_eq!(transpose(&strip), plain::transpose(&strip));
        assert_eq!(transpose(&transpose(&strip)), strip);
        for place in 0..64 {
            let mut levels = Strip::default();
            assert_eq!(occupied(&levels), 0);
            levels[place / 16][place % 16] = if place % 2 == 0 { -300 } else { 256 };
            assert_eq!(occupied(&levels), 1 << (place % 16 / 4));
            assert_eq!(plain::occupied(&levels), 1 << (place % 16 / 4));
        }
        let rows = bytes::<8, 16>(4, 256);
        assert_eq!(across(&rows), plain::across(&rows));
        assert_eq!(along(&across(&rows)), rows);
        assert_eq!(along(&bytes(4, 256)), plain::along(&bytes(4, 256)));
    }

    #[test]
    fn levels_are_marked() {
        let levels = [0, 1, -1, 2, -2, 300, -300, 0, 0, 0, i16::MIN, i16::MAX, 0, 0, 1, -129];
        assert_eq!(marks(&levels), (0b1100_1100_0111_1110, 0b1000_1100_0111_1000));
        assert_eq!(marks(&levels), plain::marks(&levels));
    }

    #[test]
    fn edges_are_smoothed_as_by_plain_code() {
        for seed in 0..400 {
            // From edges that hardly differ to those that are left alone.
            let samples: Across = bytes(seed, 4 + seed).map(|row: [u8; 16]| row.map(|s| s.wrapping_add(100)));
            let [strengths] = bytes::<16, 1>(seed + 1, 3);
            let [most] = bytes::<16, 1>(seed + 2, 26);
            let (alpha, beta) = (1 + (seed * 7 % 255) as u8, 1 + (seed % 18) as u8);
            let smoothed = near(&samples, &strengths, alpha, beta);
            assert_eq!(smoothed, plain::near(&samples, &strengths, alpha, beta));
            for chroma in [false, true] {
                let (mut here, mut there) = (samples, samples);
                weak(&mut here, &smoothed, &most, beta, chroma);
                plain::weak(&mut there, &smoothed, &most, beta, chroma);
                assert_eq!(here, there, "seed {seed}, chroma {chroma}");
            }
        }
    }
}
