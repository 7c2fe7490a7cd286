import { defineConfig } from "vite";
import { VIEWER_FOLDER, zstdWasm } from "./build/zstd-module.ts";

export default defineConfig({
  root: VIEWER_FOLDER,
  base: "/view/",
  plugins: [zstdWasm()],
  worker: { format: "es" },
  build: {
    outDir: "../dist/viewer",
    emptyOutDir: true,
    target: "es2022",
    // Files of their own only: the page's policy allows neither inline scripts nor data: workers.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
