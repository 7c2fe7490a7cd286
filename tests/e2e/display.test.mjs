/** Viewer and display together, without a server: pixels, keys, size, clipboard, reconnecting. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, withPage } from "./support/browser.mjs";
import { GuestDisplay } from "./support/guest.mjs";
import { Stand } from "./support/stand.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

/** A terminal as large as the screen whose input lands in a file as it comes. */
const TERMINAL = ["xterm", "-fa", "Monospace", "-fs", "11", "-geometry", "500x200+0+0", "-xrm", "xterm*utf8: 2"];
const CATCH = (folder) => [...TERMINAL, "-e", "sh", "-c", `exec cat > ${folder}/typed.txt`];
const SHELL = () => [...TERMINAL, "-e", "sh", "-c", "PS1='$ ' exec sh"];

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

async function begin(t, command) {
  display = await GuestDisplay.start(t.name.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, 40), command);
  stand.upstream = display.port;
}

async function open(page, host) {
  const viewer = new ViewerPage(page);
  await page.goto(stand.url(host));
  await viewer.painted();
  return viewer;
}

/** Waits until the canvas shows exactly what the X server has. */
async function exact(viewer, deadlineMs = 10_000) {
  await until(
    "canvas and X server to have the same picture",
    async () => {
      const picture = await display.picture();
      const size = await viewer.size();
      return (
        size.width === picture.width && size.height === picture.height && (await viewer.pixels()).equals(picture.pixels)
      );
    },
    deadlineMs,
  );
}

const typed = () => readFile(join(display.folder, "typed.txt"), "utf8").catch(() => "");
const typedIs = (text) => until(`typed text ${JSON.stringify(text)}`, async () => (await typed()) === text);

for (const [rung, host] of [
  ["1", "127.0.0.1"],
  ["2", "plain.test"],
]) {
  test(`rung ${rung}: the canvas has the X server's pixels, after painting, scrolling and resizing`, async (t) => {
    await begin(t, SHELL);
    await withPage(t, browser, {}, async (page) => {
      const viewer = await open(page, host);
      await exact(viewer);
      await page.keyboard.type("seq 1 3000");
      await page.keyboard.press("Enter");
      await until("scrolled lines", async () => (await viewer.colours()) > 2);
      await exact(viewer);
      await page.setViewportSize({ width: 901, height: 577 });
      await until("the new size", async () => (await viewer.size()).width === 901);
      assert.deepEqual(await viewer.size(), { width: 901, height: 577 });
      await exact(viewer);
    });
  });
}

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
    await exact(viewer);
  });
});

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
      await exact(control);
      await exact(looker);
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
