//! What an account may have, held in the transaction that would give it more.

use porthole_api::Error;
use porthole_model::AccountId;
use porthole_store::{StoreError, Tx};

use super::{account, region};
use crate::{app::App, config::QuotaConfig, dispatch::Request};

/// A quota's name in the console's interface, and where it is kept.
pub type Quota = (&'static str, fn(&mut QuotaConfig) -> &mut u32);

/// Every quota.
pub const ALL: [Quota; 8] = [
    ("instances", |quota| &mut quota.instances),
    ("vcpus", |quota| &mut quota.vcpus),
    ("disks", |quota| &mut quota.disks),
    ("diskTotalGb", |quota| &mut quota.disk_total_gb),
    ("disksPerInstance", |quota| &mut quota.disks_per_instance),
    ("staticIps", |quota| &mut quota.static_ips),
    ("snapshots", |quota| &mut quota.snapshots),
    ("keyPairs", |quota| &mut quota.key_pairs),
];

/// Gives what the caller's account may have.
pub async fn of(cx: Request<'_>) -> Result<QuotaConfig, StoreError> {
    of_account(cx.app, &account(cx)).await
}

/// Gives what an account may have: the site's quotas, but for those of its own.
pub async fn of_account(app: &App, account: &AccountId) -> Result<QuotaConfig, StoreError> {
    let mut quota = app.config.quota.clone();
    for (name, value) in app.store.quotas(account).await? {
        if let Some((_, place)) = ALL.iter().find(|(known, _)| *known == name) {
            *place(&mut quota) = u32::try_from(value).unwrap_or(u32::MAX);
        }
    }
    Ok(quota)
}

/// Counts the instances and vCPUs the account has in this transaction; gives the refusal when they are too many.
///
/// To be called after the change: the transaction is then dropped.
pub async fn instances(cx: Request<'_>, tx: &mut Tx) -> Result<Option<Error>, StoreError> {
    let quota = of(cx).await?;
    let (mut instances, mut vcpus) = (0_u64, 0_u64);
    for (bundle_id, count) in tx.instances_by_bundle(&account(cx), region(cx.app)).await? {
        let count = u64::try_from(count).unwrap_or_default();
        // Of a bundle the operator took away nothing is known but that it is used.
        let each = cx.app.catalog.bundle(&bundle_id).map_or(1, |bundle| bundle.vcpus);
        instances += count;
        vcpus += count * u64::from(each);
    }
    if instances <= u64::from(quota.instances) && vcpus <= u64::from(quota.vcpus) {
        return Ok(None);
    }
    let tip = format!(
        "The account may have {} instances and {} vCPUs in all; this would make {instances} and {vcpus}.",
        quota.instances, quota.vcpus
    );
    let error = Error::invalid_input("Sorry, you've reached the maximum number of instances for your account.");
    Ok(Some(error.with_tip(tip)))
}
