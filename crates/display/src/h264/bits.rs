//! Writes bits and the variable codes of numbers (ITU-T H.264, clause 9.1), and puts them into NAL units (annex B).

/// Bits of one NAL unit, the first of a byte in its highest place.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// The last bits written, of which `count` (at most 31) are not in `bytes`.
    held: u64,
    count: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of the value, 32 at most; the others must be zero.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        self.held = self.held << count | u64::from(value);
        self.count += count;
        if self.count >= 32 {
            self.count -= 32;
            self.bytes.extend_from_slice(&((self.held >> self.count) as u32).to_be_bytes());
        }
    }

    /// Appends `ue(v)`: a number below 65,535.
    pub(super) fn unsigned(&mut self, value: u32) {
        self.put(value + 1, 2 * (value + 1).ilog2() + 1);
    }

    /// Appends `se(v)`: a number whose amount is below 32,767.
    pub(super) fn signed(&mut self, value: i32) {
        self.unsigned(code_of(value));
    }

    /// Ends the unit's payload with a one and zeros up to the whole byte.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.put(1, 1);
        self.put(0, (8 - self.count % 8) % 8);
        let held = (self.held << ((64 - self.count) % 64)).to_be_bytes();
        self.bytes.extend_from_slice(&held[..self.count as usize / 8]);
        self.bytes
    }
}

/// The number that stands for a signed one: 0, 1, −1, 2, −2 and so on become 0, 1, 2, 3, 4.
fn code_of(value: i32) -> u32 {
    if value > 0 { 2 * value.unsigned_abs() - 1 } else { 2 * value.unsigned_abs() }
}

/// The bits of `se(v)`.
pub(super) fn signed_bits(value: i32) -> u32 {
    2 * (code_of(value) + 1).ilog2() + 1
}

/// Appends a NAL unit in the byte stream format. `header` is its first byte, `payload` what a [`BitWriter`] made.
pub(super) fn append_unit(out: &mut Vec<u8>, header: u8, payload: &[u8]) {
    out.extend_from_slice(&[0, 0, 0, 1, header]);
    let mut zeros = 0;
    for &byte in payload {
        // Three bytes that could be taken for a start are kept apart (clause 7.4.1).
        if zeros == 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        out.push(byte);
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_codes_of_the_recommendation() {
        let mut bits = BitWriter::default();
        // 1, 010, 011, 00100 and, for −2, 00101, and the end 1.
        [0, 1, 2, 3].into_iter().for_each(|n| bits.unsigned(n));
        bits.signed(-2);
        assert_eq!(bits.finish(), [0b1010_0110, 0b0100_0010, 0b1100_0000]);
        assert_eq!([0, 1, -1, 2, -4].map(signed_bits), [1, 3, 3, 5, 7]);
    }

    #[test]
    fn many_bits_come_out_in_order() {
        let mut bits = BitWriter::default();
        for n in 0..100u32 {
            bits.put(n % 8, 3);
            bits.put(0xdead_beef, 32);
        }
        let bytes = bits.finish();
        assert_eq!(bytes.len(), 100 * 35 / 8 + 1);
        let bit = |at: usize| u32::from(bytes[at / 8] >> (7 - at % 8) & 1);
        let read = |at: usize, count: usize| (at..at + count).fold(0, |value, at| value << 1 | bit(at));
        for n in 0..100usize {
            assert_eq!((read(35 * n, 3), read(35 * n + 3, 32)), (n as u32 % 8, 0xdead_beef));
        }
    }

    #[test]
    fn nothing_in_a_unit_looks_like_a_start() {
        let mut unit = Vec::new();
        append_unit(&mut unit, 0x65, &[0, 0, 0, 0, 1, 7, 0, 0, 3, 0, 0, 4]);
        assert_eq!(unit, [0, 0, 0, 1, 0x65, 0, 0, 3, 0, 0, 3, 1, 7, 0, 0, 3, 3, 0, 0, 4]);
    }
}
