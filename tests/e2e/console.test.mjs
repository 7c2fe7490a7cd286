/** What a researcher does in the console, against a real server with real computers. */

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { keepPicture, launch } from "./support/browser.mjs";
import { flows, makePerson } from "./support/console.mjs";
import { openTerminal, settled } from "./support/desktop.mjs";
import { Porthole } from "./support/porthole.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

let browser;
let porthole;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  await makePerson(porthole, "ada");
});
after(async () => {
  await browser?.close();
  await porthole?.close(flow.failed());
});

const flow = flows(() => ({ browser, porthole }));

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
  // Its icons have more colours than the page that says that it starts.
  await until("JupyterLab", async () => (await viewer.colours()) >= 250, 120_000);
  await settled(viewer);
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
