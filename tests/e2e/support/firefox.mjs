/** Debian's Firefox by WebDriver BiDi, with as much of a page's interface as the viewer's tests need. */

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import WebSocket from "ws";

const PREFERENCES = {
  "app.normandy.enabled": false,
  "app.update.auto": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
  "toolkit.telemetry.server": "",
  // A name that is not loopback, so that pages of it are no secure context, without leaving loopback.
  "network.dns.localDomains": "plain.test",
};
/** WebDriver's code points of keys without a character. */
const KEYS = { Enter: "\uE007", Shift: "\uE008", Control: "\uE009", Alt: "\uE00A" };
const BUTTONS = { left: 0, middle: 1, right: 2 };

export class Firefox {
  #pending = new Map();
  #number = 0;

  static async launch() {
    const firefox = new Firefox();
    firefox.profile = await mkdtemp(join(tmpdir(), "porthole-firefox-"));
    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`);
    await writeFile(join(firefox.profile, "user.js"), `${lines.join("\n")}\n`);
    const words = ["--headless", "--no-remote", "--profile", firefox.profile, "--remote-debugging-port", "0"];
    firefox.process = spawn(process.env.FIREFOX ?? "firefox-esr", words, { stdio: ["ignore", "ignore", "pipe"] });
    firefox.ended = new Promise((done) => firefox.process.once("exit", done));
    const address = await new Promise((done, fail) => {
      createInterface({ input: firefox.process.stderr }).on("line", (line) => {
        const found = /WebDriver BiDi listening on (ws:\S+)/.exec(line);
        if (found !== null) {
          done(found[1]);
        }
      });
      firefox.process.once("exit", () => fail(new Error("Firefox ended")));
      firefox.process.once("error", fail);
    });
    firefox.socket = new WebSocket(`${address}/session`, { perMessageDeflate: false });
    await new Promise((done, fail) => {
      firefox.socket.once("open", done);
      firefox.socket.once("error", fail);
    });
    firefox.socket.on("message", (data) => firefox.#received(JSON.parse(data)));
    await firefox.send("session.new", { capabilities: {} });
    return firefox;
  }

  /** Sends a command and gives its result. */
  send(method, params) {
    this.#number += 1;
    const id = this.#number;
    return new Promise((done, fail) => {
      this.#pending.set(id, { done, fail, method });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  #received({ id, type, result, error, message }) {
    const waiting = this.#pending.get(id);
    this.#pending.delete(id);
    if (type === "success") {
      waiting?.done(result);
    } else if (type === "error") {
      waiting?.fail(new Error(`${waiting.method}: ${error}: ${message}`));
    }
  }

  async newPage({ width, height }) {
    const { context } = await this.send("browsingContext.create", { type: "tab" });
    const page = new FirefoxPage(this, context);
    await page.setViewportSize({ width, height });
    return page;
  }

  async close() {
    this.socket?.terminate();
    this.process.kill("SIGKILL");
    await this.ended;
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class FirefoxPage {
  constructor(firefox, context) {
    this.firefox = firefox;
    this.context = context;
    this.keyboard = {
      down: (key) => this.#keys([{ type: "keyDown", value: KEYS[key] ?? key }]),
      up: (key) => this.#keys([{ type: "keyUp", value: KEYS[key] ?? key }]),
      press: (key) => this.#strokes([key]),
      type: (text) => this.#strokes([...text]),
    };
    this.mouse = {
      move: (x, y) => this.#pointer([{ type: "pointerMove", x, y }]),
      click: (x, y, { button = "left" } = {}) =>
        this.#pointer([
          { type: "pointerMove", x, y },
          { type: "pointerDown", button: BUTTONS[button] },
          { type: "pointerUp", button: BUTTONS[button] },
        ]),
    };
  }

  goto(url) {
    return this.firefox.send("browsingContext.navigate", { context: this.context, url, wait: "complete" });
  }

  setViewportSize(viewport) {
    return this.firefox.send("browsingContext.setViewport", { context: this.context, viewport });
  }

  /** Runs a function in the page; its value comes back by way of JSON. */
  async evaluate(work, argument) {
    const { result, exceptionDetails } = await this.firefox.send("script.evaluate", {
      expression: `(async () => JSON.stringify(await (${work})(${JSON.stringify(argument ?? null)})))()`,
      target: { context: this.context },
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) {
      throw new Error(exceptionDetails.text);
    }
    return result.value === undefined ? undefined : JSON.parse(result.value);
  }

  async screenshot() {
    const { data } = await this.firefox.send("browsingContext.captureScreenshot", { context: this.context });
    return Buffer.from(data, "base64");
  }

  close() {
    return this.firefox.send("browsingContext.close", { context: this.context });
  }

  #strokes(keys) {
    return this.#keys(
      keys.flatMap((key) => [
        { type: "keyDown", value: KEYS[key] ?? key },
        { type: "keyUp", value: KEYS[key] ?? key },
      ]),
    );
  }

  #keys(actions) {
    return this.firefox.send("input.performActions", {
      context: this.context,
      actions: [{ type: "key", id: "keyboard", actions }],
    });
  }

  #pointer(actions) {
    return this.firefox.send("input.performActions", {
      context: this.context,
      actions: [{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions }],
    });
  }
}
