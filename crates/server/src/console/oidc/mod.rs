//! Signing in by an OpenID Connect provider: the code flow with PKCE, a nonce, and a state bound to the browser.

mod client;
mod token;

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context as _, ensure};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use porthole_model::person;
use porthole_store::{Person, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    cx::{Browser, new_token},
    decide::Visitor,
    problem::Problem,
    sign_in::{By, begin},
};
use crate::{app::App, config::OidcConfig, gateway};
use client::Client;

/// Cookie of a sign-in that has gone to the provider and not come back. It is Lax, or it would not come back.
const COOKIE: &str = "porthole_oidc";
const COOKIE_PATH: &str = "/console/api/sign-in/oidc";
/// How long a person has at the provider, in milliseconds.
const FLOW_MS: i64 = 600_000;
/// How long what the provider says of itself is believed, in milliseconds.
const BELIEVED_MS: i64 = 3_600_000;
/// Names tried for a person whose name is taken.
const MOST_NAMES: u32 = 50;

/// The provider, as the configuration names it.
pub struct Provider {
    config: OidcConfig,
    secret: String,
    client: Client,
    known: tokio::sync::Mutex<Option<Arc<Known>>>,
}

/// What the provider says of itself.
struct Known {
    read_ms: i64,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    keys: Value,
}

/// A sign-in at the provider, sealed into a cookie.
#[derive(Serialize, Deserialize)]
struct Flow {
    state: String,
    nonce: String,
    verifier: String,
    expires_ms: i64,
}

/// What the provider sends a person back with.
#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    error: String,
}

/// Why nobody was signed in: the word the page gets.
enum Failure {
    Failed(anyhow::Error),
    NotAllowed(Visitor),
    Unavailable(anyhow::Error),
}

impl Provider {
    /// Reads the secret and the certificates.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn load(config: &OidcConfig) -> anyhow::Result<Self> {
        let file = &config.client_secret_file;
        let secret = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let secret = secret.trim().to_owned();
        ensure!(!secret.is_empty(), "{} is empty", file.display());
        Ok(Self { config: config.clone(), secret, client: Client::new(config)?, known: tokio::sync::Mutex::default() })
    }

    /// What the provider says of itself, read anew after an hour, or when it has new keys.
    async fn known(&self, now_ms: i64, anew: bool) -> anyhow::Result<Arc<Known>> {
        let mut known = self.known.lock().await;
        if let Some(known) =
            known.as_ref().filter(|known| !anew && (0..BELIEVED_MS).contains(&(now_ms - known.read_ms)))
        {
            return Ok(Arc::clone(known));
        }
        let url = format!("{}/.well-known/openid-configuration", self.config.issuer.trim_end_matches('/'));
        let found = self.client.get(&url, None).await?;
        ensure!(found["issuer"] == self.config.issuer, "{url} is of another issuer");
        let endpoint = |name: &str| {
            let text = found[name].as_str().with_context(|| format!("{url} has no {name}"))?;
            client::checked(&text.parse()?)?;
            Ok::<_, anyhow::Error>(text.to_owned())
        };
        let userinfo = found["userinfo_endpoint"].is_string().then(|| endpoint("userinfo_endpoint")).transpose()?;
        let fresh = Arc::new(Known {
            read_ms: now_ms,
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            userinfo_endpoint: userinfo,
            keys: self.client.get(&endpoint("jwks_uri")?, None).await?,
        });
        *known = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Trades a code for what the provider vouches for.
    async fn visitor(&self, app: &App, flow: &Flow, code: &str) -> Result<Visitor, Failure> {
        let now_ms = app.clock.now_ms();
        let known = self.known(now_ms, false).await.map_err(Failure::Unavailable)?;
        let form = query(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri(app)),
            ("code_verifier", &flow.verifier),
        ]);
        // Both are written as in a form first (RFC 6749, 2.3.1).
        let basic = STANDARD.encode(format!("{}:{}", encoded(&self.config.client_id), encoded(&self.secret)));
        let reply = self.client.post(&known.token_endpoint, &basic, form).await.map_err(Failure::Failed)?;
        let claims = self.claims(app, flow, &reply, known).await.map_err(Failure::Failed)?;
        Ok(read_visitor(&self.config, &claims))
    }

    async fn claims(&self, app: &App, flow: &Flow, reply: &Value, known: Arc<Known>) -> anyhow::Result<Value> {
        let token = reply["id_token"].as_str().context("the provider gave no identity token")?;
        let now_ms = app.clock.now_ms();
        let id = token::key_id(token);
        let has = |known: &Known| {
            let keys = known.keys["keys"].as_array().into_iter().flatten();
            id.as_deref().is_none_or(|id| keys.into_iter().any(|key| key["kid"] == id))
        };
        let known = if has(&known) { known } else { self.known(now_ms, true).await? };
        let expected = token::Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce: &flow.nonce,
            now_s: now_ms as f64 / 1000.0,
        };
        let mut claims = token::verify(token, &known.keys, &expected)?;
        if let (Some(endpoint), Some(access)) = (&known.userinfo_endpoint, reply["access_token"].as_str()) {
            let more = self.client.get(endpoint, Some(access)).await?;
            ensure!(more["sub"] == claims["sub"], "the provider speaks of somebody else");
            if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
                // What was signed counts more.
                for (name, value) in more {
                    claims.entry(name).or_insert(value);
                }
            }
        }
        Ok(claims)
    }
}

/// Reads what the policies decide by.
fn read_visitor(config: &OidcConfig, claims: &Value) -> Visitor {
    let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    let groups: BTreeSet<String> = match &claims[&config.groups_claim] {
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(one) => [one.clone()].into(),
        _ => BTreeSet::new(),
    };
    let name = ["preferred_username", "email", "sub"].into_iter().map(text).find(|name| !name.is_empty());
    Visitor {
        issuer: config.issuer.clone(),
        subject: text("sub"),
        name: name.unwrap_or_default(),
        email: text("email"),
        email_verified: claims["email_verified"] == true,
        groups,
    }
}

fn redirect_uri(app: &App) -> String {
    format!("{}{COOKIE_PATH}/callback", app.config.base_url())
}

/// `GET sign-in/oidc`: to the provider.
pub async fn leave(browser: Browser) -> Result<Response, Problem> {
    let app = &browser.app;
    let provider = app.console.oidc.as_ref().ok_or_else(|| Problem::not_found("identity provider"))?;
    let now_ms = app.clock.now_ms();
    let known = match provider.known(now_ms, false).await {
        Ok(known) => known,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the identity provider cannot be asked");
            return Ok(redirect(&to_sign_in("unavailable")));
        }
    };
    let new = || new_token(&*app.ids);
    let flow = Flow { state: new(), nonce: new(), verifier: new(), expires_ms: now_ms + FLOW_MS };
    let scope = ["openid"].into_iter().chain(provider.config.scopes.iter().map(String::as_str)).collect::<Vec<_>>();
    let asked = query(&[
        ("response_type", "code"),
        ("client_id", &provider.config.client_id),
        ("redirect_uri", &redirect_uri(app)),
        ("scope", &scope.join(" ")),
        ("state", &flow.state),
        ("nonce", &flow.nonce),
        ("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(&flow.verifier))),
        ("code_challenge_method", "S256"),
    ]);
    let join = if known.authorization_endpoint.contains('?') { '&' } else { '?' };
    let plain = serde_json::to_vec(&flow).expect("a sign-in is plain data");
    let sealed = URL_SAFE_NO_PAD.encode(app.seal.seal(&*app.ids, "oidc-flow", &plain));
    let mut response = redirect(&format!("{}{join}{asked}", known.authorization_endpoint));
    response.headers_mut().append(header::SET_COOKIE, cookie(app, &sealed, FLOW_MS / 1000));
    Ok(response)
}

/// `GET sign-in/oidc/callback`: back from the provider. It comes from another site, as it must.
pub async fn come_back(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let browser = Browser::from_anywhere(&app, &head.extensions, &head.headers);
    let back = axum::extract::Query::<Back>::try_from_uri(&head.uri).map(|query| query.0);
    let outcome = match back {
        Ok(back) => finish(&browser, &head.headers, &back).await,
        Err(_) => Err(Failure::Failed(anyhow::anyhow!("the query cannot be read"))),
    };
    let mut response = match outcome {
        Ok(signed_in) => {
            let mut response = redirect("/console/");
            for cookie in signed_in.headers().get_all(header::SET_COOKIE) {
                response.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            response
        }
        Err(failure) => redirect(&to_sign_in(failed(&browser, failure).await)),
    };
    response.headers_mut().append(header::SET_COOKIE, cookie(&app, "", 0));
    response
}

/// The page that says why nobody was signed in.
fn to_sign_in(code: &str) -> String {
    format!("/console/#/sign-in?error={code}")
}

async fn failed(browser: &Browser, failure: Failure) -> &'static str {
    let (code, actor, error) = match failure {
        Failure::Failed(error) => ("signInFailed", "?".to_owned(), Some(error)),
        Failure::NotAllowed(visitor) => ("notAllowed", format!("{} ({})", visitor.name, visitor.subject), None),
        Failure::Unavailable(error) => ("unavailable", "?".to_owned(), Some(error)),
    };
    if let Some(error) = error {
        tracing::warn!(error = format!("{error:#}"), "nobody was signed in by the identity provider");
    }
    browser.log(&actor, "", "SignIn", "oidc", code).await;
    code
}

async fn finish(browser: &Browser, headers: &HeaderMap, back: &Back) -> Result<Response, Failure> {
    let app = &browser.app;
    let wrong = |text: &'static str| Failure::Failed(anyhow::anyhow!(text));
    let provider = app.console.oidc.as_ref().ok_or_else(|| wrong("no identity provider is configured"))?;
    let flow = gateway::cookie(headers, COOKIE)
        .and_then(|text| app.seal.open_sealed("oidc-flow", &URL_SAFE_NO_PAD.decode(text).ok()?))
        .and_then(|plain| serde_json::from_slice::<Flow>(&plain).ok());
    let flow = flow.ok_or_else(|| wrong("this browser did not begin a sign-in"))?;
    if flow.expires_ms <= app.clock.now_ms() {
        return Err(wrong("the sign-in took too long"));
    }
    if !bool::from(flow.state.as_bytes().ct_eq(back.state.as_bytes())) {
        return Err(wrong("the provider answers another sign-in"));
    }
    if !back.error.is_empty() || back.code.is_empty() {
        return Err(wrong("the provider did not let the person in"));
    }
    let visitor = provider.visitor(app, &flow, &back.code).await?;
    let person = find_or_make(app, provider, visitor).await?;
    if person.disabled {
        return Err(wrong("the person is disabled"));
    }
    begin(browser, person, By::Oidc).await.map_err(|problem| Failure::Unavailable(anyhow::anyhow!(problem.code)))
}

/// Finds the person, with the role the policies give now, or makes them.
async fn find_or_make(app: &App, provider: &Provider, visitor: Visitor) -> Result<Person, Failure> {
    let Some(role) = app.console.policies.role_of(&visitor) else { return Err(Failure::NotAllowed(visitor)) };
    let subject = format!("{} {}", visitor.issuer, visitor.subject);
    let unavailable = |error: StoreError| Failure::Unavailable(error.into());
    if let Some(person) = app.store.person_of_subject(&subject).await.map_err(unavailable)? {
        return Ok(Person { role, ..person });
    }
    let account = app.store.account(&provider.config.account).await.map_err(unavailable)?;
    let account =
        account.with_context(|| format!("there is no account {}: console.oidc.account", provider.config.account));
    let account = account.map_err(Failure::Unavailable)?;
    let wished = plain_name(&visitor);
    for number in 1..=MOST_NAMES {
        let person = Person {
            id: app.ids.uuid(),
            name: if number == 1 { wished.clone() } else { format!("{wished}-{number}") },
            account_id: account.id.clone(),
            role,
            password: String::new(),
            subject: subject.clone(),
            disabled: false,
            created_ms: app.clock.now_ms(),
            signed_in_ms: 0,
        };
        let mut tx = app.store.begin().await.map_err(unavailable)?;
        match tx.insert_person(&person).await {
            Ok(()) => {
                tx.commit().await.map_err(unavailable)?;
                return Ok(person);
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(unavailable(error)),
        }
        drop(tx);
        // Two sign-ins at once of one person make one.
        if let Some(person) = app.store.person_of_subject(&subject).await.map_err(unavailable)? {
            return Ok(person);
        }
    }
    Err(Failure::Unavailable(anyhow::anyhow!("all names like {wished} are taken")))
}

/// A name as the site's people have it, made of what the provider calls somebody.
fn plain_name(visitor: &Visitor) -> String {
    let plain: String =
        visitor.name.chars().map(|c| if c == ' ' { '.' } else { c }).filter(char::is_ascii).take(60).collect();
    person::name(&plain).unwrap_or_else(|_| format!("person-{}", &hex::encode(Sha256::digest(&visitor.subject))[..10]))
}

fn cookie(app: &App, value: &str, seconds: i64) -> HeaderValue {
    let secure = if app.config.base_url().starts_with("https://") { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path={COOKIE_PATH}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).expect("a cookie has plain letters")
}

fn redirect(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/console/"));
    (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
}

fn query(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// Writes a value so that it may stand in a query or a form.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> OidcConfig {
        toml::from_str("issuer = \"https://id\"\nclient_id = \"a\"\nclient_secret_file = \"b\"\naccount = \"c\"")
            .expect("is read")
    }

    #[test]
    fn claims_become_a_visitor() {
        let claims = json!({"sub": "7", "preferred_username": "Ada L", "email": "a@b", "email_verified": "true", "groups": ["x", 1, "y"]});
        let visitor = read_visitor(&config(), &claims);
        assert_eq!((visitor.subject.as_str(), visitor.name.as_str(), visitor.email.as_str()), ("7", "Ada L", "a@b"));
        assert!(!visitor.email_verified, "a word is not a fact");
        assert_eq!(visitor.groups, ["x".to_owned(), "y".to_owned()].into());
        assert_eq!(plain_name(&visitor), "ada.l");
        let other = read_visitor(&config(), &json!({"sub": "é/é", "groups": "one"}));
        assert_eq!(other.groups, ["one".to_owned()].into());
        assert!(plain_name(&other).starts_with("person-"), "{}", plain_name(&other));
    }

    #[test]
    fn values_are_written_for_a_query() {
        assert_eq!(query(&[("a", "b c&d=é"), ("e", "-._~")]), "a=b%20c%26d%3D%C3%A9&e=-._~");
    }
}
