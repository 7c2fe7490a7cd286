/** Signing in, and what people see of one another, in the console against a real server. */

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { launch, withPage } from "./support/browser.mjs";
import { Console, flows, makeLink, makePerson, WIDE } from "./support/console.mjs";
import { Porthole } from "./support/porthole.mjs";
import { until } from "./support/wait.mjs";

let browser;
let porthole;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  await makePerson(porthole, "ada");
  await makePerson(porthole, "bob", { account: "other" });
});
after(async () => {
  await browser?.close();
  await porthole?.close(flow.failed());
});

const flow = flows(() => ({ browser, porthole }));

flow("a one-time link signs in once and leaves no token behind", async (my, page) => {
  const link = await makeLink(porthole, "ada");
  await page.goto(link);
  await my.heading(/^Computers/).waitFor();
  assert.ok(!page.url().includes(link.split("/").at(-1)));
  await my.button("Signed in as ada").click();
  await page.getByRole("menuitem", { name: "Sign out", exact: true }).click();
  await my.button("Sign in").waitFor();
  await page.goto("about:blank");
  await page.goto(link);
  await page.getByText("This link does not work any more").waitFor();
});

flow("a wrong password is refused without saying what was wrong, and too many make one wait", async (my, page) => {
  await makePerson(porthole, "eve");
  await my.signIn("eve", "not the password");
  await page.getByText("Signing in failed").waitFor();
  const said = await page.getByRole("alert").textContent();
  await my.signIn("nobody-at-all", "not the password");
  await until("the same answer", async () => (await page.getByRole("alert").textContent()) === said);
  // Each failure doubles the pause, so that however slow this goes one attempt comes too early.
  const answer = () => page.waitForResponse((response) => response.url().endsWith("/sign-in"));
  let status = 401;
  for (let attempt = 0; attempt < 12 && status === 401; attempt += 1) {
    const [response] = await Promise.all([answer(), my.signIn("eve", "not the password")]);
    status = response.status();
  }
  assert.equal(status, 429);
  await page.getByText("Too many attempts", { exact: true }).waitFor();
  await page.getByText(/Try again in \d+/).waitFor();
});

flow("two people of different accounts never see each other's things", async (my, _page, t) => {
  await porthole.create("mine-1", "debian_12");
  await my.enter("ada");
  await my.row("mine-1").waitFor();
  await withPage(t, browser, WIDE, async (other) => {
    const bobs = new Console(other, porthole.endpoint);
    await bobs.enter("bob");
    await other.getByText("No computers yet").waitFor();
    await bobs.go("computers/mine-1");
    await other.getByText("There is no computer mine-1").waitFor();
    for (const path of ["disks", "snapshots", "addresses", "usage"]) {
      await bobs.go(path);
      await bobs.settled();
      assert.ok(!(await other.textContent("body")).includes("mine-1"), path);
    }
    await bobs.go("operator/people");
    await other.getByText("There is no such page").first().waitFor();
  });
  await porthole.delete("mine-1");
});

flow("a server that restarts while the console is open goes unnoticed but for a message", async (my, page) => {
  await my.enter("ada");
  await porthole.create("restart-1", "debian_12");
  await my.row("restart-1").getByText("Running").waitFor();
  await porthole.kill();
  await page.getByText("The server does not answer").first().waitFor({ timeout: 40_000 });
  assert.ok(await my.row("restart-1").isVisible(), "what was there stays");
  await porthole.serve();
  await until(
    "the message is gone",
    async () => (await page.getByText("The server does not answer").count()) === 0,
    30_000,
  );
  await porthole.delete("restart-1");
  await until("live again", async () => (await my.row("restart-1").count()) === 0, 30_000);
});

flow(
  "signing out everywhere ends the other browser's sign-in, which is asked for again over the page",
  async (my, page, t) => {
    await my.enter("ada");
    await withPage(t, browser, WIDE, async (other) => {
      const second = new Console(other, porthole.endpoint);
      await second.enter("ada");
      await second.go("create");
      await other.getByLabel("Name of the computer").fill("half-written");
      await my.button("Signed in as ada").click();
      await page.getByRole("menuitem", { name: "Sign out everywhere" }).click();
      await my.button("Sign in").waitFor();
      await other.getByText("Your sign-in has ended").first().waitFor({ timeout: 40_000 });
      await second.dialog().getByLabel("Password").fill("correct horse battery");
      await second.dialog().getByRole("button", { name: "Sign in" }).click();
      await until("the page again", async () => (await second.dialog().count()) === 0);
      assert.equal(await other.getByLabel("Name of the computer").inputValue(), "half-written");
    });
  },
);
