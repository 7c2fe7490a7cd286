/** What calls of the API do to a real computer, seen from inside of it and from the host: never asked of the API itself. */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import {
  AllocateStaticIpCommand,
  AttachDiskCommand,
  AttachStaticIpCommand,
  CloseInstancePublicPortsCommand,
  CreateDiskCommand,
  CreateInstanceSnapshotCommand,
  CreateInstancesFromSnapshotCommand,
  DeleteDiskCommand,
  DeleteInstanceSnapshotCommand,
  DetachDiskCommand,
  OpenInstancePublicPortsCommand,
  ReleaseStaticIpCommand,
  SetIpAddressTypeCommand,
  StartInstanceCommand,
  StopInstanceCommand,
  UpdateInstanceMetadataOptionsCommand,
} from "@aws-sdk/client-lightsail";
import { Porthole } from "./support/porthole.mjs";
import { accessDetails, shellOf } from "./support/ssh.mjs";
import { until } from "./support/wait.mjs";

const BLUEPRINT = "debian_12";
let porthole;
let empty;
let failed = 0;
before(async () => {
  porthole = await Porthole.start();
  empty = await porthole.inventory();
});
after(() => porthole?.close(failed > 0));

/** Sends a command and waits until every operation it began has succeeded. */
async function finish(command) {
  const reply = await porthole.client.send(command);
  for (const operation of reply.operations ?? [reply.operation]) {
    await porthole.succeeded(operation);
  }
}

/** Deletes instances and waits until the host is as it was at first. */
async function clean(...names) {
  for (const name of names) {
    await porthole.delete(name);
  }
  await porthole.restored(empty);
}

/** Whether this host gets a connection there. */
function opens(host, port) {
  return new Promise((done) => {
    const socket = connect({ host, port, timeout: 1500 });
    const end = (answer) => {
      socket.destroy();
      done(answer);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
  });
}

/** Shell words that answer on a port by IPv4 and IPv6 from then on. */
const listen = (port) =>
  `setsid perl -MIO::Socket::IP -e '$s = IO::Socket::IP->new(LocalHost => "::", V6Only => 0, LocalPort => ${port}, ` +
  `Listen => 9, ReuseAddr => 1) or die $@; while ($c = $s->accept) { close $c }' > /dev/null 2>&1 < /dev/null &`;

describe("a real instance", () => {
  test("programs inside ask the metadata service", async () => {
    failed += 1;
    const userData = "#!/bin/sh\n# nothing\n";
    await porthole.create("meta", BLUEPRINT, "medium_3_0", { userData });
    const shell = await shellOf(porthole, "meta");
    const status = (words) => shell(`curl -s -o /dev/null -m 5 -w '%{http_code}' ${words}`);
    const base = "http://169.254.169.254/latest";
    const token = (
      await shell(`curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' ${base}/api/token`)
    ).trim();
    const get = (path) => shell(`curl -sf -H 'X-aws-ec2-metadata-token: ${token}' ${base}/${path}`);
    const { privateIpAddress, location, bundleId } = await porthole.instance("meta");
    assert.match(await get("meta-data/instance-id"), /^i-[0-9a-f]+$/);
    assert.equal(await get("meta-data/local-ipv4"), privateIpAddress);
    assert.equal(await get("meta-data/instance-type"), bundleId);
    assert.equal(await get("meta-data/placement/availability-zone"), location.availabilityZone);
    assert.equal(await get("user-data"), userData);
    assert.equal(JSON.parse(await get("dynamic/instance-identity/document")).region, location.regionName);

    assert.equal(await status(`${base}/meta-data/instance-id`), "401", "tokens are required");
    const change = (options) =>
      finish(new UpdateInstanceMetadataOptionsCommand({ instanceName: "meta", ...options })).then(() =>
        until(
          "the options are applied",
          async () => (await porthole.instance("meta")).metadataOptions.state === "applied",
        ),
      );
    await change({ httpTokens: "optional" });
    assert.equal(await status(`${base}/meta-data/instance-id`), "200");
    assert.equal(await status("'http://[fd00:ec2::254]/latest/meta-data/instance-id'"), "403", "IPv6 is off");
    await change({ httpProtocolIpv6: "enabled" });
    assert.equal(await status("'http://[fd00:ec2::254]/latest/meta-data/instance-id'"), "200");
    await change({ httpEndpoint: "disabled" });
    assert.equal(await status(`${base}/meta-data/instance-id`), "403");
    await clean("meta");
    failed -= 1;
  });

  test("the firewall is what the port states say, in both directions and families", async () => {
    failed += 1;
    await porthole.create("fire", BLUEPRINT);
    const shell = await shellOf(porthole, "fire");
    await shell(`${listen(9000)} ${listen(9001)}`);
    await until("they listen", async () => (await shell("ss -Hltn | grep -c ':900[01]'")) === "2\n");
    const { publicIpAddress, ipv6Addresses } = await porthole.instance("fire");
    const [v6] = ipv6Addresses;
    assert.deepEqual([await opens(publicIpAddress, 22), await opens(v6, 22)], [true, true]);
    assert.deepEqual([await opens(publicIpAddress, 9000), await opens(v6, 9000)], [false, false]);

    const portInfo = { fromPort: 9000, toPort: 9000, protocol: "tcp" };
    await finish(new OpenInstancePublicPortsCommand({ instanceName: "fire", portInfo }));
    assert.deepEqual([await opens(publicIpAddress, 9000), await opens(v6, 9000)], [true, true]);
    assert.equal(await opens(publicIpAddress, 9001), false);
    await finish(new AllocateStaticIpCommand({ staticIpName: "fire-ip" }));
    await finish(new AttachStaticIpCommand({ staticIpName: "fire-ip", instanceName: "fire" }));
    const fixed = (await porthole.instance("fire")).publicIpAddress;
    assert.notEqual(fixed, publicIpAddress);
    assert.equal(await opens(fixed, 9000), true, "the static address leads there");
    await finish(new ReleaseStaticIpCommand({ staticIpName: "fire-ip" }));
    await until("the static address is gone", async () => !(await opens(fixed, 9000)));

    await finish(
      new SetIpAddressTypeCommand({ resourceType: "Instance", resourceName: "fire", ipAddressType: "ipv4" }),
    );
    assert.deepEqual([await opens(publicIpAddress, 9000), await opens(v6, 9000)], [true, false]);
    await finish(new CloseInstancePublicPortsCommand({ instanceName: "fire", portInfo }));
    assert.equal(await opens(publicIpAddress, 9000), false);

    // The way out ends at the host itself, whatever listens there: this very server does, and SSH replies pass.
    const { port } = new URL(porthole.endpoint);
    const gateway = publicIpAddress.replace(/\d+\.\d+$/, "0.1");
    const outward = await shell(`timeout 2 bash -c '< /dev/tcp/${gateway}/${port}' 2> /dev/null; echo $?`);
    assert.equal(outward, "124\n", "dropped, not refused");
    await clean("fire");
    failed -= 1;
  });

  test("data goes with its disk and with its snapshot", async () => {
    failed += 1;
    await porthole.create("data-1", BLUEPRINT);
    const one = await shellOf(porthole, "data-1");
    await finish(new CreateDiskCommand({ diskName: "books", availabilityZone: "us-east-2a", sizeInGb: 8 }));
    const attach = (instanceName, diskPath) =>
      finish(new AttachDiskCommand({ diskName: "books", instanceName, diskPath, autoMounting: true }));
    await attach("data-1", "/dev/xvdf");
    assert.match(await one("findmnt -no FSTYPE,TARGET books"), /^ext4\s+\/home\/lightsail-user\/books\n$/);
    await one("head -c 20000000 /dev/urandom > books/volume; head -c 1000000 /dev/urandom > notes; sync");
    const sum = async (shell, file) => (await shell(`sha256sum < ${file}`)).slice(0, 64);
    const [volume, notes] = [await sum(one, "books/volume"), await sum(one, "notes")];

    await finish(new CreateInstanceSnapshotCommand({ instanceName: "data-1", instanceSnapshotName: "shot" }));
    await one("echo changed > notes; echo changed > books/volume");
    await finish(
      new CreateInstancesFromSnapshotCommand({
        instanceNames: ["data-2"],
        availabilityZone: "us-east-2a",
        bundleId: "medium_3_0",
        instanceSnapshotName: "shot",
        attachedDiskMapping: { "data-2": [{ originalDiskPath: "/dev/xvdf", newDiskName: "books-2" }] },
      }),
    );
    await porthole.booted("data-2");
    const two = await shellOf(porthole, "data-2");
    assert.equal(await sum(two, "notes"), notes);
    const place = (await two("findmnt -rno TARGET -t ext4 | grep /home/")).trim();
    assert.equal(await sum(two, `${place}/volume`), volume);
    const keysOf = async (name) => (await accessDetails(porthole, name)).hostKeys.map((key) => key.publicKey);
    const old = await keysOf("data-1");
    assert.ok(
      (await keysOf("data-2")).every((key) => !old.includes(key)),
      "it is another host to SSH",
    );

    await one("head -c 5000000 /dev/urandom > books/volume; sync");
    const rewritten = await sum(one, "books/volume");
    await finish(new StopInstanceCommand({ instanceName: "data-1" }));
    await finish(new DetachDiskCommand({ diskName: "books" }));
    await attach("data-2", "/dev/xvdg");
    assert.equal(await sum(two, "books/volume"), rewritten, "attached to another, running computer");
    for (const name of ["data-1", "data-2"]) {
      await porthole.delete(name);
    }
    for (const diskName of ["books", "books-2"]) {
      await finish(new DeleteDiskCommand({ diskName }));
    }
    await finish(new DeleteInstanceSnapshotCommand({ instanceSnapshotName: "shot" }));
    await clean();
    failed -= 1;
  });

  test("a larger bundle at the next start is a larger computer", async () => {
    failed += 1;
    await porthole.create("grow", BLUEPRINT, "nano_3_0");
    const size = async () =>
      Number(await (await shellOf(porthole, "grow"))("df --output=size -B1000000000 / | tail -1"));
    const small = await size();
    await finish(new StopInstanceCommand({ instanceName: "grow" }));
    await finish(new StartInstanceCommand({ instanceName: "grow", attributeUpdates: { bundleId: "medium_3_0" } }));
    await porthole.booted("grow");
    const large = await size();
    assert.ok(large >= 1.5 * small, `${small} GB became ${large} GB`);
    const { hardware } = await porthole.instance("grow");
    const memory = await (await shellOf(porthole, "grow"))("df --output=size -B1000000 /dev/shm | tail -1");
    assert.ok(Math.abs(Number(memory) - (hardware.ramSizeInGb * 1074) / 2) < 60, `half of the memory: ${memory} MB`);
    await clean("grow");
    failed -= 1;
  });
});
