"""A browser of the console, made by hand: keeps the cookie, and can be told to get any part wrong."""

import http.client
import http.cookies
import json
import re
from dataclasses import dataclass, field

from wire import Call


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def body(self):
        return json.loads(self.content)

    @property
    def code(self):
        return self.body.get("code")


@dataclass
class Browser:
    """One browser of one person."""

    server: object
    cookie: str = None
    forwarded: str = None

    def ask(self, method, path, body=None, headers=None, cookie=True):
        """Sends one request; `headers` replace those of the page, None takes one away."""
        sent = {"host": f"127.0.0.1:{self.server.port}", "x-porthole-console": "1", "sec-fetch-site": "same-origin"}
        if self.cookie and cookie:
            sent["cookie"] = f"porthole_session={self.cookie}"
        if self.forwarded:
            sent["x-forwarded-for"] = self.forwarded
        sent |= headers or {}
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.putrequest(method, path if path.startswith("/") else f"/console/api/{path}", skip_host=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.putheader("content-length", str(len(content or b"")))
        connection.endheaders(content)
        raw = connection.getresponse()
        reply = Reply(raw.status, raw.headers, raw.read())
        connection.close()
        for line in reply.headers.get_all("set-cookie") or []:
            morsel = http.cookies.SimpleCookie(line).get("porthole_session")
            if morsel is not None:
                self.cookie = morsel.value or None
        return reply

    def get(self, path):
        return self._good("GET", path)

    def post(self, path, body=None):
        return self._good("POST", path, {} if body is None else body)

    def put(self, path, body):
        return self._good("PUT", path, body)

    def patch(self, path, body):
        return self._good("PATCH", path, body)

    def delete(self, path):
        return self._good("DELETE", path)

    def _good(self, method, path, body=None):
        reply = self.ask(method, path, body)
        assert reply.status == 200, (method, path, reply.status, reply.content)
        return reply.body

    def refused(self, method, path, code, status, body=None):
        """Asks for what must be refused, and gives the refusal."""
        reply = self.ask(method, path, body)
        assert (reply.status, reply.code) == (status, code), (method, path, reply.status, reply.content)
        assert reply.body["message"].endswith(".")
        return reply.body

    def sign_in(self, name, password):
        return self.post("sign-in", {"name": name, "password": password})

    def open_link(self, url):
        return self.post("sign-in/link", {"token": token_of(url)})

    def credentials(self):
        made = self.post("credentials")
        return Credentials(self.server.port, made["accessKeyId"], made["secretAccessKey"], made["sessionToken"])


@dataclass
class Credentials:
    """Temporary credentials, as the page signs with them."""

    port: int
    key_id: str
    secret: str
    token: str

    def call(self, action="GetInstances", input=None):
        return Call(self.port, self.key_id, self.secret, action, input or {}, token=self.token).send()


def token_of(url):
    return re.fullmatch(r"https?://[^/]+/console/#/sign-in/([A-Za-z0-9_-]{43})", url)[1]


@dataclass
class Site:
    """A server with accounts and people."""

    server: object
    passwords: dict = field(default_factory=dict)

    def person(self, name, account, role="researcher", **change):
        """Makes a person, and the account where there is none, and gives a browser in which they signed in by a link."""
        accounts = {known["name"] for known in self.server.porthole("account", "list", "--json")}
        if account not in accounts:
            self.server.porthole("account", "create", account, "--json")
        self.server.porthole("person", "create", name, "--account", account, "--role", role, "--json")
        browser = Browser(self.server, **change)
        browser.open_link(self.link(name))
        return browser

    def link(self, name):
        return self.server.porthole("person", "link", name, "--json")["url"]
