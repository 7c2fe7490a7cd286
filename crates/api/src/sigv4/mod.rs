//! Signature Version 4, the checking side, for requests signed in the Authorization header.
//!
//! Three steps, so that the caller can look a key up between them and no step can be left out:
//!
//! ```text
//! Claim::read(request)   what the request says about itself; nothing is proven
//!   └ check(expected)    its scope and time are right for this service now        → Scoped
//!       └ verify(key)    the signature was made with this key over this request   → Verified
//! ```
//!
//! Not here: presigned URLs, chunked bodies and unsigned bodies, which are refused.

mod canonical;
mod date;

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::{Error, ErrorCode, excerpt};

pub use date::{SCOPE_DATE_LEN, scope_date};

/// How far a request's time may be from ours, in milliseconds.
pub const MAX_SKEW_MS: i64 = 5 * 60 * 1000;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Longest Authorization header looked at, in bytes.
const MAX_AUTHORIZATION: usize = 8192;
/// Longest access key id, in bytes.
const MAX_ACCESS_KEY_ID: usize = 128;

/// The parts of an HTTP request that a signature covers, as they came.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// The query without its question mark, still percent-encoded; empty where there is none.
    pub query: &'a str,
    /// Header names in lower case and values, in the order they came.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Gives a header that may come once; `Err` when it comes more than once or is not text.
    fn one(&self, name: &str) -> Result<Option<&'a str>, Error> {
        let mut found = self.headers.iter().filter(|(n, _)| *n == name).map(|(_, value)| *value);
        let Some(value) = found.next() else {
            return Ok(None);
        };
        match (found.next(), std::str::from_utf8(value)) {
            (None, Ok(text)) => Ok(Some(text.trim())),
            _ => Err(incomplete(format!("The {name} header must come once and be text."))),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(n, _)| *n == name)
    }
}

/// A secret access key. Has no Debug, so that it cannot reach a log.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text of a secret access key.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Gives the text, to be shown once to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// A key derived from a secret for one day, region and service; worth keeping, since it saves four of the five
/// HMACs of a check. Has no Debug.
#[derive(Clone)]
pub struct SigningKey {
    key: [u8; 32],
    date: String,
    region: String,
    service: String,
}

impl SigningKey {
    /// Tells whether the key is for this day (`YYYYMMDD`), region and service.
    pub fn is_for(&self, date: &str, region: &str, service: &str) -> bool {
        self.date == date && self.region == region && self.service == service
    }
}

/// Derives the key for a day (`YYYYMMDD`), region and service.
pub fn signing_key(secret: &Secret, date: &str, region: &str, service: &str) -> SigningKey {
    let mut key = hmac(format!("AWS4{}", secret.0).as_bytes(), date.as_bytes());
    for part in [region, service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    SigningKey { key, date: date.into(), region: region.into(), service: service.into() }
}

/// Who a request must be signed for, and the time.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// This service's region.
    pub region: &'a str,
    /// This service's signing name, `lightsail`.
    pub service: &'a str,
    /// Milliseconds since the epoch.
    pub now_ms: i64,
}

/// What a request says about who signed it. Nothing of it is proven.
pub struct Claim<'a> {
    request: Request<'a>,
    access_key_id: &'a str,
    token: Option<&'a str>,
    scope: Scope<'a>,
    amz_date: &'a str,
    signed_at_ms: i64,
    signed_headers: &'a str,
    signature: [u8; 32],
}

/// What a signature is good for.
#[derive(Clone, Copy)]
struct Scope<'a> {
    date: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> Claim<'a> {
    /// Reads the claim out of a request's headers.
    ///
    /// # Errors
    /// MissingAuthenticationTokenException without an Authorization header; IncompleteSignatureException for what is
    /// malformed, lacks a part or leaves a header unsigned that must be signed; InvalidSignatureException for an
    /// unsigned or streamed body, or a body hash that is wrong.
    pub fn read(request: Request<'a>) -> Result<Self, Error> {
        let presigned = canonical::query_names(request.query)
            .any(|name| name.eq_ignore_ascii_case("x-amz-signature") || name.eq_ignore_ascii_case("x-amz-algorithm"));
        if presigned {
            return Err(incomplete("Presigned URLs are not accepted: sign the request in its Authorization header."));
        }
        let authorization = request
            .one("authorization")?
            .ok_or_else(|| Error::new(ErrorCode::MissingAuthenticationToken, "Missing Authentication Token"))?;
        let parts = Authorization::parse(authorization)?;
        let amz_date = request
            .one("x-amz-date")?
            .ok_or_else(|| incomplete("Authorization header requires existence of an 'X-Amz-Date' header."))?;
        let signed_at_ms = date::parse(amz_date).ok_or_else(|| {
            incomplete(format!("X-Amz-Date must be in the form YYYYMMDD'T'HHMMSS'Z', but is '{}'.", excerpt(amz_date)))
        })?;
        let token = request.one("x-amz-security-token")?;
        check_signed_headers(&request, parts.signed_headers)?;
        check_declared_hash(&request)?;
        Ok(Self {
            request,
            access_key_id: parts.access_key_id,
            token,
            scope: parts.scope,
            amz_date,
            signed_at_ms,
            signed_headers: parts.signed_headers,
            signature: parts.signature,
        })
    }

    /// Checks that the request was signed for this service, in this region, about now.
    ///
    /// # Errors
    /// InvalidSignatureException, with a sentence of its own for the service, the region, the day, a time in the past
    /// and a time in the future.
    pub fn check(self, expected: &Expected<'_>) -> Result<Scoped<'a>, Error> {
        let Scope { date, region, service } = self.scope;
        if service != expected.service {
            return Err(invalid(format!("Credential should be scoped to correct service: '{}'.", expected.service)));
        }
        if region != expected.region {
            return Err(invalid(format!(
                "Credential should be scoped to a valid region: this is {}, the request was signed for {}.",
                expected.region,
                excerpt(region)
            )));
        }
        if !self.amz_date.starts_with(date) {
            return Err(invalid(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{date}' != '{}'.",
                &self.amz_date[..SCOPE_DATE_LEN]
            )));
        }
        let now = date::format(expected.now_ms);
        if self.signed_at_ms < expected.now_ms - MAX_SKEW_MS {
            let earliest = date::format(expected.now_ms - MAX_SKEW_MS);
            return Err(invalid(format!(
                "Signature expired: {} is now earlier than {earliest} ({now} - 5 min.)",
                self.amz_date
            )));
        }
        if self.signed_at_ms > expected.now_ms + MAX_SKEW_MS {
            let latest = date::format(expected.now_ms + MAX_SKEW_MS);
            return Err(invalid(format!(
                "Signature not yet current: {} is still later than {latest} ({now} + 5 min.)",
                self.amz_date
            )));
        }
        Ok(Scoped(self))
    }
}

/// A claim whose scope and time are right; its signature is still to be verified.
pub struct Scoped<'a>(Claim<'a>);

impl<'a> Scoped<'a> {
    /// Gives the access key id the request claims, to look up its secret.
    pub fn access_key_id(&self) -> &'a str {
        self.0.access_key_id
    }

    /// Gives the session token that came with the request. The signature covers it; whether it belongs to the access
    /// key is the caller's to check.
    pub fn token(&self) -> Option<&'a str> {
        self.0.token
    }

    /// Gives the day of the scope, `YYYYMMDD`, which [`signing_key`] needs.
    pub fn date(&self) -> &'a str {
        self.0.scope.date
    }

    /// Verifies the signature, in time that does not depend on where it differs.
    ///
    /// # Errors
    /// InvalidSignatureException when the signature was not made with this key over this request.
    pub fn verify(self, key: &SigningKey) -> Result<Verified, Error> {
        let claim = self.0;
        let Scope { date, region, service } = claim.scope;
        let mut text = String::with_capacity(160);
        for part in [ALGORITHM, "\n", claim.amz_date, "\n", date, "/", region, "/", service, "/aws4_request\n"] {
            text.push_str(part);
        }
        let canonical = canonical::request(&claim.request, claim.signed_headers);
        text.push_str(&hex::encode(Sha256::digest(&canonical)));
        let right = hmac(&key.key, text.as_bytes());
        let equal: bool = right.ct_eq(&claim.signature).into();
        if !equal || !key.is_for(date, region, service) {
            return Err(invalid(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method.",
            ));
        }
        Ok(Verified {
            access_key_id: claim.access_key_id.to_owned(),
            token: claim.token.map(str::to_owned),
            signed_at_ms: claim.signed_at_ms,
        })
    }
}

/// Proof that a request was signed with the secret of an access key. Made by [`Scoped::verify`] only.
pub struct Verified {
    access_key_id: String,
    token: Option<String>,
    signed_at_ms: i64,
}

impl Verified {
    /// Gives the access key id.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Gives the session token that came with the request.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Gives the time of the signature, in milliseconds since the epoch.
    pub fn signed_at_ms(&self) -> i64 {
        self.signed_at_ms
    }
}

/// The Authorization header, taken apart.
struct Authorization<'a> {
    access_key_id: &'a str,
    scope: Scope<'a>,
    signed_headers: &'a str,
    signature: [u8; 32],
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Result<Self, Error> {
        if header.len() > MAX_AUTHORIZATION {
            return Err(incomplete("The Authorization header is too long."));
        }
        let (algorithm, rest) = header.split_once(char::is_whitespace).unwrap_or((header, ""));
        if algorithm != ALGORITHM {
            return Err(incomplete(format!(
                "Unsupported AWS 'algorithm': '{}'. Only {ALGORITHM} is accepted.",
                excerpt(algorithm)
            )));
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in rest.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                // The part is not repeated: it may hold the signature, and messages are logged.
                return Err(incomplete("The Authorization header has a part that is not a key=value pair."));
            };
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => {
                    return Err(incomplete(format!(
                        "The Authorization header has an unknown part '{}'.",
                        excerpt(name)
                    )));
                }
            };
            if slot.replace(value).is_some() {
                return Err(incomplete(format!("The Authorization header has more than one '{name}'.")));
            }
        }
        let need = |part: Option<&'a str>, name: &str| {
            part.filter(|value| !value.is_empty())
                .ok_or_else(|| incomplete(format!("Authorization header requires '{name}' parameter.")))
        };
        let (access_key_id, scope) = credential_parts(need(credential, "Credential")?)?;
        let signed_headers = need(signed_headers, "SignedHeaders")?;
        let signature = need(signature, "Signature")?;
        let mut bytes = [0; 32];
        if signature.bytes().any(|b| b.is_ascii_uppercase()) || hex::decode_to_slice(signature, &mut bytes).is_err() {
            return Err(incomplete(
                "The Signature in the Authorization header must be 64 hexadecimal digits in lower case.",
            ));
        }
        Ok(Self { access_key_id, scope, signed_headers, signature: bytes })
    }
}

fn credential_parts(credential: &str) -> Result<(&str, Scope<'_>), Error> {
    let form = || {
        incomplete(format!(
            "Credential must be in the form KEY/YYYYMMDD/REGION/SERVICE/aws4_request, but is '{}'.",
            excerpt(credential)
        ))
    };
    let parts: Vec<&str> = credential.split('/').collect();
    let [access_key_id, date, region, service, terminator] = parts[..] else {
        return Err(form());
    };
    let key_is_plain = access_key_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let date_is_plain = date.len() == SCOPE_DATE_LEN && date.bytes().all(|b| b.is_ascii_digit());
    if access_key_id.is_empty()
        || access_key_id.len() > MAX_ACCESS_KEY_ID
        || !key_is_plain
        || !date_is_plain
        || terminator != "aws4_request"
    {
        return Err(form());
    }
    Ok((access_key_id, Scope { date, region, service }))
}

/// Refuses a list of signed headers that is not a sorted set, or leaves out what must not be changed on the way.
fn check_signed_headers(request: &Request<'_>, list: &str) -> Result<(), Error> {
    let names: Vec<&str> = list.split(';').collect();
    let sorted: BTreeSet<&str> = names.iter().copied().collect();
    if sorted.len() != names.len()
        || !names.iter().eq(sorted.iter())
        || names.iter().any(|name| name.bytes().any(|b| b.is_ascii_uppercase()))
    {
        return Err(incomplete("SignedHeaders must be in lower case, sorted, and name each header once."));
    }
    if let Some(name) = names.iter().find(|name| !request.has(name)) {
        return Err(incomplete(format!(
            "SignedHeaders names '{}', but the request has no such header.",
            excerpt(name)
        )));
    }
    for name in ["host", "x-amz-date", "x-amz-security-token", "x-amz-target"] {
        let must = name == "host" || request.has(name);
        if must && !sorted.contains(name) {
            return Err(incomplete(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")));
        }
    }
    Ok(())
}

fn check_declared_hash(request: &Request<'_>) -> Result<(), Error> {
    let Some(declared) = request.one("x-amz-content-sha256")? else {
        return Ok(());
    };
    if declared == "UNSIGNED-PAYLOAD" || declared.starts_with("STREAMING-") {
        return Err(invalid(format!(
            "The body must be signed: x-amz-content-sha256 may not be '{}'.",
            excerpt(declared)
        )));
    }
    let mut hash = [0; 32];
    match hex::decode_to_slice(declared, &mut hash) {
        Ok(()) if hash == *Sha256::digest(request.body) => Ok(()),
        _ => Err(invalid("The x-amz-content-sha256 header is not the hash of the body.")),
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn incomplete(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorCode::IncompleteSignature, message)
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorCode::InvalidSignature, message)
}

#[cfg(test)]
mod tests;
