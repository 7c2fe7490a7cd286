"""The site, for operators: accounts, people, quotas, prices, images, capacity, sessions, operations, audit log, health."""

import itertools
import json
import time

import pytest

from conftest import wait_until
from console import Browser, Site
from test_console_own import Person, View

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def operator(server):
    return Site(server).person("the-operator", "site", "operator")


@pytest.fixture
def ada(server, recorder):
    return Person(server, recorder)


@pytest.fixture
def account(operator):
    """An account nobody has used."""
    return operator.post("operator/accounts", {"name": f"lab.{next(_numbers)}"})


@pytest.fixture
def person():
    return f"member-{next(_numbers)}"


ROUTES = [
    ("GET", "accounts"), ("POST", "accounts"), ("DELETE", "accounts/1"), ("GET", "accounts/1/quotas"),
    ("PUT", "accounts/1/quotas"), ("GET", "people"), ("POST", "people"), ("PATCH", "people/1"), ("DELETE", "people/1"),
    ("POST", "people/1/link"), ("GET", "bundles"), ("PUT", "bundles/1"), ("DELETE", "bundles/1"), ("GET", "blueprints"),
    ("POST", "blueprints/1/build"), ("GET", "blueprints/1/log"), ("GET", "capacity"), ("GET", "sessions"),
    ("GET", "operations"), ("POST", "operations/1/retry"), ("GET", "audit"), ("GET", "health"),
]  # fmt: skip


@pytest.mark.parametrize("method, path", ROUTES)
def test_researchers_and_strangers_are_refused(server, ada, method, path):
    ada.browser.refused(method, f"operator/{path}", "notAllowed", 403, None if method == "GET" else {})
    Browser(server).refused(method, f"operator/{path}", "signInRequired", 401, None if method == "GET" else {})


def test_accounts(operator, account, person):
    (listed,) = [a for a in operator.get("operator/accounts")["accounts"] if a["id"] == account["id"]]
    assert listed == account and (account["people"], account["instances"]) == (0, 0) and len(account["id"]) == 12
    operator.refused("POST", "operator/accounts", "conflict", 409, {"name": account["name"]})
    assert operator.refused("POST", "operator/accounts", "invalidInput", 400, {"name": "a b"})["field"] == "name"
    made = operator.post("operator/people", {"name": person, "accountId": account["id"], "role": "researcher"})
    operator.refused("DELETE", f"operator/accounts/{account['id']}", "conflict", 409)
    operator.delete(f"operator/people/{made['id']}")
    operator.delete(f"operator/accounts/{account['id']}")
    operator.refused("DELETE", f"operator/accounts/{account['id']}", "notFound", 404)


def test_an_account_that_owns_something_stays(operator, ada, name):
    ada.caller.create(name)
    (listed,) = [a for a in operator.get("operator/accounts")["accounts"] if a["id"] == ada.caller.account_id]
    assert (listed["people"], listed["instances"]) == (1, 1)
    operator.refused("DELETE", f"operator/accounts/{ada.caller.account_id}", "conflict", 409)


def test_people(operator, account, person, server):
    made = operator.post(
        "operator/people", {"name": person.upper(), "accountId": account["id"], "role": "researcher", "password": PASSWORD}
    )
    assert (made["name"], made["role"], made["hasPassword"], made["external"]) == (person, "researcher", True, False)
    assert made["account"] == {"id": account["id"], "name": account["name"]} and made["lastSignInAt"] is None
    browser = Browser(server)
    browser.sign_in(person, PASSWORD)
    (listed,) = [p for p in operator.get("operator/people")["people"] if p["id"] == made["id"]]
    assert abs(listed["lastSignInAt"] - time.time()) < 60

    changed = operator.patch(f"operator/people/{made['id']}", {"role": "operator"})
    assert changed["role"] == "operator" and changed["account"]["id"] == account["id"]
    browser.refused("GET", "session", "signInRequired", 401)
    link = operator.post(f"operator/people/{made['id']}/link")
    assert abs(link["expiresAt"] - time.time() - 24 * 3600) < 60
    assert browser.open_link(link["url"])["person"]["role"] == "operator"
    browser.get("operator/people")
    operator.delete(f"operator/people/{made['id']}")
    browser.refused("GET", "session", "signInRequired", 401)
    operator.refused("PATCH", f"operator/people/{made['id']}", "notFound", 404, {})


def test_who_changes_the_account_leaves_the_old_one_behind(operator, ada, account):
    credentials = ada.browser.credentials()
    key = ada.browser.post("access-keys", {"description": "mine"})["accessKeyId"]
    who = ada.browser.get("session")["person"]["id"]
    operator.patch(f"operator/people/{who}", {"accountId": account["id"]})
    assert credentials.call().code == "ExpiredTokenException"
    ada.browser.refused("GET", "session", "signInRequired", 401)
    ada.browser.open_link(operator.post(f"operator/people/{who}/link")["url"])
    assert ada.browser.get("session")["account"] == {"id": account["id"], "name": account["name"]}
    assert ada.browser.get("access-keys") == {"keys": []}
    assert "revoked" in str([k for k in ada.server.porthole("key", "list", "--account", ada.name, "--json") if k["accessKeyId"] == key])


@pytest.mark.parametrize(
    "change, field",
    [
        ({"name": "a b"}, "name"),
        ({"role": "king"}, "role"),
        ({"accountId": "000000000000"}, "accountId"),
        ({"password": "short"}, "password"),
    ],
)
def test_people_with_a_fault_are_not_made(operator, account, person, change, field):
    new = {"name": person, "accountId": account["id"], "role": "researcher"} | change
    assert operator.refused("POST", "operator/people", "invalidInput", 400, new)["field"] == field
    assert person not in str(operator.get("operator/people"))


def test_names_of_people_are_taken_once(operator, account, person):
    new = {"name": person, "accountId": account["id"], "role": "researcher"}
    operator.post("operator/people", new)
    operator.refused("POST", "operator/people", "conflict", 409, new)


def test_the_last_operator_stays(own_server):
    site = Site(own_server().server)
    operator = site.person("op", "site", "operator")
    me = operator.get("session")["person"]["id"]
    for method, body in [("PATCH", {"role": "researcher"}), ("PATCH", {"disabled": True}), ("DELETE", None)]:
        operator.refused(method, f"operator/people/{me}", "conflict", 409, body)
    site.person("second", "site", "operator")
    operator.patch(f"operator/people/{me}", {"role": "researcher"})
    operator.refused("GET", "session", "signInRequired", 401)


def test_quotas_of_an_account(operator, ada, name):
    path = f"operator/accounts/{ada.caller.account_id}/quotas"
    before = operator.get(path)["quotas"]
    assert before["instances"] == {"value": 2000, "default": 2000, "isOwn": False}
    assert set(before) == {"instances", "vcpus", "disks", "diskTotalGb", "disksPerInstance", "staticIps", "snapshots", "keyPairs"}
    after = operator.put(path, {"disks": 0, "staticIps": 1})["quotas"]
    assert after["disks"] == {"value": 0, "default": 500, "isOwn": True} and after["vcpus"] == before["vcpus"]
    call = ada.caller.call("CreateDisk", {"diskName": name, "availabilityZone": "us-east-2a", "sizeInGb": 8})
    assert call.code == "InvalidInputException" and "limit of disks" in call.message
    assert ada.caller.call("AllocateStaticIp", {"staticIpName": f"{name}-1"}).status == 200
    assert "maximum limit" in ada.caller.call("AllocateStaticIp", {"staticIpName": f"{name}-2"}).message
    assert operator.put(path, {"disks": None})["quotas"]["disks"] == before["disks"]
    assert ada.caller.call("CreateDisk", {"diskName": name, "availabilityZone": "us-east-2a", "sizeInGb": 8}).status == 200
    operator.put(path, {"vcpus": 0})
    call = ada.caller.call(
        "CreateInstances",
        {"instanceNames": [f"{name}-i"], "availabilityZone": "us-east-2a", "blueprintId": "debian_12", "bundleId": "nano_3_0"},
    )
    assert "maximum number of instances" in call.message
    for body in [{"disks": -1}, {"disks": 1.5}, {"disks": "1"}, {"cakes": 1}, {"disks": 5, "cakes": 1}]:
        operator.refused("PUT", path, "invalidInput", 400, body)
    assert operator.get(path)["quotas"]["disks"] == before["disks"]
    operator.refused("GET", "operator/accounts/none/quotas", "notFound", 404)


def test_prices_and_bundles_are_changed_and_taken_back(own_server):
    caller = own_server()
    operator = Site(caller.server).person("op", "own", "operator")
    (before,) = [b for b in operator.get("operator/bundles")["bundles"] if b["id"] == "nano_3_0"]
    assert not before["changed"] and before["isActive"]
    after = operator.put("operator/bundles/nano_3_0", {"pricePerHour": 1.25})
    assert after == before | {"pricePerHour": 1.25, "changed": True}
    assert 1.25 in [b["pricePerHour"] for b in operator.get("prices")["bundles"] if b["id"] == "nano_3_0"]
    operator.put("operator/bundles/nano_3_0", {"pricePerMonth": 900, "isActive": False})
    assert "nano_3_0" not in str(caller.client.get_bundles())
    listed = [b for b in caller.client.get_bundles(includeInactive=True)["bundles"] if b["bundleId"] == "nano_3_0"]
    assert [(b["price"], b["isActive"]) for b in listed] == [(900.0, False)]
    create = {"instanceNames": ["lab"], "availabilityZone": "us-east-2a", "blueprintId": "debian_12", "bundleId": "nano_3_0"}
    assert "is not offered" in caller.call("CreateInstances", create).message
    caller.server.crash()
    caller.server.start()
    (kept,) = [b for b in operator.get("operator/bundles")["bundles"] if b["id"] == "nano_3_0"]
    assert kept == before | {"pricePerHour": 1.25, "pricePerMonth": 900.0, "isActive": False, "changed": True}
    assert operator.delete("operator/bundles/nano_3_0") == before
    assert caller.call("CreateInstances", create).status == 200
    for field in ["pricePerHour", "pricePerMonth"]:
        for price in [-1, 1e12]:
            assert operator.refused("PUT", "operator/bundles/nano_3_0", "invalidInput", 400, {field: price})["field"] == field
    operator.refused("PUT", "operator/bundles/none", "notFound", 404, {})


def test_blueprints(operator):
    blueprints = {b["id"]: b for b in operator.get("operator/blueprints")["blueprints"]}
    assert blueprints["debian_12"]["status"] == "built" and blueprints["debian_12"]["building"] is None
    # The in-memory driver has no images to build.
    operator.refused("POST", "operator/blueprints/debian_12/build", "conflict", 409, {})
    log = operator.get("operator/blueprints/debian_12/log?from=0")
    assert log["building"] is False and log["next"] == len(log["text"].encode())
    operator.refused("POST", "operator/blueprints/none/build", "notFound", 404, {})
    operator.refused("GET", "operator/blueprints/none/log", "notFound", 404)


def test_capacity_and_sessions(operator, ada, name):
    before = operator.get("operator/capacity")
    assert before["cpus"] > 0 and 0 < before["memoryUsedBytes"] < before["memoryBytes"]
    assert 0 < before["diskUsedBytes"] < before["diskBytes"] and before["load"] >= 0
    ada.started(name)
    after = operator.get("operator/capacity")
    for field in ["instances", "instancesRunning", "sessionsStarted"]:
        assert after[field] > before[field], field
    assert after["vcpusPromised"] - before["vcpusPromised"] >= 1 and after["memoryPromisedBytes"] > before["memoryPromisedBytes"]
    view = View(ada.server, ada.caller.session(name)["sessions"][0]["url"])
    assert view.open() == 101

    def listed():
        found = [s for s in operator.get("operator/sessions")["sessions"] if s["instance"] == name]
        return found and found[0]["viewers"] and found[0]

    session = wait_until(listed, "the viewer is listed")
    assert session["account"] == {"id": ada.caller.account_id, "name": ada.name}
    assert (session["status"], session["blueprint"]) == ("started", "jupyterlab")
    assert session["viewers"][0]["by"] == ada.caller.key_id
    ada.caller.finish_all(ada.caller.client.stop_gui_session(resourceName=name))
    assert name not in str(operator.get("operator/sessions"))


def test_operations_that_have_not_ended(operator, ada, name):
    assert operator.get("operator/operations?stuck=true") == {"operations": []}
    ada.caller.create(name)
    operation = ada.caller.client.get_operations()["operations"][0]["id"]
    operator.refused("POST", f"operator/operations/{operation}/retry", "notFound", 404, {})
    operator.refused("GET", "operator/operations?stuck=maybe", "invalidInput", 400)


def test_the_audit_log(operator, ada, name):
    ada.caller.create(name)
    ada.caller.call("DeleteDisk", {"diskName": f"{name}-none"})
    credentials = ada.browser.credentials()
    assert credentials.call("StopInstance", {"instanceName": name}).status == 200
    ada.browser.post("access-keys", {"description": "a"})
    ada.browser.refused("GET", "operator/audit", "notAllowed", 403)
    entries = operator.get(f"operator/audit?account={ada.caller.account_id}&limit=500")["entries"]
    assert all(e["account"] == {"id": ada.caller.account_id, "name": ada.name} and e["from"] == "127.0.0.1" for e in entries)
    found = [(e["actor"], e["action"], e["target"].replace("  ", " "), e["outcome"]) for e in reversed(entries)]
    assert (ada.name, "SignIn", "link", "ok") in found
    assert (ada.caller.key_id, "CreateInstances", name, "ok") in found
    assert (ada.caller.key_id, "DeleteDisk", f"{name}-none", "NotFoundException") in found
    assert (ada.name, "StopInstance", name, "ok") in found
    assert (ada.name, "Operate", "GET /audit", "notAllowed") in found
    assert [f[1] for f in found if f[0] == ada.name].count("CreateAccessKey") == 1
    assert not [f for f in found if f[1].startswith("Get") and f[1] != "GetInstanceAccessDetails"]
    times = [e["at"] for e in entries]
    assert times == sorted(times, reverse=True)


def test_the_audit_log_page_by_page(operator):
    for _ in range(3):
        operator.post(f"operator/people/{operator.get('session')['person']['id']}/link")
    whole = operator.get("operator/audit?limit=5")["entries"]
    paged, before = [], ""
    for _ in range(5):
        page = operator.get(f"operator/audit?limit=1&before={before}")
        paged += page["entries"]
        before = page["next"]
    assert paged == whole and before == whole[-1]["id"]
    assert operator.refused("GET", "operator/audit?limit=501", "invalidInput", 400)["field"] == "limit"
    assert operator.get("operator/audit?account=000000000000") == {"entries": [], "next": None}


def test_the_audit_log_outlives_the_server(own_server):
    caller = own_server()
    operator = Site(caller.server).person("op", "own", "operator")
    caller.call("CreateKeyPair", {"keyPairName": "mine"})
    caller.server.process.terminate()
    caller.server.process.wait(30)
    caller.server.start()
    assert "CreateKeyPair" in [entry["action"] for entry in operator.get("operator/audit")["entries"]]


def test_secrets_never_reach_the_audit_log(operator, ada):
    made = ada.browser.post("access-keys", {"description": "a"})
    ada.browser.post("password", {"new": PASSWORD})
    text = json.dumps(operator.get("operator/audit?limit=500"))
    for secret in [made["secretAccessKey"], PASSWORD, ada.browser.cookie]:
        assert secret not in text


def test_health(operator):
    checks = operator.get("operator/health")["checks"]
    assert {"kernel", "user"} <= {check["name"] for check in checks}
    assert {check["status"] for check in checks} <= {"ok", "warning", "missing"}
    assert all(check["mend"] and check["costs"] for check in checks if check["status"] != "ok")
