/** The page's end of the rungs that draw on the page: shared memory, and pixels handed over. */

import { type Blit, blitBetween, ownMemory, type SharedMemory } from "./blit.ts";
import { epochMs, type ToPage } from "./channel.ts";
import type { Rect } from "./protocol.ts";
import { SharedReader } from "./shared.ts";

/** A frame that was drawn. */
export interface Drawn {
  connection: number;
  frame: number;
  width: number;
  height: number;
  atMs: number;
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", { alpha: false });
  if (context === null) {
    throw new Error("the browser has no canvas");
  }
  return context;
}

function resizeCanvas(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
}

/** Pixels as the canvas wants them: it takes none from shared memory. */
class UnsharedCopy {
  image = new ImageData(1, 1);
  private own: WebAssembly.Memory | undefined;
  private blit: Blit | undefined;

  constructor(private readonly shared: SharedMemory) {}

  /** Takes rectangles over from a picture of this size in shared memory. */
  take(width: number, height: number, rects: readonly Rect[], pixels: Uint8ClampedArray): void {
    if (this.image.width !== width || this.image.height !== height) {
      this.image = this.imageOf(width, height);
    }
    const step = 4 * width;
    for (const rect of rects) {
      const start = rect.y * step + 4 * rect.x;
      const rowBytes = 4 * rect.width;
      if (this.blit !== undefined) {
        this.blit(start, step, pixels.byteOffset + start, step, rowBytes, rect.height);
        continue;
      }
      for (let row = start; row < start + rect.height * step; row += step) {
        this.image.data.set(pixels.subarray(row, row + rowBytes), row);
      }
    }
  }

  private imageOf(width: number, height: number): ImageData {
    const bytes = 4 * width * height;
    if (this.own === undefined || this.own.buffer.byteLength < bytes) {
      this.own = ownMemory(bytes);
      this.blit = this.own === undefined ? undefined : blitBetween(this.shared, this.own);
    }
    return this.own === undefined || this.blit === undefined
      ? new ImageData(width, height)
      : new ImageData(new Uint8ClampedArray(this.own.buffer, 0, bytes), width, height);
  }
}

/** Draws from shared memory. */
export class SharedPresenter {
  private readonly context: CanvasRenderingContext2D;
  private reader: SharedReader | undefined;
  private isAwake = false;
  private copy: UnsharedCopy | undefined;

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = contextOf(canvas);
  }

  /** Takes new memory; what the old one still had is in the new one too. */
  use(memory: SharedMemory): void {
    this.reader = new SharedReader(memory);
    this.reader.awake = this.isAwake;
    this.copy = new UnsharedCopy(memory);
  }

  /** Tells the worker whether the page looks by itself. */
  set awake(awake: boolean) {
    this.isAwake = awake;
    if (this.reader !== undefined) {
      this.reader.awake = awake;
    }
  }

  /** Says whether there is something to draw. */
  get fresh(): boolean {
    return this.reader?.fresh === true;
  }

  /** Draws what changed. Called inside an animation frame. */
  draw(): Drawn | undefined {
    const { copy } = this;
    const drawing = this.reader?.take(({ width, height, rects }, pixels) => copy?.take(width, height, rects, pixels));
    if (drawing === undefined || copy === undefined) {
      return undefined;
    }
    const { width, height, connection, frame } = drawing;
    resizeCanvas(this.canvas, width, height);
    for (const { x, y, width, height, colour } of drawing.fills) {
      this.context.fillStyle = `#${colour.toString(16).padStart(6, "0")}`;
      this.context.fillRect(x, y, width, height);
    }
    for (const rect of drawing.rects) {
      this.context.putImageData(copy.image, 0, 0, rect.x, rect.y, rect.width, rect.height);
    }
    return { connection, frame, width, height, atMs: epochMs() };
  }
}

/** Draws pixels that were handed over. */
export class TransferPresenter {
  private readonly context: CanvasRenderingContext2D;
  private waiting: (ToPage & { kind: "patches" })[] = [];

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = contextOf(canvas);
  }

  /** Takes a frame's pixels. */
  take(patches: ToPage & { kind: "patches" }): void {
    this.waiting.push(patches);
  }

  /** Says whether there is something to draw. */
  get fresh(): boolean {
    return this.waiting.length > 0;
  }

  /** Draws what came. Called inside an animation frame. */
  draw(): Drawn | undefined {
    const { waiting } = this;
    const newest = waiting.at(-1);
    if (newest === undefined) {
      return undefined;
    }
    this.waiting = [];
    for (const { width, height, patches } of waiting) {
      resizeCanvas(this.canvas, width, height);
      for (const { rect, pixels } of patches) {
        this.context.putImageData(new ImageData(pixels, rect.width, rect.height), rect.x, rect.y);
      }
    }
    const { connection, frame, width, height } = newest;
    return { connection, frame, width, height, atMs: epochMs() };
  }
}
