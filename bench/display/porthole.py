"""Porthole's display by itself: `porthole-guest display`, with the built viewer page (web/dist/viewer).

The binary is PORTHOLE_GUEST, or the release build in target/; the page is PORTHOLE_WEB, or the built one in web/dist/.
"""
import json
import os
import time

from adapters import Peer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WEB = os.environ.get("PORTHOLE_WEB", f"{ROOT}/web/dist/viewer")
GUEST = os.environ.get("PORTHOLE_GUEST", f"{ROOT}/target/release/porthole-guest")


class Adapter(Peer):
    name, port, display = "porthole", 6960, ":60"
    find = "() => document.querySelector('#picture canvas')"

    def start(self):
        w, h = self.size
        self.spawn([GUEST, "display", "--size", f"{w}x{h}", "--listen", f"127.0.0.1:{self.port}", "--display", self.display,
                    "--web", WEB])
        self.wait_port()
        self.scene_env = {"XAUTHORITY": self.said("xauthority")}

    def url(self):
        return f"http://localhost:{self.port}/view/v/local"

    def connected(self, page):
        # Playwright's own way to wait loads 0.3 MB of script into the page, which takes longer than what is measured.
        end = time.time() + 20
        while not page.evaluate("document.querySelector('#picture canvas') !== null"):
            if time.time() > end:
                raise TimeoutError("no canvas")
            time.sleep(.01)

    def said(self, key, timeout=20):
        """Waits for a line of the display's standard output that has this key."""
        end = time.time() + timeout
        while time.time() < end:
            for line in open(f"{self.dir}/porthole-guest.log"):
                value = json.loads(line).get(key) if line.startswith("{") and line.endswith("\n") else None
                if value is not None:
                    return value
            time.sleep(.005)
        raise TimeoutError(key)
