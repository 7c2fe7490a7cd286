//! The firewall: two nftables tables (`inet` and `bridge`) of one name, replaced together in one transaction.
//!
//! | from | to | verdict |
//! |---|---|---|
//! | an instance with another's MAC, IP or ARP identity, or anything but IPv4, IPv6 and ARP | anywhere | dropped at its port |
//! | an instance | any address of the host, in any direction the host did not open | dropped before address translation |
//! | an instance | link-local addresses (cloud metadata) | dropped |
//! | an instance | an instance of the same account | allowed |
//! | an instance | any other instance, of this server or another | dropped |
//! | an instance | the site's networks | dropped, unless its account is peered with them |
//! | an instance that has IPv6 alone | elsewhere by IPv4, but name servers | dropped |
//! | an instance | elsewhere | allowed, from its public address if it has one, else masqueraded (IPv6: where its prefix is local) |
//! | elsewhere, or this host | an instance, by its own or its public address | what its port rules let in, and replies |
//!
//! Neighbour discovery of IPv6 is dropped too: host and instances are told each other's interface addresses.
//!
//! Ports of the bridge are isolated from one another and instances have a /32 address, so all their traffic is routed
//! by the host and passes the rules above.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write},
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use porthole_model::ports::{self, Cidr, Rule};

use super::{ipv6::Prefix, links::mac, published, subnet::Subnet};
use crate::{
    DriverError,
    error::Doing,
    process::{Run, RunError},
};

/// Replacing all rules takes some 10 ms.
const LIMIT: Duration = Duration::from_secs(10);

/// One instance as the firewall knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    /// The host's end of its link.
    pub(crate) link: String,
    /// Its account.
    pub(crate) account_id: String,
    /// Its address.
    pub(crate) address: Ipv4Addr,
    /// Its IPv6 address, if it has one.
    pub(crate) address6: Option<Ipv6Addr>,
    /// Whether the world and it know each other by IPv6 alone.
    pub(crate) ipv6_only: bool,
    /// What reaches it from outside its account.
    pub(crate) ports: Vec<Rule>,
    /// What else it is reached by.
    pub(crate) public_address: Option<Ipv4Addr>,
    /// Whether its account is peered with the site's networks.
    pub(crate) site: bool,
}

/// Everything the rules depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Name of the tables.
    pub(crate) table: String,
    /// Name of the bridge.
    pub(crate) bridge: String,
    /// What the links' names begin with.
    pub(crate) link_prefix: String,
    /// The instances' network.
    pub(crate) subnet: Subnet,
    /// The instances' network of IPv6 addresses.
    pub(crate) prefix: Option<Prefix>,
    /// The name servers instances know.
    pub(crate) nameservers: Vec<Ipv4Addr>,
    /// Those of them that run on the host itself, which instances may ask.
    pub(crate) host_nameservers: Vec<Ipv4Addr>,
    /// Networks for instances of peered accounts only.
    pub(crate) site: Vec<Cidr>,
    /// All attached instances.
    pub(crate) members: Vec<Member>,
}

impl Rules {
    /// Writes the whole transaction, which also removes the tables' former content.
    pub(crate) fn document(&self) -> String {
        let mut text = format!("{}{}", removal(&self.table), self.routed());
        text.push_str(&self.bridged());
        text
    }

    /// Rules of an imaginary server that use everything rules can use.
    pub(crate) fn example() -> Self {
        let subnet = Subnet::containing(Ipv4Addr::new(172, 26, 0, 0), 16);
        let prefix = Prefix::unique_local("", "");
        let member = |index| Member {
            link: format!("pvexample-{index}"),
            account_id: "a".to_owned(),
            address: subnet.address(index),
            address6: Some(prefix.address(index)),
            ipv6_only: index == 3,
            ports: ports::defaults(),
            public_address: Some(Ipv4Addr::new(198, 51, 100, index as u8)),
            site: true,
        };
        Self {
            table: "porthole_example".to_owned(),
            bridge: "ph-example".to_owned(),
            link_prefix: "pvexample-".to_owned(),
            subnet,
            prefix: Some(prefix),
            nameservers: vec![subnet.gateway()],
            host_nameservers: vec![subnet.gateway()],
            site: vec![Cidr::ANY_V4],
            members: vec![member(2), member(3)],
        }
    }

    fn routed(&self) -> String {
        let Rules { table, bridge, subnet, .. } = self;
        let accounts = self.accounts();
        let mut dns = String::new();
        for server in &self.host_nameservers {
            // Writing into a string cannot fail.
            let _ = writeln!(dns, "    ip daddr {server} meta l4proto {{ tcp, udp }} th dport 53 accept");
        }
        let published = published::chains(&self.members);
        let public = published::public_addresses(&self.members)
            .map_or(String::new(), |list| format!("    iifname \"{bridge}\" ip daddr {{ {list} }} accept\n"));
        let translation = published::translation(&self.members);
        let outward = published::outward(&self.members, bridge, |address| !subnet.has(address));
        let mut site = published::site(&self.members, &self.site, bridge);
        site.push_str(&published::ipv6_only(&self.members, &self.nameservers, bridge));
        let (strangers6, masquerade6) = self.outward6();
        format!(
            r#"table inet {table} {{
{accounts}{published}  chain between_instances {{
    ct state established,related accept
    jump of_accounts
    drop
  }}
  chain to_host {{
    ct state established,related accept
{dns}    drop
  }}
  chain prerouting {{
    type filter hook prerouting priority -150; policy accept;
    iifname "{bridge}" ip daddr 169.254.0.0/16 drop
    iifname "{bridge}" ip6 daddr fd00:ec2::/32 drop
{public}    iifname "{bridge}" fib daddr type {{ local, broadcast, multicast }} jump to_host
  }}
  chain input {{
    type filter hook input priority -5; policy accept;
    iifname "{bridge}" jump to_host
  }}
  chain forward {{
    type filter hook forward priority -5; policy accept;
    iifname "{bridge}" oifname "{bridge}" jump between_instances
    iifname "{bridge}" oifname "ph-*" oifname != "{bridge}" drop
    iifname "{bridge}" ip saddr != {subnet} drop
{strangers6}{site}    oifname "{bridge}" iifname != "{bridge}" ct state established,related accept
    oifname "{bridge}" iifname != "{bridge}" jump published
    oifname "{bridge}" iifname != "{bridge}" drop
  }}
  chain output {{
    type filter hook output priority -5; policy accept;
    oifname "{bridge}" icmp type redirect drop
    oifname "{bridge}" icmpv6 type nd-redirect drop
    ct state established,related accept
    jump published
  }}
{translation}  chain postrouting {{
    type nat hook postrouting priority 100; policy accept;
{outward}    ip saddr {subnet} oifname != "{bridge}" masquerade
{masquerade6}  }}
}}
"#
        )
    }

    /// Writes a chain for each account with more than one instance, and the `of_accounts` chain that leads to them.
    fn accounts(&self) -> String {
        let mut by_account: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
        for member in &self.members {
            by_account.entry(&member.account_id).or_default().push(member);
        }
        let (mut text, mut lines) = (String::new(), String::new());
        let (mut jumps, mut jumps6) = (Vec::new(), Vec::new());
        for (number, members) in by_account.values().filter(|members| members.len() > 1).enumerate() {
            let addresses: Vec<Ipv4Addr> = members.iter().map(|member| member.address).collect();
            let addresses6: Vec<Ipv6Addr> = members.iter().filter_map(|member| member.address6).collect();
            let _ = writeln!(text, "  chain account_{number} {{\n    ip daddr {{ {} }} accept", list(&addresses));
            if !addresses6.is_empty() {
                let _ = writeln!(text, "    ip6 daddr {{ {} }} accept", list(&addresses6));
            }
            text.push_str("  }\n");
            jumps.extend(addresses.iter().map(|address| format!("{address} : jump account_{number}")));
            jumps6.extend(addresses6.iter().map(|address| format!("{address} : jump account_{number}")));
        }
        for (family, jumps) in [("ip", jumps), ("ip6", jumps6)] {
            if !jumps.is_empty() {
                let _ = writeln!(lines, "    {family} saddr vmap {{ {} }}", jumps.join(", "));
            }
        }
        text + "  chain of_accounts {\n" + &lines + "  }\n"
    }

    /// Writes the rules against IPv6 addresses that are no instance's, and for local ones on their way out.
    fn outward6(&self) -> (String, String) {
        let Some(prefix) = self.prefix else { return (String::new(), String::new()) };
        let strangers = format!("    iifname \"{}\" ip6 saddr != {prefix} drop\n", self.bridge);
        let masquerade = format!("    ip6 saddr {prefix} oifname != \"{}\" masquerade\n", self.bridge);
        (strangers, if prefix.is_local() { masquerade } else { String::new() })
    }

    fn bridged(&self) -> String {
        let set = |leases: Vec<String>| match leases.as_slice() {
            [] => String::new(),
            some => format!("    elements = {{ {} }}\n", some.join(",\n      ")),
        };
        let elements = set(self.members.iter().map(|member| lease(member, member.address)).collect());
        let elements6 = set(self.members.iter().filter_map(|member| Some(lease(member, member.address6?))).collect());
        format!(
            r#"table bridge {table} {{
  set leases {{
    type ifname . ether_addr . ipv4_addr
{elements}  }}
  set leases6 {{
    type ifname . ether_addr . ipv6_addr
{elements6}  }}
  chain own_identity {{
    ether type ip iifname . ether saddr . ip saddr @leases accept
    ether type ip6 iifname . ether saddr . ip6 saddr @leases6 accept
    ether type arp iifname . ether saddr . arp saddr ip @leases iifname . arp saddr ether . arp saddr ip @leases accept
    drop
  }}
  chain prerouting {{
    type filter hook prerouting priority -300; policy accept;
    iifname "{prefix}*" jump own_identity
  }}
}}
"#,
            table = self.table,
            prefix = self.link_prefix,
        )
    }

    /// Puts the rules in place, all at once.
    pub(crate) fn apply(&self) -> Result<(), DriverError> {
        run(&self.document()).map(drop).doing("apply the firewall rules")
    }
}

fn lease(member: &Member, address: impl Display) -> String {
    let mac = mac(member.address).map(|byte| format!("{byte:02x}")).join(":");
    format!("\"{}\" . {mac} . {address}", member.link)
}

fn list(addresses: &[impl Display]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Adding first lets the removal of a missing table pass.
fn removal(table: &str) -> String {
    ["inet", "bridge"].map(|family| format!("add table {family} {table}\ndelete table {family} {table}\n")).concat()
}

/// Removes both tables; fine when they are gone.
pub(crate) fn remove(table: &str) -> Result<(), DriverError> {
    run(&removal(table)).map(drop).doing("remove the firewall rules")
}

/// Whether both tables are there.
pub(crate) fn is_present(table: &str) -> Result<bool, DriverError> {
    let listed = Run::new("nft").args(["list", "tables"]).limit(LIMIT).run().doing("list the firewall's tables")?;
    let listed = String::from_utf8_lossy(&listed);
    Ok(["inet", "bridge"].iter().all(|family| listed.lines().any(|line| line == format!("table {family} {table}"))))
}

fn run(document: &str) -> Result<Vec<u8>, RunError> {
    Run::new("nft").args(["-f", "-"]).input(document.as_bytes().to_vec()).limit(LIMIT).run()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rules(members: &[(&str, u32)]) -> Rules {
        let subnet: Subnet = "172.26.0.0/16".parse().unwrap();
        let prefix: Prefix = "fd12:3456:789a::/64".parse().unwrap();
        let member = |&(account, index): &(&str, u32)| Member {
            link: format!("pv0-{index:04x}"),
            account_id: account.to_owned(),
            address: subnet.address(index),
            address6: Some(prefix.address(index)),
            ipv6_only: false,
            ports: ports::defaults(),
            public_address: None,
            site: false,
        };
        Rules {
            table: "porthole_0".to_owned(),
            bridge: "ph-0".to_owned(),
            link_prefix: "pv0-".to_owned(),
            subnet,
            prefix: Some(prefix),
            nameservers: vec![Ipv4Addr::new(192, 0, 2, 53)],
            host_nameservers: vec![],
            site: vec![],
            members: members.iter().map(member).collect(),
        }
    }

    #[test]
    fn only_accounts_with_company_get_a_way_to_each_other() {
        let text = rules(&[("a", 2), ("b", 3), ("a", 4)]).document();
        assert!(text.contains("ip daddr { 172.26.0.2, 172.26.0.4 } accept"), "{text}");
        assert!(text.contains("ip saddr vmap { 172.26.0.2 : jump account_0, 172.26.0.4 : jump account_0 }"), "{text}");
        assert!(!text.contains("172.26.0.3 : jump"), "{text}");
        assert!(text.contains("\"pv0-0003\" . 02:70:ac:1a:00:03 . 172.26.0.3"), "{text}");
    }

    #[test]
    fn ipv6_has_its_own_leases_ways_and_exit() {
        let mut rules = rules(&[("a", 2), ("b", 3), ("a", 4)]);
        rules.members[1].address6 = None;
        rules.members[2].ipv6_only = true;
        let text = rules.document();
        for wanted in [
            "ip6 daddr { fd12:3456:789a::2, fd12:3456:789a::4 } accept",
            "ip6 saddr vmap { fd12:3456:789a::2 : jump account_0, fd12:3456:789a::4 : jump account_0 }",
            "\"pv0-0004\" . 02:70:ac:1a:00:04 . fd12:3456:789a::4",
            "172.26.0.2 : goto ports_0, 172.26.0.3 : goto ports_0, 172.26.0.4 : drop",
            "fd12:3456:789a::2 : goto ports_0, fd12:3456:789a::4 : goto ports_0 }",
            "ip saddr { 172.26.0.4 } ct state new ip daddr 192.0.2.53 meta l4proto { tcp, udp } th dport 53 accept",
            "ip saddr { 172.26.0.4 } ct state new drop",
            "ip6 saddr != fd12:3456:789a::/64 drop",
            "ip6 saddr fd12:3456:789a::/64 oifname != \"ph-0\" masquerade",
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        let text = Rules { prefix: Some("2001:db8:1:2::/64".parse().unwrap()), ..rules }.document();
        assert!(!text.contains("ip6 saddr 2001:db8:1:2::/64 oifname"), "{text}");
    }

    #[test]
    fn an_empty_server_has_no_empty_sets() {
        let text = rules(&[]).document();
        assert!(!text.contains("vmap") && !text.contains("elements"), "{text}");
    }

    #[test]
    fn port_rules_become_chains_that_instances_share() {
        use porthole_model::ports::{Asked, Protocol};
        let mut rules = rules(&[("a", 2), ("b", 3), ("a", 4)]);
        let cidrs = ["10.0.0.0/8".to_owned(), "192.0.2.1".to_owned()];
        let asked = Asked { from: Some(8000), to: Some(8010), cidrs: &cidrs, ..Asked::default() };
        let ping = Asked { from: Some(8), to: Some(-1), ..Asked::default() };
        let own = [(Protocol::Tcp, asked), (Protocol::Icmp, ping)];
        rules.members[1].ports = own.iter().map(|(protocol, asked)| Rule::new(*protocol, asked).unwrap()).collect();
        let text = rules.document();
        for wanted in [
            "172.26.0.2 : goto ports_0, 172.26.0.4 : goto ports_0",
            "172.26.0.3 : goto ports_1",
            "ip saddr { 10.0.0.0/8, 192.0.2.1/32 } tcp dport 8000-8010 accept",
            "meta nfproto ipv4 icmp type 8 accept",
            "meta nfproto ipv6 tcp dport 8443-8443 accept",
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        assert!(!text.contains("dnat") && !text.contains("snat"), "{text}");
    }

    #[test]
    fn public_addresses_are_translated_and_site_networks_are_closed() {
        let mut rules = rules(&[("a", 2), ("b", 3)]);
        rules.members[0].public_address = Some(Ipv4Addr::new(198, 51, 100, 7));
        rules.members[1].public_address = Some(Ipv4Addr::new(172, 26, 255, 0));
        rules.members[1].site = true;
        rules.site = vec!["10.0.0.0/8".parse().unwrap()];
        let text = rules.document();
        for wanted in [
            "dnat ip to ip daddr map { 198.51.100.7 : 172.26.0.2, 172.26.255.0 : 172.26.0.3 }",
            "snat ip to ip saddr map { 172.26.0.2 : 198.51.100.7 }",
            "ip daddr { 10.0.0.0/8 } ct state new ip saddr != { 172.26.0.3 } drop",
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
    }

    #[test]
    fn a_name_server_on_the_host_is_let_through() {
        let text = Rules { host_nameservers: vec![Ipv4Addr::new(192, 0, 2, 2)], ..rules(&[]) }.document();
        assert!(text.contains("ip daddr 192.0.2.2 meta l4proto { tcp, udp } th dport 53 accept"), "{text}");
    }
}
