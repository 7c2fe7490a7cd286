//! Tokens of viewers: sealed by the server, so that none needs a row, and bound to one session generation, so that all of
//! a session die with it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::app::App;

/// What a viewer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See and use.
    Control,
    /// See only.
    View,
}

impl Role {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::View => "view",
        }
    }
}

/// What a token, or the cookie it was traded for, gives access to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewToken {
    /// The instance.
    pub instance_id: String,
    /// Good only for this generation of its session.
    pub generation: i64,
    /// Name of the display.
    pub display: String,
    /// What the viewer may do.
    pub role: Role,
    /// Who made it: a person's name or an access key's id.
    #[serde(default)]
    pub by: String,
    /// The share it is of, with which it ends; empty: none.
    #[serde(default)]
    pub share: String,
}

impl ViewToken {
    /// Writes the token of a URL.
    pub fn seal(&self, app: &App) -> String {
        self.sealed(app, "viewer-token")
    }

    /// Reads the token of a URL; `None` when this server did not make it.
    pub fn open(app: &App, token: &str) -> Option<Self> {
        Self::opened(app, "viewer-token", token)
    }

    /// Writes the cookie of a view.
    pub fn seal_cookie(&self, app: &App, view_id: &str) -> String {
        self.sealed(app, &format!("view:{view_id}"))
    }

    /// Reads the cookie of a view.
    pub fn open_cookie(app: &App, view_id: &str, cookie: &str) -> Option<Self> {
        Self::opened(app, &format!("view:{view_id}"), cookie)
    }

    fn sealed(&self, app: &App, context: &str) -> String {
        let plain = serde_json::to_vec(self).expect("a token is plain data");
        URL_SAFE_NO_PAD.encode(app.seal.seal(&*app.ids, context, &plain))
    }

    fn opened(app: &App, context: &str, text: &str) -> Option<Self> {
        if text.len() > 4096 {
            return None;
        }
        let plain = app.seal.open_sealed(context, &URL_SAFE_NO_PAD.decode(text).ok()?)?;
        serde_json::from_slice(&plain).ok()
    }
}
