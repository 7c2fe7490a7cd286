//! GetInstanceAccessDetails, DeleteKnownHostKeys.

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use porthole_api::{
    Error,
    types::{
        DeleteKnownHostKeysRequest, DeleteKnownHostKeysResult, GetInstanceAccessDetailsRequest,
        GetInstanceAccessDetailsResult, HostKeyAttributes, InstanceAccessDetails, InstanceAccessProtocol,
        Operation as WireOperation, Timestamp,
    },
};
use porthole_model::{instance::State, operation::Kind};
use porthole_store::{Instance, StoreError};
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::{NewDeed, Subject, TRIES, account, insert_operation, instance, network, region, unavailable};
use crate::{
    agent::Agent,
    dispatch::Request,
    ssh::{self, Authority, Terms},
    telemetry::chain,
};

/// How long temporary keys let in, in milliseconds.
const VALID_MS: i64 = 600_000;
/// How far an instance's clock may be behind, in milliseconds.
const SKEW_MS: i64 = 60_000;
/// How long a fresh instance may take to make its host keys, in milliseconds.
const HOST_KEYS_WAIT_MS: u32 = 5_000;
/// Most host keys an instance has.
const MOST_HOST_KEYS: usize = 8;
/// Longest host key in base64: RSA of 16384 bits.
const LONGEST_HOST_KEY: usize = 3_000;
/// Host keys' algorithms that clients know.
const ALGORITHMS: [&str; 5] =
    ["ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];

/// A host key as it was first seen, stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Witnessed {
    algorithm: String,
    public_key: String,
    witnessed_ms: i64,
}

/// GetInstanceAccessDetails: a fresh key and a certificate for it.
pub async fn details(
    cx: Request<'_>,
    input: GetInstanceAccessDetailsRequest,
) -> Result<GetInstanceAccessDetailsResult, Error> {
    let row = instance::find(cx, &input.instance_name).await?;
    if input.protocol == Some(InstanceAccessProtocol::Rdp) {
        return Err(Error::invalid_input("protocol rdp is for Windows instances; this one speaks ssh."));
    }
    if row.state != State::Running {
        return Err(Error::invalid_input(format!(
            "There is no access to {} while it is {}. Start it first.",
            row.name,
            row.state.name()
        )));
    }
    let app = cx.app;
    let host_keys = host_keys(cx, &row).await?;
    let public = network::picture(cx).await?.public(&row.id).map(|public| public.address.clone());
    let temporary = ssh::generate(app.ids.clone()).await;
    let now_ms = app.clock.now_ms();
    let seconds = |ms: i64| u64::try_from(ms / 1000).unwrap_or_default();
    // In whole seconds, as the certificate has it.
    let expires_ms = (now_ms + VALID_MS) / 1000 * 1000;
    let terms = Terms {
        key_id: &format!("porthole {} {}", row.account_id, row.name),
        principal: instance::USERNAME,
        valid_after_s: seconds(now_ms - SKEW_MS),
        valid_before_s: seconds(expires_ms),
    };
    let authority = Authority::of_instance(&app.seal, row.id.as_str());
    let access_details = InstanceAccessDetails {
        cert_key: Some(authority.certify(&*app.ids, &temporary.public, &terms)),
        expires_at: Some(Timestamp(expires_ms)),
        host_keys: Some(host_keys.iter().filter_map(wire).collect()),
        instance_name: Some(row.name.clone()),
        ip_address: Some(public.unwrap_or_else(|| app.driver.address(row.address_index).to_string())),
        ipv6_addresses: Some(crate::network::ipv6_addresses(app, &row)),
        private_key: Some(temporary.private_pem.into()),
        protocol: Some(InstanceAccessProtocol::Ssh),
        username: Some(instance::USERNAME.to_owned()),
        ..InstanceAccessDetails::default()
    };
    Ok(GetInstanceAccessDetailsResult { access_details: Some(access_details) })
}

/// DeleteKnownHostKeys: the next GetInstanceAccessDetails looks at the instance again.
pub async fn forget_host_keys(
    cx: Request<'_>,
    input: DeleteKnownHostKeysRequest,
) -> Result<DeleteKnownHostKeysResult, Error> {
    for _ in 0..TRIES {
        match forget_once(cx, &input.instance_name).await {
            Ok(outcome) => {
                return outcome.map(|operation| DeleteKnownHostKeysResult { operations: Some(vec![operation]) });
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(unavailable(&error)),
        }
    }
    Err(Error::service_unavailable("The instance is being changed by many requests at once. Try again."))
}

async fn forget_once(cx: Request<'_>, name: &str) -> Result<Result<WireOperation, Error>, StoreError> {
    let mut tx = cx.app.store.begin().await?;
    let Some(row) = tx.instance_by_name(&account(cx), region(cx.app), name).await? else {
        return Ok(Err(Error::does_not_exist("Instance", name)));
    };
    tx.forget_host_keys(&row.id).await?;
    let deed = NewDeed {
        kind: Kind::DeleteKnownHostKeys,
        subject: Subject::instance(&row),
        details: "",
        state: "{}".to_owned(),
        leader: None,
        done: true,
    };
    let operation = insert_operation(cx, &mut tx, deed).await?;
    tx.commit().await?;
    Ok(Ok(super::operation::wire(&operation)))
}

/// Gives the host keys as they were first seen; looks and records them where none are recorded.
async fn host_keys(cx: Request<'_>, row: &Instance) -> Result<Vec<Witnessed>, Error> {
    let recorded = recorded(cx, row).await?;
    if !recorded.is_empty() {
        return Ok(recorded);
    }
    let seen = look(cx, row).await;
    if seen.is_empty() {
        return Ok(seen);
    }
    let json = serde_json::to_string(&seen).expect("texts are plain data");
    let record = async {
        let mut tx = cx.app.store.begin().await?;
        // An instance that was deleted meanwhile leaves no row behind.
        if tx.instance(&row.id).await?.is_none() {
            return Ok(true);
        }
        let first = tx.witness_host_keys(&row.id, &json).await?;
        tx.commit().await.map(|()| first)
    };
    match record.await {
        Ok(true) => Ok(seen),
        // Somebody else was the first.
        Ok(false) | Err(StoreError::Conflict) => self::recorded(cx, row).await,
        Err(error) => Err(unavailable(&error)),
    }
}

async fn recorded(cx: Request<'_>, row: &Instance) -> Result<Vec<Witnessed>, Error> {
    let ssh = cx.app.store.instance_ssh(&row.id).await.map_err(|error| unavailable(&error))?;
    Ok(ssh.and_then(|ssh| serde_json::from_str(&ssh.host_keys).ok()).unwrap_or_default())
}

/// Asks the instance for its host keys; what does not look like one is left out.
async fn look(cx: Request<'_>, row: &Instance) -> Vec<Witnessed> {
    let agent = Agent::new(cx.app.driver.as_ref(), row.id.as_str());
    let keys = match agent.ssh_host_keys(HOST_KEYS_WAIT_MS).await {
        Ok(found) => found.keys,
        Err(error) => {
            tracing::warn!(instance = %row.id, error = chain(&error), "host keys cannot be read");
            return Vec::new();
        }
    };
    let witnessed_ms = cx.app.clock.now_ms();
    let good = keys.into_iter().take(MOST_HOST_KEYS).filter(|key| {
        ALGORITHMS.contains(&key.algorithm.as_str())
            && key.public_key.len() <= LONGEST_HOST_KEY
            && ssh::blob_of(&key.algorithm, &key.public_key).is_some()
    });
    good.map(|key| Witnessed { algorithm: key.algorithm, public_key: key.public_key, witnessed_ms }).collect()
}

fn wire(key: &Witnessed) -> Option<HostKeyAttributes> {
    let blob = ssh::blob_of(&key.algorithm, &key.public_key)?;
    let print = |name: &str, digest: &[u8]| format!("{name}:{}", BASE64_STANDARD_NO_PAD.encode(digest));
    Some(HostKeyAttributes {
        algorithm: Some(key.algorithm.clone()),
        fingerprint_sha1: Some(print("SHA1", &Sha1::digest(&blob))),
        fingerprint_sha256: Some(print("SHA256", &Sha256::digest(&blob))),
        public_key: Some(key.public_key.clone()),
        witnessed_at: Some(Timestamp(key.witnessed_ms)),
        ..HostKeyAttributes::default()
    })
}
