//! The person's files through the agent: whose rights they are read and written with, and what is left of a half one.

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use porthole_model::files::{FileKept, FileKind, FileList, FileProblem, FileRefusal, PROTOCOL, encoded};
use porthole_model::guest::DisplayState;
use tokio::sync::mpsc;

use crate::init::Instance;
use crate::support::eventually;

type Body = BoxBody<Bytes, std::io::Error>;

fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A body that is sent piece by piece, for as long as the sender lives.
fn pieces() -> (mpsc::Sender<Vec<u8>>, Body) {
    let (sender, waiting) = mpsc::channel::<Vec<u8>>(1);
    let frames = stream::unfold(waiting, async |mut waiting| {
        let piece = waiting.recv().await?;
        Some((Ok(Frame::data(Bytes::from(piece))), waiting))
    });
    (sender, BodyExt::boxed(StreamBody::new(Box::pin(frames) as std::pin::Pin<Box<_>>)))
}

/// Connects to what serves files; or gives the agent's refusal.
async fn open(instance: &Instance) -> Result<SendRequest<Body>, StatusCode> {
    let (mut sender, connection) = handshake::<_, Body>(TokioIo::new(instance.connect().await)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    let request = Request::get("/v1/files").header("host", "agent");
    let request = request.header("connection", "upgrade").header("upgrade", PROTOCOL).body(whole("")).unwrap();
    let reply = sender.send_request(request).await.unwrap();
    if reply.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(reply.status());
    }
    let (sender, connection) = handshake(hyper::upgrade::on(reply).await.unwrap()).await.unwrap();
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask(instance: &Instance, method: Method, path: &str, body: Body) -> Response<Incoming> {
    let mut sender = open(instance).await.unwrap();
    let request = Request::builder().method(method).uri(path).header("host", "agent").body(body).unwrap();
    sender.send_request(request).await.unwrap()
}

async fn json<T: serde::de::DeserializeOwned>(reply: Response<Incoming>) -> T {
    serde_json::from_slice(&reply.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

async fn problem(instance: &Instance, method: Method, path: &str, body: Body) -> (u16, FileProblem) {
    let reply = ask(instance, method, path, body).await;
    (reply.status().as_u16(), json::<FileRefusal>(reply).await.problem)
}

fn to(folder: &str, name: &str) -> String {
    format!("/content?path={}&name={}", encoded(folder), encoded(name))
}

/// What serves files now: whose it is and how nice.
fn serving(instance: &Instance) -> String {
    instance.text("for p in $(pgrep -f '[f]iles --socket-fd'); do ps -o user:20=,ni= -p $p | tr -s ' '; done")
}

fn gone(instance: &Instance, name: &str) {
    eventually("nothing is left of it", || {
        let left = instance.text(&format!("ls -A /home/lightsail-user | grep {name}"));
        (left.is_empty() && serving(instance).is_empty()).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_read_and_written_with_the_persons_rights() {
    let instance = Instance::start();
    let content: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    let make = format!("{}&make", to("Downloads", "ä b.bin"));
    for name in ["ä b.bin", "ä b (1).bin"] {
        let kept: FileKept = json(ask(&instance, Method::PUT, &make, whole(content.clone())).await).await;
        assert_eq!(kept, FileKept { name: name.into(), size_bytes: content.len() as u64 });
    }
    assert_eq!(
        instance.text("cd /home/lightsail-user; stat -c '%U %G %a' Downloads Downloads/*"),
        "lightsail-user lightsail-user 755\nlightsail-user lightsail-user 644\nlightsail-user lightsail-user 644"
    );
    let reply =
        ask(&instance, Method::GET, &format!("/content?path={}", encoded("Downloads/ä b.bin")), whole("")).await;
    assert_eq!(reply.headers()["content-length"], "3000000");
    assert!(reply.into_body().collect().await.unwrap().to_bytes() == content, "the same bytes come back");

    instance.inside(
        "cd /home/lightsail-user && mkdir closed && chmod 700 closed && ln -s /etc/shadow shadow && ln -s / root &&
         echo mine > /tmp/shared && chmod 644 /tmp/shared && ln -s /tmp/shared there && mkfifo pipe",
    );
    let list: FileList = json(ask(&instance, Method::GET, "/list?path=", whole("")).await).await;
    let kind = |name: &str| list.entries.iter().find(|entry| entry.name == name).map(|entry| entry.kind);
    assert_eq!(
        (kind("root"), kind("pipe"), kind("there")),
        (Some(FileKind::Folder), Some(FileKind::Other), Some(FileKind::File))
    );
    let get = |path: &str| format!("/content?path={path}");
    assert_eq!(ask(&instance, Method::GET, &get("there"), whole("")).await.status(), StatusCode::OK);
    for (method, path, expected) in [
        (Method::GET, get("shadow"), FileProblem::Denied),
        (Method::GET, get("root/etc/shadow"), FileProblem::Denied),
        (Method::GET, "/list?path=closed".into(), FileProblem::Denied),
        (Method::PUT, to("closed", "a"), FileProblem::Denied),
        (Method::PUT, to("root/etc", "a"), FileProblem::Denied),
        (Method::GET, get("pipe"), FileProblem::File),
        (Method::GET, get("..%2F..%2Fetc%2Fpasswd"), FileProblem::Path),
        (Method::GET, get("%2Fetc%2Fpasswd"), FileProblem::Path),
        (Method::GET, get("a%00"), FileProblem::Path),
        (Method::GET, get("%ff"), FileProblem::Path),
        (Method::PUT, to("", ".."), FileProblem::Name),
        (Method::GET, get("gone"), FileProblem::Missing),
    ] {
        assert_eq!(problem(&instance, method, &path, whole("")).await, (expected.status(), expected), "{path}");
    }
    assert_eq!(instance.call(Method::GET, "/v1/files", Vec::new()).await.0, StatusCode::UPGRADE_REQUIRED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_file_is_gone_and_a_display_that_ends_takes_none_with_it() {
    let instance = Instance::start();
    instance.put("desktop", &["sleep", "1000"], false).await;
    instance.reach("desktop", &[DisplayState::Started]).await;
    let begin = async |name: &str| {
        let (sender, body) = pieces();
        let mut connection = open(&instance).await.unwrap();
        let request = Request::put(to("", name)).header("host", "agent").body(body).unwrap();
        let upload = tokio::spawn(async move { connection.send_request(request).await });
        sender.send(b"half".to_vec()).await.unwrap();
        let path = format!("cat /home/lightsail-user/.{name}.part-*");
        eventually("a part is there", || (instance.text(&path) == "half").then_some(()));
        (sender, upload)
    };

    // Whoever sends goes away.
    let (sender, upload) = begin("cut").await;
    assert_eq!(serving(&instance).trim(), "lightsail-user 10");
    upload.abort();
    drop((sender, upload.await));
    gone(&instance, "cut");
    // The process is asked to end.
    let (_sender, upload) = begin("ended").await;
    instance.inside("pkill -TERM -f '[f]iles --socket-fd'");
    assert!(upload.await.unwrap().is_err());
    gone(&instance, "ended");
    // A display ends, and with it everything else that the person runs.
    let (sender, upload) = begin("kept").await;
    assert_eq!(instance.delete("desktop").await.state, DisplayState::Stopped);
    assert!(!instance.programs().contains(&"sleep".to_owned()));
    sender.send(b" and half".to_vec()).await.unwrap();
    drop(sender);
    assert_eq!(
        json::<FileKept>(upload.await.unwrap().unwrap()).await,
        FileKept { name: "kept".into(), size_bytes: 13 }
    );
    assert_eq!(instance.text("cat /home/lightsail-user/kept"), "half and half");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_and_too_many_at_once_are_refused() {
    let instance = Instance::start();
    instance.call(Method::GET, "/v1/health", Vec::new()).await;
    instance.inside("cd /home/lightsail-user && mkdir small && mount -t tmpfs -o size=1m,uid=1000 tmpfs small");
    let full = (507, FileProblem::Full);
    assert_eq!(problem(&instance, Method::PUT, &to("small", "known"), whole(vec![0; 2 << 20])).await, full);
    let (sender, body) = pieces();
    // It sends on until its connection is closed, as a browser does.
    let feed = tokio::spawn(async move { while sender.send(vec![0; 64 << 10]).await.is_ok() {} });
    let path = to("small", "unknown");
    assert_eq!(problem(&instance, Method::PUT, &path, body).await, full);
    feed.await.unwrap();
    assert_eq!(instance.text("ls -A /home/lightsail-user/small"), "");

    let mut open_ones = Vec::new();
    for _ in 0..16 {
        open_ones.push(open(&instance).await.unwrap());
    }
    assert_eq!(open(&instance).await.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
    open_ones.clear();
    eventually("room again", || serving(&instance).is_empty().then_some(()));
    assert!(ask(&instance, Method::GET, "/list?path=", whole("")).await.status().is_success());
}
