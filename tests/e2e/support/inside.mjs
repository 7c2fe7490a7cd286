/** An instance as the host sees it: its processes and its files. Needs root. */

import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import { until } from "./wait.mjs";

const HOME = "home/lightsail-user";

export class InstanceInside {
  constructor(tag, name) {
    this.tag = tag;
    this.name = name;
  }

  /** Processes of the instance: pid, name, command line, parent. */
  async processes() {
    const found = [];
    for (const entry of await readdir("/proc")) {
      if (/^\d+$/.test(entry)) {
        const process = await read(Number(entry), this.tag).catch(() => undefined);
        if (process !== undefined) {
          found.push(process);
        }
      }
    }
    const inits = found.filter((process) => process.inner === 1);
    const init = inits.find((process) => process.hostname === this.name) ?? inits[0];
    return init === undefined ? [] : found.filter((process) => process.space === init.space);
  }

  /** The instance's first process, which is the guest agent. */
  async init() {
    return until(`init of ${this.name}`, async () => (await this.processes()).find((process) => process.inner === 1));
  }

  /** Waits until somebody may log in. */
  async listening() {
    const started = async () => (await this.running(/^sshd: .*\[listener\]/)).length > 0;
    await until(`the SSH server of ${this.name}`, started, 60_000);
  }

  /** Processes whose command line has this in it. */
  async running(pattern) {
    return (await this.processes()).filter((process) => pattern.test(process.command));
  }

  /** Path on the host of a file in the person's home. */
  async home(file) {
    const { pid } = await this.init();
    return join(`/proc/${pid}/root`, HOME, file);
  }

  /** Text of a file in the person's home; undefined when there is none. */
  async file(name) {
    return readFile(await this.home(name), "utf8").catch(() => undefined);
  }

  async forget(name) {
    await rm(await this.home(name), { force: true });
  }
}

async function read(pid, tag) {
  const cgroup = await readFile(`/proc/${pid}/cgroup`, "utf8");
  if (!cgroup.includes(`porthole-${tag}/`)) {
    return undefined;
  }
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
  const inner = Number(/^NSpid:.*\s(\d+)$/m.exec(status)?.[1]);
  const parent = Number(/^PPid:\s(\d+)$/m.exec(status)?.[1]);
  const zombie = /^State:\sZ/m.test(status);
  const space = await readlink(`/proc/${pid}/ns/pid`);
  const hostname = inner === 1 ? await readFile(`/proc/${pid}/root/etc/hostname`, "utf8").catch(() => "") : "";
  return zombie ? undefined : { pid, inner, parent, command, space, hostname: hostname.trim() };
}
