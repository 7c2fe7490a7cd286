use proptest::prelude::*;

use super::*;

fn drafts() -> impl Strategy<Value = Draft> {
    let header = ("x-[a-z]{1,8}", "[ -~]{0,30}");
    let path = "(/[a-zA-Z0-9._~-]{1,6}|/%20|/%E1%88%B4|/\\.\\.|/\\.|/){1,4}";
    let query = "(|\\?[a-zA-Z0-9_.~-]{1,4}=[a-zA-Z0-9]{0,4}(&[a-c]{1,2}=[%]20[0-9]){0,3})";
    (
        prop_oneof![Just("POST"), Just("GET")],
        path,
        query,
        proptest::collection::btree_map(header.0, header.1, 0..4),
        proptest::collection::vec(any::<u8>(), 0..200),
        proptest::option::of("[a-zA-Z0-9/+=]{1,60}"),
        any::<bool>(),
        -MAX_SKEW_MS / 1000..=MAX_SKEW_MS / 1000,
    )
        .prop_map(|(method, path, query, extra, body, token, hash_header, skew)| {
            let mut draft = Draft {
                method: method.into(),
                path_and_query: path + &query,
                body,
                token,
                hash_header,
                at_ms: NOW_MS + skew * 1000,
                ..Draft::default()
            };
            draft.headers.extend(extra);
            draft
        })
}

proptest! {
    #[test]
    fn what_amazons_signer_signs_is_accepted(draft in drafts()) {
        let verified = draft.sign().verify();
        prop_assert!(verified.is_ok(), "{:?}", verified.err());
        prop_assert_eq!(verified.ok().and_then(|v| v.token().map(str::to_owned)), draft.token);
    }

    #[test]
    fn any_change_of_a_signed_part_is_refused(draft in drafts(), what in 0..6_usize, at in any::<prop::sample::Index>()) {
        let mut sent = draft.sign();
        match what {
            0 => sent.method += "X",
            1 => sent.path += "/x",
            2 => sent.query = format!("{}&zz=1", sent.query),
            3 => sent.body.push(b' '),
            4 => {
                // Any signed header: a letter more.
                let i = at.index(sent.headers.len());
                sent.headers[i].1.push(b'x');
            }
            _ => {
                // Any byte of the signature.
                let header = sent.header("authorization");
                let i = header.len() - 1 - at.index(64);
                header[i] = if header[i] == b'0' { b'1' } else { b'0' };
            }
        }
        prop_assert!(sent.verify().is_err());
    }

    #[test]
    fn no_authorization_header_panics(text in ".{0,120}", date in "[0-9TZ]{0,18}", query in ".{0,20}") {
        let headers: [(&str, &[u8]); 3] = [("host", b"h"), ("authorization", text.as_bytes()), ("x-amz-date", date.as_bytes())];
        let request = Request { method: "POST", path: "/", query: &query, headers: &headers, body: b"" };
        prop_assert!(Claim::read(request).is_err());
    }

    #[test]
    fn no_credential_panics(
        parts in proptest::collection::vec("(AK|20150830|us-east-2|lightsail|aws4_request|/|,|=|;|Credential=|SignedHeaders=host|x-amz-date|Signature=[0-9a-f]{64}| ){0,3}", 0..8),
    ) {
        let text = format!("AWS4-HMAC-SHA256 {}", parts.concat());
        let headers: [(&str, &[u8]); 3] = [("host", b"h"), ("authorization", text.as_bytes()), ("x-amz-date", b"20150830T123600Z")];
        let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: b"" };
        let verified = Claim::read(request).and_then(|claim| claim.check(&HERE)).and_then(|scoped| {
            let key = signing_key(&Secret::new(SECRET), "20150830", HERE.region, HERE.service);
            scoped.verify(&key)
        });
        prop_assert!(verified.is_err());
    }
}
