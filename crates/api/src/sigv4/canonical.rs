//! The canonical form of a request, which is what a signature is made over.

use sha2::{Digest as _, Sha256};

use super::Request;

/// Writes the canonical request. `signed_headers` is the list as the client sent it, checked to be sorted.
pub(super) fn request(request: &Request<'_>, signed_headers: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    path(request.path, &mut out);
    out.push(b'\n');
    query(request.query, &mut out);
    out.push(b'\n');
    for name in signed_headers.split(';') {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        let values = request.headers.iter().filter(|(n, _)| *n == name);
        for (i, (_, value)) in values.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            header_value(value, &mut out);
        }
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(hex::encode(Sha256::digest(request.body)).as_bytes());
    out
}

/// Gives the decoded names of a query's parameters.
pub(super) fn query_names(query: &str) -> impl Iterator<Item = String> {
    query.split('&').map(|pair| {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        String::from_utf8_lossy(&percent_decode(name.as_bytes())).into_owned()
    })
}

/// Normalised, and encoded once more than it came, as every service but S3 has it.
fn path(path: &str, out: &mut Vec<u8>) {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    for segment in &segments {
        out.push(b'/');
        percent_encode(segment.as_bytes(), out);
    }
    let names_a_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    if segments.is_empty() || names_a_folder {
        out.push(b'/');
    }
}

/// Sorted by encoded name, then by encoded value.
fn query(query: &str, out: &mut Vec<u8>) {
    if query.is_empty() {
        return;
    }
    let encoded = |text: &str| {
        let mut out = Vec::with_capacity(text.len());
        percent_encode(&percent_decode(text.as_bytes()), &mut out);
        out
    };
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// Without white space at both ends, and with one space for each run of it inside.
fn header_value(value: &[u8], out: &mut Vec<u8>) {
    let mut gap = false;
    for &byte in value.trim_ascii() {
        if byte.is_ascii_whitespace() {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            out.push(b' ');
        }
        out.push(byte);
    }
}

fn percent_encode(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

/// Decodes `%XX`; what is not that stays as it is.
fn percent_decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let mut decoded = [0];
        if *first == b'%' && tail.len() >= 2 && hex::decode_to_slice(&tail[..2], &mut decoded).is_ok() {
            out.push(decoded[0]);
            rest = &tail[2..];
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}
