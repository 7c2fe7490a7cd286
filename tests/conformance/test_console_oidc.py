"""Signing in by an OpenID Connect provider: a real one, which the test starts."""

import http.cookiejar
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from console import Browser, Site
from server import ROOT, Server, free_port

JS = ROOT / "tests/conformance/js"
SECRET = "of:the/site+%"
POLICIES = """
permit(principal is Person, action in [Action::"use", Action::"manageKeys", Action::"share"], resource is Account)
when { principal in resource };
permit(principal is Person, action == Action::"operate", resource is Site) when { principal.role == "operator" };
permit(principal is Visitor, action == Action::"signIn", resource == Role::"researcher")
when { principal.emailVerified && principal.email like "*@lab.example" };
permit(principal is Visitor, action == Action::"signIn", resource == Role::"operator")
when { principal.groups.contains("admins") };
"""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Tab:
    """A browser's tab, which keeps the cookies of both sites and follows redirects one by one."""

    def __init__(self):
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(NoRedirect, urllib.request.HTTPCookieProcessor(self.jar))

    def open(self, url, form=None):
        """Gives status, where to, and the page."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            reply = self.opener.open(urllib.request.Request(url, data), timeout=60)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            to = reply.headers["location"]
            return reply.status, to and urllib.parse.urljoin(url, to), reply.read().decode()

    def follow(self, url, until, form=None):
        """Follows redirects until one leads to an address that begins so, or a page is shown."""
        for _ in range(10):
            status, to, page = self.open(url, form)
            if to is None or to.startswith(until):
                return to, page, url
            url, form = to, None
        pytest.fail(f"too many redirects, the last to {url}")


class Stand:
    """A server and its provider."""

    def __init__(self, folder):
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        (folder / "secret").write_text(SECRET + "\n")
        (folder / "console.cedar").write_text(POLICIES)
        settings = (
            f'[console]\npolicies = "{folder / "console.cedar"}"\n[console.oidc]\nissuer = "{self.issuer}"\n'
            f'client_id = "porthole"\nclient_secret_file = "{folder / "secret"}"\nlabel = "Lab login"\naccount = "lab"\n'
        )
        self.server = Server(folder, settings=settings)
        self.callback = f"{self.server.endpoint}/console/api/sign-in/oidc/callback"
        self.server.start()
        self.server.porthole("account", "create", "lab", "--json")
        self.provider = None

    def start_provider(self):
        command = [shutil.which("node"), "oidc.mjs", str(self.port), "porthole", SECRET, self.callback]
        self.provider = subprocess.Popen(command, cwd=JS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.provider.stdout:
            if line.strip() == "ready":
                return
        pytest.fail(f"the provider ended with {self.provider.wait()}")

    def close(self):
        if self.provider:
            self.provider.terminate()
            self.provider.wait(20)
        self.server.close()

    def to_provider(self, tab):
        """Gives the address of the provider that a person is sent to."""
        status, to, _ = tab.open(f"{self.server.endpoint}/console/api/sign-in/oidc")
        assert status == 302 and to.startswith(f"{self.issuer}/auth?")
        return to

    def at_provider(self, tab, name):
        """Signs in at the provider; gives the address it sends the person back to."""
        to, page, url = tab.follow(self.to_provider(tab), self.callback)
        for form in [{"prompt": "login", "login": name, "password": "any"}, {"prompt": "consent"}]:
            if to:
                break
            action = urllib.parse.urljoin(url, re.search(r'<form[^>]* action="([^"]+)"', page)[1])
            to, page, url = tab.follow(action, self.callback, form)
        assert to and to.startswith(self.callback + "?"), page
        return to

    def sign_in(self, tab, name):
        """Gives where the person ends up, and their browser."""
        status, to, _ = tab.open(self.at_provider(tab, name))
        assert status == 302
        return to.removeprefix(self.server.endpoint), self.browser(tab)

    def browser(self, tab):
        cookies = {cookie.name: cookie for cookie in tab.jar if cookie.path.startswith("/console/api")}
        found = cookies.get("porthole_session")
        return Browser(self.server, cookie=found and found.value)


@pytest.fixture(scope="module")
def stand(tmp_path_factory):
    stand = Stand(tmp_path_factory.mktemp("oidc"))
    stand.start_provider()
    yield stand
    stand.close()


def test_the_page_is_told_of_the_provider(stand):
    assert Browser(stand.server).get("site")["oidc"] == {"label": "Lab login"}


def test_what_the_provider_is_asked(stand):
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(stand.to_provider(Tab())).query)
    assert asked["response_type"] == ["code"] and asked["code_challenge_method"] == ["S256"]
    assert asked["client_id"] == ["porthole"] and asked["redirect_uri"] == [stand.callback]
    assert asked["scope"] == ["openid profile email"] and SECRET not in str(asked)
    assert all(len(asked[name][0]) >= 43 for name in ["state", "nonce", "code_challenge"])
    reply = Browser(stand.server).ask("GET", "sign-in/oidc")
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith("porthole_oidc=") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "Path=/console/api/sign-in/oidc" in cookie


def test_a_researcher_signs_in_and_is_the_same_person_again(stand):
    to, browser = stand.sign_in(Tab(), "ada")
    assert to == "/console/"
    session = browser.get("session")
    assert (session["person"]["name"], session["person"]["role"], session["account"]["name"]) == ("ada", "researcher", "lab")
    assert not session["hasPassword"]
    assert browser.credentials().call("GetInstances").status == 200
    browser.refused("GET", "operator/people", "notAllowed", 403)
    browser.refused("POST", "password", "conflict", 409, {"new": "correct horse battery"})
    _, again = stand.sign_in(Tab(), "ada")
    assert again.get("session")["person"] == session["person"]


def test_an_operator_by_group(stand):
    _, browser = stand.sign_in(Tab(), "root")
    assert browser.get("session")["person"]["name"] == "root.admin"
    people = {person["name"]: person for person in browser.get("operator/people")["people"]}
    assert people["root.admin"]["external"] and people["root.admin"]["role"] == "operator"
    assert ("root.admin", "SignIn", "oidc", "ok") in [
        (e["actor"], e["action"], e["target"], e["outcome"]) for e in browser.get("operator/audit")["entries"]
    ]


def test_whom_the_policies_do_not_admit(stand):
    to, browser = stand.sign_in(Tab(), "mallory")
    assert to == "/console/#/sign-in?error=notAllowed" and browser.cookie is None
    assert "mallory" not in {person["name"] for person in stand.server.porthole("person", "list", "--json")}
    operator = Site(stand.server).person("op", "lab", "operator")
    (denied,) = [e for e in operator.get("operator/audit?limit=500")["entries"] if e["outcome"] == "notAllowed" and e["action"] == "SignIn"]
    assert "mallory" in denied["actor"]


def test_a_name_that_is_taken_is_not_taken_over(stand):
    local = Site(stand.server).person("eve", "lab")
    _, browser = stand.sign_in(Tab(), "eve")
    session = browser.get("session")["person"]
    assert session["name"] == "eve-2" and session["id"] != local.get("session")["person"]["id"]


def test_who_is_disabled_here_stays_out(stand):
    _, browser = stand.sign_in(Tab(), "dan")
    operator = Site(stand.server).person("op2", "lab", "operator")
    operator.patch(f"operator/people/{browser.get('session')['person']['id']}", {"disabled": True})
    to, browser = stand.sign_in(Tab(), "dan")
    assert to == "/console/#/sign-in?error=signInFailed" and browser.cookie is None


@pytest.mark.parametrize(
    "change",
    [
        lambda to: to.replace("state=", "state=x"),
        lambda to: re.sub(r"state=[^&]*", "state=", to),
        lambda to: to.replace("code=", "code=x"),
        lambda to: re.sub(r"code=[^&]*&?", "", to),
        lambda to: to + "&error=access_denied",
        lambda to: to.split("?")[0],
    ],
)
def test_answers_that_are_not_right(stand, change):
    tab = Tab()
    status, to, _ = tab.open(change(stand.at_provider(tab, "ada")))
    assert (status, to) == (302, f"{stand.server.endpoint}/console/#/sign-in?error=signInFailed")
    assert stand.browser(tab).cookie is None


def test_an_answer_is_good_in_the_browser_that_asked_alone_and_once(stand):
    tab = Tab()
    to = stand.at_provider(tab, "ada")
    assert Tab().open(to)[1].endswith("error=signInFailed"), "another browser"
    other = Tab()
    stand.to_provider(other)
    assert other.open(to)[1].endswith("error=signInFailed"), "another sign-in"
    assert tab.open(to)[1] == f"{stand.server.endpoint}/console/"
    assert tab.open(to)[1].endswith("error=signInFailed"), "a second time"


def test_a_provider_that_is_away(tmp_path):
    stand = Stand(tmp_path)
    try:
        away = Tab().open(f"{stand.server.endpoint}/console/api/sign-in/oidc")
        assert away[:2] == (302, f"{stand.server.endpoint}/console/#/sign-in?error=unavailable")
        stand.start_provider()
        assert stand.sign_in(Tab(), "ada")[0] == "/console/"
        tab = Tab()
        to = stand.at_provider(tab, "bob")
        stand.provider.terminate()
        stand.provider.wait(20)
        assert tab.open(to)[1].endswith(("error=unavailable", "error=signInFailed"))
        log = stand.server.log.read_text()
        assert SECRET not in log and "id_token" not in log
    finally:
        stand.close()


def test_without_a_provider(server):
    Browser(server).refused("GET", "sign-in/oidc", "notFound", 404)
    reply = Browser(server).ask("GET", "sign-in/oidc/callback?code=a&state=b")
    assert (reply.status, reply.headers["location"]) == (302, "/console/#/sign-in?error=signInFailed")
