"""What can be made, and where."""

from server import REGION, ZONE

LFR = {
    # CPUs, GB of memory, GB of disk, USD for a month of running
    "app_standard_xl_1_0": (4, 8, 50, 657.0),
    "app_standard_2xl_1_0": (8, 16, 50, 810.3),
    "app_standard_4xl_1_0": (16, 32, 50, 1116.9),
}


def test_regions(caller):
    regions = caller.client.get_regions()["regions"]
    assert [region["name"] for region in regions] == [REGION]
    assert regions[0]["displayName"] and regions[0]["description"] and regions[0]["continentCode"] == "NA"
    assert "zoneName" not in str(regions)
    regions = caller.client.get_regions(includeAvailabilityZones=True)["regions"]
    assert regions[0]["availabilityZones"] == [{"zoneName": ZONE, "state": "available"}]
    regions = caller.client.get_regions(includeRelationalDatabaseAvailabilityZones=True)["regions"]
    assert regions[0]["relationalDatabaseAvailabilityZones"] == []


def test_blueprints(caller):
    found = {b["blueprintId"]: b for b in caller.client.get_blueprints(appCategory="LfR")["blueprints"]}
    assert {"debian_12", "jupyterlab"} <= set(found)
    for blueprint in found.values():
        assert blueprint["appCategory"] == "LfR" and blueprint["isActive"] and blueprint["platform"] == "LINUX_UNIX"
        assert blueprint["name"] and blueprint["version"] and blueprint["description"]
    assert found["debian_12"]["type"] == "os" and found["jupyterlab"]["type"] == "app"


def test_bundles(caller):
    found = {b["bundleId"]: b for b in caller.client.get_bundles(appCategory="LfR")["bundles"]}
    for bundle, (cpus, ram_gb, disk_gb, price) in LFR.items():
        got = found[bundle]
        assert (got["cpuCount"], got["ramSizeInGb"], got["diskSizeInGb"]) == (cpus, ram_gb, disk_gb)
        assert got["price"] == price
        assert got["supportedPlatforms"] == ["LINUX_UNIX"] and got["supportedAppCategories"] == ["LfR"]
    assert "nano_3_0" in found


def test_without_a_category_those_of_plain_lightsail(caller):
    blueprints = {b["blueprintId"]: b for b in caller.client.get_blueprints()["blueprints"]}
    assert "debian_12" in blueprints and "jupyterlab" not in blueprints
    assert not any("appCategory" in blueprint for blueprint in blueprints.values())
    bundles = {b["bundleId"]: b for b in caller.client.get_bundles()["bundles"]}
    assert "nano_3_0" in bundles and not set(LFR) & set(bundles)
    assert not any(bundle.get("supportedAppCategories") for bundle in bundles.values())


def test_inactive_bundles_where_asked(caller):
    active = {b["bundleId"] for b in caller.client.get_bundles(appCategory="LfR")["bundles"]}
    every = caller.client.get_bundles(appCategory="LfR", includeInactive=True)["bundles"]
    every = {b["bundleId"]: b["isActive"] for b in every}
    assert active == {bundle for bundle, is_active in every.items() if is_active}
    assert "gpu_nvidia_xl_1_0" in every.keys() - active


def test_lists_end(caller):
    for reply in (caller.client.get_blueprints(), caller.client.get_bundles(), caller.client.get_blueprints(includeInactive=True)):
        assert "nextPageToken" not in reply
