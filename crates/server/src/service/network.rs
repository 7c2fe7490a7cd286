//! PeerVpc, UnpeerVpc, IsVpcPeered, UpdateInstanceMetadataOptions, and what GetInstance shows of the network.

use porthole_api::{
    Error,
    types::{
        HttpEndpoint, HttpProtocolIpv6, HttpTokens, Instance as WireInstance, InstanceMetadataOptions,
        InstanceMetadataState, IsVpcPeeredRequest, IsVpcPeeredResult, Operation, PeerVpcRequest, PeerVpcResult,
        UnpeerVpcRequest, UnpeerVpcResult, UpdateInstanceMetadataOptionsRequest, UpdateInstanceMetadataOptionsResult,
    },
};
use porthole_model::operation::Kind;
use porthole_store::{Instance, StoreError};

use super::{Deed, NewDeed, Subject, account, act_saying, insert_operation, operation, ports, unavailable};
use crate::{
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
    if input.http_protocol_ipv6 == Some(HttpProtocolIpv6::Enabled) {
        return Err(Error::invalid_input(
            "httpProtocolIpv6 enabled is not served: the metadata service answers at 169.254.169.254 only.",
        ));
    }
    let operations = act_saying(cx, name, Kind::UpdateInstanceMetadataOptions, "", |instance| {
        let now = MetadataOptions::of(instance);
        let wanted = MetadataOptions {
            enabled: input.http_endpoint.map_or(now.enabled, |endpoint| endpoint == HttpEndpoint::Enabled),
            token_required: input.http_tokens.map_or(now.token_required, |tokens| tokens == HttpTokens::Required),
            hop_limit: hop_limit.unwrap_or(now.hop_limit),
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
pub fn show(wire: &mut WireInstance, instance: &Instance, picture: &Picture) {
    if let Some(networking) = &mut wire.networking {
        networking.ports = Some(ports::port_infos(instance));
    }
    if let Some(public) = picture.public(&instance.id) {
        wire.is_static_ip = Some(public.is_static);
        if public.is_static || wire.public_ip_address.is_some() {
            wire.public_ip_address = Some(public.address.clone());
        }
    }
    let options = MetadataOptions::of(instance);
    wire.metadata_options = Some(InstanceMetadataOptions {
        http_endpoint: Some(if options.enabled { HttpEndpoint::Enabled } else { HttpEndpoint::Disabled }),
        http_protocol_ipv6: Some(HttpProtocolIpv6::Disabled),
        http_put_response_hop_limit: Some(i32::from(options.hop_limit)),
        http_tokens: Some(if options.token_required { HttpTokens::Required } else { HttpTokens::Optional }),
        state: Some(if options.pending { InstanceMetadataState::Pending } else { InstanceMetadataState::Applied }),
    });
}
