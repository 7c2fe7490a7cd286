"""The aws command line: each action's success and the errors a person meets."""

import re

import pytest

from conftest import BLUEPRINT, BUNDLE, CliError
from server import REGION, ZONE


def fails(caller, code, operation, message, *arguments):
    with pytest.raises(CliError) as caught:
        caller.aws(*arguments)
    assert caught.value.status in (254, 255)  # version 2 and 1 of the CLI
    expected = rf"An error occurred \({code}\) when calling the {operation} operation: {message}"
    assert re.search(expected, str(caught.value)), caught.value


def create(*names, zone=ZONE, blueprint=BLUEPRINT, bundle=BUNDLE):
    return [
        "create-instances", "--instance-names", *names, "--availability-zone", zone, "--blueprint-id", blueprint, "--bundle-id", bundle,
    ]  # fmt: skip


def test_every_action(caller, name):
    aws = caller.aws
    assert aws("get-regions", "--include-availability-zones")["regions"][0]["availabilityZones"][0]["zoneName"] == ZONE
    assert BLUEPRINT in str(aws("get-blueprints", "--app-category", "LfR"))
    assert "app_standard_xl_1_0" in str(aws("get-bundles", "--app-category", "LfR"))
    created = aws(*create(name))["operations"]
    assert created[0]["status"] == "Started"
    caller.finish(created[0])
    assert aws("get-operation", "--operation-id", created[0]["id"])["operation"]["status"] == "Succeeded"
    assert created[0]["id"] in str(aws("get-operations"))
    assert created[0]["id"] in str(aws("get-operations-for-resource", "--resource-name", name))
    assert aws("get-instance", "--instance-name", name)["instance"]["name"] == name
    assert name in str(aws("get-instances"))
    assert name in aws("get-active-names")["activeNames"]
    caller.finish_all(aws("start-gui-session", "--resource-name", name))
    assert aws("create-gui-session-access-details", "--resource-name", name)["status"] == "started"
    caller.finish_all(aws("stop-gui-session", "--resource-name", name))
    caller.finish_all(aws("reboot-instance", "--instance-name", name))
    caller.finish_all(aws("stop-instance", "--instance-name", name))
    assert aws("get-instance-state", "--instance-name", name)["state"]["name"] == "stopped"
    caller.finish_all(aws("start-instance", "--instance-name", name))
    caller.finish_all(aws("delete-instance", "--instance-name", name))


def test_refusals(caller, name):
    caller.create(name)
    taken = f"Some names are already in use: {name}"
    fails(caller, "InvalidInputException", "CreateInstances", taken, *create(f"{name}-2", name))
    fails(caller, "InvalidInputException", "CreateInstances", "no good is not a valid resource name", *create("no good"))
    missing = "The Instance does not exist: nowhere"
    fails(caller, "NotFoundException", "StopGUISession", missing, "stop-gui-session", "--resource-name", "nowhere")
    fails(caller, "NotFoundException", "GetInstance", missing, "get-instance", "--instance-name", "nowhere")
    fails(caller, "InvalidInputException", "GetInstances", "pageToken", "get-instances", "--page-token", "made-up")
    fails(caller, "UnknownOperationException", "GetBuckets", ".*GetBuckets", "get-buckets")


def test_strangers(caller):
    caller.secret = "wrong"
    fails(caller, "InvalidSignatureException", "GetInstances", ".*signature", "get-instances")
    caller.key_id = "AKIANOSUCHKEY0000000"
    fails(caller, "UnrecognizedClientException", "GetInstances", "", "get-instances")


def test_another_region(caller):
    fails(caller, "InvalidSignatureException", "GetInstances", f".*{REGION}", "get-instances", "--region", "eu-west-1")
