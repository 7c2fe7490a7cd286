//! What a loaded instance's counters say.

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use porthole_driver::{Counters, Driver, Meter};

use crate::support::{Container, GRACE, spec, until};

#[tokio::test(flavor = "multi_thread")]
async fn counters_rise_with_the_load_and_end_with_the_instance() {
    let container = Container::new("good");
    let driver = container.open().await;
    let id = format!("meter-{}", std::process::id());
    let one = spec(&id, "a", 2);
    assert_eq!(driver.sample(&id).await.unwrap(), None, "nothing is there");
    driver.create(&one).await.unwrap();
    assert_eq!(driver.sample(&id).await.unwrap(), None, "it does not run");
    driver.start(&one).await.unwrap();
    let before = driver.sample(&id).await.unwrap().unwrap();
    container.inside_ok(&id, "head -c 20M /dev/urandom > /var/load && sync");
    container.inside_ok(&id, "setsid sh -c 'while :; do :; done' >/dev/null 2>&1 &");
    let sample = || {
        let (driver, id) = (driver.clone(), id.clone());
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async move { driver.sample(&id).await.unwrap().unwrap() })
        })
    };
    until("the CPU time rises", || sample().cpu_ns > before.cpu_ns + 500_000_000).await;
    let after: Counters = sample();
    assert!(after.write_bytes - before.write_bytes >= 20 << 20, "{before:?} {after:?}");
    assert!(after.write_ops > before.write_ops, "{before:?} {after:?}");
    assert!(after.memory_bytes > 0);
    // The host knocks at a port that is open by default; the instance answers, or says that nobody listens there.
    let door = SocketAddr::from((driver.address(one.index), 22));
    let knock = || drop(TcpStream::connect_timeout(&door, Duration::from_secs(1)));
    until("the link's counters rise", || {
        knock();
        sample().received_bytes > before.received_bytes
    })
    .await;
    driver.stop(&id, GRACE).await.unwrap();
    assert_eq!(driver.sample(&id).await.unwrap(), None);
}
