/** Signing in by the site's identity provider, a real one, in a real browser. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { launch } from "./support/browser.mjs";
import { flows } from "./support/console.mjs";
import { freePort, Porthole } from "./support/porthole.mjs";

const PROVIDER = join(import.meta.dirname, "../conformance/js/oidc.mjs");
const SECRET = "of the site";
/** Who the provider vouches for becomes a researcher of the account `e2e`. */
const POLICIES = `
permit(principal is Person, action in [Action::"use", Action::"manageKeys", Action::"share"], resource is Account)
when { principal in resource };
permit(principal is Visitor, action == Action::"signIn", resource == Role::"researcher")
when { principal.emailVerified && principal.email like "*@lab.example" };
`;

let browser;
let folder;
let porthole;
let provider;
before(async () => {
  browser = await launch();
  folder = await mkdtemp(join(tmpdir(), "porthole-oidc-"));
  await writeFile(join(folder, "secret"), `${SECRET}\n`);
  await writeFile(join(folder, "console.cedar"), POLICIES);
  const port = await freePort();
  porthole = await Porthole.start(`[console]
policies = "${folder}/console.cedar"
[console.oidc]
issuer = "http://127.0.0.1:${port}"
client_id = "porthole"
client_secret_file = "${folder}/secret"
label = "Lab login"
account = "e2e"`);
  const callback = `${porthole.endpoint}/console/api/sign-in/oidc/callback`;
  const words = [PROVIDER, String(port), "porthole", SECRET, callback];
  provider = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface(provider.stdout)) {
    if (line === "ready") {
      break;
    }
  }
});
after(async () => {
  await browser?.close();
  provider?.kill();
  await porthole?.close(flow.failed());
  await rm(folder, { recursive: true, force: true });
});

const flow = flows(() => ({ browser, porthole }));

/** Goes through the provider's own pages. */
async function atProvider(my, page, name) {
  // The provider's pages would fetch a font from elsewhere.
  await page.route(
    (url) => url.hostname !== "127.0.0.1",
    (route) => route.abort(),
  );
  await page.goto(`${porthole.endpoint}/`);
  await my.link(/Lab login/, { exact: false }).click();
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
}

flow("a colleague comes in by the provider's page, and out again", async (my, page) => {
  await atProvider(my, page, "ada");
  await my.heading(/^Computers/).waitFor();
  assert.equal(new URL(page.url()).pathname, "/console/");
  await my.choose(my.button("Signed in as ada"), "Sign out");
  await my.link(/Lab login/, { exact: false }).waitFor();
});

flow("whom the site's rules do not let in is told so", async (my, page) => {
  await atProvider(my, page, "mallory");
  await page.getByText("Your account at the provider is not allowed at this site").waitFor();
  await my.link(/Lab login/, { exact: false }).waitFor();
  assert.equal(await my.heading(/^Computers/).count(), 0);
});
