"""Access keys restricted by Cedar policies."""

import subprocess

import pytest

from conftest import refused, wait_until
from server import BINARY, ZONE

NEW = {"availabilityZone": ZONE, "blueprintId": "debian_12", "bundleId": "nano_3_0"}


@pytest.fixture
def restrict(server, fresh, tmp_path):
    """Makes a key of the fresh account that has a policy: restrict(policy) → how to call with it."""

    def make(policy):
        file = tmp_path / "key.cedar"
        file.write_text(policy)
        made = server.porthole("key", "create", "--account", fresh.account_id, "--policy", str(file), "--json")
        return {"key_id": made["accessKeyId"], "secret": made["secretAccessKey"]}

    return make


def test_a_key_for_one_name(fresh, restrict, name):
    fresh.create(name, f"{name}-b")
    key = restrict(f'permit(principal, action in [Action::"GetInstance", Action::"StartGUISession"], resource == Instance::"{name}");')
    assert fresh.call("GetInstance", {"instanceName": name}, **key).status == 200
    assert fresh.call("StartGUISession", {"resourceName": name}, **key).status == 200
    for action, input, resource in [
        ("GetInstance", {"instanceName": f"{name}-b"}, f"Instance/{name}-b"),
        ("GetInstance", {"instanceName": "no-such"}, "Instance/no-such"),
        ("StopInstance", {"instanceName": name}, f"Instance/{name}"),
        ("GetInstances", {}, f"Account/{fresh.account_id}"),
        ("TagResource", {"resourceName": name, "tags": [{"key": "a", "value": "b"}]}, f"Instance/{name}"),
    ]:
        reply = fresh.call(action, input, **key)
        assert (reply.status, reply.code) == (400, "AccessDeniedException")
        words = f"The access key {key['key_id']} is not authorized to perform: lightsail:{action} on resource: {resource}"
        assert reply.message == words
    assert fresh.state(name) == "running"


def test_a_key_for_one_team(fresh, restrict, name):
    mine, theirs = f"{name}-bio", f"{name}-chem"
    fresh.create(mine, tags=[{"key": "team", "value": "bio"}])
    fresh.create(theirs, tags=[{"key": "team", "value": "chem"}])
    key = restrict('permit(principal, action, resource) when { resource.hasTag("team") && resource.getTag("team") == "bio" };')
    stop = {"instanceName": theirs}
    assert fresh.call("StopInstance", stop, **key).code == "AccessDeniedException"
    assert fresh.state(theirs) == "running"
    assert fresh.call("StopInstance", {"instanceName": mine}, **key).status == 200
    # What is made counts with the tags it is made with, and every name of a request counts.
    for tags in ([], [{"key": "team", "value": "chem"}]):
        reply = fresh.call("CreateInstances", NEW | {"instanceNames": [f"{name}-x"], "tags": tags}, **key)
        assert reply.code == "AccessDeniedException"
    tags = [{"key": "team", "value": "bio"}]
    assert fresh.call("CreateInstances", NEW | {"instanceNames": [f"{name}-y"], "tags": tags}, **key).status == 200
    # The tags of now decide.
    fresh.client.tag_resource(resourceName=theirs, tags=tags)
    assert fresh.call("StopInstance", stop, **key).status == 200


def test_forbid_wins(fresh, restrict, name):
    fresh.create(name)
    key = restrict('permit(principal, action, resource); forbid(principal, action == Action::"DeleteInstance", resource);')
    assert fresh.call("DeleteInstance", {"instanceName": name}, **key).code == "AccessDeniedException"
    assert fresh.call("StopInstance", {"instanceName": name}, **key).status == 200


def test_policies_are_set_shown_and_cleared(server, fresh, tmp_path):
    file = tmp_path / "regions.cedar"
    file.write_text('permit(principal, action == Action::"GetRegions", resource);\n')
    server.porthole("key", "policy", "set", fresh.key_id, str(file))
    wait_until(lambda: fresh.call("GetInstances").code == "AccessDeniedException", "the policy is in force", patience_s=10)
    assert fresh.call("GetRegions").status == 200
    shown = subprocess.run([BINARY, "key", "policy", "show", fresh.key_id, "--config", server.config], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == file.read_text().strip()
    # Temporary credentials can do what the key they came from can do now.
    made = server.porthole("key", "temporary", fresh.key_id)
    use = {"key_id": made["accessKeyId"], "secret": made["secretAccessKey"], "token": made["sessionToken"]}
    assert fresh.call("GetInstances", **use).code == "AccessDeniedException"
    assert fresh.call("GetRegions", **use).status == 200
    server.porthole("key", "policy", "clear", fresh.key_id)
    wait_until(lambda: fresh.call("GetInstances").status == 200, "the policy is gone", patience_s=10)
    assert fresh.call("GetInstances", **use).status == 200


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("permit(principal", "not valid Cedar"),
        ("", "no statement"),
        ('permit(principal, action == Action::"LaunchRocket", resource);', "LaunchRocket"),
        ('permit(principal, action, resource) when { resource.color == "red" };', "color"),
    ],
    ids=["cut", "empty", "unknown-action", "unknown-attribute"],
)
def test_a_policy_with_a_fault_is_refused_and_changes_nothing(server, fresh, tmp_path, policy, words):
    file = tmp_path / "bad.cedar"
    file.write_text(policy)
    command = [BINARY, "key", "policy", "set", fresh.key_id, str(file), "--config", server.config]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode != 0 and words in run.stderr
    assert fresh.call("GetInstances").status == 200


def test_a_denied_action_comes_out_of_boto3_as_what_it_is(fresh, restrict):
    key = restrict('permit(principal, action == Action::"GetRegions", resource);')
    client = fresh.client_with(aws_access_key_id=key["key_id"], aws_secret_access_key=key["secret"])
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.get_instances()
    refused(client.get_instances, "AccessDeniedException")
