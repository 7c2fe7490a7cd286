/**
 * Each application that is offered and built: its display comes up with its window, which then stands still, and a picture
 * of it is kept. One whose image is not built is not offered.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { GetBlueprintsCommand } from "@aws-sdk/client-lightsail";
import { keepPicture, launch, withPage } from "./support/browser.mjs";
import { Porthole } from "./support/porthole.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

const BLUEPRINTS = join(import.meta.dirname, "../../crates/server/data/blueprints.toml");
const IMAGES = "/var/lib/porthole/images";

/** Colours that a window with text and icons has at least; a blank screen, or one with a sentence on it, has fewer. */
const COLOURS = 150;

/** So long nothing comes of a window that nobody touches: a cursor blinks, and a meter is read, more often. */
const REST_MS = 3_000;

/** Blueprints with an application, by the lines of the file that say so. */
async function applications() {
  const text = await readFile(BLUEPRINTS, "utf8");
  const value = (table, key) => new RegExp(`^${key} = "(.*)"$`, "m").exec(table)?.[1];
  return text
    .split("[[blueprint]]\n")
    .filter((table) => /^name = "application"$/m.test(table))
    .map((table) => ({ id: value(table, "id"), image: value(table, "image"), version: value(table, "version") }))
    .filter(({ image }) => existsSync(join(IMAGES, `${image}.erofs`)));
}

/** What an image was made of, with versions: Debian's packages, Python's, npm's. */
function packages(name) {
  return porthole.shell(name, "cat /usr/share/porthole/packages /opt/*/package.json 2> /dev/null || true");
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
  for (const { id, version } of await applications()) {
    test(`${id}: its window fills the display and rests`, async (t) => {
      failed += 1;
      const name = `app-${id.replaceAll("_", "-")}`;
      const inside = await porthole.create(name, id);
      const told = new RegExp(`^\\W*${id.replace("_", "[-_]")}\\W+${version.replaceAll(".", "\\.")}\\b`, "m");
      assert.match(await packages(name), told, "GetBlueprints says the version that is in the image");
      const quiet = (await inside.processes()).length;
      const since = performance.now();
      await porthole.startSession(name);
      t.diagnostic(`${id} started after ${Math.round(performance.now() - since)} ms`);
      const { application } = await porthole.urls(name);
      await withPage(t, browser, {}, async (page) => {
        const viewer = new ViewerPage(page);
        await viewer.countFrames();
        await page.goto(application);
        await viewer.painted(30_000);
        await until("a window", async () => (await viewer.colours()) >= COLOURS && fills(viewer), 90_000);
        await viewer.rests(REST_MS, 60_000);
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

describe("catalog", () => {
  test("a blueprint whose image is not built is inactive, and nothing is made from it", async (t) => {
    const images = await mkdtemp(join(tmpdir(), "porthole-images-"));
    t.after(() => rm(images, { recursive: true }));
    await writeFile(join(images, "debian_12-1.erofs"), "");
    await symlink("debian_12-1.erofs", join(images, "debian_12.erofs"));
    const bare = await Porthole.start(`images_dir = "${images}"`);
    t.after(() => bare.close());
    const listed = async (members) => {
      const { blueprints } = await bare.client.send(new GetBlueprintsCommand({ appCategory: "LfR", ...members }));
      return Object.fromEntries(blueprints.map(({ blueprintId, isActive }) => [blueprintId, isActive]));
    };
    assert.deepEqual(await listed({}), { debian_12: true });
    const all = await listed({ includeInactive: true });
    assert.equal(all.debian_12, true);
    assert.equal(all.jupyterlab, false);
    assert.deepEqual(Object.values(all).filter(Boolean), [true]);
    await assert.rejects(bare.beginCreate("never", "jupyterlab"), {
      name: "InvalidInputException",
      message: /porthole image build jupyterlab/,
    });
  });
});
