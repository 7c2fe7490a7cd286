/** What a researcher does in the console, against a real server with real computers. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { keepPicture, launch, withPage } from "./support/browser.mjs";
import { Console, makeLink, makePerson, WIDE } from "./support/console.mjs";
import { openTerminal, settled } from "./support/desktop.mjs";
import { Porthole } from "./support/porthole.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

let browser;
let porthole;
let failed = 0;
let ran = 0;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  await makePerson(porthole, "ada");
  await makePerson(porthole, "bob", { account: "other" });
});
after(async () => {
  await browser?.close();
  await porthole?.close(failed > 0 || ran === 0);
});

/** A test with a page of the console; what the browser complains about fails it. */
function flow(name, use) {
  test(name, async (t) => {
    ran += 1;
    failed += 1;
    await withPage(t, browser, WIDE, async (page, log) => {
      await use(new Console(page, porthole.endpoint), page, t);
      const refused = log.filter((line) => /Content Security Policy|^error:/.test(line));
      assert.deepEqual(refused, []);
    });
    failed -= 1;
  });
}

/** The tab that a link opens. */
async function tabOf(page, open) {
  const [tab] = await Promise.all([page.context().waitForEvent("page"), open()]);
  return tab;
}

async function state(name) {
  return (await porthole.instance(name)).state.name;
}

flow("four clicks from the sign-in to a running JupyterLab", async (my, page) => {
  await page.goto(`${porthole.endpoint}/`);
  await my.button("Sign in").waitFor();
  await keepPicture(page, "console-story-1-sign-in");
  await my.signIn("ada");
  await my.click(my.link("Create computer").first());
  await page.getByRole("radio", { name: /JupyterLab/ }).waitFor();
  assert.ok(await page.getByRole("radio", { name: /JupyterLab/ }).isChecked());
  await keepPicture(page, "console-story-2-create");
  await my.click(my.button("Create computer"));
  await my.heading(/^jupyterlab-1/).waitFor();
  const tab = await tabOf(page, () => my.click(my.link(/^Open application/, { exact: false }).first()));
  const viewer = new ViewerPage(tab);
  await viewer.painted(120_000);
  assert.ok(my.clicks <= 4, `${my.clicks} clicks`);
  assert.equal((await porthole.access("jupyterlab-1")).status, "started");
  await until("JupyterLab's window", async () => (await viewer.notice()) === "", 60_000);
  await keepPicture(tab, "console-story-4-jupyterlab");
  await page.bringToFront();
  await page.getByText("Started", { exact: true }).first().waitFor();
  await page.getByAltText("The application of jupyterlab-1 now").waitFor({ timeout: 30_000 });
  await keepPicture(page, "console-story-3-computer");
});

flow("stopping a session asks first and names the windows that are open", async (my, page) => {
  await my.enter("ada");
  await porthole.create("stop-1", "debian_12");
  await porthole.startSession("stop-1");
  const inside = await porthole.booted("stop-1");
  await my.go("computers/stop-1");
  const tab = await tabOf(page, () =>
    my
      .link(/^Open desktop/, { exact: false })
      .first()
      .click(),
  );
  const viewer = new ViewerPage(tab);
  await viewer.painted(60_000);
  await openTerminal(viewer, inside);
  await settled(viewer);
  await page.bringToFront();
  await my.choose(my.button("Actions"), "Stop session");
  await my
    .dialog()
    .getByText(/These windows are still open/)
    .waitFor();
  assert.match(await my.dialog().textContent(), /Terminal/i);
  assert.match(await my.dialog().textContent(), /Unsaved work in them will be lost/);
  await keepPicture(page, "console-stop-session");
  await my.button("Cancel").click();
  assert.equal((await porthole.access("stop-1")).status, "started", "nothing happened yet");

  await my.choose(my.button("Actions"), "Stop session");
  await my.button("Snapshot, then stop").click();
  await until("stopped", async () => (await porthole.access("stop-1")).status === "stopped", 120_000);
  await my.go("snapshots");
  await my.row("stop-1-").getByText("Available").waitFor({ timeout: 30_000 });
  assert.equal((await viewer.over(20_000)).reason, "stopped");
});

flow("a computer is stopped, opened again from the list, rebooted and deleted", async (my, page) => {
  await my.enter("ada");
  await porthole.create("life-1", "debian_12");
  await my.go("computers/life-1");
  await my.choose(my.button("Actions"), "Stop computer");
  await my
    .dialog()
    .getByText(/No window is open/)
    .waitFor();
  await my.dialog().getByRole("button", { name: "Stop computer" }).click();
  await until("stopped", async () => (await state("life-1")) === "stopped", 60_000);
  await my.go("computers");
  await my.row("life-1").getByText("Stopped").waitFor();
  const tab = await tabOf(page, () =>
    my
      .row("life-1")
      .getByRole("link", { name: /Start and open life-1/ })
      .click(),
  );
  await new ViewerPage(tab).painted(120_000);
  await tab.close();
  await page.bringToFront();
  await my.row("life-1").getByText("Running").waitFor();
  await my.go("computers/life-1");
  await my.choose(my.button("Actions"), "Delete");
  const says = await my.dialog().textContent();
  assert.match(says, /What will be lost/);
  assert.match(says, /system disk of life-1/);
  assert.match(says, /What stays/);
  await my.dialog().getByRole("button", { name: "Delete computer" }).click();
  await my.heading(/^Computers/).waitFor();
  await until("gone", async () => (await my.row("life-1").count()) === 0, 60_000);
});

flow("a one-time link signs in once and leaves no token behind", async (my, page) => {
  const link = await makeLink(porthole, "ada");
  await page.goto(link);
  await my.heading(/^Computers/).waitFor();
  assert.ok(!page.url().includes(link.split("/").at(-1)));
  await my.button("Signed in as ada").click();
  await page.getByRole("menuitem", { name: "Sign out", exact: true }).click();
  await my.button("Sign in").waitFor();
  await page.goto("about:blank");
  await page.goto(link);
  await page.getByText("This link does not work any more").waitFor();
});

flow("a wrong password is refused without saying what was wrong, and too many make one wait", async (my, page) => {
  await makePerson(porthole, "eve");
  await my.signIn("eve", "not the password");
  await page.getByText("Signing in failed").waitFor();
  const said = await page.getByRole("alert").textContent();
  await my.signIn("nobody-at-all", "not the password");
  await until("the same answer", async () => (await page.getByRole("alert").textContent()) === said);
  for (let attempt = 0; attempt < 7; attempt += 1) {
    await my.signIn("eve", "not the password");
    await until("an answer", () => my.button("Sign in").isDisabled());
  }
  await page.getByText("Too many attempts").waitFor();
  await page.getByText(/Try again in \d+/).waitFor();
});

flow("two people of different accounts never see each other's things", async (my, _page, t) => {
  await porthole.create("mine-1", "debian_12");
  await my.enter("ada");
  await my.row("mine-1").waitFor();
  await withPage(t, browser, WIDE, async (other) => {
    const bobs = new Console(other, porthole.endpoint);
    await bobs.enter("bob");
    await other.getByText("No computers yet").waitFor();
    await bobs.go("computers/mine-1");
    await other.getByText("There is no computer mine-1").waitFor();
    for (const path of ["disks", "snapshots", "addresses", "usage"]) {
      await bobs.go(path);
      await bobs.settled();
      assert.ok(!(await other.textContent("body")).includes("mine-1"), path);
    }
    await bobs.go("operator/people");
    await other.getByText("There is no such page").first().waitFor();
  });
  await porthole.delete("mine-1");
});

flow("a server that restarts while the console is open goes unnoticed but for a message", async (my, page) => {
  await my.enter("ada");
  await porthole.create("restart-1", "debian_12");
  await my.row("restart-1").getByText("Running").waitFor();
  await porthole.kill();
  await page.getByText("The server does not answer").first().waitFor({ timeout: 40_000 });
  assert.ok(await my.row("restart-1").isVisible(), "what was there stays");
  await porthole.serve();
  await until(
    "the message is gone",
    async () => (await page.getByText("The server does not answer").count()) === 0,
    30_000,
  );
  await porthole.delete("restart-1");
  await until("live again", async () => (await my.row("restart-1").count()) === 0, 30_000);
});

flow(
  "signing out everywhere ends the other browser's sign-in, which is asked for again over the page",
  async (my, page, t) => {
    await my.enter("ada");
    await withPage(t, browser, WIDE, async (other) => {
      const second = new Console(other, porthole.endpoint);
      await second.enter("ada");
      await second.go("create");
      await other.getByLabel("Name of the computer").fill("half-written");
      await my.button("Signed in as ada").click();
      await page.getByRole("menuitem", { name: "Sign out everywhere" }).click();
      await my.button("Sign in").waitFor();
      await other.getByText("Your sign-in has ended").first().waitFor({ timeout: 40_000 });
      await second.dialog().getByLabel("Password").fill("correct horse battery");
      await second.dialog().getByRole("button", { name: "Sign in" }).click();
      await until("the page again", async () => (await second.dialog().count()) === 0);
      assert.equal(await other.getByLabel("Name of the computer").inputValue(), "half-written");
    });
  },
);
