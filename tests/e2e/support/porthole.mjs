/** A server of its own for a test file: free port, throwaway state folder, and an API client that signs as SDKs do. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { openSync, realpathSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  CreateGUISessionAccessDetailsCommand,
  CreateInstancesCommand,
  DeleteInstanceCommand,
  GetInstanceCommand,
  GetOperationCommand,
  LightsailClient,
  StartGUISessionCommand,
  StopGUISessionCommand,
} from "@aws-sdk/client-lightsail";
import { ARTIFACTS } from "./browser.mjs";
import { InstanceInside } from "./inside.mjs";
import { until } from "./wait.mjs";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../../..");
const BINARY = process.env.PORTHOLE_BIN ?? join(ROOT, "target/debug/porthole");
const GUEST = process.env.PORTHOLE_GUEST_BIN;
const REGION = "us-east-2";

/** States of an operation that it does not leave. */
const DONE = ["Succeeded", "Failed", "Completed"];

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export class Porthole {
  /** Starts a server; `settings` are lines of its configuration file. */
  static async start(settings = "", { driver = "container", recipes = join(ROOT, "images") } = {}) {
    const porthole = new Porthole();
    porthole.folder = await mkdtemp(join(tmpdir(), "porthole-e2e-"));
    porthole.stateDir = join(porthole.folder, "state");
    porthole.config = join(porthole.folder, "porthole.toml");
    porthole.log = join(porthole.folder, "porthole.log");
    const port = await freePort();
    porthole.endpoint = `http://127.0.0.1:${port}`;
    const lines = [
      `listen = "127.0.0.1:${port}"`,
      `state_dir = "${porthole.stateDir}"`,
      `recipes_dir = "${recipes}"`,
      `driver = "${driver}"`,
      ...(GUEST === undefined ? [] : [`guest_binary = "${GUEST}"`]),
      settings,
    ];
    await writeFile(porthole.config, `${lines.join("\n")}\n`);
    await porthole.serve();
    await porthole.command("account", "create", "e2e", "--json");
    const key = JSON.parse(await porthole.command("key", "create", "--account", "e2e", "--json"));
    porthole.client = new LightsailClient({
      endpoint: porthole.endpoint,
      region: REGION,
      credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey },
      maxAttempts: 1,
    });
    return porthole;
  }

  /** Starts the server process, again after it was killed, and waits until it is healthy. */
  async serve() {
    const log = openSync(this.log, "a");
    this.process = spawn(BINARY, ["serve", "--config", this.config], { stdio: ["ignore", log, log] });
    this.ended = new Promise((done) => this.process.once("exit", done));
    const healthy = async () => {
      if (this.process.exitCode !== null) {
        throw new Error(`the server ended; see ${this.log}`);
      }
      return (await fetch(`${this.endpoint}/healthz`)).ok;
    };
    await until("a healthy server", healthy, 30_000);
  }

  /** Runs an operator's command and gives what it prints. */
  async command(...words) {
    const { stdout } = await run(BINARY, [...words, "--config", this.config], { timeout: 60_000 });
    return stdout;
  }

  /** Kills the server at once, as a crash does. */
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  /** Short name that everything of this server on the host carries. */
  get tag() {
    return createHash("sha256").update(realpathSync(this.stateDir)).digest("hex").slice(0, 6);
  }

  /** Ends the server and all its instances; keeps its log when the test failed. */
  async close(failed = false) {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill("SIGTERM");
      await this.ended;
    }
    await this.command("down");
    if (failed) {
      await mkdir(ARTIFACTS, { recursive: true });
      await cp(this.log, join(ARTIFACTS, `porthole-${this.tag}.log`));
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  /** What is on the host of this server, as tests/leftovers/inventory.py sees it. */
  async inventory() {
    const program = join(ROOT, "tests/leftovers/inventory.py");
    const caller = ["--caller", String(process.pid)];
    const { stdout } = await run("python3", [program, "--state-dir", this.stateDir, ...caller], { maxBuffer: 2 ** 26 });
    return JSON.parse(stdout);
  }

  /** Waits until the host is as it was; fails with what has come and what has gone. */
  async restored(before) {
    let now;
    const same = async () => {
      now = await this.inventory();
      return JSON.stringify(now) === JSON.stringify(before);
    };
    await until("the host as it was before", same).catch(() => {
      const missing = (from, other) =>
        Object.entries(from).flatMap(([section, entries]) =>
          entries.filter((entry) => !other[section].includes(entry)).map((entry) => `${section}: ${entry}`),
        );
      assert.deepEqual({ more: missing(now, before), less: missing(before, now) }, { more: [], less: [] });
    });
  }

  // What a caller of the API does.

  /** Asks for an instance and gives the operation as it was accepted. */
  async beginCreate(name, blueprintId, bundleId = "medium_3_0", members = {}) {
    const { operations } = await this.client.send(
      new CreateInstancesCommand({
        instanceNames: [name],
        availabilityZone: `${REGION}a`,
        blueprintId,
        bundleId,
        ...members,
      }),
    );
    return operations[0];
  }

  /** Makes an instance and waits until it runs, with everything that runs in it before anybody came. */
  async create(name, blueprintId, bundleId, members) {
    await this.succeeded(await this.beginCreate(name, blueprintId, bundleId, members));
    await until(`${name} running`, async () => (await this.instance(name)).state.name === "running", 60_000);
    return this.booted(name);
  }

  /** Waits until all that an instance starts by itself runs. */
  async booted(name) {
    const inside = new InstanceInside(this.tag, name);
    await inside.listening();
    return inside;
  }

  async instance(name) {
    return (await this.client.send(new GetInstanceCommand({ instanceName: name }))).instance;
  }

  /** Asks for a session and gives the operation as it was accepted. */
  async beginStart(name) {
    const { operations } = await this.client.send(new StartGUISessionCommand({ resourceName: name }));
    return operations[0];
  }

  /** Starts a session and waits until it is started. */
  async startSession(name) {
    await this.succeeded(await this.beginStart(name));
    await until(`${name}: session started`, async () => (await this.access(name)).status === "started", 60_000);
  }

  /** Asks for the session to be stopped and gives the operation as it was accepted. */
  async stopSession(name) {
    const { operations } = await this.client.send(new StopGUISessionCommand({ resourceName: name }));
    return operations[0];
  }

  async access(name) {
    return this.client.send(new CreateGUISessionAccessDetailsCommand({ resourceName: name }));
  }

  /** Fresh URLs by display. */
  async urls(name) {
    const { sessions } = await this.access(name);
    return Object.fromEntries(sessions.map((session) => [session.name, session.url]));
  }

  /** Asks for an instance to be deleted and gives the operation as it was accepted. */
  async beginDelete(name) {
    const { operations } = await this.client.send(
      new DeleteInstanceCommand({ instanceName: name, forceDeleteAddOns: true }),
    );
    return operations[0];
  }

  /** Deletes an instance and waits until it is gone. */
  async delete(name) {
    await this.succeeded(await this.beginDelete(name));
  }

  async operation(id) {
    return (await this.client.send(new GetOperationCommand({ operationId: id }))).operation;
  }

  /** Runs a shell line in an instance as its person, and gives what it prints. */
  async shell(name, line) {
    const id = (await this.instance(name)).arn.split("/")[1];
    const person = ["--user", "1000:1000", "--cwd", "/home/lightsail-user", "--env", "HOME=/home/lightsail-user"];
    const where = ["--root", join(this.stateDir, "runtime"), "exec", ...person, id];
    const { stdout } = await run("runc", [...where, "bash", "-c", line], { timeout: 180_000, maxBuffer: 2 ** 24 });
    return stdout;
  }

  /** Waits until an operation is done and gives it. */
  done(operation, deadlineMs = 90_000) {
    return until(
      `${operation.operationType} of ${operation.resourceName}`,
      async () => {
        const now = await this.operation(operation.id);
        return DONE.includes(now.status) && now;
      },
      deadlineMs,
    );
  }

  async succeeded(operation) {
    const done = await this.done(operation);
    if (done.status === "Failed") {
      throw new Error(`${done.operationType} of ${done.resourceName}: ${done.errorCode} ${done.errorDetails}`);
    }
    return done;
  }

  /** Trades the token of a URL as the page does, and gives status and body. */
  async trade(url) {
    const token = new URLSearchParams(new URL(url).hash.slice(1)).get("t");
    const response = await fetch(`${this.endpoint}/view/api/trade`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: this.endpoint },
      body: JSON.stringify({ token }),
    });
    return { status: response.status, body: await response.json() };
  }
}
