//! Which network the instances live in: the configured one, or the first that collides with nothing on the host.

use std::{fmt, net::Ipv4Addr, str::FromStr};

/// An IPv4 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subnet {
    base: u32,
    prefix_len: u8,
}

impl Subnet {
    /// The networks tried in this order when none is configured.
    pub(crate) fn defaults() -> impl Iterator<Item = Subnet> {
        (26..=31).map(|second| Subnet { base: Ipv4Addr::new(172, second, 0, 0).to_bits(), prefix_len: 16 })
    }

    /// Makes a network of any address in it.
    pub(crate) fn containing(address: Ipv4Addr, prefix_len: u8) -> Self {
        let prefix_len = prefix_len.min(32);
        Self { base: address.to_bits() & mask(prefix_len), prefix_len }
    }

    /// Number of leading bits all its addresses share.
    pub(crate) fn prefix_len(self) -> u8 {
        self.prefix_len
    }

    /// The bridge's address: the first.
    pub(crate) fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base + 1)
    }

    /// The address of an instance with this index; wraps outside of the network, see [`Subnet::holds`].
    pub(crate) fn address(self, index: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base.wrapping_add(index))
    }

    /// Whether an instance may have this index: not the network's own, the bridge's or the broadcast address.
    pub(crate) fn holds(self, index: u32) -> bool {
        index >= 2 && index < !mask(self.prefix_len)
    }

    /// The address of this number among those kept for static addresses: the last 256 of the first 65 536, but the very
    /// last; none in a network smaller than a /16.
    pub(crate) fn reserved(self, number: u32) -> Option<Ipv4Addr> {
        (self.prefix_len <= 16 && number < 255).then(|| self.address(65_280 + number))
    }

    /// Whether it has this address.
    pub(crate) fn has(self, address: Ipv4Addr) -> bool {
        address.to_bits() & mask(self.prefix_len) == self.base
    }

    /// Whether the two share any address.
    pub(crate) fn overlaps(self, other: Subnet) -> bool {
        let shorter = mask(self.prefix_len.min(other.prefix_len));
        self.base & shorter == other.base & shorter
    }
}

fn mask(prefix_len: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix_len)).unwrap_or(0)
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.base), self.prefix_len)
    }
}

impl FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is not an IPv4 network like 172.26.0.0/16");
        let (address, length) = text.split_once('/').ok_or_else(wrong)?;
        let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
        let prefix_len: u8 = length.parse().map_err(|_| wrong())?;
        if !(8..=28).contains(&prefix_len) {
            return Err(format!("the network {text} must have a prefix between /8 and /28"));
        }
        let subnet = Subnet { base: address.to_bits(), prefix_len };
        if subnet.base & !mask(prefix_len) != 0 {
            return Err(format!("{text} has bits after its prefix; write {}", Subnet::containing(address, prefix_len)));
        }
        Ok(subnet)
    }
}

/// Chooses the network: the configured one if it is free (or says what it collides with), the remembered one if it is
/// still free, or the first free default.
pub(crate) fn choose(
    configured: Option<Subnet>,
    remembered: Option<Subnet>,
    mut collision: impl FnMut(Subnet) -> Option<String>,
) -> Result<Subnet, String> {
    if let Some(subnet) = configured {
        return match collision(subnet) {
            Some(with) => Err(format!("the network {subnet} collides with {with}")),
            None => Ok(subnet),
        };
    }
    let mut last = None;
    for subnet in remembered.into_iter().chain(Subnet::defaults()) {
        match collision(subnet) {
            None => return Ok(subnet),
            Some(with) => last = Some(with),
        }
    }
    Err(format!(
        "no network of 172.26.0.0/16 to 172.31.0.0/16 is free (the last collides with {})",
        last.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn net(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_read_and_refused() {
        assert_eq!(net("172.26.0.0/16").to_string(), "172.26.0.0/16");
        for bad in ["", "172.26.0.0", "172.26.0.0/40", "172.26.0.1/16", "10.0.0.0/30", "fd00::/64", "x/16"] {
            assert!(bad.parse::<Subnet>().is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_counted_from_the_base() {
        assert_eq!(net("172.26.0.0/16").gateway(), Ipv4Addr::new(172, 26, 0, 1));
        assert_eq!(net("172.26.0.0/16").address(60_000), Ipv4Addr::new(172, 26, 234, 96));
        let small = net("10.9.8.16/28");
        assert!(small.holds(2) && small.holds(14) && !small.holds(1) && !small.holds(15) && !small.holds(16));
    }

    #[test]
    fn static_addresses_are_apart_from_those_of_instances() {
        let wide = net("172.26.0.0/16");
        assert_eq!(wide.reserved(0), Some(Ipv4Addr::new(172, 26, 255, 0)));
        assert_eq!(wide.reserved(254), Some(Ipv4Addr::new(172, 26, 255, 254)));
        assert_eq!(wide.reserved(255), None);
        assert_eq!(net("10.9.8.0/24").reserved(0), None);
        assert!(wide.has(Ipv4Addr::new(172, 26, 255, 0)) && !wide.has(Ipv4Addr::new(172, 27, 0, 0)));
    }

    #[test]
    fn overlap_is_seen_from_both_sides() {
        let (wide, inner, other) = (net("172.16.0.0/12"), net("172.26.0.0/16"), net("172.32.0.0/16"));
        assert!(wide.overlaps(inner) && inner.overlaps(wide) && !wide.overlaps(other) && !inner.overlaps(other));
    }

    #[test]
    fn the_next_free_network_is_taken() {
        let busy = |taken: &'static [&'static str]| {
            move |subnet: Subnet| taken.contains(&subnet.to_string().as_str()).then(|| "a route".to_owned())
        };
        assert_eq!(choose(None, None, busy(&[])).unwrap(), net("172.26.0.0/16"));
        assert_eq!(choose(None, None, busy(&["172.26.0.0/16"])).unwrap(), net("172.27.0.0/16"));
        assert_eq!(choose(None, Some(net("172.29.0.0/16")), busy(&[])).unwrap(), net("172.29.0.0/16"));
        let error = choose(Some(net("10.0.0.0/16")), None, busy(&["10.0.0.0/16"])).unwrap_err();
        assert_eq!(error, "the network 10.0.0.0/16 collides with a route");
        assert!(choose(None, None, |_| Some("x".to_owned())).is_err());
    }
}
