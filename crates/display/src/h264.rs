//! H.264 for video regions: a stream of pictures of one size, each told as its difference from the one before.
//!
//! Constrained baseline without reordering, so that a picture can be shown as soon as it came; BT.709 in full range, which
//! the stream says. Quality is what a person takes for the original at the pace of a film (QP 24); only where the way
//! to the viewer is too slow for that does the rate control lower it.

use std::io;

use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, QpRange, RateControlMode,
    TransferCharacteristics, VuiConfig,
};
use openh264::formats::YUVSlices;
use yuv::{BufferStoreMut, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

use crate::geometry::Rect;
use crate::pixels::{PixelOrder, Pixels};

/// Quantisation of a picture when the way to the viewer allows it, and at worst; 0–51, a step of 6 halves the detail.
const QP: QpRange = QpRange::new(24, 44);
/// Bits a second beyond which quality gains nothing.
const MOST_BITS_PER_S: u32 = 20_000_000;
/// And below which nothing can be recognised.
const FEWEST_BITS_PER_S: u32 = 400_000;

/// An encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    /// It can be decoded without those before.
    pub(crate) key: bool,
    /// NAL units in the byte stream format (ITU-T H.264 annex B).
    pub(crate) data: Vec<u8>,
}

/// Encodes the pictures of one region.
pub(crate) struct H264 {
    encoder: Encoder,
    width: usize,
    height: usize,
    planes: Vec<u8>,
}

impl H264 {
    /// Begins a stream of pictures of this size; both sides must be even. The first picture is a key.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn new(width: u16, height: u16, bits_per_s: u32) -> io::Result<Self> {
        let bits_per_s = bits_per_s.clamp(FEWEST_BITS_PER_S, MOST_BITS_PER_S);
        let config = EncoderConfig::new()
            .bitrate(BitRate::from_bps(bits_per_s))
            .rate_control_mode(RateControlMode::Bitrate)
            .qp(QP)
            .skip_frames(true)
            .max_frame_rate(FrameRate::from_hz(30.0))
            .complexity(Complexity::Low)
            .num_threads(1)
            .scene_change_detect(false)
            .adaptive_quantization(false)
            .background_detection(false)
            .intra_frame_period(IntraFramePeriod::auto())
            .vui(VuiConfig::bt709_full().transfer_characteristics(TransferCharacteristics::Srgb));
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config).map_err(io::Error::other)?;
        let (width, height) = (usize::from(width), usize::from(height));
        Ok(Self { encoder, width, height, planes: vec![0; width * height * 3 / 2] })
    }

    /// Takes the next picture: the rectangle of `pixels`, which has the stream's size.
    ///
    /// # Errors
    /// When it has another size.
    pub(crate) fn convert(&mut self, pixels: Pixels<'_>, rect: Rect, order: PixelOrder) -> io::Result<()> {
        let (y, chroma) = self.planes.split_at_mut(self.width * self.height);
        let (u, v) = chroma.split_at_mut(chroma.len() / 2);
        let strides = (self.width, self.width / 2, self.width / 2);
        let mut image = YuvPlanarImageMut {
            y_plane: BufferStoreMut::Borrowed(y),
            y_stride: strides.0 as u32,
            u_plane: BufferStoreMut::Borrowed(u),
            u_stride: strides.1 as u32,
            v_plane: BufferStoreMut::Borrowed(v),
            v_stride: strides.2 as u32,
            width: self.width as u32,
            height: self.height as u32,
        };
        let convert = match order {
            PixelOrder::Rgb => yuv::rgba_to_yuv420,
            PixelOrder::Bgr => yuv::bgra_to_yuv420,
        };
        let (bytes, stride) = pixels.bytes_of(rect);
        let (range, matrix) = (YuvRange::Full, YuvStandardMatrix::Bt709);
        convert(&mut image, &bytes, stride as u32, range, matrix, YuvConversionMode::Balanced).map_err(io::Error::other)
    }

    /// Encodes the picture that was taken. `None`: the rate is used up, this picture is left out.
    ///
    /// # Errors
    /// When the encoder fails (no memory).
    pub(crate) fn encode(&mut self) -> io::Result<Option<Access>> {
        let strides = (self.width, self.width / 2, self.width / 2);
        let (y, chroma) = self.planes.split_at(self.width * self.height);
        let (u, v) = chroma.split_at(chroma.len() / 2);
        let source = YUVSlices::new((y, u, v), (self.width, self.height), strides);
        let made = self.encoder.encode(&source).map_err(io::Error::other)?;
        let key = matches!(made.frame_type(), FrameType::IDR);
        let data = made.to_vec();
        Ok((!data.is_empty()).then_some(Access { key, data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::picture::Picture;
    use openh264::decoder::Decoder;
    use openh264::formats::YUVSource;

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
            let mut encoder = H264::new(rect.w, rect.h, u32::MAX).expect("encoder");
            let mut decoder = Decoder::new().expect("decoder");
            for n in 0..8 {
                let picture = scene(size, n);
                encoder.convert(picture.view(), rect, order).expect("converts");
                let made = encoder.encode().expect("encodes").expect("a picture");
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
    fn a_slow_way_gets_fewer_bytes() {
        let size = Size::new(640, 360);
        let bytes = |bits_per_s| {
            let mut encoder = H264::new(size.width, size.height, bits_per_s).expect("encoder");
            (0..20u32)
                .map(|n| {
                    let picture = crate::picture::tests::noise(size, n);
                    encoder.convert(picture.view(), size.rect(), PixelOrder::Rgb).expect("converts");
                    encoder.encode().expect("encodes").map_or(0, |made| made.data.len())
                })
                .skip(10)
                .sum::<usize>()
        };
        let (fast, slow) = (bytes(20_000_000), bytes(FEWEST_BITS_PER_S));
        assert!(slow * 2 < fast, "{slow} bytes where {fast} could be");
    }
}
