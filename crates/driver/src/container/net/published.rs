//! What the outside may reach: chains of the port rules, and the translation of public addresses.

use std::{collections::BTreeMap, fmt::Write, net::Ipv4Addr};

use porthole_model::ports::{Cidr, Protocol, Rule};

use super::firewall::Member;

/// Writes a chain for each different list of port rules, and the `published` chain that leads to them. A packet that
/// comes back from it is for no instance.
pub(super) fn chains(members: &[Member]) -> String {
    let mut by_rules: BTreeMap<&[Rule], Vec<Ipv4Addr>> = BTreeMap::new();
    for member in members {
        by_rules.entry(&member.ports).or_default().push(member.address);
    }
    let mut text = String::new();
    let mut ways = Vec::new();
    for (number, (rules, addresses)) in by_rules.into_iter().enumerate() {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  chain ports_{number} {{");
        for line in rules.iter().flat_map(lines) {
            let _ = writeln!(text, "    {line} accept");
        }
        text.push_str("    drop\n  }\n");
        ways.extend(addresses.into_iter().map(|address| format!("{address} : goto ports_{number}")));
    }
    text.push_str("  chain published {\n");
    if !ways.is_empty() {
        let _ = writeln!(text, "    ip daddr vmap {{ {} }}", ways.join(", "));
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
    let networks: Vec<String> = site.iter().filter(|network| network.is_v4()).map(Cidr::to_string).collect();
    if networks.is_empty() {
        return String::new();
    }
    let peered: Vec<String> =
        members.iter().filter(|member| member.site).map(|member| member.address.to_string()).collect();
    let others = match peered.as_slice() {
        [] => String::new(),
        some => format!(" ip saddr != {{ {} }}", some.join(", ")),
    };
    format!("    iifname \"{bridge}\" ip daddr {{ {} }} ct state new{others} drop\n", networks.join(", "))
}
