//! Requests to the identity provider: limited in time and size, over TLS but on loopback, redirects not followed.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::config::OidcConfig;

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Largest reply.
const MOST_BYTES: usize = 256 << 10;

/// Sends requests.
pub(super) struct Client(TlsConnector);

impl Client {
    pub(super) fn new(config: &OidcConfig) -> anyhow::Result<Self> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(file) = &config.ca_file {
            let found =
                CertificateDer::pem_file_iter(file).with_context(|| format!("cannot read {}", file.display()))?;
            for certificate in found {
                roots.add(certificate.with_context(|| format!("{} holds no certificates", file.display()))?)?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self(TlsConnector::from(Arc::new(tls.with_root_certificates(roots).with_no_client_auth()))))
    }

    /// Gets a JSON document.
    pub(super) async fn get(&self, url: &str, bearer: Option<&str>) -> anyhow::Result<serde_json::Value> {
        let mut request = Request::get(url).body(Full::default())?;
        if let Some(token) = bearer {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        self.json(request).await
    }

    /// Sends a form with the site's own name and secret; gives a JSON document.
    pub(super) async fn post(&self, url: &str, basic: &str, form: String) -> anyhow::Result<serde_json::Value> {
        let mut request = Request::builder().method(Method::POST).uri(url).body(Full::from(form))?;
        let mut value = HeaderValue::from_str(&format!("Basic {basic}"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form);
        self.json(request).await
    }

    async fn json(&self, request: Request<Full<Bytes>>) -> anyhow::Result<serde_json::Value> {
        let url = request.uri().clone();
        let sent = tokio::time::timeout(LIMIT, self.send(request)).await;
        let (status, body) = sent.with_context(|| format!("{url} did not answer in time"))??;
        // Not a word of the body: it may hold what no log may.
        ensure!(status == StatusCode::OK, "{url} answered {status}");
        serde_json::from_slice(&body).with_context(|| format!("{url} answered no JSON"))
    }

    async fn send(&self, mut request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let url = request.uri().clone();
        let (host, secure) = checked(&url)?;
        let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await.with_context(|| format!("cannot reach {host}:{port}"))?;
        let authority = url.authority().context("a URL has a host")?.as_str();
        request.headers_mut().insert(header::HOST, HeaderValue::from_str(authority)?);
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        *request.uri_mut() = url.path_and_query().map_or("/", |path| path.as_str()).parse()?;
        if !secure {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(host.to_owned())?;
        exchange(self.0.connect(name, stream).await?, request).await
    }
}

/// Gives a URL's host, and whether it is https; http is for loopback addresses alone.
pub(super) fn checked(url: &Uri) -> anyhow::Result<(&str, bool)> {
    let host = url.host().context("a URL needs a host")?.trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match url.scheme_str() {
        Some("https") => Ok((host, true)),
        Some("http") if loopback => Ok((host, false)),
        _ => bail!("{url} is neither https nor on loopback"),
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let reply = sender.send_request(request).await?;
    let status = reply.status();
    let body = Limited::new(reply.into_body(), MOST_BYTES).collect().await;
    connection.abort();
    let body = body.map_err(|error| anyhow::anyhow!("the reply cannot be read: {error}"))?;
    Ok((status, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_spoken_to_without_tls() {
        for (url, wanted) in [
            ("https://id.example.com/x", Some(("id.example.com", true))),
            ("http://127.0.0.1:8080", Some(("127.0.0.1", false))),
            ("http://[::1]:1/", Some(("::1", false))),
            ("http://localhost/", Some(("localhost", false))),
            ("http://id.example.com/", None),
            ("http://169.254.169.254/", None),
            ("/path", None),
        ] {
            let url: Uri = url.parse().expect("a URL");
            assert_eq!(checked(&url).ok(), wanted, "{url}");
        }
    }
}
