//! Page tokens: opaque to callers, bound to whom and what they were given for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::Error;

/// Bytes of the authentication code kept in a token.
const MAC_BYTES: usize = 16;
/// Longest token looked at.
const MAX_TOKEN: usize = 2048;

/// Makes the token that continues after `position`.
///
/// `context` names what the token is good for, such as the account and the action; a token given for one is refused
/// for another. Layout before base64: 16 bytes HMAC-SHA256 prefix, then the position.
pub fn encode(key: &[u8; 32], context: &str, position: &str) -> String {
    let mut bytes = mac(key, context, position).finalize().into_bytes()[..MAC_BYTES].to_vec();
    bytes.extend_from_slice(position.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads the position out of a token.
///
/// # Errors
/// InvalidInputException that names `pageToken` when the token is not one [`encode`] made with this key and context.
pub fn decode(key: &[u8; 32], context: &str, token: &str) -> Result<String, Error> {
    open(key, context, token).ok_or_else(|| {
        Error::invalid_input("pageToken is not valid. Use the nextPageToken of the page before, unchanged.")
    })
}

fn open(key: &[u8; 32], context: &str, token: &str) -> Option<String> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (code, position) = bytes.split_at_checked(MAC_BYTES)?;
    let position = std::str::from_utf8(position).ok()?;
    mac(key, context, position).verify_truncated_left(code).ok()?;
    Some(position.to_owned())
}

fn mac(key: &[u8; 32], context: &str, position: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    // The length keeps a context's end from passing for a position's beginning.
    mac.update(&(context.len() as u64).to_be_bytes());
    mac.update(context.as_bytes());
    mac.update(position.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    proptest! {
        #[test]
        fn a_token_gives_its_position_back(context in ".{0,20}", position in ".{0,40}") {
            let token = encode(&KEY, &context, &position);
            prop_assert_eq!(decode(&KEY, &context, &token), Ok(position.clone()));
            prop_assert!(decode(&[8; 32], &context, &token).is_err());
            let other = context + "x";
            prop_assert!(decode(&KEY, &other, &token).is_err());
        }

        #[test]
        fn a_changed_token_is_refused(position in ".{0,40}", at in any::<prop::sample::Index>(), bit in 0..6u8) {
            let token = encode(&KEY, "context", &position);
            let mut changed = token.clone().into_bytes();
            let i = at.index(changed.len());
            changed[i] ^= 1 << bit;
            let changed = String::from_utf8_lossy(&changed).into_owned();
            let error = decode(&KEY, "context", &changed).expect_err("is refused");
            prop_assert!(error.message().contains("pageToken"));
        }

        #[test]
        fn any_text_is_refused_without_a_panic(token in ".{0,80}") {
            prop_assert!(decode(&KEY, "context", &token).is_err());
        }
    }

    #[test]
    fn endless_tokens_are_refused() {
        decode(&KEY, "context", &"A".repeat(1 << 20)).expect_err("is refused");
    }
}
