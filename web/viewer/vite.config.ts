import { join } from "node:path";
import { defineConfig } from "vite";
import { earlyScript } from "./build/early-script.ts";
import { VIEWER_FOLDER, zstdWasm } from "./build/zstd-module.ts";

export default defineConfig({
  root: VIEWER_FOLDER,
  base: "/view/",
  plugins: [earlyScript(join(VIEWER_FOLDER, "src/early.ts"))],
  worker: { format: "es", plugins: () => [zstdWasm()] },
  build: {
    outDir: "../dist/viewer",
    emptyOutDir: true,
    target: "es2022",
    // Files of their own only: the page's policy allows neither inline scripts nor data: workers.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
