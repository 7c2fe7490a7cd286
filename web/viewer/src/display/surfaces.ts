/** The worker's end of each rung: where the picture lives, and how what changed gets drawn. */

import { epochMs, type Patch, type ToPage } from "./channel.ts";
import type { FrameReport, PictureOwner } from "./decoder.ts";
import { Dirty } from "./dirty.ts";
import { Picture } from "./picture.ts";
import type { Changed, Rect } from "./protocol.ts";
import { SharedWriter } from "./shared.ts";

/** Says that a frame was drawn. */
export type DrawnListener = (connection: number, frame: number, atMs: number) => void;

/** Where frames go. Outlives connections. */
export interface Surface extends PictureOwner {
  /** Frames from here on belong to this connection. */
  begin(connection: number): void;
}

/** Rung 1: the page draws from shared memory in its own animation frame. */
export class SharedSurface implements Surface {
  private readonly writer: SharedWriter;

  constructor(private readonly post: (message: ToPage) => void) {
    this.writer = new SharedWriter((memory) => post({ kind: "memory", memory }));
  }

  begin(connection: number): void {
    this.writer.begin(connection);
  }

  resize(width: number, height: number, keep: boolean): Picture {
    const picture = this.writer.resize(width, height, keep);
    if (keep) {
      this.wake();
    }
    return picture;
  }

  change(number: number, changed: readonly Changed[], change: () => void): void {
    this.writer.change(number, changed, change);
  }

  framed(_frame: FrameReport): void {
    this.wake();
  }

  private wake(): void {
    if (!this.writer.pageAwake) {
      this.post({ kind: "wake" });
    }
  }
}

/** A picture in the worker's own memory, with a list of what is not drawn yet. */
abstract class OwnMemorySurface implements Surface {
  protected connection = 0;
  protected picture: Picture | undefined;
  protected frame = 0;
  protected readonly dirty = new Dirty();
  private memory = new ArrayBuffer(0);

  begin(connection: number): void {
    this.connection = connection;
    this.frame = 0;
  }

  resize(width: number, height: number, keep: boolean): Picture {
    const before = this.picture;
    const memory = new ArrayBuffer(4 * width * height);
    const picture = new Picture(memory, width, height);
    picture.clear();
    if (keep && before !== undefined) {
      picture.takeOver(before);
    }
    this.memory = memory;
    this.picture = picture;
    this.dirty.take();
    this.dirty.add({ x: 0, y: 0, width, height });
    if (keep) {
      this.schedule();
    }
    return picture;
  }

  change(number: number, changed: readonly Changed[], change: () => void): void {
    change();
    this.frame = number;
    for (const rect of changed) {
      this.dirty.add(rect);
    }
  }

  framed(_frame: FrameReport): void {
    this.schedule();
  }

  protected imageOf(picture: Picture): ImageData {
    const bytes = new Uint8ClampedArray(this.memory, 0, 4 * picture.width * picture.height);
    return new ImageData(bytes, picture.width, picture.height);
  }

  protected pixelsOf(rect: Rect, picture: Picture): Uint8ClampedArray<ArrayBuffer> {
    const rowBytes = 4 * rect.width;
    const pixels = new Uint8ClampedArray(rowBytes * rect.height);
    for (let row = 0; row < rect.height; row += 1) {
      const from = 4 * ((rect.y + row) * picture.width + rect.x);
      pixels.set(picture.bytes.subarray(from, from + rowBytes), row * rowBytes);
    }
    return pixels;
  }

  protected abstract schedule(): void;
}

/** Rung 2: the worker draws into the page's canvas by itself. */
export class OffscreenSurface extends OwnMemorySurface {
  private readonly context: OffscreenCanvasRenderingContext2D;
  private scheduled = false;

  constructor(
    private readonly canvas: OffscreenCanvas,
    private readonly post: (message: ToPage) => void,
    private readonly drawn: DrawnListener,
  ) {
    super();
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) {
      throw new Error("the browser has no canvas for workers");
    }
    this.context = context;
  }

  protected override schedule(): void {
    if (!this.scheduled) {
      this.scheduled = true;
      requestAnimationFrame(() => this.draw());
    }
  }

  private draw(): void {
    this.scheduled = false;
    const { picture, canvas, context, connection, frame } = this;
    if (picture === undefined) {
      return;
    }
    const { width, height } = picture;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const image = this.imageOf(picture);
    for (const rect of this.dirty.take()) {
      context.putImageData(image, 0, 0, rect.x, rect.y, rect.width, rect.height);
    }
    if (frame !== 0) {
      this.drawn(connection, frame, epochMs());
    }
    this.post({ kind: "drawn", connection, width, height });
  }
}

/** Rung 3: changed pixels are handed to the page, which draws them into its canvas. */
export class TransferSurface extends OwnMemorySurface {
  constructor(private readonly post: (message: ToPage, transfer: Transferable[]) => void) {
    super();
  }

  protected override schedule(): void {
    const { picture, connection, frame } = this;
    if (picture === undefined) {
      return;
    }
    const { width, height } = picture;
    const patches: Patch[] = this.dirty.take().map((rect) => ({ rect, pixels: this.pixelsOf(rect, picture) }));
    const transfer = patches.map((patch) => patch.pixels.buffer);
    this.post({ kind: "patches", connection, frame, width, height, patches }, transfer);
  }
}
