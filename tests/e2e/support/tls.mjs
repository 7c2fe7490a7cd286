/** Certificates of an authority that nobody knows, and a TLS proxy as a site puts in front of a server. */

import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { promisify } from "node:util";

const run = promisify(execFile);
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

export class Authority {
  /** Makes one, with its files in a folder. */
  static async make(folder) {
    const authority = new Authority();
    authority.folder = folder;
    authority.file = join(folder, "authority.pem");
    authority.key = join(folder, "authority.key");
    const may = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
    const out = ["-keyout", authority.key, "-out", authority.file];
    await run("openssl", ["req", "-x509", ...NEW_KEY, "-subj", "/CN=Authority of a test", ...may, ...out]);
    return authority;
  }

  /** Issues a certificate for this machine; gives the names of its files. */
  async issue(name) {
    const [key, cert] = [join(this.folder, `${name}.key`), join(this.folder, `${name}.pem`)];
    const by = ["-CA", this.file, "-CAkey", this.key];
    const hosts = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const may = ["-addext", "basicConstraints=critical,CA:FALSE"];
    const out = ["-keyout", key, "-out", cert];
    await run("openssl", ["req", "-x509", ...by, ...NEW_KEY, "-subj", `/CN=${name}`, ...hosts, ...may, ...out]);
    return { key, cert };
  }

  /** The browser's flag that lets it believe certificates with these keys, and no others. */
  static async believed(...files) {
    const hashes = files.map(async (file) => {
      const { publicKey } = new X509Certificate(await readFile(file));
      return createHash("sha256")
        .update(publicKey.export({ type: "spki", format: "der" }))
        .digest("base64");
    });
    return `--ignore-certificate-errors-spki-list=${(await Promise.all(hashes)).join(",")}`;
  }
}

/** Speaks TLS on a port and hands what comes to another one. */
export async function tlsProxy({ key, cert }, port, to) {
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (outside) => {
    const inside = connect(to, "127.0.0.1");
    outside.pipe(inside).pipe(outside);
    outside.on("error", () => inside.destroy());
    inside.on("error", () => outside.destroy());
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  return server;
}
