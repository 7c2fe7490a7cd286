/** Pages of an operator, dialogs, the dark mode, a lost connection. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AllocateStaticIpCommand } from "@aws-sdk/client-lightsail";
import { launch, withPage } from "./support/browser.mjs";
import { Console, look, makePerson, SIZES, WIDE } from "./support/console.mjs";
import { Porthole } from "./support/porthole.mjs";
import { until } from "./support/wait.mjs";

let browser;
let porthole;
let failed = true;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  await makePerson(porthole, "root", { role: "operator" });
  await porthole.create("lab-1", "debian_12");
  await porthole.startSession("lab-1");
});
after(async () => {
  await browser?.close();
  await porthole?.close(failed);
});

const OPERATOR = ["overview", "people", "accounts", "sessions", "operations", "blueprints", "bundles", "audit"];

test("pages of an operator", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    for (const name of OPERATOR) {
      await my.go(`operator/${name}`);
      await look(my, `operator-${name}`);
    }
  });
});

test("dialogs, the dark mode, and a page that does not exist", async (t) => {
  await withPage(t, browser, { ...WIDE, colorScheme: "dark" }, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await look(my, "dark-computers");
    await my.go("computers/lab-1");
    await my.heading(/^lab-1/).waitFor();
    await look(my, "dark-computer");
    for (const item of ["Stop session", "Delete", "Take snapshot"]) {
      await my.choose(my.button("Actions"), item);
      await my.dialog().waitFor();
      await look(my, `dialog-${item.toLowerCase().replaceAll(" ", "-")}`);
      await page.keyboard.press("Escape");
      await until("no dialog", async () => (await my.dialog().count()) === 0);
    }
    await my.go("computers/lab-1/viewers");
    await my.button("Share a link").click();
    await my.dialog().waitFor();
    await look(my, "dialog-share");
    await page.keyboard.press("Escape");
    await my.go("no-such-page");
    await look(my, "missing");
  });
});

test("a lost connection is told, with what was there", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.row("lab-1").waitFor();
    await my.go("disks");
    await page.getByText("No disks").waitFor();
    await page.context().setOffline(true);
    await page.getByText("The server does not answer").first().waitFor({ timeout: 40_000 });
    await look(my, "offline-disks");
    await page.context().setOffline(false);
    await until(
      "the connection",
      async () => (await page.getByText("The server does not answer").count()) === 0,
      30_000,
    );
    await page.getByText("No disks").waitFor();
  });
});

test("parts of a page, and reads, that a changing network cuts off are asked for again", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.row("lab-1").waitFor();
    const cut = new Set();
    // A network that changes goes on doing so for a while. What the page itself is made of is not what this is about.
    let rests = 0;
    const there = new Set(
      await page.evaluate(() => performance.getEntriesByType("resource").map((entry) => entry.name)),
    );
    await page.route(`${porthole.endpoint}/**`, async (route) => {
      const request = route.request();
      const target = request.headers()["x-amz-target"];
      const what = target?.endsWith(".GetInstance") === true ? target : request.url();
      if (what !== target && (there.has(what) || !/\/console\/assets\/.*\.(js|css)$/.test(what))) {
        return route.continue();
      }
      if (cut.size === 0) {
        rests = Date.now() + 5000;
      }
      if (cut.has(what) && (!what.endsWith(".js") || Date.now() > rests)) {
        return route.continue();
      }
      cut.add(what);
      return route.abort("failed");
    });
    await my.go("computers/lab-1");
    await my.heading(/^lab-1/).waitFor();
    const kinds = [...cut].map((what) => what.replace(/.*\./, "")).sort();
    assert.deepEqual([...new Set(kinds)], ["GetInstance", "css", "js"]);
    const unstyled = await page.evaluate(() =>
      [...document.querySelectorAll('link[rel="stylesheet"]')].filter((link) => !link.sheet).map((link) => link.href),
    );
    assert.deepEqual(unstyled, []);
  });
});

test("a static address can be allocated where the site has some, and the page says so where it has none", async (t) => {
  const refused = await porthole.client.send(new AllocateStaticIpCommand({ staticIpName: "address-1" })).then(
    () => undefined,
    (error) => error,
  );
  await withPage(t, browser, { viewport: SIZES.narrow }, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.go("addresses");
    await my.button("Allocate address").first().click();
    await my.dialog().getByRole("button", { name: "Allocate address" }).click();
    await (refused === undefined ? page.getByText("is allocated") : my.dialog().getByText(refused.message)).waitFor();
  });
  failed = false;
});
