/**
 * The viewer's picture in plain memory, and what the commands of a frame do to it.
 *
 * Pixels are r g b 255, row by row, top row first; the stride is exactly `4 * width` bytes. The bytes may lie in shared
 * memory. Rectangles are checked here; nothing outside the picture is ever touched.
 */

import type { Blit } from "./blit.ts";
import { ProtocolError, type Rect } from "./protocol.ts";

const ALPHA = 255;
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** A picture over memory that the caller provides. */
export class Picture {
  readonly bytes: Uint8ClampedArray;
  private readonly words: Uint32Array;

  /** `memory` holds at least `4 * width * height` bytes from `offset` on; `blit` copies within it. */
  constructor(
    memory: ArrayBufferLike,
    readonly width: number,
    readonly height: number,
    offset = 0,
    private readonly blit?: Blit,
  ) {
    this.bytes = new Uint8ClampedArray(memory, offset, 4 * width * height);
    this.words = new Uint32Array(memory, offset, width * height);
  }

  /** Makes all of it black. */
  clear(): void {
    this.words.fill(word(0, 0, 0));
  }

  /** Fills a rectangle with one colour. */
  fill(rect: Rect, red: number, green: number, blue: number): void {
    this.check(rect);
    const colour = word(red, green, blue);
    const { x, y, width, height } = rect;
    if (width === this.width) {
      this.words.fill(colour, y * width, (y + height) * width);
      return;
    }
    for (let row = y; row < y + height; row += 1) {
      const start = row * this.width + x;
      this.words.fill(colour, start, start + width);
    }
  }

  /** Copies a rectangle of the same size from elsewhere in the picture; the two may overlap. */
  copy(rect: Rect, sourceX: number, sourceY: number): void {
    this.check(rect);
    const { x, y, width, height } = rect;
    this.check({ x: sourceX, y: sourceY, width, height });
    if (width === this.width) {
      this.copyRows(y * width, 0, sourceY * width, width * height, 1);
      return;
    }
    // Rows are taken from the side that the copy moves away from, so that none is overwritten before it is read; a row
    // by itself may overlap its source.
    const first = y <= sourceY ? 0 : height - 1;
    const step = y <= sourceY ? this.width : -this.width;
    this.copyRows((y + first) * this.width + x, step, (sourceY + first) * this.width + sourceX, width, height);
  }

  /** Puts pixels (r g b 255) into a rectangle; gives the number of bytes taken. */
  raw(rect: Rect, pixels: Uint8Array | Uint8ClampedArray, offset: number): number {
    this.check(rect);
    const { x, y, width, height } = rect;
    const rowBytes = 4 * width;
    for (let row = 0; row < height; row += 1) {
      const from = offset + row * rowBytes;
      this.bytes.set(pixels.subarray(from, from + rowBytes), 4 * ((y + row) * this.width + x));
    }
    return rowBytes * height;
  }

  /** Puts pixels in three predicted planes into a rectangle; gives the number of bytes taken. */
  planar(rect: Rect, pixels: Uint8Array, offset: number): number {
    this.check(rect);
    const { x, y, width, height } = rect;
    const plane = width * height;
    const green = pixels.subarray(offset, offset + plane);
    const red = pixels.subarray(offset + plane, offset + 2 * plane);
    const blue = pixels.subarray(offset + 2 * plane, offset + 3 * plane);
    for (let row = 0; row < height; row += 1) {
      const start = (y + row) * this.width + x;
      joinRow(this.words.subarray(start, start + width), green, red, blue, row * width);
    }
    return 3 * plane;
  }

  /** Takes a rectangle over from the same place of another picture of the same size. */
  take(other: Picture, rect: Rect): void {
    this.check(rect);
    const { x, y, width, height } = rect;
    for (let row = y; row < y + height; row += 1) {
      const start = row * this.width + x;
      this.words.set(other.words.subarray(start, start + width), start);
    }
  }

  /** Copies what both pictures have; used when the size changes. */
  takeOver(other: Picture): void {
    const width = Math.min(this.width, other.width);
    const height = Math.min(this.height, other.height);
    for (let row = 0; row < height; row += 1) {
      const from = row * other.width;
      this.words.set(other.words.subarray(from, from + width), row * this.width);
    }
  }

  /** Copies rows of pixels in this order. */
  private copyRows(to: number, step: number, from: number, width: number, rows: number): void {
    if (this.blit !== undefined) {
      const { byteOffset } = this.bytes;
      this.blit(byteOffset + 4 * to, 4 * step, byteOffset + 4 * from, 4 * step, 4 * width, rows);
      return;
    }
    for (let row = 0; row < rows; row += 1) {
      const source = from + row * step;
      this.words.copyWithin(to + row * step, source, source + width);
    }
  }

  private check(rect: Rect): void {
    if (rect.x + rect.width > this.width || rect.y + rect.height > this.height) {
      throw new ProtocolError("a rectangle reaches outside the picture");
    }
  }
}

/**
 * Turns one row of differences into values, in place, and those into pixels: see "PLANAR" in docs/display-protocol.md.
 * The three planes go together, since each of them alone would wait for its own last value.
 */
function joinRow(target: Uint32Array, green: Uint8Array, red: Uint8Array, blue: Uint8Array, from: number): void {
  const width = target.length;
  const first = from === 0;
  // The value above predicts the first column; in the first row it is the middle, and each other value its left one.
  let g = first ? 128 : (green[from - width] as number);
  let r = first ? 128 : (red[from - width] as number);
  let b = first ? 128 : (blue[from - width] as number);
  for (let column = 0; column < width; column += 1) {
    const at = from + column;
    if (!first && column > 0) {
      g = (g + (green[at - width] as number)) >> 1;
      r = (r + (red[at - width] as number)) >> 1;
      b = (b + (blue[at - width] as number)) >> 1;
    }
    g = (g + (green[at] as number)) & 255;
    r = (r + (red[at] as number)) & 255;
    b = (b + (blue[at] as number)) & 255;
    green[at] = g;
    red[at] = r;
    blue[at] = b;
    target[column] = word((g + r - 128) & 255, g, (g + b - 128) & 255);
  }
}

/** A pixel as it lies in memory, read as a 32-bit number (negative ones wrap when they are stored). */
function word(red: number, green: number, blue: number): number {
  return LITTLE_ENDIAN
    ? (ALPHA << 24) | (blue << 16) | (green << 8) | red
    : (red << 24) | (green << 16) | (blue << 8) | ALPHA;
}
