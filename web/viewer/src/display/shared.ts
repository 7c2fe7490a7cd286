/**
 * The picture in memory that the worker and the page share.
 *
 * ```
 *   32-bit words 0–255                          then pixels (r g b 255, row by row)
 *   lock awake version frame width height count connection fills
 *   rectangles: 4 words each, from word 16; fills: a rectangle and a colour each, from word 208
 * ```
 * The worker changes everything under the lock, but for fills that the page can draw without the pixels: those are there
 * for it at once, and fill the memory after that. Fills are drawn first, then the rectangles from memory; the page copies what is to be drawn under the lock and clears the list.
 * The worker may block for the lock, the page only spins for a moment and comes back in the next animation frame.
 * A reader that sees `version` changed has something to draw. While `awake` is 1 the page looks by itself; otherwise it
 * is woken by a message.
 */

import { type Blit, blitWithin, bufferOf, type SharedMemory, sharedMemory } from "./blit.ts";
import { DIRTY_LIMIT, Dirty } from "./dirty.ts";
import { Picture } from "./picture.ts";
import type { Changed, Rect } from "./protocol.ts";

const LOCK = 0;
const AWAKE = 1;
const VERSION = 2;
const FRAME = 3;
const WIDTH = 4;
const HEIGHT = 5;
const COUNT = 6;
const CONNECTION = 7;
const FILLS = 8;
const RECTS = 16;
const FILL_RECTS = RECTS + 4 * DIRTY_LIMIT;
const HEADER_BYTES = 1024;

const FREE = 0;
const WORKER = 1;
const PAGE = 2;

/** The page gives up after this long and looks again in the next animation frame. */
const SPIN_MS = 1.5;
/** Memory is asked for in steps of this, so that dragging a window's edge does not allocate each time. */
const STEP_BYTES = 4 * 1024 * 1024;

/** Most fills kept apart. */
const FILL_LIMIT = 8;
/** A smaller rectangle is drawn from memory just as fast. */
const SMALLEST_FILL_PX = 32 * 1024;

/** A rectangle that has one colour: 0xrrggbb. */
export interface Fill extends Rect {
  colour: number;
}

/** The worker's side. */
export class SharedWriter {
  private words: Int32Array | undefined;
  private memory: SharedMemory | undefined;
  private blit: Blit | undefined;
  private picture: Picture | undefined;
  private readonly dirty = new Dirty();
  private fills: Fill[] = [];
  private connection = 0;
  private frame = 0;

  /** `announce` hands new memory to the page. */
  constructor(private readonly announce: (memory: SharedMemory) => void) {}

  /** Frames from here on belong to this connection; their numbers begin anew. */
  begin(connection: number): void {
    this.connection = connection;
    this.frame = 0;
  }

  /** Gives a picture of this size, with the overlap of the one before if `keep`; the rest is black. */
  resize(width: number, height: number, keep: boolean): Picture {
    const needed = HEADER_BYTES + 4 * width * height;
    const before = this.picture;
    const room = this.memory === undefined ? undefined : bufferOf(this.memory);
    if (room === undefined || this.words === undefined || room.byteLength < needed) {
      const memory = sharedMemory(Math.ceil(needed / STEP_BYTES) * STEP_BYTES);
      this.blit = blitWithin(memory);
      const picture = new Picture(bufferOf(memory), width, height, HEADER_BYTES, this.blit);
      const words = new Int32Array(bufferOf(memory), 0, HEADER_BYTES / 4);
      this.reshape(words, picture, keep ? before : undefined);
      this.publish(words, keep);
      this.memory = memory;
      this.announce(memory);
      return picture;
    }
    const { words, blit } = this;
    this.locked(words, () => {
      const kept = keep && before !== undefined ? copyOf(before) : undefined;
      this.reshape(words, new Picture(room, width, height, HEADER_BYTES, blit), kept);
      this.publish(words, keep);
    });
    return this.picture as Picture;
  }

  /** Changes the picture; from then on it is that of frame `number`. */
  change(number: number, changed: readonly Changed[], change: () => void): void {
    const words = this.words as Int32Array;
    let early = false;
    this.locked(words, () => {
      // The page has drawn what the lists held if it emptied them.
      if (words[COUNT] === 0) {
        this.dirty.take();
      }
      if (words[FILLS] === 0) {
        this.fills = [];
      }
      const fills = changed.filter(isLargeFill);
      if (fills.length === changed.length && fills.length + this.fills.length <= FILL_LIMIT) {
        this.fills.push(...fills);
        early = !this.dirty.rectangles.some((rect) => fills.some((fill) => meet(rect, fill)));
      } else {
        for (const rect of changed) {
          this.dirty.add(rect);
        }
      }
      if (!early) {
        change();
      }
      this.list(words);
      this.frame = number;
      this.publish(words, true);
    });
    if (early) {
      change();
    }
  }

  /** Says whether the page looks by itself. */
  get pageAwake(): boolean {
    return this.words !== undefined && Atomics.load(this.words, AWAKE) === 1;
  }

  private reshape(words: Int32Array, picture: Picture, before: Picture | undefined): void {
    picture.clear();
    if (before !== undefined) {
      picture.takeOver(before);
    }
    this.words = words;
    this.picture = picture;
    words[WIDTH] = picture.width;
    words[HEIGHT] = picture.height;
    this.fills = [];
    this.dirty.take();
    this.dirty.add({ x: 0, y: 0, width: picture.width, height: picture.height });
    this.list(words);
  }

  /** The picture of a connection that has not had a frame yet is not shown: the old one stays until there is one. */
  private publish(words: Int32Array, show: boolean): void {
    words[FRAME] = this.frame | 0;
    words[CONNECTION] = this.connection;
    if (show) {
      Atomics.add(words, VERSION, 1);
    }
  }

  private list(words: Int32Array): void {
    const rects = this.dirty.rectangles;
    words[COUNT] = rects.length;
    rects.forEach((rect, index) => {
      words.set([rect.x, rect.y, rect.width, rect.height], RECTS + 4 * index);
    });
    words[FILLS] = this.fills.length;
    this.fills.forEach((fill, index) => {
      words.set([fill.x, fill.y, fill.width, fill.height, fill.colour], FILL_RECTS + 5 * index);
    });
  }

  private locked(words: Int32Array, work: () => void): void {
    for (;;) {
      const holder = Atomics.compareExchange(words, LOCK, FREE, WORKER);
      if (holder === FREE) {
        break;
      }
      Atomics.wait(words, LOCK, holder, 20);
    }
    try {
      work();
    } finally {
      Atomics.store(words, LOCK, FREE);
    }
  }
}

/** What the page found to draw. */
export interface Drawing {
  connection: number;
  /** Newest frame that is in the picture; 0 before the first. */
  frame: number;
  width: number;
  height: number;
  /** To be drawn before the rectangles. */
  fills: readonly Fill[];
  rects: readonly Rect[];
}

/** The page's side. */
export class SharedReader {
  private readonly words: Int32Array;
  private readonly buffer: SharedArrayBuffer;
  private seen = 0;

  constructor(memory: SharedMemory) {
    this.buffer = bufferOf(memory);
    this.words = new Int32Array(this.buffer, 0, HEADER_BYTES / 4);
  }

  /** Says whether the page looks by itself. */
  set awake(awake: boolean) {
    Atomics.store(this.words, AWAKE, awake ? 1 : 0);
  }

  /** Says whether there is something that was not drawn. */
  get fresh(): boolean {
    return Atomics.load(this.words, VERSION) !== this.seen;
  }

  /**
   * Lets `draw` copy what changed since the last call. Gives undefined when nothing did or the worker is just at it.
   * `pixels` are valid only inside `draw`.
   */
  take(
    draw: (drawing: Drawing, pixels: Uint8ClampedArray) => void,
    nowMs: () => number = () => performance.now(),
  ): Drawing | undefined {
    const { words } = this;
    if (!this.fresh || !this.lock(nowMs)) {
      return undefined;
    }
    try {
      const width = words[WIDTH] ?? 0;
      const height = words[HEIGHT] ?? 0;
      const rects = this.listed(COUNT, DIRTY_LIMIT, RECTS, 4).map(rectOf);
      const fills = this.listed(FILLS, FILL_LIMIT, FILL_RECTS, 5).map((entry) => ({
        ...rectOf(entry),
        colour: entry[4] ?? 0,
      }));
      this.seen = Atomics.load(words, VERSION);
      const connection = words[CONNECTION] ?? 0;
      const drawing = { connection, frame: (words[FRAME] ?? 0) >>> 0, width, height, fills, rects };
      draw(drawing, new Uint8ClampedArray(this.buffer, HEADER_BYTES, 4 * width * height));
      return drawing;
    } finally {
      Atomics.store(words, LOCK, FREE);
      Atomics.notify(words, LOCK);
    }
  }

  /** Takes a list out of the memory: the number of its entries, and where they are. */
  private listed(count: number, limit: number, from: number, entryWords: number): Int32Array[] {
    const length = Math.min(this.words[count] ?? 0, limit);
    this.words[count] = 0;
    return Array.from({ length }, (_, i) => this.words.slice(from + entryWords * i, from + entryWords * (i + 1)));
  }

  private lock(nowMs: () => number): boolean {
    const end = nowMs() + SPIN_MS;
    while (Atomics.compareExchange(this.words, LOCK, FREE, PAGE) !== FREE) {
      if (nowMs() > end) {
        return false;
      }
    }
    return true;
  }
}

function rectOf([x = 0, y = 0, width = 0, height = 0]: Int32Array): Rect {
  return { x, y, width, height };
}

function isLargeFill(changed: Changed): changed is Fill {
  return changed.colour !== undefined && changed.width * changed.height >= SMALLEST_FILL_PX;
}

function meet(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function copyOf(picture: Picture): Picture {
  const copy = new Picture(new ArrayBuffer(4 * picture.width * picture.height), picture.width, picture.height);
  copy.takeOver(picture);
  return copy;
}
