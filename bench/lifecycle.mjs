/**
 * Measures a virtual computer's life as its user meets it: a real server, real containers, real Chromium, the real SDK.
 * Prints one JSON object with median and 95th percentile of each stage, in milliseconds, and memory in MiB.
 *
 *     node bench/lifecycle.mjs [--rounds 20] [--bin target/release] [--blueprint debian_12] [--bundle medium_3_0]
 *
 * Needs root, the built images, and the modules of tests/e2e (`npm --prefix tests/e2e ci`).
 */

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    bin: { type: "string", default: "target/release" },
    blueprint: { type: "string", default: "debian_12" },
    bundle: { type: "string", default: "medium_3_0" },
  },
});
const ROOT = resolve(import.meta.dirname, "..");
process.env.PORTHOLE_BIN ??= join(ROOT, options.bin, "porthole");
const { launch } = await import("../tests/e2e/support/browser.mjs");
const { Porthole } = await import("../tests/e2e/support/porthole.mjs");
const { ViewerPage } = await import("../tests/e2e/support/viewer.mjs");

/** What each stage may take on warm caches, in milliseconds. */
const TARGETS = { create: 500, start: 1000, firstFrame: 2500, stop: 300, delete: 500 };
/** Between two questions: so much a stage may seem longer than it is. Asked more often, the questions would take the processor that a desktop needs to start. */
const STEP_MS = 40;
const PATIENCE_MS = 60_000;
/** Between two lives. */
const REST_MS = 1000;

async function until(what, condition) {
  const end = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > end) {
      throw new Error(`${what}: not within ${PATIENCE_MS} ms`);
    }
    await new Promise((next) => setTimeout(next, STEP_MS));
  }
}

function summary(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  return { median: Math.round(at(0.5)), p95: Math.round(at(0.95)), min: Math.round(sorted[0]), n: sorted.length };
}

/** Memory of the server's one instance in MiB: now and at most, by whichever version of cgroups counts it. */
async function memory(tag, id) {
  const read = async (...paths) => {
    for (const path of paths) {
      const text = await readFile(path, "utf8").catch(() => undefined);
      if (text !== undefined) {
        return Math.round(Number(text) / 2 ** 20);
      }
    }
    throw new Error(`no memory cgroup of ${id}`);
  };
  const group = `porthole-${tag}/${id}`;
  const [v1, v2] = [`/sys/fs/cgroup/memory/${group}`, `/sys/fs/cgroup/${group}`];
  return {
    now: await read(`${v1}/memory.usage_in_bytes`, `${v2}/memory.current`),
    peak: await read(`${v1}/memory.max_usage_in_bytes`, `${v2}/memory.peak`),
  };
}

async function serverMiB(porthole) {
  const status = await readFile(`/proc/${porthole.process.pid}/status`, "utf8");
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) / 1024);
}

/** One life; gives the times of its stages and the memory it took. */
async function round(porthole, browser, name) {
  const times = {};
  const stage = async (key, work) => {
    const began = performance.now();
    await work();
    times[key] = performance.now() - began;
  };
  // Open and at rest before anything is measured: a new tab takes a processor for a third of a second.
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto("about:blank");
  await new Promise((next) => setTimeout(next, REST_MS));
  await stage("create", async () => {
    await porthole.beginCreate(name, options.blueprint, options.bundle);
    await until("running", async () => (await porthole.instance(name)).state.name === "running");
  });
  const { arn } = await porthole.instance(name);
  const id = arn.split("/")[1];
  const quiet = (await memory(porthole.tag, id)).now;

  const began = performance.now();
  await stage("start", async () => {
    await porthole.beginStart(name);
    await until("started", async () => (await porthole.access(name)).status === "started");
  });
  await page.goto((await porthole.urls(name)).desktop);
  await new ViewerPage(page).painted(PATIENCE_MS);
  times.firstFrame = performance.now() - began;
  const inUse = await memory(porthole.tag, id);

  const inside = async () => (await readFile(`${await cgroupOf(porthole.tag, id)}/cgroup.procs`, "utf8")).trim().split("\n").length;
  await stage("stop", async () => {
    const operation = await porthole.stopSession(name);
    await until("stopped", async () => (await porthole.operation(operation.id)).status === "Succeeded");
  });
  const left = await inside();
  await context.close();
  await stage("delete", async () => {
    const operation = await porthole.beginDelete(name);
    await until("deleted", async () => (await porthole.operation(operation.id)).status === "Succeeded");
  });
  return { times, memory: { idle: quiet, session: inUse.now, peak: inUse.peak }, left };
}

async function cgroupOf(tag, id) {
  const folders = [`/sys/fs/cgroup/pids/porthole-${tag}/${id}`, `/sys/fs/cgroup/porthole-${tag}/${id}`];
  for (const folder of folders) {
    if (await readFile(`${folder}/cgroup.procs`, "utf8").catch(() => undefined)) {
      return folder;
    }
  }
  throw new Error(`no cgroup of ${id}`);
}

const browser = await launch();
const porthole = await Porthole.start();
let failed = true;
try {
  const before = await porthole.inventory();
  const rounds = [];
  // The first life fills caches and is not counted.
  await round(porthole, browser, "bench-warm-up");
  for (let number = 1; number <= Number(options.rounds); number += 1) {
    rounds.push(await round(porthole, browser, `bench-${number}`));
  }
  const stages = Object.fromEntries(
    Object.entries(TARGETS).map(([key, target]) => {
      const found = summary(rounds.map(({ times }) => times[key]));
      return [key, { ...found, target, ratio: Number((found.median / target).toFixed(2)) }];
    }),
  );
  const after = await porthole.inventory();
  const report = {
    blueprint: options.blueprint,
    bundle: options.bundle,
    stagesMs: stages,
    memoryMib: {
      server: await serverMiB(porthole),
      instanceIdle: summary(rounds.map(({ memory: { idle } }) => idle)).median,
      instanceInSession: summary(rounds.map(({ memory: { session } }) => session)).median,
      instancePeak: Math.max(...rounds.map(({ memory: { peak } }) => peak)),
    },
    processesAfterStop: Math.max(...rounds.map(({ left }) => left)),
    hostIsAsBefore: JSON.stringify(after) === JSON.stringify(before),
  };
  process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
  failed = !report.hostIsAsBefore;
} finally {
  await browser.close();
  await porthole.close(failed);
}
process.exitCode = failed ? 1 : 0;
