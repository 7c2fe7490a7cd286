/** Debian's ssh, scp and sftp log in with every kind of key there is; and the script of the first boot. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kill } from "node:process";
import { after, before, describe, test } from "node:test";
import {
  CreateKeyPairCommand,
  DeleteKeyPairCommand,
  DeleteKnownHostKeysCommand,
  DownloadDefaultKeyPairCommand,
  ImportKeyPairCommand,
  RebootInstanceCommand,
} from "@aws-sdk/client-lightsail";
import { Porthole } from "./support/porthole.mjs";
import { accessDetails, ok, options, run, USER } from "./support/ssh.mjs";
import { until } from "./support/wait.mjs";

let porthole;
let folder;
let failed = false;
before(async () => {
  porthole = await Porthole.start();
  folder = await mkdtemp(join(tmpdir(), "porthole-ssh-"));
});
after(async () => {
  await porthole?.close(failed);
  await rm(folder, { recursive: true, force: true });
});

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    failed = true;
    throw error;
  }
}

async function privateFile(name, text) {
  const file = join(folder, name);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

const details = (name) => accessDetails(porthole, name);

/** Writes the host keys the API has seen, as a client's list of known hosts. */
async function knownHosts(name) {
  const { hostKeys, ipAddress } = await details(name);
  const lines = hostKeys.map((key) => `${ipAddress} ${key.algorithm} ${key.publicKey}\n`);
  assert.ok(lines.length >= 2, "there are host keys");
  return privateFile(`known-${name}`, lines.join(""));
}

/** Makes an instance and gives its address. */
async function create(name, members) {
  const inside = await porthole.create(name, "debian_12", undefined, members);
  return { inside, address: (await porthole.instance(name)).publicIpAddress };
}

/** Logs in with all three clients. */
async function logsIn(address, key, known) {
  const how = options(key, known);
  const login = `${USER}@${address}`;
  assert.equal(await ok("ssh", [...how, login, "id -un; sudo id -un"]), `${USER}\nroot\n`);
  assert.match(await ok("ssh", ["-tt", ...how, login, "tty"]), /^\/dev\/pts\/\d+\r?\n/);
  const bytes = randomBytes(300_000);
  const sent = await privateFile("sent", bytes);
  const back = join(folder, "back");
  await ok("scp", ["-q", ...how, sent, `${login}:copied`]);
  await ok("scp", ["-q", ...how, `${login}:copied`, back]);
  assert.deepEqual(await readFile(back), bytes);
  await ok("sftp", ["-q", ...how, "-b", "-", login], `put ${sent} dropped\nget dropped ${back}\nrm dropped\n`);
  assert.deepEqual(await readFile(back), bytes);
}

describe("ssh", () => {
  test("a created pair, and no other key", () =>
    guarded(async () => {
      const made = await porthole.client.send(new CreateKeyPairCommand({ keyPairName: "made" }));
      const key = await privateFile("made", made.privateKeyBase64);
      const { address, inside } = await create("ssh-made", { keyPairName: "made" });
      await logsIn(address, key, await knownHosts("ssh-made"));

      const stranger = await privateFile("stranger.pem", (await details("ssh-made")).privateKey);
      const refused = await run("ssh", [...options(stranger), `${USER}@${address}`, "true"]);
      assert.equal(refused.code, 255);
      assert.match(refused.stderr, /Permission denied \(publickey\)/, "no password is asked for");
      const root = await run("ssh", [...options(key), `root@${address}`, "true"]);
      assert.equal(root.code, 255, "the key is the person's alone");

      // Without the pair the instance goes on, also after a boot.
      await porthole.client.send(new DeleteKeyPairCommand({ keyPairName: "made" }));
      await porthole.succeeded(
        (await porthole.client.send(new RebootInstanceCommand({ instanceName: "ssh-made" }))).operations[0],
      );
      await inside.listening();
      await logsIn(address, key, await knownHosts("ssh-made"));
      await porthole.delete("ssh-made");
    }));

  test("an imported ed25519 pair, and the person's own list", () =>
    guarded(async () => {
      for (const name of ["mine", "other"]) {
        await ok("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
      }
      const [mine, other] = ["mine", "other"].map((name) => join(folder, name));
      const line = await readFile(`${mine}.pub`, "utf8");
      await porthole.client.send(new ImportKeyPairCommand({ keyPairName: "mine", publicKeyBase64: line }));
      const { address } = await create("ssh-mine", { keyPairName: "mine" });
      await logsIn(address, mine, await knownHosts("ssh-mine"));
      const add = "install -d -m 700 .ssh; cat >> .ssh/authorized_keys";
      await ok("ssh", [...options(mine), `${USER}@${address}`, add], await readFile(`${other}.pub`, "utf8"));
      await logsIn(address, other);
      await porthole.delete("ssh-mine");
    }));

  test("a session that ends while the host keys are made takes none of them with it", () =>
    guarded(async () => {
      await porthole.succeeded(await porthole.beginCreate("ssh-quick", "debian_12"));
      await porthole.startSession("ssh-quick");
      await porthole.succeeded(await porthole.stopSession("ssh-quick"));
      await porthole.booted("ssh-quick");
      const kinds = (await details("ssh-quick")).hostKeys.map((key) => key.algorithm);
      assert.deepEqual(kinds.sort(), ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"]);
      await porthole.delete("ssh-quick");
    }));

  test("the default pair and a temporary certificate, on two instances", () =>
    guarded(async () => {
      const [one, two] = [await create("ssh-one"), await create("ssh-two")];
      const download = await porthole.client.send(new DownloadDefaultKeyPairCommand({}));
      const key = await privateFile("default", download.privateKeyBase64);
      await logsIn(one.address, key, await knownHosts("ssh-one"));
      await logsIn(two.address, key, await knownHosts("ssh-two"));

      const access = await details("ssh-one");
      const temporary = await privateFile("tempkey", access.privateKey);
      await privateFile("tempkey-cert.pub", access.certKey);
      await logsIn(access.ipAddress, temporary, await knownHosts("ssh-one"));
      const elsewhere = await run("ssh", [...options(temporary), `${USER}@${two.address}`, "true"]);
      assert.equal(elsewhere.code, 255, "the certificate of one instance is nothing to another");

      const keys = async (name) => (await details(name)).hostKeys.map((hostKey) => hostKey.publicKey);
      const before = await keys("ssh-one");
      const foreign = await keys("ssh-two");
      assert.ok(before.every((hostKey) => !foreign.includes(hostKey)));
      // What was witnessed stays, until it is forgotten.
      const renew = "sudo rm /etc/ssh/ssh_host_*; sudo ssh-keygen -A";
      await ok("ssh", [...options(key), `${USER}@${one.address}`, renew]);
      assert.deepEqual(await keys("ssh-one"), before);
      await porthole.client.send(new DeleteKnownHostKeysCommand({ instanceName: "ssh-one" }));
      assert.notDeepEqual(await keys("ssh-one"), before);
      for (const name of ["ssh-one", "ssh-two"]) {
        await porthole.delete(name);
      }
    }));

  test("what runs there outlives displays and the server's own end", () =>
    guarded(async () => {
      const empty = await porthole.inventory();
      const { address, inside } = await create("ssh-life");
      const download = await porthole.client.send(new DownloadDefaultKeyPairCommand({}));
      const key = await privateFile("life", download.privateKeyBase64);
      const ssh = (command) => ok("ssh", [...options(key), `${USER}@${address}`, command]);
      await porthole.startSession("ssh-life");
      await ssh("setsid nohup sleep 5821 > /dev/null 2>&1 & setsid nohup sleep 5822 > /dev/null 2>&1 < /dev/null &");
      const display = await inside.running(/ display --name /);
      assert.ok(display.length > 0);
      for (const { pid } of display) {
        kill(pid, "SIGKILL");
      }
      await porthole.succeeded(await porthole.stopSession("ssh-life"));
      await until("the display's end", async () => (await inside.running(/Xvfb|Xvnc/)).length === 0);
      assert.equal((await inside.running(/^sleep 582[12]/)).length, 2);

      const [server] = await inside.running(/sshd.*listener|sshd -D/);
      kill(server.pid, "SIGKILL");
      await until("another SSH server", async () => {
        const [now] = await inside.running(/sshd.*listener|sshd -D/);
        return now !== undefined && now.pid !== server.pid;
      });
      await until("a login", async () => (await ssh("echo in")) === "in\n");
      await porthole.delete("ssh-life");
      await porthole.restored(empty);
    }));

  test("user data runs once, as root", () =>
    guarded(async () => {
      const userData = "#!/bin/bash\nid -un\necho run >> /root/runs\necho problem >&2\nexit 4\n";
      const { address, inside } = await create("ssh-data", { userData });
      const download = await porthole.client.send(new DownloadDefaultKeyPairCommand({}));
      const key = await privateFile("data", download.privateKeyBase64);
      const ssh = (command) => ok("ssh", [...options(key), `${USER}@${address}`, command]);
      const log = () => ssh("sudo cat /var/log/porthole-user-data.log");
      await until("its end", async () => /ended, exit code 4\n/.test(await log()));
      assert.match(await log(), /^root\nproblem\n/);
      await porthole.succeeded(
        (await porthole.client.send(new RebootInstanceCommand({ instanceName: "ssh-data" }))).operations[0],
      );
      await inside.listening();
      assert.equal(await ssh("sudo cat /root/runs"), "run\n");
      await porthole.delete("ssh-data");
    }));
});
