/** The main job: create, start, open, work, stop; with a real server, real instances and a real browser. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { keepPicture, launch, withPage } from "./support/browser.mjs";
import { openTerminal, PRINT_SIGN, settled, showsSign } from "./support/desktop.mjs";
import { Porthole } from "./support/porthole.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

let browser;
let porthole;
let failed = 0;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
});
after(async () => {
  await browser?.close();
  await porthole?.close(failed > 0);
});

async function open(page, url) {
  const viewer = new ViewerPage(page);
  await page.goto(url);
  await viewer.painted(30_000);
  return viewer;
}

/** A desktop is painted when its picture rests and has more than a few colours. */
async function paintedDesktop(viewer) {
  await until("a desktop", async () => (await viewer.colours()) > 50, 30_000);
  return settled(viewer);
}

describe("main job", () => {
  test("jupyterlab: two displays, a terminal, a cell, stop, start again", async (t) => {
    failed += 1;
    const inside = await porthole.create("lab-1", "jupyterlab");
    const commands = async () => (await inside.processes()).map(({ command }) => command).sort();
    const quiet = await commands();
    await porthole.startSession("lab-1");
    const { sessions } = await porthole.access("lab-1");
    assert.deepEqual(
      sessions.map(({ name, isPrimary }) => [name, isPrimary]),
      [
        ["application", true],
        ["desktop", false],
      ],
    );
    const urls = Object.fromEntries(sessions.map((session) => [session.name, session.url]));

    await withPage(t, browser, {}, async (application) => {
      await withPage(t, browser, {}, async (desktop) => {
        const screens = {
          application: await open(application, urls.application),
          desktop: await open(desktop, urls.desktop),
        };

        await paintedDesktop(screens.desktop);
        await keepPicture(desktop, "desktop-painted");
        await openTerminal(screens.desktop, inside);
        await desktop.keyboard.type(`echo $((6*7)) > result.txt; ${PRINT_SIGN}`);
        await desktop.keyboard.press("Enter");
        await until("the command's file", async () => (await inside.file("result.txt")) === "42\n", 20_000);
        await until("the command's output on the canvas", () => showsSign(screens.desktop));
        await keepPicture(desktop, "desktop-terminal");

        await paintedDesktop(screens.application);
        await keepPicture(application, "application-painted");
        await runCell(screens.application, inside);
        await keepPicture(application, "application-cell");

        const operation = await porthole.stopSession("lab-1");
        const [first, second] = await Promise.all([screens.application.over(1000), screens.desktop.over(1000)]);
        assert.equal(first.reason, "stopped");
        assert.equal(first.title, "This session has been stopped");
        assert.equal(second.reason, "stopped");
        await keepPicture(application, "application-stopped");

        for (const url of Object.values(urls)) {
          const { status, body } = await porthole.trade(url);
          assert.equal(status, 403);
          assert.equal(typeof body.message, "string");
        }
        assert.equal((await porthole.done(operation)).status, "Succeeded");
        assert.equal((await porthole.access("lab-1")).status, "stopped");
        await desktop.goto("about:blank");
        await desktop.goto(urls.desktop);
        const dead = await new ViewerPage(desktop).over();
        assert.notEqual(dead.text, "");
      });
    });

    assert.deepEqual(await commands(), quiet, "nothing of the session runs any more");

    await porthole.startSession("lab-1");
    const fresh = await porthole.urls("lab-1");
    assert.notEqual(fresh.desktop, urls.desktop);
    await withPage(t, browser, {}, async (page) => {
      const viewer = await open(page, fresh.desktop);
      await paintedDesktop(viewer);
      assert.equal(await showsSign(viewer), false, "the old terminal is gone");
      assert.equal(await inside.file("result.txt"), "42\n", "files stay");
      await keepPicture(page, "desktop-fresh");
    });
    await porthole.delete("lab-1");
    failed -= 1;
  });

  test("debian_12: the page outlives a crash of the server", async (t) => {
    failed += 1;
    const inside = await porthole.create("lab-2", "debian_12");
    await porthole.startSession("lab-2");
    const { desktop } = await porthole.urls("lab-2");
    await withPage(t, browser, {}, async (page) => {
      const viewer = await open(page, desktop);
      await paintedDesktop(viewer);
      await openTerminal(viewer, inside);
      await page.keyboard.type("echo before the crash");
      await settled(viewer);
      // Without the panel, whose clock goes on.
      const terminal = { x: 0, y: 60, width: 800, height: 500 };
      const picture = await viewer.hash(terminal);
      await porthole.kill();
      await until("the notice", async () => (await viewer.notice()) === "Reconnecting");
      await porthole.serve();
      await viewer.painted(20_000);
      await until("the same picture", async () => (await viewer.hash(terminal)) === picture);
      await page.keyboard.type(" > kept.txt");
      await page.keyboard.press("Enter");
      await until("the command's file", async () => (await inside.file("kept.txt")) === "before the crash\n");
    });
    await porthole.delete("lab-2");
    failed -= 1;
  });
});

/** Opens a notebook by the command palette and runs one cell in it. */
async function runCell(viewer, inside) {
  const { page } = viewer;
  await page.mouse.click(700, 500);
  await page.keyboard.press("Control+Shift+KeyC");
  await settled(viewer);
  await page.keyboard.type("new notebook");
  await settled(viewer);
  await page.keyboard.press("Enter");
  await settled(viewer);
  // The dialog that asks for a kernel has the only one chosen.
  await page.keyboard.press("Enter");
  await until("a kernel", async () => (await inside.running(/ipykernel/)).length > 0, 60_000);
  await settled(viewer);
  const cell = [
    "from IPython.display import HTML; open('cell.txt', 'w').write(str(6 * 7));",
    `HTML('<div style="background:#ff00aa;height:40px"></div>')`,
  ];
  await page.keyboard.type(cell.join(" "));
  await page.keyboard.press("Shift+Enter");
  await until("the cell's file", async () => (await inside.file("cell.txt")) === "42", 30_000);
  await until("the cell's output on the canvas", () => showsSign(viewer), 20_000);
}
