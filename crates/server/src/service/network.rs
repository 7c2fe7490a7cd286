//! PeerVpc, UnpeerVpc, IsVpcPeered, UpdateInstanceMetadataOptions, and what GetInstance shows of the network.

use porthole_api::{
    Error,
    types::{
        HttpEndpoint, HttpProtocolIpv6, HttpTokens, Instance as WireInstance, InstanceMetadataOptions,
        InstanceMetadataState, IpAddressType, IsVpcPeeredRequest, IsVpcPeeredResult, Operation, PeerVpcRequest,
        PeerVpcResult, ResourceType, SetIpAddressTypeRequest, SetIpAddressTypeResult, UnpeerVpcRequest,
        UnpeerVpcResult, UpdateInstanceMetadataOptionsRequest, UpdateInstanceMetadataOptionsResult,
    },
};
use porthole_model::{instance::AddressType, operation::Kind};
use porthole_store::{Instance, StoreError};

use super::{Deed, NewDeed, Subject, account, act_saying, insert_operation, operation, ports, unavailable};
use crate::{
    app::App,
    dispatch::Request,
    network::{self, MetadataOptions, Picture},
};

/// What the site's networks are called as a resource.
const SITE: &str = "site-network";

/// PeerVpc: the account's instances may reach the site's networks.
pub async fn peer(cx: Request<'_>, _: PeerVpcRequest) -> Result<PeerVpcResult, Error> {
    if cx.app.config.network.site_cidrs.is_empty() {
        return Err(Error::invalid_input(
            "This server has no site network to peer with. The operator names it in network.site_cidrs.",
        ));
    }
    Ok(PeerVpcResult { operation: Some(set_peered(cx, Kind::PeerVpc, true).await?) })
}

/// UnpeerVpc: and no longer.
pub async fn unpeer(cx: Request<'_>, _: UnpeerVpcRequest) -> Result<UnpeerVpcResult, Error> {
    Ok(UnpeerVpcResult { operation: Some(set_peered(cx, Kind::UnpeerVpc, false).await?) })
}

/// IsVpcPeered.
pub async fn is_peered(cx: Request<'_>, _: IsVpcPeeredRequest) -> Result<IsVpcPeeredResult, Error> {
    let peered = cx.app.store.peered_accounts().await.map_err(|error| unavailable(&error))?;
    Ok(IsVpcPeeredResult { is_peered: Some(peered.contains(&account(cx))) })
}

async fn set_peered(cx: Request<'_>, kind: Kind, peered: bool) -> Result<Operation, Error> {
    let once = async {
        let account = account(cx);
        let mut tx = cx.app.store.begin().await?;
        tx.set_peered(&account, peered).await?;
        let subject = Subject { name: SITE, resource_type: "PeeredVpc", id: account.as_str(), zone: "all" };
        let deed = NewDeed { kind, subject, details: "", state: String::new(), leader: None, done: true };
        let inserted = insert_operation(cx, &mut tx, deed).await?;
        tx.commit().await?;
        let all = cx.app.store.all_instances().await?;
        for instance in all.iter().filter(|instance| instance.account_id == account) {
            network::refresh(cx.app, &instance.id).await;
        }
        Ok(operation::wire(&inserted))
    };
    once.await.map_err(|error: StoreError| unavailable(&error))
}

/// SetIpAddressType: in force when it answers, without a restart.
pub async fn set_address_type(
    cx: Request<'_>,
    input: SetIpAddressTypeRequest,
) -> Result<SetIpAddressTypeResult, Error> {
    let (name, wanted) = (&input.resource_name, input.ip_address_type);
    match input.resource_type {
        ResourceType::Instance => {}
        other @ (ResourceType::LoadBalancer | ResourceType::Distribution) => {
            return Err(Error::does_not_exist(other.as_str(), name));
        }
        other => {
            return Err(Error::invalid_input(format!(
                "resourceType must be one of Instance, LoadBalancer, Distribution, but is {}.",
                other.as_str()
            )));
        }
    }
    check_addresses(cx.app, Some(wanted))?;
    let accepted = input.accept_bundle_update == Some(true);
    let picture = picture(cx).await?;
    let operations = act_saying(cx, name, Kind::SetIpAddressType, wanted.as_str(), |instance| {
        let only = |kind| kind == AddressType::Ipv6;
        let (old, new) = (AddressType::of(&instance.ip_address_type), AddressType::of(wanted.as_str()));
        if only(old) != only(new) && !accepted {
            return Err(Error::invalid_input("acceptBundleUpdate must be true for a change to or from ipv6."));
        }
        if only(new) && picture.public(&instance.id).is_some_and(|public| public.is_static) {
            return Err(Error::invalid_input(format!("{name} has a static IP, which ipv6 excludes. Detach it first.")));
        }
        wanted.as_str().clone_into(&mut instance.ip_address_type);
        Ok(Deed::Done)
    })
    .await?;
    ports::refresh_named(cx, name).await;
    Ok(SetIpAddressTypeResult { operations: Some(operations) })
}

/// Refuses IPv6 alone where the host has none; both kinds are then IPv4 alone in effect, as the service's default.
pub fn check_addresses(app: &App, wanted: Option<IpAddressType>) -> Result<(), Error> {
    if wanted == Some(IpAddressType::Ipv6) && app.driver.address6(0).is_none() {
        return Err(Error::invalid_input("ipAddressType ipv6 is not possible: the kernel of this server has no IPv6."));
    }
    Ok(())
}

/// UpdateInstanceMetadataOptions: what is not named stays as it is.
pub async fn update_metadata_options(
    cx: Request<'_>,
    input: UpdateInstanceMetadataOptionsRequest,
) -> Result<UpdateInstanceMetadataOptionsResult, Error> {
    let name = &input.instance_name;
    let hop_limit = match input.http_put_response_hop_limit.map(u8::try_from) {
        None => None,
        Some(Ok(limit)) if (1..=64).contains(&limit) => Some(limit),
        Some(_) => return Err(Error::invalid_input("httpPutResponseHopLimit must be 1 to 64.")),
    };
    let operations = act_saying(cx, name, Kind::UpdateInstanceMetadataOptions, "", |instance| {
        let now = MetadataOptions::of(instance);
        let wanted = MetadataOptions {
            enabled: input.http_endpoint.map_or(now.enabled, |endpoint| endpoint == HttpEndpoint::Enabled),
            token_required: input.http_tokens.map_or(now.token_required, |tokens| tokens == HttpTokens::Required),
            hop_limit: hop_limit.unwrap_or(now.hop_limit),
            ipv6: input.http_protocol_ipv6.map_or(now.ipv6, |ipv6| ipv6 == HttpProtocolIpv6::Enabled),
            pending: now.pending,
        };
        if wanted != now {
            MetadataOptions { pending: true, ..wanted }.store(instance);
        }
        Ok(Deed::Done)
    })
    .await?;
    ports::refresh_named(cx, name).await;
    Ok(UpdateInstanceMetadataOptionsResult { operation: operations.into_iter().next() })
}

/// Reads what [`show`] needs.
pub async fn picture(cx: Request<'_>) -> Result<Picture, Error> {
    Picture::read(cx.app).await.map_err(|error| unavailable(&error))
}

/// Adds what clients read of an instance's network.
pub fn show(app: &App, wire: &mut WireInstance, instance: &Instance, picture: &Picture) {
    if let Some(networking) = &mut wire.networking {
        networking.ports = Some(ports::port_infos(instance));
    }
    if let Some(public) = picture.public(&instance.id) {
        wire.is_static_ip = Some(public.is_static);
        if public.is_static || wire.public_ip_address.is_some() {
            wire.public_ip_address = Some(public.address.clone());
        }
    }
    let addresses = AddressType::of(&instance.ip_address_type);
    if addresses == AddressType::Ipv6 {
        wire.public_ip_address = None;
    }
    wire.ipv6_addresses = Some(network::ipv6_addresses(app, instance));
    let options = MetadataOptions::of(instance);
    wire.metadata_options = Some(InstanceMetadataOptions {
        http_endpoint: Some(if options.enabled { HttpEndpoint::Enabled } else { HttpEndpoint::Disabled }),
        http_protocol_ipv6: Some(if options.ipv6 { HttpProtocolIpv6::Enabled } else { HttpProtocolIpv6::Disabled }),
        http_put_response_hop_limit: Some(i32::from(options.hop_limit)),
        http_tokens: Some(if options.token_required { HttpTokens::Required } else { HttpTokens::Optional }),
        state: Some(if options.pending { InstanceMetadataState::Pending } else { InstanceMetadataState::Applied }),
    });
}
