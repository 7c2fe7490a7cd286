/** Pages of a person: their pictures at both widths, and what axe-core says. */

import { after, before, test } from "node:test";
import { CreateDiskCommand, CreateInstanceSnapshotCommand } from "@aws-sdk/client-lightsail";
import { launch, withPage } from "./support/browser.mjs";
import { Console, look, makePerson, WIDE } from "./support/console.mjs";
import { Porthole } from "./support/porthole.mjs";

let browser;
let porthole;
let failed = true;
before(async () => {
  browser = await launch();
  porthole = await Porthole.start();
  await makePerson(porthole, "root", { role: "operator" });
  await makePerson(porthole, "new", { account: "empty" });
  await porthole.create("lab-1", "debian_12");
  await porthole.create("lab-2", "debian_12");
  await porthole.startSession("lab-1");
  const zone = (await porthole.instance("lab-1")).location.availabilityZone;
  const made = await porthole.client.send(
    new CreateDiskCommand({
      diskName: "data-1",
      sizeInGb: 8,
      availabilityZone: zone,
      tags: [{ key: "course", value: "CS149" }],
    }),
  );
  await porthole.succeeded(made.operations[0]);
  const snapshot = new CreateInstanceSnapshotCommand({ instanceName: "lab-2", instanceSnapshotName: "lab-2-snapshot" });
  await porthole.succeeded((await porthole.client.send(snapshot)).operations[0]);
});
after(async () => {
  await browser?.close();
  await porthole?.close(failed);
});

const OWN = ["computers", "create", "disks", "snapshots", "addresses", "key-pairs", "usage", "access-keys", "password"];
const TABS = ["overview", "disks", "snapshots", "viewers", "idle", "ports", "keys", "tags"];

test("pages of a new account, with nothing in it yet", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await page.goto(`${porthole.endpoint}/`);
    await my.button("Sign in").waitFor();
    await look(my, "sign-in");
    await my.enter("new");
    for (const name of ["computers", "disks", "snapshots", "addresses", "usage"]) {
      await my.go(name);
      await look(my, `empty-${name}`);
    }
  });
});

test("pages of a person", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    for (const name of OWN) {
      await my.go(name);
      await look(my, name);
    }
  });
});

test("the tabs of a computer", async (t) => {
  await withPage(t, browser, WIDE, async (page) => {
    const my = new Console(page, porthole.endpoint);
    await my.enter("root");
    for (const tab of TABS) {
      await my.go(`computers/lab-1/${tab}`);
      await my.heading(/^lab-1/).waitFor();
      await look(my, `computer-${tab}`);
    }
  });
  failed = false;
});
