"""Ports, static addresses, peering, metadata options."""

import ipaddress
import re

import pytest

from conftest import refused, wait_until
from server import REGION

DEFAULT = [22, 80, 443, 8443]
ANYWHERE = {"cidrs": ["0.0.0.0/0"], "ipv6Cidrs": ["::/0"], "cidrListAliases": []}


def states(caller, name):
    found = caller.client.get_instance_port_states(instanceName=name)["portStates"]
    assert all(state.pop("state") == "open" for state in found)
    return found


def tcp(*ports, **sources):
    first, last = (ports * 2)[:2]
    return {"fromPort": first, "toPort": last, "protocol": "tcp"} | sources


def test_a_new_instance_has_the_guides_ports(caller, name):
    caller.create(name)
    assert states(caller, name) == [tcp(port, **ANYWHERE) for port in DEFAULT]
    shown = caller.client.get_instance(instanceName=name)["instance"]["networking"]["ports"]
    assert [port["fromPort"] for port in shown] == DEFAULT
    assert all(port["accessDirection"] == "inbound" and port["accessFrom"].startswith("Anywhere") for port in shown)


def test_ports_are_opened_closed_and_put(caller, name):
    caller.create(name)
    client = caller.client
    office = ["192.0.2.0/24"]
    operation = client.open_instance_public_ports(instanceName=name, portInfo=tcp(9000, 9010, cidrs=office))["operation"]
    assert operation["status"] == "Succeeded" and operation["operationDetails"] == "9000-9010/tcp"
    assert operation["operationType"] == "OpenInstancePublicPorts" and operation["resourceName"] == name
    assert tcp(9000, 9010, cidrs=office, ipv6Cidrs=[], cidrListAliases=[]) in states(caller, name)
    # The CLI's examples write the protocol in capitals.
    client.open_instance_public_ports(instanceName=name, portInfo=tcp(9000, 9010) | {"protocol": "TCP", "cidrs": ["198.51.100.7"]})
    assert tcp(9000, 9010, cidrs=office + ["198.51.100.7/32"], ipv6Cidrs=[], cidrListAliases=[]) in states(caller, name)
    operation = client.close_instance_public_ports(instanceName=name, portInfo=tcp(9005))["operation"]
    assert operation["operationDetails"] == "9005/tcp"
    ranges = [(state["fromPort"], state["toPort"]) for state in states(caller, name)]
    assert (9000, 9004) in ranges and (9006, 9010) in ranges and (9000, 9010) not in ranges
    wanted = [
        {"fromPort": 8, "toPort": -1, "protocol": "icmp", "cidrs": ["0.0.0.0/0"]},
        tcp(22, cidrListAliases=["lightsail-connect"]),
        {"fromPort": 53, "toPort": 53, "protocol": "udp"},
    ]
    operation = client.put_instance_public_ports(instanceName=name, portInfos=wanted)["operation"]
    assert operation["operationType"] == "PutInstancePublicPorts"
    assert states(caller, name) == [
        tcp(22, cidrs=[], ipv6Cidrs=[], cidrListAliases=["lightsail-connect"]),
        {"fromPort": 53, "toPort": 53, "protocol": "udp"} | ANYWHERE,
        {"fromPort": 8, "toPort": -1, "protocol": "icmp", "cidrs": ["0.0.0.0/0"], "ipv6Cidrs": [], "cidrListAliases": []},
    ]
    client.put_instance_public_ports(instanceName=name, portInfos=[])
    assert states(caller, name) == []


@pytest.mark.parametrize(
    "info, words",
    [
        ({"fromPort": 80, "toPort": 22, "protocol": "tcp"}, "portInfo.fromPort 80 must not be greater than toPort 22"),
        ({"fromPort": 80, "toPort": 80}, "portInfo.protocol is needed"),
        (tcp(80, cidrs=["somewhere"]), "portInfo.cidrs: somewhere is not an address or network"),
        (tcp(80, cidrs=["::/0"]), "other address family"),
        (tcp(80, cidrListAliases=["everybody"]), "everybody is not known"),
    ],
)
def test_bad_rules_are_refused(caller, name, info, words):
    caller.create(name)
    error = refused(lambda: caller.client.open_instance_public_ports(instanceName=name, portInfo=info), "InvalidInputException")
    assert words in error.response["Error"]["Message"]
    assert states(caller, name) == [tcp(port, **ANYWHERE) for port in DEFAULT]


def test_a_static_address_from_lease_to_release(caller, name):
    caller.create(name)
    client, ip = caller.client, f"{name}-ip"
    before = client.get_instance(instanceName=name)["instance"]
    (operation,) = client.allocate_static_ip(staticIpName=ip)["operations"]
    assert (operation["operationType"], operation["resourceType"], operation["status"]) == ("AllocateStaticIp", "StaticIp", "Succeeded")
    found = client.get_static_ip(staticIpName=ip)["staticIp"]
    assert re.fullmatch(f"arn:aws:lightsail:{REGION}:{caller.account_id}:StaticIp/.+", found["arn"])
    assert found["isAttached"] is False and "attachedTo" not in found and found["ipAddress"] != before["publicIpAddress"]
    assert ip in client.get_active_names()["activeNames"]
    operations = client.attach_static_ip(staticIpName=ip, instanceName=name)["operations"]
    assert [(o["resourceName"], o["operationDetails"]) for o in operations] == [(ip, name), (name, ip)]
    assert client.get_static_ip(staticIpName=ip)["staticIp"]["attachedTo"] == name
    instance = client.get_instance(instanceName=name)["instance"]
    assert instance["isStaticIp"] is True and instance["publicIpAddress"] == found["ipAddress"]
    assert instance["privateIpAddress"] == before["privateIpAddress"]
    # It stays while the instance is stopped, and once more is no error.
    caller.finish_all(client.stop_instance(instanceName=name))
    client.attach_static_ip(staticIpName=ip, instanceName=name)
    assert client.get_instance(instanceName=name)["instance"]["publicIpAddress"] == found["ipAddress"]
    caller.finish_all(client.start_instance(instanceName=name))
    assert len(client.detach_static_ip(staticIpName=ip)["operations"]) == 2
    instance = client.get_instance(instanceName=name)["instance"]
    assert instance["isStaticIp"] is False and instance["publicIpAddress"] == before["publicIpAddress"]
    client.release_static_ip(staticIpName=ip)
    refused(lambda: client.get_static_ip(staticIpName=ip), "NotFoundException", f"The StaticIp does not exist: {ip}")
    assert ip not in client.get_active_names()["activeNames"]


def test_static_addresses_keep_their_rules(caller, name):
    caller.create(name, f"{name}-2")
    client, ip = caller.client, f"{name}-ip"
    refused(lambda: client.attach_static_ip(staticIpName=ip, instanceName=name), "NotFoundException", f"The StaticIp does not exist: {ip}")
    refused(lambda: client.allocate_static_ip(staticIpName=name), "InvalidInputException")
    client.allocate_static_ip(staticIpName=ip)
    refused(lambda: client.attach_static_ip(staticIpName=ip, instanceName="no-such"), "NotFoundException", "The Instance does not exist: no-such")
    refused(lambda: client.detach_static_ip(staticIpName=ip), "InvalidInputException", f"The StaticIp {ip} is not attached to an instance.")
    client.attach_static_ip(staticIpName=ip, instanceName=name)
    error = refused(lambda: client.attach_static_ip(staticIpName=ip, instanceName=f"{name}-2"), "InvalidInputException")
    assert f"already attached to {name}" in str(error)
    caller.finish_all(client.delete_instance(instanceName=name))
    assert client.get_static_ip(staticIpName=ip)["staticIp"]["isAttached"] is False
    client.release_static_ip(staticIpName=ip)


def test_there_are_five_static_addresses(caller, name):
    client = caller.client
    had = [ip["name"] for page in client.get_paginator("get_static_ips").paginate() for ip in page["staticIps"]]
    names = [f"{name}-{number}" for number in range(5 - len(had))]
    for ip in names:
        client.allocate_static_ip(staticIpName=ip)
    error = refused(lambda: client.allocate_static_ip(staticIpName=f"{name}-x"), "InvalidInputException")
    assert "maximum limit" in str(error)
    listed = client.get_static_ips()["staticIps"]
    assert len({ip["ipAddress"] for ip in listed}) == len(listed)
    for ip in names:
        client.release_static_ip(staticIpName=ip)


def test_peering_needs_a_site(caller):
    assert caller.client.is_vpc_peered()["isPeered"] is False
    error = refused(lambda: caller.client.peer_vpc(), "InvalidInputException")
    assert "network.site_cidrs" in str(error)
    operation = caller.client.unpeer_vpc()["operation"]
    assert operation["status"] == "Succeeded" and operation["resourceType"] == "PeeredVpc"


def test_metadata_options_are_applied(caller, name):
    caller.create(name)
    client = caller.client

    def options():
        return client.get_instance(instanceName=name)["instance"]["metadataOptions"]

    default = {"state": "applied", "httpTokens": "required", "httpEndpoint": "enabled", "httpPutResponseHopLimit": 1, "httpProtocolIpv6": "disabled"}
    assert options() == default
    operation = client.update_instance_metadata_options(instanceName=name, httpTokens="optional", httpPutResponseHopLimit=2)["operation"]
    assert operation["operationType"] == "UpdateInstanceMetadataOptions" and operation["status"] == "Succeeded"
    wait_until(lambda: options() == default | {"httpTokens": "optional", "httpPutResponseHopLimit": 2}, "the options are applied")
    client.update_instance_metadata_options(instanceName=name, httpEndpoint="disabled")
    wait_until(lambda: options()["httpEndpoint"] == "disabled" and options()["state"] == "applied", "the endpoint is off")
    client.update_instance_metadata_options(instanceName=name, httpProtocolIpv6="enabled")
    wait_until(lambda: options()["httpProtocolIpv6"] == "enabled" and options()["state"] == "applied", "it answers by IPv6 too")
    error = refused(lambda: client.update_instance_metadata_options(instanceName=name, httpPutResponseHopLimit=65), "InvalidInputException")
    assert "1 to 64" in str(error)


def test_kinds_of_address(caller, name):
    caller.create(name)
    client, ip = caller.client, f"{name}-ip"

    def shown():
        return client.get_instance(instanceName=name)["instance"]

    def change(kind, **members):
        return client.set_ip_address_type(resourceType="Instance", resourceName=name, ipAddressType=kind, **members)["operations"]

    before = shown()
    assert before["ipAddressType"] == "dualstack" and len(before["ipv6Addresses"]) == 1
    (address,) = before["ipv6Addresses"]
    assert ipaddress.IPv6Address(address).is_private
    assert client.get_instance_access_details(instanceName=name)["accessDetails"]["ipv6Addresses"] == [address]
    (operation,) = change("ipv4")
    assert operation["operationType"] == "SetIpAddressType" and operation["status"] == "Succeeded"
    assert operation["operationDetails"] == "ipv4"
    assert shown()["ipAddressType"] == "ipv4" and shown()["ipv6Addresses"] == []
    error = refused(lambda: change("ipv6"), "InvalidInputException")
    assert "acceptBundleUpdate" in str(error) and shown()["ipAddressType"] == "ipv4"
    client.allocate_static_ip(staticIpName=ip)
    client.attach_static_ip(staticIpName=ip, instanceName=name)
    error = refused(lambda: change("ipv6", acceptBundleUpdate=True), "InvalidInputException")
    assert "static IP" in str(error)
    client.detach_static_ip(staticIpName=ip)
    change("ipv6", acceptBundleUpdate=True)
    only = shown()
    assert only["ipAddressType"] == "ipv6" and only["ipv6Addresses"] == [address]
    assert "publicIpAddress" not in only and only["privateIpAddress"] == before["privateIpAddress"]
    error = refused(lambda: client.attach_static_ip(staticIpName=ip, instanceName=name), "InvalidInputException")
    assert "SetIpAddressType" in str(error)
    client.release_static_ip(staticIpName=ip)
    change("dualstack", acceptBundleUpdate=True)
    assert shown()["publicIpAddress"] == before["publicIpAddress"]


def test_kinds_of_address_at_creation(caller, name):
    for kind in ["ipv4", "ipv6"]:
        caller.create(f"{name}-{kind}", ipAddressType=kind)
        instance = caller.client.get_instance(instanceName=f"{name}-{kind}")["instance"]
        assert instance["ipAddressType"] == kind and len(instance["ipv6Addresses"]) == (kind == "ipv6")


def test_what_has_no_kinds_of_address(caller, name):
    def change(kind, of=name):
        caller.client.set_ip_address_type(resourceType=kind, resourceName=of, ipAddressType="ipv4")

    refused(lambda: change("Instance"), "NotFoundException", f"The Instance does not exist: {name}")
    refused(lambda: change("LoadBalancer"), "NotFoundException", f"The LoadBalancer does not exist: {name}")
    error = refused(lambda: change("Disk"), "InvalidInputException")
    assert "resourceType" in str(error)
