//! OpenInstancePublicPorts, CloseInstancePublicPorts, PutInstancePublicPorts, GetInstancePortStates.

use porthole_api::{
    Error,
    types::{
        AccessDirection, CloseInstancePublicPortsRequest, CloseInstancePublicPortsResult, GetInstancePortStatesRequest,
        GetInstancePortStatesResult, InstancePortInfo, InstancePortState, NetworkProtocol,
        OpenInstancePublicPortsRequest, OpenInstancePublicPortsResult, Operation, PortAccessType, PortInfo, PortState,
        PutInstancePublicPortsRequest, PutInstancePublicPortsResult,
    },
};
use porthole_model::{
    operation::Kind,
    ports::{self, Asked, CONNECT_ALIAS, Cidr, Protocol, Refused, Rule, Sources},
};
use porthole_store::Instance;

use super::{Deed, account, act_saying, instance::find, region};
use crate::{dispatch::Request, network};

/// OpenInstancePublicPorts: what is open stays open.
pub async fn open(
    cx: Request<'_>,
    input: OpenInstancePublicPortsRequest,
) -> Result<OpenInstancePublicPortsResult, Error> {
    let rule = rule("portInfo", &input.port_info)?;
    let change = |rules: &[Rule]| ports::open(rules, rule.clone());
    let operation =
        change_ports(cx, &input.instance_name, Kind::OpenInstancePublicPorts, &rule.label(), change).await?;
    Ok(OpenInstancePublicPortsResult { operation: Some(operation) })
}

/// CloseInstancePublicPorts: without sources for everybody, else for those named.
pub async fn close(
    cx: Request<'_>,
    input: CloseInstancePublicPortsRequest,
) -> Result<CloseInstancePublicPortsResult, Error> {
    let info = &input.port_info;
    let gone = rule("portInfo", info)?;
    let named = [&info.cidrs, &info.ipv6_cidrs, &info.cidr_list_aliases];
    let everybody = named.iter().all(|list| list.as_ref().is_none_or(Vec::is_empty));
    let change = |rules: &[Rule]| ports::close(rules, &gone, everybody);
    let operation =
        change_ports(cx, &input.instance_name, Kind::CloseInstancePublicPorts, &gone.label(), change).await?;
    Ok(CloseInstancePublicPortsResult { operation: Some(operation) })
}

/// PutInstancePublicPorts: these and no others.
pub async fn put(cx: Request<'_>, input: PutInstancePublicPortsRequest) -> Result<PutInstancePublicPortsResult, Error> {
    let mut rules = Vec::new();
    for (index, info) in input.port_infos.iter().enumerate() {
        rules.push(rule(&format!("portInfos[{index}]"), info)?);
    }
    let labels: Vec<String> = rules.iter().map(Rule::label).collect();
    let change = |_: &[Rule]| ports::put(rules.clone());
    let operation =
        change_ports(cx, &input.instance_name, Kind::PutInstancePublicPorts, &labels.join(","), change).await?;
    Ok(PutInstancePublicPortsResult { operation: Some(operation) })
}

/// GetInstancePortStates.
pub async fn states(
    cx: Request<'_>,
    input: GetInstancePortStatesRequest,
) -> Result<GetInstancePortStatesResult, Error> {
    let instance = find(cx, &input.instance_name).await?;
    let state = |rule: &Rule| InstancePortState {
        cidr_list_aliases: Some(aliases(&rule.sources)),
        cidrs: Some(cidrs(&rule.sources, true)),
        from_port: Some(rule.from),
        ipv6_cidrs: Some(cidrs(&rule.sources, false)),
        protocol: NetworkProtocol::from_wire(rule.protocol.name()),
        state: Some(PortState::Open),
        to_port: Some(rule.to),
    };
    Ok(GetInstancePortStatesResult { port_states: Some(network::rules(&instance).iter().map(state).collect()) })
}

/// What GetInstance shows of the ports.
pub fn port_infos(instance: &Instance) -> Vec<InstancePortInfo> {
    let info = |rule: &Rule| InstancePortInfo {
        access_direction: Some(AccessDirection::Inbound),
        access_from: Some(access_from(&rule.sources)),
        access_type: Some(PortAccessType::Public),
        cidr_list_aliases: Some(aliases(&rule.sources)),
        cidrs: Some(cidrs(&rule.sources, true)),
        common_name: Some(String::new()),
        from_port: Some(rule.from),
        ipv6_cidrs: Some(cidrs(&rule.sources, false)),
        protocol: NetworkProtocol::from_wire(rule.protocol.name()),
        to_port: Some(rule.to),
    };
    network::rules(instance).iter().map(info).collect()
}

/// The words the service has for it.
fn access_from(sources: &Sources) -> String {
    match (sources.networks.contains(&Cidr::ANY_V4), sources.networks.contains(&Cidr::ANY_V6)) {
        (true, true) => "Anywhere (0.0.0.0/0 and ::/0)".into(),
        (true, false) => "Anywhere (0.0.0.0/0)".into(),
        (false, true) => "Anywhere (::/0)".into(),
        (false, false) => "Custom".into(),
    }
}

fn cidrs(sources: &Sources, v4: bool) -> Vec<String> {
    sources.networks.iter().filter(|network| network.is_v4() == v4).map(Cidr::to_string).collect()
}

fn aliases(sources: &Sources) -> Vec<String> {
    sources.host.then(|| CONNECT_ALIAS.to_owned()).into_iter().collect()
}

fn rule(member: &str, info: &PortInfo) -> Result<Rule, Error> {
    let protocol = match info.protocol {
        Some(NetworkProtocol::Tcp) => Protocol::Tcp,
        Some(NetworkProtocol::Udp) => Protocol::Udp,
        Some(NetworkProtocol::Icmp) => Protocol::Icmp,
        Some(NetworkProtocol::Icmpv6) => Protocol::Icmpv6,
        Some(NetworkProtocol::All) => Protocol::All,
        None => return Err(Error::invalid_input(format!("{member}.protocol is needed."))),
    };
    let asked = Asked {
        from: info.from_port,
        to: info.to_port,
        cidrs: info.cidrs.as_deref().unwrap_or_default(),
        ipv6_cidrs: info.ipv6_cidrs.as_deref().unwrap_or_default(),
        aliases: info.cidr_list_aliases.as_deref().unwrap_or_default(),
    };
    Rule::new(protocol, &asked).map_err(|Refused(why)| Error::invalid_input(format!("{member}.{why}")))
}

/// Writes the rules and puts them in force before it answers.
async fn change_ports(
    cx: Request<'_>,
    name: &str,
    kind: Kind,
    details: &str,
    change: impl Fn(&[Rule]) -> Result<Vec<Rule>, Refused>,
) -> Result<Operation, Error> {
    let operations = act_saying(cx, name, kind, details, |instance| {
        let rules = change(&network::rules(instance)).map_err(|Refused(why)| Error::invalid_input(why))?;
        instance.ports = serde_json::to_string(&rules).expect("rules are plain data");
        Ok(Deed::Done)
    })
    .await?;
    refresh_named(cx, name).await;
    Ok(operations.into_iter().next().unwrap_or_default())
}

/// Puts what was just written of an instance in force, as well as that goes now.
pub async fn refresh_named(cx: Request<'_>, name: &str) {
    if let Ok(Some(instance)) = cx.app.store.instance_by_name(&account(cx), region(cx.app), name).await {
        network::refresh(cx.app, &instance.id).await;
    }
}
