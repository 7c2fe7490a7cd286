/** A display that serves itself: `porthole-guest display --listen`, with X clients of the test beside it. */

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ARTIFACTS } from "./browser.mjs";
import { until } from "./wait.mjs";

const ROOT = join(import.meta.dirname, "../../..");
const BINARY = process.env.PORTHOLE_GUEST_BIN ?? join(ROOT, "target/debug/porthole-guest");

export class GuestDisplay {
  /**
   * Starts a display that runs a command, which is made for the display's folder of throwaway files; `name` says what
   * its log is of.
   */
  static async start(name, command, { size = "1280x800" } = {}) {
    const display = new GuestDisplay();
    display.folder = await mkdtemp(join(tmpdir(), "porthole-display-"));
    await mkdir(ARTIFACTS, { recursive: true });
    const kept = name.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, 40);
    const log = createWriteStream(join(ARTIFACTS, `display-${kept}.log`));
    const words = ["display", "--size", size, "--listen", "127.0.0.1:0", "--wait-for-window", "--"];
    display.process = spawn(BINARY, [...words, ...command(display.folder)], { stdio: ["ignore", "pipe", "pipe"] });
    display.ended = new Promise((done) => display.process.once("exit", done));
    display.process.stderr.pipe(log);
    display.facts = {};
    display.reports = [];
    createInterface({ input: display.process.stdout }).on("line", (line) => {
      const fact = JSON.parse(line);
      display.reports.push(fact);
      Object.assign(display.facts, fact);
    });
    await until(
      "a started display",
      () => {
        if (display.process.exitCode !== null) {
          throw new Error(`the display ended: ${JSON.stringify(display.reports)}`);
        }
        return display.facts.listening && display.facts.percent === 100;
      },
      20_000,
    );
    return display;
  }

  get port() {
    return Number(this.facts.listening.split(":").at(-1));
  }

  get environment() {
    return { ...process.env, DISPLAY: this.facts.display, XAUTHORITY: this.facts.xauthority };
  }

  /** Runs an X client to its end and gives what it wrote. */
  client(program, words = [], input = undefined) {
    return new Promise((done, fail) => {
      const child = spawn(program, words, {
        env: this.environment,
        // A client that stays behind (xclip serves its selection) must not hold the pipes.
        stdio: [input === undefined ? "ignore" : "pipe", input === undefined ? "pipe" : "ignore", "ignore"],
      });
      const chunks = [];
      child.stdout?.on("data", (chunk) => chunks.push(chunk));
      child.once("error", fail);
      child.once("exit", (code) => {
        if (code === 0) {
          done(Buffer.concat(chunks));
        } else {
          fail(new Error(`${program} ended with ${code}`));
        }
      });
      child.stdin?.end(input);
    });
  }

  /** The X server's picture: size and pixels r g b 255, as the canvas has them. */
  async picture() {
    const dump = await this.client("xwd", ["-silent", "-root"]);
    const field = (index) => dump.readUInt32BE(4 * index);
    const [headerSize, width, height, stride, colours] = [field(0), field(4), field(5), field(12), field(19)];
    const start = headerSize + 12 * colours;
    const pixels = Buffer.alloc(4 * width * height, 255);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const from = start + y * stride + 4 * x;
        const to = 4 * (y * width + x);
        pixels[to] = dump[from + 2];
        pixels[to + 1] = dump[from + 1];
        pixels[to + 2] = dump[from];
      }
    }
    return { width, height, pixels };
  }

  /** Bytes of memory that the display's own process has. */
  async memory() {
    const status = await readFile(`/proc/${this.process.pid}/status`, "utf8");
    return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]);
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill("SIGTERM");
    }
    await this.ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}
