//! JPEG images of parts of a picture.

use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor, rgb_to_ycbcr};

use crate::geometry::Rect;
use crate::picture::Picture;

/// From this quality on the colour planes keep their full size.
const FULL_COLOUR_QUALITY: u8 = 88;

/// Encodes a rectangle; `None` when the encoder refuses (it never does for rectangles of a picture).
pub(crate) fn encode(picture: &Picture, rect: Rect, quality: u8) -> Option<Vec<u8>> {
    let mut data = Vec::with_capacity(rect.area() / 6 + 1024);
    let mut encoder = Encoder::new(&mut data, quality);
    let sampling = if quality >= FULL_COLOUR_QUALITY { SamplingFactor::F_1_1 } else { SamplingFactor::F_2_2 };
    encoder.set_sampling_factor(sampling);
    encoder.encode_image(Part { picture, rect }).ok()?;
    Some(data)
}

/// Lets the encoder read rows of the picture where they are.
struct Part<'a> {
    picture: &'a Picture,
    rect: Rect,
}

impl ImageBuffer for Part<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.rect.w
    }

    fn height(&self) -> u16 {
        self.rect.h
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        for pixel in self.picture.row(self.rect.x, self.rect.y + y, self.rect.w).chunks_exact(4) {
            let (luma, blue, red) = rgb_to_ycbcr(pixel[0], pixel[1], pixel[2]);
            buffers[0].push(luma);
            buffers[1].push(blue);
            buffers[2].push(red);
        }
    }
}
