use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use expect_test::{Expect, expect};

use super::*;

const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NOW_MS: i64 = 1_440_938_160_000;
const HERE: Expected<'static> = Expected { region: "us-east-2", service: "lightsail", now_ms: NOW_MS };

/// A request that owns its parts.
#[derive(Clone, Debug)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Sent {
    fn verify_with(&self, secret: &str, expected: &Expected<'_>) -> Result<Verified, Error> {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
        let request =
            Request { method: &self.method, path: &self.path, query: &self.query, headers: &headers, body: &self.body };
        let scoped = Claim::read(request)?.check(expected)?;
        let key = signing_key(&Secret::new(secret), scoped.date(), expected.region, expected.service);
        scoped.verify(&key)
    }

    fn verify(&self) -> Result<Verified, Error> {
        self.verify_with(SECRET, &HERE)
    }

    fn header(&mut self, name: &str) -> &mut Vec<u8> {
        &mut self.headers.iter_mut().find(|(n, _)| n == name).expect("the header is there").1
    }

    fn remove(&mut self, name: &str) {
        self.headers.retain(|(n, _)| n != name);
    }

    /// Replaces text in the Authorization header.
    fn authorize(&mut self, from: &str, to: &str) {
        let header = String::from_utf8(self.header("authorization").clone()).expect("is text");
        assert!(header.contains(from), "{header}");
        *self.header("authorization") = header.replacen(from, to, 1).into_bytes();
    }
}

/// What a test signs, with Amazon's own signer.
#[derive(Clone, Debug)]
struct Draft {
    method: String,
    path_and_query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    token: Option<String>,
    hash_header: bool,
    region: &'static str,
    service: &'static str,
    at_ms: i64,
}

impl Default for Draft {
    fn default() -> Self {
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("host", "127.0.0.1:8080"),
            ("x-amz-target", "Lightsail_20161128.StopGUISession"),
        ];
        Self {
            method: "POST".into(),
            path_and_query: "/".into(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            body: br#"{"resourceName":"lab-1"}"#.to_vec(),
            token: None,
            hash_header: false,
            region: "us-east-2",
            service: "lightsail",
            at_ms: NOW_MS,
        }
    }
}

impl Draft {
    fn sign(&self) -> Sent {
        let identity = Credentials::new(KEY_ID, SECRET, self.token.clone(), None, "test").into();
        let mut settings = SigningSettings::default();
        if self.hash_header {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(self.at_ms.unsigned_abs()))
            .settings(settings)
            .build()
            .expect("parameters are complete")
            .into();
        let uri = format!("http://127.0.0.1:8080{}", self.path_and_query);
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request =
            SignableRequest::new(&self.method, uri, headers, SignableBody::Bytes(&self.body)).expect("is signable");
        let (instructions, _) = sign(request, &params).expect("is signed").into_parts();
        let signed = instructions.headers().map(|(name, value)| (name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        let (path, query) = self.path_and_query.split_once('?').unwrap_or((&self.path_and_query, ""));
        Sent {
            method: self.method.clone(),
            path: path.into(),
            query: query.into(),
            headers: self.headers.iter().map(|(n, v)| (n.clone(), v.clone().into_bytes())).chain(signed).collect(),
            body: self.body.clone(),
        }
    }
}

/// Reads a case of Amazon's suite; a line that begins with a space continues the header before it.
fn vector(text: &str) -> Sent {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.trim_end().split('\n');
    let (method, rest) = lines.next().expect("has a first line").split_once(' ').expect("has a method");
    let target = rest.strip_suffix(" HTTP/1.1").expect("has a version");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    for line in lines {
        match line.split_once(':') {
            Some((name, value)) if !line.starts_with(' ') => headers.push((name.to_ascii_lowercase(), value.into())),
            _ => {
                let value = &mut headers.last_mut().expect("continues a header").1;
                value.push(b'\n');
                value.extend_from_slice(line.as_bytes());
            }
        }
    }
    Sent {
        method: method.into(),
        path: path.into(),
        query: query.into(),
        headers,
        body: body.trim_end_matches('\n').into(),
    }
}

#[test]
fn amazons_suite() {
    let expected = Expected { region: "us-east-1", service: "service", now_ms: NOW_MS };
    let mut count = 0;
    for case in include_str!("vectors.txt").split("\n=== ").skip(1) {
        let (name, text) = case.split_once('\n').expect("has a name");
        let sent = vector(text);
        let verified = sent.verify_with(SECRET, &expected).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((verified.access_key_id(), verified.signed_at_ms()), (KEY_ID, NOW_MS), "{name}");
        assert!(sent.verify_with("another secret", &expected).is_err(), "{name}");
        count += 1;
    }
    assert_eq!(count, 30);
}

#[test]
fn key_derivation_of_amazons_guide() {
    let key = signing_key(&Secret::new(SECRET), "20150830", "us-east-1", "iam");
    assert_eq!(hex::encode(key.key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    assert!(key.is_for("20150830", "us-east-1", "iam"));
    assert!(!key.is_for("20150831", "us-east-1", "iam"));
}

/// What clients were seen to sign: boto3 and the aws CLI no hash header, JavaScript and Rust their own lists.
#[test]
fn header_lists_of_the_sdks() {
    let mut javascript = Draft { hash_header: true, ..Draft::default() };
    for (name, value) in [
        ("amz-sdk-invocation-id", "5c3f1f5e-0f3d-4d9e-8d9f-0a4b0c0d0e0f"),
        ("amz-sdk-request", "attempt=1; max=3"),
        ("content-length", "24"),
        ("x-amz-user-agent", "aws-sdk-js/3.1168.0  ua/2.1"),
    ] {
        javascript.headers.insert(name.into(), value.into());
    }
    let mut session = Draft { token: Some("token/+=".into()), ..Draft::default() };
    session.headers.insert("amz-sdk-request".into(), "attempt=1; max=3".into());
    for (draft, list, token) in [
        (Draft::default(), "content-type;host;x-amz-date;x-amz-target", None),
        (
            javascript,
            "amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target;x-amz-user-agent",
            None,
        ),
        (session, "amz-sdk-request;content-type;host;x-amz-date;x-amz-security-token;x-amz-target", Some("token/+=")),
    ] {
        let sent = draft.sign();
        let authorization = sent.headers.iter().find(|(name, _)| name == "authorization").expect("is signed");
        assert!(String::from_utf8_lossy(&authorization.1).contains(&format!("SignedHeaders={list},")), "{list}");
        let verified = sent.verify().expect("is right");
        assert_eq!(verified.token(), token);
    }
}

fn refuse(change: impl Fn(&mut Sent), expected: Expect) {
    let mut sent = Draft { token: Some("token".into()), hash_header: true, ..Draft::default() }.sign();
    change(&mut sent);
    let error = sent.verify().err().expect("is refused");
    expected.assert_eq(&format!("{} {error}", error.status()));
}

#[test]
fn headers_that_are_missing_or_malformed() {
    refuse(
        |s| s.remove("authorization"),
        expect!["403 MissingAuthenticationTokenException: Missing Authentication Token"],
    );
    refuse(
        |s| s.remove("x-amz-date"),
        expect!["403 IncompleteSignatureException: Authorization header requires existence of an 'X-Amz-Date' header."],
    );
    refuse(
        |s| s.remove("host"),
        expect!["403 IncompleteSignatureException: SignedHeaders names 'host', but the request has no such header."],
    );
    refuse(
        |s| s.remove("x-amz-security-token"),
        expect![
            "403 IncompleteSignatureException: SignedHeaders names 'x-amz-security-token', but the request has no such header."
        ],
    );
    refuse(
        |s| *s.header("x-amz-date") = b"2015-08-30T12:36:00Z".to_vec(),
        expect![
            "403 IncompleteSignatureException: X-Amz-Date must be in the form YYYYMMDD'T'HHMMSS'Z', but is '2015-08-30T12:36:00Z'."
        ],
    );
    refuse(
        |s| s.headers.push(("x-amz-date".into(), b"20150830T123600Z".to_vec())),
        expect!["403 IncompleteSignatureException: The x-amz-date header must come once and be text."],
    );
    refuse(
        |s| *s.header("authorization") = b"Bearer abc".to_vec(),
        expect![
            "403 IncompleteSignatureException: Unsupported AWS 'algorithm': 'Bearer'. Only AWS4-HMAC-SHA256 is accepted."
        ],
    );
    refuse(
        |s| *s.header("authorization") = b"AWS4-HMAC-SHA256".to_vec(),
        expect!["403 IncompleteSignatureException: Authorization header requires 'Credential' parameter."],
    );
    refuse(
        |s| *s.header("authorization") = vec![b'A'; 10_000],
        expect!["403 IncompleteSignatureException: The Authorization header is too long."],
    );
    refuse(
        |s| *s.header("authorization") = b"AWS4-HMAC-SHA256 \xff".to_vec(),
        expect!["403 IncompleteSignatureException: The authorization header must come once and be text."],
    );
    refuse(
        |s| s.authorize("Credential=", "Credentials="),
        expect!["403 IncompleteSignatureException: The Authorization header has an unknown part 'Credentials'."],
    );
    refuse(
        |s| s.authorize("Signature=", "Signature"),
        expect!["403 IncompleteSignatureException: The Authorization header has a part that is not a key=value pair."],
    );
    refuse(
        |s| s.authorize("Signature=", "Signature=0"),
        expect![
            "403 IncompleteSignatureException: The Signature in the Authorization header must be 64 hexadecimal digits in lower case."
        ],
    );
    refuse(
        |s| s.authorize("SignedHeaders=", "SignedHeaders=, SignedHeaders="),
        expect!["403 IncompleteSignatureException: The Authorization header has more than one 'SignedHeaders'."],
    );
    refuse(
        |s| s.authorize("AKIDEXAMPLE/", "AKIDEXAMPLE/x/"),
        expect![
            "403 IncompleteSignatureException: Credential must be in the form KEY/YYYYMMDD/REGION/SERVICE/aws4_request, but is 'AKIDEXAMPLE/x/20150830/us-east-2/lightsail/aws4_request'."
        ],
    );
    refuse(
        |s| s.authorize("AKIDEXAMPLE/", "AKID.EXAMPLE/"),
        expect![
            "403 IncompleteSignatureException: Credential must be in the form KEY/YYYYMMDD/REGION/SERVICE/aws4_request, but is 'AKID.EXAMPLE/20150830/us-east-2/lightsail/aws4_request'."
        ],
    );
    refuse(
        |s| s.authorize("aws4_request", "aws5_request"),
        expect![
            "403 IncompleteSignatureException: Credential must be in the form KEY/YYYYMMDD/REGION/SERVICE/aws4_request, but is 'AKIDEXAMPLE/20150830/us-east-2/lightsail/aws5_request'."
        ],
    );
    refuse(
        |s| s.query = "X-Amz-Signature=abc".into(),
        expect![
            "403 IncompleteSignatureException: Presigned URLs are not accepted: sign the request in its Authorization header."
        ],
    );
    refuse(
        |s| s.query = "a=b&x%2Damz-algorithm=AWS4-HMAC-SHA256".into(),
        expect![
            "403 IncompleteSignatureException: Presigned URLs are not accepted: sign the request in its Authorization header."
        ],
    );
}

#[test]
fn headers_that_must_be_signed() {
    refuse(
        |s| s.authorize("host;", ""),
        expect!["403 IncompleteSignatureException: 'host' must be a 'SignedHeader' in the AWS Authorization."],
    );
    refuse(
        |s| s.authorize(";x-amz-date", ""),
        expect!["403 IncompleteSignatureException: 'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."],
    );
    refuse(
        |s| s.authorize(";x-amz-security-token", ""),
        expect![
            "403 IncompleteSignatureException: 'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization."
        ],
    );
    refuse(
        |s| s.authorize(";x-amz-target", ""),
        expect!["403 IncompleteSignatureException: 'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."],
    );
    refuse(
        |s| s.authorize("content-type;host", "host;content-type"),
        expect![
            "403 IncompleteSignatureException: SignedHeaders must be in lower case, sorted, and name each header once."
        ],
    );
    refuse(
        |s| s.authorize("content-type;host", "content-type;host;host"),
        expect![
            "403 IncompleteSignatureException: SignedHeaders must be in lower case, sorted, and name each header once."
        ],
    );
    refuse(
        |s| s.authorize("content-type;", "Content-Type;"),
        expect![
            "403 IncompleteSignatureException: SignedHeaders must be in lower case, sorted, and name each header once."
        ],
    );
    refuse(
        |s| s.authorize("content-type;", "absent;content-type;"),
        expect!["403 IncompleteSignatureException: SignedHeaders names 'absent', but the request has no such header."],
    );
}

#[test]
fn bodies_that_are_not_signed() {
    refuse(
        |s| *s.header("x-amz-content-sha256") = b"UNSIGNED-PAYLOAD".to_vec(),
        expect![
            "403 InvalidSignatureException: The body must be signed: x-amz-content-sha256 may not be 'UNSIGNED-PAYLOAD'."
        ],
    );
    refuse(
        |s| *s.header("x-amz-content-sha256") = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD".to_vec(),
        expect![
            "403 InvalidSignatureException: The body must be signed: x-amz-content-sha256 may not be 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'."
        ],
    );
    refuse(
        |s| *s.header("x-amz-content-sha256") = b"e3b0".to_vec(),
        expect!["403 InvalidSignatureException: The x-amz-content-sha256 header is not the hash of the body."],
    );
    refuse(
        |s| s.body.push(b' '),
        expect!["403 InvalidSignatureException: The x-amz-content-sha256 header is not the hash of the body."],
    );
}

#[test]
fn scopes_and_times() {
    let check = |draft: Draft, expected: Expect| {
        let error = draft.sign().verify().err().expect("is refused");
        expected.assert_eq(&format!("{} {error}", error.status()));
    };
    check(
        Draft { region: "eu-west-1", ..Draft::default() },
        expect![
            "403 InvalidSignatureException: Credential should be scoped to a valid region: this is us-east-2, the request was signed for eu-west-1."
        ],
    );
    check(
        Draft { service: "ec2", ..Draft::default() },
        expect!["403 InvalidSignatureException: Credential should be scoped to correct service: 'lightsail'."],
    );
    check(
        Draft { at_ms: NOW_MS - MAX_SKEW_MS - 1_000, ..Draft::default() },
        expect![
            "403 InvalidSignatureException: Signature expired: 20150830T123059Z is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)"
        ],
    );
    check(
        Draft { at_ms: NOW_MS + MAX_SKEW_MS + 1_000, ..Draft::default() },
        expect![
            "403 InvalidSignatureException: Signature not yet current: 20150830T124101Z is still later than 20150830T124100Z (20150830T123600Z + 5 min.)"
        ],
    );
    refuse(
        |s| s.authorize("/20150830/", "/20150829/"),
        expect![
            "403 InvalidSignatureException: Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150829' != '20150830'."
        ],
    );
    for skew in [-MAX_SKEW_MS, MAX_SKEW_MS] {
        Draft { at_ms: NOW_MS + skew, ..Draft::default() }.sign().verify().map(|_| ()).expect("is within five minutes");
    }
}

#[test]
fn keys_that_do_not_fit() {
    let sent = Draft::default().sign();
    let error = sent.verify_with("another secret", &HERE).err().expect("is refused");
    expect!["InvalidSignatureException: The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method."].assert_eq(&error.to_string());
    // Right secret, key of another day: what a stale cache would hand in.
    let headers: Vec<(&str, &[u8])> = sent.headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: &sent.body };
    let scoped = Claim::read(request).and_then(|claim| claim.check(&HERE)).expect("scope is right");
    let stale = signing_key(&Secret::new(SECRET), "20150829", HERE.region, HERE.service);
    assert!(scoped.verify(&stale).is_err());
}

mod properties;
