//! AllocateStaticIp, AttachStaticIp, DetachStaticIp, GetStaticIp, GetStaticIps, ReleaseStaticIp.

use porthole_api::{
    Error, names,
    types::{
        AllocateStaticIpRequest, AllocateStaticIpResult, AttachStaticIpRequest, AttachStaticIpResult,
        DetachStaticIpRequest, DetachStaticIpResult, GetStaticIpRequest, GetStaticIpResult, GetStaticIpsRequest,
        GetStaticIpsResult, Operation, RegionName, ReleaseStaticIpRequest, ReleaseStaticIpResult, ResourceLocation,
        ResourceType, StaticIp as WireStaticIp, Timestamp,
    },
};
use porthole_model::{
    InstanceId,
    instance::{AddressType, State},
    operation::Kind,
};
use porthole_store::{StaticIp, StoreError, Tx};

use super::{
    NewDeed, Subject, TRIES, account, insert_operation, operation, page_end, page_limit, page_start, region,
    unavailable,
};
use crate::{app::App, dispatch::Request, network};

/// Static addresses belong to a region, not to a zone.
const ZONE: &str = "all";

/// What a try in one transaction ended with: operations, and the instances whose network is to be put in force.
type Tried = Result<Result<(Vec<Operation>, Vec<InstanceId>), Error>, StoreError>;

/// Tries until nobody else was faster, then puts what changed in force.
async fn settle<F: Future<Output = Tried>>(cx: Request<'_>, once: impl Fn() -> F) -> Result<Vec<Operation>, Error> {
    for _ in 0..TRIES {
        match once().await {
            Ok(outcome) => {
                let (operations, touched) = outcome?;
                for id in &touched {
                    network::refresh(cx.app, id).await;
                }
                return Ok(operations);
            }
            Err(StoreError::Conflict) => {}
            Err(StoreError::NamesTaken(taken)) => return Err(Error::names_in_use(taken.iter().map(String::as_str))),
            Err(error) => return Err(unavailable(&error)),
        }
    }
    Err(Error::service_unavailable("The static IP is being changed by many requests at once. Try again."))
}

/// AllocateStaticIp.
pub async fn allocate(cx: Request<'_>, input: AllocateStaticIpRequest) -> Result<AllocateStaticIpResult, Error> {
    let operations = settle(cx, || allocate_once(cx, &input.static_ip_name)).await?;
    Ok(AllocateStaticIpResult { operations: Some(operations) })
}

async fn allocate_once(cx: Request<'_>, name: &str) -> Tried {
    let (app, account) = (cx.app, account(cx));
    let mut tx = app.store.begin().await?;
    let most = i64::from(super::quota::of(cx).await?.static_ips);
    let (id, region) = (app.ids.uuid(), region(app));
    tx.take_names(&account, region, "StaticIp", &[(name.to_owned(), id.clone())]).await?;
    if tx.count_static_ips(&account, region).await? >= most {
        return Ok(Err(Error::invalid_input(format!(
            "Sorry, you've reached your maximum limit of Lightsail static IPs : {most}. Release one first."
        ))));
    }
    let Some(address) = network::free_address(app, &mut tx).await? else {
        return Ok(Err(Error::operation_failure("This server has no address left for another static IP.")));
    };
    let created_ms = app.clock.now_ms();
    let new = StaticIp {
        id,
        account_id: account.clone(),
        region: region.to_owned(),
        name: name.to_owned(),
        address: address.to_string(),
        instance_id: String::new(),
        tags: "{}".into(),
        generation: 0,
        created_ms,
    };
    tx.insert_static_ip(&new).await?;
    let operation = note(cx, &mut tx, Kind::AllocateStaticIp, subject(&new), "").await?;
    tx.commit().await?;
    Ok(Ok((vec![operation], vec![])))
}

/// AttachStaticIp: from then on the address leads to the instance.
pub async fn attach(cx: Request<'_>, input: AttachStaticIpRequest) -> Result<AttachStaticIpResult, Error> {
    let operations = settle(cx, || attach_once(cx, &input.static_ip_name, &input.instance_name)).await?;
    Ok(AttachStaticIpResult { operations: Some(operations) })
}

async fn attach_once(cx: Request<'_>, name: &str, instance_name: &str) -> Tried {
    let (account, region) = (account(cx), region(cx.app));
    let mut tx = cx.app.store.begin().await?;
    let Some(mut ip) = tx.static_ip_by_name(&account, region, name).await? else {
        return Ok(Err(Error::does_not_exist("StaticIp", name)));
    };
    let Some(instance) = tx.instance_by_name(&account, region, instance_name).await? else {
        return Ok(Err(Error::does_not_exist("Instance", instance_name)));
    };
    let refuse = |text: String| Ok(Err(Error::invalid_input(text)));
    if instance.state == State::ShuttingDown {
        return refuse(format!("{instance_name} is being deleted."));
    }
    if AddressType::of(&instance.ip_address_type) == AddressType::Ipv6 {
        return refuse(format!("{instance_name} has IPv6 alone, and a static IP is IPv4. Use SetIpAddressType first."));
    }
    if !ip.instance_id.is_empty() && ip.instance_id != instance.id.as_str() {
        let holder = tx.instance(&InstanceId::new(ip.instance_id.as_str())).await?;
        let holder = holder.map_or_else(|| "another instance".to_owned(), |holder| holder.name);
        return refuse(format!("The StaticIp {name} is already attached to {holder}. Detach it first."));
    }
    if let Some(other) = tx.static_ip_of(&instance.id).await?.filter(|other| other.id != ip.id) {
        return refuse(format!("{instance_name} has the static IP {} already. Detach it first.", other.name));
    }
    if ip.instance_id.is_empty() {
        ip.instance_id = instance.id.to_string();
        tx.update_static_ip(&mut ip).await?;
        tx.delete_dynamic_ip(&instance.id).await?;
    }
    let kind = Kind::AttachStaticIp;
    let operations = vec![
        note(cx, &mut tx, kind, subject(&ip), instance_name).await?,
        note(cx, &mut tx, kind, Subject::instance(&instance), name).await?,
    ];
    tx.commit().await?;
    Ok(Ok((operations, vec![instance.id])))
}

/// DetachStaticIp.
pub async fn detach(cx: Request<'_>, input: DetachStaticIpRequest) -> Result<DetachStaticIpResult, Error> {
    let operations = settle(cx, || detach_once(cx, &input.static_ip_name)).await?;
    Ok(DetachStaticIpResult { operations: Some(operations) })
}

async fn detach_once(cx: Request<'_>, name: &str) -> Tried {
    let mut tx = cx.app.store.begin().await?;
    let Some(mut ip) = tx.static_ip_by_name(&account(cx), region(cx.app), name).await? else {
        return Ok(Err(Error::does_not_exist("StaticIp", name)));
    };
    let Some(instance) = tx.instance(&InstanceId::new(ip.instance_id.as_str())).await? else {
        return Ok(Err(Error::invalid_input(format!("The StaticIp {name} is not attached to an instance."))));
    };
    ip.instance_id.clear();
    tx.update_static_ip(&mut ip).await?;
    let kind = Kind::DetachStaticIp;
    let operations = vec![
        note(cx, &mut tx, kind, subject(&ip), &instance.name).await?,
        note(cx, &mut tx, kind, Subject::instance(&instance), name).await?,
    ];
    tx.commit().await?;
    Ok(Ok((operations, vec![instance.id])))
}

/// ReleaseStaticIp: an attached one is detached with it.
pub async fn release(cx: Request<'_>, input: ReleaseStaticIpRequest) -> Result<ReleaseStaticIpResult, Error> {
    let operations = settle(cx, || release_once(cx, &input.static_ip_name)).await?;
    Ok(ReleaseStaticIpResult { operations: Some(operations) })
}

async fn release_once(cx: Request<'_>, name: &str) -> Tried {
    let mut tx = cx.app.store.begin().await?;
    let Some(ip) = tx.static_ip_by_name(&account(cx), region(cx.app), name).await? else {
        return Ok(Err(Error::does_not_exist("StaticIp", name)));
    };
    let operation = note(cx, &mut tx, Kind::ReleaseStaticIp, subject(&ip), "").await?;
    tx.delete_static_ip(&ip.id).await?;
    tx.commit().await?;
    let touched = if ip.instance_id.is_empty() { vec![] } else { vec![InstanceId::new(ip.instance_id)] };
    Ok(Ok((vec![operation], touched)))
}

/// GetStaticIp.
pub async fn get(cx: Request<'_>, input: GetStaticIpRequest) -> Result<GetStaticIpResult, Error> {
    let name = &input.static_ip_name;
    let found = cx.app.store.static_ip_by_name(&account(cx), region(cx.app), name).await;
    let ip = found.map_err(|error| unavailable(&error))?.ok_or_else(|| Error::does_not_exist("StaticIp", name))?;
    Ok(GetStaticIpResult { static_ip: Some(wire(cx.app, &ip).await?) })
}

/// GetStaticIps: in the order of creation.
pub async fn list(cx: Request<'_>, input: GetStaticIpsRequest) -> Result<GetStaticIpsResult, Error> {
    let after = page_start(cx, "GetStaticIps", input.page_token.as_deref())?;
    let found = cx.app.store.static_ips(&account(cx), region(cx.app), &after, page_limit()).await;
    let mut rows = found.map_err(|error| unavailable(&error))?;
    let next_page_token = page_end(cx, "GetStaticIps", &mut rows, |row| (row.created_ms, row.id.as_str()));
    let mut static_ips = Vec::new();
    for row in &rows {
        static_ips.push(wire(cx.app, row).await?);
    }
    Ok(GetStaticIpsResult { static_ips: Some(static_ips), next_page_token })
}

fn subject(ip: &StaticIp) -> Subject<'_> {
    Subject { name: &ip.name, resource_type: "StaticIp", id: &ip.id, zone: ZONE }
}

/// Inserts an operation that has succeeded.
async fn note(
    cx: Request<'_>,
    tx: &mut Tx,
    kind: Kind,
    subject: Subject<'_>,
    details: &str,
) -> Result<Operation, StoreError> {
    let deed = NewDeed { kind, subject, details, state: String::new(), leader: None, done: true };
    Ok(operation::wire(&insert_operation(cx, tx, deed).await?))
}

/// Writes a static address as clients read it.
async fn wire(app: &App, ip: &StaticIp) -> Result<WireStaticIp, Error> {
    let holder = app.store.instance(&InstanceId::new(ip.instance_id.as_str())).await;
    let holder = holder.map_err(|error| unavailable(&error))?;
    let account_id = ip.account_id.as_str();
    Ok(WireStaticIp {
        arn: Some(names::arn(&ip.region, account_id, ResourceType::StaticIp, &ip.id)),
        is_attached: Some(holder.is_some()),
        attached_to: holder.map(|holder| holder.name),
        created_at: Some(Timestamp(ip.created_ms)),
        ip_address: Some(ip.address.clone()),
        location: Some(ResourceLocation {
            availability_zone: Some(ZONE.to_owned()),
            region_name: RegionName::from_wire(&ip.region),
        }),
        name: Some(ip.name.clone()),
        resource_type: Some(ResourceType::StaticIp),
        support_code: Some(names::support_code(account_id, ResourceType::StaticIp, &ip.id)),
    })
}
