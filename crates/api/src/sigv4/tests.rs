use super::*;

#[test]
fn get_vanilla() {
    let headers: [(&str, &[u8]); 3] = [
        ("host", b"example.amazonaws.com"),
        ("x-amz-date", b"20150830T123600Z"),
        (
            "authorization",
            b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
              Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
    ];
    let request = Request { method: "GET", path: "/", query: "", headers: &headers, body: b"" };
    let expected = Expected { region: "us-east-1", service: "service", now_ms: 1_440_938_160_000 };
    let scoped = Claim::read(request).and_then(|claim| claim.check(&expected)).expect("scope is right");
    let key = signing_key(&Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), scoped.date(), "us-east-1", "service");
    assert_eq!(scoped.verify(&key).expect("is signed").access_key_id(), "AKIDEXAMPLE");
}
