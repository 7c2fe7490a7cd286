"""What instances use: metrics, costs, add-ons, and the rule that stops idle ones."""

import time

import pytest

from conftest import refused, wait_until

DAY_S = 86_400
METRICS = {
    "CPUUtilization": "Percent", "NetworkIn": "Bytes", "NetworkOut": "Bytes", "StatusCheckFailed": "Count",
    "StatusCheckFailed_Instance": "Count", "StatusCheckFailed_System": "Count", "BurstCapacityTime": "Seconds",
    "BurstCapacityPercentage": "Percent", "MetadataNoToken": "Count", "DiskReadOps": "Count", "DiskWriteOps": "Count",
    "DiskReadBytes": "Bytes", "DiskWriteBytes": "Bytes", "DiskTotalReadTime": "Seconds", "DiskTotalWriteTime": "Seconds",
    "DiskQueueLength": "Count",
}  # fmt: skip
STATISTICS = ["Minimum", "Maximum", "Sum", "Average", "SampleCount"]
# The in-memory driver keeps a tenth of a CPU busy; the smallest bundle has two.
FAST = "[metrics]\nperiod_ms = 100\n[idle]\nminute_ms = 500"


def idle_rule(threshold="50", duration="2"):
    return {
        "addOnType": "StopInstanceOnIdle",
        "stopInstanceOnIdleRequest": {"threshold": threshold, "duration": duration},
    }


def auto_snapshot(**request):
    return {"addOnType": "AutoSnapshot", "autoSnapshotAddOnRequest": request}


def request(name, metric="CPUUtilization", **change):
    now = time.time()
    members = {
        "instanceName": name, "metricName": metric, "period": 60, "startTime": now - 3600, "endTime": now + 60,
        "unit": METRICS[metric], "statistics": STATISTICS,
    }  # fmt: skip
    return members | change


@pytest.fixture
def fast(own_server):
    return own_server(FAST)


def test_every_metric_is_measured(fast):
    fast.create("lab")

    def points(metric, **change):
        return fast.client.get_instance_metric_data(**request("lab", metric, **change))["metricData"]

    wait_until(lambda: any(p["sum"] > 0 for p in points("DiskReadOps")), "there are points")
    for metric, unit in METRICS.items():
        for point in points(metric):
            assert point["unit"] == unit and point["timestamp"].timestamp() % 60 == 0
            assert point["minimum"] <= point["average"] <= point["maximum"], point
            assert point["sampleCount"] >= 1
            assert point["sum"] == pytest.approx(point["average"] * point["sampleCount"])
    assert points("BurstCapacityPercentage")[0]["average"] == 100
    assert points("StatusCheckFailed")[0]["sum"] == 0
    cpu = points("CPUUtilization")[0]
    assert 0 < cpu["maximum"] < 50, "a tenth of a CPU of two"
    received = points("NetworkIn")[0]["maximum"]
    in_kilobits = points("NetworkIn", unit="Kilobits")[0]
    assert in_kilobits["unit"] == "Kilobits" and in_kilobits["maximum"] >= received * 0.0079 > 0


def test_only_what_is_asked_for_comes_back(fast):
    fast.create("lab")
    ask = request("lab", statistics=["Maximum"], period=3600, startTime=time.time() - 2 * DAY_S)
    reply = wait_until(
        lambda: (r := fast.client.get_instance_metric_data(**ask))["metricData"] and r, "there are points"
    )
    assert reply["metricName"] == "CPUUtilization"
    for point in reply["metricData"]:
        assert set(point) == {"maximum", "timestamp", "unit"} and point["timestamp"].timestamp() % 3600 == 0
    long_ago = request("lab", startTime=1_000_000_000, endTime=1_000_003_600)
    assert fast.client.get_instance_metric_data(**long_ago)["metricData"] == []


def test_metric_requests_that_break_a_rule_name_it(caller, name):
    refused(
        lambda: caller.client.get_instance_metric_data(**request(name)),
        "NotFoundException",
        f"The Instance does not exist: {name}",
    )
    caller.create(name)
    for change, word in [
        ({"period": 90}, "period"),
        ({"period": 30}, "period"),
        ({"period": 86_460}, "period"),
        ({"startTime": time.time() + 100}, "startTime"),
        ({"startTime": time.time() - 2 * DAY_S}, "1440"),
        ({"unit": "Bytes"}, "unit"),
        ({"unit": "Bytes/Second"}, "unit"),
        ({"unit": "Furlongs"}, "unit"),
        ({"metricName": "Mood", "unit": "Count"}, "metricName"),
        ({"statistics": []}, "statistics"),
        ({"statistics": ["Median"]}, "statistics"),
    ]:
        error = refused(lambda: caller.client.get_instance_metric_data(**(request(name) | change)), "InvalidInputException")
        assert word in error.response["Error"]["Message"].replace("1,440", "1440").replace("Period", "period"), change


def test_status_checks_are_shown_when_asked_for(fast):
    fast.create("lab")
    assert "instanceStatus" not in fast.client.get_instance(instanceName="lab")["instance"]

    def shown():
        return fast.client.get_instance(instanceName="lab", includeHealthStatus=True)["instance"]

    passed = {"status": "ok", "details": [{"name": "reachability", "status": "passed"}]}
    wait_until(lambda: shown()["instanceStatus"] == passed, "the checks have passed")
    assert shown()["systemStatus"] == passed
    assert fast.client.get_instances(includeHealthStatus=True)["instances"][0]["instanceStatus"] == passed
    fast.finish_all(fast.client.stop_instance(instanceName="lab"))
    assert shown()["instanceStatus"] == {"status": "not-applicable", "details": []}


def cost(caller, name, start=None, end=None):
    now = time.time()
    reply = caller.client.get_cost_estimate(
        resourceName=name, startTime=start or now - DAY_S, endTime=end or now + DAY_S
    )
    (estimate,) = reply["resourcesBudgetEstimate"]
    assert estimate["resourceName"] == name
    return estimate


def test_an_instance_costs_what_it_ran(caller, name):
    before = time.time()
    caller.create(name)
    time.sleep(1.2)
    caller.finish_all(caller.client.stop_instance(instanceName=name))
    ran_at_most = time.time() - before
    estimate = cost(caller, name)
    assert estimate["resourceType"] == "Instance"
    (by_type,) = estimate["costEstimates"]
    days = by_type["resultsByTime"]
    assert {(d["currency"], d["pricingUnit"]) for d in days} == {("USD", "Hrs")}
    hours = sum(d["unit"] for d in days)
    assert 1.2 / 3600 <= hours <= ran_at_most / 3600
    price = {d["usageCost"] / d["unit"] for d in days if d["unit"]}
    assert len(price) == 1 and price.pop() > 0
    for day in days:
        start, end = (day["timePeriod"][side].timestamp() for side in ("start", "end"))
        assert before - 1 <= start < end <= time.time() + 1 and (start // DAY_S == (end - 0.001) // DAY_S)
    time.sleep(0.3)
    again = sum(d["unit"] for e in cost(caller, name)["costEstimates"] for d in e["resultsByTime"])
    assert again == pytest.approx(hours), "a stopped instance costs nothing more"


def test_costs_need_a_range_and_a_resource(caller, name):
    missing = f"The Instance does not exist: {name}"
    refused(lambda: cost(caller, name), "NotFoundException", missing)
    caller.create(name)
    now = time.time()
    assert cost(caller, name, now - 2 * DAY_S, now - DAY_S)["costEstimates"][0]["resultsByTime"] == []
    for start, end in [(now, now - 1), (now - 400 * DAY_S, now), (now + 100, now + 200)]:
        error = refused(lambda: cost(caller, name, start, end), "InvalidInputException")
        assert "startTime" in error.response["Error"]["Message"]
    caller.finish_all(caller.client.delete_instance(instanceName=name))
    refused(lambda: cost(caller, name), "NotFoundException", missing)


def add_ons(caller, name):
    return caller.client.get_instance(instanceName=name)["instance"]["addOns"]


def test_add_ons_are_enabled_changed_and_disabled(caller, name):
    caller.create(name, addOns=[idle_rule("5", "30")])
    idle = {"name": "StopInstanceOnIdle", "status": "Enabled", "threshold": "5", "duration": "30"}
    assert add_ons(caller, name) == [idle]
    reply = caller.client.enable_add_on(resourceName=name, addOnRequest=idle_rule("2.5", "15"))
    (operation,) = reply["operations"]
    assert operation["operationType"] == "EnableAddOn" and operation["status"] == "Succeeded" and operation["isTerminal"]
    assert add_ons(caller, name) == [idle | {"threshold": "2.5", "duration": "15"}]
    caller.client.enable_add_on(resourceName=name, addOnRequest=auto_snapshot(snapshotTimeOfDay="18:00"))
    snapshot = {"name": "AutoSnapshot", "status": "Enabled", "snapshotTimeOfDay": "18:00", "nextSnapshotTimeOfDay": "18:00"}
    assert snapshot in add_ons(caller, name) and len(add_ons(caller, name)) == 2
    caller.client.disable_add_on(resourceName=name, addOnType="StopInstanceOnIdle")
    assert add_ons(caller, name) == [snapshot]
    (operation,) = caller.client.disable_add_on(resourceName=name, addOnType="AutoSnapshot")["operations"]
    assert operation["operationType"] == "DisableAddOn"
    assert add_ons(caller, name) == []
    for kind, text in [
        ("AutoSnapshot", "AutoSnapshot not enabled for the resource"),
        ("StopInstanceOnIdle", "The addOn is already in requested state"),
    ]:
        refused(lambda: caller.client.disable_add_on(resourceName=name, addOnType=kind), "InvalidInputException", text)


def test_add_on_requests_that_break_a_rule_change_nothing(caller, name):
    refused(
        lambda: caller.client.enable_add_on(resourceName=name, addOnRequest=idle_rule()),
        "NotFoundException",
        f"The Instance does not exist: {name}",
    )
    refused(lambda: caller.client.disable_add_on(resourceName=name, addOnType="AutoSnapshot"), "NotFoundException")
    caller.create(name)
    for bad, word in [
        ({"addOnType": "StopInstanceOnIdle"}, "stopInstanceOnIdleRequest"),
        ({"addOnType": "StopInstanceOnIdle", "stopInstanceOnIdleRequest": {"threshold": "5"}}, "duration"),
        (idle_rule(threshold="0"), "threshold"),
        (idle_rule(threshold="101"), "threshold"),
        (idle_rule(duration="0"), "duration"),
        (idle_rule(duration="1.5"), "duration"),
        (auto_snapshot(snapshotTimeOfDay="06:30"), "snapshotTimeOfDay"),
        (auto_snapshot(snapshotTimeOfDay="24:00"), "snapshotTimeOfDay"),
        ({"addOnType": "Backup"}, "addOnType"),
        ({}, "addOnType"),
    ]:
        error = refused(lambda: caller.client.enable_add_on(resourceName=name, addOnRequest=bad), "InvalidInputException")
        assert word in error.response["Error"]["Message"], error
    assert add_ons(caller, name) == []
    error = refused(lambda: caller.create(f"{name}-2", addOns=[idle_rule(), idle_rule()]), "InvalidInputException")
    assert "more than once" in error.response["Error"]["Message"]


def test_an_instance_with_add_ons_is_deleted_by_force_only(caller, name):
    caller.create(name, addOns=[auto_snapshot()])
    message = (
        f"You cannot delete the Instance {name} with addons. Specify the forceDeleteAddons parameter to delete the "
        "Instance and its associated addons."
    )
    refused(lambda: caller.client.delete_instance(instanceName=name), "InvalidInputException", message)
    assert caller.state(name) == "running"
    caller.finish_all(caller.client.delete_instance(instanceName=name, forceDeleteAddOns=True))


def test_an_idle_instance_is_stopped_and_it_is_said_why(fast):
    fast.create("busy", addOns=[idle_rule(threshold="0.5", duration="4")])
    fast.create("free")
    began = time.monotonic()
    fast.create("idle", addOns=[idle_rule(threshold="50", duration="4")])
    wait_until(lambda: fast.state("idle") == "stopped", "the idle instance is stopped")
    assert time.monotonic() - began >= 2
    stops = fast.client.get_operations_for_resource(resourceName="idle")["operations"]
    assert "StopInstance" in [operation["operationType"] for operation in stops]
    assert fast.state("busy") == fast.state("free") == "running"

    def decisions(name):
        (found,) = fast.server.porthole("idle", "explain", name, "--json")
        return found["decisions"]

    last = decisions("idle")[-1]
    assert last["decision"] == "Stop" and last["reason"].startswith("stopped: CPU was at most 50 % for ")
    assert {d["decision"] for d in decisions("busy")} == {"Busy"} and decisions("free") == []

    # It runs for the whole duration after the next start, and is stopped again.
    began = time.monotonic()
    fast.finish_all(fast.client.start_instance(instanceName="idle"))
    wait_until(lambda: fast.state("idle") == "stopped", "the idle instance is stopped again")
    assert time.monotonic() - began >= 2

    fast.client.disable_add_on(resourceName="idle", addOnType="StopInstanceOnIdle")
    fast.finish_all(fast.client.start_instance(instanceName="idle"))
    time.sleep(3)
    assert fast.state("idle") == "running", "without a rule nothing stops it"
