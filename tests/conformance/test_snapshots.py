"""Snapshots of instances and disks, what is made from them, and their export."""

import re

import pytest

from conftest import BLUEPRINT, BUNDLE, refused
from server import REGION, ZONE

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def of_instance(caller, name, snapshot, **members):
    reply = caller.client.create_instance_snapshot(instanceName=name, instanceSnapshotName=snapshot, **members)
    caller.finish_all(reply)
    return reply["operations"]


def disk(caller, name, size_gb=8):
    caller.finish_all(caller.client.create_disk(diskName=name, availabilityZone=ZONE, sizeInGb=size_gb))


def restore(*names, **members):
    return {"instanceNames": list(names), "availabilityZone": ZONE, "bundleId": BUNDLE} | members


def test_an_instance_snapshot_shows_all_it_has(caller, name):
    caller.create(name)
    snapshot_name = f"{name}-s"
    operations = of_instance(caller, name, snapshot_name, tags=[{"key": "team", "value": "bio"}])
    assert [(o["resourceType"], o["resourceName"], o["operationDetails"]) for o in operations] == [
        ("InstanceSnapshot", snapshot_name, name),
        ("Instance", name, snapshot_name),
    ]
    assert {o["operationType"] for o in operations} == {"CreateInstanceSnapshot"}
    assert [o["location"]["availabilityZone"] for o in operations] == ["all", ZONE]
    snapshot = caller.client.get_instance_snapshot(instanceSnapshotName=snapshot_name)["instanceSnapshot"]
    instance = caller.client.get_instance(instanceName=name)["instance"]
    assert re.fullmatch(f"arn:aws:lightsail:{REGION}:{caller.account_id}:InstanceSnapshot/{UUID}", snapshot["arn"])
    assert snapshot["supportCode"].startswith(f"{caller.account_id}/ami-")
    assert (snapshot["state"], snapshot["progress"]) == ("available", "100%")
    assert (snapshot["fromInstanceName"], snapshot["fromInstanceArn"]) == (name, instance["arn"])
    assert (snapshot["fromBlueprintId"], snapshot["fromBundleId"]) == (BLUEPRINT, BUNDLE)
    assert snapshot["isFromAutoSnapshot"] is False and snapshot["fromAttachedDisks"] == []
    assert snapshot["sizeInGb"] == instance["hardware"]["disks"][0]["sizeInGb"]
    assert snapshot["tags"] == [{"key": "team", "value": "bio"}]
    assert snapshot in caller.client.get_instance_snapshots()["instanceSnapshots"]
    assert snapshot_name in caller.client.get_active_names()["activeNames"]
    of_name = caller.client.get_operations_for_resource(resourceName=snapshot_name)["operations"]
    assert [o["operationType"] for o in of_name] == ["CreateInstanceSnapshot"]


def test_a_snapshot_outlives_its_instance_and_makes_others(caller, name):
    caller.create(name)
    of_instance(caller, name, f"{name}-s")
    caller.finish_all(caller.client.delete_instance(instanceName=name))
    request = restore(f"{name}-a", f"{name}-b", instanceSnapshotName=f"{name}-s", bundleId="small_3_0")
    reply = caller.client.create_instances_from_snapshot(**request)
    assert [o["operationType"] for o in reply["operations"]] == ["CreateInstancesFromSnapshot"] * 2
    assert {o["operationDetails"] for o in reply["operations"]} == {f"{name}-s"}
    caller.finish_all(reply)
    instance = caller.client.get_instance(instanceName=f"{name}-a")["instance"]
    assert (instance["blueprintId"], instance["bundleId"]) == (BLUEPRINT, "small_3_0")
    assert instance["state"]["name"] == "running"
    caller.finish_all(caller.client.delete_instance_snapshot(instanceSnapshotName=f"{name}-s"))
    gone = lambda: caller.client.get_instance_snapshot(instanceSnapshotName=f"{name}-s")
    refused(gone, "NotFoundException", f"The InstanceSnapshot does not exist: {name}-s")
    # What was made from it goes on without it.
    caller.finish_all(caller.client.stop_instance(instanceName=f"{name}-a"))
    caller.finish_all(caller.client.start_instance(instanceName=f"{name}-a"))
    assert caller.state(f"{name}-a") == "running"


def test_a_smaller_bundle_is_refused(caller, name):
    caller.create(name, bundle="micro_3_0")
    of_instance(caller, name, f"{name}-s")
    from_snapshot = lambda: caller.client.create_instances_from_snapshot(
        **restore(f"{name}-a", instanceSnapshotName=f"{name}-s", bundleId="nano_3_0")
    )
    error = refused(from_snapshot, "InvalidInputException")
    assert "smaller" in str(error)
    assert f"{name}-a" not in caller.client.get_active_names()["activeNames"]


def test_attached_disks_come_with_the_instance(caller, name):
    caller.create(name)
    for letter in "fg":
        disk(caller, f"{name}-{letter}")
        request = {"diskName": f"{name}-{letter}", "instanceName": name, "diskPath": f"/dev/xvd{letter}"}
        caller.finish_all(caller.client.attach_disk(**request, autoMounting=True))
    of_instance(caller, name, f"{name}-s")
    snapshot = caller.client.get_instance_snapshot(instanceSnapshotName=f"{name}-s")["instanceSnapshot"]
    disks = [(d["name"], d["path"], d["sizeInGb"]) for d in snapshot["fromAttachedDisks"]]
    assert disks == [(f"{name}-f", "/dev/xvdf", 8), (f"{name}-g", "/dev/xvdg", 8)]
    mapping = {f"{name}-a": [{"originalDiskPath": "/dev/xvdf", "newDiskName": f"{name}-new"}]}
    request = restore(f"{name}-a", instanceSnapshotName=f"{name}-s", attachedDiskMapping=mapping)
    caller.finish_all(caller.client.create_instances_from_snapshot(**request))
    for new, path in [(f"{name}-new", "/dev/xvdf"), (f"{name}-a-{name}-g", "/dev/xvdg")]:
        made = caller.client.get_disk(diskName=new)["disk"]
        assert (made["attachedTo"], made["path"], made["state"]) == (f"{name}-a", path, "in-use")
        assert made["autoMountStatus"] == "Mounted"
    for wrong in [{"no-such": mapping[f"{name}-a"]}, {f"{name}-b": [{"originalDiskPath": "/dev/xvdz", "newDiskName": "xx"}]}]:
        request = restore(f"{name}-b", instanceSnapshotName=f"{name}-s", attachedDiskMapping=wrong)
        refused(lambda: caller.client.create_instances_from_snapshot(**request), "InvalidInputException")


def test_disk_snapshots_and_disks_from_them(caller, name):
    disk(caller, name, 9)
    reply = caller.client.create_disk_snapshot(diskName=name, diskSnapshotName=f"{name}-s")
    assert [(o["resourceType"], o["operationType"]) for o in reply["operations"]] == [
        ("DiskSnapshot", "CreateDiskSnapshot"),
        ("Disk", "CreateDiskSnapshot"),
    ]
    caller.finish_all(reply)
    snapshot = caller.client.get_disk_snapshot(diskSnapshotName=f"{name}-s")["diskSnapshot"]
    assert (snapshot["state"], snapshot["progress"], snapshot["sizeInGb"]) == ("completed", "100%", 9)
    assert snapshot["fromDiskName"] == name and "fromInstanceName" not in snapshot
    assert snapshot in caller.client.get_disk_snapshots()["diskSnapshots"]
    caller.finish_all(caller.client.delete_disk(diskName=name))
    request = {"diskName": f"{name}-new", "diskSnapshotName": f"{name}-s", "availabilityZone": ZONE}
    smaller = lambda: caller.client.create_disk_from_snapshot(**request, sizeInGb=8)
    assert "smaller" in str(refused(smaller, "InvalidInputException"))
    reply = caller.client.create_disk_from_snapshot(**request, sizeInGb=16)
    assert reply["operations"][0]["operationType"] == "CreateDiskFromSnapshot"
    caller.finish_all(reply)
    made = caller.client.get_disk(diskName=f"{name}-new")["disk"]
    assert (made["sizeInGb"], made["state"]) == (16, "available")
    reply = caller.client.delete_disk_snapshot(diskSnapshotName=f"{name}-s")
    caller.finish_all(reply)
    gone = lambda: caller.client.get_disk_snapshot(diskSnapshotName=f"{name}-s")
    refused(gone, "NotFoundException", f"The DiskSnapshot does not exist: {name}-s")


def test_a_system_disks_snapshot(caller, name):
    caller.create(name)
    caller.finish_all(caller.client.create_disk_snapshot(instanceName=name, diskSnapshotName=f"{name}-s"))
    snapshot = caller.client.get_disk_snapshot(diskSnapshotName=f"{name}-s")["diskSnapshot"]
    assert snapshot["fromInstanceName"] == name and "fromDiskName" not in snapshot
    for named in [{}, {"diskName": "no-such", "instanceName": name}]:
        both = lambda: caller.client.create_disk_snapshot(diskSnapshotName=f"{name}-t", **named)
        assert "Exactly one" in str(refused(both, "InvalidInputException"))


def test_copies_stay_in_the_region(caller, name):
    caller.create(name)
    of_instance(caller, name, f"{name}-s")
    request = {"sourceSnapshotName": f"{name}-s", "targetSnapshotName": f"{name}-copy"}
    reply = caller.client.copy_snapshot(**request, sourceRegion=REGION)
    assert reply["operations"][0]["operationDetails"] == f"{REGION}:{name}-s"
    caller.finish_all(reply)
    caller.finish_all(caller.client.delete_instance_snapshot(instanceSnapshotName=f"{name}-s"))
    copy = caller.client.get_instance_snapshot(instanceSnapshotName=f"{name}-copy")["instanceSnapshot"]
    assert (copy["state"], copy["fromInstanceName"]) == ("available", name)
    caller.finish_all(caller.client.create_instances_from_snapshot(**restore(f"{name}-a", instanceSnapshotName=f"{name}-copy")))
    elsewhere = lambda: caller.client.copy_snapshot(**request, sourceRegion="eu-west-1")
    assert "eu-west-1" in str(refused(elsewhere, "InvalidInputException"))
    nothing = lambda: caller.client.copy_snapshot(targetSnapshotName=f"{name}-x", sourceRegion=REGION)
    assert "sourceSnapshotName" in str(refused(nothing, "InvalidInputException"))


def test_exports_are_recorded(caller, name):
    caller.create(name)
    of_instance(caller, name, f"{name}-s")
    reply = caller.client.export_snapshot(sourceSnapshotName=f"{name}-s")
    # The description knows no type of operation for it.
    assert "operationType" not in reply["operations"][0]
    caller.finish_all(reply)
    records = caller.client.get_export_snapshot_records()["exportSnapshotRecords"]
    record = next(r for r in records if r["sourceInfo"]["name"] == f"{name}-s")
    assert record["state"] == "Succeeded" and record["resourceType"] == "ExportSnapshotRecord"
    source = record["sourceInfo"]
    assert (source["resourceType"], source["fromResourceName"]) == ("InstanceSnapshot", name)
    info = source["instanceSnapshotInfo"]
    assert (info["fromBlueprintId"], info["fromBundleId"]) == (BLUEPRINT, BUNDLE)
    assert [d["isSystemDisk"] for d in info["fromDiskInfo"]] == [True]
    assert record["arn"].rsplit("/", 1)[1] in record["destinationInfo"]["id"]


def test_automatic_snapshots_of_what_has_none(caller, name):
    caller.create(name)
    reply = caller.client.get_auto_snapshots(resourceName=name)
    assert (reply["resourceName"], reply["resourceType"], reply["autoSnapshots"]) == (name, "Instance", [])
    missing = lambda: caller.client.delete_auto_snapshot(resourceName=name, date="2026-01-01")
    refused(missing, "NotFoundException")
    request = restore(f"{name}-a", sourceInstanceName=name, useLatestRestorableAutoSnapshot=True)
    refused(lambda: caller.client.create_instances_from_snapshot(**request), "NotFoundException")
    both = restore(f"{name}-a", sourceInstanceName=name, restoreDate="2026-01-01", useLatestRestorableAutoSnapshot=True)
    refused(lambda: caller.client.create_instances_from_snapshot(**both), "InvalidInputException")


@pytest.mark.parametrize(
    ("call", "members", "what"),
    [
        ("create_instance_snapshot", {"instanceName": "no-such", "instanceSnapshotName": "some-s"}, "Instance"),
        ("create_disk_snapshot", {"diskName": "no-such", "diskSnapshotName": "some-s"}, "Disk"),
        ("create_disk_snapshot", {"instanceName": "no-such", "diskSnapshotName": "some-s"}, "Instance"),
        ("get_instance_snapshot", {"instanceSnapshotName": "no-such"}, "InstanceSnapshot"),
        ("delete_instance_snapshot", {"instanceSnapshotName": "no-such"}, "InstanceSnapshot"),
        ("get_disk_snapshot", {"diskSnapshotName": "no-such"}, "DiskSnapshot"),
        ("delete_disk_snapshot", {"diskSnapshotName": "no-such"}, "DiskSnapshot"),
        ("export_snapshot", {"sourceSnapshotName": "no-such"}, "InstanceSnapshot"),
        ("create_instances_from_snapshot", restore("some-a", instanceSnapshotName="no-such"), "InstanceSnapshot"),
    ],
)
def test_what_is_missing_is_named(caller, call, members, what):
    refused(lambda: getattr(caller.client, call)(**members), "NotFoundException", f"The {what} does not exist: no-such")
    assert "some-s" not in caller.client.get_active_names()["activeNames"]


def test_names_are_one_namespace(caller, name):
    caller.create(name)
    taken = lambda: caller.client.create_instance_snapshot(instanceName=name, instanceSnapshotName=name)
    refused(taken, "InvalidInputException", f"Some names are already in use: {name}")


def test_accounts_see_nothing_of_one_another(caller, fresh, name):
    caller.create(name)
    of_instance(caller, name, f"{name}-s")
    foreign = lambda: fresh.client.get_instance_snapshot(instanceSnapshotName=f"{name}-s")
    refused(foreign, "NotFoundException", f"The InstanceSnapshot does not exist: {name}-s")
    assert fresh.client.get_instance_snapshots()["instanceSnapshots"] == []
