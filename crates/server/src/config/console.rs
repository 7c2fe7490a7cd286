//! What an operator can set of the console.

use std::{net::IpAddr, path::PathBuf};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

/// The console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsoleConfig {
    /// How long a person stays signed in, in milliseconds, 1 000–2 592 000 000. Default 43 200 000 (twelve hours).
    pub session_ms: i64,
    /// The pages show small pictures of running sessions. Default `true`.
    pub screenshots: bool,
    /// How long the audit log is kept, in days, 1–3 650. Default 365.
    pub audit_days: i64,
    /// Addresses of proxies in front of this server, whose X-Forwarded-For is believed. Default: none.
    pub trusted_proxies: Vec<IpAddr>,
    /// Cedar policies that decide who may do what in the console and who may sign in by the identity provider. Default:
    /// the ones built in, `porthole person policy default`.
    pub policies: Option<PathBuf>,
    /// An OpenID Connect provider. Default: none.
    pub oidc: Option<OidcConfig>,
}

/// An OpenID Connect provider by which people sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// The issuer's URL: https, or http on loopback.
    pub issuer: String,
    /// What the provider knows this site by.
    pub client_id: String,
    /// File that holds the secret of this site at the provider, on one line.
    pub client_secret_file: PathBuf,
    /// Words on the button. Default `Single sign-on`.
    #[serde(default = "label")]
    pub label: String,
    /// Scopes asked for beside `openid`. Default `["profile", "email"]`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// Claim that holds a person's groups. Default `groups`.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// Account, by name or id, of people who sign in for the first time.
    pub account: String,
    /// File with certificates (PEM) of the authorities that are believed beside the usual ones. Default: none.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn label() -> String {
    "Single sign-on".into()
}

fn scopes() -> Vec<String> {
    vec!["profile".into(), "email".into()]
}

fn groups() -> String {
    "groups".into()
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            session_ms: 43_200_000,
            screenshots: true,
            audit_days: 365,
            trusted_proxies: Vec::new(),
            policies: None,
            oidc: None,
        }
    }
}

impl ConsoleConfig {
    /// Checks every rule and names the key that breaks one.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!((1_000..=2_592_000_000).contains(&self.session_ms), "console.session_ms must be 1000 to 2592000000");
        ensure!((1..=3_650).contains(&self.audit_days), "console.audit_days must be 1 to 3650");
        self.oidc.as_ref().map_or(Ok(()), OidcConfig::check)
    }
}

impl OidcConfig {
    fn check(&self) -> anyhow::Result<()> {
        let url: http::Uri = self.issuer.parse().context("console.oidc.issuer must be a URL")?;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        ensure!(
            url.scheme_str() == Some("https") || (url.scheme_str() == Some("http") && loopback),
            "console.oidc.issuer must begin with https://; http:// is for loopback addresses"
        );
        ensure!(url.query().is_none(), "console.oidc.issuer must have no query");
        ensure!(!self.client_id.is_empty(), "console.oidc.client_id must not be empty");
        Ok(())
    }
}
