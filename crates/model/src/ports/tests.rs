#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn asked<'a>(from: i32, to: i32, cidrs: &'a [String]) -> Asked<'a> {
    Asked { from: Some(from), to: Some(to), cidrs, ..Asked::default() }
}

fn rule(protocol: Protocol, from: i32, to: i32, cidrs: &[&str]) -> Rule {
    let cidrs: Vec<String> = cidrs.iter().map(|&text| text.to_owned()).collect();
    Rule::new(protocol, &asked(from, to, &cidrs)).unwrap()
}

fn allowed(rules: &[Rule], protocol: Protocol, port: i32, from: &str) -> bool {
    rules.iter().any(|rule| rule.allows(protocol, port, -1, from.parse().unwrap()))
}

#[test]
fn networks_are_read_and_refused() {
    for (text, form) in [
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::1/32", "2001:db8::/32"),
        ("::1", "::1/128"),
    ] {
        assert_eq!(text.parse::<Cidr>().unwrap().to_string(), form);
    }
    for bad in ["", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/+8", "x; drop", "10.0.0.0/8 "] {
        assert!(bad.parse::<Cidr>().is_err(), "{bad}");
    }
}

#[test]
fn rules_are_checked() {
    let refused = |protocol, from, to| Rule::new(protocol, &asked(from, to, &[])).unwrap_err().0;
    assert!(refused(Protocol::Tcp, 80, 22).contains("fromPort 80 must not be greater than toPort 22"));
    assert!(refused(Protocol::Udp, -1, 22).contains("0 to 65535"));
    assert!(refused(Protocol::Icmp, -1, 3).contains("toPort must be -1"));
    assert!(refused(Protocol::Icmp, 300, -1).contains("a type"));
    let none = Rule::new(Protocol::Tcp, &Asked::default()).unwrap_err().0;
    assert!(none.contains("fromPort is needed"), "{none}");
    let alias = ["somebody".to_owned()];
    let unknown = Rule::new(Protocol::Tcp, &Asked { aliases: &alias, ..asked(1, 1, &[]) }).unwrap_err().0;
    assert!(unknown.contains("somebody"), "{unknown}");
    let v6 = ["::/0".to_owned()];
    assert!(Rule::new(Protocol::Tcp, &asked(1, 1, &v6)).unwrap_err().0.contains("other address family"));
    assert!(Rule::new(Protocol::Icmp, &Asked { ipv6_cidrs: &v6, ..Asked::default() }).is_err());
}

#[test]
fn sources_default_to_everybody_and_swallow_what_they_cover() {
    assert_eq!(rule(Protocol::Tcp, 22, 22, &[]).sources, Sources::everywhere());
    let sources = rule(Protocol::Tcp, 22, 22, &["10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8", "11.0.0.1"]).sources;
    assert_eq!(sources.networks.iter().map(Cidr::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "11.0.0.1/32"]);
    let alias = [CONNECT_ALIAS.to_owned()];
    let only = Rule::new(Protocol::Tcp, &Asked { aliases: &alias, ..asked(22, 22, &[]) }).unwrap();
    assert_eq!(only.sources, Sources { networks: vec![], host: true });
}

#[test]
fn closing_splits_a_range_and_spares_other_sources() {
    let open = vec![rule(Protocol::Tcp, 1000, 2000, &["10.0.0.0/8", "192.0.2.0/24"])];
    let closed = close(&open, &rule(Protocol::Tcp, 1500, 1600, &["10.0.0.0/8"]), false).unwrap();
    assert!(!allowed(&closed, Protocol::Tcp, 1500, "10.1.1.1") && allowed(&closed, Protocol::Tcp, 1500, "192.0.2.1"));
    assert!(allowed(&closed, Protocol::Tcp, 1499, "10.1.1.1") && allowed(&closed, Protocol::Tcp, 1601, "10.1.1.1"));
    let closed = close(&closed, &rule(Protocol::Tcp, 0, 65_535, &[]), true).unwrap();
    assert_eq!(closed, []);
    let ping = vec![rule(Protocol::Icmp, 8, -1, &[])];
    assert_eq!(close(&ping, &rule(Protocol::Icmp, -1, -1, &[]), true).unwrap(), ping);
    assert_eq!(close(&ping, &ping[0], true).unwrap(), []);
}

#[test]
fn labels_are_as_aws_shows_them() {
    assert_eq!(rule(Protocol::Tcp, 22, 22, &[]).label(), "22/tcp");
    assert_eq!(rule(Protocol::Udp, 1, 9, &[]).label(), "1-9/udp");
}

#[test]
fn there_are_only_so_many() {
    let many = (0..61).map(|port| rule(Protocol::Tcp, port, port, &[]));
    assert!(put(many).unwrap_err().0.contains("61 port rules"));
}

fn some_rule() -> impl Strategy<Value = Rule> {
    let network =
        (0_u8..4, 0_u8..=32).prop_map(|(first, length)| format!("{}.{}.0.0/{length}", 10 + first, first * 60));
    let networks = proptest::collection::vec(network, 0..3);
    let protocol = prop_oneof![
        3 => Just(Protocol::Tcp), 1 => Just(Protocol::Udp), 1 => Just(Protocol::Icmp), 1 => Just(Protocol::All)
    ];
    (protocol, 0..20_i32, 0..10_i32, networks).prop_map(|(protocol, from, more, networks)| {
        let to = if protocol.has_ports() { from + more } else { -1 };
        Rule::new(protocol, &asked(from, to, &networks)).unwrap()
    })
}

proptest! {
    #[test]
    fn opening_adds_and_nothing_else(
        rules in proptest::collection::vec(some_rule(), 0..8), rule in some_rule(), port in 0..32_i32, b in 0_u8..4
    ) {
        let before = put(rules).unwrap();
        let after = open(&before, rule.clone()).unwrap();
        let source = IpAddr::from([10 + b, 60 * b, 0, 1]);
        for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Icmp] {
            let was = before.iter().any(|one| one.allows(protocol, port, -1, source));
            let is = after.iter().any(|one| one.allows(protocol, port, -1, source));
            prop_assert_eq!(is, was || rule.allows(protocol, port, -1, source));
        }
        prop_assert_eq!(open(&after, rule).unwrap(), after);
    }

    #[test]
    fn closing_takes_away_and_nothing_else(
        rules in proptest::collection::vec(some_rule(), 0..8), gone in some_rule(), port in 0..32_i32, b in 0_u8..4
    ) {
        let before = put(rules).unwrap();
        let after = close(&before, &gone, true).unwrap();
        let source = IpAddr::from([10 + b, 60 * b, 0, 1]);
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let is = after.iter().any(|one| one.protocol == protocol && one.allows(protocol, port, -1, source));
            let was = before.iter().any(|one| one.protocol == protocol && one.allows(protocol, port, -1, source));
            let closed = gone.protocol == protocol && (gone.from..=gone.to).contains(&port);
            prop_assert_eq!(is, was && !closed);
        }
        prop_assert_eq!(close(&after, &gone, true).unwrap(), after);
    }

    #[test]
    fn rules_survive_being_written(rules in proptest::collection::vec(some_rule(), 0..8)) {
        let list = put(rules).unwrap();
        let text = serde_json::to_string(&list).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Rule>>(&text).unwrap(), list);
    }
}
