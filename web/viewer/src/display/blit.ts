/**
 * Memory that worker and page share, and copies inside it and out of it.
 *
 * In Chromium, JavaScript's own copies of shared memory go word by word, and byte by byte where source and target lie
 * differently within a word, as in every other step of a drag. WebAssembly's `memory.copy` moves whole blocks.
 */

/** Memory for both; a plain one where WebAssembly is switched off. */
export type SharedMemory = WebAssembly.Memory | SharedArrayBuffer;

/**
 * Copies `rows` rows of `rowBytes` bytes each, one after the other; those of one row may overlap. Places are in bytes
 * from the beginning of the memories. Steps lead from a row to the next and may be negative.
 */
export type Blit = (to: number, toStep: number, from: number, fromStep: number, rowBytes: number, rows: number) => void;

const PAGE_BYTES = 65_536;

/** Gives memory of at least this many bytes, all 0. */
export function sharedMemory(bytes: number): SharedMemory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch {
    return new SharedArrayBuffer(PAGE_BYTES * pages);
  }
}

/** The bytes of shared memory. */
export function bufferOf(memory: SharedMemory): SharedArrayBuffer {
  return memory instanceof SharedArrayBuffer ? memory : (memory.buffer as unknown as SharedArrayBuffer);
}

/** Gives copies within shared memory; undefined where there is no WebAssembly. */
export function blitWithin(memory: SharedMemory): Blit | undefined {
  return instantiate(memory, undefined);
}

/** Gives copies from shared memory to memory that is not; undefined where WebAssembly has not more than one memory. */
export function blitBetween(from: SharedMemory, to: WebAssembly.Memory): Blit | undefined {
  return instantiate(from, to);
}

/** Gives memory of at least this many bytes that is not shared; undefined where there is no WebAssembly. */
export function ownMemory(bytes: number): WebAssembly.Memory | undefined {
  try {
    return new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
  } catch {
    return undefined;
  }
}

function instantiate(from: SharedMemory, to: WebAssembly.Memory | undefined): Blit | undefined {
  if (from instanceof SharedArrayBuffer) {
    return undefined;
  }
  try {
    const module = new WebAssembly.Module(code(to !== undefined));
    const { exports } = new WebAssembly.Instance(module, { m: to === undefined ? { from } : { from, to } });
    return exports.blit as Blit;
  } catch {
    return undefined;
  }
}

/**
 * The module, as bytes: it is shorter than what would make it from text.
 *
 * ```
 * (import "m" "from" (memory 0 65536 shared))  (import "m" "to" (memory 0)) if there are two
 * (func (export "blit") (param $to $toStep $from $fromStep $rowBytes $rows i32)
 *   (block
 *     (loop
 *       (br_if 1 (i32.eqz (local.get $rows)))
 *       (memory.copy $to's $from's (local.get $to) (local.get $from) (local.get $rowBytes))
 *       (local.set $to (i32.add (local.get $to) (local.get $toStep)))
 *       (local.set $from (i32.add (local.get $from) (local.get $fromStep)))
 *       (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
 *       (br 0))))
 * ```
 * Encoding: https://webassembly.github.io/spec/core/binary/.
 */
function code(two: boolean): Uint8Array<ArrayBuffer> {
  const [i32, memory] = [0x7f, 0x02];
  const [block, loop, end] = [[0x02, 0x40], [0x03, 0x40], [0x0b]];
  const get = (local: number): number[] => [0x20, local];
  const set = (local: number): number[] => [0x21, local];
  const branch = (depth: number): number[] => [0x0c, depth];
  const branchIf = (depth: number): number[] => [0x0d, depth];
  const [isZero, add, subtract, one] = [[0x45], [0x6a], [0x6b], [0x41, 1]];
  const copy = [0xfc, 0x0a, two ? 1 : 0, 0];
  const [to, toStep, from, fromStep, rowBytes, rows] = [0, 1, 2, 3, 4, 5] as const;
  const noLocals = 0;
  const body = [
    noLocals,
    ...block,
    ...loop,
    ...[...get(rows), ...isZero, ...branchIf(1)],
    ...[...get(to), ...get(from), ...get(rowBytes), ...copy],
    ...[...get(to), ...get(toStep), ...add, ...set(to)],
    ...[...get(from), ...get(fromStep), ...add, ...set(from)],
    ...[...get(rows), ...one, ...subtract, ...set(rows)],
    ...branch(0),
    ...end,
    ...end,
    ...end,
  ];
  const shared = [...name("m"), ...name("from"), memory, 3, 0, 0x80, 0x80, 4];
  const own = [...name("m"), ...name("to"), memory, 0, 0];
  const imports = two ? [2, ...shared, ...own] : [1, ...shared];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 6, i32, i32, i32, i32, i32, i32, 0]),
    ...section(2, imports),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name("blit"), 0, 0]),
    ...section(10, [1, body.length, ...body]),
  ]);
}

/** All lengths are below 128, so that one byte holds each. */
function section(id: number, bytes: number[]): number[] {
  return [id, bytes.length, ...bytes];
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}
