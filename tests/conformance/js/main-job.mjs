// The main job through the JavaScript SDK. Reads ENDPOINT, REGION, ZONE, KEY_ID, SECRET, BLUEPRINT, BUNDLE and INSTANCE from the
// environment; ends with status 0 when every step did what it must, and throws at the first that did not.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import {
  CreateGUISessionAccessDetailsCommand,
  CreateInstancesCommand,
  DeleteInstanceCommand,
  GetBucketsCommand,
  GetInstanceCommand,
  GetInstancesCommand,
  GetInstanceStateCommand,
  GetOperationCommand,
  InvalidInputException,
  LightsailClient,
  NotFoundException,
  StartGUISessionCommand,
  StopGUISessionCommand,
} from "@aws-sdk/client-lightsail";

const PATIENCE_MS = 60_000;
const { ENDPOINT, REGION, ZONE, KEY_ID, SECRET, BLUEPRINT, BUNDLE, INSTANCE } = process.env;

const client = (secretAccessKey) =>
  new LightsailClient({ endpoint: ENDPOINT, region: REGION, credentials: { accessKeyId: KEY_ID, secretAccessKey } });
const lightsail = client(SECRET);

const refusal = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("the service must refuse");
};

const waitForOperation = async (operationId) => {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const { operation } = await lightsail.send(new GetOperationCommand({ operationId }));
    assert.notEqual(operation.status, "Failed", JSON.stringify(operation));
    if (operation.isTerminal) {
      assert.equal(operation.status, "Succeeded");
      return;
    }
    assert(performance.now() < end, "the operation ends in time");
    await pause(50);
  }
};

// Errors are typed, and what is not in the description is told by its name.
const missing = await refusal(lightsail.send(new StopGUISessionCommand({ resourceName: "no-such-instance" })));
assert(missing instanceof NotFoundException, missing);
assert.equal(missing.message, "The Instance does not exist: no-such-instance");
assert.equal(missing.code, "NotFoundException");
assert.equal(missing.$metadata.httpStatusCode, 400);
const stranger = await refusal(client("not the secret").send(new GetInstancesCommand({})));
assert.equal(stranger.name, "InvalidSignatureException");
const unserved = await refusal(lightsail.send(new GetBucketsCommand({})));
assert.equal(unserved.name, "UnknownOperationException");
assert.equal(unserved.$metadata.httpStatusCode, 404);

const create = new CreateInstancesCommand({
  instanceNames: [INSTANCE],
  availabilityZone: ZONE,
  blueprintId: BLUEPRINT,
  bundleId: BUNDLE,
});
const created = await lightsail.send(create);
assert.equal(created.operations[0].operationType, "CreateInstance");
assert(created.operations[0].createdAt instanceof Date);
await waitForOperation(created.operations[0].id);

const duplicate = await refusal(lightsail.send(create));
assert(duplicate instanceof InvalidInputException, duplicate);
assert.equal(duplicate.message, `Some names are already in use: ${INSTANCE}`);

const { state } = await lightsail.send(new GetInstanceStateCommand({ instanceName: INSTANCE }));
assert.deepEqual(state, { code: 16, name: "running" });

const started = await lightsail.send(new StartGUISessionCommand({ resourceName: INSTANCE }));
await waitForOperation(started.operations[0].id);
const access = await lightsail.send(new CreateGUISessionAccessDetailsCommand({ resourceName: INSTANCE }));
assert.equal(access.status, "started");
assert(access.sessions.length > 0 && access.sessions.every(({ url }) => url.includes("/view/#t=")));
assert.equal(access.sessions.filter(({ isPrimary }) => isPrimary).length, 1);

const stopped = await lightsail.send(new StopGUISessionCommand({ resourceName: INSTANCE }));
assert.equal(stopped.operations[0].operationType, "StopGUISession");
await waitForOperation(stopped.operations[0].id);
const ended = await lightsail.send(new CreateGUISessionAccessDetailsCommand({ resourceName: INSTANCE }));
assert.equal(ended.status, "stopped");
assert.deepEqual(ended.sessions ?? [], []);

const deleted = await lightsail.send(new DeleteInstanceCommand({ instanceName: INSTANCE }));
await waitForOperation(deleted.operations[0].id);
assert((await refusal(lightsail.send(new GetInstanceCommand({ instanceName: INSTANCE })))) instanceof NotFoundException);
