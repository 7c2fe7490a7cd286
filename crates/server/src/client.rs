//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use http::{Extensions, HeaderMap};

use crate::app::App;

/// The other end of the connection; every request has it among its extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Gives the client's address: the connection's, or what trusted proxies say.
pub fn address(app: &App, extensions: &Extensions, headers: &HeaderMap) -> String {
    let peer = extensions.get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
    behind(peer, headers, &app.config.console.trusted_proxies).to_string()
}

/// Reads X-Forwarded-For from its end, as each proxy adds to it, as far as what speaks is trusted.
fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let mut named = lines.filter_map(|value| value.to_str().ok()).flat_map(|line| line.rsplit(','));
    let mut address = peer.to_canonical();
    while trusted.contains(&address) {
        match named.next().map(|text| text.trim().parse::<IpAddr>()) {
            Some(Ok(next)) => address = next.to_canonical(),
            _ => break,
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 203.0.113.9".parse().expect("a header"));
        headers.append("x-forwarded-for", "10.0.0.1".parse().expect("a header"));
        let peer = ip("127.0.0.1");
        assert_eq!(behind(peer, &headers, &[]), peer);
        assert_eq!(behind(peer, &headers, &[peer]), ip("10.0.0.1"));
        assert_eq!(
            behind(peer, &headers, &[peer, ip("10.0.0.1")]),
            ip("203.0.113.9"),
            "6.6.6.6 is the client's own word"
        );
        assert_eq!(behind(peer, &HeaderMap::new(), &[peer]), peer);
        assert_eq!(behind(ip("::ffff:127.0.0.1"), &headers, &[peer]), ip("10.0.0.1"));
    }
}
