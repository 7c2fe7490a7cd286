//! What an account may have, held in the transaction that would give it more.

use porthole_api::Error;
use porthole_store::{StoreError, Tx};

use super::{account, region};
use crate::dispatch::Request;

/// Counts the instances and vCPUs the account has in this transaction; gives the refusal when they are too many.
///
/// To be called after the change: the transaction is then dropped.
pub async fn instances(cx: Request<'_>, tx: &mut Tx) -> Result<Option<Error>, StoreError> {
    let quota = &cx.app.config.quota;
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
