//! What every driver promises, tried on the fake and on the container driver with the same tests.

use std::time::Duration;

use porthole_driver::ObservedState::{Partial, Running, Stopped};

use crate::support::{GRACE, World, assert_final, assert_healthy, assert_retry, spec, state};

/// Makes one test a driver of each function.
macro_rules! on_both_drivers {
    ($($name:ident),* $(,)?) => {
        mod fake {
            $(#[tokio::test] async fn $name() { super::$name(crate::support::World::fake()).await; })*
        }
        mod container {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(crate::support::World::container()).await; })*
        }
    };
}

on_both_drivers!(
    an_instance_lives_and_goes,
    every_call_may_be_repeated,
    a_new_server_adopts_what_lives,
    a_dead_init_is_seen_and_mended,
    stop_and_delete_succeed_on_nothing,
    mistakes_are_final,
    several_instances_live_side_by_side,
);

async fn an_instance_lives_and_goes(world: World) {
    let driver = world.open().await;
    let (before, one) = (world.held(), spec("one", "a", 2));
    driver.ensure_image(&one.image).await.unwrap();
    assert_eq!(state(&*driver, "one").await, None);
    driver.create(&one).await.unwrap();
    assert_eq!(state(&*driver, "one").await, Some(Stopped));
    assert_retry(driver.connect("one").await);
    assert_eq!(world.held(), before);
    driver.start(&one).await.unwrap();
    assert_eq!(state(&*driver, "one").await, Some(Running));
    assert_healthy(&*driver, "one").await;
    assert_ne!(world.held(), before);
    driver.stop("one", GRACE).await.unwrap();
    assert_eq!(state(&*driver, "one").await, Some(Stopped));
    assert_retry(driver.connect("one").await);
    assert_eq!(world.held(), before);
    driver.start(&one).await.unwrap();
    assert_healthy(&*driver, "one").await;
    driver.delete("one").await.unwrap();
    assert_eq!(state(&*driver, "one").await, None);
    assert_eq!(world.held(), before);
}

async fn every_call_may_be_repeated(world: World) {
    let driver = world.open().await;
    let (before, one) = (world.held(), spec("one", "a", 2));
    for _ in 0..2 {
        driver.create(&one).await.unwrap();
    }
    for _ in 0..2 {
        driver.start(&one).await.unwrap();
        assert_healthy(&*driver, "one").await;
    }
    driver.create(&one).await.unwrap();
    assert_eq!(state(&*driver, "one").await, Some(Running));
    driver.release_host().await.unwrap();
    assert_healthy(&*driver, "one").await;
    for _ in 0..2 {
        driver.stop("one", GRACE).await.unwrap();
    }
    for _ in 0..2 {
        driver.delete("one").await.unwrap();
    }
    for _ in 0..2 {
        driver.release_host().await.unwrap();
    }
    assert_eq!(world.held(), before);
}

async fn a_new_server_adopts_what_lives(world: World) {
    let one = spec("one", "a", 2);
    let driver = world.open().await;
    let before = world.held();
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    drop(driver);
    let driver = world.open().await;
    assert_eq!(state(&*driver, "one").await, Some(Running));
    assert_healthy(&*driver, "one").await;
    driver.start(&one).await.unwrap();
    driver.stop("one", GRACE).await.unwrap();
    drop(driver);
    let driver = world.open().await;
    assert_eq!(state(&*driver, "one").await, Some(Stopped));
    driver.delete("one").await.unwrap();
    assert_eq!(world.held(), before);
}

async fn a_dead_init_is_seen_and_mended(world: World) {
    let driver = world.open().await;
    let (before, one) = (world.held(), spec("one", "a", 2));
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    world.kill_init("one").await;
    assert_eq!(state(&*driver, "one").await, Some(Partial));
    assert_retry(driver.connect("one").await);
    driver.start(&one).await.unwrap();
    assert_eq!(state(&*driver, "one").await, Some(Running));
    assert_healthy(&*driver, "one").await;
    world.kill_init("one").await;
    driver.stop("one", GRACE).await.unwrap();
    assert_eq!(state(&*driver, "one").await, Some(Stopped));
    assert_eq!(world.held(), before);
}

async fn stop_and_delete_succeed_on_nothing(world: World) {
    let driver = world.open().await;
    let before = world.held();
    driver.stop("never-was", GRACE).await.unwrap();
    driver.delete("never-was").await.unwrap();
    driver.release_host().await.unwrap();
    assert_eq!(driver.observe().await.unwrap(), []);
    assert_eq!(world.held(), before);
}

async fn mistakes_are_final(world: World) {
    let driver = world.open().await;
    if let World::Fake(fake) = &world {
        fake.set_images(["tiny"]);
    }
    let public = assert_final(driver.ensure_image("no-such-image").await);
    assert!(public.contains("porthole image build no-such-image"), "{public}");
    let public = assert_final(driver.start(&spec("one", "a", 2)).await);
    assert!(public.contains("system disk"), "{public}");
    assert_eq!(state(&*driver, "one").await, None);
}

async fn several_instances_live_side_by_side(world: World) {
    let driver = world.open().await;
    let before = world.held();
    let specs = [spec("one", "a", 2), spec("two", "b", 3), spec("three", "a", 4)];
    let deeds = specs.clone().map(|spec| {
        let driver = driver.clone();
        tokio::spawn(async move {
            driver.create(&spec).await.unwrap();
            driver.start(&spec).await.unwrap();
        })
    });
    for deed in deeds {
        deed.await.unwrap();
    }
    for spec in &specs {
        assert_healthy(&*driver, &spec.id).await;
    }
    driver.delete("two").await.unwrap();
    assert_healthy(&*driver, "one").await;
    assert_healthy(&*driver, "three").await;
    let ends = ["one", "three"].map(|id| {
        let driver = driver.clone();
        tokio::spawn(async move { driver.stop(id, Duration::from_secs(10)).await.unwrap() })
    });
    for end in ends {
        end.await.unwrap();
    }
    driver.delete("one").await.unwrap();
    driver.delete("three").await.unwrap();
    assert_eq!(world.held(), before);
}
