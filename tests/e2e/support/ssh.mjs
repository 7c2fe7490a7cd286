/** Debian's ssh as a person runs it: programs with their exit code, options that ask nothing, a login by certificate. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetInstanceAccessDetailsCommand } from "@aws-sdk/client-lightsail";

export const USER = "lightsail-user";

/** Runs a program and gives exit code and output. */
export function run(program, words, input = "", environment = process.env) {
  return new Promise((done) => {
    const limits = { timeout: 120_000, env: environment, maxBuffer: 2 ** 24 };
    const child = execFile(program, words, limits, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
    child.stdin.end(input);
  });
}

/** Runs a program that must succeed, and gives its output. */
export async function ok(program, words, input, environment) {
  const { code, stdout, stderr } = await run(program, words, input, environment);
  assert.equal(code, 0, `${program} ${words.join(" ")}: ${stderr}`);
  return stdout;
}

/** Options of a client that asks nothing, uses this key alone, and believes these host keys alone. */
export function options(key, knownHosts) {
  return Object.entries({
    IdentityFile: key,
    IdentitiesOnly: "yes",
    IdentityAgent: "none",
    BatchMode: "yes",
    ConnectTimeout: "10",
    GlobalKnownHostsFile: "/dev/null",
    UserKnownHostsFile: knownHosts ?? "/dev/null",
    StrictHostKeyChecking: knownHosts === undefined ? "no" : "yes",
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** What GetInstanceAccessDetails says of an instance. */
export async function accessDetails(porthole, name) {
  return (await porthole.client.send(new GetInstanceAccessDetailsCommand({ instanceName: name }))).accessDetails;
}

/** Logs in by a certificate the API gives, believing the host keys it has seen; gives a function that runs a command there. */
export async function shellOf(porthole, name) {
  const { privateKey, certKey, hostKeys, ipAddress } = await accessDetails(porthole, name);
  return async (command, input) => {
    const folder = await mkdtemp(join(tmpdir(), "porthole-shell-"));
    try {
      const file = async (file, text) => {
        await writeFile(join(folder, file), text, { mode: 0o600 });
        return join(folder, file);
      };
      const key = await file("key", privateKey);
      await file("key-cert.pub", certKey);
      const known = hostKeys.map((host) => `${ipAddress} ${host.algorithm} ${host.publicKey}\n`);
      const words = [...options(key, await file("known", known.join(""))), `${USER}@${ipAddress}`, command];
      return await ok("ssh", words, input);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}
