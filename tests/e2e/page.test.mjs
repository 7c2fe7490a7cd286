/** The viewer page in a real browser against a gateway that does what the test says. */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { launch, withPage } from "./support/browser.mjs";
import { readPng } from "./support/png.mjs";
import { FROM_VIEWER, make, recording, Stand } from "./support/stand.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

let browser;
let stand;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  stand = await Stand.start();
});
afterEach(() => stand.stop());

/** Opens the page and plays a one-colour picture of the size that the page asks for. */
async function live(page, options = {}) {
  const viewer = new ViewerPage(page);
  await page.goto(stand.url(options.host));
  const remote = await stand.viewer(stand.viewers.length);
  const hello = remote.of(FROM_VIEWER.hello)[0];
  const size = options.size ?? { width: hello.readUInt16LE(8), height: hello.readUInt16LE(10) };
  remote.send(
    make.hello({ ...size, role: stand.role === "control" ? 1 : 0 }),
    make.fill(1, { ...size, colour: [10, 20, 30] }),
  );
  await viewer.painted();
  return { viewer, remote, size };
}

const colourAt = async (viewer, x, y) => [...(await viewer.pixels({ x, y, width: 1, height: 1 }))].slice(0, 3);

/** What the page draws of a recorded connection must be what the recording says, on every rung. */
const RUNGS = {
  "1: shared memory, drawn by the page": { init: undefined, host: "127.0.0.1" },
  "2: drawn by the worker": { init: undefined, host: "plain.test" },
  "3: handed over to the page": {
    init: () => Reflect.deleteProperty(globalThis, "OffscreenCanvas"),
    host: "plain.test",
  },
};

describe("ladder", () => {
  for (const [rung, { init, host }] of Object.entries(RUNGS)) {
    // Browsers decode video only for pages from a safe place.
    const film = host === "127.0.0.1" ? ["film"] : [];
    for (const name of ["lossless", "lossy", "snapshots", ...film]) {
      test(`rung ${rung} shows the recorded pixels (${name})`, async (t) => {
        await withPage(t, browser, {}, async (page, log) => {
          if (init !== undefined) {
            await page.addInitScript(init);
          }
          const viewer = new ViewerPage(page);
          await page.goto(stand.url(host));
          const remote = await stand.viewer();
          const { messages, checks } = await recording(name);
          assert.ok(checks.length > 0);
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
          // Plain HTTP makes the browser say that it ignores two of the headers; nothing else may be said.
          assert.deepEqual(
            log.filter((line) => !line.includes("Cross-Origin-Opener-Policy header has been ignored")),
            [],
          );
        });
      });
    }
  }

  test("a browser without WebAssembly shows the same pixels", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      await page.route("**/*.wasm", (route) => route.abort());
      const viewer = new ViewerPage(page);
      await page.goto(stand.url());
      const remote = await stand.viewer();
      const { messages, checks } = await recording("lossless");
      remote.send(...messages);
      const last = messages.filter((message) => message[0] === 0x02).at(-1);
      await remote.acknowledged(last.readUInt32LE(4));
      assert.equal(await viewer.hash(), checks.at(-1).sha256);
      assert.match((await viewer.statistics()).Decoder, /JavaScript/);
    });
  });
});

describe("opening and ending", () => {
  test("the token leaves the address, a reload finds the view again", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      await live(page);
      const { pathname, hash } = new URL(page.url());
      assert.deepEqual({ pathname, hash }, { pathname: "/view/v/v1", hash: "" });
      await page.reload();
      const remote = await stand.viewer(1);
      remote.send(make.hello(), make.fill(1, { width: 640, height: 480, colour: [1, 2, 3] }));
      await new ViewerPage(page).painted();
      assert.equal(stand.requests.filter((request) => request === "POST /view/api/trade").length, 1);
    });
  });

  for (const [reason, title] of [
    ["expired", "This session's time is over"],
    ["ended", "This session has ended"],
    ["invalid", "This link does not work"],
  ]) {
    test(`a link that is ${reason} says so`, async (t) => {
      await withPage(t, browser, {}, async (page) => {
        stand.refusal = { reason, message: "A sentence from the server." };
        await page.goto(stand.url());
        const over = await new ViewerPage(page).over();
        assert.deepEqual(over, { reason, title, text: "A sentence from the server." });
        assert.deepEqual(stand.viewers, []);
      });
    });
  }

  test("an address without a token says that it is not complete", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      await page.goto(stand.url().replace(/#.*/, ""));
      assert.equal((await new ViewerPage(page).over()).reason, "invalid");
    });
  });

  test("a stopped session is shown within a second of the cut", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { viewer, remote } = await live(page);
      stand.status = { state: "stopped", message: "Someone stopped it." };
      remote.cut();
      assert.deepEqual(await viewer.over(1000), {
        reason: "stopped",
        title: "This session has been stopped",
        text: "Someone stopped it.",
      });
    });
  });

  test("a cut connection of a running session comes back by itself", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { viewer, remote, size } = await live(page);
      remote.cut();
      const again = await stand.viewer(1);
      again.send(make.hello(size), make.fill(1, { ...size, colour: [200, 100, 50] }));
      await again.acknowledged(1);
      await viewer.painted();
      assert.deepEqual(await colourAt(viewer, 5, 5), [200, 100, 50]);
    });
  });

  test("a server that is away is waited for", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { viewer, remote, size } = await live(page);
      stand.status = 503;
      remote.cut();
      await until("the notice", async () => (await viewer.notice()) === "Reconnecting");
      stand.status = { state: "started", message: "" };
      const again = await stand.viewer(1);
      again.send(make.hello(size), make.fill(1, { ...size, colour: [1, 1, 1] }));
      await viewer.painted();
      assert.equal(await viewer.notice(), "");
    });
  });

  test("a display that breaks the protocol is left, and the page goes on", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { viewer, remote, size } = await live(page);
      remote.send(Buffer.from([0x02, 0, 1]));
      await until("the end of the connection", () => remote.closed);
      const again = await stand.viewer(1);
      again.send(make.hello(size), make.fill(1, { ...size, colour: [1, 1, 1] }));
      await viewer.painted();
    });
  });

  test("too many viewers, and a version that is not served", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { viewer, remote } = await live(page);
      remote.send(make.goodbye(4, "There are 8 viewers already."));
      assert.equal((await viewer.over()).reason, "taken");
      await page.click("#notice-action");
      const again = await stand.viewer(1);
      again.send(make.goodbye(2, "Reload the page."));
      await until("outdated", async () => (await viewer.over()).reason === "outdated");
    });
  });

  test("disconnecting leaves the session alone, and connects again on request", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { viewer, remote } = await live(page);
      await page.evaluate(() => document.getElementById("disconnect").click());
      assert.equal((await viewer.over()).reason, "disconnected");
      await until("the end of the connection", () => remote.closed);
      await page.click("#notice-action");
      await stand.viewer(1);
    });
  });
});

describe("input", () => {
  test("keys go out with place and meaning, text of an input method as text", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { remote } = await live(page);
      await page.keyboard.press("a");
      await page.keyboard.press("Shift+KeyB");
      await page.keyboard.press("Enter");
      await page.keyboard.insertText("日本");
      await until("the text", () => remote.of(FROM_VIEWER.text)[0]);
      assert.deepEqual(remote.keys(), [
        "+61/30",
        "-61/30",
        "+ffe1/42",
        "+42/48",
        "-42/48",
        "-ffe1/42",
        "+ff0d/28",
        "-ff0d/28",
      ]);
      assert.equal(remote.of(FROM_VIEWER.text)[0].subarray(4).toString(), "日本");
    });
  });

  test("an input method's text arrives once, when it is finished", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { remote } = await live(page);
      const protocol = await page.context().newCDPSession(page);
      for (const text of ["に", "にほ", "日本"]) {
        await protocol.send("Input.imeSetComposition", {
          text,
          selectionStart: text.length,
          selectionEnd: text.length,
        });
      }
      await protocol.send("Input.insertText", { text: "日本" });
      await page.keyboard.press("x");
      await until("the key behind it", () => remote.keys().includes("-78/45"));
      const texts = remote.of(FROM_VIEWER.text).map((message) => message.subarray(4).toString());
      assert.deepEqual(texts, ["日本"]);
      assert.deepEqual(remote.keys(), ["+78/45", "-78/45"]);
    });
  });

  test("fingers click, and the on-screen keyboard comes only when it is asked for", async (t) => {
    await withPage(t, browser, { hasTouch: true }, async (page) => {
      const { remote } = await live(page);
      await page.touchscreen.tap(300, 200);
      await until("the click", () => remote.of(FROM_VIEWER.pointer).length >= 3);
      const clicks = remote
        .of(FROM_VIEWER.pointer)
        .map((message) => [2, 4, 6].map((at) => message.readUInt16LE(at)).join());
      assert.deepEqual(clicks, ["300,200,0", "300,200,1", "300,200,0"]);
      assert.equal(await page.evaluate(() => document.getElementById("keys").inputMode), "none");
    });
  });

  test("full screen takes the keyboard and gives it back", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      await live(page);
      await page.keyboard.press("Control+Alt+Shift+KeyM");
      await page.click("#fullscreen");
      const full = () => page.evaluate(() => document.fullscreenElement !== null);
      await until("full screen", full);
      // The browser is in full screen first and tells the page with its next frame.
      const pressed = () => page.getAttribute("#fullscreen", "aria-pressed");
      await until("the button says so", async () => (await pressed()) === "true");
      assert.equal(await page.evaluate(() => document.activeElement.id), "keys");
      await page.keyboard.press("Control+Alt+Shift+KeyM");
      await page.click("#fullscreen");
      await until("the window again", async () => !(await full()));
      await until("the button says so, too", async () => (await pressed()) === "false");
    });
  });

  test("losing the focus lets everything go", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { remote } = await live(page);
      await page.keyboard.down("Control");
      await page.keyboard.down("KeyX");
      await page.evaluate(() => window.dispatchEvent(new Event("blur")));
      await until("the release", () => remote.of(FROM_VIEWER.release)[0]);
      assert.deepEqual(remote.keys(), ["+ffe3/29", "+78/45", "-78/45", "-ffe3/29"]);
    });
  });

  test("the pointer's places, buttons and wheel arrive, a drag goes on outside the picture", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { remote } = await live(page);
      const last = () => {
        const message = remote.of(FROM_VIEWER.pointer).at(-1);
        return message && [2, 4, 6].map((at) => message.readUInt16LE(at));
      };
      await page.mouse.move(300, 200);
      await until("the move", () => last()?.join() === "300,200,0");
      await page.mouse.down({ button: "right" });
      await until("the press", () => last()?.join() === "300,200,4");
      await page.mouse.up({ button: "right" });
      await page.mouse.down();
      await page.mouse.move(310, 5000);
      await until("the drag", () => last()?.join() === "310,799,1");
      await page.mouse.up();
      await until("the release", () => last()?.join() === "310,799,0");
      await page.mouse.move(300, 200);
      await page.mouse.wheel(0, 120);
      await until("the wheel", () => remote.of(FROM_VIEWER.pointer).some((message) => message.readInt16LE(10) === 120));
      const prevented = await page.evaluate(() => {
        const event = new MouseEvent("contextmenu", { bubbles: true, cancelable: true });
        document.querySelector("#picture canvas").dispatchEvent(event);
        return event.defaultPrevented;
      });
      assert.ok(prevented);
    });
  });

  test("a view-only page sends nothing the person does", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      stand.role = "view";
      const { remote } = await live(page, { size: { width: 640, height: 480 } });
      assert.deepEqual(
        [8, 10].map((at) => remote.of(FROM_VIEWER.hello)[0].readUInt16LE(at)),
        [0, 0],
      );
      await page.keyboard.press("a");
      await page.mouse.click(300, 200);
      remote.send(make.fill(2, { width: 5, height: 5, colour: [9, 9, 9] }));
      await remote.acknowledged(2);
      assert.deepEqual(
        [...new Set(remote.messages.map((message) => message[0]))],
        [FROM_VIEWER.hello, FROM_VIEWER.ack],
      );
    });
  });

  test("the key menu strikes what a browser keeps for itself", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { remote } = await live(page);
      await page.keyboard.press("Control+Alt+Shift+KeyM");
      await page.click("#key-menu");
      await page.getByRole("button", { name: "Ctrl+Alt+Del" }).click();
      await until("the stroke", () => remote.keys().includes("-ffff/111"));
      assert.deepEqual(remote.keys().slice(-6), [
        "+ffe3/29",
        "+ffe9/56",
        "+ffff/111",
        "-ffff/111",
        "-ffe9/56",
        "-ffe3/29",
      ]);
    });
  });
});

describe("size and sharpness", () => {
  test("the page asks for its own device pixels, and again when the window rests in another size", async (t) => {
    await withPage(t, browser, { deviceScaleFactor: 1.5, viewport: { width: 801, height: 601 } }, async (page) => {
      const { viewer, remote, size } = await live(page);
      assert.deepEqual(size, { width: Math.round(801 * 1.5), height: Math.round(601 * 1.5) });
      assert.equal(remote.of(FROM_VIEWER.hello)[0].readUInt16LE(12), 384);
      const box = await page.locator("#picture canvas").boundingBox();
      assert.ok(Math.abs(box.width * 1.5 - size.width) < 0.01 && box.x === 0 && box.y === 0);
      await page.setViewportSize({ width: 700, height: 500 });
      const wish = await until("the wish", () => remote.of(FROM_VIEWER.resize)[0]);
      assert.deepEqual(
        [2, 4, 6].map((at) => wish.readUInt16LE(at)),
        [1050, 750, 384],
      );
      remote.send(make.resize(1050, 750), make.fill(2, { width: 1050, height: 750, colour: [7, 8, 9] }));
      await remote.acknowledged(2);
      assert.deepEqual(await viewer.size(), { width: 1050, height: 750 });
      assert.deepEqual(await colourAt(viewer, 1049, 749), [7, 8, 9]);
    });
  });

  for (const ratio of [1, 1.25, 2]) {
    test(`what the screen shows is what the picture holds, pixel for pixel, at ${ratio}`, async (t) => {
      const scaled = await launch([`--force-device-scale-factor=${ratio}`, "--window-size=700,600"]);
      t.after(() => scaled.close());
      await withPage(t, scaled, { viewport: null }, async (page) => {
        const { viewer, remote, size } = await live(page);
        assert.equal(await page.evaluate(() => devicePixelRatio), ratio);
        // A comb of single pixels blurs at once when anything is scaled or shifted by part of a pixel.
        for (let column = 0; column < 40; column += 1) {
          const comb = { x: 100 + 2 * column, y: 100, width: 1, height: 20, colour: [255, 255, 255] };
          remote.send(make.fill(column + 2, comb));
        }
        await remote.acknowledged(41);
        assert.deepEqual(await viewer.size(), size);
        const shot = readPng(await page.screenshot());
        for (let column = 0; column < 80; column += 1) {
          const expected = column % 2 === 0 ? [255, 255, 255] : [10, 20, 30];
          assert.deepEqual(shot.at(100 + column, 110), expected, `column ${column}`);
        }
        assert.deepEqual([shot.width, shot.height], [size.width, size.height]);
      });
    });
  }

  test("a larger picture of somebody else is shrunk to fit, also on a phone", async (t) => {
    stand.role = "view";
    await withPage(
      t,
      browser,
      { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 3 },
      async (page) => {
        await live(page, { size: { width: 1920, height: 1080 } });
        const box = await page.locator("#picture canvas").boundingBox();
        assert.ok(Math.abs(box.width - 390) < 1 && Math.abs(box.height - (390 * 1080) / 1920) < 1);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390));
        // The toolbar shows itself at first; the handle opens it again.
        const open = () => page.getAttribute("#toolbar-handle", "aria-expanded");
        await until("a closed toolbar", async () => (await open()) === "false");
        await page.tap("#toolbar-handle");
        const buttons = await page.locator("#toolbar-buttons button:visible").all();
        assert.ok(buttons.length >= 5);
        for (const button of buttons) {
          const { x, width, height } = await button.boundingBox();
          assert.ok(x >= 0 && x + width <= 390 && width >= 40 && height >= 40);
        }
      },
    );
  });
});

describe("cursor and clipboard", () => {
  test("cursors are CSS cursors, remembered by slot", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      const { remote } = await live(page);
      const cursor = () => page.evaluate(() => document.getElementById("stage").style.cursor);
      remote.send(make.cursor({ slot: 3, pixels: Buffer.from([255, 0, 0, 255]) }));
      const first = await until("the cursor", async () => (await cursor()).startsWith("url(") && cursor());
      remote.send(make.hiddenCursor());
      await until("no cursor", async () => (await cursor()) === "none");
      const again = make.cursor({ slot: 3, width: 0, height: 0, pixels: Buffer.alloc(0) });
      again[1] = 0;
      remote.send(again);
      await until("the cursor again", async () => (await cursor()) === first);
    });
  });

  test("text goes both ways", async (t) => {
    const permissions = ["clipboard-read", "clipboard-write"];
    await withPage(t, browser, { permissions }, async (page) => {
      const { remote } = await live(page);
      remote.send(make.clipboard("from the display €"));
      await until(
        "the text here",
        async () => (await page.evaluate(() => navigator.clipboard.readText())) === "from the display €",
      );
      await page.evaluate(() => navigator.clipboard.writeText("from here\nsecond line"));
      await page.keyboard.press("Control+KeyV");
      const message = await until("the text there", () => remote.of(FROM_VIEWER.clipboard)[0]);
      assert.equal(message.subarray(8).toString(), "from here\nsecond line");
      await until("the key", () => remote.keys().includes("-76/47"));
      const order = remote.messages.map((each) => each[0]);
      assert.ok(order.indexOf(FROM_VIEWER.clipboard) < order.lastIndexOf(FROM_VIEWER.key) - 1);
    });
  });

  test("pasting needs no permission, and the panel hands text over where copying is refused", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      await page.addInitScript(() => {
        Object.defineProperty(navigator, "clipboard", { value: undefined });
        document.execCommand = () => false;
      });
      const { remote } = await live(page);
      remote.send(make.clipboard("for the panel"));
      await until("the hint", () =>
        page.evaluate(() => document.getElementById("clipboard").classList.contains("fresh")),
      );
      await page.keyboard.press("Control+Alt+Shift+KeyM");
      await page.click("#clipboard");
      assert.equal(await page.inputValue("#clipboard-text"), "for the panel");
      await page.fill("#clipboard-text", "typed into the panel");
      await page.click("#clipboard-send");
      const message = await until("the text there", () => remote.of(FROM_VIEWER.clipboard)[0]);
      assert.equal(message.subarray(8).toString(), "typed into the panel");
    });
  });
});

describe("quiet", () => {
  test("an idle page runs no animation frames and sends nothing", async (t) => {
    await withPage(t, browser, {}, async (page) => {
      await page.addInitScript(() => {
        window.frames0 = 0;
        const original = window.requestAnimationFrame.bind(window);
        window.requestAnimationFrame = (callback) => {
          window.frames0 += 1;
          return original(callback);
        };
      });
      const { remote } = await live(page);
      // The loop stops by itself some time after the last frame; from then on the count stands still.
      let before = -1;
      await until("rest", async () => {
        const now = await page.evaluate(() => new Promise((done) => setTimeout(() => done(window.frames0), 700)));
        const rest = now === before;
        before = now;
        return rest;
      });
      const sent = remote.messages.length;
      remote.send(make.fill(2, { width: 5, height: 5, colour: [9, 9, 9] }));
      await remote.acknowledged(2);
      assert.equal(remote.messages.length, sent + 1);
    });
  });
});
