//! Predictions of a macroblock from its neighbours in the same picture (ITU-T H.264, clauses 8.3.3 and 8.3.4).

use super::planes::Plane;
use super::search::Luma;
use super::vector;

/// Where in a picture a macroblock is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) column: usize,
    pub(super) line: usize,
}

/// What there is around a block of `N` × `N` samples.
struct Around<const N: usize> {
    above: Option<[u8; N]>,
    left: Option<[u8; N]>,
    corner: Option<u8>,
}

impl<const N: usize> Around<N> {
    fn of(plane: &Plane, place: Place) -> Self {
        let at = plane.at((place.column * N) as isize, (place.line * N) as isize);
        let (has_left, has_above) = (place.column > 0, place.line > 0);
        Self {
            above: has_above.then(|| *plane.row(at - plane.stride)),
            left: has_left.then(|| std::array::from_fn(|y| plane.bytes[at + y * plane.stride - 1])),
            corner: (has_left && has_above).then(|| plane.bytes[at - plane.stride - 1]),
        }
    }
}

/// How luma is predicted, by its number in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LumaMode {
    Vertical = 0,
    Horizontal = 1,
    Mean = 2,
    Plane = 3,
}

/// The same for chroma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChromaMode {
    Mean = 0,
    Horizontal = 1,
    Vertical = 2,
}

fn mean_of(sides: [Option<&[u8]>; 2]) -> u8 {
    let (mut sum, mut count) = (0u32, 0u32);
    for side in sides.into_iter().flatten() {
        sum += side.iter().map(|s| u32::from(*s)).sum::<u32>();
        count += side.len() as u32;
    }
    (sum + count / 2).checked_div(count).unwrap_or(128) as u8
}

/// The best prediction of a macroblock's luma, with the sum of what the samples differ by.
pub(super) fn luma(plane: &Plane, place: Place, source: &Luma) -> (LumaMode, Luma, u32) {
    let around = Around::<16>::of(plane, place);
    let mean =
        mean_of([around.above.as_ref().map(<[u8; 16]>::as_slice), around.left.as_ref().map(<[u8; 16]>::as_slice)]);
    let rate = |made: &Luma| vector::difference(source, made.as_flattened(), 16);
    let flat = [[mean; 16]; 16];
    let mut best = (LumaMode::Mean, flat, rate(&flat));
    let mut offer = |mode, made: Luma| {
        let cost = rate(&made);
        if cost < best.2 {
            best = (mode, made, cost);
        }
    };
    if let Some(above) = around.above {
        offer(LumaMode::Vertical, [above; 16]);
    }
    if let Some(left) = around.left {
        offer(LumaMode::Horizontal, left.map(|sample| [sample; 16]));
    }
    if let (Some(above), Some(left), Some(corner)) = (around.above, around.left, around.corner) {
        offer(LumaMode::Plane, slope(&above, &left, corner));
    }
    best
}

/// The plane that the samples around a macroblock suggest.
fn slope(above: &[u8; 16], left: &[u8; 16], corner: u8) -> Luma {
    let steep = |side: &[u8; 16]| -> i32 {
        let sample = |at: Option<usize>| i32::from(at.map_or(corner, |at| side[at]));
        (0..8).map(|i| (i as i32 + 1) * (sample(Some(8 + i)) - sample(6usize.checked_sub(i)))).sum()
    };
    let (across, down) = ((5 * steep(above) + 32) >> 6, (5 * steep(left) + 32) >> 6);
    let middle = 16 * (i32::from(left[15]) + i32::from(above[15]));
    std::array::from_fn(|y| {
        let row = middle + down * (y as i32 - 7) + 16;
        std::array::from_fn(|x| ((row + across * (x as i32 - 7)) >> 5).clamp(0, 255) as u8)
    })
}

/// The best prediction of both chroma planes of a macroblock: rows of eight samples of the one and eight of the other.
pub(super) fn chroma(planes: [&Plane; 2], place: Place, source: &[[u8; 16]; 8]) -> (ChromaMode, [[u8; 16]; 8]) {
    let [first, second] = planes.map(|plane| Around::<8>::of(plane, place));
    let join = |a: [u8; 8], b: [u8; 8]| -> [u8; 16] { std::array::from_fn(|i| if i < 8 { a[i] } else { b[i - 8] }) };
    let rate = |made: &[[u8; 16]; 8]| -> u32 {
        let pairs = source.as_flattened().iter().zip(made.as_flattened());
        pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
    };
    let (means_a, means_b) = (means(&first), means(&second));
    let flat = std::array::from_fn(|y| join(means_a[y / 4], means_b[y / 4]));
    let mut best = (ChromaMode::Mean, flat, rate(&flat));
    let mut offer = |mode, made: [[u8; 16]; 8]| {
        let cost = rate(&made);
        if cost < best.2 {
            best = (mode, made, cost);
        }
    };
    if let (Some(a), Some(b)) = (first.above, second.above) {
        offer(ChromaMode::Vertical, [join(a, b); 8]);
    }
    if let (Some(a), Some(b)) = (first.left, second.left) {
        offer(ChromaMode::Horizontal, std::array::from_fn(|y| join([a[y]; 8], [b[y]; 8])));
    }
    (best.0, best.1)
}

/// The means of a chroma plane's four blocks: a row of the upper two and one of the lower two.
fn means(around: &Around<8>) -> [[u8; 8]; 2] {
    let above = |from: usize| around.above.as_ref().map(|a| &a[from..from + 4]);
    let left = |from: usize| around.left.as_ref().map(|l| &l[from..from + 4]);
    // Beside the diagonal one side counts, where there is one.
    let one =
        |side: Option<&[u8]>, other: Option<&[u8]>| mean_of(if side.is_some() { [side, None] } else { [other, None] });
    let blocks = [
        [mean_of([above(0), left(0)]), one(above(4), left(0))],
        [one(left(4), above(0)), mean_of([above(4), left(4)])],
    ];
    blocks.map(|[a, b]| std::array::from_fn(|x| if x < 4 { a } else { b }))
}
