/** Takes the zstd decoder out of the zstddec package and hands it to the page as a file of its own. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

const require = createRequire(import.meta.url);

/** The WebAssembly module, which the package holds as text inside a script. */
export function zstdModule(): Uint8Array<ArrayBuffer> {
  const script = readFileSync(require.resolve("zstddec/stream"), "utf8");
  const encoded = /"(AGFzbQ[A-Za-z0-9+/=]+)"/.exec(script)?.[1];
  if (encoded === undefined) {
    throw new Error("zstddec does not hold its WebAssembly module where it used to");
  }
  return new Uint8Array(Buffer.from(encoded, "base64"));
}

/** Licences of what is shipped to browsers. */
function notices(): string {
  const texts = ["zstddec/stream", "fzstd"].map((entry) => {
    const name = entry.split("/")[0] ?? entry;
    const main = require.resolve(entry);
    const folder = main.slice(0, main.lastIndexOf(join("node_modules", name)) + join("node_modules", name).length);
    return `${name}\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`;
  });
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

/**
 * Resolves `virtual:zstd-url` to the address of the module. It is a file since the page's policy allows no `data:`
 * connections, and since a file is fetched once and cached.
 */
export function zstdWasm(): Plugin {
  const id = "\0virtual:zstd-url";
  let building = false;
  return {
    name: "zstd-wasm",
    configResolved(config) {
      building = config.command === "build";
    },
    resolveId: (source) => (source === "virtual:zstd-url" ? id : null),
    load(loaded) {
      if (loaded !== id) {
        return null;
      }
      if (!building) {
        const encoded = Buffer.from(zstdModule()).toString("base64");
        return `export default "data:application/wasm;base64,${encoded}";`;
      }
      this.emitFile({ type: "asset", fileName: "assets/licences.txt", source: notices() });
      const reference = this.emitFile({ type: "asset", name: "zstd.wasm", source: zstdModule() });
      return `export default import.meta.ROLLUP_FILE_URL_${reference};`;
    },
  };
}

/** Folder of the viewer's sources. */
export const VIEWER_FOLDER = dirname(import.meta.dirname);
