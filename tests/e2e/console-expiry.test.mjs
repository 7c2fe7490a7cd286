/** Times that end in mid-use: of the sign-in, and of the session. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, withPage } from "./support/browser.mjs";
import { Console, makePerson, PASSWORD, WIDE } from "./support/console.mjs";
import { Porthole } from "./support/porthole.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

const SIGNED_IN_MS = 15_000;
const HOUR_MS = 20_000;

let browser;
let failed = 2;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test("a sign-in that expires in mid-use is asked for over the page, and nothing half-written is lost", async (t) => {
  const porthole = await Porthole.start(`[console]\nsession_ms = ${SIGNED_IN_MS}`);
  t.after(() => porthole.close(failed > 0));
  await makePerson(porthole, "ada");
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("ada");
    await my.go("create");
    await page.getByLabel("Name of the computer").fill("half-written");
    await page
      .getByText("Your sign-in has ended")
      .first()
      .waitFor({ timeout: SIGNED_IN_MS + 40_000 });
    await my.dialog().getByLabel("Password").fill("not the password");
    await my.dialog().getByRole("button", { name: "Sign in" }).click();
    await my.dialog().getByText("Signing in failed").waitFor();
    await my.dialog().getByLabel("Password").fill(PASSWORD);
    await my.dialog().getByRole("button", { name: "Sign in" }).click();
    await until("the page again", async () => (await my.dialog().count()) === 0);
    assert.equal(await page.getByLabel("Name of the computer").inputValue(), "half-written");
    await page.getByRole("radio", { name: /^Debian/ }).check({ force: true });
    await my.button("Create computer").click();
    await my.heading(/^half-written/).waitFor({ timeout: 30_000 });
  });
  failed -= 1;
});

test("a session whose time is over is resumed from its page", async (t) => {
  const porthole = await Porthole.start(`[session]\nduration_ms = ${HOUR_MS}`);
  t.after(() => porthole.close(failed > 0));
  await makePerson(porthole, "ada");
  const inside = await porthole.create("hour-1", "debian_12");
  await porthole.startSession("hour-1");
  await inside.listening();
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("ada");
    await my.go("computers/hour-1");
    await page.getByText("Time is over, windows are still open").waitFor({ timeout: HOUR_MS + 40_000 });
    const resume = my.link(/^Resume session/, { exact: false }).first();
    const [tab] = await Promise.all([page.context().waitForEvent("page"), resume.click()]);
    await new ViewerPage(tab).painted(60_000);
    assert.equal((await porthole.access("hour-1")).status, "started");
  });
  failed -= 1;
});
