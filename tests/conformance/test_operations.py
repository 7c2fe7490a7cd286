"""Operations, and lists in pages."""

import pytest

from conftest import BLUEPRINT, BUNDLE, new_caller, refused
from server import ZONE

PAGE = 200
MOST_NAMES = 100


def test_an_operation_by_its_id(caller, name):
    created = caller.create(name)["operations"][0]
    operation = caller.client.get_operation(operationId=created["id"])["operation"]
    assert operation["status"] == "Succeeded" and operation["resourceName"] == name


@pytest.mark.parametrize("unknown", ["5ab1b6cf-90d5-4e4e-9a3c-4b9b6d8cbc3d", "not-an-id", "' OR 1=1 --"])
def test_unknown_operations(caller, unknown):
    error = refused(lambda: caller.client.get_operation(operationId=unknown), "NotFoundException")
    assert unknown in str(error)


def test_operations_of_one_resource_oldest_first(fresh, name):
    client = fresh.client
    fresh.create(name)
    fresh.create(f"{name}-other")
    for act in (client.stop_instance, client.start_instance):
        fresh.finish_all(act(instanceName=name))
    fresh.finish_all(client.stop_gui_session(resourceName=name))
    operations = client.get_operations_for_resource(resourceName=name)["operations"]
    kinds = {o["operationType"] for o in operations}
    assert kinds == {"CreateInstance", "StopInstance", "StartInstance", "StopGUISession"}
    assert {o["resourceName"] for o in operations} == {name}
    listed = client.get_operations()["operations"]
    assert [o["createdAt"] for o in listed] == sorted(o["createdAt"] for o in listed)
    assert [o["operationType"] for o in listed if o["resourceName"] == name] == [
        "CreateInstance",
        "StopInstance",
        "StartInstance",
        "StopGUISession",
    ]


@pytest.fixture(scope="module")
def crowd(server, _recorder):
    """An account with more instances than fit on a page."""
    caller = new_caller(server, _recorder, "crowd")
    names = [f"crowd-{i:03}" for i in range(2 * PAGE + 5)]
    for start in range(0, len(names), MOST_NAMES):
        caller.client.create_instances(
            instanceNames=names[start : start + MOST_NAMES], availabilityZone=ZONE, blueprintId=BLUEPRINT, bundleId=BUNDLE
        )
    return caller, names


@pytest.mark.parametrize(
    ("paginator", "member", "key"),
    [
        ("get_instances", "instances", lambda i: i["name"]),
        ("get_active_names", "activeNames", lambda n: n),
        ("get_operations", "operations", lambda o: o["resourceName"]),
    ],
)
def test_pages(crowd, recorder, paginator, member, key):
    caller, names = crowd
    pages = list(caller.client.get_paginator(paginator).paginate())
    assert [len(page[member]) for page in pages] == [PAGE, PAGE, 5]
    assert "nextPageToken" not in pages[-1]
    assert sorted(key(item) for page in pages for item in page[member]) == names


def test_operations_in_pages_are_oldest_first(crowd, recorder):
    caller, _ = crowd
    pages = list(caller.client.get_paginator("get_operations").paginate())
    times = [o["createdAt"] for page in pages for o in page["operations"]]
    assert times == sorted(times)


@pytest.mark.parametrize(("action", "other"), [("get_instances", "get_active_names"), ("get_operations", "get_instances")])
def test_page_tokens_are_good_for_what_they_were_given_for(crowd, caller, action, other):
    crowd, _ = crowd
    token = getattr(crowd.client, action)()["nextPageToken"]
    getattr(crowd.client, action)(pageToken=token)
    changed = [token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in (0, len(token) // 2, len(token) - 2)]
    for bad in [*changed, token[:-4], token + "AAAA"]:
        error = refused(lambda: getattr(crowd.client, action)(pageToken=bad), "InvalidInputException")
        assert "pageToken" in str(error)
    refused(lambda: getattr(crowd.client, other)(pageToken=token), "InvalidInputException")
    refused(lambda: getattr(caller.client, action)(pageToken=token), "InvalidInputException")


def test_operations_of_one_resource_in_pages(fresh, recorder, name):
    fresh.create(name)
    ids = [fresh.call("StopGUISession", {"resourceName": name}).body["operations"][0]["id"] for _ in range(PAGE + 3)]
    first = fresh.client.get_operations_for_resource(resourceName=name)
    second = fresh.client.get_operations_for_resource(resourceName=name, pageToken=first["nextPageToken"])
    assert (len(first["operations"]), len(second["operations"])) == (PAGE, 4)
    assert "nextPageToken" not in second
    listed = [o["id"] for o in first["operations"] + second["operations"]]
    assert set(listed[1:]) == set(ids)
    other = {"resourceName": f"{name}-other", "pageToken": first["nextPageToken"]}
    assert fresh.call("GetOperationsForResource", other).code == "InvalidInputException"


def test_an_acknowledged_operation_survives_a_crash(own_server, name):
    caller = own_server()
    client = caller.client
    caller.create(name)
    for i in range(5):
        created = client.create_instances(
            instanceNames=[f"{name}-{i}"], availabilityZone=ZONE, blueprintId=BLUEPRINT, bundleId=BUNDLE
        )["operations"][0]
        caller.server.crash()
        caller.server.start()
        ended = caller.end(created)
        assert ended["status"] == "Succeeded", ended
        assert caller.state(f"{name}-{i}") == "running"
