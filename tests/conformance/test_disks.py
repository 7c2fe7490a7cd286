"""Data disks: created, attached, mounted, detached, deleted, and kept when their instance goes."""

import re

import pytest

from conftest import refused
from server import REGION, ZONE
from test_instances import UUID


@pytest.fixture
def disk(name):
    return f"disk-of-{name}"


def create(caller, *names, size=8, **members):
    for name in names:
        reply = caller.client.create_disk(diskName=name, availabilityZone=ZONE, sizeInGb=size, **members)
        caller.finish_all(reply)


def attach(caller, disk, instance, path="/dev/xvdf", mount=True):
    reply = caller.client.attach_disk(diskName=disk, instanceName=instance, diskPath=path, autoMounting=mount)
    return caller.finish_all(reply)


def shown(caller, disk):
    return caller.client.get_disk(diskName=disk)["disk"]


def told(operations):
    return [(o["operationType"], o["resourceType"], o["resourceName"], o["operationDetails"]) for o in operations]


def test_a_disk_shows_all_it_has(caller, disk):
    tags = [{"key": "course", "value": "CS149"}]
    reply = caller.client.create_disk(diskName=disk, availabilityZone=ZONE, sizeInGb=32, tags=tags)
    (operation,) = reply["operations"]
    assert told([operation]) == [("CreateDisk", "Disk", disk, "")]
    assert operation["status"] == "Started" and operation["isTerminal"] is False
    caller.finish(operation)
    found = shown(caller, disk)
    assert re.fullmatch(f"arn:aws:lightsail:{REGION}:{caller.account_id}:Disk/{UUID}", found["arn"])
    assert found["supportCode"].startswith(f"{caller.account_id}/vol-")
    assert found["location"] == {"availabilityZone": ZONE, "regionName": REGION}
    assert (found["name"], found["resourceType"], found["sizeInGb"]) == (disk, "Disk", 32)
    assert (found["state"], found["isAttached"], found["isSystemDisk"]) == ("available", False, False)
    assert found["autoMountStatus"] == "NotMounted" and found["tags"] == tags
    assert "attachedTo" not in found and "path" not in found
    pages = caller.client.get_paginator("get_disks").paginate()
    assert found in [each for page in pages for each in page["disks"]]
    assert disk in caller.client.get_active_names()["activeNames"]


@pytest.mark.parametrize("size", [-1, 0, 7, 16385])
def test_a_size_has_limits(caller, disk, size):
    message = "The size of a block storage disk must be between 8 and 16384 GB."
    refused(
        lambda: caller.client.create_disk(diskName=disk, availabilityZone=ZONE, sizeInGb=size), "InvalidInputException", message
    )
    refused(lambda: caller.client.get_disk(diskName=disk), "NotFoundException", f"The Disk does not exist: {disk}")


def test_what_create_refuses(caller, disk):
    create(caller, disk)
    client = caller.client
    taken = f"Some names are already in use: {disk}"
    refused(lambda: client.create_disk(diskName=disk, availabilityZone=ZONE, sizeInGb=8), "InvalidInputException", taken)
    refused(lambda: client.create_disk(diskName=f"{disk}-2", availabilityZone="mars-1a", sizeInGb=8), "InvalidInputException")
    reserved = [{"key": "aws:x", "value": ""}]
    refused(
        lambda: client.create_disk(diskName=f"{disk}-2", availabilityZone=ZONE, sizeInGb=8, tags=reserved),
        "InvalidInputException",
    )


def test_attached_mounted_detached_deleted(caller, name, disk):
    caller.create(name)
    create(caller, disk)
    reply = caller.client.attach_disk(diskName=disk, instanceName=name, diskPath="/dev/xvdf", autoMounting=True)
    assert told(reply["operations"]) == [("AttachDisk", "Disk", disk, name), ("AttachDisk", "Instance", name, disk)]
    assert {o["status"] for o in reply["operations"]} == {"Started"}
    caller.finish_all(reply)
    found = shown(caller, disk)
    assert (found["state"], found["isAttached"], found["attachmentState"]) == ("in-use", True, "attached")
    assert (found["attachedTo"], found["path"], found["autoMountStatus"]) == (name, "/dev/xvdf", "Mounted")
    hardware = caller.client.get_instance(instanceName=name)["instance"]["hardware"]
    assert [each["path"] for each in hardware["disks"]] == ["/dev/xvda", "/dev/xvdf"] and hardware["disks"][1] == found

    still = f"You can't perform this operation because the disk is still attached to a Lightsail instance: {name}"
    refused(lambda: caller.client.delete_disk(diskName=disk), "InvalidInputException", still)
    not_now = "You can't detach this disk right now. The state of this disk is: in-use"
    refused(lambda: caller.client.detach_disk(diskName=disk), "InvalidInputException", not_now)

    caller.finish_all(caller.client.stop_instance(instanceName=name))
    reply = caller.client.detach_disk(diskName=disk)
    assert told(reply["operations"]) == [("DetachDisk", "Disk", disk, name), ("DetachDisk", "Instance", name, disk)]
    caller.finish_all(reply)
    found = shown(caller, disk)
    assert (found["state"], found["isAttached"], found["autoMountStatus"]) == ("available", False, "NotMounted")
    not_now = "You can't detach this disk right now. The state of this disk is: available"
    refused(lambda: caller.client.detach_disk(diskName=disk), "InvalidInputException", not_now)

    reply = caller.client.delete_disk(diskName=disk)
    assert told(reply["operations"]) == [("DeleteDisk", "Disk", disk, "")]
    caller.finish_all(reply)
    refused(lambda: caller.client.get_disk(diskName=disk), "NotFoundException", f"The Disk does not exist: {disk}")
    assert disk not in caller.client.get_active_names()["activeNames"]


def test_attached_while_stopped_is_mounted_at_the_next_start(caller, name, disk):
    caller.create(name)
    create(caller, disk)
    caller.finish_all(caller.client.stop_instance(instanceName=name))
    attach(caller, disk, name)
    assert shown(caller, disk)["autoMountStatus"] == "Pending"
    caller.finish_all(caller.client.start_instance(instanceName=name))
    assert shown(caller, disk)["autoMountStatus"] == "Mounted"


def test_without_auto_mounting_nothing_is_mounted(caller, name, disk):
    caller.create(name)
    create(caller, disk)
    caller.finish_all(caller.client.attach_disk(diskName=disk, instanceName=name, diskPath="/dev/sdz"))
    found = shown(caller, disk)
    assert (found["state"], found["autoMountStatus"], found["path"]) == ("in-use", "NotMounted", "/dev/sdz")


def test_what_attach_refuses(caller, name, disk):
    caller.create(name, f"{name}-2")
    create(caller, disk, f"{disk}-2")
    client = caller.client

    def refuses(code, message, disk=disk, instance=name, path="/dev/xvdf"):
        error = refused(lambda: client.attach_disk(diskName=disk, instanceName=instance, diskPath=path, autoMounting=True), code)
        assert re.fullmatch(message, error.response["Error"]["Message"]), error

    refuses("NotFoundException", "The Disk does not exist: no-such", disk="no-such")
    refuses("NotFoundException", "The Instance does not exist: no-such", instance="no-such")
    for path in ["/dev/xvda", "/dev/xvde", "/dev/nvme0n1", "/etc/passwd", "xvdf", "/dev/xvdf/../sda"]:
        refuses("InvalidInputException", f"diskPath {re.escape(path)} is not one .*", path=path)
    attach(caller, disk, name)
    in_use = "You can't attach this disk right now. The state of this disk is: in-use"
    refuses("InvalidInputException", in_use)
    refuses("InvalidInputException", in_use, instance=f"{name}-2")
    for path in ["/dev/xvdf", "/dev/sdf"]:
        taken = f"diskPath {path} is taken by the disk {disk} of {name}."
        refuses("InvalidInputException", taken, disk=f"{disk}-2", path=path)
    attach(caller, f"{disk}-2", name, "/dev/xvdg")
    hardware = client.get_instance(instanceName=name)["instance"]["hardware"]
    assert [each["path"] for each in hardware["disks"]] == ["/dev/xvda", "/dev/xvdf", "/dev/xvdg"]


def test_deleting_an_instance_keeps_its_disks(caller, name, disk):
    caller.create(name)
    create(caller, disk)
    attach(caller, disk, name)
    operations = caller.client.delete_instance(instanceName=name)["operations"]
    assert told(operations) == [
        ("DetachDisk", "Disk", disk, name),
        ("DetachDisk", "Instance", name, disk),
        ("DeleteInstance", "Instance", name, ""),
    ]
    assert {o["status"] for o in operations} == {"Started"}
    for operation in operations:
        caller.finish(operation)
    assert shown(caller, disk)["state"] == "available"
    caller.create(name)
    attach(caller, disk, name)
    assert shown(caller, disk)["autoMountStatus"] == "Mounted"


def test_quotas(own_server, disk):
    caller = own_server("[quota]\ndisks = 3\ndisk_total_gb = 40\ndisks_per_instance = 1")
    client = caller.client
    create(caller, "data-1", "data-2")
    most = "You've reached the maximum size limit of all disks in this account."
    refused(lambda: client.create_disk(diskName="data-3", availabilityZone=ZONE, sizeInGb=25), "InvalidInputException", most)
    create(caller, "data-3", size=24)
    limit = "You've reached the limit of disks in this account."
    refused(lambda: client.create_disk(diskName="data-4", availabilityZone=ZONE, sizeInGb=8), "InvalidInputException", limit)
    caller.create("lab")
    attach(caller, "data-1", "lab")
    message = "The instance lab has 1 disks attached, which is the most it can have."
    refused(
        lambda: client.attach_disk(diskName="data-2", instanceName="lab", diskPath="/dev/xvdg"), "InvalidInputException", message
    )
    caller.finish_all(client.delete_disk(diskName="data-3"))
    create(caller, "data-4")


def test_disks_belong_to_their_account(caller, fresh, disk):
    create(caller, disk)
    missing = f"The Disk does not exist: {disk}"
    refused(lambda: fresh.client.get_disk(diskName=disk), "NotFoundException", missing)
    refused(lambda: fresh.client.delete_disk(diskName=disk), "NotFoundException", missing)
    assert fresh.client.get_disks()["disks"] == []


def test_with_the_aws_cli(caller, name, disk):
    aws = caller.aws
    caller.create(name)
    made = aws("create-disk", "--disk-name", disk, "--availability-zone", ZONE, "--size-in-gb", "8")
    caller.finish_all(made)
    one = ["--disk-name", disk]
    attached = aws("attach-disk", *one, "--instance-name", name, "--disk-path", "/dev/xvdf", "--auto-mounting")
    caller.finish_all(attached)
    assert aws("get-disk", *one)["disk"]["autoMountStatus"] == "Mounted"
    assert disk in str(aws("get-disks"))
    caller.finish_all(aws("stop-instance", "--instance-name", name))
    caller.finish_all(aws("detach-disk", *one))
    caller.finish_all(aws("delete-disk", *one))
    with pytest.raises(Exception, match=rf"\(NotFoundException\).*GetDisk operation: The Disk does not exist: {disk}"):
        aws("get-disk", *one)
