"""Signing in to the console: proofs, limits, sessions and what ends them."""

import itertools
import re
import time

import pytest

from conftest import wait_until
from console import Browser, Site, token_of
from server import Server

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@pytest.fixture
def site(server):
    return Site(server)


@pytest.fixture
def person():
    """A name nobody has used."""
    return f"person-{next(_numbers)}"


@pytest.fixture
def signed(site, person):
    """A person who has a password and signed in by it."""
    browser = site.person(person, "console-sign-in")
    browser.post("password", {"new": PASSWORD})
    browser = Browser(site.server)
    browser.sign_in(person, PASSWORD)
    return browser


def test_before_anybody_signs_in(server):
    browser = Browser(server)
    site = browser.get("site")
    assert site == {"version": site["version"], "region": "us-east-2", "zones": ["us-east-2a"], "oidc": None, "signedIn": False}
    for method, path in [("GET", "session"), ("POST", "credentials"), ("GET", "access-keys"), ("GET", "operator/people")]:
        browser.refused(method, path, "signInRequired", 401, None if method == "GET" else {})


def test_a_link_signs_in_once(site, person):
    site.person(person, "console-sign-in")
    url = site.link(person)
    browser = Browser(site.server)
    session = browser.open_link(url)
    assert session["person"]["name"] == person and session["person"]["role"] == "researcher"
    assert session["account"]["name"] == "console-sign-in"
    assert not session["hasPassword"] and not session["needsCurrentPassword"] and session["screenshots"]
    assert browser.get("session") == session and browser.get("site")["signedIn"]
    again = Browser(site.server)
    again.refused("POST", "sign-in/link", "signInFailed", 401, {"token": token_of(url)})
    assert again.cookie is None


def test_a_new_link_ends_the_one_before(site, person):
    site.person(person, "console-sign-in")
    old, new = site.link(person), site.link(person)
    Browser(site.server).refused("POST", "sign-in/link", "signInFailed", 401, {"token": token_of(old)})
    Browser(site.server).open_link(new)


def test_a_password_signs_in_and_capitals_of_the_name_do_not_matter(site, signed, person):
    session = Browser(site.server).sign_in(f" {person.upper()} ", PASSWORD)
    assert session["person"]["name"] == person and session["hasPassword"] and session["needsCurrentPassword"]


def test_the_cookie_is_the_servers_alone(site, signed, person):
    browser = Browser(site.server)
    reply = browser.ask("POST", "sign-in", {"name": person, "password": PASSWORD})
    (cookie,) = reply.headers.get_all("set-cookie")
    parts = [part.strip() for part in cookie.split(";")]
    assert re.fullmatch(r"porthole_session=[A-Za-z0-9_-]{43}", parts[0])
    assert {"HttpOnly", "SameSite=Strict", "Path=/console/api", "Max-Age=43200"} <= set(parts[1:])
    assert not any(part.lower().startswith("domain") for part in parts)
    assert reply.headers["cache-control"] == "no-store" and reply.headers["x-content-type-options"] == "nosniff"
    log = site.server.log.read_text()
    assert browser.cookie not in log and PASSWORD not in log


def test_the_cookie_is_secure_behind_https(own_server):
    site = Site(own_server('public_url = "https://porthole.example"').server)
    site.server.porthole("account", "create", "a", "--json")
    site.server.porthole("person", "create", "ada", "--account", "a", "--json")
    url = site.link("ada")
    assert url.startswith("https://porthole.example/console/#/sign-in/")
    reply = Browser(site.server).ask("POST", "sign-in/link", {"token": token_of(url)})
    assert "; Secure" in reply.headers["set-cookie"]


@pytest.mark.parametrize("name", ["", "nobody-there", "x" * 500, "a b", "\u0000"])
def test_who_is_not_there_is_told_what_everybody_is(site, signed, person, name):
    browser = Browser(site.server)
    wrong = browser.refused("POST", "sign-in", "signInFailed", 401, {"name": person, "password": "not the password"})
    assert browser.refused("POST", "sign-in", "signInFailed", 401, {"name": name, "password": PASSWORD}) == wrong
    browser.sign_in(person, PASSWORD)


def test_a_person_without_a_password_cannot_sign_in_by_one(site, person):
    site.person(person, "console-sign-in")
    Browser(site.server).refused("POST", "sign-in", "signInFailed", 401, {"name": person, "password": ""})


@pytest.mark.parametrize("body", [b"", b"[]", b"{", {"name": "a"}, {"name": "a", "password": 1}, {"name": "a", "password": "b", "x": 1}])
def test_bodies_that_are_not_right(server, body):
    reply = Browser(server).ask("POST", "sign-in", body)
    assert (reply.status, reply.code) == (400, "invalidInput")


def test_a_body_that_is_too_long(server):
    assert Browser(server).ask("POST", "sign-in", b" " * (65 << 10)).status == 413


def test_passwords_have_rules(site, person):
    browser = site.person(person, "console-sign-in")
    for new in ["short", "x" * 12, "y" * 257]:
        assert browser.refused("POST", "password", "invalidInput", 400, {"new": new})["field"] == "new"
    assert not browser.get("session")["hasPassword"]


def test_a_password_is_changed_by_who_knows_it_and_ends_other_sessions(site, signed, person):
    other = Browser(site.server)
    other.sign_in(person, PASSWORD)
    wrong = signed.refused("POST", "password", "invalidInput", 400, {"current": "no", "new": PASSWORD + "!"})
    assert wrong["field"] == "current"
    other.get("session")
    signed.post("password", {"current": PASSWORD, "new": PASSWORD + "!"})
    signed.get("session")
    other.refused("GET", "session", "signInRequired", 401)
    Browser(site.server).refused("POST", "sign-in", "signInFailed", 401, {"name": person, "password": PASSWORD})
    Browser(site.server).sign_in(person, PASSWORD + "!")
    # Whoever forgot it gets a link.
    forgetful = Browser(site.server)
    forgetful.open_link(site.link(person))
    forgetful.post("password", {"new": PASSWORD})
    signed.refused("GET", "session", "signInRequired", 401)


def test_signing_out_ends_this_session_alone_or_all(site, signed, person):
    others = [Browser(site.server) for _ in range(3)]
    for other in others:
        other.sign_in(person, PASSWORD)
    stolen = Browser(site.server, cookie=others[0].cookie)
    others[0].post("sign-out", {"everywhere": False})
    assert others[0].cookie is None
    stolen.refused("GET", "session", "signInRequired", 401)
    others[1].get("session")
    others[1].post("sign-out", {"everywhere": True})
    for browser in [signed, others[2]]:
        browser.refused("GET", "session", "signInRequired", 401)


def test_signing_in_again_takes_the_place_of_the_session(site, signed, person):
    before = Browser(site.server, cookie=signed.cookie)
    signed.sign_in(person, PASSWORD)
    before.refused("GET", "session", "signInRequired", 401)
    signed.get("session")


def test_credentials_sign_the_public_api_and_end_with_the_session(site, signed):
    account = signed.get("session")["account"]["id"]
    made = signed.post("credentials")
    assert made["accessKeyId"].startswith("ASIA") and 3500 < made["expiresAt"] - time.time() <= 3600
    credentials = signed.credentials()
    assert credentials.call("GetInstances").status == 200
    assert account in str(credentials.call("CreateKeyPair", {"keyPairName": f"pair-{account}"}).body)
    signed.post("sign-out", {"everywhere": False})
    reply = credentials.call("GetInstances")
    assert (reply.status, reply.code) == (403, "ExpiredTokenException"), reply


def test_credentials_without_their_token_are_unknown(site, signed):
    credentials = signed.credentials()
    credentials.token = None
    assert credentials.call().status == 403


def test_a_session_and_its_credentials_end_with_their_time(own_server):
    site = Site(own_server("[console]\nsession_ms = 4000").server)
    browser = site.person("ada", "a")
    expires_at = browser.get("session")["expiresAt"]
    made = browser.post("credentials")
    assert made["expiresAt"] == pytest.approx(expires_at, abs=0.01)
    credentials = browser.credentials()
    assert credentials.call().status == 200
    wait_until(lambda: browser.ask("GET", "session").status == 401, "the session is over")
    assert time.time() >= expires_at
    assert credentials.call().code == "ExpiredTokenException"
    # In mid-wait as well.
    browser.open_link(site.link("ada"))
    since = browser.get("changes")["token"]
    reply = browser.ask("GET", f"changes?since={since}&wait=20")
    assert (reply.status, reply.code) == (401, "signInRequired")


def test_sessions_and_credentials_survive_a_restart(own_server):
    server = own_server().server
    browser = Site(server).person("ada", "a")
    credentials = browser.credentials()
    server.crash()
    server.start()
    assert browser.get("session")["person"]["name"] == "ada"
    assert credentials.call().status == 200


def fail(browser, name, times):
    replies = [browser.ask("POST", "sign-in", {"name": name, "password": "wrong password"}) for _ in range(times)]
    return [reply.status for reply in replies], replies[-1]


def test_a_name_must_wait_after_five_failures(own_server):
    site = Site(own_server().server)
    browser = site.person("ada", "a")
    browser.post("password", {"new": PASSWORD})
    statuses, last = fail(Browser(site.server), "ada", 5)
    assert statuses == [401] * 5
    # A slow machine may have waited long enough already; but the wait grows.
    last = wait_until(lambda: (r := fail(Browser(site.server), "ada", 1)[1]).status == 429 and r, "the name must wait")
    assert last.code == "tooManyAttempts" and last.body["retryAfterSeconds"] >= 1
    assert last.headers["retry-after"] == str(last.body["retryAfterSeconds"])
    # Sessions there are, and links, do not suffer.
    browser.get("session")
    Browser(site.server).open_link(site.link("ada"))
    # The wait outlives the server, and holds even for the right password.
    def waits_long():
        reply = fail(Browser(site.server), "ada", 1)[1]
        return reply.status == 429 and reply.body["retryAfterSeconds"] >= 8

    wait_until(waits_long, "the wait has grown")
    site.server.crash()
    site.server.start()
    assert Browser(site.server).ask("POST", "sign-in", {"name": "ada", "password": PASSWORD}).status == 429
    wait_until(
        lambda: Browser(site.server).ask("POST", "sign-in", {"name": "ada", "password": PASSWORD}).status == 200,
        "the right password is taken again",
    )
    # A success forgets the failures.
    assert fail(Browser(site.server), "ada", 5)[0] == [401] * 5


def test_an_address_must_wait_after_twenty_failures(own_server):
    site = Site(own_server('[console]\ntrusted_proxies = ["127.0.0.1"]').server)
    site.person("ada", "a").post("password", {"new": PASSWORD})
    near, far = Browser(site.server, forwarded="192.0.2.7"), Browser(site.server, forwarded="6.6.6.6, 192.0.2.8")
    statuses = [near.ask("POST", "sign-in", {"name": f"nobody-{i}", "password": "x"}).status for i in range(21)]
    assert statuses == [401] * 20 + [429]
    assert near.ask("POST", "sign-in", {"name": "ada", "password": PASSWORD}).status == 429
    far.sign_in("ada", PASSWORD)
    operator = site.person("op", "a", "operator", forwarded="192.0.2.9")
    entries = operator.get("operator/audit?limit=500")["entries"]
    assert {"192.0.2.7", "192.0.2.8", "192.0.2.9"} <= {entry["from"] for entry in entries}
    assert "6.6.6.6" not in {entry["from"] for entry in entries}


def test_attempts_at_once_are_counted_one_by_one(own_server):
    from concurrent.futures import ThreadPoolExecutor

    site = Site(own_server().server)
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda _: fail(Browser(site.server), "ada", 1)[1].status, range(12)))
    assert sorted(statuses) == [401] * 5 + [429] * 7


@pytest.mark.parametrize(
    "headers",
    [
        {"x-porthole-console": None},
        {"x-porthole-console": "2"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": None},
        {"sec-fetch-site": None, "origin": "https://evil.example"},
        {"sec-fetch-site": None, "origin": "null"},
    ],
)
def test_other_pages_change_nothing(signed, headers):
    for method, path, body in [
        ("POST", "sign-out", {"everywhere": True}),
        ("POST", "credentials", {}),
        ("POST", "sign-in", {"name": "a", "password": "b"}),
        ("DELETE", "access-keys/AKIA", None),
    ]:
        reply = signed.ask(method, path, body, headers)
        assert (reply.status, reply.code) == (403, "crossOrigin"), (method, path)
    signed.get("session")


def test_a_browser_that_does_not_say_where_from_is_known_by_origin(signed):
    origin = f"http://127.0.0.1:{signed.server.port}"
    assert signed.ask("POST", "credentials", {}, {"sec-fetch-site": None, "origin": origin}).status == 200


def test_other_pages_read_nothing(signed):
    for site in ["cross-site", "same-site"]:
        assert signed.ask("GET", "session", headers={"sec-fetch-site": site}).code == "crossOrigin"
    assert signed.ask("GET", "session").headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in signed.ask("GET", "session").headers


@pytest.mark.parametrize("cookie", ["", "x", "x" * 43, "x" * 10_000, "..", "%00"])
def test_cookies_nobody_was_given(server, cookie):
    Browser(server, cookie=cookie).refused("GET", "session", "signInRequired", 401)


def test_what_is_not_there(signed):
    signed.refused("GET", "nothing", "notFound", 404)
    assert signed.ask("GET", "sign-in").status == 405


def test_who_is_disabled_or_deleted_is_out_at_once(own_server):
    site = Site(own_server().server)
    operator = site.person("op", "a", "operator")
    ada = site.person("ada", "a")
    ada.post("password", {"new": PASSWORD})
    credentials, ada_id = ada.credentials(), ada.get("session")["person"]["id"]
    key = ada.post("access-keys", {"description": "mine"})
    assert credentials.call().status == 200
    operator.patch(f"operator/people/{ada_id}", {"disabled": True})
    ada.refused("GET", "session", "signInRequired", 401)
    assert credentials.call().code == "ExpiredTokenException"
    assert {k["status"] for k in operator.get("access-keys")["keys"] if k["accessKeyId"] == key["accessKeyId"]} == {"revoked"}
    Browser(site.server).refused("POST", "sign-in", "signInFailed", 401, {"name": "ada", "password": PASSWORD})
    operator.refused("POST", f"operator/people/{ada_id}/link", "conflict", 409, {})
    operator.patch(f"operator/people/{ada_id}", {"disabled": False})
    again = Browser(site.server)
    again.sign_in("ada", PASSWORD)
    credentials = again.credentials()
    site.server.porthole("person", "delete", "ada")
    again.refused("GET", "session", "signInRequired", 401)
    wait_until(lambda: credentials.call().code == "ExpiredTokenException", "the credentials end")


def test_policies_of_a_site_decide(own_server, tmp_path):
    policies = tmp_path / "console.cedar"
    policies.write_text(
        'permit(principal is Person, action in [Action::"use", Action::"operate"], resource) when { principal.name == "ada" };\n'
        'permit(principal is Person, action == Action::"use", resource is Account) when { principal in resource };\n'
    )
    site = Site(own_server(f'[console]\npolicies = "{policies}"').server)
    ada, bob = site.person("ada", "a"), site.person("bob", "a", "operator")
    ada.get("operator/people")
    bob.refused("GET", "operator/people", "notAllowed", 403)
    for browser in [ada, bob]:
        browser.refused("POST", "access-keys", "notAllowed", 403, {"description": ""})
    denied = [e for e in ada.get("operator/audit")["entries"] if e["outcome"] == "notAllowed"]
    assert {(entry["actor"], entry["action"]) for entry in denied} >= {("bob", "CreateAccessKey"), ("ada", "CreateAccessKey")}


def test_policies_with_a_fault_are_refused_at_the_start(tmp_path):
    policies = tmp_path / "console.cedar"
    policies.write_text('permit(principal, action == Action::"reign", resource);')
    server = Server(tmp_path, settings=f'[console]\npolicies = "{policies}"')
    with pytest.raises(AssertionError, match="do not fit the schema"):
        server.start()


def test_commands_for_people(own_server):
    server = own_server().server
    server.porthole("account", "create", "lab", "--json")
    made = server.porthole("person", "create", "Ada@Lab", "--account", "lab", "--role", "operator", "--json")
    assert (made["name"], made["role"], made["disabled"]) == ("ada@lab", "operator", False)
    assert [person["id"] for person in server.porthole("person", "list", "--json")] == [made["id"]]
    with pytest.raises(AssertionError, match="there is a person ada@lab already"):
        server.porthole("person", "create", "ada@lab", "--account", "lab", "--json")
    with pytest.raises(AssertionError, match="a name is 1 to 64|A name is 1 to 64"):
        server.porthole("person", "create", "a b", "--account", "lab", "--json")
    with pytest.raises(AssertionError, match="still owns something or has people"):
        server.porthole("account", "delete", "lab")
    server.porthole("person", "delete", "ada@lab")
    server.porthole("account", "delete", "lab")
