/** The viewer in Firefox: recorded pixels on both of its rungs, and a display to type into. */

import assert from "node:assert/strict";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Firefox } from "./support/firefox.mjs";
import { GuestDisplay } from "./support/guest.mjs";
import { recording, Stand } from "./support/stand.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";
import { Film, photographs, XClient } from "./support/x-client.mjs";

let firefox;
let stand;
let page;
before(async () => {
  firefox = await Firefox.launch();
});
after(() => firefox.close());
beforeEach(async () => {
  stand = await Stand.start();
  page = await firefox.newPage({ width: 1000, height: 700 });
});
afterEach(async () => {
  await page.close();
  await stand.stop();
});

for (const [rung, host] of [
  ["1: shared memory, drawn by the page", "127.0.0.1"],
  ["2: drawn by the worker", "plain.test"],
]) {
  for (const name of ["lossless", "lossy", "snapshots"]) {
    test(`rung ${rung} shows the recorded pixels (${name})`, async () => {
      const viewer = new ViewerPage(page);
      await page.goto(stand.url(host));
      const remote = await stand.viewer();
      const { messages, checks } = await recording(name);
      for (const [index, message] of messages.entries()) {
        remote.send(message);
        const check = checks.find(({ after: position }) => position === index + 1);
        if (message[0] === 0x02 && check !== undefined) {
          await remote.acknowledged(message.readUInt32LE(4));
          assert.deepEqual(await viewer.size(), { width: check.width, height: check.height });
          assert.equal(await viewer.hash(), check.sha256, `after message ${check.after}`);
        }
      }
      assert.equal((await viewer.statistics()).Rung, rung);
    });
  }
}

const TERMINAL = ["xterm", "-fa", "Monospace", "-geometry", "500x200+0+0", "-e", "sh", "-c"];

async function begin(t, command) {
  const display = await GuestDisplay.start("firefox", (folder) => [...TERMINAL, command(folder)]);
  t.after(() => display.stop());
  stand.upstream = display.port;
  return display;
}

test("typing, clicking and losing the focus", async (t) => {
  const display = await begin(t, (folder) => `exec cat > ${folder}/typed.txt`);
  const viewer = new ViewerPage(page);
  await page.goto(stand.url());
  await viewer.painted();
  await page.keyboard.type("Hello, {World} ~ é");
  await page.keyboard.down("Control");
  await page.evaluate(() => window.dispatchEvent(new Event("blur")));
  await page.keyboard.up("Control");
  await page.keyboard.type("c");
  await page.mouse.click(500, 300);
  await page.keyboard.press("Enter");
  await until("the typed text", async () => {
    const text = await readFile(join(display.folder, "typed.txt"), "utf8");
    return text === "Hello, {World} ~ éc\n";
  });
  await viewer.shows(display);
});

/** Time that Firefox may hold a page up which reads a canvas that the worker is just drawing. */
const READING_MS = 30_000;

for (const [rung, host] of [
  ["1: shared memory, drawn by the page", "127.0.0.1"],
  ["2: drawn by the worker", "plain.test"],
]) {
  test(`rung ${rung}: the canvas has the X server's pixels, after a film, scrolling and resizing`, async (t) => {
    const display = await begin(t, () => "PS1='$ ' exec sh");
    const client = await XClient.connect(display);
    t.after(() => client.close());
    const viewer = new ViewerPage(page);
    await page.goto(stand.url(host));
    await viewer.painted();
    await page.keyboard.type(`seq 1 3000; touch ${display.folder}/scrolled`);
    await page.keyboard.press("Enter");
    await until("scrolled lines", () => access(join(display.folder, "scrolled")).then(() => true));
    const images = photographs(4, 480, 320);
    const film = new Film(client, client.window({ x: 400, y: 300, width: 480, height: 320 }), { images });
    await until("pictures of the film", () => film.painted >= 25);
    assert.equal((await viewer.statistics()).Rung, rung);
    await film.stop();
    // The picture is read when it rests.
    await until("no tile that is not exact", async () => (await viewer.statistics())["Tiles not exact"] === "0");
    await viewer.shows(display, READING_MS);
    await page.setViewportSize({ width: 801, height: 577 });
    await until("the new size", async () => (await viewer.size()).width === 801);
    await viewer.shows(display, READING_MS);
  });
}
