//! Key pairs and public keys.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use md5::{Digest as _, Md5};
use rsa::{
    BoxedUint, PrivateKey, PublicKey as RsaPublicKey,
    pkcs1::{EncodeRsaPrivateKey as _, LineEnding},
    pkcs8::{EncodePrivateKey as _, EncodePublicKey as _},
    rand_core::{Infallible, TryCryptoRng, TryRng},
    traits::PublicKeyParts as _,
};
use sha1::Sha1;
use sha2::Sha256;

use super::{put_number, put_string, take_string};
use crate::app::Ids;

/// Size of the keys that are made, in bits; what AWS makes.
const MADE_BITS: usize = 2048;
/// Sizes of RSA keys that are taken, in bits.
const TAKEN_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;
/// Longest text that is looked at: a key of 4096 bits with a comment, encoded twice.
const LONGEST: usize = 16 << 10;
const RSA: &str = "ssh-rsa";
const ED25519: &str = "ssh-ed25519";

/// Why a text is no key that is taken: the rule it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadKey(&'static str);

/// A pair just made. Has no Debug, so that it cannot reach a log.
pub struct Pair {
    /// PKCS#1 in PEM, as AWS gives it.
    pub private_pem: String,
    /// Its public half.
    pub public: PublicKey,
    /// SHA-1 of the private key in PKCS#8, with colons: how AWS shows keys it has made.
    pub fingerprint: String,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA; both numbers big-endian.
    Rsa {
        /// Exponent.
        e: Vec<u8>,
        /// Modulus.
        n: Vec<u8>,
    },
    /// Ed25519.
    Ed25519([u8; 32]),
}

/// The context's random source, as the makers of keys want it.
struct Random(Arc<dyn Ids>);

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Random {}

/// Makes an RSA pair, on a thread that may take its time.
pub async fn generate(ids: Arc<dyn Ids>) -> Pair {
    let made = tokio::task::spawn_blocking(move || {
        let key = PrivateKey::new(&mut Random(ids), MADE_BITS).expect("the size is allowed");
        let private_pem = key.to_pkcs1_pem(LineEnding::LF).expect("a fresh key can be written").to_string();
        let whole = key.to_pkcs8_der().expect("a fresh key can be written");
        let fingerprint = colons(&Sha1::digest(whole.as_bytes()));
        let public = PublicKey::Rsa { e: significant(&key.e().to_be_bytes()), n: significant(&key.n().to_be_bytes()) };
        Pair { private_pem, public, fingerprint }
    });
    made.await.expect("making a key does not panic")
}

impl PublicKey {
    /// Reads a public key as clients send it: a line of OpenSSH, that line in base64, or the line's second word alone.
    pub fn read(text: &str) -> Result<Self, BadKey> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(BadKey("it is too long"));
        }
        if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-") {
            return Self::read_line(text);
        }
        if text.contains("PRIVATE KEY") {
            return Err(BadKey("it is a private key"));
        }
        let compact: String = text.split_ascii_whitespace().collect();
        let bytes = BASE64_STANDARD.decode(compact).map_err(|_| BadKey("it is neither a public key nor base64"))?;
        match std::str::from_utf8(&bytes) {
            Ok(line) if line.trim_start().starts_with("ssh-") => Self::read_line(line.trim()),
            _ => Self::read_blob(&bytes),
        }
    }

    fn read_line(line: &str) -> Result<Self, BadKey> {
        if line.contains(['\n', '\r']) {
            return Err(BadKey("it has more than one line"));
        }
        let mut words = line.split_ascii_whitespace();
        let algorithm = words.next().unwrap_or_default();
        if algorithm != RSA && algorithm != ED25519 {
            return Err(BadKey("its algorithm is neither ssh-rsa nor ssh-ed25519"));
        }
        let blob = words.next().and_then(|word| BASE64_STANDARD.decode(word).ok());
        let key = Self::read_blob(&blob.ok_or(BadKey("its second word is not base64"))?)?;
        if key.algorithm() != algorithm {
            return Err(BadKey("its two names of the algorithm differ"));
        }
        Ok(key)
    }

    fn read_blob(mut blob: &[u8]) -> Result<Self, BadKey> {
        const BROKEN: BadKey = BadKey("it is cut off or broken");
        let rest = &mut blob;
        let algorithm = take_string(rest).ok_or(BROKEN)?;
        let key = if algorithm == RSA.as_bytes() {
            let (e, n) = (take_string(rest).ok_or(BROKEN)?, take_string(rest).ok_or(BROKEN)?);
            let (e, n) = (significant(e), significant(n));
            let bits = n.first().map_or(0, |first| n.len() as u32 * 8 - first.leading_zeros());
            if !TAKEN_BITS.contains(&bits) {
                return Err(BadKey("an RSA key must have 2048 to 4096 bits"));
            }
            let key = Self::Rsa { e, n };
            key.rsa().ok_or(BadKey("its numbers make no RSA key"))?;
            key
        } else if algorithm == ED25519.as_bytes() {
            Self::Ed25519(take_string(rest).and_then(|key| key.try_into().ok()).ok_or(BROKEN)?)
        } else {
            return Err(BadKey("its algorithm is neither ssh-rsa nor ssh-ed25519"));
        };
        if rest.is_empty() { Ok(key) } else { Err(BROKEN) }
    }

    /// Names the algorithm.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa { .. } => RSA,
            Self::Ed25519(_) => ED25519,
        }
    }

    /// Writes the key as SSH sends it.
    pub fn blob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(&mut out, self.algorithm().as_bytes());
        match self {
            Self::Rsa { e, n } => {
                put_number(&mut out, e);
                put_number(&mut out, n);
            }
            Self::Ed25519(key) => put_string(&mut out, key),
        }
        out
    }

    /// Writes the key as a line without a comment.
    pub fn line(&self) -> String {
        format!("{} {}", self.algorithm(), BASE64_STANDARD.encode(self.blob()))
    }

    /// Gives the fingerprint AWS shows of keys that were imported: MD5 of an RSA key in DER, SHA-256 of others in base64.
    pub fn imported_fingerprint(&self) -> String {
        match self.rsa().and_then(|key| key.to_public_key_der().ok()) {
            Some(der) => colons(&Md5::digest(der.as_bytes())),
            None => BASE64_STANDARD.encode(Sha256::digest(self.blob())),
        }
    }

    fn rsa(&self) -> Option<RsaPublicKey> {
        let Self::Rsa { e, n } = self else { return None };
        let (e, n) = (BoxedUint::from_be_slice_vartime(e), BoxedUint::from_be_slice_vartime(n));
        RsaPublicKey::new(n, e).ok()
    }
}

/// Decodes a public key of any algorithm, given by name and base64; `None` when it is not of that algorithm.
pub fn blob_of(algorithm: &str, base64: &str) -> Option<Vec<u8>> {
    let blob = BASE64_STANDARD.decode(base64).ok()?;
    (take_string(&mut blob.as_slice())? == algorithm.as_bytes()).then_some(blob)
}

/// Leaves leading zeros out.
fn significant(big_endian: &[u8]) -> Vec<u8> {
    let first = big_endian.iter().position(|byte| *byte != 0).unwrap_or(big_endian.len());
    big_endian[first..].to_vec()
}

fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICklJTqxhWz5oKf2iqvh9bQvcbGrJuYLI6BvjEBWm0Wr me@here";

    #[test]
    fn a_key_is_read_in_every_form_clients_send() {
        let key = PublicKey::read(LINE).expect("a line");
        assert_eq!(key.line(), LINE.trim_end_matches(" me@here"));
        assert_eq!(PublicKey::read(&format!("{LINE}\n")), Ok(key.clone()));
        assert_eq!(PublicKey::read(&BASE64_STANDARD.encode(format!("{LINE}\n"))), Ok(key.clone()));
        assert_eq!(PublicKey::read(&BASE64_STANDARD.encode(key.blob())), Ok(key));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let cut = &LINE[..60];
        let two = format!("{LINE}\n{LINE}");
        let mixed = LINE.replacen("ssh-ed25519", "ssh-rsa", 1);
        let long = "A".repeat(LONGEST + 1);
        let option = format!("command=\"x\" {LINE}");
        let other = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY=";
        for text in ["", "x", "ssh-rsa", cut, &two, &mixed, &long, &option, other, "-----BEGIN RSA PRIVATE KEY-----"] {
            assert!(PublicKey::read(text).is_err(), "{text}");
        }
        // 1024 bits.
        let mut small = Vec::new();
        put_string(&mut small, b"ssh-rsa");
        put_number(&mut small, &[1, 0, 1]);
        put_number(&mut small, &[0xff; 128]);
        assert_eq!(
            PublicKey::read(&BASE64_STANDARD.encode(small)),
            Err(BadKey("an RSA key must have 2048 to 4096 bits"))
        );
    }

    #[tokio::test]
    async fn a_made_pair_is_of_the_kind_aws_makes() {
        let pair = generate(Arc::new(crate::app::SystemIds)).await;
        assert!(pair.private_pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        assert!(pair.private_pem.ends_with("-----END RSA PRIVATE KEY-----\n"));
        assert_eq!(pair.fingerprint.split(':').count(), 20);
        assert_eq!(PublicKey::read(&pair.public.line()), Ok(pair.public.clone()));
        assert_eq!(pair.public.imported_fingerprint().split(':').count(), 16);
    }
}
