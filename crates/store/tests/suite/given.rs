//! Rows that tests begin with. Every field has a value of its own, so that mixed-up columns show.

use porthole_model::{
    AccountId, InstanceId, OperationId,
    instance::State,
    operation::Kind,
    session::{Session, Status},
};
use porthole_store::{Account, Instance, NewOperation, Operation, Store, StoreError};

/// Region of all rows.
pub(crate) const REGION: &str = "us-east-2";
/// What the clock says unless a test says otherwise.
pub(crate) const NOW_MS: i64 = 1_700_000_000_123;

/// Adds an account.
pub(crate) async fn account(store: &Store, digit: char) -> AccountId {
    let id = AccountId::new(digit.to_string().repeat(12));
    let account = Account { id: id.clone(), name: format!("account {digit}"), created_ms: NOW_MS };
    let mut tx = store.begin().await.unwrap();
    tx.insert_account(&account).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// An instance that is not yet in the store.
pub(crate) fn new_instance(account_id: &AccountId, name: &str, created_ms: i64) -> Instance {
    Instance {
        id: InstanceId::new(format!("id-of-{name}")),
        account_id: account_id.clone(),
        region: REGION.into(),
        zone: "us-east-2a".into(),
        name: name.into(),
        blueprint_id: "debian_12".into(),
        bundle_id: "nano_3_0".into(),
        state: State::Pending,
        address_index: 0,
        ip_address_type: "dualstack".into(),
        key_pair_name: "my-key".into(),
        user_data: "#!/bin/sh\necho 'it''s' \"ünïcode\" \u{1F4A1}\n".into(),
        tags: r#"{"team":"bio"}"#.into(),
        add_ons: r#"[{"addOnType":"AutoSnapshot"}]"#.into(),
        session: Session {
            status: Status::FailedStartingGuiSession,
            generation: 7,
            percent: 42,
            failure_reason: "It's \"broken\".".into(),
            expires_at_ms: NOW_MS + 1,
        },
        generation: 3,
        created_ms,
        ports: String::new(),
        metadata_options: String::new(),
        from_snapshot_id: String::new(),
    }
}

/// Adds an instance with its name.
pub(crate) async fn add(store: &Store, mut instance: Instance) -> Result<Instance, StoreError> {
    let mut tx = store.begin().await?;
    let name = (instance.name.clone(), instance.id.to_string());
    tx.take_names(&instance.account_id, REGION, "Instance", &[name]).await?;
    tx.insert_instance(&mut instance).await?;
    tx.commit().await?;
    Ok(instance)
}

/// An operation that is not yet in the store.
pub(crate) fn new_operation<'a>(
    account_id: &'a AccountId,
    id: &str,
    kind: Kind,
    resource: &'a str,
    created_ms: i64,
) -> NewOperation<'a> {
    NewOperation {
        id: OperationId::new(id),
        kind,
        version: 4,
        account_id,
        region: REGION,
        zone: "us-east-2b",
        resource_name: resource,
        resource_type: "Instance",
        resource_id: resource,
        details: "details",
        state: r#"{"instance_id":"x"}"#.into(),
        created_ms,
        deadline_ms: created_ms + 60_000,
        done: false,
        leader: None,
    }
}

/// Adds an operation.
pub(crate) async fn begin(store: &Store, new: NewOperation<'_>) -> Result<Operation, StoreError> {
    let mut tx = store.begin().await?;
    let operation = tx.insert_operation(new).await?;
    tx.commit().await?;
    Ok(operation)
}

/// Takes the place of the live operation on a resource.
pub(crate) async fn supersede(store: &Store, new: NewOperation<'_>) -> Operation {
    let mut tx = store.begin().await.unwrap();
    let live = tx.live_operation(new.resource_id).await.unwrap().expect("there is one to supersede");
    tx.supersede(&live.id).await.unwrap();
    let operation = tx.insert_operation(new).await.unwrap();
    tx.commit().await.unwrap();
    operation
}
