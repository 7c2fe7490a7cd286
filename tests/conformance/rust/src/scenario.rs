//! One long scenario: a computer with a disk, its snapshot and what is restored from it, its SSH access, ports, metrics,
//! costs, and the rule that stops it when it is idle.

use std::{
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, SystemTime},
};

use aws_sdk_lightsail::{
    Client,
    primitives::DateTime,
    types::{
        AddOnRequest, AddOnType, AutoMountStatus, DiskMap, InstanceAccessDetails, InstanceMetricName, InstanceSnapshotState, MetricStatistic,
        MetricUnit, NetworkProtocol, Operation, PortInfo, StopInstanceOnIdleRequest, Tag,
    },
};

use crate::{PATIENCE, setting, wait_for_operation};

async fn finish(client: &Client, operations: &[Operation]) {
    assert!(!operations.is_empty());
    for operation in operations {
        wait_for_operation(client, operation.id().expect("has an id")).await;
    }
}

async fn state(client: &Client, name: &str) -> String {
    let reply = client.get_instance_state().instance_name(name).send().await.expect("has a state");
    reply.state().and_then(|state| state.name()).expect("the reply holds it").to_owned()
}

fn seconds_from_now(seconds: i64) -> DateTime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("is after 1970");
    DateTime::from_secs(i64::try_from(now.as_secs()).expect("is before 2262") + seconds)
}

/// Runs it with a client of the account; the account must be empty, and is again at the end.
pub async fn run(client: &Client) {
    let name = setting("INSTANCE");
    let named = |of: &str| format!("{name}-{of}");
    let (disk, snapshot, copy, copy_disk) = (named("disk"), named("snapshot"), named("copy"), named("copy-disk"));
    create_with_disk(client, &name, &disk).await;
    restore(client, &name, &snapshot, &copy, &copy_disk).await;
    look(client, &name, &copy).await;

    let idle = StopInstanceOnIdleRequest::builder().threshold("50").duration("2").build();
    let rule = AddOnRequest::builder().add_on_type(AddOnType::StopInstanceOnIdle).stop_instance_on_idle_request(idle);
    let rule = rule.build().expect("has its type");
    let enabled = client.enable_add_on().resource_name(&name).add_on_request(rule).send().await.expect("is enabled");
    finish(client, enabled.operations()).await;
    let stopped = async {
        while state(client, &name).await != "stopped" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, stopped).await.expect("the idle instance is stopped in time");

    let detached = client.detach_disk().disk_name(&disk).send().await.expect("is detached");
    finish(client, detached.operations()).await;
    for instance in [&name, &copy] {
        let deleted = client.delete_instance().instance_name(instance).force_delete_add_ons(true).send().await;
        finish(client, deleted.expect("is deleted").operations()).await;
    }
    for disk in [&disk, &copy_disk] {
        let deleted = client.delete_disk().disk_name(disk).send().await.expect("is deleted");
        finish(client, deleted.operations()).await;
    }
    let deleted = client.delete_instance_snapshot().instance_snapshot_name(&snapshot).send().await;
    finish(client, deleted.expect("is deleted").operations()).await;
    let names = client.get_active_names().send().await.expect("there is a list");
    assert!(names.active_names().is_empty(), "{:?}", names.active_names());
}

async fn create_with_disk(client: &Client, name: &str, disk: &str) {
    let zone = setting("ZONE");
    let created = client.create_instances().instance_names(name).availability_zone(&zone);
    let created = created.blueprint_id(setting("BLUEPRINT")).bundle_id(setting("BUNDLE")).send().await;
    finish(client, created.expect("the instance is created").operations()).await;
    let tag = Tag::builder().key("team").value("bio").build();
    let tagged = client.tag_resource().resource_name(name).tags(tag).send().await.expect("is tagged");
    finish(client, tagged.operations()).await;

    let created = client.create_disk().disk_name(disk).availability_zone(&zone).size_in_gb(8).send().await;
    finish(client, created.expect("the disk is created").operations()).await;
    let attached = client.attach_disk().disk_name(disk).instance_name(name).disk_path("/dev/xvdf");
    let attached = attached.auto_mounting(true).send().await.expect("is attached");
    finish(client, attached.operations()).await;
    let shown = client.get_disk().disk_name(disk).send().await.expect("is there");
    let shown = shown.disk().expect("the reply holds it");
    assert_eq!((shown.attached_to(), shown.auto_mount_status()), (Some(name), Some(&AutoMountStatus::Mounted)));
}

async fn restore(client: &Client, name: &str, snapshot: &str, copy: &str, copy_disk: &str) {
    let taken = client.create_instance_snapshot().instance_name(name).instance_snapshot_name(snapshot).send().await;
    finish(client, taken.expect("the snapshot is taken").operations()).await;
    let shown = client.get_instance_snapshot().instance_snapshot_name(snapshot).send().await.expect("is there");
    let shown = shown.instance_snapshot().expect("the reply holds it");
    assert_eq!(shown.state(), Some(&InstanceSnapshotState::Available));
    let map = DiskMap::builder().original_disk_path("/dev/xvdf").new_disk_name(copy_disk).build();
    let restored = client.create_instances_from_snapshot().instance_names(copy).instance_snapshot_name(snapshot);
    let restored = restored.availability_zone(setting("ZONE")).bundle_id(setting("BUNDLE"));
    let restored = restored.attached_disk_mapping(copy, vec![map]).send().await.expect("is restored");
    finish(client, restored.operations()).await;
    assert_eq!(state(client, copy).await, "running");
}

/// Runs `hostname` in an instance by its temporary certificate; nothing when its SSH server does not answer yet.
fn log_in(access: &InstanceAccessDetails) -> Option<String> {
    let folder = std::env::temp_dir().join(format!("scenario-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is room");
    let key = folder.join("key");
    std::fs::write(&key, access.private_key()?).expect("there is room");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    std::fs::write(folder.join("key-cert.pub"), access.cert_key()?).expect("there is room");
    let mut ssh = Command::new("ssh");
    for option in ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes"] {
        ssh.args(["-o", option]);
    }
    ssh.arg("-i").arg(&key).arg(format!("{}@{}", access.username()?, access.ip_address()?)).arg("hostname");
    let output = ssh.output().expect("ssh is installed");
    std::fs::remove_dir_all(&folder).expect("it is ours");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn look(client: &Client, name: &str, copy: &str) {
    let access = client.get_instance_access_details().instance_name(copy).send().await.expect("there is access");
    let access = access.access_details().expect("the reply holds it");
    assert!(access.private_key().is_some_and(|key| key.contains("PRIVATE KEY")));
    assert!(access.cert_key().is_some_and(|key| key.contains("-cert-v01@openssh.com ")));
    if std::env::var_os("SSH").is_some() {
        let logged_in = async {
            while log_in(access).is_none_or(|shown| shown.trim() != copy) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, logged_in).await.expect("the login works in time");
    }

    let port = PortInfo::builder().from_port(8888).to_port(8890).protocol(NetworkProtocol::Tcp).build();
    let opened = client.open_instance_public_ports().instance_name(name).port_info(port).send().await;
    wait_for_operation(client, opened.expect("is opened").operation().and_then(Operation::id).expect("has an id"))
        .await;
    let states = client.get_instance_port_states().instance_name(name).send().await.expect("there are states");
    assert!(states.port_states().iter().any(|state| state.from_port() == 8888 && state.to_port() == 8890));

    let measured = async {
        loop {
            let asked = client.get_instance_metric_data().instance_name(name).period(60);
            let asked = asked.metric_name(InstanceMetricName::CpuUtilization).unit(MetricUnit::Percent);
            let asked = asked.start_time(seconds_from_now(-3600)).end_time(seconds_from_now(60));
            let reply = asked.statistics(MetricStatistic::Maximum).send().await.expect("there are metrics");
            if reply.metric_data().iter().any(|point| point.maximum().is_some()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, measured).await.expect("there are points in time");

    let costs = client.get_cost_estimate().resource_name(name).start_time(seconds_from_now(-86_400));
    let costs = costs.end_time(seconds_from_now(60)).send().await.expect("there is an estimate");
    assert_eq!(costs.resources_budget_estimate()[0].resource_name(), Some(name));
    assert!(!costs.resources_budget_estimate()[0].cost_estimates().is_empty());
}
