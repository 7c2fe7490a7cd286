"""Checks raw replies against botocore's own description of the service: the reader every client is generated from."""

import json
import re

import botocore.session

PREFIX = "Lightsail_20161128."
MODEL = botocore.session.get_session().get_service_model("lightsail")
ERROR_MEMBERS = {"__type", "code", "message", "docs", "tip"}

_JSON_TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
    "list": list,
    "map": dict,
    "structure": dict,
}


def faults_of_value(shape, value, path="body"):
    """Lists unknown members, wrong types, unknown enum values and broken patterns, ranges and lengths."""
    kind = shape.type_name
    if not isinstance(value, _JSON_TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{path}: {kind} expected, got {json.dumps(value)[:60]}"]
    rules = shape.metadata
    found = []
    if kind == "structure":
        for name, member in value.items():
            if name not in shape.members:
                found.append(f"{path}.{name}: {shape.name} has no such member")
            else:
                found += faults_of_value(shape.members[name], member, f"{path}.{name}")
    elif kind == "list":
        for i, item in enumerate(value):
            found += faults_of_value(shape.member, item, f"{path}[{i}]")
    elif kind == "map":
        for name, item in value.items():
            found += faults_of_value(shape.key, name, f"{path} key")
            found += faults_of_value(shape.value, item, f"{path}.{name}")
    elif kind == "string":
        if getattr(shape, "enum", None) and value not in shape.enum:
            found.append(f"{path}: {value!r} is not a {shape.name}")
        if "pattern" in rules and not re.search(rules["pattern"], value):
            found.append(f"{path}: {value!r} does not match {rules['pattern']}")
    size = len(value) if kind in ("string", "list") else value if kind == "integer" else None
    if size is not None and not rules.get("min", size) <= size <= rules.get("max", size):
        found.append(f"{path}: {size} is not within {rules.get('min')}..{rules.get('max')}")
    return found


def faults_of_reply(target, status, headers, body):
    """Lists what a client of this action could not read in a reply."""
    headers = {name.lower(): value for name, value in headers}
    found = []
    if headers.get("content-type") != "application/x-amz-json-1.1":
        found.append(f"content-type is {headers.get('content-type')}")
    if not re.fullmatch(r"[0-9a-f-]{36}", headers.get("x-amzn-requestid", "")):
        found.append(f"x-amzn-requestid is {headers.get('x-amzn-requestid')}")
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except ValueError as error:
        return [*found, f"not JSON: {error}: {body[:100]!r}"]
    if status == 200:
        action = (target or "").removeprefix(PREFIX)
        if action not in MODEL.operation_names:
            return [*found, f"success for the unknown target {target}"]
        return found + faults_of_value(MODEL.operation_model(action).output_shape, value)
    if not isinstance(value, dict) or set(value) != ERROR_MEMBERS or not all(isinstance(v, str) for v in value.values()):
        return [*found, f"an error must have the texts {sorted(ERROR_MEMBERS)}: {body[:200]!r}"]
    if not value["__type"] == value["code"] == headers.get("x-amzn-errortype"):
        found.append(f"__type, code and x-amzn-errortype differ: {value}, {headers.get('x-amzn-errortype')}")
    if not value["message"]:
        found.append("the message is empty")
    modelled = {shape.name for shape in MODEL.error_shapes}
    if value["code"] in modelled and value["code"] != "ServiceException" and status != 400:
        found.append(f"{value['code']} has status {status}")
    action = (target or "").removeprefix(PREFIX)
    if action in MODEL.operation_names and value["code"] in modelled:
        listed = {shape.name for shape in MODEL.operation_model(action).error_shapes}
        if value["code"] not in listed:
            found.append(f"{action} does not list {value['code']}")
    return found


def _no_constant(word):
    raise ValueError(f"{word} is not JSON")
