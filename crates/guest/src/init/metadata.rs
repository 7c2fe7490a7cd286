//! The metadata service of an instance, as clients of EC2's know it (IMDSv2, and v1 where it is allowed).
//!
//! Every program inside may ask, as on EC2. Requests that a proxy forwarded get no token, and an answer with a token goes
//! only as many hops as the owner allows.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use porthole_model::guest::{METADATA_ADDRESS, METADATA_ADDRESS_V6, Metadata};
use rustix::net::sockopt::{set_ip_freebind, set_ip_ttl, set_ipv6_freebind, set_ipv6_unicast_hops};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;

use crate::http::{Reply, serve};

/// Where the service answers.
const PORT: u16 = 80;
/// Connections at once.
const MOST_CONNECTIONS: usize = 64;
/// Tokens that are good at once; past it those that end first go.
const MOST_TOKENS: usize = 4096;
/// Longest life of a token.
const LONGEST_TTL_S: u64 = 21_600;
/// Hops of everything but the answer with a token.
const USUAL_HOPS: u8 = 64;
const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TOKEN_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What is said now, and the tokens given out. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Service {
    inner: Rc<RefCell<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// `None`: nothing is served.
    metadata: Option<Metadata>,
    /// Keys that may log in, of the boot configuration; told with whatever else is said.
    public_keys: Vec<String>,
    tokens: HashMap<String, Instant>,
    requests_without_token: u64,
}

impl Service {
    /// Begins with what the boot configuration says.
    pub(super) fn new(metadata: Option<Metadata>, public_keys: Vec<String>) -> Self {
        let service = Self::default();
        service.inner.borrow_mut().public_keys = public_keys;
        if let Some(metadata) = metadata {
            service.set(metadata);
        }
        service
    }

    /// Says something else from now on; tokens stay good.
    pub(super) fn set(&self, mut metadata: Metadata) {
        let mut inner = self.inner.borrow_mut();
        for (number, key) in inner.public_keys.iter().enumerate() {
            metadata.entries.insert(format!("meta-data/public-keys/{number}/openssh-key"), key.clone());
        }
        inner.metadata = Some(metadata);
    }

    /// Counts the requests that were answered without a token.
    pub(super) fn requests_without_token(&self) -> u64 {
        self.inner.borrow().requests_without_token
    }

    /// Serves for ever by IPv4 and, where the kernel has it, IPv6.
    pub(super) async fn run(self) {
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let both = [SocketAddr::from((METADATA_ADDRESS, PORT)), SocketAddr::from((METADATA_ADDRESS_V6, PORT))];
        let [v4, v6] = both.map(async |address| match listen(address) {
            Ok(listener) => self.serve(&listener, &room).await,
            Err(error) => tracing::warn!(%error, %address, "The metadata service cannot answer there"),
        });
        tokio::join!(v4, v6);
    }

    async fn serve(&self, listener: &TcpListener, room: &Arc<Semaphore>) {
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return };
            let (stream, by_ipv6) = match listener.accept().await {
                Ok((stream, from)) => (stream, from.is_ipv6()),
                Err(error) => {
                    // Out of descriptors, say: going on at once would only burn the processor.
                    tracing::warn!(%error, "Connection to the metadata service not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(socket) = rustix::io::dup(&stream) else { continue };
            let service = self.clone();
            tokio::task::spawn_local(async move {
                let answer = |request: Request<Incoming>| {
                    let (method, path) = (request.method(), request.uri().path());
                    let (reply, hops) = service.answer(by_ipv6, method, path, request.headers());
                    // A refusal by the kernel leaves the usual number.
                    let _ = match by_ipv6 {
                        true => set_ipv6_unicast_hops(&socket, Some(hops)),
                        false => set_ip_ttl(&socket, u32::from(hops)),
                    };
                    async { reply }
                };
                serve(stream, answer).await;
                drop(permit);
            });
        }
    }

    /// Answers a request, and says how many hops the answer may take.
    fn answer(&self, by_ipv6: bool, method: &Method, path: &str, headers: &HeaderMap) -> (Reply, u8) {
        let mut inner = self.inner.borrow_mut();
        let Inner { metadata, tokens, requests_without_token, .. } = &mut *inner;
        let Some(metadata) = metadata.as_ref().filter(|m| m.enabled && (m.ipv6 || !by_ipv6)) else {
            return (refusal(StatusCode::FORBIDDEN), USUAL_HOPS);
        };
        let Some(path) = below_version(path) else { return (refusal(StatusCode::NOT_FOUND), USUAL_HOPS) };
        let now = Instant::now();
        match (method, path) {
            (&Method::PUT, "api/token") => (give_token(headers, tokens, now), metadata.hop_limit),
            (&Method::GET | &Method::HEAD, path) => {
                let good = |token: &HeaderValue| {
                    token.to_str().ok().and_then(|token| tokens.get(token)).is_some_and(|until| now < *until)
                };
                let admitted = headers.get(TOKEN).map_or(!metadata.token_required, good);
                if !admitted {
                    return (refusal(StatusCode::UNAUTHORIZED), USUAL_HOPS);
                }
                *requests_without_token += u64::from(!headers.contains_key(TOKEN));
                let found = look_up(metadata, path);
                (found.map_or_else(|| refusal(StatusCode::NOT_FOUND), plain), USUAL_HOPS)
            }
            _ => (refusal(StatusCode::METHOD_NOT_ALLOWED), USUAL_HOPS),
        }
    }
}

/// Listens at an address the instance may be given only later.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    match address {
        SocketAddr::V4(_) => set_ip_freebind(&socket, true)?,
        SocketAddr::V6(_) => set_ipv6_freebind(&socket, true)?,
    }
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MOST_CONNECTIONS as u32)
}

/// Gives the path below the version, which is `latest` or any date: there is one.
fn below_version(path: &str) -> Option<&str> {
    let (version, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    let date = version.len() == 10 && version.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    (version == "latest" || date).then(|| rest.trim_matches('/'))
}

fn give_token(headers: &HeaderMap, tokens: &mut HashMap<String, Instant>, now: Instant) -> Reply {
    if headers.contains_key(FORWARDED) {
        return refusal(StatusCode::FORBIDDEN);
    }
    let asked = headers.get(TOKEN_TTL).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let Some(ttl_s) = asked.filter(|ttl_s| (1..=LONGEST_TTL_S).contains(ttl_s)) else {
        return refusal(StatusCode::BAD_REQUEST);
    };
    let mut bytes = [0; 36];
    if getrandom::fill(&mut bytes).is_err() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE);
    }
    tokens.retain(|_, until| now < *until);
    if tokens.len() >= MOST_TOKENS
        && let Some(first) = tokens.iter().min_by_key(|(_, until)| **until).map(|(token, _)| token.clone())
    {
        tokens.remove(&first);
    }
    let token = base64::prelude::BASE64_URL_SAFE.encode(bytes);
    tokens.insert(token.clone(), now + Duration::from_secs(ttl_s));
    let mut reply = plain(token);
    reply.headers_mut().insert(TOKEN_TTL, HeaderValue::from(ttl_s));
    reply
}

/// Gives the text at a path, or what a folder has: a line each, folders with a slash.
fn look_up(metadata: &Metadata, path: &str) -> Option<String> {
    if let Some(text) = metadata.entries.get(path) {
        return Some(text.clone());
    }
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let mut names = BTreeSet::new();
    for below in metadata.entries.keys().filter_map(|entry| entry.strip_prefix(&prefix)) {
        names.insert(match below.split_once('/') {
            Some((folder, _)) => format!("{folder}/"),
            None => below.to_owned(),
        });
    }
    (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join("\n"))
}

fn plain(text: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(text)));
    reply.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    reply
}

fn refusal(status: StatusCode) -> Reply {
    let mut reply = plain(format!("{}\n", status.canonical_reason().unwrap_or_default()));
    *reply.status_mut() = status;
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(change: impl FnOnce(&mut Metadata)) -> Service {
        let entries =
            [("meta-data/instance-id", "i-1"), ("meta-data/placement/region", "us-east-2"), ("user-data", "#!x")];
        let entries = entries.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        let mut metadata = Metadata { entries, ..Metadata::default() };
        change(&mut metadata);
        Service::new(Some(metadata), vec!["ssh-ed25519 AAAA".to_owned()])
    }

    fn ask(service: &Service, method: Method, path: &str, headers: &[(HeaderName, &str)]) -> (u16, String, u8) {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect();
        let (reply, hops) = service.answer(false, &method, path, &headers);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let status = reply.status().as_u16();
        let body = runtime.block_on(http_body_util::BodyExt::collect(reply.into_body())).unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap(), hops)
    }

    fn get(service: &Service, path: &str, token: &str) -> (u16, String) {
        let (status, body, _) = ask(service, Method::GET, path, &[(TOKEN, token)]);
        (status, body)
    }

    fn token(service: &Service) -> String {
        let (status, token, _) = ask(service, Method::PUT, "/latest/api/token", &[(TOKEN_TTL, "60")]);
        assert_eq!(status, 200);
        token
    }

    #[test]
    fn a_token_opens_the_tree() {
        let service = service(|_| {});
        let token = token(&service);
        assert_eq!(get(&service, "/latest/meta-data/instance-id", &token), (200, "i-1".into()));
        assert_eq!(get(&service, "/latest/meta-data/", &token), (200, "instance-id\nplacement/\npublic-keys/".into()));
        assert_eq!(get(&service, "/2021-07-15/meta-data/placement/region", &token), (200, "us-east-2".into()));
        assert_eq!(get(&service, "/latest", &token), (200, "meta-data/\nuser-data".into()));
        let key = get(&service, "/latest/meta-data/public-keys/0/openssh-key", &token);
        assert_eq!(key, (200, "ssh-ed25519 AAAA".into()));
        assert_eq!(get(&service, "/latest/meta-data/none", &token).0, 404);
        assert_eq!(get(&service, "/other/meta-data", &token).0, 404);
        assert_eq!(get(&service, "/latest/meta-data/instance-id", "false").0, 401);
        assert_eq!(ask(&service, Method::GET, "/latest/meta-data/instance-id", &[]).0, 401);
        assert_eq!(ask(&service, Method::POST, "/latest/meta-data", &[]).0, 405);
    }

    #[test]
    fn tokens_are_given_by_the_rules() {
        let service = service(|metadata| metadata.hop_limit = 3);
        let put = |headers: &[(HeaderName, &str)]| ask(&service, Method::PUT, "/latest/api/token", headers);
        assert_eq!(put(&[]).0, 400);
        for wrong in ["0", "21601", "x", "-1"] {
            assert_eq!(put(&[(TOKEN_TTL, wrong)]).0, 400, "{wrong}");
        }
        assert_eq!(put(&[(TOKEN_TTL, "60"), (FORWARDED, "10.0.0.1")]).0, 403);
        let (status, _, hops) = put(&[(TOKEN_TTL, "21600")]);
        assert_eq!((status, hops), (200, 3));
    }

    #[test]
    fn ipv6_is_answered_only_where_it_is_allowed() {
        let put = |service: &Service| {
            let headers = [(TOKEN_TTL, HeaderValue::from_static("60"))].into_iter().collect();
            service.answer(true, &Method::PUT, "/latest/api/token", &headers).0.status().as_u16()
        };
        assert_eq!(put(&service(|_| {})), 403);
        assert_eq!(put(&service(|metadata| metadata.ipv6 = true)), 200);
    }

    #[test]
    fn options_have_their_effect() {
        let open = service(|metadata| metadata.token_required = false);
        assert_eq!(ask(&open, Method::GET, "/latest/user-data", &[]).0, 200);
        get(&open, "/latest/user-data", &token(&open));
        assert_eq!(open.requests_without_token(), 1, "one with a token is not one without");
        assert_eq!(get(&open, "/latest/user-data", "false").0, 401);
        let good = token(&open);
        open.set(Metadata { enabled: false, ..Metadata::default() });
        assert_eq!(get(&open, "/latest/user-data", &good).0, 403);
        assert_eq!(ask(&Service::new(None, vec![]), Method::GET, "/latest", &[]).0, 403);
    }
}
