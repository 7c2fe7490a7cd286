//! What kind of pixels a rectangle holds, which decides how they are sent.

use crate::geometry::Rect;
use crate::pixels::Pixels;

/// Kinds of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// One pixel, everywhere the same.
    Flat([u8; 4]),
    /// Text, lines, interface: few colours, many repeats.
    Text,
    /// Photographs, films, noise: hardly a pixel like its neighbours.
    Photo,
}

/// Rectangles with fewer pixels are never called photographic: too few to tell, and cheap enough.
const SMALLEST_PHOTO_PX: usize = 400;
/// Share of pixels unlike both neighbours from which on a rectangle is photographic, in percent.
const NOVEL_PERCENT: usize = 40;
/// Different colours a photographic rectangle has at least, for 16 pixels looked at.
const FEWEST_COLOURS_OF_16: usize = 2;
/// At most this many pixels are looked at.
const SAMPLE_PX: usize = 1024;

/// Finds the kind of a rectangle that holds pixels.
pub(crate) fn classify(pixels: Pixels<'_>, rect: Rect) -> Class {
    if let Some(pixel) = pixels.single_pixel(rect) {
        return Class::Flat(pixel);
    }
    if rect.area() < SMALLEST_PHOTO_PX || rect.w < 8 || rect.h < 8 {
        return Class::Text;
    }
    let step = (rect.area() / SAMPLE_PX).max(1) as u16;
    let (mut looked, mut novel) = (0usize, 0usize);
    let mut colours = [0u64; 64];
    for y in (rect.y + 1..rect.bottom()).step_by(usize::from(step)) {
        let above = pixels.row(rect.x, y - 1, rect.w);
        let row = pixels.row(rect.x, y, rect.w);
        for (i, pixel) in row.chunks_exact(4).enumerate().skip(1) {
            let left = &row[4 * i - 4..4 * i];
            novel += usize::from(pixel != left && pixel != &above[4 * i..4 * i + 4]);
            let colour = u32::from_le_bytes([pixel[0], pixel[1], pixel[2], 0]);
            let bucket = (colour.wrapping_mul(0x9e37_79b1) >> 20) as usize;
            colours[bucket >> 6] |= 1 << (bucket & 63);
        }
        looked += usize::from(rect.w) - 1;
    }
    let distinct = colours.iter().map(|c| c.count_ones() as usize).sum::<usize>();
    let many = distinct * 16 >= looked.min(4096) * FEWEST_COLOURS_OF_16;
    if novel * 100 >= looked * NOVEL_PERCENT && many { Class::Photo } else { Class::Text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::picture::{Picture, tests::noise};

    #[test]
    fn kinds_are_told_apart() {
        let size = Size::new(64, 64);
        let all = size.rect();
        let mut flat = Picture::new(size);
        flat.fill(all, [1, 2, 3]);
        assert_eq!(classify(flat.view(), all), Class::Flat([1, 2, 3, 255]));

        // Glyph-like: a few strokes of two colours upon a ground.
        let mut text = flat.clone();
        for y in (4..60).step_by(12) {
            for x in (2..60).step_by(7) {
                text.fill(Rect::new(x, y, 1, 8), [250, 250, 250]);
                text.fill(Rect::new(x, y + 3, 4, 1), [120, 130, 140]);
            }
        }
        assert_eq!(classify(text.view(), all), Class::Text);

        assert_eq!(classify(noise(size, 1).view(), all), Class::Photo);
        assert_eq!(classify(noise(size, 1).view(), Rect::new(0, 0, 10, 10)), Class::Text);

        // A smooth ramp with a little grain, as a photographed sky.
        let mut sky = Picture::new(size);
        let grain = noise(size, 2);
        for y in 0..64u16 {
            for x in 0..64u16 {
                let g = grain.row(x, y, 1)[0] & 7;
                sky.row_mut(x, y, 1)[..3].copy_from_slice(&[60 + x as u8 + g, 90 + y as u8 + g, 160 + g]);
            }
        }
        assert_eq!(classify(sky.view(), all), Class::Photo);
    }
}
