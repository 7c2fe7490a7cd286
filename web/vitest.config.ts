import { defineConfig } from "vitest/config";
import { zstdWasm } from "./viewer/build/zstd-module.ts";

export default defineConfig({
  plugins: [zstdWasm()],
  test: { include: ["viewer/test/**/*.test.ts", "console/test/**/*.test.ts"], environment: "node", allowOnly: false },
});
