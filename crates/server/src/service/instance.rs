//! CreateInstances, GetInstance, GetInstances, GetInstanceState, StartInstance, StopInstance, RebootInstance, DeleteInstance.

use std::collections::{HashMap, HashSet};

use porthole_api::{
    Error, names,
    types::{
        CreateInstancesRequest, CreateInstancesResult, DeleteInstanceRequest, DeleteInstanceResult, Disk, DiskState,
        GetInstanceRequest, GetInstanceResult, GetInstanceStateRequest, GetInstanceStateResult, GetInstancesRequest,
        GetInstancesResult, Instance as WireInstance, InstanceHardware, InstanceNetworking, InstanceState,
        IpAddressType, MonthlyTransfer, Operation, RebootInstanceRequest, RebootInstanceResult, RegionName,
        ResourceLocation, ResourceType, StartInstanceRequest, StartInstanceResult, StopInstanceRequest,
        StopInstanceResult, Timestamp,
    },
};
use porthole_model::{
    InstanceId, catalog,
    instance::{Event, Refused, State, transition},
    operation::Kind,
    session::{self, Session},
};
use porthole_store::{Instance, InstanceSsh, StoreError};

use super::{
    Deed, NewDeed, Subject, TRIES, account, act, add_on, health, insert_operation, key_pair, network, page_end,
    page_limit, page_start, quota, region, restore::Origin, tags, unavailable,
};
use crate::{app::App, auth::Caller, dispatch::Request, operation::Learnt, telemetry::chain};

/// Most instances one call makes.
const MOST_NAMES: usize = 100;
/// The account of the person inside.
pub(super) const USERNAME: &str = "lightsail-user";
/// Longest script for the first boot, in bytes.
const MOST_USER_DATA: usize = 16 << 10;

/// CreateInstances: all names or none.
pub async fn create(cx: Request<'_>, input: CreateInstancesRequest) -> Result<CreateInstancesResult, Error> {
    create_from(cx, input, None).await
}

/// The same, perhaps from a snapshot.
pub(super) async fn create_from(
    cx: Request<'_>,
    input: CreateInstancesRequest,
    origin: Option<&Origin>,
) -> Result<CreateInstancesResult, Error> {
    let tags = tags::checked(input.tags.as_deref())?;
    let add_ons = add_on::checked(input.add_ons.as_deref())?;
    check_create(cx, &input).await?;
    let pair = key_pair::of_new_instance(cx, input.key_pair_name.as_deref()).await?;
    for _ in 0..TRIES {
        match create_once(cx, &input, &tags, &add_ons, &pair.public_key, origin).await {
            Ok(outcome) => {
                cx.app.wake.notify_one();
                return outcome.map(|operations| CreateInstancesResult { operations: Some(operations) });
            }
            Err(StoreError::Conflict) => {}
            Err(StoreError::NamesTaken(taken)) => return Err(Error::names_in_use(taken.iter().map(String::as_str))),
            Err(StoreError::NoAddress) => {
                return Err(Error::operation_failure("This server has no address left for another instance."));
            }
            Err(error) => return Err(unavailable(&error)),
        }
    }
    Err(Error::service_unavailable("Many instances are being created at once. Try again."))
}

async fn check_create(cx: Request<'_>, input: &CreateInstancesRequest) -> Result<(), Error> {
    let app = cx.app;
    let refuse = |text: String| Err(Error::invalid_input(text));
    if !app.config.zones.contains(&input.availability_zone) {
        let zones = app.config.zones.join(", ");
        return refuse(format!("availabilityZone {} is not one of this server's: {zones}.", input.availability_zone));
    }
    let Some(blueprint) = app.catalog.blueprint(&input.blueprint_id).filter(|blueprint| blueprint.is_active) else {
        return refuse(format!(
            "blueprintId {} is not offered. GetBlueprints lists those that are.",
            input.blueprint_id
        ));
    };
    let Some(bundle) = app.catalog.current_bundle(&input.bundle_id).filter(|bundle| bundle.is_active) else {
        return refuse(format!("bundleId {} is not offered. GetBundles lists those that are.", input.bundle_id));
    };
    if input.instance_names.len() > MOST_NAMES {
        return refuse(format!(
            "instanceNames has {} names; at most {MOST_NAMES} are made at once.",
            input.instance_names.len()
        ));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = input.instance_names.iter().find(|name| !seen.insert(name.as_str())) {
        return refuse(format!("instanceNames has {twice} more than once."));
    }
    if input.custom_image_name.is_some() {
        return refuse("customImageName is no longer supported by the service.".into());
    }
    check_user_data(input.user_data.as_ref().map(|data| data.reveal()))?;
    network::check_addresses(app, input.ip_address_type)?;
    check_fits(app, &bundle).await?;
    if let Err(error) = app.driver.ensure_image(&blueprint.image).await {
        tracing::warn!(image = blueprint.image, error = chain(&error), "image is not there");
        return refuse(format!(
            "The image of blueprint {} is not built on this server. The operator builds it with: porthole image build {}",
            blueprint.id, blueprint.image
        ));
    }
    Ok(())
}

/// Refuses a script that is too long to be handed over.
pub(super) fn check_user_data(script: Option<&str>) -> Result<(), Error> {
    let length = script.map_or(0, str::len);
    if length <= MOST_USER_DATA {
        return Ok(());
    }
    Err(Error::invalid_input(format!("userData has {length} bytes; at most {MOST_USER_DATA} are taken.")))
}

/// Refuses a bundle that is larger than the machine.
async fn check_fits(app: &App, bundle: &catalog::Bundle) -> Result<(), Error> {
    let machine = app.driver.machine().await.map_err(|error| {
        tracing::error!(error = chain(&error), "cannot ask what the machine has");
        Error::service_unavailable("The service cannot look at its machine just now. Try again.")
    })?;
    if bundle.vcpus <= machine.cpus && bundle.memory_bytes() <= machine.memory_bytes {
        return Ok(());
    }
    let has_gb = machine.memory_bytes as f64 / f64::from(1 << 30);
    Err(Error::invalid_input(format!(
        "Bundle {} needs {} vCPUs and {} GB of memory; this machine has {} vCPUs and {has_gb:.1} GB. Choose a smaller bundle.",
        bundle.id, bundle.vcpus, bundle.ram_gb, machine.cpus
    )))
}

async fn create_once(
    cx: Request<'_>,
    input: &CreateInstancesRequest,
    tags: &str,
    add_ons: &str,
    public_key: &str,
    origin: Option<&Origin>,
) -> Result<Result<Vec<Operation>, Error>, StoreError> {
    let (app, account, now_ms) = (cx.app, account(cx), cx.app.clock.now_ms());
    let mut tx = app.store.begin().await?;
    let named: Vec<(String, String)> = input.instance_names.iter().map(|name| (name.clone(), app.ids.uuid())).collect();
    tx.take_names(&account, region(app), "Instance", &named).await?;
    let mut operations = Vec::new();
    for (name, id) in &named {
        let mut instance = Instance {
            id: InstanceId::new(id.as_str()),
            account_id: account.clone(),
            region: region(app).to_owned(),
            zone: input.availability_zone.clone(),
            name: name.clone(),
            blueprint_id: input.blueprint_id.clone(),
            bundle_id: input.bundle_id.clone(),
            state: State::Pending,
            address_index: 0,
            ip_address_type: input.ip_address_type.unwrap_or(IpAddressType::Dualstack).as_str().to_owned(),
            key_pair_name: input.key_pair_name.clone().unwrap_or_default(),
            user_data: input.user_data.as_ref().map(|data| data.reveal().to_owned()).unwrap_or_default(),
            tags: tags.to_owned(),
            add_ons: add_ons.to_owned(),
            session: Session::new(),
            generation: 0,
            created_ms: now_ms,
            ports: String::new(),
            metadata_options: String::new(),
            from_snapshot_id: origin.map(|origin| origin.snapshot.id.to_string()).unwrap_or_default(),
        };
        tx.insert_instance(&mut instance).await?;
        let ssh = InstanceSsh { public_key: public_key.to_owned(), host_keys: String::new() };
        tx.put_instance_ssh(&instance.id, &ssh).await?;
        if let Some(origin) = origin
            && let Err(refused) = origin.insert_disks(cx, &mut tx, &instance).await?
        {
            return Ok(Err(refused));
        }
        let operation = NewDeed {
            kind: if origin.is_some() { Kind::CreateInstancesFromSnapshot } else { Kind::CreateInstance },
            subject: Subject::instance(&instance),
            details: origin.map_or("", |origin| &origin.snapshot.name),
            state: Learnt::begin(id),
            leader: None,
            done: false,
        };
        operations.push(super::operation::wire(&insert_operation(cx, &mut tx, operation).await?));
    }
    if let Some(over) = quota::instances(cx, &mut tx).await? {
        return Ok(Err(over));
    }
    tx.commit().await?;
    Ok(Ok(operations))
}

/// GetInstance.
pub async fn get(cx: Request<'_>, input: GetInstanceRequest) -> Result<GetInstanceResult, Error> {
    let instance = find(cx, &input.instance_name).await?;
    let disks = cx.app.store.disks_of_instance(&instance.id).await.map_err(|error| unavailable(&error))?;
    let mut shown = wire(cx.app, &instance, &disks);
    health::add(cx.app, &instance, &mut shown, input.include_health_status);
    network::show(cx.app, &mut shown, &instance, &network::picture(cx).await?);
    Ok(GetInstanceResult { instance: Some(shown) })
}

/// GetInstances: in the order of creation.
pub async fn list(cx: Request<'_>, input: GetInstancesRequest) -> Result<GetInstancesResult, Error> {
    let after = page_start(cx, "GetInstances", input.page_token.as_deref())?;
    let found = cx.app.store.instances(&account(cx), region(cx.app), &after, page_limit()).await;
    let mut rows = found.map_err(|error| unavailable(&error))?;
    let next_page_token = page_end(cx, "GetInstances", &mut rows, |row| (row.created_ms, row.id.as_str()));
    let attached = cx.app.store.attached_disks(&account(cx), region(cx.app)).await;
    let disks = attached.map_err(|error| unavailable(&error))?;
    let picture = network::picture(cx).await?;
    let show = |row: &Instance| {
        let mut shown = wire(cx.app, row, &disks);
        health::add(cx.app, row, &mut shown, input.include_health_status);
        network::show(cx.app, &mut shown, row, &picture);
        shown
    };
    let instances = rows.iter().map(show).collect();
    Ok(GetInstancesResult { instances: Some(instances), next_page_token })
}

/// GetInstanceState.
pub async fn state(cx: Request<'_>, input: GetInstanceStateRequest) -> Result<GetInstanceStateResult, Error> {
    let instance = find(cx, &input.instance_name).await?;
    Ok(GetInstanceStateResult { state: Some(wire_state(instance.state)) })
}

/// StartInstance: succeeds at once when the instance runs. A stopped one may start with another bundle.
pub async fn start(cx: Request<'_>, input: StartInstanceRequest) -> Result<StartInstanceResult, Error> {
    let name = &input.instance_name;
    let wanted = input.attribute_updates.as_ref().and_then(|updates| updates.bundle_id.as_deref());
    let wanted = match wanted {
        Some(id) => Some(offered_bundle(cx.app, id, "attributeUpdates.bundleId").await?),
        None => None,
    };
    let operations = act(cx, name, Kind::StartInstance, |instance| {
        if let Some(bundle) = &wanted {
            change_bundle(cx.app, instance, bundle)?;
        }
        if instance.state == State::Running {
            return Ok(Deed::Done);
        }
        instance.state = transition(instance.state, Event::Start).map_err(|refused| not_now(name, refused))?;
        Ok(Deed::Begin)
    })
    .await?;
    Ok(StartInstanceResult { operations: Some(operations) })
}

/// Finds a bundle that can be chosen and that the machine has room for.
async fn offered_bundle(app: &App, id: &str, member: &str) -> Result<catalog::Bundle, Error> {
    let Some(bundle) = app.catalog.current_bundle(id).filter(|bundle| bundle.is_active) else {
        return Err(Error::invalid_input(format!("{member} {id} is not offered. GetBundles lists those that are.")));
    };
    check_fits(app, &bundle).await?;
    Ok(bundle)
}

/// Gives a stopped instance another bundle; its system disk can only grow.
fn change_bundle(app: &App, instance: &mut Instance, bundle: &catalog::Bundle) -> Result<(), Error> {
    if instance.bundle_id == bundle.id {
        return Ok(());
    }
    if instance.state != State::Stopped {
        return Err(Error::invalid_input(format!(
            "attributeUpdates.bundleId can change only while the instance is stopped; {} is {}.",
            instance.name,
            instance.state.name()
        )));
    }
    let has_gb = app.catalog.bundle(&instance.bundle_id).map_or(0, |bundle| bundle.disk_gb);
    if bundle.disk_gb < has_gb {
        return Err(Error::invalid_input(format!(
            "attributeUpdates.bundleId {} has a system disk of {} GB; that of {} has {has_gb} GB and cannot become smaller.",
            bundle.id, bundle.disk_gb, instance.name
        )));
    }
    instance.bundle_id.clone_from(&bundle.id);
    Ok(())
}

/// StopInstance: accepted in every state; succeeds at once when the instance is stopped.
pub async fn stop(cx: Request<'_>, input: StopInstanceRequest) -> Result<StopInstanceResult, Error> {
    let name = &input.instance_name;
    let operations = act(cx, name, Kind::StopInstance, |instance| {
        if instance.state == State::Stopped {
            return Ok(Deed::Done);
        }
        instance.state = transition(instance.state, Event::Stop).map_err(|refused| not_now(name, refused))?;
        end_session(instance);
        Ok(Deed::Begin)
    })
    .await?;
    Ok(StopInstanceResult { operations: Some(operations) })
}

/// What the idle rule does: the same as StopInstance, unless the instance was stopped, deleted or spared since.
///
/// # Errors
/// Those of StopInstance.
pub async fn stop_idle(app: &App, seen: &Instance) -> Result<(), Error> {
    let caller = Caller {
        account_id: seen.account_id.to_string(),
        access_key_id: "StopInstanceOnIdle".into(),
        policy: None,
        person: None,
    };
    let cx = Request { app, caller: &caller };
    act(cx, &seen.name, Kind::StopInstance, |instance| {
        if (&instance.id, instance.state) != (&seen.id, State::Running) || instance.add_ons != seen.add_ons {
            return Err(Error::invalid_input("The instance changed since it was found idle."));
        }
        instance.state = transition(instance.state, Event::Stop).map_err(|refused| not_now(&seen.name, refused))?;
        end_session(instance);
        Ok(Deed::Begin)
    })
    .await
    .map(drop)
}

/// RebootInstance.
pub async fn reboot(cx: Request<'_>, input: RebootInstanceRequest) -> Result<RebootInstanceResult, Error> {
    let name = &input.instance_name;
    let operations = act(cx, name, Kind::RebootInstance, |instance| {
        instance.state = transition(instance.state, Event::Reboot).map_err(|refused| not_now(name, refused))?;
        end_session(instance);
        Ok(Deed::Begin)
    })
    .await?;
    Ok(RebootInstanceResult { operations: Some(operations) })
}

/// DeleteInstance: accepted in every state.
pub async fn delete(cx: Request<'_>, input: DeleteInstanceRequest) -> Result<DeleteInstanceResult, Error> {
    let name = &input.instance_name;
    let operations = act(cx, name, Kind::DeleteInstance, |instance| {
        add_on::check_delete("Instance", name, &instance.add_ons, input.force_delete_add_ons)?;
        instance.state = transition(instance.state, Event::Delete).map_err(|refused| not_now(name, refused))?;
        end_session(instance);
        Ok(Deed::Begin)
    })
    .await?;
    Ok(DeleteInstanceResult { operations: Some(operations) })
}

/// The instance goes down: its session is over with this very transaction.
fn end_session(instance: &mut Instance) {
    let over = session::transition(&instance.session, session::Event::InstanceDown);
    instance.session = over.unwrap_or_else(|_| instance.session.clone());
}

fn not_now(name: &str, Refused(state): Refused) -> Error {
    let advice = match state {
        State::Stopped => "Start it first.",
        State::Pending | State::Running | State::Stopping | State::ShuttingDown => {
            "Please wait for it to complete before trying again."
        }
    };
    Error::invalid_input(format!("This is not possible while {name} is {}. {advice}", state.name()))
}

pub(super) async fn find(cx: Request<'_>, name: &str) -> Result<Instance, Error> {
    let found = cx.app.store.instance_by_name(&account(cx), region(cx.app), name).await;
    found.map_err(|error| unavailable(&error))?.ok_or_else(|| Error::does_not_exist("Instance", name))
}

fn wire_state(state: State) -> InstanceState {
    InstanceState { code: Some(state.code()), name: Some(state.name().to_owned()) }
}

/// Writes an instance as clients read it; its own among the data disks given are listed.
fn wire(app: &App, instance: &Instance, disks: &[porthole_store::Disk]) -> WireInstance {
    let account_id = instance.account_id.as_str();
    let address = app.driver.address(instance.address_index).to_string();
    let bundle = app.catalog.bundle(&instance.bundle_id);
    let location = ResourceLocation {
        availability_zone: Some(instance.zone.clone()),
        region_name: RegionName::from_wire(&instance.region),
    };
    let key_pair = Some(instance.key_pair_name.clone()).filter(|name| !name.is_empty());
    WireInstance {
        add_ons: Some(add_on::wire(&instance.add_ons)),
        arn: Some(names::arn(&instance.region, account_id, ResourceType::Instance, instance.id.as_str())),
        blueprint_id: Some(instance.blueprint_id.clone()),
        blueprint_name: app.catalog.blueprint(&instance.blueprint_id).map(|blueprint| blueprint.name.clone()),
        bundle_id: Some(instance.bundle_id.clone()),
        created_at: Some(Timestamp(instance.created_ms)),
        hardware: bundle.map(|bundle| hardware(instance, bundle, disks)),
        ip_address_type: IpAddressType::from_wire(&instance.ip_address_type),
        is_static_ip: Some(false),
        location: Some(location),
        name: Some(instance.name.clone()),
        networking: bundle.map(|bundle| InstanceNetworking {
            monthly_transfer: Some(MonthlyTransfer { gb_per_month_allocated: i32::try_from(bundle.transfer_gb).ok() }),
            ports: Some(Vec::new()),
        }),
        private_ip_address: Some(address.clone()),
        // Without a pool of public addresses the bridge's address serves, while the instance is up.
        public_ip_address: (instance.state == State::Running).then_some(address),
        resource_type: Some(ResourceType::Instance),
        ssh_key_name: key_pair.or_else(|| Some(key_pair::DEFAULT.to_owned())),
        state: Some(wire_state(instance.state)),
        support_code: Some(names::support_code(account_id, ResourceType::Instance, instance.id.as_str())),
        tags: Some(tags::wire(&instance.tags)),
        username: Some(USERNAME.to_owned()),
        ..WireInstance::default()
    }
}

fn hardware(instance: &Instance, bundle: &catalog::Bundle, disks: &[porthole_store::Disk]) -> InstanceHardware {
    let system = Disk {
        attached_to: Some(instance.name.clone()),
        attachment_state: Some("attached".into()),
        created_at: Some(Timestamp(instance.created_ms)),
        is_attached: Some(true),
        is_system_disk: Some(true),
        path: Some("/dev/xvda".into()),
        size_in_gb: i32::try_from(bundle.disk_gb).ok(),
        state: Some(DiskState::InUse),
        ..Disk::default()
    };
    let names = HashMap::from([(instance.id.clone(), instance.name.clone())]);
    let own = disks.iter().filter(|disk| disk.instance_id.as_ref() == Some(&instance.id));
    InstanceHardware {
        cpu_count: i32::try_from(bundle.vcpus).ok(),
        disks: Some(std::iter::once(system).chain(own.map(|disk| super::disk::wire(disk, &names))).collect()),
        ram_size_in_gb: Some(bundle.ram_gb as f32),
    }
}
