"""Who may do what: every served action × every kind of caller, and that each served action is documented.

The table of actions is `actions.VALID`; `test_protocol.py` fails when a served action has no row in it.
"""

import re

import pytest

from actions import VALID
from conftest import new_caller
from server import ROOT

OWNED = "matrix-owned"
DENIED = "AccessDeniedException"
FIRST_REFUSALS = {
    "nobody": (403, "MissingAuthenticationTokenException"),
    "unknown": (403, "UnrecognizedClientException"),
    "wrong": (403, "InvalidSignatureException"),
    "restricted": (400, DENIED),
}


def on_owned(action):
    """The action's input, naming what the owner has instead of what nobody has."""
    return {name: OWNED if value == "no-such" else value for name, value in VALID[action].items()}


class Look:
    """What the owner has, seen through one client: making one takes longer than a call."""

    def __init__(self, client):
        self.client = client

    def instance(self):
        return self.client.get_instance(instanceName=OWNED)["instance"]

    def everything(self):
        return self.instance(), self.client.get_active_names()["activeNames"]


@pytest.fixture(scope="module")
def callers(server, _recorder, tmp_path_factory):
    """An owner with an instance, another account, and the owner's restricted keys."""
    owner = new_caller(server, _recorder, "matrix")
    owner.create(OWNED, tags=[{"key": "team", "value": "bio"}])
    foreign = new_caller(server, _recorder, "matrix-foreign")
    folder = tmp_path_factory.mktemp("policies")

    def restricted(name, policy):
        file = folder / f"{name}.cedar"
        file.write_text(policy)
        made = server.porthole("key", "create", "--account", "matrix", "--policy", str(file), "--json")
        return {"key_id": made["accessKeyId"], "secret": made["secretAccessKey"]}

    every = ", ".join(f'Action::"{action}"' for action in VALID)
    return {
        "owner": owner,
        "look": Look(owner.client),
        "foreign": foreign,
        "nothing": restricted("nothing", "permit(principal, action, resource) when { false };"),
        "everything": restricted("everything", f"permit(principal, action in [{every}], resource);"),
    }


@pytest.mark.parametrize("who", FIRST_REFUSALS)
@pytest.mark.parametrize("action", VALID)
def test_refused_before_anything_happens(recorder, callers, action, who):
    owner = callers["owner"]
    how = {
        "nobody": {"change": lambda headers: headers.pop("authorization")},
        "unknown": {"key_id": "AKIANOSUCHKEY0000000"},
        "wrong": {"secret": "wrong"},
        "restricted": callers["nothing"],
    }[who]
    before = callers["look"].everything()
    reply = owner.call(action, on_owned(action), **how)
    assert (reply.status, reply.code) == FIRST_REFUSALS[who]
    if who == "restricted":
        assert f"lightsail:{action} on resource: " in reply.message
    assert callers["look"].everything() == before


@pytest.mark.parametrize("action", VALID)
def test_another_account_finds_nothing(recorder, callers, action):
    foreign = callers["foreign"]
    names_something = "no-such" in VALID[action].values()
    before = callers["look"].instance()
    reply = foreign.call(action, on_owned(action))
    assert reply.code != DENIED and reply.status < 500
    if names_something and reply.status != 200:
        assert reply.code in ("NotFoundException", "InvalidInputException")
    if reply.status == 200:
        assert before["arn"] not in str(reply.body)
        # Only a list, of nothing, may answer to a name of another account.
        assert not names_something or not any(value for key, value in reply.body.items() if isinstance(value, list)), reply.body
    assert callers["look"].instance() == before


@pytest.mark.parametrize("action", VALID)
def test_the_owner_and_a_key_that_may_are_not_denied(recorder, callers, action):
    for how in ({}, callers["everything"]):
        reply = callers["owner"].call(action, VALID[action], **how)
        assert reply.status == 200 or reply.code in ("NotFoundException", "InvalidInputException", "OperationFailureException"), reply.body


def test_each_served_action_has_a_row_in_the_documentation():
    text = (ROOT / "docs/wire-compat.md").read_text()
    rows = re.findall(r"^\| ([A-Za-z, ]+) \| yes \|.*\| ([^|]+) \|$", text, re.MULTILINE)
    documented = [action.strip() for actions, _ in rows for action in actions.split(",")]
    assert sorted(documented) == sorted(VALID)
    for _, tests in rows:
        for file in re.findall(r"`([\w/.-]+)`", tests):
            assert (ROOT / "tests/conformance" / file).exists() or (ROOT / file).exists(), file
