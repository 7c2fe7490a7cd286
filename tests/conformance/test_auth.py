"""Signatures: who is let in, and the error for each way of not being let in."""

import datetime

import pytest

from conftest import refused, wait_until

EXPIRED = datetime.timedelta(minutes=-5, seconds=-10)
FUTURE = datetime.timedelta(minutes=5, seconds=10)


def drop(name):
    return lambda headers: headers.pop(name)


def replace(name, old, new):
    def change(headers):
        assert old in headers[name]
        headers[name] = headers[name].replace(old, new, 1)

    return change


FAILURES = {
    "wrong key": ({"key_id": "AKIANOSUCHKEY0000000"}, "UnrecognizedClientException", "does not exist"),
    "wrong secret": ({"secret": "wrong"}, "InvalidSignatureException", "does not match"),
    "token nobody was given": ({"token": "made-up"}, "UnrecognizedClientException", "token"),
    "expired": ({"skew": EXPIRED}, "InvalidSignatureException", "Signature expired"),
    "future": ({"skew": FUTURE}, "InvalidSignatureException", "Signature not yet current"),
    "wrong region": ({"region": "eu-west-1"}, "InvalidSignatureException", "us-east-2"),
    "wrong service": ({"service": "ec2"}, "InvalidSignatureException", "'lightsail'"),
    "no Authorization": ({"change": drop("authorization")}, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    "no date": ({"change": drop("x-amz-date")}, "IncompleteSignatureException", "X-Amz-Date"),
    "bad date": ({"change": lambda h: h.update({"x-amz-date": "today"})}, "IncompleteSignatureException", "X-Amz-Date"),
    "unsigned payload": ({"content_sha256": "UNSIGNED-PAYLOAD"}, "InvalidSignatureException", "UNSIGNED-PAYLOAD"),
    "streamed payload": ({"content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, "InvalidSignatureException", "STREAMING"),
    "wrong hash": ({"content_sha256": "0" * 64}, "InvalidSignatureException", "not the hash"),
    "unsigned host": ({"unsigned": ("host",)}, "IncompleteSignatureException", "'host'"),
    "unsigned date": ({"unsigned": ("x-amz-date",)}, "IncompleteSignatureException", "'x-amz-date'"),
    "unsigned target": ({"unsigned": ("x-amz-target",)}, "IncompleteSignatureException", "'x-amz-target'"),
    "unsigned token": ({"token": "t", "unsigned": ("x-amz-security-token",)}, "IncompleteSignatureException", "'x-amz-security-token'"),
    "bearer": ({"change": lambda h: h.update({"authorization": "Bearer x"})}, "IncompleteSignatureException", "'Bearer'"),
    "no signature": ({"change": replace("authorization", "Signature=", "Sig=")}, "IncompleteSignatureException", "'Sig'"),
    "other scope": ({"change": replace("authorization", "aws4_request", "aws5_request")}, "IncompleteSignatureException", "aws5_request"),
    "presigned": ({"query": "?X-Amz-Signature=00"}, "IncompleteSignatureException", "Presigned"),
    "changed target": (
        {"change": replace("x-amz-target", "GetInstances", "GetRegions")},
        "InvalidSignatureException",
        "does not match",
    ),
    "changed signature": (
        {"change": lambda h: h.update(authorization=h["authorization"][:-1] + ("0" if h["authorization"][-1] != "0" else "1"))},
        "InvalidSignatureException",
        "does not match",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failures(caller, failure):
    change, code, words = FAILURES[failure]
    reply = caller.call(**change)
    assert (reply.status, reply.code) == (403, code)
    assert words in reply.message
    assert caller.secret not in reply.message


@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_clocks_may_differ_by_less_than_five_minutes(caller, minutes):
    assert caller.call(skew=datetime.timedelta(minutes=minutes)).status == 200


def test_a_declared_body_hash_that_is_right_is_accepted(caller):
    empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert caller.call(content_sha256=empty).status == 200


def test_boto3_raises_each_error(caller):
    refused(caller.client_with(aws_secret_access_key="wrong").get_instances, "InvalidSignatureException")
    refused(caller.client_with(aws_access_key_id="AKIANOSUCHKEY0000000").get_instances, "UnrecognizedClientException")
    refused(caller.client_with(aws_session_token="made-up").get_instances, "UnrecognizedClientException")
    refused(caller.client_with(region_name="eu-west-1").get_instances, "InvalidSignatureException")


def test_a_revoked_key_is_refused(server, fresh):
    assert fresh.call().status == 200
    server.porthole("key", "revoke", fresh.key_id)
    # A server believes a key it has seen for a second.
    reply = wait_until(lambda: (r := fresh.call()).status != 200 and r, "the key is refused", patience_s=10)
    assert (reply.status, reply.code) == (403, "UnrecognizedClientException")


def test_accounts_see_nothing_of_one_another(caller, fresh, name):
    caller.create(name)
    for action, member in [
        ("GetInstance", "instanceName"),
        ("GetInstanceState", "instanceName"),
        ("StopInstance", "instanceName"),
        ("DeleteInstance", "instanceName"),
        ("StopGUISession", "resourceName"),
        ("CreateGUISessionAccessDetails", "resourceName"),
    ]:
        reply = fresh.call(action, {member: name})
        assert (reply.code, reply.message) == ("NotFoundException", f"The Instance does not exist: {name}")
    assert fresh.call("GetInstances").body["instances"] == []
    assert fresh.call("GetActiveNames").body["activeNames"] == []
    assert fresh.call("GetOperations").body["operations"] == []
    theirs = caller.client.get_operations_for_resource(resourceName=name)["operations"][0]["id"]
    assert fresh.call("GetOperation", {"operationId": theirs}).code == "NotFoundException"
    # The same name is free for another account.
    fresh.create(name)
    assert fresh.state(name) == caller.state(name) == "running"


def test_temporary_credentials(server, caller):
    made = server.porthole("key", "temporary", caller.key_id)
    keys = {"aws_access_key_id": made["accessKeyId"], "aws_secret_access_key": made["secretAccessKey"]}
    client = caller.client_with(**keys, aws_session_token=made["sessionToken"])
    assert client.get_regions()["regions"]
    # Neither the key without its token, nor the token with another key, nor a changed token.
    refused(caller.client_with(**keys).get_regions, "UnrecognizedClientException")
    refused(caller.client_with(aws_session_token=made["sessionToken"]).get_regions, "UnrecognizedClientException")
    changed = made["sessionToken"][:-1] + ("0" if made["sessionToken"][-1] != "0" else "1")
    refused(caller.client_with(**keys, aws_session_token=changed).get_regions, "UnrecognizedClientException")
    reply = caller.call(key_id=made["accessKeyId"], secret="wrong", token=made["sessionToken"])
    assert (reply.status, reply.code) == (403, "InvalidSignatureException")


def test_temporary_credentials_end_with_the_key_they_came_from(server, fresh):
    made = server.porthole("key", "temporary", fresh.key_id)
    use = {"key_id": made["accessKeyId"], "secret": made["secretAccessKey"], "token": made["sessionToken"]}
    assert fresh.call(**use).status == 200
    server.porthole("key", "revoke", fresh.key_id)
    reply = wait_until(lambda: (r := fresh.call(**use)).status != 200 and r, "the credentials are refused", patience_s=10)
    assert (reply.status, reply.code) == (403, "UnrecognizedClientException")
