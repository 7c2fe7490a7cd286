//! Small pictures of a screen, for lists.

use crate::geometry::{Rect, Size};
use crate::jpeg;
use crate::picture::Picture;
use crate::pixels::PixelOrder;

/// Quality of small pictures: text is not to be read in them.
const QUALITY: u8 = 70;

impl Picture {
    /// Gives a JPEG image of the whole picture, no larger than `most`, in the same proportions; `None` when the encoder
    /// refuses, which it never does.
    pub fn thumbnail(&self, most: Size) -> Option<Vec<u8>> {
        let small = self.shrunk(most);
        let all = Rect::new(0, 0, small.size().width, small.size().height);
        jpeg::encode(small.view(), PixelOrder::Rgb, all, QUALITY, &mut Vec::new())
    }

    /// Gives the picture in a size that fits into `most`; each pixel is the mean of those it stands for.
    fn shrunk(&self, most: Size) -> Picture {
        let (width, height) = (usize::from(self.size().width), usize::from(self.size().height));
        let (most_width, most_height) = (usize::from(most.width).max(1), usize::from(most.height).max(1));
        if width <= most_width && height <= most_height {
            return self.clone();
        }
        // The side that is further over its limit decides.
        let (to_width, to_height) = match width * most_height >= height * most_width {
            true => (most_width, (height * most_width / width).max(1)),
            false => ((width * most_height / height).max(1), most_height),
        };
        let side = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let mut small = Picture::new(Size::new(side(to_width), side(to_height)));
        let mut sums = vec![[0_u32; 3]; to_width];
        for to_y in 0..to_height {
            sums.fill([0; 3]);
            let rows = to_y * height / to_height..((to_y + 1) * height / to_height).max(to_y * height / to_height + 1);
            for y in rows.clone() {
                let row = self.row(0, side(y), self.size().width).as_chunks::<4>().0;
                for (to_x, sum) in sums.iter_mut().enumerate() {
                    for pixel in &row[columns(to_x, width, to_width)] {
                        (0..3).for_each(|c| sum[c] += u32::from(pixel[c]));
                    }
                }
            }
            let line = small.row_mut(0, side(to_y), side(to_width)).as_chunks_mut::<4>().0;
            for (to_x, (pixel, sum)) in line.iter_mut().zip(&sums).enumerate() {
                let count = (columns(to_x, width, to_width).len() * rows.len()) as u32;
                (0..3).for_each(|c| pixel[c] = u8::try_from(sum[c] / count).unwrap_or(u8::MAX));
            }
        }
        small
    }
}

/// The columns a column of the small picture stands for: at least one.
fn columns(to_x: usize, width: usize, to_width: usize) -> std::ops::Range<usize> {
    let start = to_x * width / to_width;
    start..((to_x + 1) * width / to_width).max(start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_picture_keeps_proportions_and_colours() {
        for (width, height, wanted) in [
            (1280, 800, (480, 300)),
            (800, 1280, (187, 300)),
            (8192, 320, (480, 18)),
            (320, 200, (320, 200)),
            (481, 1, (480, 1)),
        ] {
            let mut picture = Picture::new(Size::new(width, height));
            picture.fill(Rect::new(0, 0, width, height), [200, 100, 50]);
            let small = picture.shrunk(Size::new(480, 300));
            assert_eq!((small.size().width, small.size().height), wanted);
            assert!(small.to_bytes().as_chunks::<4>().0.iter().all(|pixel| *pixel == [200, 100, 50, 255]));
        }
    }

    #[test]
    fn each_pixel_is_the_mean_of_its_own() {
        let mut picture = Picture::new(Size::new(4, 2));
        picture.fill(Rect::new(0, 0, 1, 2), [255, 255, 255]);
        picture.fill(Rect::new(3, 0, 1, 1), [0, 0, 200]);
        let small = picture.shrunk(Size::new(2, 1));
        assert_eq!(small.to_bytes(), [127, 127, 127, 255, 0, 0, 50, 255]);
    }

    #[test]
    fn it_is_a_jpeg_image() {
        let image = Picture::new(Size::new(1280, 800)).thumbnail(Size::new(480, 300)).expect("is encoded");
        assert!(image.starts_with(&[0xff, 0xd8, 0xff]) && image.len() < 20_000);
    }
}
