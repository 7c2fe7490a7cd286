//! JPEG images of rectangles of pixels.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::geometry::Rect;
use crate::pixels::{PixelOrder, Pixels};

/// From this quality on the colour planes keep their full size.
const FULL_COLOUR_QUALITY: u8 = 88;

/// Encodes a rectangle; `None` when the encoder refuses (it never does for rectangles of a picture).
/// `scratch` is overwritten; giving the same one again saves allocations.
pub(crate) fn encode(
    pixels: Pixels<'_>,
    order: PixelOrder,
    rect: Rect,
    quality: u8,
    scratch: &mut Vec<u8>,
) -> Option<Vec<u8>> {
    // The encoder's fast paths want the rows close together.
    scratch.clear();
    scratch.reserve(4 * rect.area());
    for row in pixels.rows(rect) {
        scratch.extend_from_slice(row);
    }
    let mut data = Vec::with_capacity(rect.area() / 6 + 1024);
    let mut encoder = Encoder::new(&mut data, quality);
    let sampling = if quality >= FULL_COLOUR_QUALITY { SamplingFactor::F_1_1 } else { SamplingFactor::F_2_2 };
    encoder.set_sampling_factor(sampling);
    let order = match order {
        PixelOrder::Rgb => ColorType::Rgba,
        PixelOrder::Bgr => ColorType::Bgra,
    };
    encoder.encode(scratch, rect.w, rect.h, order).ok()?;
    Some(data)
}
