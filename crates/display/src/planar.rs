//! PLANAR pixels: three planes, each byte less its prediction from the left and above (docs/display-protocol.md §3).

use crate::pixels::PixelOrder;

/// Appends the residuals of a rectangle to `out`; `rows` yields its rows, `w` pixels each.
pub(crate) fn encode<'a>(
    rows: impl Iterator<Item = &'a [u8]>,
    order: PixelOrder,
    w: usize,
    h: usize,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let plane = w * h;
    out.resize(start + 3 * plane, 0);
    let planes = &mut out[start..];
    let (mut line, mut above) = ([(); 3].map(|()| vec![0u8; w]), [(); 3].map(|()| vec![0u8; w]));
    for (y, row) in rows.enumerate() {
        let [green, red, blue] = &mut line;
        for (((pixel, g), r), b) in row.as_chunks::<4>().0.iter().zip(green).zip(red).zip(blue) {
            [*g, *r, *b] = split(order.rgb(*pixel));
        }
        for k in 0..3 {
            let at = k * plane + y * w;
            subtract_predictions(&line[k], (y > 0).then_some(&above[k]), &mut planes[at..at + w]);
        }
        std::mem::swap(&mut line, &mut above);
    }
}

/// Writes what a row of a plane has beyond its predictions. Plain loops over slices, which become vector instructions.
fn subtract_predictions(line: &[u8], above: Option<&Vec<u8>>, residuals: &mut [u8]) {
    let Some(first) = line.first() else { return };
    residuals[0] = first.wrapping_sub(above.map_or(128, |above| above[0]));
    let pairs = line.iter().zip(&line[1..]).zip(&mut residuals[1..]);
    match above {
        None => pairs.for_each(|((left, value), residual)| *residual = value.wrapping_sub(*left)),
        Some(above) => pairs.zip(&above[1..]).for_each(|(((left, value), residual), above)| {
            *residual = value.wrapping_sub(left.midpoint(*above));
        }),
    }
}

/// Rebuilds a rectangle from residuals; `put(x, y, [r, g, b])` is called for each pixel.
/// `residuals` holds exactly `3 * w * h` bytes.
pub(crate) fn decode(residuals: &[u8], w: usize, h: usize, mut put: impl FnMut(usize, usize, [u8; 3])) {
    let plane = w * h;
    let mut above = vec![[0u8; 3]; w];
    for y in 0..h {
        let mut left = [0u8; 3];
        for x in 0..w {
            let mut value = [0u8; 3];
            for k in 0..3 {
                value[k] = residuals[k * plane + y * w + x].wrapping_add(predict(x, y, left[k], above[x][k]));
            }
            let g = value[0];
            put(x, y, [value[1].wrapping_sub(128).wrapping_add(g), g, value[2].wrapping_sub(128).wrapping_add(g)]);
            left = value;
            above[x] = value;
        }
    }
}

/// Green, and red and blue relative to it.
fn split([r, g, b]: [u8; 3]) -> [u8; 3] {
    [g, r.wrapping_sub(g).wrapping_add(128), b.wrapping_sub(g).wrapping_add(128)]
}

fn predict(x: usize, y: usize, left: u8, above: u8) -> u8 {
    match (x, y) {
        (0, 0) => 128,
        (_, 0) => left,
        (0, _) => above,
        _ => ((u16::from(left) + u16::from(above)) >> 1) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Rect, Size};
    use crate::picture::tests::noise;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_undoes_encoding(w in 1..40u16, h in 1..40u16, seed in any::<u32>()) {
            let picture = noise(Size::new(w, h), seed);
            let mut bytes = vec![9];
            encode(picture.rows(Rect::new(0, 0, w, h)), PixelOrder::Rgb, w.into(), h.into(), &mut bytes);
            prop_assert_eq!(bytes.len(), 1 + 3 * usize::from(w) * usize::from(h));
            let mut back = crate::Picture::new(Size::new(w, h));
            decode(&bytes[1..], w.into(), h.into(), |x, y, rgb| {
                back.row_mut(x as u16, y as u16, 1)[..3].copy_from_slice(&rgb);
            });
            prop_assert!(back == picture);
        }
    }

    #[test]
    fn the_documented_example() {
        // Two by two pixels; each residual worked out by hand from the rules of the protocol.
        let rows: [&[u8]; 2] = [&[10, 20, 30, 255, 11, 22, 33, 255], &[10, 20, 30, 255, 50, 40, 30, 255]];
        let mut bytes = Vec::new();
        encode(rows.into_iter(), PixelOrder::Rgb, 2, 2, &mut bytes);
        assert_eq!(bytes, [148, 2, 0, 19, 246, 255, 0, 21, 10, 1, 0, 236]);
    }
}
