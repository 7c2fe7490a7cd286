//! H.264 for video regions: a stream of pictures of one size, each told as its difference from the one before.
//!
//! Constrained baseline without reordering, so that a picture can be shown as soon as it came; BT.709 in full range, which
//! the stream says. One slice and one vector a macroblock, with CAVLC: what takes little time. Quality is what a person takes
//! for the original at the pace of a film; only where the way to the viewer is too slow for that is it lowered.
//! Clauses and tables are those of ITU-T H.264 (08/2021).

mod bits;
mod cavlc;
mod coder;
mod deblock;
mod headers;
mod interpolate;
mod intra;
mod levels;
mod planes;
mod rate;
mod search;
mod transform;
mod vector;

use std::io;
use std::ops::Range;
use std::time::Duration;

use yuv::{BufferStoreMut, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

use crate::geometry::Rect;
use crate::pixels::{PixelOrder, Pixels};
use coder::Coder;
use rate::Rate;

/// An encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    /// It can be decoded without those before.
    pub(crate) key: bool,
    /// NAL units in the byte stream format (ITU-T H.264 annex B).
    pub(crate) data: Vec<u8>,
}

/// What the way to the viewer carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) bits_per_s: u32,
    /// Bytes of one picture, which only the coarsest exceeds.
    pub(crate) bytes: usize,
}

/// Encodes the pictures of one region.
pub(crate) struct H264 {
    coder: Coder,
    rate: Rate,
    begun: bool,
}

impl H264 {
    /// Begins pictures of this size; both sides must be even. The first is a key, with an `id` other than that of the
    /// region's before in the same stream.
    pub(crate) fn new(width: u16, height: u16, id: u16) -> Self {
        Self { coder: Coder::new(width.into(), height.into(), id), rate: Rate::new(), begun: false }
    }

    /// Encodes the next picture: the rectangle of `pixels`, which has the stream's size. `None`: the way has not carried
    /// those before, this one is left out.
    ///
    /// # Errors
    /// When it has another size.
    pub(crate) fn encode(
        &mut self,
        pixels: Pixels<'_>,
        rect: Rect,
        order: PixelOrder,
        way: Way,
        now: Duration,
    ) -> io::Result<Option<Access>> {
        if !self.rate.next(way.bits_per_s, now) {
            return Ok(None);
        }
        let key = !self.begun;
        let mut qp = self.rate.quantisation(key);
        let mut code = |qp| self.coder.encode(qp, key, |rows, planes| convert(pixels, rect, order, rows, planes));
        let mut coded = code(qp)?;
        while let Some(coarser) = Rate::coarser(qp, coded.data.len(), way.bytes) {
            qp = coarser;
            coded = code(qp)?;
        }
        self.coder.keep(&coded);
        self.rate.sent(qp, key, 8 * coded.data.len());
        self.begun = true;
        Ok(Some(Access { key, data: coded.data }))
    }
}

/// Converts some rows of a rectangle into rows of three planes.
fn convert(
    pixels: Pixels<'_>,
    rect: Rect,
    order: PixelOrder,
    rows: Range<usize>,
    [(y, y_stride), (u, u_stride), (v, v_stride)]: [(&mut [u8], usize); 3],
) -> io::Result<()> {
    let part = Rect::new(rect.x, rect.y + rows.start as u16, rect.w, rows.len() as u16);
    let mut image = YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: y_stride as u32,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: u_stride as u32,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: v_stride as u32,
        width: part.w.into(),
        height: part.h.into(),
    };
    let convert = match order {
        PixelOrder::Rgb => yuv::rgba_to_yuv420,
        PixelOrder::Bgr => yuv::bgra_to_yuv420,
    };
    let (bytes, stride) = pixels.bytes_of(part);
    let (range, matrix) = (YuvRange::Full, YuvStandardMatrix::Bt709);
    convert(&mut image, &bytes, stride as u32, range, matrix, YuvConversionMode::Balanced).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::picture::Picture;
    use openh264::decoder::Decoder;
    use openh264::formats::YUVSource;
    use proptest::prelude::*;

    const FAST: Way = Way { bits_per_s: u32::MAX, bytes: usize::MAX };

    fn at(picture: u32) -> Duration {
        Duration::from_millis(33) * picture
    }

    /// Slopes that move with `n`, with a little grain.
    fn scene(size: Size, n: u32) -> Picture {
        let mut picture = Picture::new(size);
        for y in 0..size.height {
            for (x, pixel) in picture.row_mut(0, y, size.width).as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let (x, y) = (x as u32 + 3 * n, u32::from(y) + n);
                let grain = (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77)) >> 30;
                *pixel = [(x / 2 + grain) as u8 / 2 + 40, (y / 2 + grain) as u8 / 2 + 30, ((x + y) / 4) as u8 / 2, 255];
            }
        }
        picture
    }

    #[test]
    fn pictures_come_back_nearly_the_same_in_either_order_of_bytes() {
        let (size, rect) = (Size::new(300, 200), Rect::new(12, 6, 258, 130));
        for order in [PixelOrder::Rgb, PixelOrder::Bgr] {
            let mut encoder = H264::new(rect.w, rect.h, 0);
            let mut decoder = Decoder::new().expect("decoder");
            for n in 0..8 {
                let picture = scene(size, n);
                let made =
                    encoder.encode(picture.view(), rect, order, FAST, at(n)).expect("converts").expect("a picture");
                assert_eq!(made.key, n == 0, "only the first picture stands alone");
                let shown = decoder.decode(&made.data).expect("decodes").expect("is shown at once");
                assert_eq!(shown.dimensions(), (rect.w.into(), rect.h.into()));
                let planes = yuv::YuvPlanarImage {
                    y_plane: shown.y(),
                    y_stride: shown.strides().0 as u32,
                    u_plane: shown.u(),
                    u_stride: shown.strides().1 as u32,
                    v_plane: shown.v(),
                    v_stride: shown.strides().2 as u32,
                    width: rect.w.into(),
                    height: rect.h.into(),
                };
                let mut back = vec![0; 4 * rect.area()];
                let (range, matrix) = (YuvRange::Full, YuvStandardMatrix::Bt709);
                let stride = 4 * u32::from(rect.w);
                match order {
                    PixelOrder::Rgb => yuv::yuv420_to_rgba(&planes, &mut back, stride, range, matrix),
                    PixelOrder::Bgr => yuv::yuv420_to_bgra(&planes, &mut back, stride, range, matrix),
                }
                .expect("converts");
                let want: Vec<u8> = picture.rows(rect).flatten().copied().collect();
                let squares: u64 = want.iter().zip(&back).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
                let mean = squares as f64 / (3 * rect.area()) as f64;
                assert!(10.0 * (65025.0 / mean).log10() > 34.0, "picture {n} differs by {mean} squared on the mean");
            }
        }
    }

    #[test]
    fn a_slow_way_gets_what_it_carries() {
        let size = Size::new(640, 360);
        let bytes = |way| -> Vec<usize> {
            let mut encoder = H264::new(size.width, size.height, 1);
            let picture = |n| {
                let noise = crate::picture::tests::noise(size, n);
                let made = encoder.encode(noise.view(), size.rect(), PixelOrder::Rgb, way, at(n)).expect("converts");
                made.map_or(0, |made| made.data.len())
            };
            (0..20).map(picture).collect()
        };
        let (fast, slow) = (bytes(FAST), bytes(Way { bits_per_s: 400_000, bytes: 40_000 }));
        assert!(slow[10..].iter().sum::<usize>() * 2 < fast[10..].iter().sum(), "{slow:?} where {fast:?} could be");
        assert!(fast[0] > 80_000 && slow.iter().all(|bytes| *bytes <= 40_000), "no picture is too large: {slow:?}");
    }

    /// What a picture of the property test shows.
    #[derive(Debug, Clone)]
    enum Content {
        /// Slopes with grain, so far from those of the first.
        Scene(u32),
        /// The picture before, moved by quarters of a pixel on the mean.
        Moved(i16, i16),
        Noise(u32),
        /// Black and white, in squares of so many pixels.
        Squares(u16),
        /// Part of it is another colour.
        Patch(u16, u16, u8),
    }

    fn content() -> impl Strategy<Value = Content> {
        prop_oneof![
            (0..40u32).prop_map(Content::Scene),
            (-40..40i16, -40..40i16).prop_map(|(x, y)| Content::Moved(x, y)),
            any::<u32>().prop_map(Content::Noise),
            (1..40u16).prop_map(Content::Squares),
            (0..100u16, 0..80u16, any::<u8>()).prop_map(|(x, y, value)| Content::Patch(x, y, value)),
        ]
    }

    fn show(screen: &mut Picture, content: &Content) {
        let size = screen.size();
        let before = screen.clone();
        let each = |screen: &mut Picture, value: &dyn Fn(u16, u16) -> [u8; 4]| {
            for y in 0..size.height {
                let row = screen.row_mut(0, y, size.width).as_chunks_mut::<4>().0.iter_mut();
                row.zip(0..).for_each(|(pixel, x)| *pixel = value(x, y));
            }
        };
        match *content {
            Content::Scene(n) => *screen = scene(size, n),
            Content::Noise(seed) => *screen = crate::picture::tests::noise(size, seed),
            Content::Squares(side) => each(screen, &|x, y| [if (x / side + y / side) % 2 == 0 { 0 } else { 255 }; 4]),
            Content::Patch(x, y, value) => {
                let patch = Rect::new(x, y, 30, 20).intersect(&size.rect());
                screen.fill(patch, [value, 255 - value, value / 2]);
            }
            Content::Moved(right, down) => each(screen, &|x, y| {
                let at = |from: u16, by: i16, limit: u16| {
                    (4 * i32::from(from) - i32::from(by)).clamp(0, 4 * i32::from(limit) - 4)
                };
                let (x, y) = (at(x, right, size.width), at(y, down, size.height));
                let pixel = |x: i32, y: i32| {
                    let (x, y) = ((x as u16).min(size.width - 1), (y as u16).min(size.height - 1));
                    <[u8; 4]>::try_from(&before.row(x, y, 1)[..4]).expect("a pixel")
                };
                let corners = [
                    pixel(x / 4, y / 4),
                    pixel(x / 4 + 1, y / 4),
                    pixel(x / 4, y / 4 + 1),
                    pixel(x / 4 + 1, y / 4 + 1),
                ];
                let (a, b) = (x % 4, y % 4);
                let weights = [(4 - a) * (4 - b), a * (4 - b), (4 - a) * b, a * b];
                std::array::from_fn(|n| {
                    let sum: i32 =
                        corners.iter().zip(weights).map(|(corner, weight)| i32::from(corner[n]) * weight).sum();
                    (sum / 16) as u8
                })
            }),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
        #[test]
        fn what_is_predicted_from_is_what_a_decoder_shows(
            (w, h) in (8..60u16, 8..50u16),
            pictures in prop::collection::vec((content(), 22..=51u8), 1..10),
        ) {
            let size = Size::new(2 * w, 2 * h);
            let mut screen = scene(size, 0);
            let mut encoder = H264::new(size.width, size.height, 1);
            let mut decoder = Decoder::new().expect("decoder");
            for (n, (content, qp)) in pictures.iter().enumerate() {
                show(&mut screen, content);
                let mut code = |qp| {
                    let (view, rect) = (screen.view(), size.rect());
                    let coded = encoder.coder.encode(qp, n == 0, |rows, planes| convert(view, rect, PixelOrder::Rgb, rows, planes));
                    coded.expect("converts")
                };
                // One that is thrown away leaves nothing behind.
                code(51 - (*qp - 22));
                let coded = code(*qp);
                encoder.coder.keep(&coded);
                let shown = decoder.decode(&coded.data).expect("decodes").expect("is shown at once");
                let planes = [(shown.y(), shown.strides().0), (shown.u(), shown.strides().1), (shown.v(), shown.strides().2)];
                for (plane, (want, (bytes, stride))) in encoder.coder.shown().iter().zip(planes).enumerate() {
                    let width = usize::from(size.width) / if plane == 0 { 1 } else { 2 };
                    for (y, (want, row)) in want.chunks(width).zip(bytes.chunks(stride)).enumerate() {
                        prop_assert_eq!(want, &row[..width], "picture {} plane {} row {}", n, plane, y);
                    }
                }
            }
        }
    }
}
