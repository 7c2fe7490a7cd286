//! What the outside may reach: chains of the port rules, and the translation of public addresses.

use std::{collections::BTreeMap, fmt::Write, net::Ipv4Addr};

use porthole_model::ports::{Cidr, Protocol, Rule};

use super::firewall::Member;

/// Writes a chain for each different list of port rules, and the `published` chain that leads to them. A packet that
/// comes back from it is for no instance.
pub(super) fn chains(members: &[Member]) -> String {
    let mut by_rules: BTreeMap<&[Rule], Vec<&Member>> = BTreeMap::new();
    for member in members {
        by_rules.entry(&member.ports).or_default().push(member);
    }
    let mut text = String::new();
    let (mut ways, mut ways6) = (Vec::new(), Vec::new());
    for (number, (rules, members)) in by_rules.into_iter().enumerate() {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  chain ports_{number} {{");
        for line in rules.iter().flat_map(lines) {
            let _ = writeln!(text, "    {line} accept");
        }
        text.push_str("    drop\n  }\n");
        for Member { address, address6, ipv6_only, .. } in members {
            let way = format!("goto ports_{number}");
            ways.push(format!("{address} : {}", if *ipv6_only { "drop" } else { &way }));
            ways6.extend(address6.map(|address| format!("{address} : {way}")));
        }
    }
    text.push_str("  chain published {\n");
    for (family, ways) in [("ip", ways), ("ip6", ways6)] {
        if !ways.is_empty() {
            let _ = writeln!(text, "    {family} daddr vmap {{ {} }}", ways.join(", "));
        }
    }
    text.push_str("  }\n");
    text
}

/// Writes what a rule matches, a line for each kind of source.
fn lines(rule: &Rule) -> Vec<String> {
    let what = match (rule.protocol, rule.from, rule.to) {
        (Protocol::All, ..) => String::new(),
        (Protocol::Tcp | Protocol::Udp, from, to) => format!(" {} dport {from}-{to}", rule.protocol.name()),
        (Protocol::Icmp | Protocol::Icmpv6, -1, _) => format!(" meta l4proto {}", icmp(rule.protocol)),
        (Protocol::Icmp | Protocol::Icmpv6, kind, code) => {
            let name = rule.protocol.name();
            let code = if code < 0 { String::new() } else { format!(" {name} code {code}") };
            format!(" {name} type {kind}{code}")
        }
    };
    let mut lines = Vec::new();
    let (v4, v6): (Vec<Cidr>, Vec<Cidr>) = rule.sources.networks.iter().partition(|network| network.is_v4());
    for (family, word, networks) in [("ipv4", "ip", v4), ("ipv6", "ip6", v6)] {
        match networks.as_slice() {
            [] => {}
            [all] if all.is_everywhere() => lines.push(format!("meta nfproto {family}{what}")),
            some => {
                let list: Vec<String> = some.iter().map(Cidr::to_string).collect();
                lines.push(format!("{word} saddr {{ {} }}{what}", list.join(", ")));
            }
        }
    }
    if rule.sources.host {
        lines.push(format!("fib saddr type local{what}"));
    }
    lines
}

fn icmp(protocol: Protocol) -> &'static str {
    if protocol == Protocol::Icmp { "icmp" } else { "ipv6-icmp" }
}

/// Writes the set elements of all public addresses, for rules to match; nothing when there are none.
pub(super) fn public_addresses(members: &[Member]) -> Option<String> {
    let list: Vec<String> = members.iter().filter_map(|member| Some(member.public_address?.to_string())).collect();
    (!list.is_empty()).then(|| list.join(", "))
}

/// Writes the chains that turn public addresses into instances' own on the way in; nothing when there are none.
pub(super) fn translation(members: &[Member]) -> String {
    let pair = |member: &Member| Some(format!("{} : {}", member.public_address?, member.address));
    let pairs: Vec<String> = members.iter().filter_map(pair).collect();
    if pairs.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    for (chain, hook) in [("public_in", "prerouting"), ("public_from_host", "output")] {
        let _ = write!(
            text,
            "  chain {chain} {{\n    type nat hook {hook} priority -100; policy accept;\n    \
             dnat ip to ip daddr map {{ {} }}\n  }}\n",
            pairs.join(", ")
        );
    }
    text
}

/// Writes the rule by which an instance calls from its public address; nothing when none has one that others know.
pub(super) fn outward(members: &[Member], bridge: &str, known_outside: impl Fn(Ipv4Addr) -> bool) -> String {
    let pair = |member: &Member| {
        let public = member.public_address.filter(|address| known_outside(*address))?;
        Some(format!("{} : {public}", member.address))
    };
    match members.iter().filter_map(pair).collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        pairs => format!("    oifname != \"{bridge}\" snat ip to ip saddr map {{ {} }}\n", pairs.join(", ")),
    }
}

/// Writes the rule that keeps instances of accounts that are not peered out of the site's networks.
pub(super) fn site(members: &[Member], site: &[Cidr], bridge: &str) -> String {
    let (v4, v6): (Vec<&Cidr>, Vec<&Cidr>) = site.iter().partition(|network| network.is_v4());
    let peered = || members.iter().filter(|member| member.site);
    let peered4: Vec<String> = peered().map(|member| member.address.to_string()).collect();
    let peered6: Vec<String> = peered().filter_map(|member| Some(member.address6?.to_string())).collect();
    let mut text = String::new();
    for (family, networks, peered) in [("ip", v4, peered4), ("ip6", v6, peered6)] {
        let networks: Vec<String> = networks.into_iter().map(Cidr::to_string).collect();
        if networks.is_empty() {
            continue;
        }
        let others = match peered.as_slice() {
            [] => String::new(),
            some => format!(" {family} saddr != {{ {} }}", some.join(", ")),
        };
        let to = networks.join(", ");
        let _ = writeln!(text, "    iifname \"{bridge}\" {family} daddr {{ {to} }} ct state new{others} drop");
    }
    text
}

/// Writes the rule by which instances that have IPv6 alone reach nothing else by IPv4 but name servers.
pub(super) fn ipv6_only(members: &[Member], nameservers: &[Ipv4Addr], bridge: &str) -> String {
    let only: Vec<String> =
        members.iter().filter(|member| member.ipv6_only).map(|member| member.address.to_string()).collect();
    if only.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    let from = format!("    iifname \"{bridge}\" ip saddr {{ {} }} ct state new", only.join(", "));
    for server in nameservers {
        let _ = writeln!(text, "{from} ip daddr {server} meta l4proto {{ tcp, udp }} th dport 53 accept");
    }
    let _ = writeln!(text, "{from} drop");
    text
}
