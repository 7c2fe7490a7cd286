//! What the server and the guest agent say to each other: JSON bodies of the agent's HTTP/1.1 API.
//!
//! | request | body → reply | meaning |
//! |---|---|---|
//! | `GET /v1/health` | → [`Health`] | the agent answers; lists displays |
//! | `PUT /v1/displays/{name}` | [`DisplaySpec`] → [`DisplayStatus`] | ensures the display is starting or started; answers at once; repeating it changes nothing |
//! | `GET /v1/displays/{name}?wait_ms=N` | → [`DisplayStatus`] | current state; with `wait_ms` (≤ 30 000) answers when the state or the percentage changes, or after N ms |
//! | `DELETE /v1/displays/{name}?grace_ms=N` | → [`DisplayStatus`] (`Stopped`) | ends every process started in the display, answers when all are gone; success when there is none |
//! | `GET /v1/displays/{name}/stream` | WebSocket upgrade | the display protocol (docs/display-protocol.md); header `x-porthole-role: control` or `view` |
//! | `GET /v1/ssh-host-keys?wait_ms=N` | → [`SshHostKeys`] | the SSH server's public keys; with `wait_ms` (≤ 30 000) answers when they are made, or after N ms |
//! | `GET /v1/displays/{name}/screenshot` | → `image/png` | the picture now |
//! | `GET /v1/files` | upgrade to `porthole-files` | the person's files ([`crate::files`]) |
//! | `PUT /v1/metadata` | [`Metadata`] → [`Taken`] | what the metadata service at [`METADATA_ADDRESS`] says from now on |
//!
//! An unknown display answers 404 with [`AgentError`]; a bad body 400; a display that cannot start is a
//! [`DisplayStatus`] in state `Failed`, not an HTTP error. Every reply is at most [`MAX_REPLY_BYTES`] (streams and
//! screenshots apart). The server treats all of it as hostile input.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

/// Largest JSON reply the server reads from an agent, in bytes.
pub const MAX_REPLY_BYTES: usize = 64 * 1024;

/// Says that the agent answers, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The agent's version, `CARGO_PKG_VERSION`.
    pub version: String,
    /// Milliseconds since the agent began.
    pub uptime_ms: u64,
    /// Every display known since boot, stopped ones included.
    pub displays: Vec<DisplayStatus>,
    /// Requests to the metadata service that were answered without a token, since boot.
    #[serde(default)]
    pub requests_without_token: u64,
}

/// What a display shall run: one X server, one D-Bus session, one command, all ended together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisplaySpec {
    /// First size in pixels, 320–8192 wide; viewers may resize it.
    pub width_px: u16,
    /// First size in pixels, 200–8192 high.
    pub height_px: u16,
    /// Command and arguments, run as `lightsail-user` with DISPLAY, HOME, XDG_RUNTIME_DIR and a D-Bus session set.
    pub command: Vec<String>,
    /// The display counts as started when a window of at least a quarter of the screen is mapped and has been drawn to
    /// (`true`), or as soon as the X server answers and the command runs (`false`).
    pub wait_for_window: bool,
}

/// Where a display is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisplayState {
    /// X server, D-Bus or command are coming up; see `percent`.
    Starting,
    /// The command runs and (if asked for) its window is drawn.
    Started,
    /// Processes are being ended.
    Stopping,
    /// Nothing of the display is left, or it never was.
    Stopped,
    /// It could not start, or its X server or command ended by itself; `reason` says what.
    Failed,
}

/// A display's state as the agent reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayStatus {
    /// `application` or `desktop`.
    pub name: String,
    /// Where it is in its life.
    pub state: DisplayState,
    /// 0–100, real stages: 10 processes started, 40 X server answers, 70 command runs, 100 drawn.
    pub percent: u8,
    /// Why it failed, for a person; empty otherwise.
    pub reason: String,
    /// Connected viewers.
    pub viewers: u32,
    /// Current size in pixels; 0 when stopped.
    pub width_px: u16,
    /// Current size in pixels; 0 when stopped.
    pub height_px: u16,
}

/// Most windows an agent names, and most characters of each text.
pub const MOST_WINDOWS: usize = 64;
/// Most characters of a window's title or application.
pub const MOST_WINDOW_TEXT: usize = 200;
/// Widest and highest small picture of a display.
pub const SMALL_PICTURE_PX: (u16, u16) = (480, 300);

/// Where an instance keeps its displays' pictures: a filesystem in memory, of large pages where the kernel has them.
pub const PICTURES: &str = "/run/porthole/pictures";
/// The windows that are open on a display.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowList {
    /// The oldest first.
    pub windows: Vec<Window>,
}

/// A window that a person may have work in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// What it says above it.
    pub title: String,
    /// Which program it belongs to, by the program's own word.
    pub application: String,
}

/// The SSH server's public host keys, as they are on the instance's disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshHostKeys {
    /// One of each algorithm; empty while they are not made yet.
    pub keys: Vec<SshHostKey>,
}

/// One public host key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshHostKey {
    /// For example `ssh-ed25519`.
    pub algorithm: String,
    /// The key in base64, as the second word of a public key's line.
    pub public_key: String,
}

/// Body of every reply with a status of 400 or more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentError {
    /// For a person.
    pub message: String,
}

/// What the agent reads at boot from the file named by `porthole-guest init --config FILE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootConfig {
    /// Host name to set; a DNS label made from the instance's name.
    pub hostname: String,
    /// IPv4 address of the instance, for /etc/hosts.
    pub address: String,
    /// Name servers for /etc/resolv.conf; empty leaves the file alone.
    pub nameservers: Vec<String>,
    /// Account of the person, created with home and passwordless sudo where missing; uid and gid 1000.
    pub username: String,
    /// The instance's id: what is done once in an instance's life is done again when this differs from what the disk
    /// remembers, as on one made from a snapshot of another instance. Empty: unknown, never again.
    #[serde(default)]
    pub instance_id: String,
    /// Public keys that may log in as the person, lines of an `authorized_keys` file.
    #[serde(default)]
    pub authorized_keys: Vec<String>,
    /// Public key whose certificates may log in, a line; empty: none.
    #[serde(default)]
    pub trusted_ca: String,
    /// Script that root runs once, at the first boot; empty: none.
    #[serde(default)]
    pub user_data: String,
    /// What the metadata service says; none: it is not served.
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

/// Where the metadata service answers inside an instance, on port 80. The driver puts it on the loopback interface.
pub const METADATA_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// Likewise by IPv6, where the instance has it and [`Metadata::ipv6`] is set.
pub const METADATA_ADDRESS_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// What the metadata service of an instance says, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// It answers at all (`httpEndpoint`).
    pub enabled: bool,
    /// Only requests with a token are answered (`httpTokens`).
    pub token_required: bool,
    /// It answers by IPv6 too (`httpProtocolIpv6`).
    #[serde(default)]
    pub ipv6: bool,
    /// How many hops the answer with a token may take, 1–64.
    pub hop_limit: u8,
    /// Texts by path below `/latest/`, for example `meta-data/instance-id`. Folders are what paths have in common.
    pub entries: BTreeMap<String, String>,
}

impl Default for Metadata {
    /// As AWS sets a new virtual computer of Lightsail for Research up; says nothing yet.
    fn default() -> Self {
        Self { enabled: true, token_required: true, ipv6: false, hop_limit: 1, entries: BTreeMap::new() }
    }
}

/// The agent's word that it took what it was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {}
