"""Servers, callers and clients of the conformance tests.

Every client talks to a recorder, which checks each raw reply against botocore's description; a test fails when one of its
replies was not what the description allows.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import boto3
import botocore.config
import pytest

from recorder import Recorder
from server import REGION, ROOT, ZONE, Server
from wire import Call

PATIENCE_S = 60
BLUEPRINT = "debian_12"
BUNDLE = "nano_3_0"
_numbers = itertools.count(1)
_clients = {}


@dataclass
class Caller:
    """One account's access key, and the ways to use it."""

    server: Server
    recorder: Recorder
    account_id: str
    key_id: str
    secret: str

    @property
    def client(self):
        # Making a client takes longer than most tests.
        key = (self.recorder.url, self.key_id, self.secret)
        if key not in _clients:
            _clients[key] = self.client_with()
        return _clients[key]

    def client_with(self, **change):
        settings = {
            "endpoint_url": self.recorder.url,
            "region_name": REGION,
            "aws_access_key_id": self.key_id,
            "aws_secret_access_key": self.secret,
            "config": botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        }
        return boto3.session.Session().client("lightsail", **(settings | change))

    def call(self, action="GetInstances", input=None, **change):
        """Sends one request made by hand."""
        settings = {"port": self.recorder.port, "key_id": self.key_id, "secret": self.secret, "action": action, "input": input or {}}
        return Call(**(settings | change)).send()

    @property
    def environment(self):
        """What the aws CLI and the SDKs of other languages need."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.server.state_dir.parent),
            "AWS_ENDPOINT_URL": self.recorder.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def aws(self, *arguments):
        """Runs the aws CLI; gives its JSON, or raises its error."""
        command = [os.path.join(os.path.dirname(sys.executable), "aws"), "lightsail", *arguments]
        run = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S)
        if run.returncode:
            raise CliError(run.returncode, run.stderr.strip())
        return json.loads(run.stdout) if run.stdout.strip() else None

    def create(self, *names, blueprint=BLUEPRINT, bundle=BUNDLE, **members):
        """Creates instances and waits until they run."""
        reply = self.client.create_instances(
            instanceNames=list(names), availabilityZone=ZONE, blueprintId=blueprint, bundleId=bundle, **members
        )
        for operation in reply["operations"]:
            self.finish(operation)
        return reply

    def end(self, operation):
        """Waits until an operation has ended in whatever way, and gives it as it ended."""
        client = self.client
        return wait_until(lambda: _terminal(client.get_operation(operationId=operation["id"])["operation"]), "the operation ends")

    def finish(self, operation, status="Succeeded"):
        """Waits until an operation has ended in this way, and gives it as it ended."""
        ended = self.end(operation)
        assert ended["status"] == status, ended
        return ended

    def finish_all(self, reply, status="Succeeded"):
        return [self.finish(operation, status) for operation in reply["operations"]]

    def session(self, name):
        return self.client.create_gui_session_access_details(resourceName=name)

    def wait_for_session(self, name, status):
        return wait_until(lambda: (s := self.session(name))["status"] == status and s, f"the session is {status}")

    def state(self, name):
        return self.client.get_instance_state(instanceName=name)["state"]["name"]


class CliError(Exception):
    """The aws CLI ended with an error."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def _terminal(operation):
    return operation["isTerminal"] and operation


def wait_until(probe, what, patience_s=PATIENCE_S):
    """Asks until the answer is true, and gives it."""
    end = time.monotonic() + patience_s
    while not (answer := probe()):
        assert time.monotonic() < end, f"waited {patience_s} s until {what}"
        time.sleep(0.02)
    return answer


def refused(call, code, message=None):
    """Calls with boto3 and gives the error, which must have this code."""
    try:
        reply = call()
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        if message is not None:
            assert error.response["Error"]["Message"] == message
        return error
    pytest.fail(f"{code} expected, got {reply}")


def new_caller(server, recorder, account):
    return Caller(server, recorder, *server.new_key(account))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server")).start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def _recorder(server):
    recorder = Recorder(server.port)
    yield recorder
    recorder.close()


@pytest.fixture
def recorder(_recorder):
    _recorder.faults.clear()
    yield _recorder
    _recorder.check()


@pytest.fixture(scope="session")
def _shared_key(server):
    return server.new_key("shared")


@pytest.fixture
def caller(server, recorder, _shared_key):
    """The account most tests share; each uses names of its own."""
    return Caller(server, recorder, *_shared_key)


@pytest.fixture
def fresh(server, recorder):
    """An account nobody has used."""
    return new_caller(server, recorder, f"fresh-{next(_numbers)}")


@pytest.fixture
def name():
    """A name nobody has used."""
    return f"lab-{next(_numbers)}"


@pytest.fixture
def own_server(tmp_path):
    """Makes servers with other settings: own_server(settings) → Caller."""
    made = []

    def make(settings="", driver="fake"):
        folder = tmp_path / f"server-{len(made)}"
        folder.mkdir()
        server = Server(folder, driver, settings).start()
        recorder = Recorder(server.port)
        made.append((server, recorder))
        return new_caller(server, recorder, "own")

    yield make
    for server, recorder in made:
        recorder.close()
        server.close()
    for _, recorder in made:
        recorder.check()


@pytest.fixture(scope="session")
def rust_main_job():
    """The built Rust program of the main job."""
    folder = ROOT / "tests/conformance/rust"
    target = ROOT / "target/conformance"
    subprocess.run(["cargo", "build", "-q", "--locked", "--target-dir", target], cwd=folder, check=True)
    return target / "debug/porthole-conformance"
