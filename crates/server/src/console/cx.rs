//! What the console's functions get: who asks, from where, and what; read from the request before they run.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts},
    http::{Extensions, HeaderMap, HeaderValue, Method, Request, header, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::{BodyExt as _, Limited};
use porthole_model::AccountId;
use porthole_store::{Instance, Person, SignIn};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::{decide::Act, problem::Problem};
use crate::{app::App, audit, client, gateway};

/// Name of the session's cookie.
const COOKIE: &str = "porthole_session";
/// Most bytes of a body.
const MOST_BODY: usize = 64 << 10;

/// A browser that asks: from the console's own page, if it wants to change something.
#[derive(Clone)]
pub struct Browser {
    /// The application context.
    pub app: Arc<App>,
    /// The client's address.
    pub address: String,
    token: Option<String>,
}

/// A person who has signed in.
pub struct Cx {
    /// From where.
    pub browser: Browser,
    /// The session.
    pub sign_in: SignIn,
    /// Whose it is.
    pub person: Person,
}

/// An operator.
pub struct OperatorCx(pub Cx);

/// A body of JSON.
pub struct Json_<T>(pub T);

/// What comes after the question mark.
pub struct Query<T>(pub T);

impl Browser {
    /// Takes a request as it comes, from whatever page.
    pub fn from_anywhere(app: &Arc<App>, extensions: &Extensions, headers: &HeaderMap) -> Self {
        let token = gateway::cookie(headers, COOKIE).filter(|token| token.len() <= 128).map(str::to_owned);
        Self { app: Arc::clone(app), address: client::address(app, extensions, headers), token }
    }

    /// The session the cookie names, if it is good.
    pub async fn session(&self) -> Result<Option<(SignIn, Person)>, Problem> {
        let Some(token) = &self.token else { return Ok(None) };
        let found = self.app.store.sign_in_of_token(&hash(token)).await?;
        let now_ms = self.app.clock.now_ms();
        Ok(found.filter(|(sign_in, person)| sign_in.expires_ms > now_ms && !person.disabled))
    }

    /// Writes an act into the audit log.
    pub async fn log(&self, actor: &str, account_id: &str, action: &str, target: &str, outcome: &str) {
        let act = audit::Act { actor, account_id, action, target, address: &self.address, outcome };
        self.app.audit.write(&self.app, act).await;
    }
}

impl Cx {
    /// The application context.
    pub fn app(&self) -> &App {
        &self.browser.app
    }

    /// The person's account.
    pub fn account(&self) -> &AccountId {
        &self.person.account_id
    }

    /// Refuses what the policies do not allow, and takes note of that.
    pub async fn may(&self, act: Act, action: &str, target: &str) -> Result<(), Problem> {
        if self.app().console.policies.allows(&self.person, act) {
            return Ok(());
        }
        self.log(action, target, "notAllowed").await;
        Err(Problem::not_allowed())
    }

    /// Writes an act of the person into the audit log.
    pub async fn log(&self, action: &str, target: &str, outcome: &str) {
        self.browser.log(&self.person.name, self.account().as_str(), action, target, outcome).await;
    }

    /// Writes how an act ended into the audit log, and gives that back.
    pub async fn logged<T>(&self, action: &str, target: &str, outcome: Result<T, Problem>) -> Result<T, Problem> {
        self.log(action, target, outcome.as_ref().err().map_or("ok", |problem| problem.code)).await;
        outcome
    }

    /// Finds an instance of the person's account by name, with its session as it is now.
    pub async fn instance(&self, name: &str) -> Result<Instance, Problem> {
        let app = self.app();
        let found = app.store.instance_by_name(self.account(), &app.config.region, name).await?;
        let mut instance = found.ok_or_else(|| Problem::not_found("computer"))?;
        instance.session = instance.session.at(app.clock.now_ms());
        Ok(instance)
    }
}

impl FromRequestParts<Arc<App>> for Browser {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_own(app, &head.method, &head.headers) {
            return Err(Problem::cross_origin());
        }
        Ok(Self::from_anywhere(app, &head.extensions, &head.headers))
    }
}

impl FromRequestParts<Arc<App>> for Cx {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let browser = Browser::from_request_parts(head, app).await?;
        let (sign_in, person) = browser.session().await?.ok_or_else(Problem::sign_in_required)?;
        let cx = Self { browser, sign_in, person };
        cx.may(Act::Use, "Use", &format!("{} {}", head.method, head.uri.path())).await?;
        Ok(cx)
    }
}

impl FromRequestParts<Arc<App>> for OperatorCx {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let browser = Browser::from_request_parts(head, app).await?;
        let (sign_in, person) = browser.session().await?.ok_or_else(Problem::sign_in_required)?;
        let cx = Cx { browser, sign_in, person };
        cx.may(Act::Operate, "Operate", &format!("{} {}", head.method, head.uri.path())).await?;
        Ok(Self(cx))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json_<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &Arc<App>) -> Result<Self, Problem> {
        let body = match Limited::new(request.into_body(), MOST_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => return Err(Problem::too_large()),
            Err(_) => return Err(Problem::invalid("The request's body ended early.")),
        };
        // What serde says names members and types, never values of ours.
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| Problem::invalid(format!("The body is not right: {error}.")))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::try_from_uri(&head.uri);
        query.map(|query| Self(query.0)).map_err(|error| Problem::invalid(format!("The query is not right: {error}.")))
    }
}

/// Says whether a request may come from the page: what changes something must come from it, and must say so by a header
/// that no form can send.
fn is_own(app: &App, method: &Method, headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if method == Method::GET {
        return !matches!(site, Some(b"cross-site" | b"same-site"));
    }
    let marked = headers.get("x-porthole-console").is_some_and(|value| value == "1");
    let ours = match site {
        Some(site) => site == b"same-origin",
        None => gateway::same_origin(app, headers),
    };
    marked && ours
}

/// Makes a token nobody can guess, for a cookie or a link.
pub fn new_token(ids: &dyn crate::app::Ids) -> String {
    let mut random = [0; 32];
    ids.fill(&mut random);
    URL_SAFE_NO_PAD.encode(random)
}

/// What the store keeps of a token.
pub fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// The cookie of a session; an empty token takes it away.
pub fn cookie(app: &App, token: &str, seconds: i64) -> HeaderValue {
    let secure = if app.config.base_url().starts_with("https://") { "; Secure" } else { "" };
    let text = format!("{COOKIE}={token}; Path=/console/api; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("a token has plain letters")
}

/// Puts a cookie into a response.
pub fn with_cookie(body: serde_json::Value, cookie: HeaderValue) -> axum::response::Response {
    let mut response = axum::response::IntoResponse::into_response(axum::Json(body));
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// Times as the pages read them: seconds since the epoch.
pub fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// A time that may never have been: 0 is none.
pub fn seconds_or_null(ms: i64) -> Option<f64> {
    (ms != 0).then(|| seconds(ms))
}
