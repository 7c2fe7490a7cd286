//! The main job through the Rust SDK, or the long scenario when the first argument says so. Reads ENDPOINT, REGION, ZONE, KEY_ID, SECRET, BLUEPRINT, BUNDLE and INSTANCE from the
//! environment; ends with status 0 when every step did what it must, and panics at the first that did not.

mod scenario;

use std::{collections::BTreeMap, env, time::Duration};

use aws_sdk_lightsail::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::ProvideErrorMetadata as _,
    types::{OperationStatus, OperationType, Status},
};

/// How long one step may take before the job is given up.
const PATIENCE: Duration = Duration::from_secs(60);

fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("set {name}"))
}

fn client(secret: String) -> Client {
    let config = aws_sdk_lightsail::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(setting("ENDPOINT"))
        .region(Region::new(setting("REGION")))
        .credentials_provider(Credentials::new(setting("KEY_ID"), secret, None, None, "conformance"))
        .build();
    Client::from_conf(config)
}

async fn wait_for_operation(client: &Client, id: &str) {
    let done = async {
        loop {
            let reply = client.get_operation().operation_id(id).send().await.expect("the operation is known");
            let operation = reply.operation().expect("the reply holds it");
            assert_ne!(operation.status(), Some(&OperationStatus::Failed), "{operation:?}");
            if operation.is_terminal() == Some(true) {
                assert_eq!(operation.status(), Some(&OperationStatus::Succeeded));
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.expect("the operation ends in time");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = client_and_errors().await;
    if env::args().nth(1).as_deref() == Some("scenario") {
        return scenario::run(&client).await;
    }
    let name = setting("INSTANCE");

    let created = client
        .create_instances()
        .instance_names(&name)
        .availability_zone(setting("ZONE"))
        .blueprint_id(setting("BLUEPRINT"))
        .bundle_id(setting("BUNDLE"))
        .send()
        .await
        .expect("the instance is created");
    let operation = &created.operations()[0];
    assert_eq!(operation.operation_type(), Some(&OperationType::CreateInstance));
    assert!(operation.created_at().is_some_and(|at| at.secs() > 1_600_000_000));
    wait_for_operation(&client, operation.id().expect("has an id")).await;

    let duplicate = client
        .create_instances()
        .instance_names(&name)
        .availability_zone(setting("ZONE"))
        .blueprint_id(setting("BLUEPRINT"))
        .bundle_id(setting("BUNDLE"))
        .send()
        .await
        .expect_err("the name is taken");
    let error = duplicate.as_service_error().expect("the service refuses");
    assert!(error.is_invalid_input_exception(), "{error:?}");
    assert_eq!(error.message(), Some(format!("Some names are already in use: {name}").as_str()));

    let state = client.get_instance_state().instance_name(&name).send().await.expect("has a state");
    let state = state.state().expect("the reply holds it");
    assert_eq!((state.name(), state.code()), (Some("running"), Some(16)));

    let started = client.start_gui_session().resource_name(&name).send().await.expect("the session starts");
    wait_for_operation(&client, started.operations()[0].id().expect("has an id")).await;

    let access = client.create_gui_session_access_details().resource_name(&name).send().await.expect("there are URLs");
    assert_eq!(access.status(), Some(&Status::Started));
    let urls: BTreeMap<&str, &str> =
        access.sessions().iter().map(|s| (s.name().expect("has a name"), s.url().expect("has a URL"))).collect();
    assert!(!urls.is_empty() && urls.values().all(|url| url.contains("/view/#t=")), "{:?}", urls.keys());
    assert_eq!(access.sessions().iter().filter(|s| s.is_primary() == Some(true)).count(), 1);

    let stopped = client.stop_gui_session().resource_name(&name).send().await.expect("the session stops");
    assert_eq!(stopped.operations()[0].operation_type(), Some(&OperationType::StopGuiSession));
    wait_for_operation(&client, stopped.operations()[0].id().expect("has an id")).await;
    let access = client.create_gui_session_access_details().resource_name(&name).send().await.expect("has a status");
    assert_eq!(access.status(), Some(&Status::Stopped));
    assert!(access.sessions().is_empty());

    let deleted = client.delete_instance().instance_name(&name).send().await.expect("the instance is deleted");
    wait_for_operation(&client, deleted.operations()[0].id().expect("has an id")).await;
    let gone = client.get_instance().instance_name(&name).send().await.expect_err("is gone");
    assert!(gone.as_service_error().is_some_and(|error| error.is_not_found_exception()), "{gone:?}");
}

/// Gives the client after it was seen to raise typed errors.
async fn client_and_errors() -> Client {
    let stranger = client("not the secret".to_owned());
    let refused = stranger.get_instances().send().await.expect_err("the secret is wrong");
    assert_eq!(refused.as_service_error().and_then(|error| error.code()), Some("InvalidSignatureException"));

    let client = client(setting("SECRET"));
    let missing = client.stop_gui_session().resource_name("no-such-instance").send().await.expect_err("is missing");
    let error = missing.as_service_error().expect("the service refuses");
    assert!(error.is_not_found_exception(), "{error:?}");
    assert_eq!(error.message(), Some("The Instance does not exist: no-such-instance"));
    let unserved = client.get_buckets().send().await.expect_err("is not served");
    assert_eq!(unserved.as_service_error().and_then(|error| error.code()), Some("UnknownOperationException"));
    client
}
