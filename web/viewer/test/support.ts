/** Helpers of several tests: vectors written by the display's encoder, and small builders. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { zstdModule } from "../build/zstd-module.ts";
import { type PixelStream, wasmPixelStream } from "../src/display/pixel-stream.ts";

const FOLDER = join(import.meta.dirname, "../testdata");

export interface Check {
  after: number;
  width: number;
  height: number;
  exact: boolean;
  sha256: string;
}

export interface Vector {
  name: string;
  messages: Uint8Array<ArrayBuffer>[];
  checks: Check[];
}

/** Reads all recorded connections. */
export function vectors(): Vector[] {
  const names = readdirSync(FOLDER)
    .filter((file) => file.endsWith(".bin"))
    .map((file) => file.slice(0, -".bin".length));
  return names.map((name) => {
    const bytes = new Uint8Array(readFileSync(join(FOLDER, `${name}.bin`)));
    const { checks } = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8")) as { checks: Check[] };
    return { name, messages: split(bytes), checks };
  });
}

function split(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Uint8Array<ArrayBuffer>[] = [];
  for (let offset = 0; offset < bytes.byteLength; ) {
    const length = view.getUint32(offset, true);
    messages.push(bytes.slice(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return messages;
}

/** A fresh decoder of the shipped kind. */
export async function pixelStream(): Promise<PixelStream> {
  return wasmPixelStream(await WebAssembly.compile(zstdModule()));
}

/** Numbers that look random and are the same in every run. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Bytes from numbers given as `[size in bytes, value]`, little-endian. */
export function bytes(...fields: [1 | 2 | 4 | 8, number][]): Uint8Array<ArrayBuffer> {
  const out: number[] = [];
  for (const [size, value] of fields) {
    for (let index = 0; index < size; index += 1) {
      out.push(Math.floor(value / 2 ** (8 * index)) & 255);
    }
  }
  return new Uint8Array(out);
}

/** Joins byte arrays. */
export function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
