/** An operator builds an image in the console: one that fails, then the same mended, by the real builder. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, link, mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before } from "node:test";
import { promisify } from "node:util";
import { launch } from "./support/browser.mjs";
import { flows, makePerson } from "./support/console.mjs";
import { Porthole } from "./support/porthole.mjs";
import { until } from "./support/wait.mjs";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");
const IMAGES = "/var/lib/porthole/images";
/** One package on top of the image that is there. */
const RECIPE = `description = "Debian that greets"
architectures = ["amd64", "arm64"]
base = "debian_12"
apt = ["hello"]
`;
const BLUEPRINT = `
[[blueprint]]
id = "greeter"
name = "Greeter"
kind = "app"
description = "Says hello."
version = "1"
image = "greeter"
displays = [{ name = "desktop", command = ["/usr/local/bin/porthole-desktop"], wait_for_window = true }]
`;
const BUILD_MS = 200_000;

let browser;
let folder;
let porthole;
before(async () => {
  browser = await launch();
  folder = await mkdtemp(join(tmpdir(), "porthole-recipes-"));
  const [recipes, images] = [join(folder, "recipes"), join(folder, "images")];
  await mkdir(join(recipes, "greeter"), { recursive: true });
  await mkdir(images);
  await symlink(join(ROOT, "images/debian_12"), join(recipes, "debian_12"));
  const base = basename(await readlink(join(IMAGES, "debian_12.erofs")));
  const [from, to] = [join(IMAGES, base), join(images, base)];
  await link(from, to).catch(() => copyFile(from, to));
  await symlink(base, join(images, "debian_12.erofs"));
  await writeFile(join(recipes, "greeter/recipe.toml"), RECIPE);
  const shipped = await readFile(join(ROOT, "crates/server/data/blueprints.toml"), "utf8");
  await writeFile(join(folder, "blueprints.toml"), shipped + BLUEPRINT);
  const settings = `images_dir = "${images}"\nblueprints = "${folder}/blueprints.toml"`;
  porthole = await Porthole.start(settings, { recipes });
  await makePerson(porthole, "root", { role: "operator" });
});
after(async () => {
  await browser?.close();
  await porthole?.close(flow.failed());
  await rm(folder, { recursive: true, force: true });
});

const flow = flows(() => ({ browser, porthole }));

/** What the recipe does at the end. */
const setup = (line) => writeFile(join(folder, "recipes/greeter/setup"), `#!/bin/sh\n${line}\n`);

flow(
  "a build shows how far it is and each line as it comes, why it failed, and in the end what it made",
  async (my, page) => {
    const log = page.getByRole("region", { name: "Log of the build of greeter" });
    const goesOn = page.getByText("The build goes on", { exact: false });
    await setup('echo "no greeting is configured" >&2; exit 7');
    await my.enter("root");
    await my.go("create");
    await page.getByRole("radio", { name: /^Debian/ }).waitFor();
    assert.equal(await page.getByRole("radio", { name: /^Greeter/ }).count(), 0, "what is not built is not offered");

    await my.go("operator/blueprints");
    await my.row("Greeter").getByText("Not built", { exact: true }).waitFor();
    await my.button("Build Greeter").click();
    await my.row("Greeter").getByRole("progressbar").waitFor();
    assert.ok(await my.button("Build Greeter").isDisabled(), "it is built once at a time");
    await log.getByText("::packages").waitFor({ timeout: 30_000 });
    assert.ok(await goesOn.isVisible());
    assert.doesNotMatch(await log.textContent(), /::setup/, "the first lines are there before the last ones");
    await my.row("Greeter").getByText("Greeter: installing packages", { exact: true }).waitFor();
    await my
      .row("Greeter")
      .getByText(/The last build failed: the build of greeter ended with status 7 while setting up/)
      .waitFor({ timeout: BUILD_MS });
    await page.getByText("This is the end of the log.").waitFor();
    assert.match(await log.textContent(), /Setting up hello .*\n::setup\nno greeting is configured\n$/s);
    await my.row("Greeter").getByText("Not built", { exact: true }).waitFor();

    // So long that the page, which asks from time to time, sees it.
    await setup("sleep 6; hello > /etc/motd");
    await my.button("Build Greeter").click();
    await goesOn.waitFor();
    await log.getByText("::packages").waitFor({ timeout: 30_000 });
    assert.doesNotMatch(await log.textContent(), /no greeting/, "the log is begun anew");
    const percents = [];
    const bar = my.row("Greeter").getByRole("progressbar");
    await until(
      "built",
      async () => {
        const value = await bar.getAttribute("value", { timeout: 200 }).catch(() => null);
        if (value !== null && Number(value) !== percents.at(-1)) {
          percents.push(Number(value));
        }
        return (await my.row("Greeter").getByText("Built", { exact: true }).count()) > 0;
      },
      BUILD_MS,
    );
    const stood = `it stood at ${percents} %`;
    assert.ok(percents.includes(90), `${stood}: not at the beginning of its setup`);
    assert.ok(
      percents.some((percent) => percent >= 15 && percent <= 70),
      `${stood}: not among its packages`,
    );
    assert.deepEqual(
      percents,
      percents.toSorted((a, b) => a - b),
      stood,
    );
    await page.getByText("This is the end of the log.").waitFor();
    assert.match(await log.textContent(), /::pack\n/);
    assert.equal(await page.getByText("The last build failed", { exact: false }).count(), 0);

    await my.go("create");
    await page.getByRole("radio", { name: /^Greeter/ }).check({ force: true });
    await my.button("Create computer").click();
    await my.heading(/^greeter-1/).waitFor({ timeout: 30_000 });
    await until("running", async () => (await porthole.instance("greeter-1")).state.name === "running", 60_000);
    assert.equal(await porthole.shell("greeter-1", "cat /etc/motd"), "Hello, world!\n");
    await my.go("operator/audit");
    const asked = my.row("BuildBlueprint").filter({ hasText: "greeter" });
    await until("both builds in the audit log", async () => (await asked.count()) === 2);

    // A build ends with its server, at once, and leaves nothing.
    await my.go("operator/blueprints/greeter");
    await my.button("Rebuild Greeter").click();
    await my.dialog().getByRole("button", { name: "Rebuild" }).click();
    await log.getByText("::packages").waitFor({ timeout: 30_000 });
    const began = performance.now();
    porthole.process.kill("SIGTERM");
    await porthole.ended;
    assert.ok(performance.now() - began < 10_000, "the server waited for the build");
    await until("nothing of the build", async () => {
      const processes = await run("pgrep", ["--full", join(folder, "images")]).catch(() => undefined);
      return processes === undefined;
    });
  },
);
