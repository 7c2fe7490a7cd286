/** Puts a script before all others of a page, so that what it starts need not wait for them. */

import { basename, join } from "node:path";
import type { Plugin } from "vite";

/** Has `source`, a module of the page, run as soon as it is there. The page's own script may import it. */
export function earlyScript(source: string): Plugin {
  let building = false;
  let base = "/";
  return {
    name: "early-script",
    configResolved(config) {
      building = config.command === "build";
      base = config.base;
    },
    buildStart() {
      if (building) {
        this.emitFile({ type: "chunk", id: source, name: basename(source, ".ts") });
      }
    },
    generateBundle(_options, bundle) {
      // The module lies in a file that the page's own script shares; another one would only name it.
      for (const [name, chunk] of Object.entries(bundle)) {
        if (chunk.type === "chunk" && chunk.facadeModuleId === source && !chunk.moduleIds.includes(source)) {
          delete bundle[name];
        }
      }
    },
    transformIndexHtml: {
      order: "post",
      handler(_html, context) {
        const chunks = Object.values(context.bundle ?? {});
        const built = chunks.find((chunk) => chunk.type === "chunk" && chunk.moduleIds.includes(source));
        if (building && built === undefined) {
          throw new Error(`${source} is not in the bundle`);
        }
        const path = built?.fileName ?? join("src", basename(source));
        return [{ tag: "script", attrs: { type: "module", async: true, src: base + path }, injectTo: "head-prepend" }];
      },
    },
  };
}
