//! The fake behaves as the contract in `porthole_model::guest` says, and its faults strike where they are put.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use http::Method;
use porthole_model::guest::{DisplaySpec, DisplayState, DisplayStatus};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Deed, DisplayOutcome, FakeDriver, Fault, When};
use crate::{Driver, DriverError, InstanceSpec, ObservedState, agent};

fn spec(id: &str) -> InstanceSpec {
    InstanceSpec {
        id: id.to_owned(),
        account_id: "1".to_owned(),
        hostname: "lab".to_owned(),
        image: "debian_12".to_owned(),
        disk_bytes: 1 << 30,
        cpu_millis: 1000,
        memory_bytes: 1 << 30,
        pids_max: 500,
        authorized_keys: Vec::new(),
        trusted_ca: String::new(),
        user_data: String::new(),
        index: 2,
    }
}

async fn ask(driver: &FakeDriver, method: Method, path: &str, body: &str) -> (u16, Vec<u8>) {
    let stream = driver.connect("a").await.unwrap();
    let reply = agent::request(stream, method, path, body.as_bytes().to_vec(), Duration::from_secs(60)).await.unwrap();
    (reply.status().as_u16(), reply.body().to_vec())
}

async fn display(driver: &FakeDriver, method: Method, path: &str, body: &str) -> DisplayStatus {
    let (status, body) = ask(driver, method, path, body).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

fn desktop() -> String {
    let command = vec!["startxfce4".to_owned()];
    let spec = DisplaySpec { width_px: 1280, height_px: 800, command, wait_for_window: true };
    serde_json::to_string(&spec).unwrap()
}

async fn running() -> FakeDriver {
    let driver = FakeDriver::new();
    driver.create(&spec("a")).await.unwrap();
    driver.start(&spec("a")).await.unwrap();
    driver
}

#[tokio::test(start_paused = true)]
async fn a_display_passes_through_its_stages() {
    let driver = running().await;
    driver.set_display_stage(Duration::from_millis(200));
    let first = display(&driver, Method::PUT, "/v1/displays/desktop", &desktop()).await;
    assert_eq!((first.state, first.percent, first.width_px), (DisplayState::Starting, 10, 1280));
    let mut seen = vec![first.percent];
    loop {
        let next = display(&driver, Method::GET, "/v1/displays/desktop?wait_ms=30000", "").await;
        seen.push(next.percent);
        if next.state == DisplayState::Started {
            break;
        }
    }
    assert_eq!(seen, [10, 40, 70, 100]);
    assert_eq!(driver.snapshot().instances["a"].displays, ["desktop"]);
    let gone = display(&driver, Method::DELETE, "/v1/displays/desktop?grace_ms=10", "").await;
    assert_eq!((gone.state, gone.width_px), (DisplayState::Stopped, 0));
    assert!(driver.snapshot().instances["a"].displays.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_display_fails_as_told_and_can_be_started_again() {
    let driver = running().await;
    driver.set_display_outcome("desktop", DisplayOutcome::Fails("no X server".to_owned()));
    display(&driver, Method::PUT, "/v1/displays/desktop", &desktop()).await;
    let mut status = display(&driver, Method::GET, "/v1/displays/desktop?wait_ms=30000", "").await;
    while status.state == DisplayState::Starting {
        status = display(&driver, Method::GET, "/v1/displays/desktop?wait_ms=30000", "").await;
    }
    assert_eq!((status.state, status.reason.as_str()), (DisplayState::Failed, "no X server"));
    driver.set_display_outcome("desktop", DisplayOutcome::Starts);
    driver.set_display_stage(Duration::ZERO);
    let again = display(&driver, Method::PUT, "/v1/displays/desktop", &desktop()).await;
    assert_eq!(again.state, DisplayState::Started);
}

#[tokio::test]
async fn wrong_requests_are_refused() {
    let driver = running().await;
    assert_eq!(ask(&driver, Method::GET, "/v1/displays/desktop", "").await.0, 404);
    assert_eq!(ask(&driver, Method::PUT, "/v1/displays/desktop", "{").await.0, 400);
    assert_eq!(ask(&driver, Method::PUT, "/v1/displays/..%2f", &desktop()).await.0, 400);
    assert_eq!(ask(&driver, Method::GET, "/v1/displays/desktop/screenshot", "").await.0, 404);
    assert_eq!(ask(&driver, Method::GET, "/other", "").await.0, 404);
}

#[tokio::test]
async fn a_stream_echoes_until_the_display_stops() {
    let driver = running().await;
    display(&driver, Method::PUT, "/v1/displays/desktop", &desktop()).await;
    let mut stream = driver.connect("a").await.unwrap();
    let upgrade = "GET /v1/displays/desktop/stream HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    stream.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"hello");
    assert_eq!(display(&driver, Method::GET, "/v1/displays/desktop", "").await.viewers, 1);
    display(&driver, Method::DELETE, "/v1/displays/desktop", "").await;
    assert_eq!(stream.read(&mut back).await.unwrap(), 0);
}

#[tokio::test]
async fn a_stopped_instance_ends_its_connections_and_a_clone_sees_it() {
    let driver = running().await;
    let mut stream = driver.connect("a").await.unwrap();
    let other = driver.clone();
    other.stop("a", Duration::ZERO).await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(matches!(driver.connect("a").await, Err(DriverError::Retry { .. })));
}

#[tokio::test]
async fn faults_strike_the_chosen_call() {
    let driver = FakeDriver::new();
    driver.fail_nth(Deed::Create, 2, When::Before, Fault::Final("No.".to_owned()));
    driver.create(&spec("a")).await.unwrap();
    let error = driver.create(&spec("b")).await.unwrap_err();
    assert!(matches!(error, DriverError::Final { public, .. } if public == "No."));
    driver.create(&spec("b")).await.unwrap();
    driver.fail_nth(Deed::Start, 1, When::Halfway, Fault::Retry(Duration::from_secs(1)));
    driver.start(&spec("a")).await.unwrap_err();
    assert_eq!(driver.snapshot().instances["a"].state, ObservedState::Partial);
    driver.fail_always(Deed::Stop, When::After, Fault::Hang);
    let hung = tokio::time::timeout(Duration::from_millis(20), driver.stop("a", Duration::ZERO)).await;
    assert!(hung.is_err());
    assert_eq!(driver.snapshot().instances["a"].state, ObservedState::Stopped);
    driver.clear_faults();
    driver.delete("a").await.unwrap();
    driver.delete("b").await.unwrap();
    driver.release_host().await.unwrap();
    assert_eq!(driver.snapshot(), FakeDriver::new().snapshot());
    assert_eq!(driver.calls().iter().filter(|call| call.deed == Deed::Create).count(), 3);
}

#[tokio::test]
async fn agent_faults_become_http_errors_or_cuts() {
    let driver = running().await;
    driver.fail_nth(Deed::Health, 1, When::Before, Fault::Final("broken".to_owned()));
    assert_eq!(ask(&driver, Method::GET, "/v1/health", "").await.0, 500);
    driver.fail_nth(Deed::Health, 1, When::Before, Fault::Cut);
    let stream = driver.connect("a").await.unwrap();
    assert!(agent::health(stream, Duration::from_secs(5)).await.is_err());
    let stream = driver.connect("a").await.unwrap();
    assert!(agent::health(stream, Duration::from_secs(5)).await.unwrap().displays.is_empty());
}
