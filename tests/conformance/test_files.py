"""The files of an instance in the viewer: who may, what is refused, and when it ends."""

import concurrent.futures
import http.client
import json
import socket
import time
from urllib.parse import quote

import pytest

from conftest import wait_until
from test_console_own import Person, View, has_read


class Files:
    """A page's requests about files, which can be told to get any part wrong."""

    def __init__(self, server, url):
        self.server = server
        self.view = View(server, url)
        self.base = self.view.body["filesPath"]

    def ask(self, method, path, body=None, headers=None, cookie=True):
        sent = {"origin": self.server.endpoint} if method == "PUT" else {}
        if cookie:
            sent["cookie"] = self.view.cookie
        sent |= headers or {}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.request(method, path, body, {key: value for key, value in sent.items() if value is not None})
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply.status, reply.headers, content

    def list(self, path=""):
        status, _, content = self.ask("GET", f"{self.base}?path={quote(path, safe='')}")
        return status, json.loads(content)

    def get(self, path, extra=""):
        return self.ask("GET", f"{self.base}/content?path={quote(path, safe='')}{extra}")

    def put(self, folder, name, body, extra="", headers=None):
        query = f"path={quote(folder, safe='')}&name={quote(name, safe='')}{extra}"
        status, _, content = self.ask("PUT", f"{self.base}/content?{query}", body, headers)
        return status, json.loads(content)


@pytest.fixture
def ada(server, recorder):
    return Person(server, recorder)


def files_of(caller, name):
    return Files(caller.server, caller.session(name)["sessions"][0]["url"])


def stop(caller, name):
    caller.finish_all(caller.client.stop_gui_session(resourceName=name))


@pytest.fixture
def files(ada, name):
    return files_of(ada.caller, ada.started(name, "debian_12"))


def test_a_file_goes_there_and_comes_back(files):
    content = bytes(range(256)) * 5_000
    assert files.list() == (200, {"entries": [], "more": False, "freeBytes": 16 << 20})
    assert files.put("Downloads", "a b.bin", content)[1]["reason"] == "missing", "the folder is not made unasked"
    assert files.put("Downloads", "a b.bin", content, "&make") == (200, {"name": "a b.bin", "sizeBytes": len(content)})
    assert files.put("Downloads", "a b.bin", b"other", "&make") == (200, {"name": "a b (1).bin", "sizeBytes": 5})
    status, headers, got = files.get("Downloads/a b.bin")
    assert (status, got) == (200, content)
    assert headers["content-disposition"] == "attachment; filename=\"a b.bin\"; filename*=UTF-8''a%20b.bin"
    assert headers["content-type"] == "application/octet-stream" and headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"] and headers["cache-control"] == "no-store"
    assert files.get("Downloads/a b.bin", "&check")[0::2] == (204, b"")
    _, listed = files.list("Downloads")
    assert sorted((entry["name"], entry["kind"], entry["sizeBytes"]) for entry in listed["entries"]) == [
        ("a b (1).bin", "file", 5),
        ("a b.bin", "file", len(content)),
    ]


def test_a_body_of_unknown_length_is_taken(files):
    status, kept = files.put("", "piped", iter([b"ab", b"cd"]))
    assert (status, kept) == (200, {"name": "piped", "sizeBytes": 4})
    assert files.get("piped")[2] == b"abcd"


@pytest.mark.parametrize("path", ["/etc/passwd", "..", "a/../../b", "a//b", "./a", "a/", "a\0b", "x" * 5_000])
def test_a_path_that_leaves_the_home_is_refused(files, path):
    for status, body in (files.list(path), files.put(path, "a", b"")):
        assert (status, body["reason"]) == (400, "path") and body["message"].startswith("path must be")
    status, _, content = files.get(path)
    assert (status, json.loads(content)["reason"]) == (400, "path")


def test_what_is_not_text_is_refused(files):
    status, _, content = files.ask("GET", f"{files.base}?path=%ff%fe")
    assert (status, json.loads(content)["reason"]) == (400, "path")


@pytest.mark.parametrize("named", ["", "..", "a/b", "a\0", "x" * 256])
def test_a_name_that_is_none_is_refused(files, named):
    status, body = files.put("", named, b"")
    assert (status, body["reason"]) == (400, "name") and body["message"].startswith("name must be")
    assert files.list()[1]["entries"] == []


def test_what_is_missing_or_is_no_file_is_refused(files):
    files.put("folder", "a", b"", "&make")
    for path, status, reason in [("gone", 404, "missing"), ("folder", 409, "file"), ("", 409, "file")]:
        for extra in ("", "&check"):
            got, _, content = files.get(path, extra)
            assert (got, json.loads(content)["reason"]) == (status, reason)
    assert (files.list("gone")[0], files.list("folder/a")[0]) == (404, 409)


def test_a_full_disk_says_so(files):
    status, body = files.put("", "large", bytes((16 << 20) + 1))
    assert (status, body["reason"], body["message"]) == (507, "full", "The computer's disk is full.")
    pieces = (bytes(1 << 20) for _ in range(18))
    assert files.put("", "piped", pieces)[1]["reason"] == "full"
    assert files.list()[1]["entries"] == []


def test_only_a_page_with_the_cookie_may(files):
    for method, path in [("GET", files.base), ("GET", f"{files.base}/content?path=a"), ("PUT", f"{files.base}/content?path=&name=a")]:
        for headers in ({"cookie": None}, {"cookie": files.view.cookie[:-4] + "AAAA"}):
            status, _, content = files.ask(method, path, b"x", headers)
            assert (status, json.loads(content)["reason"]) == (403, "invalid")
    for origin in (None, "http://evil.example"):
        assert files.put("", "a", b"x", headers={"origin": origin})[0] == 403
    assert files.list()[1]["entries"] == []


@pytest.mark.parametrize("role", ["view", "control"])
def test_a_shared_link_gives_no_files(ada, name, role):
    own = files_of(ada.caller, ada.started(name, "debian_12"))
    own.put("", "secret", b"x")
    expires = time.time() + 600
    share = ada.browser.post("shares", {"instance": name, "display": "desktop", "role": role, "expiresAt": expires})
    view = View(ada.server, share["url"])
    assert view.body["filesPath"] is None
    own.view, own.base = view, f"/view/s/{view.body['viewId']}/files"
    status, _, content = own.get("secret")
    for status, body in (own.list(), own.put("", "a", b"x"), (status, json.loads(content))):
        assert (status, body["reason"]) == (403, "denied") and "shared link" in body["message"]


def test_files_end_with_the_session(ada, files, name):
    assert files.put("", "a", b"x")[0] == 200
    stop(ada.caller, name)
    for status, body in (files.list(), files.put("", "b", b"x")):
        assert (status, body["reason"]) == (409, "stopped")
    assert files.get("a")[0] == 409


def test_an_upload_under_way_ends_with_the_session(ada, files, name):
    """Half of it is sent, the session is stopped, and the answer comes although the other half never does."""
    connection = socket.create_connection(("127.0.0.1", files.server.port), timeout=30)
    head = (
        f"PUT {files.base}/content?path=&name=half HTTP/1.1\r\nhost: 127.0.0.1:{files.server.port}\r\n"
        f"origin: {files.server.endpoint}\r\ncookie: {files.view.cookie}\r\ncontent-length: 2000\r\n\r\n"
    )
    connection.sendall(head.encode() + bytes(1_000))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(connection.recv, 4_096)
        wait_until(lambda: has_read(files.server.port, connection.getsockname()[1]), "the server has read what was sent")
        assert not answer.done()
        stop(ada.caller, name)
        assert b" 409 " in answer.result(timeout=10).split(b"\r\n")[0]
    connection.close()
    ada.caller.finish_all(ada.caller.client.start_gui_session(resourceName=name))
    assert files_of(ada.caller, name).list()[1]["entries"] == []


def test_transfers_are_in_the_audit_log(ada, server, recorder, files, name):
    files.put("", "a", b"x")
    files.get("a")
    files.get("gone")
    files.get("a", "&check")
    operator = Person(server, recorder, "operator").browser

    def noted():
        entries = operator.get(f"operator/audit?account={ada.caller.account_id}&limit=500")["entries"]
        found = sorted((e["action"], e["target"], e["outcome"]) for e in entries if e["action"].endswith("loadFile"))
        return len(found) >= 3 and found

    assert wait_until(noted, "three transfers are in the log") == [
        ("DownloadFile", f"{name} a", "ok"),
        ("DownloadFile", f"{name} gone", "missing"),
        ("UploadFile", f"{name} a", "ok"),
    ]


def started(caller, name):
    caller.create(name)
    caller.finish_all(caller.client.start_gui_session(resourceName=name))
    return caller


def test_a_site_may_switch_files_off(own_server, name):
    caller = started(own_server("[viewer]\nfiles = false"), name)
    view = View(caller.server, caller.session(name)["sessions"][0]["url"])
    assert view.status == 200 and view.body["filesPath"] is None
    connection = http.client.HTTPConnection("127.0.0.1", caller.server.port, timeout=60)
    connection.request("GET", f"/view/s/{view.body['viewId']}/files", headers={"cookie": view.cookie})
    reply = connection.getresponse()
    assert (reply.status, json.loads(reply.read())["reason"]) == (403, "denied")


def test_a_site_limits_the_size_of_a_file(own_server, name):
    caller = started(own_server("[viewer]\nlargest_file_bytes = 1000"), name)
    files = files_of(caller, name)
    assert files.view.body["largestFileBytes"] == 1_000
    assert files.put("", "a", bytes(1_000))[0] == 200
    for body in (bytes(1_001), iter([bytes(600), bytes(600)])):
        status, body = files.put("", "b", body)
        assert (status, body["reason"]) == (413, "large") and "1000 bytes" in body["message"]
    assert [entry["name"] for entry in files.list()[1]["entries"]] == ["a"]
