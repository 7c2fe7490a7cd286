// An OpenID Connect provider on loopback: anybody is who they say they are. With a certificate it speaks https.
// usage: node oidc.mjs PORT CLIENT_ID CLIENT_SECRET REDIRECT_URI [KEY_FILE CERTIFICATE_FILE]
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import Provider from "oidc-provider";

const [port, clientId, clientSecret, redirectUri, key, cert] = process.argv.slice(2);
const people = {
  root: { preferred_username: "Root Admin", groups: ["admins"] },
  mallory: { preferred_username: "mallory", email_verified: false },
};

const issuer = key === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
  cookies: { keys: ["of a test"] },
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"], email: ["email", "email_verified"] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, email: `${id}@lab.example`, email_verified: true, ...people[id] }),
  }),
});
const server =
  key === undefined
    ? provider
    : createServer({ key: readFileSync(key), cert: readFileSync(cert) }, provider.callback());
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
