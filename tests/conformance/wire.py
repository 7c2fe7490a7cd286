"""Requests made by hand: a signer that can be told to get any part wrong, and a client that sends what it is told."""

import datetime
import hashlib
import hmac
import http.client
import json
from dataclasses import dataclass, field

from shapes import PREFIX

CONTENT_TYPE = "application/x-amz-json-1.1"


@dataclass
class Reply:
    status: int
    headers: dict
    body: dict

    @property
    def code(self):
        return self.body.get("__type")

    @property
    def message(self):
        return self.body.get("message")


@dataclass
class Call:
    """One request. Change a field to break one rule."""

    port: int
    key_id: str
    secret: str
    action: str = "GetInstances"
    input: dict = field(default_factory=dict)
    body: bytes = None  # instead of input
    target: str = None  # instead of action; "" sends none
    content_type: str = CONTENT_TYPE
    region: str = "us-east-2"
    service: str = "lightsail"
    token: str = None
    at: datetime.datetime = None
    skew: datetime.timedelta = datetime.timedelta()
    content_sha256: str = None
    unsigned: tuple = ()  # headers left out of SignedHeaders
    query: str = ""
    change: callable = None  # gets the headers last, after signing

    def send(self):
        body = self.body if self.body is not None else json.dumps(self.input).encode()
        headers = self.signed(body)
        if self.change:
            self.change(headers)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest("POST", "/" + self.query, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        return Reply(reply.status, {n.lower(): v for n, v in reply.getheaders()}, json.loads(text))

    def signed(self, body):
        at = (self.at or datetime.datetime.now(datetime.timezone.utc)) + self.skew
        stamp = at.strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": f"127.0.0.1:{self.port}", "x-amz-date": stamp}
        if self.content_type:
            headers["content-type"] = self.content_type
        if self.target != "":
            headers["x-amz-target"] = self.target or PREFIX + self.action
        if self.token:
            headers["x-amz-security-token"] = self.token
        if self.content_sha256:
            headers["x-amz-content-sha256"] = self.content_sha256
        names = sorted(set(headers) - set(self.unsigned))
        payload_hash = self.content_sha256 or hashlib.sha256(body).hexdigest()
        canonical = "\n".join(
            ["POST", "/", self.query.removeprefix("?"), *(f"{n}:{headers[n]}" for n in names), "", ";".join(names), payload_hash]
        )
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + self.secret.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        return headers
