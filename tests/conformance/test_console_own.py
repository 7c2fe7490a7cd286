"""What a person does in the console with what is theirs: keys, pictures, windows, stages, viewers, shares."""

import http.client
import itertools
import json
import socket
import time
from pathlib import Path

import pytest

from conftest import Caller, wait_until
from console import Browser, Site

_numbers = itertools.count(1)


class Person:
    """A person with a browser, an account of their own, and an access key of it."""

    def __init__(self, server, recorder, role="researcher"):
        self.name = f"own-{next(_numbers)}"
        self.caller = Caller(server, recorder, *server.new_key(self.name))
        self.browser = Site(server).person(self.name, self.name, role)
        self.server = server

    def started(self, name, blueprint="jupyterlab"):
        self.caller.create(name, blueprint=blueprint)
        self.caller.finish_all(self.caller.client.start_gui_session(resourceName=name))
        return name


@pytest.fixture
def ada(server, recorder):
    return Person(server, recorder)


@pytest.fixture
def bob(server, recorder):
    return Person(server, recorder)


class View:
    """A page of the viewer that traded its link and, when opened, streams."""

    def __init__(self, server, url):
        self.server = server
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        body = json.dumps({"token": url.split("#t=")[1]})
        connection.request("POST", "/view/api/trade", body, {"origin": server.endpoint})
        reply = connection.getresponse()
        self.status, self.body = reply.status, json.loads(reply.read())
        self.cookie = (reply.headers["set-cookie"] or "").split(";")[0]
        self.socket = None

    def open(self):
        """Opens the stream; gives the status."""
        self.socket = socket.create_connection(("127.0.0.1", self.server.port), timeout=60)
        head = [
            f"GET {self.body['streamPath']} HTTP/1.1", f"host: 127.0.0.1:{self.server.port}", f"origin: {self.server.endpoint}",
            f"cookie: {self.cookie}", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", "", "",
        ]  # fmt: skip
        self.socket.sendall("\r\n".join(head).encode())
        reply = b""
        while b"\r\n\r\n" not in reply:
            reply += self.socket.recv(1)
        return int(reply.split(b" ")[1])

    def is_cut(self):
        self.socket.settimeout(30)
        while data := self.socket.recv(4096):
            assert data
        return True


def test_access_keys_are_made_shown_once_restricted_and_revoked(ada):
    browser = ada.browser
    made = browser.post("access-keys", {"description": " For the laptop "})
    assert made["description"] == "For the laptop" and made["createdBy"] == ada.name and made["policy"] is None
    secret = made.pop("secretAccessKey")
    (mine,) = [key for key in browser.get("access-keys")["keys"] if key["accessKeyId"] == made["accessKeyId"]]
    assert mine == made and mine["lastUsedAt"] is None and mine["status"] == "active"
    laptop = Caller(ada.server, ada.caller.recorder, ada.caller.account_id, made["accessKeyId"], secret)
    before = time.time()
    assert laptop.call("GetInstances").status == 200
    (mine,) = [key for key in browser.get("access-keys")["keys"] if key["accessKeyId"] == made["accessKeyId"]]
    assert before - 1 < mine["lastUsedAt"] < time.time() + 1

    policy = 'permit(principal, action == Action::"GetInstances", resource);'
    path = f"access-keys/{made['accessKeyId']}"
    assert browser.put(path, {"policy": policy})["policy"] == policy
    assert laptop.call("GetInstances").status == 200
    assert laptop.call("GetDisks").code == "AccessDeniedException"
    assert browser.put(path, {"description": "Old"})["policy"] == policy, "what is not named stays"
    assert browser.put(path, {"policy": None})["policy"] is None
    assert laptop.call("GetDisks").status == 200
    browser.delete(path)
    assert laptop.call("GetInstances").status == 403
    (mine,) = [key for key in browser.get("access-keys")["keys"] if key["accessKeyId"] == made["accessKeyId"]]
    assert mine["status"] == "revoked" and mine["description"] == "Old"
    browser.refused("PUT", path, "conflict", 409, {"description": "New"})


def test_keys_of_an_operator_are_listed_too(ada):
    keys = ada.browser.get("access-keys")["keys"]
    assert [(key["accessKeyId"], key["createdBy"], key["description"]) for key in keys] == [(ada.caller.key_id, None, "")]


@pytest.mark.parametrize(
    "body, field",
    [
        ({"description": "a", "policy": "permit("}, "policy"),
        ({"description": "a", "policy": 'permit(principal, action == Action::"Fly", resource);'}, "policy"),
        ({"description": "x" * 201}, "description"),
        ({"description": "two\nlines"}, "description"),
    ],
)
def test_keys_with_a_fault_are_not_made(ada, body, field):
    assert ada.browser.refused("POST", "access-keys", "invalidInput", 400, body)["field"] == field
    assert len(ada.browser.get("access-keys")["keys"]) == 1


def test_the_schema_of_policies_is_told(ada):
    assert 'action "StopGUISession"' in ada.browser.get("policy-schema")["schema"]


def test_what_a_session_shows(ada, name):
    browser = ada.browser
    ada.caller.create(name, blueprint="jupyterlab")
    assert browser.get(f"displays?instance={name}") == {"displays": ["application", "desktop"], "primary": "application"}
    assert browser.get(f"windows?instance={name}") == {"windows": []}
    browser.refused("GET", f"screenshot?instance={name}&display=application", "noPicture", 404)
    assert browser.get("sessions")["sessions"][0]["status"] == "notStarted"

    ada.caller.finish_all(ada.caller.client.start_gui_session(resourceName=name))
    windows = browser.get(f"windows?instance={name}")["windows"]
    assert [window["display"] for window in windows] == ["application", "desktop"]
    assert all(window["title"] and window["title"].isprintable() and window["application"] for window in windows)
    for display in ["application", "desktop"]:
        reply = browser.ask("GET", f"screenshot?instance={name}&display={display}")
        assert (reply.status, reply.headers["content-type"]) == (200, "image/jpeg") and reply.content.startswith(b"\xff\xd8\xff")
        assert reply.headers["x-content-type-options"] == "nosniff" and "sandbox" in reply.headers["content-security-policy"]
        assert reply.headers["cache-control"] == "no-store"
    browser.refused("GET", f"screenshot?instance={name}&display=other", "noPicture", 404)
    (session,) = browser.get("sessions")["sessions"]
    assert (session["instance"], session["status"], session["percent"], session["viewers"]) == (name, "started", 100, 0)
    assert 3500 < session["expiresAt"] - time.time() < 3700

    ada.caller.finish_all(ada.caller.client.stop_gui_session(resourceName=name))
    assert browser.get(f"windows?instance={name}") == {"windows": []}
    browser.refused("GET", f"screenshot?instance={name}&display=application", "noPicture", 404)


def test_pictures_can_be_switched_off(own_server):
    caller = own_server("[console]\nscreenshots = false")
    browser = Site(caller.server).person("ada", "own")
    assert not browser.get("session")["screenshots"]
    browser.refused("GET", "screenshot?instance=x&display=desktop", "offByPolicy", 403)


def test_prices(ada):
    prices = ada.browser.get("prices")
    assert prices["diskGbMonth"] == 0.1 and prices["snapshotGbMonth"] == 0.05
    assert all(bundle["pricePerHour"] > 0 and bundle["pricePerMonth"] > 0 for bundle in prices["bundles"])


def test_stages_of_an_operation(ada, name):
    reply = ada.caller.create(name)
    operation = ada.browser.get(f"operations/{reply['operations'][0]['id']}")
    assert (operation["type"], operation["resourceName"], operation["status"]) == ("CreateInstance", name, "Succeeded")
    assert len(operation["stages"]) > 2 and operation["stage"] == operation["stages"][-1]
    assert operation["percent"] == 100 and not operation["undoing"] and operation["endedAt"] >= operation["startedAt"]
    assert "error" not in operation
    ada.browser.refused("GET", "operations/none", "notFound", 404)


def test_why_a_computer_was_not_stopped_for_being_idle(own_server):
    caller = own_server("[metrics]\nperiod_ms = 100\n[idle]\nminute_ms = 1000")
    browser = Site(caller.server).person("ada", "own")
    caller.create("lab")
    assert browser.get("idle?instance=lab") == {"rule": None, "decisions": []}
    request = {"addOnType": "StopInstanceOnIdle", "stopInstanceOnIdleRequest": {"threshold": "5", "duration": "15"}}
    caller.client.enable_add_on(resourceName="lab", addOnRequest=request)
    found = wait_until(lambda: (i := browser.get("idle?instance=lab"))["decisions"] and i, "something is decided")
    assert found["rule"] == {"thresholdPercent": 5.0, "durationMinutes": 15, "countsViewerInput": True}
    assert not found["decisions"][0]["stopped"] and found["decisions"][0]["reason"].startswith("kept:")
    times = [decision["at"] for decision in found["decisions"]]
    assert times == sorted(times, reverse=True) and abs(times[0] - time.time()) < 60


def test_changes_are_waited_for(ada, name):
    browser = ada.browser
    first = browser.get("changes")
    assert first["changed"]
    begun = time.monotonic()
    assert browser.get(f"changes?since={first['token']}&wait=1") == {"token": first["token"], "changed": False}
    assert 0.9 < time.monotonic() - begun < 10
    ada.caller.client.create_disk(diskName=name, availabilityZone="us-east-2a", sizeInGb=8)
    after = browser.get(f"changes?since={first['token']}&wait=25")
    assert after["changed"] and after["token"] != first["token"]
    assert browser.refused("GET", "changes?wait=26", "invalidInput", 400)["field"] == "wait"


def test_what_another_account_does_is_no_change(ada, bob, name):
    token = ada.browser.get("changes")["token"]
    bob.caller.create(name)
    assert ada.browser.get(f"changes?since={token}") == {"token": token, "changed": False}


def has_read(server_port: int, client_port: int) -> bool:
    """Tells whether the server's end of a connection holds no bytes that it has not read (proc(5), /proc/net/tcp)."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues = line.split()[:5]
        if (int(local.split(":")[1], 16), int(remote.split(":")[1], 16)) == (server_port, client_port):
            return int(queues.split(":")[1], 16) == 0
    return False


def test_a_server_that_ends_answers_those_who_wait(own_server):
    server = own_server().server
    browser = Site(server).person("ada", "own")
    token = browser.get("changes")["token"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", f"/console/api/changes?since={token}&wait=25", headers={"cookie": f"porthole_session={browser.cookie}"})
    wait_until(lambda: has_read(server.port, connection.sock.getsockname()[1]), "the server has read the request")
    begun = time.monotonic()
    server.process.terminate()
    reply = connection.getresponse()
    assert (reply.status, json.loads(reply.read())) == (200, {"token": token, "changed": False})
    server.process.wait(20)
    assert time.monotonic() - begun < 15
    server.start()
    assert browser.get("changes")["token"] == token


def test_a_share_is_a_link_with_a_role_and_an_end(ada, name):
    ada.started(name)
    browser = ada.browser
    new = {"instance": name, "display": "desktop", "role": "view", "expiresAt": time.time() + 600}
    share = browser.post("shares", new)
    url = share.pop("url")
    assert (share["role"], share["display"], share["instance"], share["createdBy"]) == ("view", "desktop", name, ada.name)
    assert share["expiresAt"] == pytest.approx(new["expiresAt"], abs=0.01) and share["viewers"] == 0
    assert browser.get(f"shares?instance={name}") == {"shares": [share]}
    view = View(ada.server, url)
    assert (view.status, view.body["role"], view.body["display"]) == (200, "view", "desktop")
    assert view.open() == 101
    (viewer,) = wait_until(lambda: browser.get(f"viewers?instance={name}")["viewers"], "the viewer is listed")
    assert (viewer["share"], viewer["role"], viewer["display"]) == (share["id"], "view", "desktop")
    assert (viewer["by"], viewer["from"]) == (ada.name, "127.0.0.1")
    assert browser.get(f"shares?instance={name}")["shares"][0]["viewers"] == 1

    browser.delete(f"shares/{share['id']}")
    assert view.is_cut()
    assert browser.get(f"shares?instance={name}") == {"shares": []}
    wait_until(lambda: not browser.get(f"viewers?instance={name}")["viewers"], "the viewer is gone")
    assert View(ada.server, url).status == 403, "the link is dead"
    assert view.open() == 409, "and so is the cookie"


def test_a_share_ends_by_itself(ada, name):
    ada.started(name)
    share = ada.browser.post(
        "shares", {"instance": name, "display": "desktop", "role": "control", "expiresAt": time.time() + 2}
    )
    view = View(ada.server, share["url"])
    assert view.open() == 101 and view.is_cut()
    assert time.time() >= share["expiresAt"]
    assert ada.browser.get(f"shares?instance={name}") == {"shares": []}
    assert View(ada.server, share["url"]).status == 403


def test_a_share_ends_with_its_session(ada, name):
    ada.started(name)
    share = ada.browser.post(
        "shares", {"instance": name, "display": "desktop", "role": "control", "expiresAt": time.time() + 600}
    )
    view = View(ada.server, share["url"])
    assert view.open() == 101
    ada.caller.finish_all(ada.caller.client.stop_gui_session(resourceName=name))
    assert view.is_cut()
    ada.caller.finish_all(ada.caller.client.start_gui_session(resourceName=name))
    assert View(ada.server, share["url"]).status == 403
    assert ada.browser.get(f"shares?instance={name}") == {"shares": []}


def test_a_viewer_is_cut_off_and_may_come_again(ada, name):
    ada.started(name)
    view = View(ada.server, ada.caller.session(name)["sessions"][0]["url"])
    assert view.open() == 101
    (viewer,) = wait_until(lambda: ada.browser.get(f"viewers?instance={name}")["viewers"], "the viewer is listed")
    assert viewer["by"] == ada.caller.key_id and viewer["share"] is None
    ada.browser.delete(f"viewers/{viewer['id']}")
    assert view.is_cut()
    assert view.open() == 101
    ada.browser.refused("DELETE", f"viewers/{viewer['id']}", "notFound", 404)


@pytest.mark.parametrize(
    "change, code, status",
    [
        ({"display": "other"}, "invalidInput", 400),
        ({"role": "owner"}, "invalidInput", 400),
        ({"expiresAt": 1}, "invalidInput", 400),
        ({"expiresAt": 9e9}, "invalidInput", 400),
        ({"expiresAt": 1e308}, "invalidInput", 400),
        ({"instance": "none"}, "notFound", 404),
        ({"extra": 1}, "invalidInput", 400),
    ],
)
def test_shares_with_a_fault_are_not_made(ada, name, change, code, status):
    ada.started(name)
    new = {"instance": name, "display": "desktop", "role": "view", "expiresAt": time.time() + 600}
    ada.browser.refused("POST", "shares", code, status, new | change)
    assert ada.browser.get(f"shares?instance={name}") == {"shares": []}


def test_only_a_started_session_is_shared(ada, name):
    ada.caller.create(name)
    new = {"instance": name, "display": "desktop", "role": "view", "expiresAt": time.time() + 600}
    ada.browser.refused("POST", "shares", "notRunning", 409, new)


def test_two_accounts_never_see_each_others_things(ada, bob, name):
    ada.started(name)
    operation = ada.caller.client.get_operations()["operations"][0]["id"]
    key = ada.browser.post("access-keys", {"description": "mine"})["accessKeyId"]
    new = {"instance": name, "display": "desktop", "role": "view", "expiresAt": time.time() + 600}
    share = ada.browser.post("shares", new)
    view = View(ada.server, share["url"])
    assert view.open() == 101
    (viewer,) = wait_until(lambda: ada.browser.get(f"viewers?instance={name}")["viewers"], "the viewer is listed")
    reads = [f"{what}?instance={name}" for what in ["displays", "windows", "idle", "viewers", "shares"]]
    reads += [f"screenshot?instance={name}&display=desktop", f"operations/{operation}"]
    for path in reads:
        foreign = bob.browser.refused("GET", path, "notFound", 404)
        missing = bob.browser.refused("GET", path.replace(name, "none").replace(operation, "none"), "notFound", 404)
        assert foreign == missing, path
    for path in [f"access-keys/{key}", f"shares/{share['id']}", f"viewers/{viewer['id']}"]:
        bob.browser.refused("DELETE", path, "notFound", 404)
    bob.browser.refused("PUT", f"access-keys/{key}", "notFound", 404, {"description": "theirs"})
    bob.browser.refused("POST", "shares", "notFound", 404, new)
    assert bob.browser.get("sessions") == {"sessions": []}
    assert key not in str(bob.browser.get("access-keys"))
    credentials = bob.browser.credentials()
    assert credentials.call("GetInstances").body["instances"] == []
    assert credentials.call("GetInstance", {"instanceName": name}).code == "NotFoundException"
    # Nothing of it has harmed what is Ada's.
    assert len(ada.browser.get(f"viewers?instance={name}")["viewers"]) == 1
    assert ada.browser.get(f"shares?instance={name}")["shares"][0]["id"] == share["id"]


def test_the_page(server):
    browser = Browser(server)
    reply = browser.ask("GET", "/", headers={"accept": "text/html,application/xhtml+xml"})
    assert (reply.status, reply.headers["location"]) == (307, "/console/")
    assert browser.ask("GET", "/console").headers["location"] == "/console/"
    assert browser.ask("GET", "/console/assets/none.js").status == 404
    for path in ["/console/", "/console/anything"]:
        reply = browser.ask("GET", path, headers={"accept-encoding": "gzip"})
        assert reply.status == 200 and reply.headers["content-type"].startswith("text/html")
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert reply.headers["cache-control"] == "no-store"
