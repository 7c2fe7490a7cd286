/** The long scenario of the conformance tests through the JavaScript and Rust SDKs, with real computers. */

import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Porthole } from "./support/porthole.mjs";
import { ok } from "./support/ssh.mjs";

const ROOT = join(import.meta.dirname, "../..");
const CLIENTS = join(ROOT, "tests/conformance");
/** Minutes of idleness and of metrics last half a second. */
const FAST = "[metrics]\nperiod_ms = 500\n[idle]\nminute_ms = 500";

let porthole;
let failed = 0;
before(async () => {
  porthole = await Porthole.start(FAST);
});
after(() => porthole?.close(failed > 0));

/** Runs a program with what the scenario reads from its environment. */
async function scenario(name, program, words) {
  failed += 1;
  const { accessKeyId, secretAccessKey } = await porthole.client.config.credentials();
  await ok(program, words, "", {
    ...process.env,
    ENDPOINT: porthole.endpoint,
    REGION: "us-east-2",
    ZONE: "us-east-2a",
    KEY_ID: accessKeyId,
    SECRET: secretAccessKey,
    BLUEPRINT: "debian_12",
    BUNDLE: "medium_3_0",
    INSTANCE: name,
    SSH: "yes",
  });
  failed -= 1;
}

describe("the long scenario", () => {
  test("JavaScript", () => scenario("life-js", process.execPath, [join(CLIENTS, "js/scenario.mjs")]));

  test("Rust", async () => {
    const target = join(ROOT, "target/conformance");
    const build = [
      "build",
      "--quiet",
      "--locked",
      "--manifest-path",
      join(CLIENTS, "rust/Cargo.toml"),
      "--target-dir",
      target,
    ];
    await ok("cargo", build);
    await scenario("life-rust", join(target, "debug/porthole-conformance"), ["scenario"]);
  });
});
