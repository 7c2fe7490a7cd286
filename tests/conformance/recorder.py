"""A proxy between any client and the server that checks every reply, so that no client's leniency hides a fault."""

import http.client
import http.server
import threading

import shapes


class Recorder:
    """Listens on a free loopback port and forwards to one server."""

    def __init__(self, port):
        self.faults = []
        self.replies = []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A reply in one write: in two, the kernel would hold the second back until the first is acknowledged.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("connection", "expect"):
                        upstream.putheader(name, value)
                upstream.endheaders(body)
                reply = upstream.getresponse()
                text = reply.read()
                upstream.close()
                recorder.note(self.headers, reply, text)
                self.send_response_only(reply.status)
                for name, value in reply.getheaders():
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def note(self, request_headers, reply, text):
        target = request_headers.get("x-amz-target")
        faults = shapes.faults_of_reply(target, reply.status, reply.getheaders(), text)
        self.faults += [f"{target}: {fault}" for fault in faults]
        self.replies.append((target, reply.status))

    def check(self):
        """Fails when a reply since the last check was not what the description allows."""
        faults, self.faults = self.faults, []
        assert not faults, "\n".join(faults)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
