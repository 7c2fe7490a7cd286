//! The pixel stream: one long zstd stream a connection, cut at flush points.

use std::io;

use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

/// Room made for the next piece of output.
const PIECE_BYTES: usize = 32 << 10;

/// Writes the stream.
pub(crate) struct PixelWriter {
    encoder: Encoder<'static>,
}

impl PixelWriter {
    /// Begins a stream with a window of `2^window_log` bytes.
    pub(crate) fn new(window_log: u8) -> io::Result<Self> {
        let mut encoder = Encoder::new(1)?;
        encoder.set_parameter(CParameter::WindowLog(u32::from(window_log)))?;
        // A larger table than level 1 has by itself: glyphs shown long ago are still found.
        encoder.set_parameter(CParameter::HashLog(17))?;
        encoder.set_parameter(CParameter::ContentSizeFlag(false))?;
        encoder.set_parameter(CParameter::ChecksumFlag(false))?;
        Ok(Self { encoder })
    }

    /// Compresses bytes; output may lag behind until the next flush.
    pub(crate) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let mut input = InBuffer::around(bytes);
        while input.pos() < bytes.len() {
            self.step(out, |encoder, output| encoder.run(&mut input, output).map(drop))?;
        }
        Ok(())
    }

    /// Ends the section: everything written can be decoded from the output so far.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let mut left = 1;
        while left > 0 {
            self.step(out, |encoder, output| {
                left = encoder.flush(output)?;
                Ok(())
            })?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        out: &mut Vec<u8>,
        run: impl FnOnce(&mut Encoder<'static>, &mut OutBuffer<'_, Vec<u8>>) -> io::Result<()>,
    ) -> io::Result<()> {
        if out.capacity() - out.len() < PIECE_BYTES / 2 {
            out.reserve(PIECE_BYTES);
        }
        let pos = out.len();
        let mut output = OutBuffer::around_pos(out, pos);
        run(&mut self.encoder, &mut output)
    }
}

/// Reads the stream.
pub(crate) struct PixelReader {
    decoder: Decoder<'static>,
}

impl PixelReader {
    /// Begins to read a stream whose window is at most `2^window_log` bytes.
    pub(crate) fn new(window_log: u8) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(u32::from(window_log)))?;
        Ok(Self { decoder })
    }

    /// Decodes a section that must yield exactly `raw_length` bytes.
    pub(crate) fn read(&mut self, section: &[u8], raw_length: usize) -> io::Result<Vec<u8>> {
        // One byte of room beyond the promise shows a section that yields more.
        let mut out = Vec::with_capacity(raw_length + 1);
        let mut input = InBuffer::around(section);
        loop {
            let (before_in, before_out) = (input.pos(), out.len());
            let mut output = OutBuffer::around_pos(&mut out, before_out);
            self.decoder.run(&mut input, &mut output)?;
            if input.pos() == section.len() && out.len() < out.capacity() {
                break;
            }
            if (input.pos(), out.len()) == (before_in, before_out) {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        if out.len() == raw_length { Ok(out) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_decode_one_by_one() {
        let mut writer = PixelWriter::new(20).expect("writer");
        let mut reader = PixelReader::new(20).expect("reader");
        for i in 0..20usize {
            let raw: Vec<u8> = (0..i * 7000).map(|n| (n * i / 3) as u8).collect();
            let mut section = Vec::new();
            for part in raw.chunks(1000) {
                writer.write(part, &mut section).expect("write");
            }
            writer.flush(&mut section).expect("flush");
            assert_eq!(reader.read(&section, raw.len()).expect("read"), raw);
        }
    }

    #[test]
    fn a_wrong_promise_is_refused() {
        let mut section = Vec::new();
        let mut writer = PixelWriter::new(20).expect("writer");
        writer.write(&[1; 5000], &mut section).expect("write");
        writer.flush(&mut section).expect("flush");
        for promise in [0, 4999, 5001] {
            assert!(PixelReader::new(20).expect("reader").read(&section, promise).is_err());
        }
        assert!(PixelReader::new(20).expect("reader").read(b"no zstd at all", 10).is_err());
    }
}
