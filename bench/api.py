"""Measures the API: requests a second, latency, memory. Prints one JSON object.

    .venv/bin/python bench/api.py [--bin target/release] [--instances 1000] [--seconds 5]

Starts its own server on loopback with the fake driver and a throwaway state folder. The load generator shares the
machine with the server, and every request is signed and verified.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import boto3

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/conformance"))
import server as servers  # noqa: E402


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default=str(ROOT / "target/release"), help="folder of porthole and porthole-load")
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=5)
    args = parser.parse_args()
    binaries = pathlib.Path(args.bin)
    servers.BINARY = binaries / "porthole"
    with tempfile.TemporaryDirectory() as folder:
        server = servers.Server(pathlib.Path(folder)).start()
        try:
            report = measure(server, binaries / "porthole-load", args)
        finally:
            server.close()
    print(json.dumps(report, indent=1))


def measure(server, load, args):
    report = {"residentMibEmpty": resident_mib(server.process.pid)}
    _, key, secret = server.new_key("bench")
    client = boto3.client(
        "lightsail", endpoint_url=server.endpoint, region_name=servers.REGION, aws_access_key_id=key, aws_secret_access_key=secret
    )
    names = [f"bench-{number}" for number in range(args.instances)]
    for start in range(0, len(names), 50):
        client.create_instances(
            instanceNames=names[start : start + 50], availabilityZone=servers.ZONE, blueprintId="debian_12", bundleId="nano_3_0"
        )
    operation = None
    for name in names:
        while client.get_instance_state(instanceName=name)["state"]["name"] != "running":
            pass
    operation = client.get_operations()["operations"][0]["id"]
    report["residentMibFull"] = resident_mib(server.process.pid)

    def run(action, body, connections):
        command = [load, "--address", f"127.0.0.1:{server.port}", "--key", key, "--secret", secret, "--action", action]
        command += ["--body", json.dumps(body), "--connections", str(connections), "--seconds", str(args.seconds)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    report["runs"] = [
        run("GetOperation", {"operationId": operation}, 1),
        run("GetOperation", {"operationId": operation}, 8),
        run("StopGUISession", {"resourceName": names[0]}, 1),
        run("StopGUISession", {"resourceName": names[0]}, 8),
    ]
    report["residentMibAfterLoad"] = resident_mib(server.process.pid)
    return report


if __name__ == "__main__":
    main()
