import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { compressed } from "./build/compressed.ts";

/** Takes the fonts out of the components' global styles: they are 140 kB of the first load, and systems have their own. */
const withoutFonts: Plugin = {
  name: "porthole-without-fonts",
  enforce: "pre",
  transform(code, id) {
    return /@cloudscape-design\/global-styles\/.*\.css$/.test(id)
      ? code.replaceAll(/@font-face\s*\{[^}]*\}/g, "")
      : undefined;
  },
};

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/console/",
  plugins: [withoutFonts, compressed()],
  build: {
    outDir: "../dist/console",
    emptyOutDir: true,
    target: "es2022",
    manifest: "manifest.json",
    license: { fileName: "assets/licences.md" },
    // Files of their own only: the page's policy allows no inline script and no data: fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      onLog(level, log, show) {
        // Says something to frameworks that render on a server; here it means nothing.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") {
          show(level, log);
        }
      },
    },
  },
});
