"""What is refused before an action runs, for every action and every member."""

import json
import re

import pytest

from actions import ON_AN_INSTANCE, PAGED, VALID, cases, ids
from shapes import MODEL, PREFIX


@pytest.mark.parametrize("action", MODEL.operation_names)
def test_every_action_of_the_description_is_served_or_refused_by_name(caller, action):
    # Every member has a wrong type, so that nothing happens.
    members = MODEL.operation_model(action).input_shape.members
    reply = caller.call(action, {name: True if shape.type_name == "string" else "x" for name, shape in members.items()})
    if action in VALID and not members:
        assert reply.status == 200 or reply.code == "InvalidInputException"
    elif action in VALID:
        assert reply.status == 400 and "must be" in reply.message
    else:
        assert (reply.status, reply.code) == (404, "UnknownOperationException")
        assert action in reply.message


@pytest.mark.parametrize(
    "target",
    ["", PREFIX, PREFIX + "LaunchRocket", PREFIX + "getInstances", "GetInstances", "Lightsail_20161129.GetInstances", "DynamoDB_20120810.ListTables"],
)
def test_unknown_targets(caller, target):
    reply = caller.call(target=target)
    assert (reply.status, reply.code) == (404, "UnknownOperationException")
    assert target in reply.message


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain", "application/x-amz-json-1.0"])
def test_media_types(caller, content_type):
    reply = caller.call(content_type=content_type)
    assert (reply.status, reply.code) == (400, "MalformedHttpRequestException")
    assert "application/x-amz-json-1.1" in reply.message
    assert caller.call(content_type="application/x-amz-json-1.1; charset=utf-8").status == 200


@pytest.mark.parametrize("action", VALID)
@pytest.mark.parametrize(
    ("body", "words"),
    [(b"{", "ends too early"), (b'{"a": 1,}', "fault at line 1"), (b"\xff", "not UTF-8"), (b"nonsense", "fault at"), (b'{"a":' + b"[" * 5000, "128 levels")],
    ids=["cut", "comma", "bytes", "words", "deep"],
)
def test_malformed_json(caller, action, body, words):
    reply = caller.call(action, body=body)
    assert (reply.status, reply.code) == (400, "SerializationException")
    assert words in reply.message


@pytest.mark.parametrize("action", VALID)
@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1", b"true"])
def test_bodies_that_are_no_objects(caller, action, body):
    reply = caller.call(action, body=body)
    assert (reply.status, reply.code) == (400, "SerializationException")
    assert "must be an object" in reply.message


def test_a_body_that_is_too_large(caller):
    reply = caller.call(body=b'{"pageToken": "' + b"x" * (1 << 20) + b'"}')
    assert (reply.status, reply.code) == (413, "RequestEntityTooLargeException")


def test_an_empty_body_is_an_input_without_members(caller):
    assert caller.call("GetRegions", body=b"").status == 200


@pytest.mark.parametrize("case", cases(lambda shape, required: required), ids=ids)
@pytest.mark.parametrize("how", ["absent", "null"])
def test_missing_members(caller, case, how):
    action, name, _ = case
    members = {n: v for n, v in VALID[action].items() if n != name} | ({name: None} if how == "null" else {})
    reply = caller.call(action, members)
    assert (reply.status, reply.code, reply.message) == (400, "InvalidInputException", f"{name} is required.")


@pytest.mark.parametrize("case", cases(lambda *_: True), ids=ids)
def test_wrong_types(caller, case):
    action, name, shape = case
    for wrong in (1, "x", True, [], {}):
        fits = {
            "string": isinstance(wrong, str),
            "boolean": isinstance(wrong, bool),
            "integer": type(wrong) is int,
            # Seconds since the epoch.
            "timestamp": type(wrong) is int,
            "list": isinstance(wrong, list),
            "map": isinstance(wrong, dict),
            "structure": isinstance(wrong, dict),
        }[shape.type_name]
        if not fits:
            reply = caller.call(action, VALID[action] | {name: wrong})
            assert (reply.status, reply.code) == (400, "SerializationException"), wrong
            assert reply.message.startswith(f"{name} must be ")


BAD_NAMES = ["", "a", "custom gitlab", "ünder", "a/b", "a\nb", "-ab", "ab.", "x" * 256, "../../etc/passwd", "a\u0000b"]
NAMED = cases(lambda shape, _: shape.name == "ResourceName")


@pytest.mark.parametrize("case", NAMED, ids=ids)
@pytest.mark.parametrize("bad", BAD_NAMES, ids=[json.dumps(name)[:20] for name in BAD_NAMES])
def test_bad_names(caller, case, bad):
    action, name, _ = case
    reply = caller.call(action, VALID[action] | {name: bad})
    assert (reply.status, reply.code) == (400, "InvalidInputException")
    assert "is not a valid resource name" in reply.message
    assert name in reply.body["tip"]


@pytest.mark.parametrize("bad", BAD_NAMES, ids=[json.dumps(name)[:20] for name in BAD_NAMES])
def test_bad_names_of_new_instances(caller, bad):
    reply = caller.call("CreateInstances", VALID["CreateInstances"] | {"instanceNames": ["good-name", bad]})
    assert (reply.status, reply.code) == (400, "InvalidInputException")
    assert "is not a valid resource name" in reply.message
    assert "instanceNames[1]" in reply.body["tip"]


def test_the_services_own_words_for_a_bad_name(caller):
    reply = caller.call("GetInstance", {"instanceName": "custom gitlab"})
    assert reply.message == (
        "custom gitlab is not a valid resource name. Resource names must be at least 2 characters long and contain only "
        "alphanumerics, -, _, and ."
    )


@pytest.mark.parametrize("case", cases(lambda shape, _: getattr(shape, "enum", None)), ids=ids)
def test_unknown_enum_values(caller, case):
    action, name, shape = case
    reply = caller.call(action, VALID[action] | {name: "bogus"})
    assert (reply.status, reply.code) == (400, "InvalidInputException")
    assert reply.message.startswith(f"{name} must be one of ") and '"bogus"' in reply.message
    assert all(value in reply.message for value in shape.enum)


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"instanceNames": []}, "instanceNames"),
        ({"blueprintId": " "}, "blueprintId"),
        ({"bundleId": ""}, "bundleId"),
        ({"tags": [{"key": "k" * 129}]}, "tags[0].key"),
        ({"tags": [{"key": "k", "value": "v" * 257}]}, "tags[0].value"),
        ({"tags": [{"key": f"k{i}"} for i in range(51)]}, "tags"),
        ({"addOns": [{}]}, "addOns[0].addOnType"),
        ({"addOns": [{"addOnType": "Bogus"}]}, "addOns[0].addOnType"),
        (
            {"addOns": [{"addOnType": "AutoSnapshot", "autoSnapshotAddOnRequest": {"snapshotTimeOfDay": "25:00"}}]},
            "addOns[0].autoSnapshotAddOnRequest.snapshotTimeOfDay",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rules_inside_of_members(caller, members, path):
    reply = caller.call("CreateInstances", VALID["CreateInstances"] | members)
    assert (reply.status, reply.code) == (400, "InvalidInputException")
    assert reply.message.startswith(f"{path} ")


def test_unknown_and_null_members_are_tolerated(caller):
    assert caller.call("GetRegions", {"later": {"x": [1]}, "includeAvailabilityZones": None}).status == 200


@pytest.mark.parametrize("action", ON_AN_INSTANCE)
def test_what_does_not_exist(caller, action):
    reply = caller.call(action, VALID[action])
    if action == "GetOperationsForResource" and reply.status == 200:
        # A name nobody has may have had operations; an empty list says that it had none.
        assert reply.body["operations"] == []
        return
    assert (reply.status, reply.code) == (400, "NotFoundException")
    assert re.fullmatch(r"The [A-Z][A-Za-z]+ does not exist: no-such", reply.message)


@pytest.mark.parametrize("action", PAGED)
@pytest.mark.parametrize("token", ["x", "bm90IGEgdG9rZW4", "A" * 64, "é", "x" * 5000])
def test_page_tokens_nobody_was_given(caller, action, token):
    reply = caller.call(action, VALID[action] | {"pageToken": token})
    if action == "GetOperationsForResource" and reply.code == "NotFoundException":
        return
    assert (reply.status, reply.code) == (400, "InvalidInputException")
    assert "pageToken" in reply.message
