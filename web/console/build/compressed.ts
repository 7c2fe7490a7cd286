/** Writes a brotli file beside each larger asset, so that the server need not compress at each request. */

import { brotliCompressSync, constants } from "node:zlib";
import type { Plugin } from "vite";

/** Smaller files gain less than their headers cost. */
const LEAST_BYTES = 1024;

/** Makes the plugin. */
export function compressed(): Plugin {
  return {
    name: "porthole-compressed",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      for (const [name, file] of Object.entries(bundle)) {
        const content = file.type === "chunk" ? file.code : file.source;
        const bytes = typeof content === "string" ? Buffer.from(content) : Buffer.from(content);
        if (/\.(js|css|svg)$/.test(name) && bytes.length >= LEAST_BYTES) {
          const params = {
            [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
            [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
          };
          this.emitFile({ type: "asset", fileName: `${name}.br`, source: brotliCompressSync(bytes, { params }) });
        }
      }
    },
  };
}
