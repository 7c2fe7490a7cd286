/** The viewer in Firefox: recorded pixels on both of its rungs, and a display to type into. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Firefox } from "./support/firefox.mjs";
import { GuestDisplay } from "./support/guest.mjs";
import { recording, Stand } from "./support/stand.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

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
  for (const name of ["lossless", "lossy"]) {
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

test("typing, clicking and losing the focus", async (t) => {
  const terminal = ["xterm", "-fa", "Monospace", "-geometry", "500x200+0+0"];
  const command = (folder) => [...terminal, "-e", "sh", "-c", `exec cat > ${folder}/typed.txt`];
  const display = await GuestDisplay.start("firefox", command);
  t.after(() => display.stop());
  stand.upstream = display.port;
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
  await until("the X server's picture on the canvas", async () => {
    const picture = await display.picture();
    return (await viewer.pixels()).equals(picture.pixels);
  });
});
