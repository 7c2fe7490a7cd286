/** The keyboard alone, in the console and a desktop, against a real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, withPage } from "./support/browser.mjs";
import { Console, makePerson, PASSWORD, WIDE } from "./support/console.mjs";
import { Porthole } from "./support/porthole.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

let browser;
let porthole;
let failed = true;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  await makePerson(porthole, "root");
});
after(async () => {
  await browser?.close();
  await porthole?.close(failed);
});

/** Presses Tab until this has the focus; gives up after a whole round. */
async function tabTo(page, target) {
  for (let pressed = 0; pressed < 150; pressed += 1) {
    if (
      await target
        .evaluate((element) => element === document.activeElement || element.contains(document.activeElement))
        .catch(() => false)
    ) {
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not reach ${target}`);
}

test("the keyboard alone creates, opens and stops a computer", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await page.goto(`${porthole.endpoint}/`);
    await my.button("Sign in").waitFor();
    await page.keyboard.type("root");
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await my.heading(/^Computers/).waitFor();
    await tabTo(page, my.link("Create computer").first());
    await page.keyboard.press("Enter");
    await page.getByRole("radio", { name: /Debian/ }).waitFor();
    await tabTo(page, page.getByRole("radiogroup", { name: "Application" }));
    for (let step = 0; step < 12 && !(await page.getByRole("radio", { name: /^Debian/ }).isChecked()); step += 1) {
      await page.keyboard.press("ArrowDown");
    }
    assert.ok(await page.getByRole("radio", { name: /^Debian/ }).isChecked());
    await tabTo(page, page.getByLabel("Name of the computer"));
    await page.keyboard.press("Control+A");
    await page.keyboard.type("keys-1");
    await page.keyboard.press("Enter");
    await my.heading(/^keys-1/).waitFor({ timeout: 30_000 });
    await until("running", async () => (await porthole.instance("keys-1")).state.name === "running", 60_000);
    const open = my.link(/^Open desktop/, { exact: false }).first();
    await open.waitFor();
    await tabTo(page, open);
    const [tab] = await Promise.all([page.context().waitForEvent("page"), page.keyboard.press("Enter")]);
    await new ViewerPage(tab).painted(120_000);
    await tab.close();
    await page.bringToFront();
    await page.getByText("Started", { exact: true }).first().waitFor();
    await page.evaluate(() => document.activeElement?.blur());
    await tabTo(page, my.button("Actions"));
    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowDown");
    const stop = page.getByRole("menuitem", { name: "Stop session", exact: true });
    for (let step = 0; step < 8; step += 1) {
      if (await stop.evaluate((item) => item === document.activeElement || item.contains(document.activeElement))) {
        break;
      }
      await page.keyboard.press("ArrowDown");
    }
    await page.keyboard.press("Enter");
    await my.dialog().waitFor();
    await tabTo(page, my.dialog().getByRole("button", { name: "Stop session" }));
    await page.keyboard.press("Enter");
    await until("stopped", async () => (await porthole.access("keys-1")).status === "stopped", 60_000);
    await porthole.delete("keys-1");
  });
  failed = false;
});
