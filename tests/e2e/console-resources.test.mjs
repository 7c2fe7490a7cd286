/** Disks, snapshots, ports, addresses and key pairs in the console, against a real server with real computers. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before } from "node:test";
import { promisify } from "node:util";
import {
  GetDiskCommand,
  GetInstancePortStatesCommand,
  GetKeyPairsCommand,
  GetStaticIpCommand,
  StartInstanceCommand,
  StopInstanceCommand,
} from "@aws-sdk/client-lightsail";
import { launch } from "./support/browser.mjs";
import { flows, makePerson } from "./support/console.mjs";
import { Porthole } from "./support/porthole.mjs";
import { until } from "./support/wait.mjs";

const run = promisify(execFile);

let browser;
let porthole;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  await makePerson(porthole, "ada");
  await porthole.create("lab-1", "debian_12");
});
after(async () => {
  await browser?.close();
  await porthole?.close(flow.failed());
});

const flow = flows(() => ({ browser, porthole }));

/** Stops or starts a computer and waits for it. */
async function turn(name, Command, state) {
  await porthole.client.send(new Command({ instanceName: name }));
  await until(`${name} ${state}`, async () => (await porthole.instance(name)).state.name === state, 60_000);
}

/** Presses the button at the end of a dialog and waits until the dialog is gone. */
async function agree(my, name) {
  await my.dialog().getByRole("button", { name, exact: true }).last().click();
  await until("no dialog", async () => (await my.dialog().count()) === 0, 30_000);
}

const gone = (row) => until("the row is gone", async () => (await row.count()) === 0, 30_000);

flow(
  "a disk is made, attached, detached once its computer stands, and comes back from its snapshot",
  async (my, page) => {
    await my.enter("ada");
    await my.go("disks");
    await my.button("Create disk").first().click();
    await my.dialog().getByLabel("Name").fill("notes");
    await my.dialog().getByLabel("Size in GB").fill("7");
    assert.ok(await my.dialog().getByRole("button", { name: "Create disk" }).isDisabled(), "7 GB are too few");
    await my.dialog().getByLabel("Size in GB").fill("8");
    await agree(my, "Create disk");
    await my.row("notes").getByText("Available").waitFor({ timeout: 30_000 });
    await my.choose(my.button("Actions of notes"), "Attach");
    await agree(my, "Attach");
    await my.row("notes").getByText("In the folder notes of your home").waitFor({ timeout: 30_000 });
    await porthole.shell("lab-1", "echo kept > notes/file");

    await my.choose(my.button("Actions of notes"), "Detach");
    await my.dialog().getByText("Stop lab-1 first", { exact: false }).waitFor();
    await my.dialog().getByRole("button", { name: "Detach", exact: true }).click();
    await my
      .dialog()
      .getByText(/You can't detach this disk right now/)
      .waitFor();
    await page.keyboard.press("Escape");
    await turn("lab-1", StopInstanceCommand, "stopped");
    await my.choose(my.button("Actions of notes"), "Detach");
    await agree(my, "Detach");
    await my.row("notes").getByText("Available").waitFor({ timeout: 30_000 });

    await my.choose(my.button("Actions of notes"), "Take snapshot");
    await my.dialog().getByLabel("Name").fill("notes-then");
    await agree(my, "Take snapshot");
    await my.go("snapshots");
    await my.row("notes-then").getByText("Completed").waitFor({ timeout: 30_000 });
    await my.go("disks");
    await my.choose(my.button("Actions of notes"), "Delete");
    await my
      .dialog()
      .getByText(/notes \(8 GB\) with all files on it/)
      .waitFor();
    await agree(my, "Delete");
    await gone(my.row("notes"));

    await my.go("snapshots");
    await my.button("New disk from notes-then").click();
    await my.dialog().getByLabel("Name").fill("notes-again");
    await agree(my, "New disk");
    await my.go("computers/lab-1/disks");
    await my.button("Attach a disk").click();
    await agree(my, "Attach");
    await my.row("notes-again").getByText("At the next start").waitFor({ timeout: 30_000 });
    await turn("lab-1", StartInstanceCommand, "running");
    assert.equal(await porthole.shell("lab-1", "cat notes-again/file"), "kept\n");
    const { disk } = await porthole.client.send(new GetDiskCommand({ diskName: "notes-again" }));
    assert.deepEqual([disk.attachedTo, disk.sizeInGb], ["lab-1", 8]);
    await my.go("snapshots");
    await my.button("Delete notes-then").click();
    await agree(my, "Delete");
    await gone(my.row("notes-then"));
  },
);

flow("a snapshot is taken, a computer is made from it, and the snapshot is deleted", async (my, page) => {
  await porthole.shell("lab-1", "echo then > state; sync");
  await my.enter("ada");
  await my.go("computers/lab-1/snapshots");
  await my.button("Take snapshot").first().click();
  await my.dialog().getByLabel("Name").fill("lab-then");
  await agree(my, "Take snapshot");
  await my.row("lab-then").getByText("Available").waitFor({ timeout: 60_000 });
  await porthole.shell("lab-1", "echo now > state");
  await my.link("New computer from lab-then").click();
  await page.getByText("Create a computer from lab-then").waitFor();
  await page.getByLabel("Name of the computer").fill("lab-2");
  await my.button("Create computer").click();
  await my.heading(/^lab-2/).waitFor({ timeout: 30_000 });
  await until("lab-2 running", async () => (await porthole.instance("lab-2")).state.name === "running", 60_000);
  assert.equal(await porthole.shell("lab-2", "cat state"), "then\n");
  await my.go("snapshots");
  await my.button("Delete lab-then").click();
  await my
    .dialog()
    .getByText(/The snapshot lab-then: the state that it keeps cannot be restored/)
    .waitFor();
  await agree(my, "Delete");
  await gone(my.row("lab-then"));
  assert.equal((await porthole.instance("lab-2")).state.name, "running", "what was made from it stays");
});

flow(
  "a port is opened for some and closed; an address is allocated, attached, detached and released",
  async (my, page) => {
    const open = async () => {
      const { portStates } = await porthole.client.send(new GetInstancePortStatesCommand({ instanceName: "lab-1" }));
      return portStates.filter(({ fromPort, state }) => fromPort === 8888 && state === "open");
    };
    await my.enter("ada");
    await my.go("computers/lab-1/ports");
    await my.button("Open a port").click();
    await my.dialog().getByLabel("Ports").fill("99999");
    await my
      .dialog()
      .getByText(/A port from 0 to 65535/)
      .waitFor();
    await my.dialog().getByLabel("Ports").fill("8888-8890");
    await my.dialog().getByLabel("From").fill("192.0.2.0/24");
    await agree(my, "Open a port");
    await my.row("8888").getByText("192.0.2.0/24").waitFor();
    assert.deepEqual(
      (await open()).map(({ toPort, protocol, cidrs }) => [toPort, protocol, cidrs]),
      [[8890, "tcp", ["192.0.2.0/24"]]],
    );
    await page.getByRole("button", { name: /^Close 8888/ }).click();
    await agree(my, "Close");
    await gone(my.row("8888"));
    assert.deepEqual(await open(), []);

    const address = async () => (await porthole.client.send(new GetStaticIpCommand({ staticIpName: "door" }))).staticIp;
    await my.go("addresses");
    await my.button("Allocate address").first().click();
    await my.dialog().getByLabel("Name").fill("door");
    await agree(my, "Allocate address");
    await my.row("door").waitFor();
    await my.choose(my.button("Actions of door"), "Attach");
    await my
      .dialog()
      .getByRole("button", { name: /^Computer/ })
      .click();
    await page.getByRole("option", { name: "lab-1", exact: true }).click();
    await agree(my, "Attach");
    await my.row("door").getByRole("link", { name: "lab-1" }).waitFor();
    const { ipAddress, attachedTo } = await address();
    assert.equal(attachedTo, "lab-1");
    await until("its address", async () => (await porthole.instance("lab-1")).publicIpAddress === ipAddress);
    await my.choose(my.button("Actions of door"), "Detach");
    await my.dialog().getByText(`lab-1 is no longer reached at ${ipAddress}`, { exact: false }).waitFor();
    await agree(my, "Detach");
    await until("detached", async () => (await address()).attachedTo === undefined);
    await my.choose(my.button("Actions of door"), "Release");
    await agree(my, "Release");
    await gone(my.row("door"));
  },
);

flow(
  "a key pair is made and shown once, one is imported and chosen for a computer, and both are deleted",
  async (my, page) => {
    const pairs = async () =>
      (await porthole.client.send(new GetKeyPairsCommand({}))).keyPairs.map(({ name }) => name).sort();
    await my.enter("ada");
    await my.go("key-pairs");
    await my.button("Create key pair").click();
    await my.dialog().getByLabel("Name").fill("made");
    await my.dialog().getByRole("button", { name: "Create key pair" }).click();
    await my.dialog().getByText("The private key is shown only now", { exact: false }).waitFor();
    const shown = await my.dialog().getByRole("region", { name: "Private key" }).textContent();
    const [download] = await Promise.all([page.waitForEvent("download"), my.button("Save the private key").click()]);
    assert.equal(download.suggestedFilename(), "made.pem");
    const kept = join(porthole.folder, "made.pem");
    await download.saveAs(kept);
    assert.equal(await readFile(kept, "utf8"), shown);
    await run("chmod", ["600", kept]);
    const { stdout } = await run("ssh-keygen", ["-y", "-f", kept]);
    assert.match(stdout, /^ssh-/);
    await my.dialog().getByRole("button", { name: "Close" }).last().click();
    assert.doesNotMatch(await page.textContent("body"), /PRIVATE KEY/);

    const own = join(porthole.folder, "own");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", own]);
    await my.button("Import public key").click();
    await my.dialog().getByLabel("Name").fill("own");
    await my
      .dialog()
      .getByLabel("Public key")
      .fill(await readFile(`${own}.pub`, "utf8"));
    await agree(my, "Import public key");
    await my.row("own").waitFor();
    assert.deepEqual(await pairs(), ["made", "own"]);

    await my.go("create");
    await page.getByRole("radio", { name: /^Debian/ }).check({ force: true });
    await page.getByLabel("Name of the computer").fill("keyed");
    await page.getByText("More settings").click();
    await page.getByRole("button", { name: /^SSH key pair/ }).click();
    await page.getByRole("option", { name: "own", exact: true }).click();
    await my.button("Create computer").click();
    await my.heading(/^keyed/).waitFor({ timeout: 30_000 });
    assert.equal((await porthole.instance("keyed")).sshKeyName, "own");

    await my.go("key-pairs");
    for (const name of ["made", "own"]) {
      await my.button(`Delete ${name}`).click();
      await my
        .dialog()
        .getByText(/The pair can be chosen for no new computer/)
        .waitFor();
      await agree(my, "Delete");
      await gone(my.row(name));
    }
    assert.deepEqual(await pairs(), []);
  },
);
