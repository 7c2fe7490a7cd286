/** What a person finds in an instance: sudo, packages, and state that outlives stops, reboots and the server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { RebootInstanceCommand, StartInstanceCommand, StopInstanceCommand } from "@aws-sdk/client-lightsail";
import { Porthole } from "./support/porthole.mjs";
import { until } from "./support/wait.mjs";

const NAME = "lab-system";
let porthole;
let failed = false;
before(async () => {
  porthole = await Porthole.start();
});
after(() => porthole?.close(failed));

async function running() {
  await until("running", async () => (await porthole.instance(NAME)).state.name === "running", 60_000);
}

test("a person installs a package; it and their files outlive stop, start, reboot and a restart of the server", async () => {
  failed = true;
  const inside = await porthole.create(NAME, "debian_12");
  assert.equal((await porthole.shell(NAME, "id -un; sudo -n id -un")).trim(), "lightsail-user\nroot");
  await porthole.shell(
    NAME,
    "sudo -n apt-get -q update && sudo -n apt-get -qy install hello && echo mine > ~/kept.txt",
  );
  const works = async (when) => {
    assert.equal((await porthole.shell(NAME, "hello -t; cat ~/kept.txt")).trim(), "hello, world\nmine", when);
  };
  await works("at once");

  for (const Command of [StopInstanceCommand, StartInstanceCommand, RebootInstanceCommand]) {
    const { operations } = await porthole.client.send(new Command({ instanceName: NAME }));
    await porthole.succeeded(operations[0]);
    if (Command !== StopInstanceCommand) {
      await running();
      await works(Command.name);
    }
  }

  const { pid } = await inside.init();
  await porthole.kill();
  assert.equal((await inside.init()).pid, pid, "it runs on without the server");
  await porthole.serve();
  await running();
  assert.equal((await inside.init()).pid, pid, "it was adopted");
  await works("adopted");
  const { operations } = await porthole.client.send(new StopInstanceCommand({ instanceName: NAME }));
  await porthole.succeeded(operations[0]);
  assert.deepEqual(await inside.processes(), []);
  await porthole.delete(NAME);
  failed = false;
});
