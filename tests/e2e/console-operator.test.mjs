/** What an operator does in the console, against a real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, withPage } from "./support/browser.mjs";
import { Console, makePerson, WIDE } from "./support/console.mjs";
import { Porthole } from "./support/porthole.mjs";
import { until } from "./support/wait.mjs";

let browser;
let porthole;
let failed = 3;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  await makePerson(porthole, "root", { role: "operator" });
});
after(async () => {
  await browser?.close();
  await porthole?.close(failed > 0);
});

test("an account and a person are made; the person's link leads in, and a password is set", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.go("operator/accounts");
    await my.button("Create account").click();
    await my.dialog().getByLabel("Name").fill("biology");
    await my.dialog().getByRole("button", { name: "Create account" }).click();
    await my.row("biology").waitFor();

    await my.choose(my.button("Actions of biology"), "Quotas");
    await my.dialog().getByLabel("Computers", { exact: true }).fill("1");
    await my.dialog().getByRole("button", { name: "Save" }).click();
    await page.getByText("The quotas of biology are saved.").waitFor();

    await my.go("operator/people");
    await my.button("Add person").click();
    await my.dialog().getByLabel("Name").fill("grace");
    await my
      .dialog()
      .getByRole("button", { name: /^Account/ })
      .click();
    await page.getByRole("option", { name: "biology" }).click();
    await my.dialog().getByRole("button", { name: "Add person" }).click();
    const shown = await my
      .dialog()
      .getByText(/#\/sign-in\//)
      .textContent();
    const link = new URL(shown.match(/https?:\S+/)[0]);
    await my.dialog().getByRole("button", { name: "Close" }).last().click();
    await my.row("grace").getByText("Link only").waitFor();

    await withPage(t, browser, WIDE, async (other) => {
      const graces = new Console(other, porthole.endpoint);
      await other.goto(`${porthole.endpoint}/console/${link.hash}`);
      await other.getByText("No computers yet").waitFor();
      await graces.go("password");
      await other.getByLabel("New password", { exact: true }).fill("tr0ub4dor and three");
      await other.getByLabel("New password again").fill("tr0ub4dor and three");
      await graces.button("Save").click();
      await other.getByText("The password is changed.", { exact: false }).waitFor();

      await my.choose(my.button("Actions of grace"), "Disable");
      await my
        .dialog()
        .getByText(/sign-ins end at once/)
        .waitFor();
      await my.dialog().getByRole("button", { name: "Disable" }).click();
      await my.row("grace").getByText("Disabled").waitFor();
      await other.getByText("Your sign-in has ended").first().waitFor({ timeout: 40_000 });
    });
  });
  failed -= 1;
});

test("a price that is changed is what people see, and can be taken back", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.go("operator/bundles");
    await my.button("Change Nano").click();
    await my.dialog().getByLabel("Price of an hour").fill("0.5");
    await my.dialog().getByRole("button", { name: "Save" }).click();
    await my.row("nano_3_0").getByText("$0.50").waitFor();
    await withPage(t, browser, WIDE, async (other) => {
      const again = new Console(other, porthole.endpoint);
      await again.enter("root");
      await again.go("create");
      await other.getByText("$0.50 an hour").first().waitFor();
    });
    await my.choose(my.button("Actions of Nano"), "Back to the site's file");
    await my.dialog().getByRole("button", { name: "Back to the site's file" }).click();
    await my.row("nano_3_0").getByText("$0.0068").waitFor();
  });
  failed -= 1;
});

test("the site's pages tell what is so: capacity, health, sessions, blueprints with their log, audit", async (t) => {
  await porthole.create("lab-1", "debian_12");
  await porthole.startSession("lab-1");
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    await my.go("operator/overview");
    await page.getByText(/\d+\.\d\d on \d+ CPUs/).waitFor();
    await until("checks", async () => (await page.getByRole("row").count()) > 3, 30_000);
    await my.go("operator/sessions");
    await my.row("lab-1").getByText("Started").waitFor();
    await my.go("operator/blueprints");
    await my
      .row("Debian")
      .getByText(/^Built/)
      .waitFor();
    await my.row("Debian").getByRole("link", { name: "Log of Debian" }).click();
    await my.heading("Log of the build of debian_12").waitFor();
    await my.go("operator/operations");
    await page.getByText("Nothing is under way").waitFor();
    await my.go("operator/audit");
    await my.row("StartGUISession").first().waitFor();
    assert.match(await my.row("StartGUISession").first().textContent(), /lab-1.*127\.0\.0\.1/);
  });
  failed -= 1;
});
