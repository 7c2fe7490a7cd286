/** Viewer and display together, without a server: pixels, keys, size, clipboard, reconnecting. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, withPage } from "./support/browser.mjs";
import { GuestDisplay } from "./support/guest.mjs";
import { PlainViewer } from "./support/plain-viewer.mjs";
import { readPng } from "./support/png.mjs";
import { Stand } from "./support/stand.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";
import { Film, photographs, XClient } from "./support/x-client.mjs";

/** A terminal as large as the screen whose input lands in a file as it comes. */
const TERMINAL = ["xterm", "-fa", "Monospace", "-fs", "11", "-geometry", "500x200+0+0", "-xrm", "xterm*utf8: 2"];
const CATCH = (folder) => [...TERMINAL, "-e", "sh", "-c", `exec cat > ${folder}/typed.txt`];
const SHELL = () => [...TERMINAL, "-e", "sh", "-c", "PS1='$ ' exec sh"];
const images = photographs(4, 480, 320);

let browser;
let stand;
let display;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  stand = await Stand.start();
});
afterEach(async () => {
  await stand.stop();
  await display?.stop();
  display = undefined;
});

async function begin(t, command, options) {
  display = await GuestDisplay.start(t.name, command, options);
  stand.upstream = display.port;
}

async function open(page, host) {
  const viewer = new ViewerPage(page);
  await page.goto(stand.url(host));
  await viewer.painted();
  return viewer;
}

const typed = () => readFile(join(display.folder, "typed.txt"), "utf8").catch(() => "");
const typedIs = (text) => until(`typed text ${JSON.stringify(text)}`, async () => (await typed()) === text);

const WEB_CODECS = ["VideoDecoder", "EncodedVideoChunk", "VideoFrame", "ImageDecoder"];
/** Browsers that can do less and less; each has the same picture. */
const LADDER = {
  "with everything": { rung: "1: shared memory, drawn by the page", host: "127.0.0.1", without: [], video: true },
  "without WebCodecs": { rung: "1: shared memory, drawn by the page", host: "127.0.0.1", without: WEB_CODECS },
  // Browsers decode video only for pages from a safe place.
  "on plain HTTP": { rung: "2: drawn by the worker", host: "plain.test", without: [] },
  "without offscreen canvases": {
    rung: "3: handed over to the page",
    host: "plain.test",
    without: ["OffscreenCanvas"],
  },
};

for (const [which, { rung, host, without, video = false }] of Object.entries(LADDER)) {
  test(`a browser ${which}: the canvas has the X server's pixels, after a film, scrolling and resizing`, async (t) => {
    stand.without = without;
    await begin(t, SHELL);
    const client = await XClient.connect(display);
    t.after(() => client.close());
    await withPage(t, browser, {}, async (page) => {
      const viewer = await open(page, host);
      assert.deepEqual(await lacking(page, without), without);
      await viewer.shows(display);
      await page.keyboard.type("seq 1 3000");
      await page.keyboard.press("Enter");
      await until("scrolled lines", async () => (await viewer.colours()) > 2);
      await viewer.shows(display);
      const film = new Film(client, client.window({ x: 700, y: 400, width: 480, height: 320 }), { images });
      await until("pictures of the film", () => film.painted >= 25);
      const statistics = await viewer.statistics();
      assert.equal(statistics.Rung, rung);
      assert.equal(statistics.Decoder.endsWith(", H.264"), video);
      await film.stop();
      await viewer.shows(display);
      await page.setViewportSize({ width: 901, height: 577 });
      await until("the new size", async () => (await viewer.size()).width === 901);
      assert.deepEqual(await viewer.size(), { width: 901, height: 577 });
      await viewer.shows(display);
    });
  });
}

/** Which of these the page's worker lacks. */
function lacking(page, names) {
  const [worker] = page.workers();
  return worker.evaluate((all) => all.filter((name) => !(name in globalThis)), names);
}

test("twenty sizes in two seconds: the last one is shown, whoever wished it", async (t) => {
  await begin(t, SHELL);
  await withPage(t, browser, {}, async (page) => {
    const viewer = await open(page);
    const other = await PlainViewer.connect(display.port);
    await page.keyboard.type("while :; do seq 1 50; sleep 0.1; done");
    await page.keyboard.press("Enter");
    for (let step = 1; step <= 20; step += 1) {
      if (step % 2 === 0) {
        other.resize(1500 - 40 * step, 500 + 20 * step);
      } else {
        await page.setViewportSize({ width: 700 + 20 * step, height: 800 - 20 * step });
      }
      await new Promise((next) => setTimeout(next, 100));
    }
    // Again and again: what the page wished last goes out only when its size has rested.
    await until("the size that the other viewer wished", async () => {
      other.resize(777, 555);
      return (await viewer.size()).width === 777;
    });
    await page.setViewportSize({ width: 1003, height: 701 });
    await until("the size of the page", async () => (await viewer.size()).width === 1003);
    await page.keyboard.press("Control+KeyC");
    await viewer.shows(display);
    assert.deepEqual(await viewer.size(), { width: 1003, height: 701 });
    assert.equal(stand.links.length, 1);
    other.close();
  });
});

test("a 4K screen: text, a photograph and scrolling", async (t) => {
  await begin(t, SHELL, { size: "3840x2160" });
  const client = await XClient.connect(display);
  t.after(() => client.close());
  await withPage(t, browser, { viewport: { width: 3840, height: 2160 } }, async (page) => {
    const viewer = await open(page);
    assert.deepEqual(await viewer.size(), { width: 3840, height: 2160 });
    client.put(client.window({ x: 3200, y: 1700, width: 480, height: 320 }), 0, 0, images[0]);
    await page.keyboard.type("seq 1 2000");
    await page.keyboard.press("Enter");
    await until("scrolled lines", async () => (await viewer.colours({ x: 0, y: 0, width: 200, height: 200 })) > 2);
    await viewer.shows(display, 20_000);
  });
});

test("an application that has the X server for itself does not hold the picture", async (t) => {
  await begin(t, CATCH);
  const client = await XClient.connect(display);
  t.after(() => client.close());
  await withPage(t, browser, {}, async (page) => {
    const viewer = await open(page);
    const place = { x: 0, y: 200, width: 500, height: 400 };
    const window = client.window(place);
    for (const colour of [0xff0000, 0x00ff00, 0x0000ff]) {
      client.hold(colour !== 0xff0000);
      client.fill(window, { x: 0, y: 0, width: 500, height: 400 }, colour);
      await client.sync();
      const wanted = colour.toString(16).padStart(6, "0");
      await until(`the colour ${wanted}`, async () => {
        const pixels = await viewer.pixels(place);
        return pixels.subarray(0, 3).toString("hex") === wanted && (await viewer.colours(place)) === 1;
      });
    }
    client.hold(false);
    await page.keyboard.type("free again");
    await page.keyboard.press("Enter");
    await typedIs("free again\n");
    await viewer.shows(display);
  });
});

test("typed characters arrive whatever the display's layout is", async (t) => {
  await begin(t, CATCH);
  await withPage(t, browser, {}, async (page) => {
    await open(page);
    await page.keyboard.type("Hello, World! {[#~|@]} 100%");
    await page.keyboard.press("Enter");
    await typedIs("Hello, World! {[#~|@]} 100%\n");
    // A French keyboard: the key beside the 1 is é, the A is where a US keyboard has the Q.
    await page.evaluate(() => {
      const field = document.getElementById("keys");
      for (const [code, key] of [
        ["Digit2", "é"],
        ["KeyQ", "a"],
        ["Digit0", "à"],
        ["KeyE", "€"],
        ["KeyD", "я"],
        ["Enter", "Enter"],
      ]) {
        for (const type of ["keydown", "keyup"]) {
          field.dispatchEvent(new KeyboardEvent(type, { code, key, bubbles: true, cancelable: true }));
        }
      }
    });
    await typedIs("Hello, World! {[#~|@]} 100%\néaà€я\n");
    await page.keyboard.insertText("日本語 ê");
    await page.keyboard.press("Enter");
    await typedIs("Hello, World! {[#~|@]} 100%\néaà€я\n日本語 ê\n");
  });
});

test("no modifier sticks when the focus is lost", async (t) => {
  await begin(t, CATCH);
  await withPage(t, browser, {}, async (page) => {
    await open(page);
    for (const key of ["Shift", "Control", "Alt"]) {
      await page.keyboard.down(key);
    }
    await page.evaluate(() => window.dispatchEvent(new Event("blur")));
    // The browser forgets them as well when another window has them.
    for (const key of ["Shift", "Control", "Alt"]) {
      await page.keyboard.up(key);
    }
    await page.keyboard.type("c plain");
    await page.keyboard.press("Enter");
    await typedIs("c plain\n");
  });
});

test("text is copied both ways", async (t) => {
  await begin(t, CATCH);
  const permissions = ["clipboard-read", "clipboard-write"];
  await withPage(t, browser, { permissions }, async (page) => {
    await open(page);
    await display.client("xclip", ["-selection", "clipboard", "-in"], "from the desktop: ü€\n");
    await until(
      "the text here",
      async () => (await page.evaluate(() => navigator.clipboard.readText())) === "from the desktop: ü€\n",
    );
    await page.evaluate(() => navigator.clipboard.writeText("from the browser: ñ日"));
    await page.keyboard.press("Control+KeyV");
    await until(
      "the text there",
      async () =>
        (await display.client("xclip", ["-selection", "clipboard", "-out"])).toString() === "from the browser: ñ日",
    );
  });
});

test("a cut connection comes back with the same picture, and typing goes on", async (t) => {
  await begin(t, CATCH);
  await withPage(t, browser, {}, async (page) => {
    const viewer = await open(page);
    await page.keyboard.type("before");
    await page.keyboard.press("Enter");
    await typedIs("before\n");
    stand.cutLinks();
    await until(
      "a second connection",
      () => stand.requests.filter((request) => request.startsWith("UPGRADE")).length === 2,
    );
    await viewer.painted();
    await page.keyboard.type("after");
    await page.keyboard.press("Enter");
    await typedIs("before\nafter\n");
    await viewer.shows(display);
  });
});

for (const [where, host] of Object.entries({ "by the page": "127.0.0.1", "by the worker": "plain.test" })) {
  test(`a picture drawn ${where} is kept as a file, as the X server has it`, async (t) => {
    await begin(t, SHELL);
    await withPage(t, browser, {}, async (page) => {
      const viewer = await open(page, host);
      await page.keyboard.type("seq 1 50");
      await page.keyboard.press("Enter");
      await until("lines", async () => (await viewer.colours()) > 2);
      await viewer.shows(display);
      await page.mouse.move(640, 2);
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Screenshot" }).click(),
      ]);
      assert.match(download.suggestedFilename(), /^[\w-]*\d{4}(-\d\d){5}\.png$/);
      const [kept, { width, height, pixels }] = [
        readPng(await readFile(await download.path())),
        await display.picture(),
      ];
      assert.deepEqual([kept.width, kept.height], [width, height]);
      for (let y = 0; y < height; y += 3) {
        for (let x = 0; x < width; x += 1) {
          const at = 4 * (y * width + x);
          assert.deepEqual(kept.at(x, y), [...pixels.subarray(at, at + 3)], `at ${x}, ${y}`);
        }
      }
    });
  });
}

test("a second viewer that may only look sees the same and changes nothing", async (t) => {
  await begin(t, CATCH);
  await withPage(t, browser, {}, async (first) => {
    const control = await open(first);
    stand.role = "view";
    await withPage(t, browser, { viewport: { width: 500, height: 400 } }, async (second) => {
      const looker = await open(second);
      await second.keyboard.type("ignored");
      await first.keyboard.type("seen by both");
      await first.keyboard.press("Enter");
      await typedIs("seen by both\n");
      await control.shows(display);
      await looker.shows(display);
      assert.deepEqual(await looker.size(), await control.size());
    });
  });
});

test("an application that ends, ends the display, and the page asks why", async (t) => {
  await begin(t, CATCH);
  await withPage(t, browser, {}, async (page) => {
    const viewer = await open(page);
    stand.status = { state: "failed", message: "The application has ended." };
    await page.keyboard.press("Control+KeyD");
    const over = await viewer.over();
    assert.equal(over.reason, "failed");
    assert.equal(over.text, "The application has ended.");
    await display.ended;
  });
});

test("the pointer clicks where it points, and its cursor is the application's", async (t) => {
  await begin(t, CATCH);
  await withPage(t, browser, {}, async (page) => {
    const viewer = await open(page);
    await page.mouse.move(640, 400);
    await until("the terminal's cursor", async () =>
      (await page.evaluate(() => document.getElementById("stage").style.cursor)).startsWith("url("),
    );
    await display.client("xclip", ["-selection", "primary", "-in"], "by the middle button");
    const before = await viewer.hash();
    await page.mouse.click(640, 400, { button: "middle" });
    // The terminal asks the selection's owner first; a key that comes sooner would overtake the text.
    await until("the pasted text", async () => (await viewer.hash()) !== before);
    await page.keyboard.press("Enter");
    await typedIs("by the middle button\n");
  });
});
