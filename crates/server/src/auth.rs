//! Who calls: verifies the signature and finds the account behind the access key.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::request::Parts;
use porthole_api::{Error, sigv4};
use serde::{Deserialize, Serialize};

use crate::{app::App, policy::Policy, telemetry::chain};

/// The service name in a signature's scope.
const SERVICE: &str = "lightsail";
/// How long a key read from the store is believed: so long a revoked key may go on.
const BELIEVED_MS: i64 = 1_000;
/// Most keys remembered; past it the memory is emptied, which costs a look-up each.
const MOST_KEYS: usize = 10_000;

/// Who calls, proven by a signature.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// Twelve digits.
    pub account_id: String,
    /// The key that signed.
    pub access_key_id: String,
    /// What the key is restricted to; `None`: it may do everything in its account.
    pub policy: Option<Policy>,
    /// Name of the person whose session in the console the key belongs to.
    pub person: Option<String>,
}

impl Caller {
    /// Who it is, for people: a person's name, or the key's id.
    pub fn actor(&self) -> &str {
        self.person.as_deref().unwrap_or(&self.access_key_id)
    }
}

/// Access keys seen lately, with their secrets and the day's signing key.
#[derive(Default)]
pub struct KeyCache {
    known: Mutex<HashMap<String, Arc<Known>>>,
    /// When keys last signed, in milliseconds since the epoch, since that was last written to the store.
    used: Mutex<HashMap<String, i64>>,
}

struct Known {
    account_id: String,
    policy: Option<Policy>,
    /// Name of the person, of a session in the console and its credentials.
    person: Option<String>,
    secret: sigv4::Secret,
    read_ms: i64,
    signing: Mutex<Option<sigv4::SigningKey>>,
}

/// What a session token holds, sealed; temporary credentials need no row in the store.
#[derive(Serialize, Deserialize)]
struct SessionToken {
    access_key_id: String,
    secret: String,
    /// The long-lived key it was made from: the token ends when that key does. Empty: it was made from a session.
    parent: String,
    /// The session in the console it was made from, likewise. Empty: it was made from a key.
    #[serde(default)]
    sign_in: String,
    expires_ms: i64,
}

/// What temporary credentials end with.
#[derive(Debug, Clone, Copy)]
pub enum Parent<'a> {
    /// An access key.
    AccessKey(&'a str),
    /// A person's session in the console, by its id.
    SignIn(&'a str),
}

/// Temporary credentials as an SDK takes them.
pub struct TemporaryCredentials {
    /// Begins with `ASIA`.
    pub access_key_id: String,
    /// The secret.
    pub secret: String,
    /// Goes into `X-Amz-Security-Token`.
    pub session_token: String,
    /// Milliseconds since the epoch.
    pub expires_ms: i64,
}

/// Proves who calls.
///
/// # Errors
/// Each failure its own AWS error; nothing is said about whether a secret exists.
pub async fn authenticate(app: &App, head: &Parts, body: &[u8]) -> Result<Caller, Error> {
    let headers: Vec<(&str, &[u8])> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let request = sigv4::Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or(""),
        headers: &headers,
        body,
    };
    let now_ms = app.clock.now_ms();
    let expected = sigv4::Expected { region: &app.config.region, service: SERVICE, now_ms };
    let scoped = sigv4::Claim::read(request)?.check(&expected)?;
    let is_temporary = scoped.token().is_some();
    let (known, policy) = match scoped.token() {
        Some(token) => temporary(app, scoped.access_key_id(), token, now_ms).await?,
        None => {
            let known = permanent(app, scoped.access_key_id(), now_ms).await?;
            let policy = known.policy.clone();
            (known, policy)
        }
    };
    let key = known.signing_key(scoped.date(), &app.config.region);
    let verified = scoped.verify(&key)?;
    if !is_temporary {
        app.keys.note_use(verified.access_key_id(), now_ms);
    }
    Ok(Caller {
        account_id: known.account_id.clone(),
        access_key_id: verified.access_key_id().to_owned(),
        policy,
        person: known.person.clone(),
    })
}

async fn permanent(app: &App, access_key_id: &str, now_ms: i64) -> Result<Arc<Known>, Error> {
    if let Some(known) = app.keys.get(access_key_id).filter(|known| known.is_fresh(now_ms)) {
        return Ok(known);
    }
    let found = app.store.access_key(access_key_id).await.map_err(unavailable)?;
    let Some(key) = found.filter(|key| key.active) else {
        app.keys.forget(access_key_id);
        return Err(Error::unknown_access_key());
    };
    let secret = app
        .seal
        .open_sealed(&key_context(access_key_id), &key.secret_sealed)
        .and_then(|secret| String::from_utf8(secret).ok());
    let Some(secret) = secret else {
        tracing::error!(
            access_key_id,
            "an access key's secret cannot be opened: is secret.key the one it was made with?"
        );
        return Err(Error::service("The access key cannot be read. Ask the operator to make a new one."));
    };
    let policy = match key.policy.as_str() {
        "" => None,
        text => match Policy::parse(text) {
            Ok(policy) => Some(policy),
            Err(error) => {
                // Never unrestricted instead: the policy was good when it was set, by another version of this program.
                tracing::error!(access_key_id, error = %format!("{error:#}"), "an access key's policy cannot be read");
                return Err(Error::service("The access key's policy cannot be read. Ask the operator to set it anew."));
            }
        },
    };
    Ok(app.keys.remember(access_key_id, Known::new(key.account_id.to_string(), policy, secret, now_ms)))
}

/// Finds temporary credentials; what they may do is decided by the policy their parent has now.
async fn temporary(
    app: &App,
    access_key_id: &str,
    token: &str,
    now_ms: i64,
) -> Result<(Arc<Known>, Option<Policy>), Error> {
    let sealed = hex::decode(token).map_err(|_| Error::unknown_session_token())?;
    let plain = app.seal.open_sealed("session-token", &sealed).ok_or_else(Error::unknown_session_token)?;
    let token: SessionToken = serde_json::from_slice(&plain).map_err(|_| Error::unknown_session_token())?;
    if token.access_key_id != access_key_id {
        return Err(Error::unknown_session_token());
    }
    if token.expires_ms <= now_ms {
        return Err(Error::expired_token());
    }
    let parent = match token.sign_in.as_str() {
        "" => {
            let parent = permanent(app, &token.parent, now_ms).await?;
            app.keys.note_use(&token.parent, now_ms);
            parent
        }
        sign_in => session(app, sign_in, now_ms).await?,
    };
    // Remembered under a name that no access key id can have: without its token the key must not be found.
    let name = format!("temporary:{access_key_id}");
    if let Some(known) = app.keys.get(&name) {
        return Ok((known, parent.policy.clone()));
    }
    let known = Known::new(parent.account_id.clone(), None, token.secret, now_ms);
    let known = Known { person: parent.person.clone(), ..known };
    Ok((app.keys.remember(&name, known), parent.policy.clone()))
}

/// Finds a person's session in the console, whose credentials end with it.
async fn session(app: &App, id: &str, now_ms: i64) -> Result<Arc<Known>, Error> {
    let name = format!("sign-in:{id}");
    if let Some(known) = app.keys.get(&name).filter(|known| known.is_fresh(now_ms)) {
        return Ok(known);
    }
    let found = app.store.sign_in(id).await.map_err(unavailable)?;
    let Some((_, person)) = found.filter(|(sign_in, person)| sign_in.expires_ms > now_ms && !person.disabled) else {
        app.keys.forget(&name);
        return Err(Error::expired_token());
    };
    let known = Known::new(person.account_id.to_string(), None, String::new(), now_ms);
    Ok(app.keys.remember(&name, Known { person: Some(person.name), ..known }))
}

/// Makes temporary credentials.
pub fn temporary_credentials(
    app_seal: &crate::secret::Seal,
    ids: &dyn crate::app::Ids,
    parent: Parent<'_>,
    expires_ms: i64,
) -> TemporaryCredentials {
    let (parent, sign_in) = match parent {
        Parent::AccessKey(id) => (id, ""),
        Parent::SignIn(id) => ("", id),
    };
    let (access_key_id, secret) = new_key(ids, "ASIA");
    let token = SessionToken {
        access_key_id: access_key_id.clone(),
        secret: secret.clone(),
        parent: parent.to_owned(),
        sign_in: sign_in.to_owned(),
        expires_ms,
    };
    let plain = serde_json::to_vec(&token).expect("a token is plain data");
    let session_token = hex::encode(app_seal.seal(ids, "session-token", &plain));
    TemporaryCredentials { access_key_id, secret, session_token, expires_ms }
}

/// Makes a key id (20 characters, beginning with `prefix`) and a secret (40 characters).
pub fn new_key(ids: &dyn crate::app::Ids, prefix: &str) -> (String, String) {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut random = [0; 16 + 30];
    ids.fill(&mut random);
    let id = random[..16].iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    let secret = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &random[16..]);
    (prefix.chars().chain(id).collect(), secret)
}

/// What a sealed access key is bound to.
pub fn key_context(access_key_id: &str) -> String {
    format!("access-key:{access_key_id}")
}

fn unavailable(error: porthole_store::StoreError) -> Error {
    tracing::error!(error = chain(&error), "the store does not answer");
    Error::service_unavailable("The service cannot be reached just now. Try again.")
}

impl Known {
    fn new(account_id: String, policy: Option<Policy>, secret: String, read_ms: i64) -> Self {
        Self {
            account_id,
            policy,
            person: None,
            secret: sigv4::Secret::new(secret),
            read_ms,
            signing: Mutex::new(None),
        }
    }

    fn is_fresh(&self, now_ms: i64) -> bool {
        (self.read_ms..self.read_ms + BELIEVED_MS).contains(&now_ms)
    }

    fn signing_key(&self, date: &str, region: &str) -> sigv4::SigningKey {
        let mut signing = self.signing.lock().unwrap_or_else(PoisonError::into_inner);
        match &*signing {
            Some(key) if key.is_for(date, region, SERVICE) => key.clone(),
            _ => signing.insert(sigv4::signing_key(&self.secret, date, region, SERVICE)).clone(),
        }
    }
}

impl KeyCache {
    fn get(&self, access_key_id: &str) -> Option<Arc<Known>> {
        self.lock().get(access_key_id).cloned()
    }

    fn remember(&self, access_key_id: &str, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        let mut keys = self.lock();
        if keys.len() >= MOST_KEYS {
            keys.clear();
        }
        keys.insert(access_key_id.to_owned(), Arc::clone(&known));
        known
    }

    /// Forgets everything: a key or a session has ended, and ends here at once.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn note_use(&self, access_key_id: &str, now_ms: i64) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.get_mut(access_key_id) {
            Some(last_ms) => *last_ms = now_ms,
            None => drop(used.insert(access_key_id.to_owned(), now_ms)),
        }
    }

    /// Writes when keys last signed to the store.
    ///
    /// # Errors
    /// When the store fails; they are then written the next time.
    pub async fn write_uses(&self, store: &porthole_store::Store) -> Result<(), porthole_store::StoreError> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if used.is_empty() {
            return Ok(());
        }
        let mut tx = store.begin().await?;
        for (id, at_ms) in &used {
            tx.note_use(id, *at_ms).await?;
        }
        tx.commit().await?;
        // What signed meanwhile stays.
        self.used.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, at_ms| used.get(id) != Some(at_ms));
        Ok(())
    }

    fn forget(&self, access_key_id: &str) {
        self.lock().remove(access_key_id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
