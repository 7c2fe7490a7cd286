/**
 * The picture in memory that the worker and the page share.
 *
 * ```
 *   32-bit words 0–255                          then pixels (r g b 255, row by row)
 *   lock awake version frame width height count connection; rectangles: 4 words each, from word 16
 * ```
 * The worker changes everything under the lock; the page copies what is to be drawn under the lock and clears the list.
 * The worker may block for the lock, the page only spins for a moment and comes back in the next animation frame.
 * A reader that sees `version` changed has something to draw. While `awake` is 1 the page looks by itself; otherwise it
 * is woken by a message.
 */

import { DIRTY_LIMIT, Dirty } from "./dirty.ts";
import { Picture } from "./picture.ts";
import type { Rect } from "./protocol.ts";

const LOCK = 0;
const AWAKE = 1;
const VERSION = 2;
const FRAME = 3;
const WIDTH = 4;
const HEIGHT = 5;
const COUNT = 6;
const CONNECTION = 7;
const RECTS = 16;
const HEADER_BYTES = 1024;

const FREE = 0;
const WORKER = 1;
const PAGE = 2;

/** The page gives up after this long and looks again in the next animation frame. */
const SPIN_MS = 1.5;
/** Memory is asked for in steps of this, so that dragging a window's edge does not allocate each time. */
const STEP_BYTES = 4 * 1024 * 1024;

/** The worker's side. */
export class SharedWriter {
  private words: Int32Array | undefined;
  private memory: SharedArrayBuffer | undefined;
  private picture: Picture | undefined;
  private readonly dirty = new Dirty();
  private connection = 0;
  private frame = 0;

  /** `announce` hands new memory to the page. */
  constructor(private readonly announce: (memory: SharedArrayBuffer) => void) {}

  /** Frames from here on belong to this connection; their numbers begin anew. */
  begin(connection: number): void {
    this.connection = connection;
    this.frame = 0;
  }

  /** Gives a picture of this size, with the overlap of the one before if `keep`; the rest is black. */
  resize(width: number, height: number, keep: boolean): Picture {
    const needed = HEADER_BYTES + 4 * width * height;
    const before = this.picture;
    if (this.memory === undefined || this.words === undefined || this.memory.byteLength < needed) {
      const memory = new SharedArrayBuffer(Math.ceil(needed / STEP_BYTES) * STEP_BYTES);
      const picture = new Picture(memory, width, height, HEADER_BYTES);
      const words = new Int32Array(memory, 0, HEADER_BYTES / 4);
      this.reshape(words, picture, keep ? before : undefined);
      this.publish(words, keep);
      this.memory = memory;
      this.announce(memory);
      return picture;
    }
    const { words, memory } = this;
    this.locked(words, () => {
      const kept = keep && before !== undefined ? copyOf(before) : undefined;
      this.reshape(words, new Picture(memory, width, height, HEADER_BYTES), kept);
      this.publish(words, keep);
    });
    return this.picture as Picture;
  }

  /** Changes the picture; from then on it is that of frame `number`. */
  change(number: number, changed: readonly Rect[], change: () => void): void {
    const words = this.words as Int32Array;
    this.locked(words, () => {
      change();
      // The page has drawn what the list held if it emptied it.
      if (words[COUNT] === 0) {
        this.dirty.take();
      }
      for (const rect of changed) {
        this.dirty.add(rect);
      }
      this.list(words);
      this.frame = number;
      this.publish(words, true);
    });
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
  rects: readonly Rect[];
}

/** The page's side. */
export class SharedReader {
  private readonly words: Int32Array;
  private seen = 0;

  constructor(private readonly memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, HEADER_BYTES / 4);
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
      const rects: Rect[] = [];
      const count = Math.min(words[COUNT] ?? 0, DIRTY_LIMIT);
      for (let index = 0; index < count; index += 1) {
        const [x = 0, y = 0, w = 0, h = 0] = words.subarray(RECTS + 4 * index, RECTS + 4 * index + 4);
        rects.push({ x, y, width: w, height: h });
      }
      words[COUNT] = 0;
      this.seen = Atomics.load(words, VERSION);
      const connection = words[CONNECTION] ?? 0;
      const drawing = { connection, frame: (words[FRAME] ?? 0) >>> 0, width, height, rects };
      draw(drawing, new Uint8ClampedArray(this.memory, HEADER_BYTES, 4 * width * height));
      return drawing;
    } finally {
      Atomics.store(words, LOCK, FREE);
      Atomics.notify(words, LOCK);
    }
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

function copyOf(picture: Picture): Picture {
  const copy = new Picture(new ArrayBuffer(4 * picture.width * picture.height), picture.width, picture.height);
  copy.takeOver(picture);
  return copy;
}
