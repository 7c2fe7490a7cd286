// Made by `cargo xtask codegen` from botocore 1.44.8. Do not edit.
#![allow(unused_imports)]

use std::collections::BTreeMap;

use serde::Serialize;

use super::{actions::Action, enums::*, structures::*};
use crate::{protocol::Output, wire::{Sensitive, Timestamp}};

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateGuiSessionAccessDetailsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage_complete: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Vec<Session>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

impl Output for CreateGuiSessionAccessDetailsResult { const ACTION: Action = Action::CreateGuiSessionAccessDetails; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetCostEstimateResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources_budget_estimate: Option<Vec<ResourceBudgetEstimate>>,
}

impl Output for GetCostEstimateResult { const ACTION: Action = Action::GetCostEstimate; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StartGuiSessionResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for StartGuiSessionResult { const ACTION: Action = Action::StartGuiSession; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StopGuiSessionResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for StopGuiSessionResult { const ACTION: Action = Action::StopGuiSession; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstancesResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for CreateInstancesResult { const ACTION: Action = Action::CreateInstances; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteInstanceResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for DeleteInstanceResult { const ACTION: Action = Action::DeleteInstance; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetBlueprintsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blueprints: Option<Vec<Blueprint>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl Output for GetBlueprintsResult { const ACTION: Action = Action::GetBlueprints; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetBundlesResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundles: Option<Vec<Bundle>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl Output for GetBundlesResult { const ACTION: Action = Action::GetBundles; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
}

impl Output for GetInstanceResult { const ACTION: Action = Action::GetInstance; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceMetricDataResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_data: Option<Vec<MetricDatapoint>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<InstanceMetricName>,
}

impl Output for GetInstanceMetricDataResult { const ACTION: Action = Action::GetInstanceMetricData; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstancesResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<Vec<Instance>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl Output for GetInstancesResult { const ACTION: Action = Action::GetInstances; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceStateResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<InstanceState>,
}

impl Output for GetInstanceStateResult { const ACTION: Action = Action::GetInstanceState; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RebootInstanceResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for RebootInstanceResult { const ACTION: Action = Action::RebootInstance; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StartInstanceResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for StartInstanceResult { const ACTION: Action = Action::StartInstance; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StopInstanceResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for StopInstanceResult { const ACTION: Action = Action::StopInstance; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateInstanceMetadataOptionsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Output for UpdateInstanceMetadataOptionsResult { const ACTION: Action = Action::UpdateInstanceMetadataOptions; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachDiskResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for AttachDiskResult { const ACTION: Action = Action::AttachDisk; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDiskResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for CreateDiskResult { const ACTION: Action = Action::CreateDisk; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteDiskResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for DeleteDiskResult { const ACTION: Action = Action::DeleteDisk; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DetachDiskResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for DetachDiskResult { const ACTION: Action = Action::DetachDisk; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDiskResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Disk>,
}

impl Output for GetDiskResult { const ACTION: Action = Action::GetDisk; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDisksResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disks: Option<Vec<Disk>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl Output for GetDisksResult { const ACTION: Action = Action::GetDisks; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateKeyPairResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<KeyPair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key_base64: Option<Sensitive>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_base64: Option<String>,
}

impl Output for CreateKeyPairResult { const ACTION: Action = Action::CreateKeyPair; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteKeyPairResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Output for DeleteKeyPairResult { const ACTION: Action = Action::DeleteKeyPair; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DownloadDefaultKeyPairResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key_base64: Option<Sensitive>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_base64: Option<String>,
}

impl Output for DownloadDefaultKeyPairResult { const ACTION: Action = Action::DownloadDefaultKeyPair; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceAccessDetailsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_details: Option<InstanceAccessDetails>,
}

impl Output for GetInstanceAccessDetailsResult { const ACTION: Action = Action::GetInstanceAccessDetails; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetKeyPairResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<KeyPair>,
}

impl Output for GetKeyPairResult { const ACTION: Action = Action::GetKeyPair; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetKeyPairsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_pairs: Option<Vec<KeyPair>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl Output for GetKeyPairsResult { const ACTION: Action = Action::GetKeyPairs; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportKeyPairResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Output for ImportKeyPairResult { const ACTION: Action = Action::ImportKeyPair; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstancePortStatesResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_states: Option<Vec<InstancePortState>>,
}

impl Output for GetInstancePortStatesResult { const ACTION: Action = Action::GetInstancePortStates; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IsVpcPeeredResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_peered: Option<bool>,
}

impl Output for IsVpcPeeredResult { const ACTION: Action = Action::IsVpcPeered; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenInstancePublicPortsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Output for OpenInstancePublicPortsResult { const ACTION: Action = Action::OpenInstancePublicPorts; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutInstancePublicPortsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Output for PutInstancePublicPortsResult { const ACTION: Action = Action::PutInstancePublicPorts; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerVpcResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Output for PeerVpcResult { const ACTION: Action = Action::PeerVpc; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetIpAddressTypeResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for SetIpAddressTypeResult { const ACTION: Action = Action::SetIpAddressType; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnpeerVpcResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Output for UnpeerVpcResult { const ACTION: Action = Action::UnpeerVpc; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CopySnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for CopySnapshotResult { const ACTION: Action = Action::CopySnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDiskFromSnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for CreateDiskFromSnapshotResult { const ACTION: Action = Action::CreateDiskFromSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDiskSnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for CreateDiskSnapshotResult { const ACTION: Action = Action::CreateDiskSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstancesFromSnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for CreateInstancesFromSnapshotResult { const ACTION: Action = Action::CreateInstancesFromSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstanceSnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for CreateInstanceSnapshotResult { const ACTION: Action = Action::CreateInstanceSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteAutoSnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for DeleteAutoSnapshotResult { const ACTION: Action = Action::DeleteAutoSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteDiskSnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for DeleteDiskSnapshotResult { const ACTION: Action = Action::DeleteDiskSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteInstanceSnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for DeleteInstanceSnapshotResult { const ACTION: Action = Action::DeleteInstanceSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportSnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for ExportSnapshotResult { const ACTION: Action = Action::ExportSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDiskSnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_snapshot: Option<DiskSnapshot>,
}

impl Output for GetDiskSnapshotResult { const ACTION: Action = Action::GetDiskSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDiskSnapshotsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_snapshots: Option<Vec<DiskSnapshot>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl Output for GetDiskSnapshotsResult { const ACTION: Action = Action::GetDiskSnapshots; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetExportSnapshotRecordsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_snapshot_records: Option<Vec<ExportSnapshotRecord>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl Output for GetExportSnapshotRecordsResult { const ACTION: Action = Action::GetExportSnapshotRecords; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceSnapshotResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_snapshot: Option<InstanceSnapshot>,
}

impl Output for GetInstanceSnapshotResult { const ACTION: Action = Action::GetInstanceSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceSnapshotsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_snapshots: Option<Vec<InstanceSnapshot>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl Output for GetInstanceSnapshotsResult { const ACTION: Action = Action::GetInstanceSnapshots; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagResourceResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for TagResourceResult { const ACTION: Action = Action::TagResource; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagResourceResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for UntagResourceResult { const ACTION: Action = Action::UntagResource; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetActiveNamesResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_names: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl Output for GetActiveNamesResult { const ACTION: Action = Action::GetActiveNames; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOperationResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Output for GetOperationResult { const ACTION: Action = Action::GetOperation; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOperationsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for GetOperationsResult { const ACTION: Action = Action::GetOperations; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOperationsForResourceResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_count: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for GetOperationsForResourceResult { const ACTION: Action = Action::GetOperationsForResource; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRegionsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<Region>>,
}

impl Output for GetRegionsResult { const ACTION: Action = Action::GetRegions; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnableAddOnResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for EnableAddOnResult { const ACTION: Action = Action::EnableAddOn; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DisableAddOnResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for DisableAddOnResult { const ACTION: Action = Action::DisableAddOn; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAutoSnapshotsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_snapshots: Option<Vec<AutoSnapshotDetails>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<ResourceType>,
}

impl Output for GetAutoSnapshotsResult { const ACTION: Action = Action::GetAutoSnapshots; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CloseInstancePublicPortsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Output for CloseInstancePublicPortsResult { const ACTION: Action = Action::CloseInstancePublicPorts; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteKnownHostKeysResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for DeleteKnownHostKeysResult { const ACTION: Action = Action::DeleteKnownHostKeys; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllocateStaticIpResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for AllocateStaticIpResult { const ACTION: Action = Action::AllocateStaticIp; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachStaticIpResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for AttachStaticIpResult { const ACTION: Action = Action::AttachStaticIp; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DetachStaticIpResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for DetachStaticIpResult { const ACTION: Action = Action::DetachStaticIp; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetStaticIpResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_ip: Option<StaticIp>,
}

impl Output for GetStaticIpResult { const ACTION: Action = Action::GetStaticIp; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetStaticIpsResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_ips: Option<Vec<StaticIp>>,
}

impl Output for GetStaticIpsResult { const ACTION: Action = Action::GetStaticIps; }

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStaticIpResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

impl Output for ReleaseStaticIpResult { const ACTION: Action = Action::ReleaseStaticIp; }
