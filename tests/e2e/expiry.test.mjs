/** The hour, configured to seconds: viewers are cut off, applications live on, a start resumes the same desktop. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { keepPicture, launch, withPage } from "./support/browser.mjs";
import { openTerminal, settled } from "./support/desktop.mjs";
import { Porthole } from "./support/porthole.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

const HOUR_MS = 20_000;

let browser;
let porthole;
let failed = true;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start(`[session]\nduration_ms = ${HOUR_MS}`);
});
after(async () => {
  await browser?.close();
  await porthole?.close(failed);
});

/** Does what a person does in a session that must not expire meanwhile, however slow the machine is. */
async function inTime(name, work) {
  const renew = setInterval(() => porthole.beginStart(name).catch(() => {}), HOUR_MS / 4);
  try {
    await work();
  } finally {
    clearInterval(renew);
  }
}

test("an expired session is resumed with the same typed text", async (t) => {
  const inside = await porthole.create("hour-1", "debian_12");
  await porthole.startSession("hour-1");
  const old = (await porthole.urls("hour-1")).desktop;
  let shell;
  await withPage(t, browser, {}, async (page) => {
    const viewer = new ViewerPage(page);
    await page.goto(old);
    await inTime("hour-1", async () => {
      await viewer.painted(30_000);
      await openTerminal(viewer, inside);
      // Typed, not run: the text exists nowhere but in the terminal.
      await page.keyboard.type("echo the same desktop > typed.txt");
      await settled(viewer);
    });
    [shell] = await inside.running(/\bbash\b/);
    const over = await viewer.over(HOUR_MS + 10_000);
    assert.equal(over.reason, "expired");
    await keepPicture(page, "expired");
  });
  await until("startExpired", async () => (await porthole.access("hour-1")).status === "startExpired");
  assert.equal((await porthole.trade(old)).status, 403);
  assert.ok(
    (await inside.running(/\bbash\b/)).some(({ pid }) => pid === shell.pid),
    "the shell lives on",
  );

  await porthole.startSession("hour-1");
  assert.equal((await porthole.trade(old)).status, 403, "the old link stays dead");
  await withPage(t, browser, {}, async (page) => {
    const viewer = new ViewerPage(page);
    await page.goto((await porthole.urls("hour-1")).desktop);
    await inTime("hour-1", async () => {
      await viewer.painted(30_000);
      await settled(viewer);
      await keepPicture(page, "resumed");
      assert.equal(await inside.file("typed.txt"), undefined);
      await page.keyboard.press("Enter");
      await until(
        "the typed command's file",
        async () => (await inside.file("typed.txt")) === "the same desktop\n",
        20_000,
      );
    });
  });
  assert.ok(
    (await inside.running(/\bbash\b/)).some(({ pid }) => pid === shell.pid),
    "it is the same shell",
  );
  await porthole.delete("hour-1");
  failed = false;
});
