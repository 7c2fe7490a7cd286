"""Debian's ssh, scp and sftp log in to real instances; only where PORTHOLE_DRIVER says that there are some."""

import subprocess

import pytest

from conftest import wait_until
from server import DRIVER

pytestmark = pytest.mark.skipif(DRIVER == "fake", reason="the in-memory driver has no instances to log in to")
USER = "lightsail-user"


@pytest.fixture
def caller(own_server):
    return own_server(driver=DRIVER)


def key_file(folder, name, text):
    file = folder / name
    file.touch(mode=0o600)
    file.write_text(text)
    return file


def log_in(caller, folder, instance, key):
    details = caller.client.get_instance_access_details(instanceName=instance)["accessDetails"]
    known = folder / f"known-{key.name}"
    known.write_text("".join(f"{details['ipAddress']} {k['algorithm']} {k['publicKey']}\n" for k in details["hostKeys"]))
    options = [
        "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", f"IdentityFile={key}", "-o", "ConnectTimeout=10",
        "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=/dev/null",
    ]  # fmt: skip
    login = f"{USER}@{details['ipAddress']}"

    def run(*command, text=None):
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    # The server may not listen yet where the instance was made just now.
    wait_until(lambda: subprocess.run(["ssh", *options, login, "true"], capture_output=True).returncode == 0, "a login")
    assert run("ssh", *options, login, "id -un") == f"{USER}\n"
    sent, back = folder / "sent", folder / "back"
    for program in ("scp", "sftp"):
        sent.write_bytes(program.encode() * 100_000)
        if program == "scp":
            run("scp", "-q", *options, sent, f"{login}:file")
            run("scp", "-q", *options, f"{login}:file", back)
        else:
            run("sftp", "-q", *options, "-b", "-", login, text=f"put {sent} file\nget file {back}\n")
        assert back.read_bytes() == sent.read_bytes()


def test_every_kind_of_key_logs_in(caller, tmp_path):
    client = caller.client
    made = client.create_key_pair(keyPairName="made")["privateKeyBase64"]
    mine = tmp_path / "mine"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", mine], check=True)
    client.import_key_pair(keyPairName="mine", publicKeyBase64=mine.with_suffix(".pub").read_text())
    for name, pair in [("lab-made", "made"), ("lab-mine", "mine"), ("lab-default", None)]:
        caller.create(name, **({"keyPairName": pair} if pair else {}))
    log_in(caller, tmp_path, "lab-made", key_file(tmp_path, "made", made))
    log_in(caller, tmp_path, "lab-mine", mine)
    default = client.download_default_key_pair()["privateKeyBase64"]
    log_in(caller, tmp_path, "lab-default", key_file(tmp_path, "default", default))
    access = client.get_instance_access_details(instanceName="lab-made", protocol="ssh")["accessDetails"]
    temporary = key_file(tmp_path, "tempkey", access["privateKey"])
    key_file(tmp_path, "tempkey-cert.pub", access["certKey"])
    log_in(caller, tmp_path, "lab-made", temporary)
