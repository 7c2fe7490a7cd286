/** Files to and from an instance in the viewer, with real instances and a real browser. */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { faultsOf } from "./support/axe.mjs";
import { keepPicture, launch, withPage } from "./support/browser.mjs";
import { Console, makePerson, SIZES } from "./support/console.mjs";
import { openTerminal } from "./support/desktop.mjs";
import { FilesPanel } from "./support/files.mjs";
import { Porthole } from "./support/porthole.mjs";
import { ViewerPage } from "./support/viewer.mjs";
import { until } from "./support/wait.mjs";

let browser;
let porthole;
let inside;
let folder;
let failed = 6;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  folder = await mkdtemp(join(tmpdir(), "porthole-files-"));
  await makePerson(porthole, "ada");
  inside = await porthole.create("lab-1", "debian_12");
});
after(async () => {
  await browser?.close();
  await porthole?.close(failed > 0);
  await rm(folder, { recursive: true, force: true });
});

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Opens the instance's desktop with a link of the person's own. */
async function desktop(page) {
  await porthole.startSession("lab-1");
  const { desktop: url } = await porthole.urls("lab-1");
  await page.goto(url);
  const viewer = new ViewerPage(page);
  await viewer.painted(60_000);
  return { viewer, files: new FilesPanel(page) };
}

/** A file on this computer. */
async function local(name, bytes) {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

/** A file without content that is as large as this. */
async function large(name, bytes) {
  const path = join(folder, name);
  const file = await open(path, "w");
  await file.truncate(bytes);
  await file.close();
  return path;
}

const serving = () => inside.running(/ files --socket-fd /);

test("files go there by chooser and by drop, and come back the same", async (t) => {
  await withPage(t, browser, {}, async (page) => {
    const { files } = await desktop(page);
    await files.drop([{ name: "dropped.txt", text: "dropped" }]);
    await until("the dropped file", async () => (await inside.file("Downloads/dropped.txt")) === "dropped");

    await porthole.shell("lab-1", "mkdir -p work/sub && ln -s /etc/shadow work/secret && mkfifo work/pipe");
    await files.open();
    assert.match(await files.uploads.textContent(), /dropped\.txt.*In Downloads/);
    await files.enter("work");
    assert.deepEqual(await files.names(), ["sub", "pipe", "secret"]);
    assert.equal(await files.entry("pipe").isDisabled(), true);

    const bytes = randomBytes(3_000_000);
    const path = await local("Größe & Maß (1).bin", bytes);
    await files.choose([path, await local("empty", "")]);
    await until("both files", async () => (await files.names()).length === 5);
    await files.choose([path]);
    assert.match(await files.done(), /kept as work\/Größe & Maß \(1\) \(1\)\.bin/);
    await until("the name it was kept under", async () => (await files.names()).length === 6);
    const seen = await porthole.shell("lab-1", "cd work && stat -c '%U %G %a %s' G* empty && sha256sum G*");
    const owned = "lightsail-user lightsail-user 644";
    assert.deepEqual(seen.trim().split("\n").slice(0, 3), [`${owned} 3000000`, `${owned} 3000000`, `${owned} 0`]);
    assert.equal(seen.match(new RegExp(`^${sha256(bytes)} `, "gm"))?.length, 2);

    const back = await files.download("Größe & Maß (1).bin");
    assert.deepEqual(
      { name: back.name, sha256: sha256(back.bytes) },
      { name: "Größe & Maß (1).bin", sha256: sha256(bytes) },
    );
    await files.entry("secret").click();
    await page.getByText("secret: You have no rights to do that there.").waitFor();
    await files.drop([{ name: "shown.txt", text: "into the folder that is shown" }]);
    await files.done();
    assert.equal(await inside.file("work/shown.txt"), "into the folder that is shown");
    await keepPicture(page, "files-panel");
    await until("nothing that serves files", async () => (await serving()).length === 0);
  });
  failed -= 1;
});

test("the panel is used by keyboard alone on a narrow screen", async (t) => {
  await withPage(t, browser, { viewport: { width: 390, height: 844 } }, async (page) => {
    const { files } = await desktop(page);
    await files.menu();
    await page.getByRole("button", { name: "Files", exact: true }).focus();
    await page.keyboard.press("Enter");
    await files.panel.getByText(/ free\./).waitFor();
    await files.entry("work").focus();
    await page.keyboard.press("Enter");
    await files.entry("empty").waitFor();
    const wide = await page.evaluate(() => {
      const panel = document.getElementById("files-panel");
      const { left, right } = panel.getBoundingClientRect();
      return { left, right, over: panel.scrollWidth - panel.clientWidth };
    });
    assert.ok(wide.left >= 0 && wide.right <= 390 && wide.over === 0, JSON.stringify(wide));
    await keepPicture(page, "files-panel-narrow");
    await page.keyboard.press("Escape");
    assert.equal(await files.panel.isVisible(), false);
    assert.equal(await page.evaluate(() => document.activeElement.id), "keys");
  });
  failed -= 1;
});

test("axe-core finds nothing serious in the panel, whatever it shows, at 1440 and at 390 px", async (t) => {
  await porthole.shell("lab-1", "mkdir -p nothing many && touch many/file-{1..60} && touch many/.hidden");
  await withPage(t, browser, { viewport: SIZES.wide }, async (page) => {
    const { files } = await desktop(page);
    const network = await page.context().newCDPSession(page);
    await network.send("Network.enable");
    const look = async (what) => {
      for (const [width, size] of Object.entries(SIZES)) {
        await page.setViewportSize(size);
        await until("the size of the page", () => page.evaluate((now) => window.innerWidth === now, size.width));
        assert.deepEqual(await faultsOf(page), [], `${what}, ${width}`);
        const over = await page.evaluate(() => {
          const panel = document.getElementById("files-panel");
          return panel.scrollWidth - panel.clientWidth;
        });
        assert.equal(over, 0, `${what} is too wide, ${width}`);
      }
    };
    await files.menu();
    await look("the menu");
    await files.open();
    await files.enter("work");
    await look("entries of every kind");
    await files.entry("secret").click();
    await page.getByText("You have no rights to do that there.", { exact: false }).waitFor();
    await look("a refusal");
    await files.panel.getByRole("navigation").getByRole("button").first().click();
    await files.enter("nothing");
    await look("an empty folder");
    await files.panel.getByRole("navigation").getByRole("button").first().click();
    await files.enter("many");
    await files.panel.getByRole("checkbox", { name: "Show hidden files" }).check();
    await files.entry(".hidden").waitFor();
    await look("more than fits");

    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 1_000_000 };
    await network.send("Network.emulateNetworkConditions", slow);
    await files.choose([await local("short", "x")]);
    await files.done();
    await files.choose([
      await large("one", 40_000_000),
      await large("two", 40_000_000),
      await large("three", 40_000_000),
    ]);
    await files.uploads.locator('[data-state="waiting"]').waitFor();
    await look("uploads that are done, sent, and waiting");
    for (const name of ["one", "two", "three"]) {
      await files.panel.getByRole("button", { name: `Cancel ${name}` }).click();
    }
    await porthole.shell("lab-1", "mv many gone");
    await files.choose([await local("lost", "x")]);
    await files.done("failed");
    await look("uploads that were cancelled and that failed");
    await page.dispatchEvent("#stage", "dragover", {
      dataTransfer: await page.evaluateHandle(() => {
        const made = new DataTransfer();
        made.items.add(new File(["x"], "x"));
        return made;
      }),
    });
    await page.getByText("Drop to upload to", { exact: false }).waitFor();
    await look("the sign that a file can be dropped");
  });
  failed -= 1;
});

test("a display answers while 200 MB come in, and a cancelled upload leaves nothing", async (t) => {
  await withPage(t, browser, {}, async (page) => {
    const { viewer, files } = await desktop(page);
    await openTerminal(viewer, inside);
    // All that a line of keys can reach, and not the clock above it.
    const terminal = { x: 0, y: 60, width: 1280, height: 740 };
    const size = 200_000_000;
    const network = await page.context().newCDPSession(page);
    await network.send("Network.enable");
    const slow = { offline: false, latency: 0, downloadThroughput: -1 };
    // A fast line, on which it still takes some seconds however fast the computers are.
    await network.send("Network.emulateNetworkConditions", { ...slow, uploadThroughput: 50_000_000 });
    await files.open();
    await files.choose([await large("large", size)]);
    await page.evaluate(() => document.getElementById("keys").focus());
    let answered = 0;
    let longestMs = 0;
    for (let upload = await files.newest(); upload.state !== "kept"; upload = await files.newest()) {
      const picture = await viewer.hash(terminal);
      await page.keyboard.press("x");
      const what = `key ${answered + 1} on the screen, with an upload of which it says "${upload.about}"`;
      const pressed = performance.now();
      await until(what, async () => (await viewer.hash(terminal)) !== picture);
      longestMs = Math.max(longestMs, Math.round(performance.now() - pressed));
      answered += (await files.newest()).state === "sending" ? 1 : 0;
    }
    assert.ok(answered > 0, "a key showed before the upload ended");
    t.diagnostic(`${answered} keys showed before the upload ended, the slowest after ${longestMs} ms`);
    assert.match(await porthole.shell("lab-1", "stat -c '%U %s' large"), new RegExp(`^lightsail-user ${size}$`, "m"));

    const names = async () => (await readdir(await inside.home(""))).filter((name) => name.includes("slow"));
    await network.send("Network.emulateNetworkConditions", { ...slow, uploadThroughput: 1_000_000 });
    await files.choose([await large("slow", 40_000_000)]);
    await until("a part of it", async () => (await names()).some((name) => name.startsWith(".slow.part-")));
    await files.panel.getByRole("button", { name: "Cancel slow" }).click();
    assert.equal(await files.done("cancelled"), "Cancelled. Nothing of it was kept.");
    await until("nothing of it", async () => (await names()).length === 0 && (await serving()).length === 0);
  });
  failed -= 1;
});

test("a shared link to control has no files", async (t) => {
  await porthole.startSession("lab-1");
  await withPage(t, browser, {}, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("ada");
    const url = await page.evaluate(async () => {
      const expiresAt = Date.now() / 1000 + 600;
      const reply = await fetch("/console/api/shares", {
        method: "POST",
        headers: { "x-porthole-console": "1", "content-type": "application/json" },
        body: JSON.stringify({ instance: "lab-1", display: "desktop", role: "control", expiresAt }),
      });
      return (await reply.json()).url;
    });
    await withPage(t, browser, {}, async (guest) => {
      await guest.goto(url);
      const viewer = new ViewerPage(guest);
      await viewer.painted(60_000);
      const files = new FilesPanel(guest);
      await files.menu();
      await guest.getByRole("button", { name: "Clipboard" }).waitFor();
      assert.equal(await guest.getByRole("button", { name: "Files", exact: true }).count(), 0);
      await files.drop([{ name: "smuggled", text: "x" }]);
      const asked = await guest.evaluate(async () => {
        const files = `/view/s/${location.pathname.split("/").at(-1)}/files`;
        const replies = [
          await fetch(`${files}?path=`),
          await fetch(`${files}/content?path=large`),
          await fetch(`${files}/content?path=&name=smuggled`, { method: "PUT", body: "x" }),
        ];
        return Promise.all(replies.map(async (reply) => [reply.status, (await reply.json()).message]));
      });
      for (const [status, message] of asked) {
        assert.equal(status, 403);
        assert.match(message, /shared link/);
      }
      assert.equal(await inside.file("smuggled"), undefined);
    });
  });
  failed -= 1;
});

test("the end of the session ends what is on its way and its address", async (t) => {
  await withPage(t, browser, {}, async (page) => {
    const { viewer, files } = await desktop(page);
    const network = await page.context().newCDPSession(page);
    await network.send("Network.enable");
    const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 1_000_000 };
    await network.send("Network.emulateNetworkConditions", conditions);
    await files.open();
    await files.choose([await large("unfinished", 40_000_000)]);
    const names = async () => (await readdir(await inside.home(""))).filter((name) => name.includes("unfinished"));
    await until("a part of it", async () => (await names()).length === 1);
    const base = `/view/s/${new URL(page.url()).pathname.split("/").at(-1)}/files`;
    const operation = await porthole.stopSession("lab-1");
    assert.equal((await viewer.over(10_000)).reason, "stopped");
    await until("nothing of it", async () => (await names()).length === 0 && (await serving()).length === 0);
    const dead = await page.evaluate(async (path) => (await fetch(path)).status, `${base}?path=`);
    assert.equal(dead, 409);
    assert.equal((await porthole.done(operation)).status, "Succeeded");
    assert.equal((await readFile(await inside.home("work/shown.txt"), "utf8")).length > 0, true, "what is whole stays");
  });
  await porthole.delete("lab-1");
  failed -= 1;
});
