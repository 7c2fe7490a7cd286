//! From an action to the function that serves it: one line an action.

use porthole_api::{
    Action, Error,
    protocol::{self, Input, Output, Response},
};

use crate::{
    app::App,
    auth::Caller,
    policy,
    service::{
        access, add_on, catalog, cost, disk, instance, key_pair, metric, names, network, operation, ports, restore,
        session, snapshot, static_ip, tags,
    },
};

/// Serves one call. Actions of the model that are not served are refused by name.
pub async fn dispatch(app: &App, caller: &Caller, call: Call<'_>) -> Result<Response, Error> {
    let cx = Request { app, caller };
    // An action about which no policy can be asked is not served, whatever is below.
    if !policy::is_known(call.action) {
        return Err(Error::not_served(call.action));
    }
    match call.action {
        Action::CreateInstances => cx.serve(call, instance::create).await,
        Action::GetInstance => cx.serve(call, instance::get).await,
        Action::GetInstances => cx.serve(call, instance::list).await,
        Action::GetInstanceState => cx.serve(call, instance::state).await,
        Action::StartInstance => cx.serve(call, instance::start).await,
        Action::StopInstance => cx.serve(call, instance::stop).await,
        Action::RebootInstance => cx.serve(call, instance::reboot).await,
        Action::DeleteInstance => cx.serve(call, instance::delete).await,
        Action::GetBlueprints => cx.serve(call, catalog::blueprints).await,
        Action::GetBundles => cx.serve(call, catalog::bundles).await,
        Action::GetRegions => cx.serve(call, catalog::regions).await,
        Action::GetActiveNames => cx.serve(call, names::active).await,
        Action::GetOperation => cx.serve(call, operation::get).await,
        Action::GetOperations => cx.serve(call, operation::list).await,
        Action::GetOperationsForResource => cx.serve(call, operation::list_for_resource).await,
        Action::StartGuiSession => cx.serve(call, session::start).await,
        Action::StopGuiSession => cx.serve(call, session::stop).await,
        Action::CreateGuiSessionAccessDetails => cx.serve(call, session::access_details).await,
        Action::CreateKeyPair => cx.serve(call, key_pair::create).await,
        Action::ImportKeyPair => cx.serve(call, key_pair::import).await,
        Action::GetKeyPair => cx.serve(call, key_pair::get).await,
        Action::GetKeyPairs => cx.serve(call, key_pair::list).await,
        Action::DeleteKeyPair => cx.serve(call, key_pair::delete).await,
        Action::DownloadDefaultKeyPair => cx.serve(call, key_pair::download_default).await,
        Action::GetInstanceAccessDetails => cx.serve(call, access::details).await,
        Action::DeleteKnownHostKeys => cx.serve(call, access::forget_host_keys).await,
        Action::TagResource => cx.serve(call, tags::tag).await,
        Action::UntagResource => cx.serve(call, tags::untag).await,
        Action::GetInstanceMetricData => cx.serve(call, metric::data).await,
        Action::GetCostEstimate => cx.serve(call, cost::estimate).await,
        Action::EnableAddOn => cx.serve(call, add_on::enable).await,
        Action::DisableAddOn => cx.serve(call, add_on::disable).await,
        Action::CreateDisk => cx.serve(call, disk::create).await,
        Action::GetDisk => cx.serve(call, disk::get).await,
        Action::GetDisks => cx.serve(call, disk::list).await,
        Action::AttachDisk => cx.serve(call, disk::attach).await,
        Action::DetachDisk => cx.serve(call, disk::detach).await,
        Action::DeleteDisk => cx.serve(call, disk::delete).await,
        Action::CreateInstanceSnapshot => cx.serve(call, snapshot::create_of_instance).await,
        Action::GetInstanceSnapshot => cx.serve(call, snapshot::get_of_instance).await,
        Action::GetInstanceSnapshots => cx.serve(call, snapshot::list_of_instances).await,
        Action::DeleteInstanceSnapshot => cx.serve(call, snapshot::delete_of_instance).await,
        Action::CreateDiskSnapshot => cx.serve(call, snapshot::create_of_disk).await,
        Action::GetDiskSnapshot => cx.serve(call, snapshot::get_of_disk).await,
        Action::GetDiskSnapshots => cx.serve(call, snapshot::list_of_disks).await,
        Action::DeleteDiskSnapshot => cx.serve(call, snapshot::delete_of_disk).await,
        Action::CopySnapshot => cx.serve(call, snapshot::copy).await,
        Action::GetAutoSnapshots => cx.serve(call, snapshot::autos).await,
        Action::DeleteAutoSnapshot => cx.serve(call, snapshot::delete_auto).await,
        Action::CreateInstancesFromSnapshot => cx.serve(call, restore::instances).await,
        Action::CreateDiskFromSnapshot => cx.serve(call, restore::disk).await,
        Action::ExportSnapshot => cx.serve(call, restore::export).await,
        Action::GetExportSnapshotRecords => cx.serve(call, restore::export_records).await,
        Action::OpenInstancePublicPorts => cx.serve(call, ports::open).await,
        Action::CloseInstancePublicPorts => cx.serve(call, ports::close).await,
        Action::PutInstancePublicPorts => cx.serve(call, ports::put).await,
        Action::GetInstancePortStates => cx.serve(call, ports::states).await,
        Action::AllocateStaticIp => cx.serve(call, static_ip::allocate).await,
        Action::AttachStaticIp => cx.serve(call, static_ip::attach).await,
        Action::DetachStaticIp => cx.serve(call, static_ip::detach).await,
        Action::GetStaticIp => cx.serve(call, static_ip::get).await,
        Action::GetStaticIps => cx.serve(call, static_ip::list).await,
        Action::ReleaseStaticIp => cx.serve(call, static_ip::release).await,
        Action::PeerVpc => cx.serve(call, network::peer).await,
        Action::UnpeerVpc => cx.serve(call, network::unpeer).await,
        Action::IsVpcPeered => cx.serve(call, network::is_peered).await,
        Action::UpdateInstanceMetadataOptions => cx.serve(call, network::update_metadata_options).await,
        Action::SetIpAddressType => cx.serve(call, network::set_address_type).await,
        other => Err(Error::not_served(other)),
    }
}

/// One request whose sender is known and whose body is not yet read.
pub struct Call<'a> {
    /// The action asked for.
    pub action: Action,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// At most `protocol::MAX_BODY_BYTES` bytes.
    pub body: &'a [u8],
}

/// What every service function gets beside its input.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The application context.
    pub app: &'a App,
    /// Who calls.
    pub caller: &'a Caller,
}

impl<'a> Request<'a> {
    /// Reads the typed input, asks the policy of the caller's key, calls the function, writes the typed output.
    async fn serve<I, O, F>(self, call: Call<'_>, function: fn(Request<'a>, I) -> F) -> Result<Response, Error>
    where
        I: Input,
        O: Output,
        F: Future<Output = Result<O, Error>>,
    {
        let call = protocol::decode(call.action, call.content_type, call.body)?;
        policy::check(self.app, self.caller, &call).await?;
        Ok(Response::ok(&function(self, call.input()?).await?))
    }
}
