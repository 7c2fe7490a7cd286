// One long scenario through the JavaScript SDK: a computer with a disk, its snapshot and what is restored from it, its SSH access,
// ports, metrics, costs, and the rule that stops it when it is idle. Reads the same environment as main-job.mjs; the server's minutes of
// idleness must be short. With SSH set the computers are real ones, and it logs in.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  AttachDiskCommand,
  CreateDiskCommand,
  CreateInstancesCommand,
  CreateInstancesFromSnapshotCommand,
  CreateInstanceSnapshotCommand,
  DeleteDiskCommand,
  DeleteInstanceCommand,
  DeleteInstanceSnapshotCommand,
  DetachDiskCommand,
  DisableAddOnCommand,
  EnableAddOnCommand,
  GetActiveNamesCommand,
  GetCostEstimateCommand,
  GetDiskCommand,
  GetInstanceAccessDetailsCommand,
  GetInstanceCommand,
  GetInstanceMetricDataCommand,
  GetInstancePortStatesCommand,
  GetInstanceSnapshotCommand,
  GetInstanceStateCommand,
  GetOperationCommand,
  LightsailClient,
  OpenInstancePublicPortsCommand,
  TagResourceCommand,
} from "@aws-sdk/client-lightsail";

const PATIENCE_MS = 60_000;
const { ENDPOINT, REGION, ZONE, KEY_ID, SECRET, BLUEPRINT, BUNDLE, INSTANCE, SSH } = process.env;
const [DISK, SNAPSHOT, COPY, COPY_DISK] = ["disk", "snapshot", "copy", "copy-disk"].map((of) => `${INSTANCE}-${of}`);

const lightsail = new LightsailClient({
  endpoint: ENDPOINT,
  region: REGION,
  credentials: { accessKeyId: KEY_ID, secretAccessKey: SECRET },
});
const send = (command) => lightsail.send(command);

const until = async (what, probe) => {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    assert(performance.now() < end, `waited too long until ${what}`);
    await pause(50);
  }
};

/** Sends a command and waits until every operation it began has succeeded. */
const finish = async (command) => {
  const reply = await send(command);
  for (const { id } of reply.operations ?? [reply.operation]) {
    const ended = await until("the operation ends", async () => {
      const { operation } = await send(new GetOperationCommand({ operationId: id }));
      return operation.isTerminal && operation;
    });
    assert.equal(ended.status, "Succeeded", JSON.stringify(ended));
  }
};

/** Runs a command in an instance by its temporary certificate, as soon as its SSH server answers. */
const login = async ({ privateKey, certKey, username, ipAddress }, command) => {
  const folder = mkdtempSync(join(tmpdir(), "scenario-"));
  const key = join(folder, "key");
  writeFileSync(key, privateKey, { mode: 0o600 });
  writeFileSync(`${key}-cert.pub`, certKey);
  const asked = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", `IdentityFile=${key}`];
  const words = [...asked.flatMap((option) => ["-o", option]), `${username}@${ipAddress}`, command];
  const run = () => {
    try {
      return execFileSync("ssh", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 10_000 });
    } catch {
      return undefined;
    }
  };
  try {
    return await until("the login works", run);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const stateOf = async (instanceName) => (await send(new GetInstanceStateCommand({ instanceName }))).state.name;

await finish(
  new CreateInstancesCommand({
    instanceNames: [INSTANCE],
    availabilityZone: ZONE,
    blueprintId: BLUEPRINT,
    bundleId: BUNDLE,
    tags: [{ key: "course", value: "CS149" }],
  }),
);
await finish(new TagResourceCommand({ resourceName: INSTANCE, tags: [{ key: "team", value: "bio" }] }));
const { instance } = await send(new GetInstanceCommand({ instanceName: INSTANCE }));
assert.deepEqual(instance.tags, [
  { key: "course", value: "CS149" },
  { key: "team", value: "bio" },
]);

await finish(new CreateDiskCommand({ diskName: DISK, availabilityZone: ZONE, sizeInGb: 8 }));
await finish(new AttachDiskCommand({ diskName: DISK, instanceName: INSTANCE, diskPath: "/dev/xvdf", autoMounting: true }));
const { disk } = await send(new GetDiskCommand({ diskName: DISK }));
assert.deepEqual([disk.isAttached, disk.attachedTo, disk.autoMountStatus], [true, INSTANCE, "Mounted"]);

await finish(new CreateInstanceSnapshotCommand({ instanceName: INSTANCE, instanceSnapshotName: SNAPSHOT }));
const { instanceSnapshot } = await send(new GetInstanceSnapshotCommand({ instanceSnapshotName: SNAPSHOT }));
assert.equal(instanceSnapshot.state, "available");
assert.deepEqual(
  instanceSnapshot.fromAttachedDisks.map(({ name }) => name),
  [DISK],
);
await finish(
  new CreateInstancesFromSnapshotCommand({
    instanceNames: [COPY],
    availabilityZone: ZONE,
    bundleId: BUNDLE,
    instanceSnapshotName: SNAPSHOT,
    attachedDiskMapping: { [COPY]: [{ originalDiskPath: "/dev/xvdf", newDiskName: COPY_DISK }] },
  }),
);
assert.equal(await stateOf(COPY), "running");

const { accessDetails } = await send(new GetInstanceAccessDetailsCommand({ instanceName: COPY, protocol: "ssh" }));
assert.match(accessDetails.privateKey, /PRIVATE KEY/);
assert.match(accessDetails.certKey, /-cert-v01@openssh\.com /);
assert(accessDetails.expiresAt > new Date());
if (SSH) {
  const shown = await login(accessDetails, "hostname; findmnt -rno TARGET -t ext4 | grep -c /home/");
  assert.equal(shown, `${COPY}\n1\n`);
}

const portInfo = { fromPort: 8888, toPort: 8890, protocol: "tcp", cidrs: ["192.0.2.0/24"] };
await finish(new OpenInstancePublicPortsCommand({ instanceName: INSTANCE, portInfo }));
const { portStates } = await send(new GetInstancePortStatesCommand({ instanceName: INSTANCE }));
const opened = portStates.find(({ fromPort }) => fromPort === 8888);
assert.deepEqual([opened.toPort, opened.protocol, opened.state, opened.cidrs], [8890, "tcp", "open", ["192.0.2.0/24"]]);

const points = await until("there are points of the metric", async () => {
  const { metricData } = await send(
    new GetInstanceMetricDataCommand({
      instanceName: INSTANCE,
      metricName: "CPUUtilization",
      period: 60,
      startTime: new Date(Date.now() - 3_600_000),
      endTime: new Date(Date.now() + 60_000),
      unit: "Percent",
      statistics: ["Average", "Maximum"],
    }),
  );
  return metricData.length > 0 && metricData;
});
assert(points.every(({ average, maximum, timestamp }) => average <= maximum && timestamp instanceof Date));

const { resourcesBudgetEstimate } = await send(
  new GetCostEstimateCommand({
    resourceName: INSTANCE,
    startTime: new Date(Date.now() - 86_400_000),
    endTime: new Date(Date.now() + 60_000),
  }),
);
assert.equal(resourcesBudgetEstimate[0].resourceName, INSTANCE);
assert(resourcesBudgetEstimate[0].costEstimates.length > 0);

await finish(
  new EnableAddOnCommand({
    resourceName: INSTANCE,
    addOnRequest: { addOnType: "StopInstanceOnIdle", stopInstanceOnIdleRequest: { threshold: "50", duration: "2" } },
  }),
);
await until("the idle instance is stopped", async () => (await stateOf(INSTANCE)) === "stopped");
await finish(new DisableAddOnCommand({ resourceName: INSTANCE, addOnType: "StopInstanceOnIdle" }));

await finish(new DetachDiskCommand({ diskName: DISK }));
for (const name of [INSTANCE, COPY]) await finish(new DeleteInstanceCommand({ instanceName: name, forceDeleteAddOns: true }));
for (const name of [DISK, COPY_DISK]) await finish(new DeleteDiskCommand({ diskName: name }));
await finish(new DeleteInstanceSnapshotCommand({ instanceSnapshotName: SNAPSHOT }));
const { activeNames } = await send(new GetActiveNamesCommand({}));
assert.deepEqual(activeNames, []);
