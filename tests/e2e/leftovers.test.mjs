/** What is on the host: the same before a create and after its delete, before a start and after its stop, whoever died. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { kill } from "node:process";
import { after, before, describe, test } from "node:test";
import { Porthole } from "./support/porthole.mjs";
import { until } from "./support/wait.mjs";

let porthole;
let failed = false;
before(async () => {
  porthole = await Porthole.start();
});
after(() => porthole?.close(failed));

const sameAs = (before) => porthole.restored(before);

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    failed = true;
    throw error;
  }
}

/** A process of the OCI runtime that works for this server; looked for in one go, since it is there only for a moment. */
function runtime() {
  const end = performance.now() + 500;
  while (performance.now() < end) {
    for (const entry of readdirSync("/proc")) {
      const command = /^\d+$/.test(entry) ? text(`/proc/${entry}/cmdline`).replaceAll("\0", " ") : "";
      if (/^\S*runc /.test(command) && command.includes(porthole.stateDir)) {
        return Number(entry);
      }
    }
  }
  return undefined;
}

function text(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

async function killed(inside, pattern) {
  const victims = await inside.running(pattern);
  assert.ok(victims.length > 0, `there is something to kill: ${pattern}`);
  for (const { pid } of victims) {
    kill(pid, "SIGKILL");
  }
}

describe("leftovers", () => {
  test("create, start, stop, delete", () =>
    guarded(async () => {
      const empty = await porthole.inventory();
      const inside = await porthole.create("clean-1", "debian_12");
      const processes = async () => (await inside.processes()).map(({ command }) => command).sort();
      const quiet = { host: await porthole.inventory(), inside: await processes() };
      await porthole.startSession("clean-1");
      assert.ok((await processes()).length > quiet.inside.length);
      await porthole.succeeded(await porthole.stopSession("clean-1"));
      assert.deepEqual(await processes(), quiet.inside);
      await sameAs(quiet.host);
      await porthole.delete("clean-1");
      await sameAs(empty);
    }));

  for (const [victim, pattern] of [
    ["the X server", /Xvfb|Xvnc/],
    ["a display's process of the guest agent", / display --name /],
  ]) {
    test(`a stop after ${victim} was killed`, () =>
      guarded(async () => {
        const empty = await porthole.inventory();
        const inside = await porthole.create("killed-1", "debian_12");
        const quiet = await porthole.inventory();
        await porthole.startSession("killed-1");
        await killed(inside, pattern);
        await porthole.succeeded(await porthole.stopSession("killed-1"));
        await sameAs(quiet);
        await porthole.startSession("killed-1");
        await porthole.succeeded(await porthole.stopSession("killed-1"));
        await porthole.delete("killed-1");
        await sameAs(empty);
      }));
  }

  test("a delete after the guest agent, the container's first process, was killed", () =>
    guarded(async () => {
      const empty = await porthole.inventory();
      const inside = await porthole.create("killed-2", "debian_12");
      await porthole.startSession("killed-2");
      const { pid } = await inside.init();
      kill(pid, "SIGKILL");
      await until("its end", async () => (await inside.processes()).every((process) => process.pid !== pid));
      await porthole.succeeded(await porthole.stopSession("killed-2"));
      await porthole.delete("killed-2");
      await sameAs(empty);
    }));

  test("the OCI runtime is killed in the middle of a create", () =>
    guarded(async () => {
      const empty = await porthole.inventory();
      const operation = await porthole.beginCreate("killed-3", "debian_12");
      const victim = await until("a runtime to kill", () => runtime(), 5_000);
      try {
        kill(victim, "SIGKILL");
      } catch (error) {
        assert.equal(error.code, "ESRCH", "it had ended by itself");
      }
      await porthole.done(operation);
      await porthole.delete("killed-3");
      await sameAs(empty);
    }));

  for (const step of ["create", "start", "stop", "delete"]) {
    test(`the server is killed in the middle of ${step}`, () =>
      guarded(async () => {
        const empty = await porthole.inventory();
        const name = `crash-${step}`;
        const crash = async () => {
          await porthole.kill();
          await porthole.serve();
        };
        if (step === "create") {
          const operation = await porthole.beginCreate(name, "debian_12");
          await crash();
          await porthole.succeeded(operation);
          await porthole.booted(name);
        } else {
          await porthole.create(name, "debian_12");
        }
        const quiet = await porthole.inventory();
        if (step === "start") {
          const operation = await porthole.beginStart(name);
          await crash();
          await porthole.done(operation);
        } else if (step !== "create") {
          await porthole.startSession(name);
        }
        const stop = await porthole.stopSession(name);
        if (step === "stop") {
          await crash();
        }
        await porthole.succeeded(stop);
        await sameAs(quiet);
        if (step === "delete") {
          const operation = await porthole.beginDelete(name);
          await crash();
          await porthole.succeeded(operation);
        } else {
          await porthole.delete(name);
        }
        await sameAs(empty);
      }));
  }
});
