/** Each application that is offered and built: its display comes up with its window, and a picture of it is kept. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { keepPicture, launch, withPage } from "./support/browser.mjs";
import { Porthole } from "./support/porthole.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

const BLUEPRINTS = join(import.meta.dirname, "../../crates/server/data/blueprints.toml");
const IMAGES = "/var/lib/porthole/images";

/** Colours that a window with text and icons has at least; a blank screen, or one with a sentence on it, has fewer. */
const COLOURS = 150;

/** Blueprints with an application, by the lines of the file that say so. */
async function applications() {
  const text = await readFile(BLUEPRINTS, "utf8");
  const value = (table, key) => new RegExp(`^${key} = "(.*)"$`, "m").exec(table)?.[1];
  return text
    .split("[[blueprint]]\n")
    .filter((table) => /^name = "application"$/m.test(table))
    .map((table) => ({ id: value(table, "id"), image: value(table, "image") }))
    .filter(({ image }) => existsSync(join(IMAGES, `${image}.erofs`)));
}

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

/** Where a frame would be: the application's window fills the screen, so that nothing of the black root shows. */
async function fills(viewer) {
  const { width, height } = await viewer.size();
  const edges = [
    { x: 0, y: height - 1, width, height: 1 },
    { x: 0, y: 0, width: 1, height },
    { x: width - 1, y: 0, width: 1, height },
  ];
  for (const edge of edges) {
    const pixels = await viewer.pixels(edge);
    let black = 0;
    for (let at = 0; at < pixels.length; at += 4) {
      black += pixels[at] + pixels[at + 1] + pixels[at + 2] === 0 ? 1 : 0;
    }
    if (black > pixels.length / 40) {
      return false;
    }
  }
  return true;
}

describe("applications", async () => {
  for (const { id } of await applications()) {
    test(`${id}: its window fills the display`, async (t) => {
      failed += 1;
      const name = `app-${id.replaceAll("_", "-")}`;
      const inside = await porthole.create(name, id);
      const quiet = (await inside.processes()).length;
      const since = performance.now();
      await porthole.startSession(name);
      t.diagnostic(`${id} started after ${Math.round(performance.now() - since)} ms`);
      const { application } = await porthole.urls(name);
      await withPage(t, browser, {}, async (page) => {
        const viewer = new ViewerPage(page);
        await page.goto(application);
        await viewer.painted(30_000);
        await until("a window", async () => (await viewer.colours()) >= COLOURS && fills(viewer), 90_000);
        await keepPicture(page, name);
      });
      assert.equal((await porthole.access(name)).status, "started");
      assert.equal((await porthole.done(await porthole.stopSession(name))).status, "Succeeded");
      assert.equal((await inside.processes()).length, quiet, "nothing of the session runs any more");
      await porthole.delete(name);
      failed -= 1;
    });
  }
});
