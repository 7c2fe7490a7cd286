//! Identity tokens: who the provider says somebody is, in its own signature.

use anyhow::{Context as _, bail, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::Value;

/// Clocks may differ by so much, in seconds.
const SKEW_S: f64 = 60.0;

/// The head of a token.
#[derive(Deserialize)]
struct Head {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
}

/// What a token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now_s: f64,
}

/// Says which of the provider's keys a token was signed with, if it does.
pub(super) fn key_id(token: &str) -> Option<String> {
    let head = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    serde_json::from_slice::<Head>(&head).ok()?.kid
}

/// Checks a token's signature against the provider's keys, and what it says; gives its claims.
pub(super) fn verify(token: &str, keys: &Value, expected: &Expected<'_>) -> anyhow::Result<Value> {
    let (signed, signature) = token.rsplit_once('.').context("the token has no signature")?;
    let (head, claims) = signed.split_once('.').context("the token has no claims")?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).context("a part of the token is not base64");
    let head: Head = serde_json::from_slice(&decode(head)?).context("the token's head cannot be read")?;
    let signature = decode(signature)?;
    let all = keys["keys"].as_array().context("the provider has no keys")?;
    let fits = |key: &&Value| {
        head.kid.as_deref().is_none_or(|id| key["kid"] == id)
            && key["use"].as_str().is_none_or(|is| is == "sig")
            && key["alg"].as_str().is_none_or(|is| is == head.alg)
    };
    let good =
        all.iter().filter(fits).any(|key| is_signed(&head.alg, key, signed.as_bytes(), &signature).unwrap_or(false));
    ensure!(good, "no key of the provider has signed the token ({})", short(&head.alg));
    let claims: Value = serde_json::from_slice(&decode(claims)?).context("the token's claims cannot be read")?;
    check(&claims, expected)?;
    Ok(claims)
}

fn check(claims: &Value, expected: &Expected<'_>) -> anyhow::Result<()> {
    ensure!(claims["iss"] == expected.issuer, "the token is of another issuer");
    let (for_us, others) = match &claims["aud"] {
        Value::String(one) => (one == expected.client_id, false),
        Value::Array(all) => (all.iter().any(|one| *one == expected.client_id), all.len() > 1),
        _ => (false, false),
    };
    ensure!(for_us, "the token is for somebody else");
    let party = &claims["azp"];
    ensure!(
        if party.is_null() { !others } else { *party == expected.client_id },
        "the token was given to somebody else"
    );
    ensure!(claims["nonce"] == expected.nonce, "the token is of another attempt");
    let expires = claims["exp"].as_f64().context("the token has no end")?;
    ensure!(expires > expected.now_s - SKEW_S, "the token is over");
    ensure!(claims["iat"].as_f64().is_none_or(|at| at < expected.now_s + SKEW_S), "the token is of the future");
    ensure!(claims["sub"].as_str().is_some_and(|who| (1..=255).contains(&who.len())), "the token names nobody");
    Ok(())
}

fn is_signed(algorithm: &str, key: &Value, signed: &[u8], signature: &[u8]) -> anyhow::Result<bool> {
    let part = |name: &str| {
        let text = key[name].as_str().with_context(|| format!("the key has no {name}"))?;
        Ok::<_, anyhow::Error>(URL_SAFE_NO_PAD.decode(text)?)
    };
    let rsa = |parameters: &'static RsaParameters| {
        ensure!(key["kty"] == "RSA", "the key is of another kind");
        let public = RsaPublicKeyComponents { n: part("n")?, e: part("e")? };
        Ok(public.verify(parameters, signed, signature).is_ok())
    };
    let ec = |curve: &str, algorithm: &'static dyn VerificationAlgorithm| {
        ensure!(key["kty"] == "EC" && key["crv"] == curve, "the key is of another kind");
        let point = [&[4][..], &part("x")?, &part("y")?].concat();
        Ok(UnparsedPublicKey::new(algorithm, point).verify(signed, signature).is_ok())
    };
    match algorithm {
        "RS256" => rsa(&RSA_PKCS1_2048_8192_SHA256),
        "RS384" => rsa(&RSA_PKCS1_2048_8192_SHA384),
        "RS512" => rsa(&RSA_PKCS1_2048_8192_SHA512),
        "PS256" => rsa(&RSA_PSS_2048_8192_SHA256),
        "ES256" => ec("P-256", &ECDSA_P256_SHA256_FIXED),
        "ES384" => ec("P-384", &ECDSA_P384_SHA384_FIXED),
        // "none" and secrets that are shared above all.
        other => bail!("tokens signed by {} are not taken", short(other)),
    }
}

fn short(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).take(16).collect()
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
    };
    use serde_json::json;

    use super::*;

    const EXPECTED: Expected<'_> =
        Expected { issuer: "https://id", client_id: "porthole", nonce: "n", now_s: 1_000_000.0 };

    struct Provider(EcdsaKeyPair);

    impl Provider {
        fn new() -> Self {
            let random = SystemRandom::new();
            let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
            Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).expect("a key"))
        }

        fn keys(&self) -> Value {
            let point = self.0.public_key().as_ref();
            let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
            json!({"keys": [{"kty": "oct", "k": "AAAA"}, {"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "x": x, "y": y}]})
        }

        fn sign(&self, head: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(head), part(claims));
            let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).expect("is signed");
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn claims() -> Value {
        json!({"iss": "https://id", "aud": "porthole", "nonce": "n", "sub": "ada", "exp": 1_000_100, "iat": 999_990})
    }

    #[test]
    fn a_good_token_gives_its_claims() {
        let provider = Provider::new();
        for head in [json!({"alg": "ES256", "kid": "k1"}), json!({"alg": "ES256"})] {
            let token = provider.sign(&head, &claims());
            assert_eq!(verify(&token, &provider.keys(), &EXPECTED).expect("is good"), claims());
        }
        assert_eq!(key_id(&provider.sign(&json!({"alg": "ES256", "kid": "k1"}), &claims())).as_deref(), Some("k1"));
    }

    #[test]
    fn every_claim_counts() {
        let provider = Provider::new();
        for (name, value) in [
            ("iss", json!("https://else")),
            ("aud", json!("else")),
            ("aud", json!(["porthole", "else"])),
            ("aud", json!(null)),
            ("azp", json!("else")),
            ("nonce", json!("m")),
            ("nonce", json!(null)),
            ("exp", json!(999_900)),
            ("exp", json!(null)),
            ("iat", json!(1_000_100)),
            ("sub", json!("")),
            ("sub", json!(7)),
        ] {
            let mut wrong = claims();
            wrong[name] = value.clone();
            let token = provider.sign(&json!({"alg": "ES256", "kid": "k1"}), &wrong);
            assert!(verify(&token, &provider.keys(), &EXPECTED).is_err(), "{name} {value}");
        }
        let mut shared = claims();
        (shared["aud"], shared["azp"]) = (json!(["else", "porthole"]), json!("porthole"));
        let token = provider.sign(&json!({"alg": "ES256"}), &shared);
        assert!(verify(&token, &provider.keys(), &EXPECTED).is_ok());
    }

    #[test]
    fn what_the_provider_has_not_signed_is_refused() {
        let (provider, other) = (Provider::new(), Provider::new());
        let head = json!({"alg": "ES256", "kid": "k1"});
        let good = provider.sign(&head, &claims());
        let (signed, signature) = good.rsplit_once('.').expect("three parts");
        let mut other_claims = claims();
        other_claims["sub"] = json!("eve");
        let forged = provider.sign(&head, &other_claims);
        let forged = format!("{}.{signature}", forged.rsplit_once('.').expect("three parts").0);
        for token in [
            other.sign(&head, &claims()),
            provider.sign(&json!({"alg": "ES256", "kid": "k2"}), &claims()),
            provider.sign(&json!({"alg": "none"}), &claims()),
            provider.sign(&json!({"alg": "HS256"}), &claims()),
            provider.sign(&json!({"alg": "RS256", "kid": "k1"}), &claims()),
            forged,
            format!("{signed}."),
            signed.to_owned(),
            String::new(),
            "a.b.c".into(),
        ] {
            assert!(verify(&token, &provider.keys(), &EXPECTED).is_err(), "{token}");
        }
    }
}
