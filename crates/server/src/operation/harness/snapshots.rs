//! Snapshots of a test's world.

use porthole_api::types::Operation as Wire;
use porthole_model::{operation::Kind, snapshot};

use super::{ACCOUNT, AUTO_DATE, DISK, DISK_SNAPSHOT, NAME, SNAPSHOT, World};
use crate::{auth::Caller, dispatch::Request, service};

impl World {
    /// Makes the automatic snapshot of a day.
    pub(in crate::operation) async fn auto_snapshot(&self, date: &str) {
        let caller = Caller { account_id: ACCOUNT.into(), access_key_id: "AKIA".into(), policy: None, person: None };
        let cx = Request { app: &self.app, caller: &caller };
        service::snapshot::create_auto(cx, NAME, false, date).await.expect("is accepted");
        self.no_operation_left().await;
    }

    /// Deletes every snapshot.
    pub(in crate::operation) async fn delete_snapshots(&self) {
        let caller = Caller { account_id: ACCOUNT.into(), access_key_id: "AKIA".into(), policy: None, person: None };
        let cx = Request { app: &self.app, caller: &caller };
        for snapshot in self.app.store.all_snapshots().await.expect("the store answers") {
            let kind = match snapshot.kind {
                snapshot::Kind::InstanceSnapshot => Kind::DeleteInstanceSnapshot,
                snapshot::Kind::DiskSnapshot => Kind::DeleteDiskSnapshot,
            };
            service::snapshot::delete(cx, &snapshot, kind).await.expect("is accepted");
        }
        self.no_operation_left().await;
    }

    pub(in crate::operation) async fn request_on_snapshot(
        cx: Request<'_>,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Vec<Wire>>, porthole_api::Error> {
        let input = match kind {
            Kind::CreateInstanceSnapshot => serde_json::json!({"instanceName": name, "instanceSnapshotName": SNAPSHOT}),
            Kind::DeleteInstanceSnapshot => serde_json::json!({"instanceSnapshotName": SNAPSHOT}),
            Kind::CreateDiskSnapshot => serde_json::json!({"diskName": DISK, "diskSnapshotName": DISK_SNAPSHOT}),
            Kind::DeleteDiskSnapshot => serde_json::json!({"diskSnapshotName": DISK_SNAPSHOT}),
            Kind::CopySnapshot => serde_json::json!({
                "sourceSnapshotName": SNAPSHOT, "targetSnapshotName": "copy-1", "sourceRegion": "us-east-2",
            }),
            Kind::ExportSnapshot => serde_json::json!({"sourceSnapshotName": SNAPSHOT}),
            Kind::DeleteAutoSnapshot => serde_json::json!({"resourceName": name, "date": AUTO_DATE}),
            Kind::CreateInstancesFromSnapshot => serde_json::json!({
                "instanceNames": [name], "availabilityZone": "us-east-2a", "bundleId": "nano_3_0",
                "instanceSnapshotName": SNAPSHOT,
            }),
            Kind::CreateDiskFromSnapshot => serde_json::json!({
                "diskName": DISK, "availabilityZone": "us-east-2a", "sizeInGb": 8, "diskSnapshotName": DISK_SNAPSHOT,
            }),
            other => unreachable!("{other:?} has no plan"),
        };
        macro_rules! ask {
            ($function:path) => {
                $function(cx, serde_json::from_value(input).expect("is a request")).await?.operations
            };
        }
        Ok(match kind {
            Kind::CreateInstanceSnapshot => ask!(service::snapshot::create_of_instance),
            Kind::DeleteInstanceSnapshot => ask!(service::snapshot::delete_of_instance),
            Kind::CreateDiskSnapshot => ask!(service::snapshot::create_of_disk),
            Kind::DeleteDiskSnapshot => ask!(service::snapshot::delete_of_disk),
            Kind::CopySnapshot => ask!(service::snapshot::copy),
            Kind::DeleteAutoSnapshot => ask!(service::snapshot::delete_auto),
            Kind::CreateInstancesFromSnapshot => ask!(service::restore::instances),
            Kind::CreateDiskFromSnapshot => ask!(service::restore::disk),
            _ => ask!(service::restore::export),
        })
    }
}
