"""The main job, once through each SDK."""

import subprocess

import pytest

from conftest import BLUEPRINT, BUNDLE
from server import DRIVER, REGION, ROOT, ZONE

DRIVERS = ["fake"] if DRIVER == "fake" else [DRIVER]


# Minutes of idleness and of metrics last half a second.
FAST = "[metrics]\nperiod_ms = 100\n[idle]\nminute_ms = 500"


def job(command, caller, name, last="StopGUISession", **settings):
    environment = caller.environment | {
        "ENDPOINT": caller.recorder.url,
        "REGION": REGION,
        "ZONE": ZONE,
        "KEY_ID": caller.key_id,
        "SECRET": caller.secret,
        "BLUEPRINT": BLUEPRINT,
        "BUNDLE": BUNDLE,
        "INSTANCE": name,
    }
    run = subprocess.run(command, env=environment | settings, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    served = {target for target, status in caller.recorder.replies if status == 200}
    assert f"Lightsail_20161128.{last}" in served


@pytest.fixture(params=DRIVERS)
def on_driver(request, own_server):
    return own_server(driver=request.param)


def test_boto3(on_driver, name):
    caller = on_driver
    client = caller.client
    assert caller.create(name)["operations"][0]["operationType"] == "CreateInstance"
    assert caller.state(name) == "running"
    caller.finish_all(client.start_gui_session(resourceName=name))
    access = caller.session(name)
    assert access["status"] == "started" and access["percentageComplete"] == 100
    assert all("/view/#t=" in session["url"] for session in access["sessions"])
    caller.finish_all(client.stop_gui_session(resourceName=name))
    assert caller.session(name)["status"] == "stopped"
    caller.finish_all(client.delete_instance(instanceName=name))
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_instance(instanceName=name)


def test_aws_cli(on_driver, name):
    caller = on_driver
    created = caller.aws(
        "create-instances", "--instance-names", name, "--availability-zone", ZONE, "--blueprint-id", BLUEPRINT, "--bundle-id", BUNDLE
    )
    caller.finish_all(created)
    assert caller.aws("get-instance-state", "--instance-name", name)["state"] == {"code": 16, "name": "running"}
    caller.finish_all(caller.aws("start-gui-session", "--resource-name", name))
    access = caller.aws("create-gui-session-access-details", "--resource-name", name)
    assert access["status"] == "started" and access["sessions"][0]["isPrimary"]
    caller.finish_all(caller.aws("stop-gui-session", "--resource-name", name))
    assert caller.aws("create-gui-session-access-details", "--resource-name", name)["status"] == "stopped"
    caller.finish_all(caller.aws("delete-instance", "--instance-name", name))


def test_javascript(on_driver, name):
    job(["node", ROOT / "tests/conformance/js/main-job.mjs"], on_driver, name)


def test_rust(on_driver, name, rust_main_job):
    job([rust_main_job], on_driver, name)


def test_javascript_scenario(own_server, name):
    job(["node", ROOT / "tests/conformance/js/scenario.mjs"], own_server(FAST), name, last="DeleteInstanceSnapshot")


def test_rust_scenario(own_server, name, rust_main_job):
    job([rust_main_job, "scenario"], own_server(FAST), name, last="DeleteInstanceSnapshot")
