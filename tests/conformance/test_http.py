"""What HTTP allows a client to do."""

import http.client
import json
import socket

import pytest

from wire import Call


def signed(caller, body=b"{}"):
    """Gives the headers of a good request."""
    return Call(port=caller.server.port, key_id=caller.key_id, secret=caller.secret, action="GetRegions").signed(body)


def connection(caller):
    return http.client.HTTPConnection("127.0.0.1", caller.server.port, timeout=30)


def test_a_body_in_chunks(caller):
    c = connection(caller)
    c.request("POST", "/", iter([b"{", b"", b"}"]), signed(caller), encode_chunked=True)
    reply = c.getresponse()
    assert reply.status == 200 and json.load(reply)["regions"]


def test_many_requests_on_one_connection(caller):
    c = connection(caller)
    c.connect()
    own = c.sock
    for secret in (caller.secret, "wrong", caller.secret):
        call = Call(port=caller.server.port, key_id=caller.key_id, secret=secret, action="GetRegions")
        c.request("POST", "/", b"{}", call.signed(b"{}"))
        reply = c.getresponse()
        reply.read()
        assert reply.status == (200 if secret == caller.secret else 403)
    assert c.sock is own


def test_a_client_that_asks_before_it_sends(caller):
    with socket.create_connection(("127.0.0.1", caller.server.port), timeout=30) as s:
        lines = [f"{name}: {value}" for name, value in signed(caller).items()]
        head = "\r\n".join(["POST / HTTP/1.1", *lines, "expect: 100-continue", "content-length: 2", "connection: close", "", ""])
        s.sendall(head.encode())
        assert s.recv(100).startswith(b"HTTP/1.1 100 ")
        s.sendall(b"{}")
        text = b"".join(iter(lambda: s.recv(4096), b""))
        assert text.startswith(b"HTTP/1.1 200 ")


def test_a_long_body_is_refused_before_all_of_it_is_read(caller):
    with socket.create_connection(("127.0.0.1", caller.server.port), timeout=30) as s:
        s.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            for _ in range(64):
                s.sendall(chunk)
            text = s.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            text = s.recv(65536)
        assert text.startswith(b"HTTP/1.1 413 ")
        assert b"RequestEntityTooLargeException" in text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(caller, method):
    c = connection(caller)
    c.request(method, "/", b"{}", signed(caller))
    assert c.getresponse().status == 405


@pytest.mark.parametrize("path", ["/other", "//", "/ls/api/2016-11-28/GetRegions", "/../"])
def test_other_paths(caller, path):
    c = connection(caller)
    c.request("POST", path, b"{}", signed(caller))
    assert c.getresponse().status in (403, 404)


def test_a_person_who_opens_the_endpoint_learns_what_it_is(caller):
    c = connection(caller)
    c.request("GET", "/")
    reply = c.getresponse()
    assert reply.status == 200 and b"Porthole" in reply.read()


def test_every_reply_has_an_id_of_its_own(caller):
    ids = {caller.call("GetRegions").headers["x-amzn-requestid"] for _ in range(5)}
    assert len(ids) == 5


def test_the_log_holds_no_secret(server, caller):
    caller.call("GetRegions")
    caller.call("GetRegions", secret="wrong")
    made = server.porthole("key", "temporary", caller.key_id)
    reply = caller.call("GetRegions", key_id=made["accessKeyId"], secret=made["secretAccessKey"], token=made["sessionToken"])
    assert reply.status == 200
    log = server.log.read_text()
    for secret in (caller.secret, made["secretAccessKey"], made["sessionToken"], "Signature=", "#t="):
        assert secret not in log
