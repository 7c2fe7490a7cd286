"""Measures data disks on real containers: how long until a new disk is mounted. Prints one JSON object.

    sudo .venv/bin/python bench/attach.py [--bin target/release] [--blueprint debian_12] [--disks 15] [--size-gb 8]

Starts its own server on loopback with the container driver and a throwaway state folder, and leaves nothing behind. Ends
with status 1 when the median from AttachDisk to autoMountStatus Mounted is over the target of 0.5 s.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

import boto3

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/conformance"))
import server as servers  # noqa: E402

TARGET_S = 0.5
LETTERS = "fghijklmnopqrstuvwxyz"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default=str(ROOT / "target/release"), help="folder of porthole and porthole-guest")
    parser.add_argument("--blueprint", default="debian_12")
    parser.add_argument("--bundle", default="nano_3_0")
    parser.add_argument("--disks", type=int, default=15, choices=range(1, 16), metavar="1-15")
    parser.add_argument("--size-gb", type=int, default=8)
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench/attach.py must run as root: it makes containers")
    servers.BINARY = pathlib.Path(args.bin) / "porthole"
    with tempfile.TemporaryDirectory(prefix="porthole-attach-") as folder:
        server = servers.Server(pathlib.Path(folder), "container", "[quota]\ndisk_total_gb = 300000").start()
        try:
            report = measure(server, args)
        finally:
            server.porthole("down", "--purge")
    print(json.dumps(report, indent=1))
    return 0 if report["attachToMountedSeconds"]["median"] <= TARGET_S else 1


def measure(server, args):
    _, key, secret = server.new_key("bench")
    client = boto3.client(
        "lightsail", endpoint_url=server.endpoint, region_name=servers.REGION, aws_access_key_id=key, aws_secret_access_key=secret
    )
    finish(client, client.create_instances(
        instanceNames=["lab"], availabilityZone=servers.ZONE, blueprintId=args.blueprint, bundleId=args.bundle
    ))  # fmt: skip
    create, mount, end = [], [], []
    for number in range(args.disks):
        name = f"data-{number}"
        began = time.monotonic()
        finish(client, client.create_disk(diskName=name, availabilityZone=servers.ZONE, sizeInGb=args.size_gb))
        create.append(time.monotonic() - began)
        began = time.monotonic()
        reply = client.attach_disk(diskName=name, instanceName="lab", diskPath=f"/dev/xvd{LETTERS[number]}", autoMounting=True)
        while (status := client.get_disk(diskName=name)["disk"]["autoMountStatus"]) == "Pending":
            time.sleep(0.005)
        mount.append(time.monotonic() - began)
        assert status == "Mounted", f"{name} is {status}"
        finish(client, reply)
        end.append(time.monotonic() - began)
    return {
        "disks": args.disks,
        "sizeGb": args.size_gb,
        "createSeconds": spread(create),
        "attachToMountedSeconds": spread(mount),
        "attachToSucceededSeconds": spread(end),
        "targetSeconds": TARGET_S,
    }


def finish(client, reply):
    for operation in reply["operations"]:
        while not (seen := client.get_operation(operationId=operation["id"])["operation"])["isTerminal"]:
            time.sleep(0.005)
        assert seen["status"] == "Succeeded", seen


def spread(seconds):
    return {"median": round(statistics.median(seconds), 3), "max": round(max(seconds), 3)}


if __name__ == "__main__":
    sys.exit(main())
