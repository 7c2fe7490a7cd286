/** The viewer page as a test sees it. */

import { createHash } from "node:crypto";
import { until } from "./wait.mjs";

export class ViewerPage {
  constructor(page) {
    this.page = page;
  }

  /** State the page is in: opening, connecting, live, asking, waiting, over. */
  state() {
    return this.page.evaluate(() => document.body.dataset.state);
  }

  /** Waits until a picture is on the canvas. */
  async painted(deadlineMs = 20_000) {
    await until(
      "a painted picture",
      () =>
        this.page.evaluate(() => document.body.dataset.state === "live" && document.body.dataset.painted === "true"),
      deadlineMs,
    );
  }

  /** Lets the page count the frames it draws, for `rests`; asked for before the page is opened. */
  async countFrames() {
    await this.page.addInitScript(() => {
      window.framesDrawn = 0;
      const original = window.requestAnimationFrame.bind(window);
      window.requestAnimationFrame = (callback) => {
        window.framesDrawn += 1;
        return original(callback);
      };
    });
  }

  /** Waits until no frame has come for so long. */
  async rests(quietMs, deadlineMs) {
    let last = -1;
    let since = 0;
    await until(
      `${quietMs} ms without a frame`,
      async () => {
        const now = await this.page.evaluate(() => window.framesDrawn);
        if (now !== last) {
          last = now;
          since = performance.now();
        }
        return performance.now() - since > quietMs;
      },
      deadlineMs,
    );
  }

  /** Waits until the page says that it is over, and gives reason, title and sentence. */
  async over(deadlineMs = 10_000) {
    await until("the end of the page", async () => (await this.state()) === "over", deadlineMs);
    return this.page.evaluate(() => ({
      reason: document.body.dataset.reason,
      title: document.getElementById("notice-title")?.textContent,
      text: document.getElementById("notice-text")?.textContent,
    }));
  }

  /** Title of the notice over the picture; empty when there is none. */
  notice() {
    return this.page.evaluate(() => {
      const notice = document.getElementById("notice");
      return notice === null || notice.hidden ? "" : (document.getElementById("notice-title")?.textContent ?? "");
    });
  }

  /** Size of the canvas in its own pixels. */
  size() {
    return this.page.evaluate(() => {
      const canvas = document.querySelector("#picture canvas");
      return { width: canvas.width, height: canvas.height };
    });
  }

  /** Pixels of the canvas (r g b a), all of it or a rectangle. */
  async pixels(rect) {
    return Buffer.from(await this.#read(rect, false), "base64");
  }

  /** SHA-256 of the canvas's pixels. */
  async hash(rect) {
    const text = await this.#read(rect, true);
    const digest = /^[0-9a-f]{64}$/.test(text);
    return digest ? text : createHash("sha256").update(Buffer.from(text, "base64")).digest("hex");
  }

  /** The canvas's pixels in base64, or their SHA-256 in hexadecimal where the page can make one: far less to hand over. */
  #read(rect, digest) {
    const read = async ({ rect: wanted, digest: short }) => {
      const canvas = document.querySelector("#picture canvas");
      const { x, y, width, height } = wanted ?? { x: 0, y: 0, width: canvas.width, height: canvas.height };
      const copy = document.createElement("canvas");
      copy.width = width;
      copy.height = height;
      const context = copy.getContext("2d", { willReadFrequently: true });
      context.drawImage(canvas, x, y, width, height, 0, 0, width, height);
      const { data } = context.getImageData(0, 0, width, height);
      if (short && crypto.subtle !== undefined) {
        const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
        return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      }
      let text = "";
      for (let at = 0; at < data.length; at += 32_768) {
        text += String.fromCharCode(...data.subarray(at, at + 32_768));
      }
      return btoa(text);
    };
    return this.page.evaluate(read, { rect: rect ?? null, digest });
  }

  /** Number of different colours on the canvas, counted up to 1000. */
  async colours(rect) {
    const pixels = await this.pixels(rect);
    const seen = new Set();
    for (let at = 0; at < pixels.length && seen.size < 1000; at += 4) {
      seen.add(pixels.readUInt32LE(at));
    }
    return seen.size;
  }

  /** Waits until the canvas shows exactly what the X server of a `GuestDisplay` has; says where not, when it does not. */
  async shows(display, deadlineMs = 10_000) {
    const same = async () => {
      const { width, height, pixels } = await display.picture();
      const size = await this.size();
      const equal = size.width === width && size.height === height;
      return equal && (await this.hash()) === createHash("sha256").update(pixels).digest("hex");
    };
    try {
      await until("canvas and X server to have the same picture", same, deadlineMs);
    } catch (error) {
      throw new Error(
        `${error.message}: ${differences(await display.picture(), await this.size(), await this.pixels())}`,
        {
          cause: error.cause,
        },
      );
    }
  }

  /** What the statistics overlay says, by name. Opens the overlay when it is closed. */
  async statistics() {
    await this.page.evaluate(() => {
      if (document.getElementById("statistics-panel").hidden) {
        document.getElementById("statistics").click();
      }
    });
    return until("statistics", () =>
      this.page.evaluate(() => {
        const terms = [...document.querySelectorAll("#statistics-list dt")];
        const rows = Object.fromEntries(terms.map((term) => [term.textContent, term.nextElementSibling?.textContent]));
        return "Decoder" in rows ? rows : null;
      }),
    );
  }
}

/** Where a canvas differs from a picture, for a person. */
function differences(picture, size, pixels) {
  if (size.width !== picture.width || size.height !== picture.height) {
    return `the canvas has ${size.width} × ${size.height}, the X server ${picture.width} × ${picture.height}`;
  }
  const [xs, ys] = [[], []];
  for (let at = 0; at < pixels.length; at += 4) {
    if (pixels.readUInt32LE(at) !== picture.pixels.readUInt32LE(at)) {
      xs.push((at / 4) % size.width);
      ys.push(Math.floor(at / 4 / size.width));
    }
  }
  const span = (values) =>
    `${values.reduce((a, b) => Math.min(a, b), 1e5)}–${values.reduce((a, b) => Math.max(a, b), 0)}`;
  return xs.length === 0 ? "it has now" : `${xs.length} pixels differ, x ${span(xs)}, y ${span(ys)}`;
}
