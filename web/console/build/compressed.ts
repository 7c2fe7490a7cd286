/** Writes a brotli file beside each larger asset, so that the server need not compress at each request. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import type { Plugin } from "vite";

/** Smaller files gain less than their headers cost. */
const LEAST_BYTES = 1024;

/** Makes the plugin. */
export function compressed(): Plugin {
  return {
    name: "porthole-compressed",
    apply: "build",
    // Of the files as they are on the disk: until they are written, other plugins change them.
    writeBundle({ dir = "" }, bundle) {
      for (const name of Object.keys(bundle)) {
        const bytes = readFileSync(join(dir, name));
        if (/\.(js|css|svg)$/.test(name) && bytes.length >= LEAST_BYTES) {
          const params = {
            [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
            [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
          };
          writeFileSync(join(dir, `${name}.br`), brotliCompressSync(bytes, { params }));
        }
      }
    },
  };
}
