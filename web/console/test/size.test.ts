/** Counts what the first load of the built console costs, as the server sends it: gzip of each file. */

import { existsSync, readFileSync } from "node:fs";
import { brotliDecompressSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const DIST = new URL("../../dist/console/", import.meta.url);
const BUDGET_BYTES = 500_000;

interface Chunk {
  file: string;
  isEntry?: boolean;
  imports?: string[];
  css?: string[];
  assets?: string[];
}

/** The files of the entry and of all that it imports. What a page imports when it is opened is not among them. */
function firstLoad(manifest: Record<string, Chunk>): Set<string> {
  const files = new Set<string>();
  const queue = Object.keys(manifest).filter((name) => manifest[name]?.isEntry === true);
  for (const name of queue) {
    const chunk = manifest[name];
    if (chunk === undefined || files.has(chunk.file)) {
      continue;
    }
    files.add(chunk.file);
    for (const style of chunk.css ?? []) {
      files.add(style);
    }
    queue.push(...(chunk.imports ?? []));
  }
  return files;
}

const manifestFile = new URL("manifest.json", DIST);

// The bundle is built before the tests run in ./test; a bare `npm test` may come first.
test.skipIf(!existsSync(manifestFile))("sign-in and list cost at most 500 kB compressed", () => {
  const manifest: Record<string, Chunk> = JSON.parse(readFileSync(manifestFile, "utf8"));
  const sizes = [...firstLoad(manifest), "index.html"].map((file) => ({
    file,
    bytes: gzipSync(readFileSync(new URL(file, DIST)), { level: 9 }).length,
  }));
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  process.stdout.write(`first load: ${total} bytes compressed, of ${sizes.length} files\n`);
  expect(sizes.length).toBeGreaterThan(2);
  expect(total, JSON.stringify(sizes)).toBeLessThanOrEqual(BUDGET_BYTES);
});

test.skipIf(!existsSync(manifestFile))("the page holds no inline script, style or handler", () => {
  const page = readFileSync(new URL("index.html", DIST), "utf8");
  expect(page).not.toMatch(/<script(?![^>]*\bsrc=)/);
  expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+=/);
});

test.skipIf(!existsSync(manifestFile))("what is sent compressed is what the file holds", () => {
  const manifest: Record<string, Chunk> = JSON.parse(readFileSync(manifestFile, "utf8"));
  const packed = [...firstLoad(manifest)].filter((file) => existsSync(new URL(`${file}.br`, DIST)));
  expect(packed.length).toBeGreaterThan(2);
  for (const file of packed) {
    const plain = readFileSync(new URL(file, DIST));
    expect(brotliDecompressSync(readFileSync(new URL(`${file}.br`, DIST))).equals(plain), file).toBe(true);
  }
});
