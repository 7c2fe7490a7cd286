"""Tags: their rules, and that they stay with their resource."""

import pytest

from conftest import refused

MOST = 50


def tags_of(caller, name):
    return {tag["key"]: tag["value"] for tag in caller.client.get_instance(instanceName=name)["instance"]["tags"]}


@pytest.fixture
def tagged(caller, name):
    caller.create(name, tags=[{"key": "team", "value": "bio"}, {"key": "empty"}])
    return name


def test_tags_are_added_changed_and_removed(caller, tagged):
    client = caller.client
    assert tags_of(caller, tagged) == {"team": "bio", "empty": ""}
    reply = client.tag_resource(resourceName=tagged, tags=[{"key": "team", "value": "chem"}, {"key": "Team", "value": "x"}])
    (operation,) = reply["operations"]
    assert (operation["status"], operation["isTerminal"]) == ("Succeeded", True)
    # The description has no operation type for tags.
    assert "operationType" not in operation
    assert (operation["resourceName"], operation["resourceType"]) == (tagged, "Instance")
    assert tags_of(caller, tagged) == {"team": "chem", "Team": "x", "empty": ""}
    (operation,) = client.untag_resource(resourceName=tagged, tagKeys=["Team", "empty", "never-there"])["operations"]
    assert operation["status"] == "Succeeded"
    assert tags_of(caller, tagged) == {"team": "chem"}


def test_tags_live_through_what_happens_to_the_instance(caller, tagged):
    client = caller.client
    stopping = client.stop_instance(instanceName=tagged)
    client.tag_resource(resourceName=tagged, tags=[{"key": "while", "value": "stopping"}])
    caller.finish_all(stopping)
    assert tags_of(caller, tagged) == {"team": "bio", "empty": "", "while": "stopping"}


def test_an_arn_must_be_that_of_the_named_resource(caller, tagged):
    client = caller.client
    arn = client.get_instance(instanceName=tagged)["instance"]["arn"]
    client.tag_resource(resourceName=tagged, resourceArn=arn, tags=[{"key": "by", "value": "arn"}])
    assert tags_of(caller, tagged)["by"] == "arn"
    for other in (arn[:-1] + ("0" if arn[-1] != "0" else "1"), arn.replace("Instance/", "Disk/")):
        change = {"resourceName": tagged, "resourceArn": other}
        words = f"resourceArn is not the ARN of {tagged}."
        refused(lambda: client.tag_resource(**change, tags=[{"key": "a", "value": "b"}]), "InvalidInputException", words)
        refused(lambda: client.untag_resource(**change, tagKeys=["team"]), "InvalidInputException", words)
    assert tags_of(caller, tagged) == {"team": "bio", "empty": "", "by": "arn"}


@pytest.mark.parametrize(
    "tags, words",
    [
        ([{"key": ""}], "tags[0].key must have at least 1 character, but has 0."),
        ([{"key": "ok"}, {"key": "k" * 129}], "tags[1].key must have at most 128 characters, but has 129."),
        ([{"key": "k", "value": "v" * 257}], "tags[0].value must have at most 256 characters, but has 257."),
        ([{"key": "aws:cost"}], "tags[0].key begins with aws:, which is reserved."),
        ([{"key": "Aws:cost"}], "tags[0].key begins with aws:, which is reserved."),
        ([{"key": "a"}, {"key": "a"}], "tags has the key a more than once."),
        ([{"key": f"k{n}"} for n in range(MOST + 1)], "tags must have at most 50 elements, but has 51."),
        ([{"value": "v"}], "tags[0].key is required."),
    ],
    ids=["empty", "long-key", "long-value", "reserved", "reserved-in-any-case", "twice", "many", "no-key"],
)
def test_rules(caller, tagged, tags, words):
    refused(lambda: caller.client.tag_resource(resourceName=tagged, tags=tags), "InvalidInputException", words)
    assert tags_of(caller, tagged) == {"team": "bio", "empty": ""}
    refused(lambda: caller.create(f"{tagged}-other", tags=tags), "InvalidInputException", words)


def test_fifty_tags_a_resource_over_all_requests(caller, tagged):
    client = caller.client
    client.tag_resource(resourceName=tagged, tags=[{"key": f"k{n}", "value": "v" * 256} for n in range(MOST - 2)])
    many = "The resource would have 51 tags; it has at most 50."
    refused(lambda: client.tag_resource(resourceName=tagged, tags=[{"key": "more"}]), "InvalidInputException", many)
    client.tag_resource(resourceName=tagged, tags=[{"key": "team", "value": "same key, new value"}])
    assert len(tags_of(caller, tagged)) == MOST


def test_keys_to_remove_are_checked(caller, tagged):
    client = caller.client
    refused(lambda: client.untag_resource(resourceName=tagged, tagKeys=["team", ""]), "InvalidInputException", "tagKeys[1] must have at least 1 character, but has 0.")
    assert tags_of(caller, tagged) == {"team": "bio", "empty": ""}


def test_a_name_that_is_not_there(caller):
    words = "The Resource does not exist: no-such"
    refused(lambda: caller.client.tag_resource(resourceName="no-such", tags=[{"key": "a"}]), "NotFoundException", words)
    refused(lambda: caller.client.untag_resource(resourceName="no-such", tagKeys=["a"]), "NotFoundException", words)
