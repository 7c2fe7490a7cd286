//! The X server's picture, mapped: the file Xvfb keeps with `-fbdir`.
//!
//! Nothing is copied: encoders read where the X server draws. That may happen while it draws, where little has changed or
//! it cannot be [asked to wait](super::still); whatever it draws after the read comes with damage of its own, so the
//! picture always converges.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::ptr::NonNull;

use porthole_display::{PixelOrder, Pixels, Size};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// How the X server has its pixels.
pub(crate) const ORDER: PixelOrder = PixelOrder::Bgr;

/// The mapped picture.
pub(crate) struct Framebuffer {
    file: File,
    address: NonNull<u8>,
    length: usize,
    /// Bytes before the first row.
    offset: usize,
    /// Bytes per row.
    stride: usize,
    /// What the X server was started with; the screen is never larger.
    max_size: Size,
}

// SAFETY: the mapping belongs to this value alone and may be read from whichever thread owns it.
unsafe impl Send for Framebuffer {}

/// Words of the header of the X window dump format, version 7; all big-endian.
mod header {
    pub(super) const WORDS: usize = 25;
    pub(super) const SIZE: usize = 0;
    pub(super) const VERSION: usize = 1;
    pub(super) const WIDTH: usize = 4;
    pub(super) const HEIGHT: usize = 5;
    pub(super) const BYTE_ORDER: usize = 7;
    pub(super) const BITS_PER_PIXEL: usize = 11;
    pub(super) const STRIDE: usize = 12;
    pub(super) const RED_MASK: usize = 14;
    pub(super) const COLOURS: usize = 19;
    /// Bytes of a colour entry behind the header.
    pub(super) const COLOUR_BYTES: usize = 12;
}

impl Framebuffer {
    /// Maps the file.
    ///
    /// # Errors
    /// When it is missing, or not 32 bits per pixel with blue in the lowest byte.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(|_| wrong("its size"))?;
        if length < 4 * header::WORDS {
            return Err(wrong("its size"));
        }
        // SAFETY: a new mapping at an address of the kernel's choice; nothing else is affected.
        let address = unsafe { mmap(std::ptr::null_mut(), length, ProtFlags::READ, MapFlags::SHARED, &file, 0) }?;
        let address = NonNull::new(address.cast::<u8>()).ok_or_else(|| wrong("its address"))?;
        let mut this = Self { file, address, length, offset: 0, stride: 0, max_size: Size::new(0, 0) };
        let mut bytes = [0; 4 * header::WORDS];
        this.read(0, &mut bytes);
        let word = |i: usize| {
            let part = bytes[4 * i..4 * i + 4].try_into().unwrap_or_default();
            u32::from_be_bytes(part) as usize
        };
        let side =
            |n: usize| u16::try_from(n).ok().filter(|n| (1..=16_384).contains(n)).ok_or_else(|| wrong("its size"));
        this.max_size = Size::new(side(word(header::WIDTH))?, side(word(header::HEIGHT))?);
        this.stride = word(header::STRIDE);
        this.offset = word(header::SIZE).saturating_add(word(header::COLOURS).saturating_mul(header::COLOUR_BYTES));
        let good = word(header::VERSION) == 7
            && word(header::BYTE_ORDER) == 0
            && word(header::BITS_PER_PIXEL) == 32
            && word(header::RED_MASK) == 0xff_0000
            && this.stride >= 4 * usize::from(this.max_size.width);
        if !good {
            return Err(wrong("its pixel format"));
        }
        let end = this.stride.checked_mul(this.max_size.height.into()).and_then(|n| n.checked_add(this.offset));
        if end.is_none_or(|end| end > length) {
            return Err(wrong("its length"));
        }
        Ok(this)
    }

    /// The largest screen it can hold.
    pub(crate) fn max_size(&self) -> Size {
        self.max_size
    }

    /// Copies bytes out of the mapping; `from + out.len()` must lie inside.
    fn read(&self, from: usize, out: &mut [u8]) {
        assert!(from.checked_add(out.len()).is_some_and(|end| end <= self.length));
        // SAFETY: the range lies inside the mapping (asserted), which lives as long as `self`; `out` is ours alone.
        // The X server may write meanwhile: the bytes may be torn, and any bytes are valid for u8.
        unsafe { std::ptr::copy_nonoverlapping(self.address.as_ptr().add(from), out.as_mut_ptr(), out.len()) };
    }

    /// Looks at the upper left part of it, as large as the screen is now. Pixels are in the order [`ORDER`].
    pub(crate) fn view(&self, size: Size) -> Pixels<'_> {
        let rows = self.stride * usize::from(self.max_size.height);
        // SAFETY: the bytes lie inside the mapping (checked by `open`), which lives as long as `self`, and any bytes are
        // valid for u8. The X server may write meanwhile; whoever reads a pixel twice may find two values, which
        // `Pixels` says, and the file is never made shorter.
        let bytes = unsafe { std::slice::from_raw_parts(self.address.as_ptr().add(self.offset), rows) };
        let size = size.rect().intersect(&self.max_size.rect());
        Pixels::new(bytes, Size::new(size.w, size.h), self.stride)
    }

    /// Gives memory of some rows outside a screen of this size back to the system, `row` and up to `count` below it;
    /// what was there reads as black afterwards.
    pub(crate) fn release_outside(&self, size: Size, row: u16, count: u16) {
        let place = |row: u16, column: u16| self.offset + self.stride * usize::from(row) + 4 * usize::from(column);
        let end = row.saturating_add(count).min(self.max_size.height);
        let within = end.min(size.height);
        (row..within).for_each(|row| self.release(place(row, size.width), place(row, 0) + self.stride));
        self.release(place(row.max(within), 0), place(end, 0));
    }

    /// Gives the whole pages between these bytes of the file back.
    fn release(&self, from: usize, to: usize) {
        let page = rustix::param::page_size();
        let (from, to) = (from.next_multiple_of(page), to / page * page);
        if from < to {
            // Where the file system cannot do it, the memory just stays.
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = fallocate(&self.file, flags, from as u64, (to - from) as u64);
        }
    }
}

impl Drop for Framebuffer {
    fn drop(&mut self) {
        // SAFETY: this is the mapping `open` made, and nothing refers to it any more.
        let _ = unsafe { munmap(self.address.as_ptr().cast(), self.length) };
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the X server's picture file is unusable: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(width: u32, height: u32, change: impl FnOnce(&mut Vec<u8>)) -> tempfile::NamedTempFile {
        let mut words = [0u32; header::WORDS];
        words[header::SIZE] = 100;
        words[header::VERSION] = 7;
        words[header::WIDTH] = width;
        words[header::HEIGHT] = height;
        words[header::BITS_PER_PIXEL] = 32;
        words[header::STRIDE] = 4 * width;
        words[header::RED_MASK] = 0xff_0000;
        words[header::COLOURS] = 2;
        let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
        bytes.extend([0; 24]);
        bytes.extend((0..4 * width * height).map(|i| i as u8));
        change(&mut bytes);
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), bytes).expect("write");
        file
    }

    #[test]
    fn pixels_come_in_the_order_of_the_wire() {
        let file = file(70, 3, |_| {});
        let framebuffer = Framebuffer::open(file.path()).expect("opens");
        let picture = framebuffer.view(Size::new(60, 2)).to_picture(ORDER);
        assert_eq!(picture.size(), Size::new(60, 2));
        assert_eq!(picture.row(0, 0, 2), [2, 1, 0, 255, 6, 5, 4, 255]);
        assert_eq!(picture.row(1, 1, 1), [30, 29, 28, 255], "rows begin where those of the file do");
        assert_eq!(framebuffer.view(Size::new(800, 600)).size(), Size::new(70, 3), "never more than there is");
    }

    #[test]
    fn memory_outside_the_screen_is_given_back() {
        let file = file(5000, 40, |_| {});
        let framebuffer = Framebuffer::open(file.path()).expect("opens");
        let before = framebuffer.view(Size::new(5000, 40)).to_picture(ORDER);
        for row in (0..40).step_by(16) {
            framebuffer.release_outside(Size::new(900, 20), row, 16);
        }
        let after = framebuffer.view(Size::new(5000, 40)).to_picture(ORDER);
        assert!((0..20).all(|y| after.row(0, y, 900) == before.row(0, y, 900)), "the screen's own pixels stay");
        let blocks = std::os::unix::fs::MetadataExt::blocks(&file.as_file().metadata().expect("metadata"));
        // A row of 900 pixels lies in two pages, where it begins badly.
        assert!(blocks * 512 <= 22 * 2 * 4096, "{blocks} blocks");
        assert_eq!(after.row(4000, 10, 1), [0, 0, 0, 255]);
        assert_eq!(after.row(0, 39, 1), [0, 0, 0, 255]);
    }

    #[test]
    fn a_file_that_is_no_picture_is_refused() {
        type Change = fn(&mut Vec<u8>);
        let spoil: [(&str, Change); 4] = [
            ("short", |b| b.truncate(50)),
            ("cut", |b| b.truncate(b.len() - 1)),
            ("16 bits", |b| b[4 * header::BITS_PER_PIXEL + 3] = 16),
            ("stride", |b| b[4 * header::STRIDE..4 * header::STRIDE + 4].fill(255)),
        ];
        for (name, change) in spoil {
            assert!(Framebuffer::open(file(70, 3, change).path()).is_err(), "{name}");
        }
    }
}
