/**
 * From messages to pictures: keeps the picture, runs frames upon it in their order, each of them whole or not at all.
 * No socket and no canvas; images are decoded by whatever the browser has, which may take its time, and frames wait
 * for it without overtaking one another.
 */

import { Picture } from "./picture.ts";
import type { PixelStream } from "./pixel-stream.ts";
import { type Changed, type Command, type Frame, type Message, ProtocolError } from "./protocol.ts";

/** Decodes a JFIF image into r g b a pixels, row by row; fails when the image is not exactly `width × height`. */
export type JpegDecoder = (data: Uint8Array<ArrayBuffer>, width: number, height: number) => Promise<Uint8ClampedArray>;

/** What decodes the images in a frame. */
export interface ImageDecoders {
  jpeg: JpegDecoder;
  /** Decodes the next picture of a video; fails when it is not exactly `width × height`. */
  video(data: Uint8Array<ArrayBuffer>, key: boolean, width: number, height: number): Promise<Uint8ClampedArray>;
}

/** Where the picture lives and who is told of it. */
export interface PictureOwner {
  /** Gives a picture of this size, with the overlap of the one before if `keep`; the rest is black. */
  resize(width: number, height: number, keep: boolean): Picture;
  /**
   * Keeps readers away from the picture while `change` runs; from then on the picture is that of frame `number` and
   * the rectangles `changed` are to be drawn.
   */
  change(number: number, changed: readonly Changed[], change: () => void): void;
  /** The frame that was just put into the picture: what it took. */
  framed(frame: FrameReport): void;
}

/** What is known of a frame when it is in the picture. */
export interface FrameReport {
  number: number;
  exact: boolean;
  decodeUs: number;
  arrivedMs: number;
}

interface Waiting {
  frame: Frame;
  pixels: Uint8Array | undefined;
  images: (Uint8ClampedArray | undefined)[];
  missing: number;
  arrivedMs: number;
  decodeUs: number;
}

type ImageCommand = Command & { kind: "jpeg" | "video" };

type Step = Waiting | { resize: [number, number] };

/** Decoder of one connection. */
export class Decoder {
  private picture: Picture;
  private readonly steps: Step[] = [];
  private failed = false;
  /** Older pictures, as large as the picture. */
  private snapshots: (Picture | undefined)[] = [];

  constructor(
    private readonly owner: PictureOwner,
    private readonly stream: PixelStream,
    private readonly decoders: ImageDecoders,
    private readonly nowMs: () => number,
    private readonly fail: (error: unknown) => void,
    size: { width: number; height: number },
  ) {
    this.picture = owner.resize(size.width, size.height, false);
  }

  /** Takes a frame or a resize message that just came. Throws `ProtocolError` when it breaks the protocol. */
  take(message: Message & { kind: "frame" | "resize" }, arrivedMs: number): void {
    if (message.kind === "resize") {
      this.steps.push({ resize: [message.width, message.height] });
    } else {
      this.steps.push(this.prepare(message, arrivedMs));
    }
    this.run();
  }

  /** Ends the decoder: pictures that are still on their way are dropped. */
  close(): void {
    this.failed = true;
  }

  private prepare(frame: Frame, arrivedMs: number): Waiting {
    const begun = this.nowMs();
    const { zstd, rawLength, newStream, commands } = frame;
    const images = commands.filter((command) => command.kind === "jpeg" || command.kind === "video");
    let pixels = rawLength === 0 ? undefined : this.stream.decode(zstd, rawLength, newStream);
    if (pixels !== undefined && (images.length > 0 || this.steps.length > 0)) {
      pixels = pixels.slice();
    }
    const waiting: Waiting = {
      frame,
      pixels,
      images: new Array(images.length).fill(undefined),
      missing: images.length,
      arrivedMs,
      decodeUs: (this.nowMs() - begun) * 1000,
    };
    for (const [index, command] of images.entries()) {
      this.image(command).then(
        (image) => this.arrived(waiting, index, image),
        (error) => this.failOnce(error),
      );
    }
    return waiting;
  }

  private image(command: ImageCommand): Promise<Uint8ClampedArray> {
    const { data, rect } = command;
    return command.kind === "jpeg"
      ? this.decoders.jpeg(data, rect.width, rect.height)
      : this.decoders.video(data, command.key, rect.width, rect.height);
  }

  private arrived(waiting: Waiting, index: number, image: Uint8ClampedArray): void {
    waiting.images[index] = image;
    waiting.missing -= 1;
    try {
      this.run();
    } catch (error) {
      this.failOnce(error);
    }
  }

  private failOnce(error: unknown): void {
    if (!this.failed) {
      this.failed = true;
      this.fail(error);
    }
  }

  private run(): void {
    for (;;) {
      const step = this.steps[0];
      if (this.failed || step === undefined || ("missing" in step && step.missing > 0)) {
        return;
      }
      this.steps.shift();
      if ("resize" in step) {
        this.picture = this.owner.resize(...step.resize, true);
        this.snapshots = [];
      } else {
        this.apply(step);
      }
    }
  }

  private apply(waiting: Waiting): void {
    const { frame, arrivedMs } = waiting;
    const begun = this.nowMs();
    const changed = frame.commands.filter(({ kind }) => kind !== "save").map(changeOf);
    this.owner.change(frame.number, changed, () => {
      let offset = 0;
      let image = 0;
      for (const command of frame.commands) {
        if (command.kind === "jpeg" || command.kind === "video") {
          this.picture.raw(command.rect, waiting.images[image] as Uint8ClampedArray, 0);
          image += 1;
        } else {
          offset += this.perform(command, waiting.pixels, offset);
        }
      }
    });
    const decodeUs = waiting.decodeUs + (this.nowMs() - begun) * 1000;
    this.owner.framed({ number: frame.number, exact: frame.exact, decodeUs, arrivedMs });
  }

  /** Runs a command that holds no image; gives the number of pixel bytes it took. */
  private perform(command: Exclude<Command, ImageCommand>, pixels: Uint8Array | undefined, offset: number): number {
    const { rect } = command;
    switch (command.kind) {
      case "fill":
        this.picture.fill(rect, command.red, command.green, command.blue);
        return 0;
      case "copy":
        this.picture.copy(rect, command.sourceX, command.sourceY);
        return 0;
      case "save":
        this.snapshot(command.slot).take(this.picture, rect);
        return 0;
      case "restore":
        this.picture.take(this.kept(command.slot), rect);
        return 0;
      case "raw":
      case "planar":
        if (pixels === undefined) {
          throw new ProtocolError("a frame without its pixels");
        }
        return command.kind === "raw"
          ? this.picture.raw(rect, pixels, offset)
          : this.picture.planar(rect, pixels, offset);
    }
  }

  private snapshot(slot: number): Picture {
    const { width, height } = this.picture;
    const snapshot = this.snapshots[slot] ?? new Picture(new ArrayBuffer(4 * width * height), width, height);
    this.snapshots[slot] = snapshot;
    return snapshot;
  }

  private kept(slot: number): Picture {
    const snapshot = this.snapshots[slot];
    if (snapshot === undefined) {
      throw new ProtocolError("a snapshot that was never made");
    }
    return snapshot;
  }
}

function changeOf(command: Command): Changed {
  const { rect } = command;
  return command.kind === "fill"
    ? { ...rect, colour: (command.red << 16) | (command.green << 8) | command.blue }
    : rect;
}
