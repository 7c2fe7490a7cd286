//! The agent as PID 1, in namespaces of its own, over a copy of this machine's file system that is thrown away.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use porthole_display::{Abilities, DisplayMessage, Goodbye, GoodbyeReason, Role, Size, ViewerHello, ViewerMessage};
use porthole_model::guest::{BootConfig, DisplaySpec, DisplayState, DisplayStatus, Health, WindowList};
use serde_json::json;
use tokio::net::UnixStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::{PATIENCE, eventually, signal};

/// Makes an overlay over the root, mounts what an OCI runtime would, and becomes the agent.
const WORLD: &str = r#"
set -e
cd "$1"
mount -t tmpfs tmpfs world
mkdir world/upper world/work world/root
mount -t overlay overlay -o lowerdir=/,upperdir=world/upper,workdir=world/work world/root
mkdir -p world/upper/etc
root=world/root
mount -t proc proc $root/proc
mount -t tmpfs tmpfs $root/run
mount -t tmpfs tmpfs $root/tmp
mount -t tmpfs tmpfs $root/dev
for node in null zero full random urandom tty; do touch $root/dev/$node; mount --bind /dev/$node $root/dev/$node; done
mkdir $root/dev/pts $root/dev/shm $root/run/porthole
mount -t devpts devpts $root/dev/pts -o newinstance,ptmxmode=0666
ln -s pts/ptmx $root/dev/ptmx
ln -s /proc/self/fd $root/dev/fd
mount -t tmpfs tmpfs $root/dev/shm -o mode=1777
mount --bind "$1" $root/run/porthole
sed -i '/^lightsail-user:/d' $root/etc/passwd $root/etc/group $root/etc/shadow
rm -f $root/etc/machine-id
exec env -i LISTEN_FDS=1 PATH="$PATH" PORTHOLE_LOG=info \
    chroot $root /run/porthole/guest init --config /run/porthole/boot.json
"#;

/// An instance under test; everything in it ends with it.
pub(crate) struct Instance {
    folder: tempfile::TempDir,
    /// The outer process; the agent is its child.
    child: Child,
}

impl Instance {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name);
        fs::create_dir(inside("world")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_porthole-guest"), inside("guest")).unwrap();
        let config = BootConfig {
            hostname: "lab-1".into(),
            address: "172.26.0.9".into(),
            nameservers: vec!["172.26.0.1".into()],
            username: "lightsail-user".into(),
            ..BootConfig::default()
        };
        fs::write(inside("boot.json"), serde_json::to_vec(&config).unwrap()).unwrap();
        let listener = std::os::unix::net::UnixListener::bind(inside("agent")).unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--kill-child", "--propagation", "private"])
            .args(["sh", "-c", WORLD, "world"])
            .arg(folder.path())
            .stdin(Stdio::null());
        hand_over(&mut command, listener.into());
        Self { child: command.spawn().expect("namespaces can be made"), folder }
    }

    /// A command inside, as root of the instance.
    pub(crate) fn inside(&self, script: &str) -> std::process::Output {
        let agent = self.agent_pid();
        let enter = ["--target", &agent.to_string(), "--mount", "--pid", "--uts", "--ipc", "--root", "--wd=/"];
        Command::new("nsenter").args(enter).args(["sh", "-c", script]).output().unwrap()
    }

    pub(crate) fn text(&self, script: &str) -> String {
        String::from_utf8_lossy(&self.inside(script).stdout).trim().to_owned()
    }

    /// The agent's number as seen from here.
    fn agent_pid(&self) -> u32 {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        eventually("the agent runs", || fs::read_to_string(&children).ok()?.split_whitespace().next()?.parse().ok())
    }

    pub(crate) async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("agent")).await.expect("the agent's socket")
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Vec<u8>) -> (StatusCode, Bytes) {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.connect().await)).await.unwrap();
        tokio::spawn(connection);
        let request =
            Request::builder().method(method).uri(path).header("host", "agent").body(Full::new(Bytes::from(body)));
        let reply = tokio::time::timeout(PATIENCE * 2, sender.send_request(request.unwrap())).await;
        let reply = reply.expect("an answer in time").unwrap();
        (reply.status(), reply.into_body().collect().await.unwrap().to_bytes())
    }

    async fn status(&self, method: Method, path: &str, body: Vec<u8>) -> DisplayStatus {
        let (status, bytes) = self.call(method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }

    pub(crate) async fn put(&self, name: &str, command: &[&str], wait_for_window: bool) -> DisplayStatus {
        let command = command.iter().map(|s| (*s).to_owned()).collect();
        let spec = DisplaySpec { width_px: 800, height_px: 600, command, wait_for_window };
        self.status(Method::PUT, &format!("/v1/displays/{name}"), serde_json::to_vec(&spec).unwrap()).await
    }

    /// Waits, as the server does, until a display is in one of these states.
    pub(crate) async fn reach(&self, name: &str, states: &[DisplayState]) -> DisplayStatus {
        let until = Instant::now() + PATIENCE;
        let mut wait_ms = 0;
        loop {
            let path = format!("/v1/displays/{name}?wait_ms={wait_ms}");
            let status = self.status(Method::GET, &path, Vec::new()).await;
            if states.contains(&status.state) {
                return status;
            }
            assert!(Instant::now() < until, "{status:?}");
            wait_ms = 5000;
        }
    }

    pub(crate) async fn delete(&self, name: &str) -> DisplayStatus {
        self.status(Method::DELETE, &format!("/v1/displays/{name}?grace_ms=100"), Vec::new()).await
    }

    /// Connects a viewer and returns its first answer and socket.
    async fn view(&self, name: &str, role: &str) -> tokio_tungstenite::WebSocketStream<UnixStream> {
        let mut request = format!("ws://agent/v1/displays/{name}/stream").into_client_request().unwrap();
        request.headers_mut().insert("x-porthole-role", role.parse().unwrap());
        let (mut socket, _) = tokio_tungstenite::client_async(request, self.connect().await).await.expect("a stream");
        let hello = ViewerHello {
            version: 1,
            abilities: Abilities::JPEG,
            width_px: 0,
            height_px: 0,
            pixel_ratio_256: 256,
            window_log: 20,
        };
        socket.send(Message::Binary(ViewerMessage::Hello(hello).encode().into())).await.unwrap();
        socket
    }

    /// Programs that run inside, the agent apart.
    pub(crate) fn programs(&self) -> Vec<String> {
        let list = "for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || cat $p/comm; done 2>/dev/null";
        let text = self.text(list);
        text.lines().filter(|l| !matches!(*l, "porthole-guest" | "guest" | "cat" | "sh")).map(str::to_owned).collect()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // The namespaces' init dies with the outer process, and everything else with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gives a descriptor to a child under the number 3.
#[allow(unsafe_code)]
fn hand_over(command: &mut Command, fd: std::os::fd::OwnedFd) {
    use std::os::fd::AsFd;
    // High enough to stay clear of number 3 and of what the standard library opens for the start.
    let fd = rustix::io::fcntl_dupfd_cloexec(fd.as_fd(), 200).unwrap();
    let place = move || {
        let mut three = std::mem::ManuallyDrop::new(three());
        Ok(rustix::io::dup2(&fd, &mut three)?)
    };
    // SAFETY: the closure only makes a system call.
    unsafe { command.pre_exec(place) };
}

#[allow(unsafe_code)]
fn three() -> std::os::fd::OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: in the freshly forked child the number 3 is free to be given away; the value is never dropped.
    unsafe { std::os::fd::OwnedFd::from_raw_fd(3) }
}

#[tokio::test(flavor = "current_thread")]
async fn the_system_is_set_up() {
    let instance = Instance::start();
    let (status, body) = instance.call(Method::GET, "/v1/health", Vec::new()).await;
    let health: Health = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, health.version.as_str(), health.displays.len()),
        (StatusCode::OK, env!("CARGO_PKG_VERSION"), 0)
    );
    assert_eq!(instance.text("hostname; cat /etc/hostname"), "lab-1\nlab-1");
    assert_eq!(
        instance.text("getent hosts lab-1 | cut -d' ' -f1; grep nameserver /etc/resolv.conf"),
        "172.26.0.9\nnameserver 172.26.0.1"
    );
    let account = instance.text("getent passwd lightsail-user; stat -c %U:%a /home/lightsail-user /run/user/*");
    assert!(account.contains(":/home/lightsail-user:/bin/bash\nlightsail-user:750\nlightsail-user:700"), "{account}");
    assert_eq!(instance.text("tr -d '\\n' < /etc/machine-id | wc -c"), "32");
    if std::path::Path::new("/usr/bin/sudo").exists() {
        assert_eq!(instance.text("su lightsail-user -c 'sudo -n id -u'"), "0");
    }
    eventually("the system bus runs", || instance.programs().contains(&"dbus-daemon".to_owned()).then_some(()));
    instance.inside("pkill -KILL dbus-daemon");
    eventually("the system bus runs again", || instance.programs().contains(&"dbus-daemon".to_owned()).then_some(()));
    // Orphans are collected.
    instance.inside("sh -c '(sleep 0 &) ; (sleep 0 &)'");
    eventually("no zombie is left", || {
        instance.text("grep -l '^State:.Z' /proc/[0-9]*/status").is_empty().then_some(())
    });
}

#[tokio::test(flavor = "current_thread")]
async fn displays_live_and_end_through_the_api() {
    let instance = Instance::start();
    let status = instance.put("application", &["xterm", "-geometry", "200x80", "-e", "sleep 1000"], true).await;
    assert_eq!((status.state, status.name.as_str(), status.width_px), (DisplayState::Starting, "application", 800));
    let started = instance.reach("application", &[DisplayState::Started, DisplayState::Failed]).await;
    assert_eq!((started.state, started.percent, started.reason.as_str()), (DisplayState::Started, 100, ""));
    // Asking again changes nothing.
    let again = instance.put("application", &["false"], false).await;
    assert_eq!(again, started);

    instance.put("desktop", &["sh", "-c", "echo $DISPLAY $USER $HOME > /tmp/env; exec sleep 1001"], false).await;
    instance.reach("desktop", &[DisplayState::Started]).await;
    let environment = eventually("the command runs", || Some(instance.text("cat /tmp/env")).filter(|t| !t.is_empty()));
    assert!(environment.ends_with(" lightsail-user /home/lightsail-user"), "{environment}");
    assert_eq!(instance.programs().iter().filter(|p| *p == "Xvfb").count(), 2);
    let owner = instance.text("ps -o user:20= -C sleep | sort -u; ps -o user:20= -C Xvfb | sort -u");
    assert_eq!(owner.replace(' ', ""), "lightsail-user\nroot");

    let (status, png) = instance.call(Method::GET, "/v1/displays/application/screenshot", Vec::new()).await;
    assert_eq!(status, StatusCode::OK);
    let mut reader = png::Decoder::new(std::io::Cursor::new(&png[..])).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (800, 600));
    assert!(pixels.chunks_exact(4).any(|p| p != &pixels[..4]), "something is drawn");

    let (status, small) = instance.call(Method::GET, "/v1/displays/application/screenshot?small", Vec::new()).await;
    assert_eq!((status, &small[..3]), (StatusCode::OK, &[0xff, 0xd8, 0xff][..]));
    assert!(small.len() < 64 << 10);
    let (status, list) = instance.call(Method::GET, "/v1/displays/application/windows", Vec::new()).await;
    let list: WindowList = serde_json::from_slice(&list).unwrap();
    assert_eq!((status, list.windows.len()), (StatusCode::OK, 1), "{list:?}");
    // The terminal names its window after its command, first without the command's words.
    assert!(list.windows[0].title.starts_with("sleep"), "{list:?}");
    assert_eq!(list.windows[0].application, "XTerm");

    let begun = Instant::now();
    assert_eq!(instance.delete("application").await.state, DisplayState::Stopped);
    assert!(begun.elapsed() < PATIENCE);
    let programs = instance.programs();
    assert!(!programs.contains(&"xterm".to_owned()) && programs.contains(&"sleep".to_owned()), "{programs:?}");
    assert_eq!(instance.delete("application").await.state, DisplayState::Stopped);
    assert_eq!(instance.delete("never-was").await.state, DisplayState::Stopped);
    let (_, body) = instance.call(Method::GET, "/v1/health", Vec::new()).await;
    let states: Vec<_> =
        serde_json::from_slice::<Health>(&body).unwrap().displays.into_iter().map(|d| d.state).collect();
    assert_eq!(states, [DisplayState::Stopped, DisplayState::Started]);
    instance.put("application", &["sleep", "1002"], false).await;
    instance.reach("application", &[DisplayState::Started]).await;
}

#[tokio::test(flavor = "current_thread")]
async fn viewers_reach_a_display_through_the_agent() {
    let instance = Instance::start();
    instance.put("desktop", &["sleep", "1000"], false).await;
    instance.reach("desktop", &[DisplayState::Started]).await;
    let mut sockets = Vec::new();
    for (role, expected) in [("control", Role::Control), ("view", Role::View)] {
        let mut socket = instance.view("desktop", role).await;
        let Some(Ok(Message::Binary(bytes))) = socket.next().await else { panic!("no answer") };
        match DisplayMessage::decode(&bytes, Size::new(1, 1)).unwrap() {
            DisplayMessage::Hello(h) => {
                assert_eq!((h.role, h.size, h.name.as_str()), (expected, Size::new(800, 600), "desktop"))
            }
            other => panic!("{other:?}"),
        }
        sockets.push(socket);
    }
    let until = Instant::now() + PATIENCE;
    while instance.reach("desktop", &[DisplayState::Started]).await.viewers != 2 {
        assert!(Instant::now() < until, "the viewers are never counted");
    }
    instance.delete("desktop").await;
    for mut socket in sockets {
        let mut last = None;
        while let Ok(Some(Ok(Message::Binary(bytes)))) = tokio::time::timeout(PATIENCE, socket.next()).await {
            last = DisplayMessage::decode(&bytes, Size::new(800, 600)).ok();
        }
        assert!(
            matches!(last, Some(DisplayMessage::Goodbye(Goodbye { reason: GoodbyeReason::DisplayEnded, .. }))),
            "{last:?}"
        );
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_fails_is_reported_and_leaves_nothing() {
    let instance = Instance::start();
    instance.put("application", &["/no/such/program"], false).await;
    let failed = instance.reach("application", &[DisplayState::Failed]).await;
    assert!(failed.reason.starts_with("The application /no/such/program cannot be started"), "{}", failed.reason);
    instance.put("application", &["sh", "-c", "exit 7"], false).await;
    let failed = instance.reach("application", &[DisplayState::Failed]).await;
    assert_eq!(failed.reason, "The application ended by itself (exit code 7).");

    // The display's process is killed: what it started must not stay behind, and the other display must.
    instance.put("desktop", &["sleep", "1000"], false).await;
    instance.put("application", &["sh", "-c", "(setsid sleep 1001 &); sleep 1002"], false).await;
    instance.reach("desktop", &[DisplayState::Started]).await;
    instance.reach("application", &[DisplayState::Started]).await;
    eventually("all sleepers run", || {
        (instance.programs().iter().filter(|p| *p == "sleep").count() == 3).then_some(())
    });
    instance.inside("pkill -KILL -f -- '--name application'");
    let failed = instance.reach("application", &[DisplayState::Failed]).await;
    assert_eq!(failed.reason, "The display's process ended (signal 9).");
    let programs = instance.programs();
    assert_eq!(programs.iter().filter(|p| *p == "sleep").count(), 1, "{programs:?}");
    assert_eq!(programs.iter().filter(|p| *p == "Xvfb").count(), 1, "{programs:?}");
    assert_eq!(instance.reach("desktop", &[DisplayState::Started]).await.percent, 100);
    assert_eq!(instance.delete("application").await.state, DisplayState::Stopped);
}

#[tokio::test(flavor = "current_thread")]
async fn wrong_requests_are_refused() {
    let instance = Instance::start();
    let spec = |w: u32, command: serde_json::Value| {
        serde_json::to_vec(&json!({"width_px": w, "height_px": 600, "command": command, "wait_for_window": false}))
            .unwrap()
    };
    let long = vec![b' '; 100_000];
    let cases: Vec<(Method, &str, Vec<u8>, StatusCode)> = vec![
        (Method::GET, "/", vec![], StatusCode::NOT_FOUND),
        (Method::GET, "/v1/displays/nobody", vec![], StatusCode::NOT_FOUND),
        (Method::GET, "/v1/displays/nobody/screenshot", vec![], StatusCode::NOT_FOUND),
        (Method::GET, "/v1/displays/nobody/windows", vec![], StatusCode::NOT_FOUND),
        (Method::GET, "/v1/displays/..", vec![], StatusCode::NOT_FOUND),
        (Method::GET, "/v1/displays/x/y", vec![], StatusCode::NOT_FOUND),
        (Method::POST, "/v1/health", vec![], StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/v1/displays/x?wait_ms=999999", vec![], StatusCode::BAD_REQUEST),
        (Method::PUT, "/v1/displays/x", b"{".to_vec(), StatusCode::BAD_REQUEST),
        (Method::PUT, "/v1/displays/x", long, StatusCode::BAD_REQUEST),
        (Method::PUT, "/v1/displays/x", spec(10, json!(["a"])), StatusCode::BAD_REQUEST),
        (Method::PUT, "/v1/displays/x", spec(800, json!([])), StatusCode::BAD_REQUEST),
        (Method::PUT, "/v1/displays/x", spec(800, json!(["a\0b"])), StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/displays/x/stream", vec![], StatusCode::BAD_REQUEST),
    ];
    for (method, path, body, expected) in cases {
        let (status, reply) = instance.call(method, path, body).await;
        assert_eq!(status, expected, "{path}");
        assert!(serde_json::from_slice::<porthole_model::guest::AgentError>(&reply).is_ok(), "{path}: {reply:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn term_ends_the_instance_and_everything_in_it() {
    let mut instance = Instance::start();
    for (name, number) in [("application", "1000"), ("desktop", "1001")] {
        instance.put(name, &["sh", "-c", "trap '' TERM; while :; do sleep $0; done", number], false).await;
        instance.reach(name, &[DisplayState::Started]).await;
    }
    let agent = instance.agent_pid();
    signal(agent, "TERM");
    let status = instance.child.wait().unwrap();
    assert!(status.success(), "{status:?}");
    assert!(!PathBuf::from(format!("/proc/{agent}")).exists());
    tokio::time::timeout(Duration::from_secs(5), UnixStream::connect(instance.folder.path().join("agent")))
        .await
        .expect("at once")
        .expect_err("nobody listens");
}
