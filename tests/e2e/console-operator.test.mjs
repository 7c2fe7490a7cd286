/** What an operator does in the console, against a real server. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { CreateDiskCommand } from "@aws-sdk/client-lightsail";
import { launch, withPage } from "./support/browser.mjs";
import { Console, makePerson, WIDE } from "./support/console.mjs";
import { Porthole } from "./support/porthole.mjs";
import { until } from "./support/wait.mjs";

const run = promisify(execFile);

let browser;
let porthole;
let failed = 5;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  await makePerson(porthole, "root", { role: "operator" });
});
after(async () => {
  await browser?.close();
  await porthole?.close(failed > 0);
});

test("an account and a person are made; the person's link leads in, a password is set, and a quota holds", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.go("operator/accounts");
    await my.button("Create account").click();
    await my.dialog().getByLabel("Name").fill("biology");
    await my.dialog().getByRole("button", { name: "Create account" }).click();
    await my.row("biology").waitFor();

    await my.choose(my.button("Actions of biology"), "Quotas");
    await my.dialog().getByLabel("Computers", { exact: true }).fill("1");
    await my.dialog().getByRole("button", { name: "Save" }).click();
    await page.getByText("The quotas of biology are saved.").waitFor();

    await my.go("operator/people");
    await my.button("Add person").click();
    await my.dialog().getByLabel("Name").fill("grace");
    await my
      .dialog()
      .getByRole("button", { name: /^Account/ })
      .click();
    await page.getByRole("option", { name: "biology" }).click();
    await my.dialog().getByRole("button", { name: "Add person" }).click();
    const shown = await my
      .dialog()
      .getByText(/#\/sign-in\//)
      .textContent();
    const link = new URL(shown.match(/https?:\S+/)[0]);
    await my.dialog().getByRole("button", { name: "Close" }).last().click();
    await my.row("grace").getByText("Link only").waitFor();

    await withPage(t, browser, WIDE, async (other) => {
      const graces = new Console(other, porthole.endpoint);
      await other.goto(`${porthole.endpoint}/console/${link.hash}`);
      await other.getByText("No computers yet").waitFor();
      await graces.go("password");
      await other.getByLabel("New password", { exact: true }).fill("tr0ub4dor and three");
      await other.getByLabel("New password again").fill("tr0ub4dor and three");
      await graces.button("Save").click();
      await other.getByText("The password is changed.", { exact: false }).waitFor();

      for (const name of ["first", "second"]) {
        await graces.go("create");
        await other.getByRole("radio", { name: /^Debian/ }).check({ force: true });
        await other.getByLabel("Name of the computer").fill(name);
        await graces.button("Create computer").click();
        await (name === "first"
          ? graces.heading(/^first/)
          : other.getByText("you've reached the maximum number of instances", { exact: false })
        ).waitFor({ timeout: 30_000 });
      }

      await my.choose(my.button("Actions of grace"), "Disable");
      await my
        .dialog()
        .getByText(/sign-ins end at once/)
        .waitFor();
      await my.dialog().getByRole("button", { name: "Disable" }).click();
      await my.row("grace").getByText("Disabled").waitFor();
      await other.getByText("Your sign-in has ended").first().waitFor({ timeout: 40_000 });
    });
  });
  failed -= 1;
});

test("a person gets another role, which counts at once, and is deleted; an account goes when nobody is in it", async (t) => {
  await makePerson(porthole, "mary", { account: "chemistry" });
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.go("operator/people");
    await withPage(t, browser, WIDE, async (other) => {
      const marys = new Console(other, porthole.endpoint);
      await marys.enter("mary");
      assert.equal(await marys.link("Audit log").count(), 0, "a researcher has no pages of the site");

      await my.choose(my.button("Actions of mary"), "Change role or account");
      await my.dialog().getByRole("button", { name: /^Role/ }).click();
      await page.getByRole("option", { name: "Operator" }).click();
      await my.dialog().getByRole("button", { name: "Save" }).click();
      await my.row("mary").getByText("Operator").waitFor();
      await other.getByText("Your sign-in has ended").first().waitFor({ timeout: 40_000 });
      await marys.enter("mary");
      await marys.link("Audit log").click();
      await marys.row("ChangePerson").getByText(/mary/).waitFor();

      await my.go("operator/accounts");
      await my.choose(my.button("Actions of chemistry"), "Delete");
      await my.dialog().getByRole("button", { name: "Delete" }).click();
      await my.dialog().getByText("That cannot be done now").waitFor();
      await my.dialog().getByRole("button", { name: "Cancel" }).click();

      await my.go("operator/people");
      await my.choose(my.button("Actions of mary"), "Delete");
      await my.dialog().getByRole("button", { name: "Delete" }).click();
      await my.row("mary").waitFor({ state: "detached" });
      await other.getByText("Your sign-in has ended").first().waitFor({ timeout: 40_000 });
    });
    await my.go("operator/accounts");
    await my.choose(my.button("Actions of chemistry"), "Delete");
    await my.dialog().getByRole("button", { name: "Delete" }).click();
    await page.getByText("The account chemistry is deleted.").waitFor();
    await my.row("chemistry").waitFor({ state: "detached" });
  });
  failed -= 1;
});

test("a price that is changed is what people see, and can be taken back", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.go("operator/bundles");
    await my.button("Change Nano").click();
    await my.dialog().getByLabel("Price of an hour").fill("0.5");
    await my.dialog().getByRole("button", { name: "Save" }).click();
    await my.row("nano_3_0").getByText("$0.50").waitFor();
    await withPage(t, browser, WIDE, async (other) => {
      const again = new Console(other, porthole.endpoint);
      await again.enter("root");
      await again.go("create");
      await other.getByText("$0.50 an hour").first().waitFor();
    });
    await my.choose(my.button("Actions of Nano"), "Back to the site's file");
    await my.dialog().getByRole("button", { name: "Back to the site's file" }).click();
    await my.row("nano_3_0").getByText("$0.0068").waitFor();
  });
  failed -= 1;
});

test("the site's pages tell what is so: capacity, health, sessions, blueprints with their log, audit", async (t) => {
  await porthole.create("lab-1", "debian_12");
  await porthole.startSession("lab-1");
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.go("operator/overview");
    await page.getByText(/\d+\.\d\d on \d+ CPUs/).waitFor();
    await until("checks", async () => (await page.getByRole("row").count()) > 3, 30_000);
    await my.go("operator/sessions");
    await my.row("lab-1").getByText("Started").waitFor();
    await my.go("operator/blueprints");
    await my
      .row("Debian")
      .getByText(/^Built/)
      .waitFor();
    await my.row("Debian").getByRole("link", { name: "Log of Debian" }).click();
    await my.heading("Log of the build of debian_12").waitFor();
    await my.go("operator/operations");
    await page.getByText("Nothing is under way").waitFor();
    await my.go("operator/audit");
    await my.row("StartGUISession").first().waitFor();
    assert.match(await my.row("StartGUISession").first().textContent(), /lab-1.*127\.0\.0\.1/);
  });
  failed -= 1;
});

test("an operation whose undo does not succeed is shown as stuck, and ends when it is tried again after the mend", async (t) => {
  // Where the folder of disks belongs there is a file: a disk can neither be made nor removed.
  const place = join(porthole.stateDir, "disks");
  const aside = `${place}.aside`;
  await mkdir(place, { recursive: true });
  await rename(place, aside);
  await writeFile(place, "");
  const disk = { diskName: "stuck-1", sizeInGb: 8, availabilityZone: "us-east-2a" };
  const { operations } = await porthole.client.send(new CreateDiskCommand(disk));
  const [{ id }] = operations;
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.go("operator/operations");
    await my.row("stuck-1").getByText("Under way").waitFor();
    await outOfTime(id);
    await my.row("stuck-1").getByText("Stuck", { exact: true }).first().waitFor({ timeout: 60_000 });
    await page.getByRole("checkbox", { name: "Stuck ones only" }).check({ force: true });
    await my.row("stuck-1").waitFor();
    assert.match(await porthole.command("operations", "list", "--stuck"), /stuck-1/);

    await noTrySoon(id);
    await rm(place);
    await rename(aside, place);
    await my.button("Retry the operation on stuck-1").click();
    await page.getByText("The operation on stuck-1 is tried again.").waitFor();
    await page.getByText("Nothing is stuck").waitFor({ timeout: 30_000 });
    assert.equal((await porthole.operation(id)).status, "Failed");
    await my.go("operator/audit");
    await my
      .row("RetryOperation")
      .getByText(/stuck-1/)
      .waitFor();
  });
  failed -= 1;
});

/** Brings the end of an operation's time, which is minutes away, forward in the store: to soon after its next try. */
async function outOfTime(id) {
  const past = "deadline_ms = next_try_ms + 1000";
  const first = ["", "0"];
  await until("past its first step", async () => !first.includes(await changeBetweenTries(id, past)), 60_000);
}

/** Puts an operation's next try off in the store, so that only who asks for it brings it about. */
async function noTrySoon(id) {
  const later = "next_try_ms = next_try_ms + 3600000";
  await until("between two tries", async () => (await changeBetweenTries(id, later)) !== "", 60_000);
}

/** Changes an operation's record while nobody works on it, and resolves to its progress; to "" while somebody does. */
async function changeBetweenTries(id, change) {
  const program = `import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=30) as store:
    query = "UPDATE operation SET " + sys.argv[3] + " WHERE id = ? AND lease_until_ms = 0 RETURNING progress"
    for (progress,) in store.execute(query, (sys.argv[2],)).fetchall():
        print(progress, end="")`;
  const { stdout } = await run("python3", ["-c", program, join(porthole.stateDir, "porthole.db"), id, change]);
  return stdout;
}
