import { describe, expect, test } from "vitest";
import { ClipboardSync } from "../src/clipboard.ts";
import { FrameLoop } from "../src/display/frame-loop.ts";
import { abilitiesOf, rungsOf } from "../src/display/ladder.ts";
import { Meter } from "../src/display/meter.ts";
import { defaultZoom, pictureAt, placementOf, wantedSize } from "../src/ui/layout.ts";
import { pictureName } from "../src/ui/screenshot.ts";

describe("ladder", () => {
  const canvas = (offscreen: boolean) => ({
    prototype: offscreen ? { transferControlToOffscreen: () => {} } : {},
  });

  test.each([
    [
      "an isolated page",
      { crossOriginIsolated: true, SharedArrayBuffer: 1, OffscreenCanvas: 1, HTMLCanvasElement: canvas(true) },
      ["shared", "offscreen", "transfer"],
    ],
    [
      "plain HTTP",
      { crossOriginIsolated: false, OffscreenCanvas: 1, HTMLCanvasElement: canvas(true) },
      ["offscreen", "transfer"],
    ],
    ["an old browser", { HTMLCanvasElement: canvas(false) }, ["transfer"]],
  ])("%s", (_name, window, rungs) => {
    expect(rungsOf(abilitiesOf(window))).toEqual(rungs);
  });
});

describe("layout", () => {
  test("a picture of the stage's size lies on whole device pixels without scaling", () => {
    const stage = { width: 1537, height: 803 };
    const placement = placementOf(stage, stage, 1, 1.25);
    expect(placement).toEqual({ left: 0, top: 0, width: 1537 / 1.25, height: 803 / 1.25, scaled: false });
  });

  test("a smaller picture is centred on whole device pixels, a larger one shrunk to fit", () => {
    expect(placementOf({ width: 1001, height: 801 }, { width: 800, height: 600 }, 1, 2)).toMatchObject({
      left: 50,
      top: 50,
      width: 400,
      scaled: false,
    });
    const large = placementOf({ width: 390, height: 844 }, { width: 1920, height: 1080 }, 1, 1);
    expect(large).toMatchObject({ width: 390, height: 219, scaled: true });
  });

  test("zoom asks for a smaller picture and shows it by whole factors", () => {
    const stage = { width: 1170, height: 2532 };
    expect(wantedSize(stage, 3)).toEqual({ width: 390, height: 844 });
    expect(placementOf(stage, { width: 390, height: 844 }, 3, 3)).toMatchObject({
      width: 390,
      height: 844,
      scaled: false,
    });
    expect(defaultZoom(3, true)).toBe(3);
    expect(defaultZoom(2.6, true)).toBe(2);
    expect(defaultZoom(2, false)).toBe(1);
  });

  test("points of the page are pixels of the picture", () => {
    const box = { left: 10, top: 0, width: 100, height: 50 };
    const picture = { width: 200, height: 100 };
    expect(pictureAt(10, 0, box, picture)).toEqual({ x: 0, y: 0 });
    expect(pictureAt(10.5, 0.5, box, picture)).toEqual({ x: 1, y: 1 });
    expect(pictureAt(109.9, 49.9, box, picture)).toEqual({ x: 199, y: 99 });
    expect(pictureAt(-5, 900, box, picture)).toEqual({ x: 0, y: 99 });
  });
});

describe("clipboard", () => {
  class Browser {
    local = "";
    allowed = true;
    granted = true;
    readonly sent: string[] = [];
    readonly shown: [string, boolean][] = [];
    readonly sync = new ClipboardSync({
      writeLocal: async (text) => {
        if (!this.allowed) {
          throw new Error("refused");
        }
        this.local = text;
      },
      readLocal: async () => (this.granted ? this.local : undefined),
      send: (text) => {
        if (text.length > 100) {
          return false;
        }
        this.sent.push(text);
        return true;
      },
      show: (text, waiting) => void this.shown.push([text, waiting]),
    });
  }

  test("text of the display arrives, and is not sent back", async () => {
    const browser = new Browser();
    await browser.sync.fromDisplay("remote");
    expect(browser.local).toBe("remote");
    expect(browser.shown).toEqual([["remote", false]]);
    await browser.sync.focus();
    expect(browser.sync.toDisplay("remote")).toBe(true);
    expect(browser.sent).toEqual([]);
  });

  test("a browser that wants a gesture gets the text with the next one", async () => {
    const browser = new Browser();
    browser.allowed = false;
    await browser.sync.fromDisplay("remote");
    expect(browser.shown.at(-1)).toEqual(["remote", true]);
    browser.allowed = true;
    await browser.sync.gesture();
    expect(browser.local).toBe("remote");
    expect(browser.shown.at(-1)).toEqual(["remote", false]);
  });

  test("local text goes out on focus, once, and not where reading is not granted", async () => {
    const browser = new Browser();
    browser.local = "mine";
    await browser.sync.focus();
    await browser.sync.focus();
    expect(browser.sent).toEqual(["mine"]);
    browser.granted = false;
    browser.local = "secret";
    await browser.sync.focus();
    expect(browser.sent).toEqual(["mine"]);
  });

  test("a paste is sent when it is new, and refused when it is too long", () => {
    const browser = new Browser();
    expect(browser.sync.toDisplay("a")).toBe(true);
    expect(browser.sync.toDisplay("a")).toBe(true);
    expect(browser.sync.toDisplay("")).toBe(true);
    expect(browser.sync.toDisplay("x".repeat(101))).toBe(false);
    expect(browser.sent).toEqual(["a"]);
    browser.sync.forget();
    expect(browser.sync.toDisplay("a")).toBe(true);
    expect(browser.sent).toEqual(["a", "a"]);
  });
});

describe("animation frames", () => {
  test("run while they are kept going and then stop", () => {
    let now = 0;
    const callbacks: ((atMs: number) => void)[] = [];
    let frames = 0;
    let rests = 0;
    const source = { requestAnimationFrame: (callback: (atMs: number) => void) => callbacks.push(callback) };
    const loop = new FrameLoop(
      source,
      () => now,
      () => {
        frames += 1;
      },
      () => {
        rests += 1;
      },
    );
    loop.keep(50);
    loop.keep(20);
    while (callbacks.length > 0) {
      now += 16;
      callbacks.shift()?.(now);
    }
    expect([frames, rests, loop.running]).toEqual([4, 1, false]);
  });

  test("can be kept going from the last one", () => {
    let now = 0;
    const callbacks: ((atMs: number) => void)[] = [];
    const source = { requestAnimationFrame: (callback: (atMs: number) => void) => callbacks.push(callback) };
    let rests = 0;
    const loop: FrameLoop = new FrameLoop(
      source,
      () => now,
      () => {},
      () => {
        rests += 1;
        if (rests === 1) {
          loop.keep(10);
        }
      },
    );
    loop.keep(0);
    while (callbacks.length > 0) {
      now += 16;
      callbacks.shift()?.(now);
    }
    expect(rests).toBe(2);
  });
});

describe("meter", () => {
  test("a drawn frame acknowledges those before it, once", () => {
    const meter = new Meter();
    meter.received(100);
    meter.framed(1, 500, 1000);
    meter.framed(2, 700, 1004);
    expect(meter.drawn(2, 1010)).toEqual({ decodeUs: 700, untilDrawnUs: 6000 });
    expect(meter.drawn(2, 1010)).toBeUndefined();
    expect(meter.drawn(1, 1010)).toBeUndefined();
    expect(meter.take("d")).toEqual({
      frames: 2,
      bytes: 100,
      decodeMs: 0.6,
      untilDrawnMs: 8,
      inputToDrawnMs: undefined,
      decoder: "d",
    });
    expect(meter.take("d")).toMatchObject({ frames: 0, bytes: 0, decodeMs: 0 });
  });

  test("input counts to the first frame that came after it", () => {
    const meter = new Meter();
    meter.framed(1, 0, 90);
    meter.input(100);
    meter.input(105);
    meter.drawn(1, 110);
    meter.framed(2, 0, 112);
    meter.drawn(2, 120);
    expect(meter.take("d").inputToDrawnMs).toBe(20);
  });
});

test("a picture's file is named by what it shows and when", () => {
  const now = new Date("2026-01-31T12:30:05.678Z");
  expect(pictureName({ instanceName: "lab-1", display: "desktop" }, now)).toBe("lab-1-desktop-2026-01-31-12-30-05.png");
  expect(pictureName(undefined, now)).toBe("2026-01-31-12-30-05.png");
});
