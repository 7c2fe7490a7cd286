"""Sessions: what each state promises."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from conftest import refused


def trade(caller, url):
    """Does what the page of a session's URL does first; gives the status and the body."""
    token = url.split("#t=")[1]
    connection = http.client.HTTPConnection("127.0.0.1", caller.server.port, timeout=60)
    body = json.dumps({"token": token})
    headers = {"content-type": "application/json", "origin": caller.server.endpoint}
    connection.request("POST", "/view/api/trade", body, headers)
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    return reply.status, json.loads(text)


def urls(access):
    return [session["url"] for session in access["sessions"]]


@pytest.fixture
def running(caller, name):
    caller.create(name)
    return name


@pytest.fixture
def started(caller, running):
    caller.finish_all(caller.client.start_gui_session(resourceName=running))
    return running


def test_no_session_since_boot(caller, running):
    access = caller.session(running)
    assert (access["resourceName"], access["status"]) == (running, "notStarted")
    assert access.get("sessions", []) == [] and "failureReason" not in access


def test_setting_up(caller, name):
    reply = caller.client.create_instances(
        instanceNames=[name], availabilityZone="us-east-2a", blueprintId="debian_12", bundleId="nano_3_0"
    )
    assert caller.session(name)["status"] in ("settingUpInstance", "notStarted")
    caller.finish_all(reply)
    assert caller.session(name)["status"] == "notStarted"


def test_start(caller, running):
    operations = caller.client.start_gui_session(resourceName=running)["operations"]
    assert [(o["operationType"], o["resourceType"], o["resourceName"]) for o in operations] == [("StartGUISession", "Instance", running)]
    assert caller.session(running)["status"] in ("starting", "started")
    caller.finish_all({"operations": operations})
    access = caller.session(running)
    assert (access["status"], access["percentageComplete"]) == ("started", 100)
    assert len(access["sessions"]) == 1 and access["sessions"][0]["isPrimary"]


def test_an_application_has_two_displays(caller, name):
    caller.create(name, blueprint="jupyterlab")
    caller.finish_all(caller.client.start_gui_session(resourceName=name))
    sessions = caller.session(name)["sessions"]
    assert [(s["name"], s["isPrimary"]) for s in sessions] == [("application", True), ("desktop", False)]


def test_urls_are_fresh_on_each_call_and_carry_the_token_in_the_fragment(caller, started):
    first, second = urls(caller.session(started)), urls(caller.session(started))
    assert not set(first) & set(second)
    for url in first + second:
        before, token = url.split("#t=")
        assert before == f"{caller.server.endpoint}/view/" and len(token) >= 32
        status, body = trade(caller, url)
        assert status == 200 and body["instanceName"] == started and body["role"] == "control"


def test_start_again_renews(caller, started):
    caller.finish_all(caller.client.start_gui_session(resourceName=started))
    assert caller.session(started)["status"] == "started"


def test_stop_ends_the_session_and_its_urls_at_once(caller, started):
    given = urls(caller.session(started))
    operations = caller.client.stop_gui_session(resourceName=started)["operations"]
    # Even before the operation has ended.
    for url in given:
        status, body = trade(caller, url)
        assert status == 403 and body["reason"] == "ended"
    assert [(o["operationType"], o["resourceType"], o["resourceName"]) for o in operations] == [("StopGUISession", "Instance", started)]
    caller.finish_all({"operations": operations})
    access = caller.session(started)
    assert access["status"] == "stopped" and access.get("sessions", []) == []


def test_start_after_stop_is_a_new_session(caller, started):
    old = urls(caller.session(started))
    caller.finish_all(caller.client.stop_gui_session(resourceName=started))
    caller.finish_all(caller.client.start_gui_session(resourceName=started))
    new = urls(caller.session(started))
    assert [trade(caller, url)[0] for url in old + new] == [403] * len(old) + [200] * len(new)


def test_stop_where_there_is_nothing_to_stop(caller, running):
    for _ in range(2):
        operations = caller.client.stop_gui_session(resourceName=running)["operations"]
        assert [o["operationType"] for o in operations] == ["StopGUISession"]
        caller.finish_all({"operations": operations})
    caller.finish_all(caller.client.stop_instance(instanceName=running))
    caller.finish_all(caller.client.stop_gui_session(resourceName=running))


def test_stop_supersedes_start(caller, running):
    start = caller.client.start_gui_session(resourceName=running)["operations"][0]
    caller.finish_all(caller.client.stop_gui_session(resourceName=running))
    ended = caller.end(start)
    assert ended["status"] == "Succeeded" or ended["errorCode"] == "Superseded"
    assert caller.session(running)["status"] == "stopped"


def test_missing_instances(caller):
    for call in (caller.client.start_gui_session, caller.client.stop_gui_session, caller.client.create_gui_session_access_details):
        refused(lambda: call(resourceName="nowhere"), "NotFoundException", "The Instance does not exist: nowhere")


def test_start_on_a_stopped_instance(caller, running):
    caller.finish_all(caller.client.stop_instance(instanceName=running))
    error = refused(lambda: caller.client.start_gui_session(resourceName=running), "InvalidInputException")
    assert "stopped" in str(error)


@pytest.mark.parametrize("action", ["stop_instance", "reboot_instance"])
def test_stopping_or_rebooting_the_instance_ends_the_session(caller, started, action):
    given = urls(caller.session(started))
    caller.finish_all(getattr(caller.client, action)(instanceName=started))
    assert [trade(caller, url)[0] for url in given] == [403] * len(given)
    access = caller.session(started)
    assert access["status"] in ("stopped", "notStarted") and access.get("sessions", []) == []
    if action == "reboot_instance":
        assert access["status"] == "notStarted"


def test_deleting_the_instance_ends_the_session(caller, started):
    given = urls(caller.session(started))
    caller.finish_all(caller.client.delete_instance(instanceName=started))
    assert [trade(caller, url)[0] for url in given] == [403] * len(given)
    refused(lambda: caller.session(started), "NotFoundException")


def test_expiry_cuts_urls_off_and_start_resumes(own_server, name):
    caller = own_server("[session]\nduration_ms = 1000")
    caller.create(name)
    caller.finish_all(caller.client.start_gui_session(resourceName=name))
    given = urls(caller.session(name))
    access = caller.wait_for_session(name, "startExpired")
    assert access.get("sessions", []) == []
    assert [trade(caller, url)[0] for url in given] == [403] * len(given)
    caller.finish_all(caller.client.start_gui_session(resourceName=name))
    assert [trade(caller, url)[0] for url in given] == [403] * len(given)
    caller.wait_for_session(name, "startExpired")
    caller.finish_all(caller.client.stop_gui_session(resourceName=name))
    assert caller.session(name)["status"] == "stopped"


def test_tokens_nobody_was_given(caller, started):
    good = urls(caller.session(started))[0]
    for bad in (good[:-1] + ("A" if good[-1] != "A" else "B"), good + "A", good.split("#t=")[0] + "#t=", good.split("#t=")[0] + "#t=x"):
        status, body = trade(caller, bad)
        assert (status, body["reason"]) == (403, "invalid")


def test_a_blueprint_without_a_graphical_interface(own_server, tmp_path, name):
    blueprints = tmp_path / "blueprints.toml"
    blueprints.write_text(
        '[[blueprint]]\nid = "debian_12"\nname = "Debian"\nkind = "os"\ndescription = "No display."\nversion = "12"\nimage = "debian_12"\n'
    )
    caller = own_server(f'blueprints = "{blueprints}"')
    caller.create(name)
    error = refused(lambda: caller.client.start_gui_session(resourceName=name), "InvalidInputException")
    assert "graphical interface" in str(error)
    caller.finish_all(caller.client.stop_gui_session(resourceName=name))


def test_many_stops_at_once_all_succeed(caller, started):
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: caller.client.stop_gui_session(resourceName=started), range(16)))
    for reply in replies:
        assert [o["operationType"] for o in reply["operations"]] == ["StopGUISession"]
        caller.finish_all(reply)
    assert caller.session(started)["status"] == "stopped"


def test_whatever_many_ask_at_once_every_operation_ends(caller, running):
    def attempt(act):
        try:
            return getattr(caller.client, act)(resourceName=running)["operations"]
        except ClientError as error:
            # A start that comes while the session is being stopped.
            assert error.response["Error"]["Code"] == "InvalidInputException", error
            return []

    with ThreadPoolExecutor(8) as pool:
        operations = [o for answer in pool.map(attempt, ["start_gui_session", "stop_gui_session"] * 8) for o in answer]
    for operation in operations:
        ended = caller.end(operation)
        assert ended["status"] == "Succeeded" or ended["errorCode"] == "Superseded", ended
    assert caller.session(running)["status"] in ("started", "stopped")
    caller.finish_all(caller.client.stop_gui_session(resourceName=running))
    assert caller.session(running)["status"] == "stopped"
