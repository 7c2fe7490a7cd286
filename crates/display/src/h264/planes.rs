//! Planes of samples with a margin, in which a prediction may reach beyond the picture.

/// Samples beyond each edge of a luma plane, and of a chroma plane.
pub(super) const MARGIN: usize = 24;
pub(super) const CHROMA_MARGIN: usize = 12;

/// One plane of samples, its sides multiples of eight.
pub(super) struct Plane {
    pub(super) bytes: Vec<u8>,
    pub(super) stride: usize,
    width: usize,
    height: usize,
    margin: usize,
}

impl Plane {
    pub(super) fn new(width: usize, height: usize, margin: usize) -> Self {
        let stride = width + 2 * margin;
        Self { bytes: vec![0; stride * (height + 2 * margin)], stride, width, height, margin }
    }

    /// Where the sample at this place is, which may be in the margin.
    pub(super) fn at(&self, x: isize, y: isize) -> usize {
        let margin = self.margin as isize;
        ((y + margin) * self.stride as isize + x + margin) as usize
    }

    /// `N` samples from this index on.
    #[inline(always)]
    pub(super) fn row<const N: usize>(&self, at: usize) -> &[u8; N] {
        self.bytes[at..].first_chunk().expect("a row inside the plane")
    }

    /// Puts samples at this index.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, at: usize, samples: &[u8; N]) {
        self.bytes[at..at + N].copy_from_slice(samples);
    }

    /// Fills the margin with what is at the edges, the edges being where the given size ends.
    pub(super) fn extend(&mut self, width: usize, height: usize) {
        let (stride, margin) = (self.stride, self.margin);
        for row in self.bytes[margin * stride..][..height * stride].chunks_exact_mut(stride) {
            let (first, last) = (row[margin], row[margin + width - 1]);
            row[..margin].fill(first);
            row[margin + width..].fill(last);
        }
        let last = margin + height - 1;
        for y in (0..margin).chain(last + 1..self.height + 2 * margin) {
            let from = if y < margin { margin } else { last };
            self.bytes.copy_within(from * stride..(from + 1) * stride, y * stride);
        }
    }

    /// Fills the margin with what is at the plane's edges.
    pub(super) fn extend_all(&mut self) {
        self.extend(self.width, self.height);
    }
}
