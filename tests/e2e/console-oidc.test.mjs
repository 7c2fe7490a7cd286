/** Signing in by the site's identity provider, a real one, in a real browser: over http on loopback, and over https. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { launch } from "./support/browser.mjs";
import { flows } from "./support/console.mjs";
import { freePort, Porthole } from "./support/porthole.mjs";
import { Authority, tlsProxy } from "./support/tls.mjs";

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
let authority;
const plain = {};
const secure = {};
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "porthole-oidc-"));
  await writeFile(join(folder, "secret"), `${SECRET}\n`);
  await writeFile(join(folder, "console.cedar"), POLICIES);
  authority = await Authority.make(folder);
  const [ofSite, ofProvider] = [await authority.issue("site"), await authority.issue("provider")];
  browser = await launch([await Authority.believed(ofSite.cert, ofProvider.cert)]);

  const port = await freePort();
  plain.porthole = await site(`http://127.0.0.1:${port}`);
  plain.endpoint = plain.porthole.endpoint;
  plain.provider = await provider(port, plain.endpoint);

  const [tlsPort, providerPort] = [await freePort(), await freePort()];
  secure.endpoint = `https://127.0.0.1:${tlsPort}`;
  // To the browser the provider is another site.
  secure.issuer = `https://localhost:${providerPort}`;
  secure.porthole = await site(secure.issuer, `public_url = "${secure.endpoint}"`);
  secure.proxy = await tlsProxy(ofSite, tlsPort, Number(new URL(secure.porthole.endpoint).port));
  secure.provider = await provider(providerPort, secure.endpoint, ofProvider.key, ofProvider.cert);
});
after(async () => {
  await browser?.close();
  secure.proxy?.close();
  for (const stand of [plain, secure]) {
    stand.provider?.kill();
    await stand.porthole?.close(flow.failed() || tlsFlow.failed());
  }
  await rm(folder, { recursive: true, force: true });
});

const flow = flows(() => ({ browser, porthole: plain }));
const tlsFlow = flows(() => ({ browser, porthole: secure }));

/** A server whose people sign in at this issuer. */
const site = (issuer, settings = "") =>
  Porthole.start(`${settings}
[console]
policies = "${folder}/console.cedar"
[console.oidc]
issuer = "${issuer}"
client_id = "porthole"
client_secret_file = "${folder}/secret"
label = "Lab login"
account = "e2e"`);

/** A provider that knows the site by its public address. */
async function provider(port, endpoint, ...certificate) {
  const callback = `${endpoint}/console/api/sign-in/oidc/callback`;
  const words = [PROVIDER, String(port), "porthole", SECRET, callback, ...certificate];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface(child.stdout)) {
    if (line === "ready") {
      break;
    }
  }
  return child;
}

/** Goes to the provider's own pages. */
async function toProvider(my, page) {
  // The provider's pages would fetch a font from elsewhere.
  await page.route(
    (url) => !["127.0.0.1", "localhost"].includes(url.hostname),
    (route) => route.abort(),
  );
  await page.goto(`${my.endpoint}/`);
  await my.link(/Lab login/, { exact: false }).click();
  await page.locator("input[name=login]").waitFor();
}

/** Says at the provider who one is. */
async function atProvider(page, name) {
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
}

flow("a colleague comes in by the provider's page, and out again", async (my, page) => {
  await toProvider(my, page);
  await atProvider(page, "ada");
  await my.heading(/^Computers/).waitFor();
  assert.equal(new URL(page.url()).pathname, "/console/");
  await my.choose(my.button("Signed in as ada"), "Sign out");
  await my.link(/Lab login/, { exact: false }).waitFor();
});

flow("whom the site's rules do not let in is told so", async (my, page) => {
  await toProvider(my, page);
  await atProvider(page, "mallory");
  await page.getByText("Your account at the provider is not allowed at this site").waitFor();
  await my.link(/Lab login/, { exact: false }).waitFor();
  assert.equal(await my.heading(/^Computers/).count(), 0);
});

tlsFlow(
  "over https a provider is believed by the site's own authority alone, and no cookie leaves TLS",
  async (my, page) => {
    await page.goto(`${my.endpoint}/`);
    await my.link(/Lab login/, { exact: false }).click();
    await page.getByText("The provider could not be reached. Try again.").waitFor();
    await secure.porthole.kill();
    await appendFile(secure.porthole.config, `ca_file = "${authority.file}"\n`);
    await secure.porthole.serve();

    const cookies = async () =>
      (await page.context().cookies())
        .filter(({ name }) => name.startsWith("porthole_"))
        .map(({ name, domain, path, secure, httpOnly, sameSite }) => [name, domain, path, secure, httpOnly, sameSite]);
    await toProvider(my, page);
    assert.equal(new URL(page.url()).origin, secure.issuer);
    const flowPath = "/console/api/sign-in/oidc";
    assert.deepEqual(await cookies(), [["porthole_oidc", "127.0.0.1", flowPath, true, true, "Lax"]]);
    await atProvider(page, "ada");
    await my.heading(/^Computers/).waitFor();
    assert.equal(page.url(), `${secure.endpoint}/console/`);
    assert.deepEqual(await cookies(), [["porthole_session", "127.0.0.1", "/console/api", true, true, "Strict"]]);
    assert.equal(await page.evaluate(() => document.cookie), "");
    await my.choose(my.button("Signed in as ada"), "Sign out");
    await my.link(/Lab login/, { exact: false }).waitFor();
    assert.deepEqual(await cookies(), []);
  },
);
