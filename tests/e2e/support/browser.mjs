/** One Chromium for a test file; a fresh context for each test; what a failed test showed is kept under artifacts/. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

const ROOT = join(import.meta.dirname, "../../..");
export const ARTIFACTS = join(ROOT, "artifacts/e2e");

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  // A name that is not loopback, so that pages of it are no secure context, without leaving loopback.
  "--host-resolver-rules=MAP plain.test 127.0.0.1",
];

/** Starts the browser. Close it when the file is done. */
export async function launch(flags = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [...FLAGS, ...flags],
  });
}

/** How much of a page's text goes into the failure's own message, for who has only the log. */
const TEXT_SHOWN = 1500;

/** What a failure may come from and no text shows: the page's own state, and who has the keyboard. */
function stateOf() {
  const { activeElement, body, visibilityState } = document;
  const keyboard = activeElement?.id || activeElement?.tagName;
  return JSON.stringify({ ...body.dataset, visibilityState, focus: document.hasFocus(), keyboard });
}

/**
 * Runs `use` with a page in a context of its own. When it fails, the page's picture, address, text and console are
 * kept, and the message says what the page showed.
 */
export async function withPage(test, browser, options, use) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const log = [];
  page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => log.push(`error: ${error.stack ?? error}`));
  page.on("requestfailed", (request) => log.push(`failed: ${request.method()} ${request.url()}`));
  try {
    return await use(page, log);
  } catch (error) {
    const name = test.name.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, 80);
    await mkdir(ARTIFACTS, { recursive: true });
    await page.screenshot({ path: join(ARTIFACTS, `${name}.png`) }).catch(() => {});
    // biome-ignore lint/performance/useDomNodeTextContent: what is to be seen, in lines
    const text = await page.evaluate(() => document.body.innerText).catch(() => "");
    await writeFile(join(ARTIFACTS, `${name}.txt`), `${page.url()}\n${text}\n${log.join("\n")}\n${error.stack}\n`);
    const shown = text.replaceAll(/\s*\n\s*/g, " | ").slice(0, TEXT_SHOWN);
    const state = await page.evaluate(stateOf).catch(() => "");
    const says = `The page ${page.url()} was ${state}\nIts console: ${log.slice(-40).join("\n")}\nIt showed: ${shown}`;
    throw new Error(`${error.message}\n${says}`, { cause: error });
  } finally {
    await context.close();
  }
}

/** Keeps a screenshot under artifacts/e2e/NAME.png. */
export async function keepPicture(page, name) {
  await mkdir(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: join(ARTIFACTS, `${name}.png`) });
}
