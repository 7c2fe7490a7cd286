/** Sharing, disks, snapshots, tags, costs and access keys in the console, against a real server. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { DeleteInstanceCommand, GetDiskCommand, GetInstancesCommand, LightsailClient } from "@aws-sdk/client-lightsail";
import { launch, withPage } from "./support/browser.mjs";
import { Console, makePerson, WIDE } from "./support/console.mjs";
import { openTerminal } from "./support/desktop.mjs";
import { Porthole } from "./support/porthole.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

const run = promisify(execFile);

let browser;
let porthole;
let failed = 6;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  await makePerson(porthole, "ada");
  await porthole.create("lab-1", "debian_12");
});
after(async () => {
  await browser?.close();
  await porthole?.close(failed > 0);
});

test("a shared link lets somebody watch, is listed, and ends at once when it is revoked", async (t) => {
  await porthole.startSession("lab-1");
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("ada");
    await my.go("computers/lab-1/viewers");
    await my.button("Share a link").click();
    await my.dialog().getByRole("button", { name: "Share a link" }).click();
    const shown = my.dialog().getByText(/\/view\/#t=/);
    const url = (await shown.textContent()).match(/https?:\S+/)[0];
    await my.dialog().getByRole("button", { name: "Close" }).last().click();
    await withPage(t, browser, {}, async (guest) => {
      await guest.goto(url);
      const viewer = new ViewerPage(guest);
      await viewer.painted(60_000);
      assert.match(await guest.textContent("#toolbar-name"), /view only/);
      await my.row("Shared link").getByText("Watch").waitFor({ timeout: 20_000 });
      await page
        .getByRole("button", { name: /^Revoke/ })
        .first()
        .click();
      await my
        .dialog()
        .getByText(/1 viewer is cut off/)
        .waitFor();
      await my.dialog().getByRole("button", { name: "Revoke" }).click();
      await viewer.over(10_000);
      await page.getByText("Nobody is connected").waitFor({ timeout: 20_000 });
      assert.equal((await porthole.trade(url)).status, 403);
    });
  });
  failed -= 1;
});

/** Ids of who is connected to the computer. */
const connected = (page) =>
  page.evaluate(async () => {
    const { viewers } = await (await fetch("/console/api/viewers?instance=lab-1")).json();
    return viewers.map(({ id }) => id);
  });

test("a shared link to control lets somebody type, and the page says who is connected until they are cut off", async (t) => {
  const inside = await porthole.booted("lab-1");
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("ada");
    await my.go("computers/lab-1/viewers");
    await my.button("Share a link").click();
    await my
      .dialog()
      .getByRole("radio", { name: /^Control/ })
      .check({ force: true });
    await my.dialog().getByRole("button", { name: "Share a link" }).click();
    const url = (
      await my
        .dialog()
        .getByText(/\/view\/#t=/)
        .textContent()
    ).match(/https?:\S+/)[0];
    await my.dialog().getByRole("button", { name: "Close" }).last().click();
    await withPage(t, browser, {}, async (guest) => {
      await guest.goto(url);
      const viewer = new ViewerPage(guest);
      await viewer.painted(60_000);
      await openTerminal(viewer, inside);
      await guest.keyboard.type("touch typed-by-a-guest\n");
      await until("what the guest typed", async () => (await inside.file("typed-by-a-guest")) === "");
      const who = my.row("127.0.0.1");
      await who.getByText("Control", { exact: true }).waitFor({ timeout: 20_000 });
      assert.match(await who.textContent(), /^ada.*Desktop.*127\.0\.0\.1.*Shared link/);
      const [first] = await connected(page);
      await page.getByRole("button", { name: "Disconnect ada at 127.0.0.1" }).click();
      await page.getByText("The viewer is disconnected. Its link still works.").waitFor();
      await until("the guest is cut off, and is back by the link", async () => {
        const [now] = await connected(page);
        return now !== undefined && now !== first;
      });
    });
  });
  failed -= 1;
});

test("a computer with a data disk: it is made, attached, and named on both pages", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("ada");
    await my.go("create");
    await page.getByRole("radio", { name: /^Debian/ }).check({ force: true });
    await page.getByLabel("Name of the computer").fill("with-disk");
    await page.getByRole("checkbox", { name: /Add a data disk/ }).check({ force: true });
    await page.getByLabel("Size in GB").fill("8");
    await my.button("Create computer").click();
    await my.heading(/^with-disk/).waitFor();
    await page.getByText("The disk with-disk-data is attached.").waitFor({ timeout: 90_000 });
    const { disk } = await porthole.client.send(new GetDiskCommand({ diskName: "with-disk-data" }));
    assert.deepEqual([disk.attachedTo, disk.autoMountStatus, disk.sizeInGb], ["with-disk", "Mounted", 8]);
    await my.go("computers/with-disk/disks");
    await my.row("with-disk-data").getByText("In the folder").waitFor();

    await my.go("computers/with-disk/tags");
    await my.button("Add tag").click();
    await page.getByLabel("Key of tag 1").fill("course");
    await page.getByLabel("Value of tag 1").fill("CS149");
    await my.button("Save").click();
    await page.getByText("The tags are saved.").waitFor();
    assert.deepEqual((await porthole.instance("with-disk")).tags, [{ key: "course", value: "CS149" }]);

    await my.go("computers/with-disk/idle");
    await page.getByText(/at most 5 % for 30 minutes/).waitFor();
    await my.button("Switch off").click();
    await page.getByText("The rule is switched off.").waitFor();
    assert.ok(!(await porthole.instance("with-disk")).addOns?.some(({ status }) => status === "Enabled"));
  });
  const removed = await porthole.client.send(
    new DeleteInstanceCommand({ instanceName: "with-disk", forceDeleteAddOns: true }),
  );
  for (const operation of removed.operations) {
    await porthole.succeeded(operation);
  }
  failed -= 1;
});

test("a data disk is attached though the tab is closed at once, as soon as the console is open again", async (t) => {
  const disk = () =>
    porthole.client.send(new GetDiskCommand({ diskName: "left-data" })).then(
      (found) => found.disk,
      () => undefined,
    );
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("ada");
    await my.go("create");
    await page.getByRole("radio", { name: /^Debian/ }).check({ force: true });
    await page.getByLabel("Name of the computer").fill("left");
    await page.getByRole("checkbox", { name: /Add a data disk/ }).check({ force: true });
    await page.getByLabel("Name of the disk").fill("lab-1");
    await page.getByText("There is something of this name already.").waitFor();
    await page.getByLabel("Name of the disk").fill("left-data");
    await page.getByLabel("Size in GB").fill("8");
    const accepted = page.waitForResponse(
      (response) => response.request().headers()["x-amz-target"]?.endsWith(".CreateInstances") === true,
    );
    await Promise.all([accepted, my.button("Create computer").click()]);
    const context = page.context();
    await page.close();
    await until("left running", async () => (await porthole.instance("left")).state.name === "running", 60_000);
    assert.equal((await disk())?.attachedTo, undefined, "nobody attaches it meanwhile");

    const again = await context.newPage();
    await again.goto(`${porthole.endpoint}/`);
    await again.getByText("The disk left-data is attached.").waitFor({ timeout: 60_000 });
    const { attachedTo, autoMountStatus, sizeInGb } = await disk();
    assert.deepEqual([attachedTo, autoMountStatus, sizeInGb], ["left", "Mounted", 8]);
    assert.deepEqual(await again.evaluate(() => Object.keys(localStorage)), [], "nothing is left to do");
  });
  await porthole.delete("left");
  failed -= 1;
});

test("usage by computer and day, and the same as a file", async (t) => {
  await withPage(t, browser, { ...WIDE, acceptDownloads: true }, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("ada");
    await my.go("usage");
    await my.row("lab-1").waitFor();
    await my.row("lab-1").getByText("Computer").waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), my.button("Download CSV").click()]);
    const [head, ...rows] = (await readFile(await download.path(), "utf8")).trim().split("\r\n");
    assert.equal(head, "day,resource,resource_type,usage_type,usage,unit,cost,currency");
    assert.ok(rows.some((row) => row.includes(",lab-1,Instance,BundleUsage:medium_3_0,")));
  });
  failed -= 1;
});

test("an access key is shown once, works, is restricted, and is revoked", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("ada");
    await my.go("access-keys");
    await my.button("Create access key").click();
    await my.dialog().getByLabel("Description").fill("notebook");
    await my.dialog().getByRole("button", { name: "Create access key" }).click();
    await my.dialog().getByText("The secret is shown only now", { exact: false }).waitFor();
    const [id, secret] = await my.dialog().locator(".copied").allTextContents();
    const client = new LightsailClient({
      endpoint: porthole.endpoint,
      region: "us-east-2",
      credentials: { accessKeyId: id.trim(), secretAccessKey: secret.trim() },
      maxAttempts: 1,
    });
    const ask = () =>
      client.send(new GetInstancesCommand({})).then(
        ({ instances }) => instances.length,
        (error) => error.name,
      );
    assert.ok((await ask()) > 0);
    for (const [language, line] of [
      ["aws CLI", "export AWS_ENDPOINT_URL_LIGHTSAIL="],
      ["Python (boto3)", "import boto3"],
      ["Rust", "use aws_sdk_lightsail"],
      ["JavaScript", "import { GetInstancesCommand"],
    ]) {
      await my.dialog().getByRole("tab", { name: language }).click();
      const lines = await my.dialog().getByRole("region", { name: language }).textContent();
      for (const part of [line, porthole.endpoint, id.trim(), secret.trim()]) {
        assert.ok(lines.includes(part), `${language}: ${part}`);
      }
    }
    const lines = await my.dialog().getByRole("region", { name: "JavaScript" }).textContent();
    const node = run(process.execPath, ["--input-type=module", "--eval", lines], { cwd: import.meta.dirname });
    assert.match((await node).stdout, /^lab-1 running$/m);
    await my.dialog().getByRole("button", { name: "Close" }).last().click();
    assert.ok(!(await page.textContent("body")).includes(secret.trim()), "the secret is gone");

    await my.choose(my.button(`Actions of ${id.trim()}`), "Restrict");
    await my.dialog().getByRole("button", { name: /^May/ }).click();
    await page.getByRole("option", { name: /Use the computers with a tag/ }).click();
    await my.dialog().getByRole("button", { name: "Save" }).click();
    await page.getByText("The policy is in force.").waitFor();
    await until("a refusal", async () => (await ask()) === "AccessDeniedException");

    await my.choose(my.button(`Actions of ${id.trim()}`), "Revoke");
    await my
      .dialog()
      .getByText(/stop working at once/)
      .waitFor();
    await my.dialog().getByRole("button", { name: "Revoke" }).click();
    await my.row(id.trim()).getByText("Revoked").waitFor();
    await until("an unknown key", async () => (await ask()) === "UnrecognizedClientException");
  });
  failed -= 1;
});
