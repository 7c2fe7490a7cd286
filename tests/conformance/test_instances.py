"""Instances from creation to deletion."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from conftest import BLUEPRINT, BUNDLE, refused
from server import REGION, ROOT, ZONE

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def request(*names, **change):
    return {"instanceNames": list(names), "availabilityZone": ZONE, "blueprintId": BLUEPRINT, "bundleId": BUNDLE} | change


def test_create_gives_one_operation_a_name(caller, name):
    names = [f"{name}-a", f"{name}-b", f"{name}-c"]
    operations = caller.client.create_instances(**request(*names))["operations"]
    assert [operation["resourceName"] for operation in operations] == names
    for operation in operations:
        assert re.fullmatch(UUID, operation["id"])
        assert operation["resourceType"] == "Instance" and operation["operationType"] == "CreateInstance"
        assert operation["location"] == {"availabilityZone": ZONE, "regionName": REGION}
        assert operation["status"] == "Started" and operation["isTerminal"] is False
        ended = caller.finish(operation)
        assert ended["statusChangedAt"] >= ended["createdAt"] == operation["createdAt"]
        assert ended["isTerminal"] and "errorCode" not in ended


def test_an_instance_shows_all_it_has(caller, name):
    caller.create(name, tags=[{"key": "course", "value": "CS149"}, {"key": "bare"}], userData="echo hello")
    instance = caller.client.get_instance(instanceName=name)["instance"]
    bundle = next(b for b in caller.client.get_bundles(includeInactive=True)["bundles"] if b["bundleId"] == BUNDLE)
    assert instance["name"] == name and instance["resourceType"] == "Instance"
    assert re.fullmatch(f"arn:aws:lightsail:{REGION}:{caller.account_id}:Instance/{UUID}", instance["arn"])
    assert instance["supportCode"].startswith(f"{caller.account_id}/i-")
    assert instance["location"] == {"availabilityZone": ZONE, "regionName": REGION}
    assert instance["blueprintId"] == BLUEPRINT and instance["bundleId"] == BUNDLE and instance["blueprintName"]
    assert {t["key"]: t.get("value", "") for t in instance["tags"]} == {"course": "CS149", "bare": ""}
    assert instance["state"] == {"code": 16, "name": "running"}
    assert instance["isStaticIp"] is False and instance["ipAddressType"] in ("dualstack", "ipv4")
    assert re.fullmatch(r"172\.\d+\.\d+\.\d+", instance["privateIpAddress"])
    assert instance["username"]
    hardware = instance["hardware"]
    assert (hardware["cpuCount"], hardware["ramSizeInGb"]) == (bundle["cpuCount"], bundle["ramSizeInGb"])
    disks = hardware["disks"]
    assert [d["isSystemDisk"] for d in disks] == [True] and disks[0]["sizeInGb"] == bundle["diskSizeInGb"]
    assert "echo hello" not in str(instance)
    assert instance == next(i for i in everything(caller) if i["name"] == name)


def everything(caller):
    pages = caller.client.get_paginator("get_instances").paginate()
    return [instance for page in pages for instance in page["instances"]]


def test_a_private_address_belongs_to_one_instance(caller, name):
    caller.create(*[f"{name}-{i}" for i in range(5)])
    addresses = [i["privateIpAddress"] for i in everything(caller) if i["name"].startswith(f"{name}-")]
    assert len(set(addresses)) == 5


def test_a_name_is_taken_once(caller, name):
    caller.create(name)
    message = f"Some names are already in use: {name}"
    refused(lambda: caller.client.create_instances(**request(name)), "InvalidInputException", message)


def test_create_is_all_or_nothing(caller, name):
    caller.create(name)
    new = [f"{name}-new-1", f"{name}-new-2"]
    message = f"Some names are already in use: {name}"
    refused(lambda: caller.client.create_instances(**request(new[0], name, new[1])), "InvalidInputException", message)
    for missing in new:
        refused(lambda: caller.client.get_instance(instanceName=missing), "NotFoundException", f"The Instance does not exist: {missing}")
    active = caller.client.get_active_names()["activeNames"]
    assert name in active and not set(new) & set(active)


def test_a_name_twice_in_one_list(caller, name):
    error = refused(lambda: caller.client.create_instances(**request(name, f"{name}-x", name)), "InvalidInputException")
    assert name in str(error)
    refused(lambda: caller.client.get_instance(instanceName=f"{name}-x"), "NotFoundException")


@pytest.mark.parametrize(
    ("member", "value"),
    [("availabilityZone", "us-east-2z"), ("availabilityZone", "eu-west-1a"), ("blueprintId", "no_such_os"), ("bundleId", "no_such_0_0")],
)
def test_what_does_not_exist_cannot_be_used(caller, name, member, value):
    error = refused(lambda: caller.client.create_instances(**request(name, **{member: value})), "InvalidInputException")
    assert value in str(error)
    refused(lambda: caller.client.get_instance(instanceName=name), "NotFoundException")


def test_stop_start_reboot(caller, name):
    client = caller.client
    caller.create(name)
    for act, kind, state in [
        (client.stop_instance, "StopInstance", {"code": 80, "name": "stopped"}),
        (client.start_instance, "StartInstance", {"code": 16, "name": "running"}),
        (client.reboot_instance, "RebootInstance", {"code": 16, "name": "running"}),
    ]:
        operations = act(instanceName=name)["operations"]
        assert [(o["operationType"], o["resourceName"], o["resourceType"]) for o in operations] == [(kind, name, "Instance")]
        caller.finish(operations[0])
        assert client.get_instance_state(instanceName=name)["state"] == state
        assert client.get_instance(instanceName=name)["instance"]["state"] == state


def test_stop_is_accepted_in_every_state(caller, name):
    client = caller.client
    client.create_instances(**request(name))
    # At once, while it is being created or just runs; then again.
    for _ in range(3):
        caller.finish_all(client.stop_instance(instanceName=name))
        assert caller.state(name) == "stopped"


def test_start_of_a_running_instance_changes_nothing(caller, name):
    caller.create(name)
    caller.finish_all(caller.client.start_instance(instanceName=name))
    assert caller.state(name) == "running"


def test_a_bundle_that_cannot_be_chosen(caller, name):
    error = refused(lambda: caller.client.create_instances(**request(name, bundleId="gpu_nvidia_xl_1_0")), "InvalidInputException")
    assert "gpu_nvidia_xl_1_0" in str(error)


def test_a_stopped_instance_cannot_reboot(caller, name):
    caller.create(name)
    caller.finish_all(caller.client.stop_instance(instanceName=name))
    error = refused(lambda: caller.client.reboot_instance(instanceName=name), "InvalidInputException")
    assert "stopped" in str(error)


def test_delete_frees_the_name(caller, name):
    client = caller.client
    caller.create(name)
    first = client.get_instance(instanceName=name)["instance"]["arn"]
    operations = caller.finish_all(client.delete_instance(instanceName=name))
    assert [o["operationType"] for o in operations] == ["DeleteInstance"]
    for call in (client.get_instance, client.get_instance_state, client.delete_instance, client.stop_instance):
        refused(lambda: call(instanceName=name), "NotFoundException", f"The Instance does not exist: {name}")
    assert name not in client.get_active_names()["activeNames"]
    caller.create(name)
    assert client.get_instance(instanceName=name)["instance"]["arn"] != first


def test_delete_is_accepted_in_every_state(caller, name):
    client = caller.client
    created = client.create_instances(**request(name))["operations"][0]
    caller.finish_all(client.delete_instance(instanceName=name, forceDeleteAddOns=True))
    ended = caller.end(created)
    assert ended["status"] == "Succeeded" or ended["errorCode"] == "Superseded"
    caller.create(name)
    caller.finish_all(client.stop_instance(instanceName=name))
    caller.finish_all(client.delete_instance(instanceName=name))
    refused(lambda: client.get_instance(instanceName=name), "NotFoundException")


def test_health_status_where_asked(caller, name):
    caller.create(name)
    instance = caller.client.get_instance(instanceName=name, includeHealthStatus=True)["instance"]
    assert instance["name"] == name


def test_more_names_than_one_call_makes(caller, name):
    error = refused(lambda: caller.client.create_instances(**request(*[f"{name}-{i}" for i in range(101)])), "InvalidInputException")
    assert "100" in str(error)
    assert not [n for n in caller.client.get_active_names()["activeNames"] if n.startswith(f"{name}-")]


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("customImageName", "an-image", "customImageName"),
        ("tags", [{"key": "aws:x", "value": "1"}], "aws:"),
        ("tags", [{"key": "a"}, {"key": "a"}], "more than once"),
        ("tags", [{"value": "no key"}], "tags[0].key"),
    ],
)
def test_what_cannot_be_asked_for(caller, name, member, value, words):
    error = refused(lambda: caller.client.create_instances(**request(name, **{member: value})), "InvalidInputException")
    assert words in str(error)
    refused(lambda: caller.client.get_instance(instanceName=name), "NotFoundException")


def test_key_pairs(caller, name):
    missing = "The KeyPair does not exist: nowhere"
    refused(lambda: caller.client.create_instances(**request(name, keyPairName="nowhere")), "NotFoundException", missing)
    caller.create(name, keyPairName="LightsailDefaultKeyPair")
    assert caller.client.get_instance(instanceName=name)["instance"]["sshKeyName"] == "LightsailDefaultKeyPair"


def test_a_bundle_larger_than_the_machine(own_server, tmp_path, name):
    bundles = tmp_path / "bundles.toml"
    shipped = (ROOT / "crates/server/data/bundles.toml").read_text()
    bundles.write_text(shipped.replace("vcpus = 1\nram_gb = 0.5", "vcpus = 1000\nram_gb = 0.5", 1))
    caller = own_server(f'bundles = "{bundles}"')
    error = refused(lambda: caller.client.create_instances(**request(name)), "InvalidInputException")
    assert re.search(r"needs 1000 vCPUs and 0.5 GB of memory; this machine has \d+ vCPUs and [\d.]+ GB", str(error))
    refused(lambda: caller.client.get_instance(instanceName=name), "NotFoundException")


def test_of_many_who_want_a_name_one_gets_it(caller, name):
    def attempt(_):
        try:
            return caller.client.create_instances(**request(name))["operations"]
        except ClientError as error:
            return error.response["Error"]["Message"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(8)))
    won = [answer for answer in answers if isinstance(answer, list)]
    assert len(won) == 1
    assert [answer for answer in answers if answer not in won] == [f"Some names are already in use: {name}"] * 7
    caller.finish_all({"operations": won[0]})


def test_whatever_many_ask_at_once_every_operation_ends(caller, name):
    caller.create(name)
    acts = ["stop_instance", "start_instance", "reboot_instance"] * 4

    def attempt(act):
        try:
            return getattr(caller.client, act)(instanceName=name)["operations"]
        except ClientError as error:
            # A start that contradicts a stop under way, and the like.
            assert error.response["Error"]["Code"] == "InvalidInputException", error
            return []

    with ThreadPoolExecutor(8) as pool:
        operations = [operation for answer in pool.map(attempt, acts) for operation in answer]
    for operation in operations:
        ended = caller.end(operation)
        assert ended["status"] == "Succeeded" or ended["errorCode"] == "Superseded", ended
    assert caller.state(name) in ("running", "stopped")
    caller.finish_all(caller.client.delete_instance(instanceName=name))


def test_a_stopped_instance_starts_with_another_bundle(caller, name):
    caller.create(name)
    client = caller.client
    change = {"instanceName": name, "attributeUpdates": {"bundleId": "micro_3_0"}}
    words = f"attributeUpdates.bundleId can change only while the instance is stopped; {name} is running."
    refused(lambda: client.start_instance(**change), "InvalidInputException", words)
    caller.finish_all(client.stop_instance(instanceName=name))
    refused(lambda: client.start_instance(**change | {"attributeUpdates": {"bundleId": "no_such_0_0"}}), "InvalidInputException")
    caller.finish_all(client.start_instance(**change))
    instance = client.get_instance(instanceName=name)["instance"]
    assert instance["bundleId"] == "micro_3_0" and instance["hardware"]["disks"][0]["sizeInGb"] == 30
    # A disk can only grow.
    caller.finish_all(client.stop_instance(instanceName=name))
    back = {"instanceName": name, "attributeUpdates": {"bundleId": BUNDLE}}
    words = f"attributeUpdates.bundleId {BUNDLE} has a system disk of 20 GB; that of {name} has 30 GB and cannot become smaller."
    refused(lambda: client.start_instance(**back), "InvalidInputException", words)
    assert caller.state(name) == "stopped"
    assert client.get_instance(instanceName=name)["instance"]["bundleId"] == "micro_3_0"


@pytest.mark.parametrize("quota", ["instances = 2", "vcpus = 2"])
def test_quotas(own_server, quota):
    caller = own_server(f"[quota]\n{quota}")
    words = "Sorry, you've reached the maximum number of instances for your account."
    caller.create("one-1")
    refused(lambda: caller.create("two-1", "two-2"), "InvalidInputException", words)
    assert caller.client.get_active_names()["activeNames"] == ["one-1"]
    caller.create("two-1")
    refused(lambda: caller.create("three-1"), "InvalidInputException", words)
    # The quota is one account's, and a deleted instance counts no more.
    caller.finish_all(caller.client.delete_instance(instanceName="one-1"))
    caller.create("three-1")
    if quota.startswith("vcpus"):
        caller.finish_all(caller.client.stop_instance(instanceName="three-1"))
        more = {"instanceName": "three-1", "attributeUpdates": {"bundleId": "small_3_0"}}
        refused(lambda: caller.client.start_instance(**more), "InvalidInputException", words)
        assert caller.client.get_instance(instanceName="three-1")["instance"]["bundleId"] == "nano_3_0"
