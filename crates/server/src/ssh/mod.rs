//! SSH keys and certificates: made, read and written as OpenSSH and AWS do.

mod certificate;
mod key;

pub use certificate::{Authority, Terms};
pub use key::{PublicKey, blob_of, generate};

/// Appends a length and the bytes (RFC 4251, `string`).
fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("keys are short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends a positive number of any size (RFC 4251, `mpint`).
fn put_number(out: &mut Vec<u8>, big_endian: &[u8]) {
    let first = big_endian.iter().position(|byte| *byte != 0).unwrap_or(big_endian.len());
    let mut bytes = big_endian[first..].to_vec();
    // A first bit of 1 would make it negative.
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    put_string(out, &bytes);
}

/// Takes a `string` off the front.
fn take_string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (string, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *bytes = rest;
    Some(string)
}
