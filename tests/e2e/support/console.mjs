/** The console as a test sees it: a person in a browser, found things by their roles and names. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { faultsOf } from "./axe.mjs";
import { keepPicture, withPage } from "./browser.mjs";
import { until } from "./wait.mjs";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../../..");
const BINARY = process.env.PORTHOLE_BIN ?? join(ROOT, "target/debug/porthole");

export const PASSWORD = "correct horse battery";
/** Widths of every picture that is kept. */
export const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };

/** Makes an account where there is none of this name, and a person in it. */
export async function makePerson(porthole, name, { account = "e2e", role = "researcher" } = {}) {
  const accounts = JSON.parse(await porthole.command("account", "list", "--json"));
  if (!accounts.some((known) => known.name === account)) {
    await porthole.command("account", "create", account, "--json");
  }
  const words = ["person", "create", name, "--account", account, "--role", role, "--password-stdin"];
  const made = spawn(BINARY, [...words, "--config", porthole.config], { stdio: ["pipe", "inherit", "inherit"] });
  made.stdin.end(`${PASSWORD}\n`);
  const code = await new Promise((done) => made.once("exit", done));
  assert.equal(code, 0, `person create ${name}`);
}

/** Makes a one-time link for a person and gives its address. */
export async function makeLink(porthole, name) {
  const words = ["person", "link", name, "--url", porthole.endpoint, "--json", "--config", porthole.config];
  const { stdout } = await run(BINARY, words, { timeout: 60_000 });
  return JSON.parse(stdout).url;
}

export class Console {
  /** Clicks, and keys that press a button, counted as a person would. */
  clicks = 0;

  constructor(page, endpoint) {
    this.page = page;
    this.endpoint = endpoint;
  }

  /** Goes to a page of the console. */
  async go(path = "") {
    const address = `${this.endpoint}/console/#/${path}`;
    if (this.page.url().startsWith(`${this.endpoint}/console/`)) {
      await this.page.evaluate((hash) => {
        location.hash = hash;
      }, `#/${path}`);
    } else {
      await this.page.goto(address);
    }
  }

  async click(target) {
    this.clicks += 1;
    await target.click();
  }

  button(name, options = {}) {
    return this.page.getByRole("button", { name, exact: true, ...options });
  }

  link(name, options = {}) {
    return this.page.getByRole("link", { name, exact: true, ...options });
  }

  dialog() {
    return this.page.getByRole("dialog");
  }

  heading(name) {
    return this.page.getByRole("heading", { name });
  }

  /** The row of a table that has this text. */
  row(text) {
    return this.page.getByRole("row").filter({ hasText: text });
  }

  /** Signs in with name and password. */
  async signIn(name, password = PASSWORD) {
    if (!this.page.url().startsWith(this.endpoint)) {
      await this.page.goto(`${this.endpoint}/`, { waitUntil: "commit" });
    }
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.page.getByLabel("Password", { exact: true }).fill(password);
    await this.click(this.button("Sign in"));
  }

  /** Signs in and waits for the list of computers. */
  async enter(name) {
    await this.signIn(name);
    await this.heading(/^Computers/).waitFor();
  }

  /** Chooses from the menu of actions at the top of a page, or at a row. */
  async choose(menu, item) {
    await this.click(menu);
    await this.click(this.page.getByRole("menuitem", { name: item, exact: true }));
  }

  /** Waits until nothing on the page is loading any more. */
  async settled() {
    await until(
      "a page that has loaded",
      () =>
        this.page.evaluate(() => {
          const body = document.body.textContent;
          return (
            !/\bLoading\b/.test(body) &&
            document
              .getAnimations()
              .every((a) => a.playState !== "running" || a.effect?.getTiming().iterations === Infinity)
          );
        }),
      20_000,
    );
  }

  /** What axe-core finds serious or worse on the page as it is. */
  faults() {
    return faultsOf(this.page);
  }

  /** Says whether the page is wider than the window. */
  overflows() {
    return this.page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1);
  }

  /** Keeps the picture of the page in both widths; `check` is made at the narrow one. */
  async keep(name, check = async () => {}) {
    for (const [width, size] of Object.entries(SIZES)) {
      await this.page.setViewportSize(size);
      await this.settled();
      await keepPicture(this.page, `console-${name}-${width}`);
      if (width === "narrow") {
        assert.ok(!(await this.overflows()), `${name} is wider than 390 px`);
        await check();
      }
    }
    await this.page.setViewportSize(SIZES.wide);
  }
}

/** Options of a context for the console. */
export const WIDE = { viewport: SIZES.wide };

/**
 * Gives a function that makes tests with a page of the console; what the browser complains about fails them. It knows
 * whether one has failed.
 */
export function flows(what) {
  let begun = 0;
  let ended = 0;
  const flow = (name, use) =>
    test(name, async (t) => {
      begun += 1;
      const { browser, porthole } = what();
      await withPage(t, browser, WIDE, async (page, log) => {
        await use(new Console(page, porthole.endpoint), page, t);
        const complaints = log.filter(
          (line) => /Content Security Policy|^error:/.test(line) && !/Failed to load resource/.test(line),
        );
        assert.deepEqual(complaints, []);
      });
      ended += 1;
    });
  flow.failed = () => begun === 0 || ended < begun;
  return flow;
}

/** Keeps the picture of a page as it is at both widths, and holds both against axe-core. */
export async function look(my, name) {
  await my.settled();
  assert.deepEqual(await my.faults(), [], name);
  await my.keep(name, async () => assert.deepEqual(await my.faults(), [], `${name}, narrow`));
}
