//! The console's files, embedded in the binary (read from disk in a debug build), and their headers.

use std::{
    collections::HashMap,
    io::Write as _,
    sync::{Mutex, OnceLock, PoisonError},
};

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::problem::Problem;
use crate::gateway::page::content_type;

#[derive(rust_embed::RustEmbed)]
#[folder = "../../web/dist/console"]
#[allow_missing = true]
struct Files;

/// No inline script or style, nothing from elsewhere.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self' data:; \
             connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];
/// Files below this size are sent as they are.
const LEAST_BYTES: usize = 1024;

/// `GET /console/`: the page.
pub async fn index(headers: HeaderMap) -> Response {
    send("index.html", &headers)
}

/// `GET /console/…`: a file, or the page where there is none.
pub async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    if path.starts_with("api/") {
        return Problem::not_found("address").into_response();
    }
    match path.starts_with("assets/") || Files::get(&path).is_some() {
        true => send(&path, &headers),
        false => send("index.html", &headers),
    }
}

fn send(path: &str, asked: &HeaderMap) -> Response {
    let Some(file) = Files::get(path) else {
        return (StatusCode::NOT_FOUND, "There is no such file.").into_response();
    };
    let cache = match path.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-store",
    };
    let mut headers: HeaderMap = HEADERS.into_iter().collect();
    let kind = content_type(path);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // The bundle brings its larger files packed tightly as well.
    if accepts(asked, "br")
        && let Some(packed) = Files::get(&format!("{path}.br"))
    {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        return (headers, packed.data.into_owned()).into_response();
    }
    let shrinks =
        kind.starts_with("text/") || matches!(kind, "application/json" | "image/svg+xml" | "application/wasm");
    if shrinks && file.data.len() >= LEAST_BYTES && accepts(asked, "gzip") {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return (headers, packed(file.metadata.sha256_hash(), &file.data)).into_response();
    }
    (headers, file.data.into_owned()).into_response()
}

fn accepts(asked: &HeaderMap, encoding: &str) -> bool {
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut words = lines.flat_map(|line| line.split(',')).map(|word| word.split(';').map(str::trim));
    words.any(|mut word| {
        word.next() == Some(encoding) && word.next().is_none_or(|weight| weight.trim_start_matches("q=") != "0")
    })
}

/// Packs a file once; there are only as many as the bundle has.
fn packed(hash: [u8; 32], data: &[u8]) -> Bytes {
    static PACKED: OnceLock<Mutex<HashMap<[u8; 32], Bytes>>> = OnceLock::new();
    let known = PACKED.get_or_init(Mutex::default);
    if let Some(bytes) = known.lock().unwrap_or_else(PoisonError::into_inner).get(&hash) {
        return bytes.clone();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let bytes = encoder.write_all(data).and_then(|()| encoder.finish()).expect("memory takes all that is written");
    let bytes = Bytes::from(bytes);
    known.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, bytes.clone());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_packed_for_those_who_take_it() {
        let asked =
            |value: &'static str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        for value in ["gzip", "br, gzip;q=0.5", "deflate,gzip"] {
            assert!(accepts(&asked(value), "gzip"), "{value}");
        }
        assert!(accepts(&asked("gzip, deflate, br"), "br"));
        for value in ["br", "gzip;q=0", "xgzip"] {
            assert!(!accepts(&asked(value), "gzip"), "{value}");
        }
        assert!(!accepts(&HeaderMap::new(), "gzip"));
        let text = "computers ".repeat(1000);
        let first = packed([1; 32], text.as_bytes());
        assert!(first.len() < 200);
        assert_eq!(packed([1; 32], b"something else"), first, "packed once");
    }
}
