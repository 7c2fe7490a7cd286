"""Key pairs, access details and user data; what the keys are is checked with ssh-keygen and openssl."""

import base64
import hashlib
import re
import subprocess
import time

import pytest

from conftest import BLUEPRINT, BUNDLE, refused
from server import REGION, ZONE

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
DEFAULT = "LightsailDefaultKeyPair"
EVERYWHERE = {"availabilityZone": "all", "regionName": REGION}


def keygen(*arguments, **options):
    return subprocess.run(["ssh-keygen", *map(str, arguments)], check=True, capture_output=True, text=True, **options).stdout


def public_half(private_key, folder):
    """What ssh-keygen makes of a private key."""
    file = folder / f"key-{time.monotonic_ns()}"
    file.touch(mode=0o600)
    file.write_text(private_key)
    return keygen("-y", "-f", file).split()[:2]


def new_public_key(folder, *kind):
    file = folder / f"mine-{time.monotonic_ns()}"
    keygen("-q", "-N", "", "-C", "me@home", "-f", file, *kind)
    return file.with_suffix(".pub").read_text()


def fingerprint_of(name, caller):
    return caller.client.get_key_pair(keyPairName=name)["keyPair"]["fingerprint"]


def colons(digest):
    return ":".join(f"{byte:02x}" for byte in digest)


def check_operation(operation, kind, name):
    # The description's list of operation types lacks those of key pairs, so that no client could read them.
    assert operation.get("operationType", kind) == kind and operation["resourceName"] == name
    assert operation["resourceType"] == "KeyPair" and operation["location"] == EVERYWHERE
    assert operation["status"] == "Succeeded" and operation["isTerminal"] is True


def test_a_made_pair_is_rsa_in_the_services_forms(caller, name, tmp_path):
    made = caller.client.create_key_pair(keyPairName=name, tags=[{"key": "course", "value": "CS149"}])
    check_operation(made["operation"], "CreateKeyPair", name)
    private, public = made["privateKeyBase64"], made["publicKeyBase64"]
    assert private.startswith("-----BEGIN RSA PRIVATE KEY-----\n") and private.endswith("-----END RSA PRIVATE KEY-----\n")
    assert public.startswith("ssh-rsa AAAA") and public.split() == public_half(private, tmp_path)
    (tmp_path / "made.pub").write_text(public)
    assert keygen("-l", "-f", tmp_path / "made.pub").startswith("2048 SHA256:")
    pair = made["keyPair"]
    assert re.fullmatch(f"arn:aws:lightsail:{REGION}:{caller.account_id}:KeyPair/{UUID}", pair["arn"])
    assert pair["supportCode"] == f"{caller.account_id}/{name}"
    assert pair["name"] == name and pair["resourceType"] == "KeyPair" and pair["location"] == EVERYWHERE
    assert pair["tags"] == [{"key": "course", "value": "CS149"}]
    der = subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], input=private.encode(), check=True, capture_output=True
    ).stdout
    assert pair["fingerprint"] == colons(hashlib.sha1(der).digest())
    assert caller.client.get_key_pair(keyPairName=name)["keyPair"] == pair
    assert pair in caller.client.get_key_pairs()["keyPairs"]


def test_no_two_pairs_are_alike(caller, name):
    keys = [caller.client.create_key_pair(keyPairName=f"{name}-{i}")["publicKeyBase64"] for i in range(2)]
    assert keys[0] != keys[1]


@pytest.mark.parametrize("kind", [("-t", "rsa", "-b", "3072"), ("-t", "ed25519")], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("form", ["line", "base64", "word"])
def test_import(caller, name, tmp_path, kind, form):
    line = new_public_key(tmp_path, *kind)
    text = {"line": line, "base64": base64.b64encode(line.encode()).decode(), "word": line.split()[1]}[form]
    reply = caller.client.import_key_pair(keyPairName=name, publicKeyBase64=text)
    check_operation(reply["operation"], "ImportKeyPair", name)
    fingerprint = fingerprint_of(name, caller)
    if "rsa" in kind:
        (tmp_path / "line.pub").write_text(line)
        pem = keygen("-e", "-m", "PKCS8", "-f", tmp_path / "line.pub").encode()
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, check=True, capture_output=True).stdout
        assert fingerprint == colons(hashlib.md5(der).digest())
    else:
        assert base64.b64decode(fingerprint) == hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    caller.create(f"{name}-lab", keyPairName=name)
    assert caller.client.get_instance(instanceName=f"{name}-lab")["instance"]["sshKeyName"] == name


def test_import_refuses_what_is_no_such_key(caller, name, tmp_path):
    for bad, reason in [
        ("", "it is cut off or broken"),
        ("not a key!", "it is neither a public key nor base64"),
        ("ssh-rsa", "its second word is not base64"),
        (new_public_key(tmp_path, "-t", "ecdsa"), "its algorithm is neither ssh-rsa nor ssh-ed25519"),
        (new_public_key(tmp_path, "-t", "rsa", "-b", "1024"), "an RSA key must have 2048 to 4096 bits"),
        (new_public_key(tmp_path, "-t", "ed25519")[:50], "its second word is not base64"),
        (new_public_key(tmp_path, "-t", "ed25519") * 2, "it has more than one line"),
    ]:
        message = f"publicKeyBase64 is not a public key of OpenSSH that can be used: {reason}."
        refused(lambda: caller.client.import_key_pair(keyPairName=name, publicKeyBase64=bad), "InvalidInputException", message)
    refused(lambda: caller.client.get_key_pair(keyPairName=name), "NotFoundException", f"The KeyPair does not exist: {name}")


def test_names_are_shared_with_all_resources(caller, name):
    caller.create(name)
    taken = f"Some names are already in use: {name}"
    refused(lambda: caller.client.create_key_pair(keyPairName=name), "InvalidInputException", taken)
    caller.client.create_key_pair(keyPairName=f"{name}-pair")
    assert f"{name}-pair" in caller.client.get_active_names()["activeNames"]
    taken = f"Some names are already in use: {name}-pair"
    again = {"instanceNames": [f"{name}-pair"], "availabilityZone": ZONE, "blueprintId": BLUEPRINT, "bundleId": BUNDLE}
    refused(lambda: caller.client.create_instances(**again), "InvalidInputException", taken)
    taken = f"Some names are already in use: {DEFAULT}"
    refused(lambda: caller.client.create_key_pair(keyPairName=DEFAULT), "InvalidInputException", taken)


def test_delete(caller, name):
    caller.client.create_key_pair(keyPairName=name)
    wrong = {"keyPairName": name, "expectedFingerprint": "00:11"}
    refused(lambda: caller.client.delete_key_pair(**wrong), "InvalidInputException")
    check_operation(caller.client.delete_key_pair(keyPairName=name)["operation"], "DeleteKeyPair", name)
    missing = f"The KeyPair does not exist: {name}"
    refused(lambda: caller.client.get_key_pair(keyPairName=name), "NotFoundException", missing)
    refused(lambda: caller.client.delete_key_pair(keyPairName=name), "NotFoundException", missing)
    assert name not in caller.client.get_active_names()["activeNames"]
    caller.client.create_key_pair(keyPairName=name)


def test_a_deleted_pairs_instances_go_on(caller, name):
    caller.client.create_key_pair(keyPairName=f"{name}-pair")
    caller.create(name, keyPairName=f"{name}-pair")
    caller.client.delete_key_pair(keyPairName=f"{name}-pair")
    assert caller.client.get_instance(instanceName=name)["instance"]["sshKeyName"] == f"{name}-pair"
    caller.finish_all(caller.client.reboot_instance(instanceName=name))
    assert caller.state(name) == "running"


def test_the_default_pair(fresh, name, tmp_path):
    client = fresh.client
    refused(lambda: client.get_key_pair(keyPairName=DEFAULT), "NotFoundException", f"The KeyPair does not exist: {DEFAULT}")
    assert client.get_key_pairs(includeDefaultKeyPair=True)["keyPairs"] == []
    fresh.create(name)
    pair = client.get_key_pair(keyPairName=DEFAULT)["keyPair"]
    assert client.get_key_pairs()["keyPairs"] == []
    assert client.get_key_pairs(includeDefaultKeyPair=True)["keyPairs"] == [pair]
    download = client.download_default_key_pair()
    assert download["publicKeyBase64"].split() == public_half(download["privateKeyBase64"], tmp_path)
    assert download["createdAt"] == pair["createdAt"]
    assert client.download_default_key_pair()["privateKeyBase64"] == download["privateKeyBase64"]

    refused(lambda: client.delete_key_pair(keyPairName=DEFAULT), "InvalidInputException")
    wrong = {"keyPairName": DEFAULT, "expectedFingerprint": "00:11:22"}
    refused(lambda: client.delete_key_pair(**wrong), "InvalidInputException")
    client.delete_key_pair(keyPairName=DEFAULT, expectedFingerprint=pair["fingerprint"])
    refused(lambda: client.get_key_pair(keyPairName=DEFAULT), "NotFoundException")
    # The next download makes another one.
    assert client.download_default_key_pair()["privateKeyBase64"] != download["privateKeyBase64"]


def test_the_default_pairs_private_key_is_not_stored_in_the_clear(fresh):
    private = fresh.client.download_default_key_pair()["privateKeyBase64"].splitlines()[2].encode()
    for file in fresh.server.state_dir.glob("porthole.db*"):
        assert private not in file.read_bytes()
    assert private not in fresh.server.log.read_bytes()


def test_pairs_come_in_the_order_of_creation_and_in_pages(fresh):
    names = [f"pair-{i}" for i in range(3)]
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICklJTqxhWz5oKf2iqvh9bQvcbGrJuYLI6BvjEBWm0Wr"
    for each in names:
        fresh.client.import_key_pair(keyPairName=each, publicKeyBase64=key)
    pages = fresh.client.get_paginator("get_key_pairs").paginate()
    assert [pair["name"] for page in pages for pair in page["keyPairs"]] == names


def test_the_quota(own_server):
    caller = own_server("[quota]\nkey_pairs = 1")
    caller.client.create_key_pair(keyPairName="one")
    message = "Sorry, you've reached the maximum number of key pairs for your account: 1."
    refused(lambda: caller.client.create_key_pair(keyPairName="two"), "InvalidInputException", message)
    assert caller.client.get_active_names()["activeNames"] == ["one"]
    caller.create("lab")
    caller.client.delete_key_pair(keyPairName="one")
    caller.client.create_key_pair(keyPairName="two")


def test_accounts_see_no_foreign_pairs(caller, fresh, name):
    caller.client.create_key_pair(keyPairName=name)
    missing = f"The KeyPair does not exist: {name}"
    refused(lambda: fresh.client.get_key_pair(keyPairName=name), "NotFoundException", missing)
    refused(lambda: fresh.client.delete_key_pair(keyPairName=name), "NotFoundException", missing)
    assert fresh.client.get_key_pairs()["keyPairs"] == []
    assert fresh.client.download_default_key_pair() != caller.client.download_default_key_pair()


def test_access_details(caller, name, tmp_path):
    caller.create(name)
    before = time.time()
    details = caller.client.get_instance_access_details(instanceName=name, protocol="ssh")["accessDetails"]
    assert details["protocol"] == "ssh" and details["instanceName"] == name and details["username"] == "lightsail-user"
    assert details["ipAddress"] == caller.client.get_instance(instanceName=name)["instance"]["publicIpAddress"]
    assert details["privateKey"].startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    assert 60 <= details["expiresAt"].timestamp() - before <= 3600

    certificate = tmp_path / "tempkey-cert.pub"
    certificate.write_text(details["certKey"])
    text = keygen("-L", "-f", certificate, env={"PATH": "/usr/bin:/bin", "TZ": "UTC"})
    assert "ssh-rsa-cert-v01@openssh.com user certificate" in text
    assert re.search(r"Principals: *\n *lightsail-user\n", text) and "permit-pty" in text
    end = details["expiresAt"].strftime("%Y-%m-%dT%H:%M:%S")
    assert f" to {end}" in text
    public = tmp_path / "public.pub"
    public.write_text(" ".join(public_half(details["privateKey"], tmp_path)))
    assert keygen("-l", "-f", public).split()[1] in text

    assert details["hostKeys"]
    for key in details["hostKeys"]:
        file = tmp_path / f"{key['algorithm']}.pub"
        file.write_text(f"{key['algorithm']} {key['publicKey']}")
        for kind in ("SHA1", "SHA256"):
            assert keygen("-l", "-E", kind.lower(), "-f", file).split()[1] == key[f"fingerprint{kind}"]
        assert abs(key["witnessedAt"].timestamp() - before) < 60
    again = caller.client.get_instance_access_details(instanceName=name)["accessDetails"]
    assert again["hostKeys"] == details["hostKeys"] and again["privateKey"] != details["privateKey"]


def test_access_details_are_refused_where_there_is_none(caller, name):
    missing = f"The Instance does not exist: {name}"
    refused(lambda: caller.client.get_instance_access_details(instanceName=name), "NotFoundException", missing)
    caller.create(name)
    rdp = {"instanceName": name, "protocol": "rdp"}
    refused(lambda: caller.client.get_instance_access_details(**rdp), "InvalidInputException")
    caller.finish_all(caller.client.stop_instance(instanceName=name))
    stopped = f"There is no access to {name} while it is stopped. Start it first."
    refused(lambda: caller.client.get_instance_access_details(instanceName=name), "InvalidInputException", stopped)


def test_forgotten_host_keys_are_witnessed_anew(caller, name):
    missing = f"The Instance does not exist: {name}"
    refused(lambda: caller.client.delete_known_host_keys(instanceName=name), "NotFoundException", missing)
    caller.create(name)
    witnessed = lambda: caller.client.get_instance_access_details(instanceName=name)["accessDetails"]["hostKeys"][0]  # noqa: E731
    first = witnessed()
    operation = caller.client.delete_known_host_keys(instanceName=name)["operations"][0]
    assert operation["operationType"] == "DeleteKnownHostKeys" and operation["resourceType"] == "Instance"
    assert operation["status"] == "Succeeded" and operation["isTerminal"] is True and operation["resourceName"] == name
    second = witnessed()
    assert second["witnessedAt"] > first["witnessedAt"] and second["publicKey"] == first["publicKey"]


def test_user_data_has_a_limit(caller, name):
    request = {"instanceNames": [name], "availabilityZone": ZONE, "blueprintId": BLUEPRINT, "bundleId": BUNDLE}
    message = "userData has 16385 bytes; at most 16384 are taken."
    refused(lambda: caller.client.create_instances(**request, userData="x" * 16385), "InvalidInputException", message)
    caller.finish_all(caller.client.create_instances(**request, userData="x" * 16384))


def test_the_aws_cli(caller, name, tmp_path):
    aws = caller.aws
    private = aws("create-key-pair", "--key-pair-name", f"{name}-made")["privateKeyBase64"]
    assert public_half(private, tmp_path)[0] == "ssh-rsa"
    file = tmp_path / "id.pub"
    file.write_text(new_public_key(tmp_path, "-t", "ed25519"))
    aws("import-key-pair", "--key-pair-name", f"{name}-mine", "--public-key-base64", f"file://{file}")
    assert aws("get-key-pair", "--key-pair-name", f"{name}-mine")["keyPair"]["resourceType"] == "KeyPair"
    listed = str(aws("get-key-pairs", "--include-default-key-pair"))
    assert f"{name}-made" in listed and f"{name}-mine" in listed
    assert aws("download-default-key-pair")["publicKeyBase64"].startswith("ssh-rsa ")
    caller.create(name, keyPairName=f"{name}-mine")
    assert aws("get-instance-access-details", "--instance-name", name)["accessDetails"]["hostKeys"]
    assert aws("delete-known-host-keys", "--instance-name", name)["operations"][0]["status"] == "Succeeded"
    assert aws("delete-key-pair", "--key-pair-name", f"{name}-made")["operation"]["status"] == "Succeeded"
