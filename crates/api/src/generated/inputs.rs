// Made by `cargo xtask codegen` from botocore 1.44.8. Do not edit.
#![allow(unused_imports)]

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{actions::Action, enums::*, structures::*};
use crate::{protocol::Input, wire::{Sensitive, Timestamp}};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateGuiSessionAccessDetailsRequest {
    pub resource_name: String,
}

impl Input for CreateGuiSessionAccessDetailsRequest { const ACTION: Action = Action::CreateGuiSessionAccessDetails; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetCostEstimateRequest {
    pub end_time: Timestamp,
    pub resource_name: String,
    pub start_time: Timestamp,
}

impl Input for GetCostEstimateRequest { const ACTION: Action = Action::GetCostEstimate; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartGuiSessionRequest {
    pub resource_name: String,
}

impl Input for StartGuiSessionRequest { const ACTION: Action = Action::StartGuiSession; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StopGuiSessionRequest {
    pub resource_name: String,
}

impl Input for StopGuiSessionRequest { const ACTION: Action = Action::StopGuiSession; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstancesRequest {
    pub add_ons: Option<Vec<AddOnRequest>>,
    pub availability_zone: String,
    pub blueprint_id: String,
    pub bundle_id: String,
    pub custom_image_name: Option<String>,
    pub instance_names: Vec<String>,
    pub ip_address_type: Option<IpAddressType>,
    pub key_pair_name: Option<String>,
    pub tags: Option<Vec<Tag>>,
    pub user_data: Option<Sensitive>,
}

impl Input for CreateInstancesRequest { const ACTION: Action = Action::CreateInstances; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteInstanceRequest {
    pub force_delete_add_ons: Option<bool>,
    pub instance_name: String,
}

impl Input for DeleteInstanceRequest { const ACTION: Action = Action::DeleteInstance; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetBlueprintsRequest {
    pub app_category: Option<AppCategory>,
    pub include_inactive: Option<bool>,
    pub page_token: Option<String>,
}

impl Input for GetBlueprintsRequest { const ACTION: Action = Action::GetBlueprints; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetBundlesRequest {
    pub app_category: Option<AppCategory>,
    pub include_inactive: Option<bool>,
    pub page_token: Option<String>,
}

impl Input for GetBundlesRequest { const ACTION: Action = Action::GetBundles; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceRequest {
    pub include_health_status: Option<bool>,
    pub instance_name: String,
}

impl Input for GetInstanceRequest { const ACTION: Action = Action::GetInstance; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceMetricDataRequest {
    pub end_time: Timestamp,
    pub instance_name: String,
    pub metric_name: InstanceMetricName,
    pub period: i32,
    pub start_time: Timestamp,
    pub statistics: Vec<MetricStatistic>,
    pub unit: MetricUnit,
}

impl Input for GetInstanceMetricDataRequest { const ACTION: Action = Action::GetInstanceMetricData; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstancesRequest {
    pub include_health_status: Option<bool>,
    pub page_token: Option<String>,
}

impl Input for GetInstancesRequest { const ACTION: Action = Action::GetInstances; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceStateRequest {
    pub instance_name: String,
}

impl Input for GetInstanceStateRequest { const ACTION: Action = Action::GetInstanceState; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RebootInstanceRequest {
    pub instance_name: String,
}

impl Input for RebootInstanceRequest { const ACTION: Action = Action::RebootInstance; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartInstanceRequest {
    pub attribute_updates: Option<InstanceAttributeUpdates>,
    pub instance_name: String,
}

impl Input for StartInstanceRequest { const ACTION: Action = Action::StartInstance; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StopInstanceRequest {
    pub force: Option<bool>,
    pub instance_name: String,
}

impl Input for StopInstanceRequest { const ACTION: Action = Action::StopInstance; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateInstanceMetadataOptionsRequest {
    pub http_endpoint: Option<HttpEndpoint>,
    pub http_protocol_ipv6: Option<HttpProtocolIpv6>,
    pub http_put_response_hop_limit: Option<i32>,
    pub http_tokens: Option<HttpTokens>,
    pub instance_name: String,
}

impl Input for UpdateInstanceMetadataOptionsRequest { const ACTION: Action = Action::UpdateInstanceMetadataOptions; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachDiskRequest {
    pub auto_mounting: Option<bool>,
    pub disk_name: String,
    pub disk_path: String,
    pub instance_name: String,
}

impl Input for AttachDiskRequest { const ACTION: Action = Action::AttachDisk; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDiskRequest {
    pub add_ons: Option<Vec<AddOnRequest>>,
    pub availability_zone: String,
    pub disk_name: String,
    pub size_in_gb: i32,
    pub tags: Option<Vec<Tag>>,
}

impl Input for CreateDiskRequest { const ACTION: Action = Action::CreateDisk; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteDiskRequest {
    pub disk_name: String,
    pub force_delete_add_ons: Option<bool>,
}

impl Input for DeleteDiskRequest { const ACTION: Action = Action::DeleteDisk; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DetachDiskRequest {
    pub disk_name: String,
}

impl Input for DetachDiskRequest { const ACTION: Action = Action::DetachDisk; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDiskRequest {
    pub disk_name: String,
}

impl Input for GetDiskRequest { const ACTION: Action = Action::GetDisk; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDisksRequest {
    pub page_token: Option<String>,
}

impl Input for GetDisksRequest { const ACTION: Action = Action::GetDisks; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateKeyPairRequest {
    pub key_pair_name: String,
    pub tags: Option<Vec<Tag>>,
}

impl Input for CreateKeyPairRequest { const ACTION: Action = Action::CreateKeyPair; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteKeyPairRequest {
    pub expected_fingerprint: Option<String>,
    pub key_pair_name: String,
}

impl Input for DeleteKeyPairRequest { const ACTION: Action = Action::DeleteKeyPair; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DownloadDefaultKeyPairRequest {}

impl Input for DownloadDefaultKeyPairRequest { const ACTION: Action = Action::DownloadDefaultKeyPair; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceAccessDetailsRequest {
    pub instance_name: String,
    pub protocol: Option<InstanceAccessProtocol>,
}

impl Input for GetInstanceAccessDetailsRequest { const ACTION: Action = Action::GetInstanceAccessDetails; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetKeyPairRequest {
    pub key_pair_name: String,
}

impl Input for GetKeyPairRequest { const ACTION: Action = Action::GetKeyPair; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetKeyPairsRequest {
    pub include_default_key_pair: Option<bool>,
    pub page_token: Option<String>,
}

impl Input for GetKeyPairsRequest { const ACTION: Action = Action::GetKeyPairs; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportKeyPairRequest {
    pub key_pair_name: String,
    pub public_key_base64: String,
}

impl Input for ImportKeyPairRequest { const ACTION: Action = Action::ImportKeyPair; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstancePortStatesRequest {
    pub instance_name: String,
}

impl Input for GetInstancePortStatesRequest { const ACTION: Action = Action::GetInstancePortStates; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IsVpcPeeredRequest {}

impl Input for IsVpcPeeredRequest { const ACTION: Action = Action::IsVpcPeered; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenInstancePublicPortsRequest {
    pub instance_name: String,
    pub port_info: PortInfo,
}

impl Input for OpenInstancePublicPortsRequest { const ACTION: Action = Action::OpenInstancePublicPorts; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutInstancePublicPortsRequest {
    pub instance_name: String,
    pub port_infos: Vec<PortInfo>,
}

impl Input for PutInstancePublicPortsRequest { const ACTION: Action = Action::PutInstancePublicPorts; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerVpcRequest {}

impl Input for PeerVpcRequest { const ACTION: Action = Action::PeerVpc; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetIpAddressTypeRequest {
    pub accept_bundle_update: Option<bool>,
    pub ip_address_type: IpAddressType,
    pub resource_name: String,
    pub resource_type: ResourceType,
}

impl Input for SetIpAddressTypeRequest { const ACTION: Action = Action::SetIpAddressType; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnpeerVpcRequest {}

impl Input for UnpeerVpcRequest { const ACTION: Action = Action::UnpeerVpc; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopySnapshotRequest {
    pub restore_date: Option<String>,
    pub source_region: RegionName,
    pub source_resource_name: Option<String>,
    pub source_snapshot_name: Option<String>,
    pub target_snapshot_name: String,
    pub use_latest_restorable_auto_snapshot: Option<bool>,
}

impl Input for CopySnapshotRequest { const ACTION: Action = Action::CopySnapshot; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDiskFromSnapshotRequest {
    pub add_ons: Option<Vec<AddOnRequest>>,
    pub availability_zone: String,
    pub disk_name: String,
    pub disk_snapshot_name: Option<String>,
    pub restore_date: Option<String>,
    pub size_in_gb: i32,
    pub source_disk_name: Option<String>,
    pub tags: Option<Vec<Tag>>,
    pub use_latest_restorable_auto_snapshot: Option<bool>,
}

impl Input for CreateDiskFromSnapshotRequest { const ACTION: Action = Action::CreateDiskFromSnapshot; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDiskSnapshotRequest {
    pub disk_name: Option<String>,
    pub disk_snapshot_name: String,
    pub instance_name: Option<String>,
    pub tags: Option<Vec<Tag>>,
}

impl Input for CreateDiskSnapshotRequest { const ACTION: Action = Action::CreateDiskSnapshot; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstancesFromSnapshotRequest {
    pub add_ons: Option<Vec<AddOnRequest>>,
    pub attached_disk_mapping: Option<BTreeMap<String, Vec<DiskMap>>>,
    pub availability_zone: String,
    pub bundle_id: String,
    pub instance_names: Vec<String>,
    pub instance_snapshot_name: Option<String>,
    pub ip_address_type: Option<IpAddressType>,
    pub key_pair_name: Option<String>,
    pub restore_date: Option<String>,
    pub source_instance_name: Option<String>,
    pub tags: Option<Vec<Tag>>,
    pub use_latest_restorable_auto_snapshot: Option<bool>,
    pub user_data: Option<Sensitive>,
}

impl Input for CreateInstancesFromSnapshotRequest { const ACTION: Action = Action::CreateInstancesFromSnapshot; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstanceSnapshotRequest {
    pub instance_name: String,
    pub instance_snapshot_name: String,
    pub tags: Option<Vec<Tag>>,
}

impl Input for CreateInstanceSnapshotRequest { const ACTION: Action = Action::CreateInstanceSnapshot; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteAutoSnapshotRequest {
    pub date: String,
    pub resource_name: String,
}

impl Input for DeleteAutoSnapshotRequest { const ACTION: Action = Action::DeleteAutoSnapshot; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteDiskSnapshotRequest {
    pub disk_snapshot_name: String,
}

impl Input for DeleteDiskSnapshotRequest { const ACTION: Action = Action::DeleteDiskSnapshot; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteInstanceSnapshotRequest {
    pub instance_snapshot_name: String,
}

impl Input for DeleteInstanceSnapshotRequest { const ACTION: Action = Action::DeleteInstanceSnapshot; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportSnapshotRequest {
    pub source_snapshot_name: String,
}

impl Input for ExportSnapshotRequest { const ACTION: Action = Action::ExportSnapshot; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDiskSnapshotRequest {
    pub disk_snapshot_name: String,
}

impl Input for GetDiskSnapshotRequest { const ACTION: Action = Action::GetDiskSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDiskSnapshotsRequest {
    pub page_token: Option<String>,
}

impl Input for GetDiskSnapshotsRequest { const ACTION: Action = Action::GetDiskSnapshots; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetExportSnapshotRecordsRequest {
    pub page_token: Option<String>,
}

impl Input for GetExportSnapshotRecordsRequest { const ACTION: Action = Action::GetExportSnapshotRecords; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceSnapshotRequest {
    pub instance_snapshot_name: String,
}

impl Input for GetInstanceSnapshotRequest { const ACTION: Action = Action::GetInstanceSnapshot; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstanceSnapshotsRequest {
    pub page_token: Option<String>,
}

impl Input for GetInstanceSnapshotsRequest { const ACTION: Action = Action::GetInstanceSnapshots; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagResourceRequest {
    pub resource_arn: Option<String>,
    pub resource_name: String,
    pub tags: Vec<Tag>,
}

impl Input for TagResourceRequest { const ACTION: Action = Action::TagResource; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagResourceRequest {
    pub resource_arn: Option<String>,
    pub resource_name: String,
    pub tag_keys: Vec<String>,
}

impl Input for UntagResourceRequest { const ACTION: Action = Action::UntagResource; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetActiveNamesRequest {
    pub page_token: Option<String>,
}

impl Input for GetActiveNamesRequest { const ACTION: Action = Action::GetActiveNames; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOperationRequest {
    pub operation_id: String,
}

impl Input for GetOperationRequest { const ACTION: Action = Action::GetOperation; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOperationsRequest {
    pub page_token: Option<String>,
}

impl Input for GetOperationsRequest { const ACTION: Action = Action::GetOperations; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOperationsForResourceRequest {
    pub page_token: Option<String>,
    pub resource_name: String,
}

impl Input for GetOperationsForResourceRequest { const ACTION: Action = Action::GetOperationsForResource; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRegionsRequest {
    pub include_availability_zones: Option<bool>,
    pub include_relational_database_availability_zones: Option<bool>,
}

impl Input for GetRegionsRequest { const ACTION: Action = Action::GetRegions; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnableAddOnRequest {
    pub add_on_request: AddOnRequest,
    pub resource_name: String,
}

impl Input for EnableAddOnRequest { const ACTION: Action = Action::EnableAddOn; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisableAddOnRequest {
    pub add_on_type: AddOnType,
    pub resource_name: String,
}

impl Input for DisableAddOnRequest { const ACTION: Action = Action::DisableAddOn; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAutoSnapshotsRequest {
    pub resource_name: String,
}

impl Input for GetAutoSnapshotsRequest { const ACTION: Action = Action::GetAutoSnapshots; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloseInstancePublicPortsRequest {
    pub instance_name: String,
    pub port_info: PortInfo,
}

impl Input for CloseInstancePublicPortsRequest { const ACTION: Action = Action::CloseInstancePublicPorts; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteKnownHostKeysRequest {
    pub instance_name: String,
}

impl Input for DeleteKnownHostKeysRequest { const ACTION: Action = Action::DeleteKnownHostKeys; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllocateStaticIpRequest {
    pub static_ip_name: String,
}

impl Input for AllocateStaticIpRequest { const ACTION: Action = Action::AllocateStaticIp; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachStaticIpRequest {
    pub instance_name: String,
    pub static_ip_name: String,
}

impl Input for AttachStaticIpRequest { const ACTION: Action = Action::AttachStaticIp; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DetachStaticIpRequest {
    pub static_ip_name: String,
}

impl Input for DetachStaticIpRequest { const ACTION: Action = Action::DetachStaticIp; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetStaticIpRequest {
    pub static_ip_name: String,
}

impl Input for GetStaticIpRequest { const ACTION: Action = Action::GetStaticIp; }

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetStaticIpsRequest {
    pub page_token: Option<String>,
}

impl Input for GetStaticIpsRequest { const ACTION: Action = Action::GetStaticIps; }

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStaticIpRequest {
    pub static_ip_name: String,
}

impl Input for ReleaseStaticIpRequest { const ACTION: Action = Action::ReleaseStaticIp; }
