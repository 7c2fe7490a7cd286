"""A server of its own for the tests: free port, throwaway state folder, configuration as the test needs it."""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("PORTHOLE_BIN", ROOT / "target/debug/porthole"))
GUEST = os.environ.get("PORTHOLE_GUEST")  # instead of the one beside the server
DRIVER = os.environ.get("PORTHOLE_DRIVER", "fake")
REGION = "us-east-2"
ZONE = "us-east-2a"


class Server:
    """Runs `porthole serve` until closed."""

    def __init__(self, folder, driver="fake", settings=""):
        self.state_dir = folder / "state"
        self.config = folder / "porthole.toml"
        self.log = folder / "porthole.log"
        self.driver = driver
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        guest = f'guest_binary = "{GUEST}"' if GUEST else ""
        self.config.write_text(
            f'listen = "127.0.0.1:{self.port}"\nstate_dir = "{self.state_dir}"\ndriver = "{driver}"\n'
            f'recipes_dir = "{ROOT / "images"}"\nregion = "{REGION}"\nzones = ["{ZONE}"]\n{guest}\n{settings}\n'
        )
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--config", self.config], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.wait_until_healthy()
        return self

    def wait_until_healthy(self):
        end = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, f"the server ended:\n{self.log.read_text()}"
            try:
                with urllib.request.urlopen(f"{self.endpoint}/healthz", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError):
                assert time.monotonic() < end, f"the server is not healthy:\n{self.log.read_text()}"
                time.sleep(0.02)

    def porthole(self, *arguments):
        """Runs an operator's command and gives its JSON."""
        run = subprocess.run([BINARY, *arguments, "--config", self.config], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, f"porthole {' '.join(arguments)}: {run.stderr}"
        return json.loads(run.stdout) if run.stdout.strip() else None

    def crash(self):
        """Ends the server as a power cut would end it."""
        self.process.kill()
        self.process.wait()

    def new_key(self, account):
        """Makes an account with a key; gives the account's id, the key's id and its secret."""
        account_id = self.porthole("account", "create", account, "--json")["accountId"]
        key = self.porthole("key", "create", "--account", account, "--json")
        return account_id, key["accessKeyId"], key["secretAccessKey"]

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.crash()
                raise
        if self.driver != "fake":
            self.porthole("down")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
