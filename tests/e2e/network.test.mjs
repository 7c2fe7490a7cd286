/** Viewer and display over ways that are slow, stall, break off and come back: echoes, pace, and the picture at the end. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, withPage } from "./support/browser.mjs";
import { GuestDisplay } from "./support/guest.mjs";
import { PlainViewer } from "./support/plain-viewer.mjs";
import { ShapingRelay } from "./support/shaping-relay.mjs";
import { Stand } from "./support/stand.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";
import { Film, photographs, XClient } from "./support/x-client.mjs";

/** What the display promises (docs/display-protocol.md §6.1). */
const FRAMES_IN_FLIGHT = 2;
const SMALLEST_BUDGET = 24 << 10;
const FRAME_MS = 30;
/** A frame is over its budget by at most its last command: 16,384 pixels of grain without loss. */
const LAST_COMMAND = 48 << 10;
/** What a busy machine may add to any time. */
const SLACK_MS = 1000;

const SCREEN = { width: 800, height: 600 };
/** A film fills most of the screen; below it is where typed characters appear. */
const FILM = { width: 800, height: 440 };
const ECHO = { x: 0, y: 500, width: 800, height: 100 };
const PERIOD_MS = 40;

const TERMINAL = ["xterm", "-fa", "Monospace", "-fs", "11", "-geometry", "500x200+0+0", "-e", "sh", "-c"];
const CATCH = (folder) => [...TERMINAL, `exec cat > ${folder}/typed.txt`];
/** Lines come while keys are caught. */
const LINES = (folder) => [
  ...TERMINAL,
  `(for i in $(seq 100); do seq $i $((i + 30)); sleep 0.1; done) & exec cat > ${folder}/typed.txt`,
];
const images = photographs(4, FILM.width, FILM.height);

let browser;
let stand;
let display;
let relay;
let client;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  stand = await Stand.start();
});
afterEach(async () => {
  client?.close();
  await stand.stop();
  await relay?.stop();
  await display?.stop();
  client = undefined;
  relay = undefined;
  display = undefined;
});

/** Starts a display, and a way of this shape to it. */
async function begin(t, command, shape) {
  display = await GuestDisplay.start(t.name, command, { size: `${SCREEN.width}x${SCREEN.height}` });
  client = await XClient.connect(display);
  relay = await ShapingRelay.start(display.port, shape);
  stand.upstream = relay.port;
}

async function open(page) {
  const viewer = new ViewerPage(page);
  await page.goto(stand.url());
  await viewer.painted(30_000);
  return viewer;
}

const typed = () => readFile(join(display.folder, "typed.txt"), "utf8").catch(() => "");

/** Number of the newest frame whose ack has reached the display. */
const acknowledged = () => relay.link.passed("up", "out", "ack").at(-1)?.number ?? 0;

/** Bytes that one frame may have on a way of this rate, which the display has to guess. */
const most = (mbps) => Math.max(SMALLEST_BUDGET, (1.5 * FRAME_MS * mbps * 1000) / 8) + LAST_COMMAND;

/** The display never had more frames under way than it may. */
function assertCredit() {
  let drawn = 0;
  for (const { way, edge, kind, number } of relay.link.log) {
    if (way === "up" && edge === "out" && kind === "ack") {
      drawn = number;
    } else if (way === "down" && edge === "in" && kind === "frame") {
      assert.ok(number <= drawn + FRAMES_IN_FLIGHT, `frame ${number} came while ${drawn} was the last one drawn`);
    }
  }
}

/** A window that answers each key with a block of colour; notes what was acknowledged when the X server had it. */
function echoes(window) {
  const drawn = [];
  client.onkey = async () => {
    const rect = { x: 20 + 30 * drawn.length, y: 20, width: 16, height: 24 };
    const echo = { rect: { ...rect, y: rect.y + ECHO.y } };
    drawn.push(echo);
    client.fill(window, rect, 0x00ff00);
    await client.sync();
    echo.acknowledged = acknowledged();
  };
  return drawn;
}

const meets = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

for (const [roundTripMs, mbps] of [
  [20, 100],
  [50, 20],
  [100, 5],
]) {
  test(`${mbps} Mbit/s, ${roundTripMs} ms: an echo does not wait behind a film`, async (t) => {
    await begin(t, CATCH, { roundTripMs, mbps });
    await withPage(t, browser, { viewport: SCREEN }, async (page) => {
      const [top, field] = [client.window({ x: 0, y: 0, ...FILM }), client.window(ECHO)];
      const drawn = echoes(field);
      const viewer = await open(page);
      await page.mouse.move(100, 540);
      const begun = relay.link.log.length;
      const film = new Film(client, top, { images, periodMs: PERIOD_MS });
      await until("frames of the film", () => acknowledged() > 8, 30_000);
      for (const key of "echo") {
        const count = drawn.length;
        await page.keyboard.press(key);
        await until("the echo", () => drawn[count]?.acknowledged !== undefined);
        const shown = acknowledged();
        await until("frames behind it", () => acknowledged() >= shown + 4, 30_000);
      }
      const ended = relay.link.log.length;
      await film.stop();
      await viewer.shows(display, 20_000);

      assertCredit();
      const frames = relay.link.passed("down", "in", "frame");
      for (const [index, { rect, acknowledged: before }] of drawn.entries()) {
        const shows = ({ number, rects }) => number > before && rects.some((each) => meets(each, rect));
        const { number } = frames.find(shows);
        // Those under way when it was drawn, one that was being made just then, and the one that has it.
        assert.ok(number <= before + FRAMES_IN_FLIGHT + 2, `echo ${index} in frame ${number}, drawn after ${before}`);
      }
      const acks = relay.link.passed("up", "out", "ack", begun, ended).map(({ atMs }) => atMs);
      const explained = roundTripMs + (FRAMES_IN_FLIGHT * most(mbps) * 8) / (mbps * 1000);
      for (const [index, atMs] of acks.slice(1).entries()) {
        const gap = atMs - acks[index];
        assert.ok(gap <= explained + SLACK_MS, `${gap} ms without an ack; the way explains ${explained}`);
      }
      assert.deepEqual(client.errors, []);
    });
  });
}

test("5 Mbit/s, 100 ms: a page opened upon a film gets frames that the way carries, and keys their echo", async (t) => {
  const [roundTripMs, mbps] = [100, 5];
  await begin(t, CATCH, { roundTripMs, mbps });
  await withPage(t, browser, { viewport: SCREEN }, async (page) => {
    const coarse = photographs(3, FILM.width, FILM.height, 128);
    const [top, field] = [client.window({ x: 0, y: 0, ...FILM }), client.window(ECHO)];
    const drawn = echoes(field);
    const film = new Film(client, top, { images: coarse, periodMs: PERIOD_MS });
    await until("pictures of the film", () => film.painted >= 2);
    const viewer = await open(page);
    await page.mouse.move(100, 540);
    // The first frames teach the display what the way carries.
    await until("frames of the film", () => acknowledged() >= 10, 30_000);
    const begun = relay.link.log.length;
    for (const key of "echo") {
      const [count, shown] = [drawn.length, acknowledged()];
      await page.keyboard.press(key);
      await until("the echo", () => drawn[count]?.acknowledged !== undefined);
      await until("frames behind it", () => acknowledged() >= shown + 5, 30_000);
    }
    const ended = relay.link.log.length;
    await film.stop();

    assertCredit();
    const { link } = relay;
    const sizes = link.passed("down", "in", "frame", begun, ended).map(({ bytes }) => bytes);
    for (const [index, bytes] of sizes.entries()) {
      const both = bytes + (sizes[index + 1] ?? 0);
      assert.ok(both <= FRAMES_IN_FLIGHT * most(mbps), `${both} bytes under way at 5 Mbit/s: ${sizes}`);
    }
    const keys = link.passed("up", "out", "key").filter((_, index) => index % 2 === 0);
    for (const [index, { rect, acknowledged: before }] of drawn.entries()) {
      const shows = ({ number, rects }) => number > before && rects.some((each) => meets(each, rect));
      const arrived = link.passed("down", "out", "frame").find(shows);
      const passed = link.log
        .slice(0, link.log.indexOf(keys[index]))
        .findLast(({ way, edge }) => way + edge === "downout");
      const bytes = arrived.total - passed.total;
      assert.ok(bytes <= (FRAMES_IN_FLIGHT + 2) * most(mbps), `${bytes} bytes between key ${index} and its echo`);
    }
    // The last picture's grain would take the way some seconds.
    client.fill(top, { x: 0, y: 0, ...FILM }, 0x204060);
    await viewer.shows(display, 20_000);
  });
});

test("an outage of five seconds: the same connection goes on, what was typed arrives, the picture is exact", async (t) => {
  await begin(t, LINES, { roundTripMs: 50, mbps: 20 });
  await withPage(t, browser, { viewport: SCREEN }, async (page) => {
    const viewer = await open(page);
    await page.mouse.move(400, 300);
    await page.keyboard.type("a");
    await until("lines", () => acknowledged() > 5, 20_000);
    relay.interrupt();
    const before = relay.link.log.length;
    await page.keyboard.type("b");
    await new Promise((next) => setTimeout(next, 5000));
    assert.equal(relay.link.log.slice(before).filter(({ edge }) => edge === "out").length, 0);
    relay.resume();
    await page.keyboard.type("c");
    await page.keyboard.press("Enter");
    await until("the typed text", async () => (await typed()) === "abc\n");
    await viewer.shows(display, 20_000);
    assert.equal(await page.evaluate(() => performance.getEntriesByType("navigation").length), 1);
    assert.equal(relay.links.length, 1);
    assertCredit();
  });
});

test("a way that loses packets: frames go on between the stalls, the picture is exact", async (t) => {
  const stalls = { onePieceOf: 40, fromMs: 200, toMs: 300 };
  await begin(t, CATCH, { roundTripMs: 50, mbps: 20, stalls, stallSeed: 7 });
  await withPage(t, browser, { viewport: SCREEN }, async (page) => {
    const viewer = await open(page);
    const film = new Film(client, client.window({ x: 0, y: 0, ...FILM }), { images, periodMs: PERIOD_MS });
    await until("stalls", () => relay.stalled >= 5, 30_000);
    await film.stop();
    await page.mouse.move(400, 550);
    await page.keyboard.type("still here");
    await page.keyboard.press("Enter");
    await until("the typed text", async () => (await typed()) === "still here\n");
    await viewer.shows(display, 20_000);
    assert.equal(relay.links.length, 1);
    assertCredit();
  });
});

test("a connection cut inside a frame comes back, and the picture is whole", async (t) => {
  await begin(t, CATCH, { roundTripMs: 20, mbps: 20 });
  await withPage(t, browser, { viewport: SCREEN }, async (page) => {
    const viewer = await open(page);
    const film = new Film(client, client.window({ x: 0, y: 0, ...FILM }), { images, periodMs: PERIOD_MS });
    await until("frames of the film", () => acknowledged() > 5, 20_000);
    relay.cutsInside = 8 << 10;
    await until("a second connection", () => relay.links.length === 2 && acknowledged() > 5, 20_000);
    const [first] = relay.links;
    assert.ok(first.passed("down", "in", "frame").length > first.passed("down", "out", "frame").length);
    await film.stop();
    await viewer.shows(display, 20_000);
  });
});

test("a slow viewer does not slow a fast one, and one that joins late sees the same", async (t) => {
  await begin(t, CATCH, { roundTripMs: 400, mbps: 2 });
  stand.upstream = display.port;
  await withPage(t, browser, { viewport: SCREEN }, async (page) => {
    const fast = await open(page);
    const quick = await PlainViewer.connect(display.port, "view");
    const slow = await PlainViewer.connect(relay.port, "view");
    const small = photographs(4, 240, 160);
    const film = new Film(client, client.window({ x: 0, y: 0, ...FILM }), { images: small, periodMs: 100 });
    await until("pictures of the film", () => film.painted >= 5);
    const count = () => ({ painted: film.painted, quick: quick.of("frame").length, slow: slow.of("frame").length });
    const before = count();
    await until("pictures of the film", () => film.painted >= before.painted + 20, 20_000);
    const now = count();
    const [painted, of, ofSlow] = ["painted", "quick", "slow"].map((each) => now[each] - before[each]);
    assert.ok(of >= 0.8 * painted, `${of} frames of ${painted} pictures`);
    assert.ok(ofSlow < 0.6 * of, `${ofSlow} frames over the slow way, ${of} over the fast one`);
    stand.role = "view";
    await withPage(t, browser, { viewport: SCREEN }, async (other) => {
      const late = await open(other);
      await film.stop();
      await fast.shows(display);
      await late.shows(display);
      await until("an exact picture over the slow way", () => slow.of("frame").at(-1).exact, 30_000);
    });
    quick.close();
    slow.close();
  });
});

test("a viewer that stops reading costs its marks, and the others go on", async (t) => {
  await begin(t, CATCH, {});
  await withPage(t, browser, { viewport: SCREEN }, async (page) => {
    const viewer = await open(page);
    const film = new Film(client, client.window({ x: 0, y: 0, ...FILM }), { images, periodMs: PERIOD_MS });
    const deaf = await PlainViewer.connect(display.port);
    deaf.stopReading();
    await until("pictures of the film", () => film.painted >= 10, 20_000);
    const [before, painted, seen] = [await display.memory(), film.painted, acknowledged()];
    await until("pictures of the film", () => film.painted >= painted + 40, 20_000);
    const grown = (await display.memory()) - before;
    assert.ok(grown < 16 << 20, `${grown} bytes more`);
    assert.ok(acknowledged() >= seen + 10);
    await film.stop();
    await viewer.shows(display, 20_000);
    deaf.close();
  });
});

test("a viewer that stops reading is kept no more texts than the newest ones", async (t) => {
  await begin(t, CATCH, {});
  const [hearing, deaf] = [await PlainViewer.connect(display.port), await PlainViewer.connect(display.port)];
  deaf.stopReading();
  const copy = async (number) => {
    await display.client("xclip", ["-selection", "clipboard", "-in"], `${number} `.padEnd(1_000_000, "text "));
    await until("the text", () => hearing.of("clipboard").length >= number);
  };
  // What a text needs on its way is allocated once; the sockets take the first few.
  await copy(1);
  await copy(2);
  const before = await display.memory();
  for (let number = 3; number <= 26; number += 1) {
    await copy(number);
  }
  const grown = (await display.memory()) - before;
  assert.ok(grown < 12 << 20, `${grown} bytes more`);
  hearing.close();
  deaf.close();
});
