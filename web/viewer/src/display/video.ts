/**
 * H.264 by the browser's own decoder (WebCodecs), into plain memory: each picture as soon as its data came. A browser
 * that keeps pictures back, or whose decoder fails, is noticed, and the viewer goes on without video.
 */

/** Decodes the pictures of one connection's videos, in their order. */
export interface VideoPictures {
  /** Decodes the next picture to r g b x pixels, row by row. They are valid until three more pictures were decoded. */
  decode(data: Uint8Array<ArrayBuffer>, key: boolean, width: number, height: number): Promise<Uint8ClampedArray>;
  /** Frees the decoder. */
  close(): void;
}

/** Constrained baseline profile, any size up to level 5.2. Pixels go to memory, from which hardware is far away. */
const CONFIG: VideoDecoderConfig = {
  codec: "avc1.42E034",
  optimizeForLatency: true,
  hardwareAcceleration: "prefer-software",
};
/** A picture that is not there so long after its data will not come by itself. */
const PATIENCE_MS = 1000;
/** Pictures kept at once: two frames may be under way, and one is being drawn. */
const BUFFERS = 3;

/** Gives a maker of decoders, or undefined where the browser has none that can be used. */
export async function browserVideo(): Promise<(() => VideoPictures) | undefined> {
  if (typeof VideoDecoder === "undefined" || !(await convertsToRgb())) {
    return undefined;
  }
  const { supported } = await VideoDecoder.isConfigSupported(CONFIG).catch(() => ({ supported: false }));
  return supported === true ? () => new BrowserVideo() : undefined;
}

/** Says whether the browser turns pictures of videos into r g b by itself; early WebCodecs did not. */
async function convertsToRgb(): Promise<boolean> {
  try {
    const planes = new Uint8Array(6);
    const frame = new VideoFrame(planes, { format: "I420", codedWidth: 2, codedHeight: 2, timestamp: 0 });
    try {
      await frame.copyTo(new Uint8Array(16), { format: "RGBX" });
      return true;
    } finally {
      frame.close();
    }
  } catch {
    return false;
  }
}

interface Waiting {
  width: number;
  height: number;
  done(pixels: Uint8ClampedArray): void;
  fail(error: unknown): void;
}

class BrowserVideo implements VideoPictures {
  private readonly decoder: VideoDecoder;
  private readonly waiting: Waiting[] = [];
  private readonly buffers: Uint8ClampedArray<ArrayBuffer>[] = [];
  private chunks = 0;
  private pictures = 0;
  private timer = 0;

  constructor() {
    this.decoder = new VideoDecoder({
      output: (frame) => void this.output(frame),
      error: (error) => this.fail(error),
    });
    this.decoder.configure(CONFIG);
  }

  decode(data: Uint8Array<ArrayBuffer>, key: boolean, width: number, height: number): Promise<Uint8ClampedArray> {
    return new Promise((done, fail) => {
      this.waiting.push({ width, height, done, fail });
      this.watch();
      const type = key ? "key" : "delta";
      this.decoder.decode(new EncodedVideoChunk({ type, timestamp: this.chunks, data }));
      this.chunks += 1;
    });
  }

  close(): void {
    clearTimeout(this.timer);
    this.waiting.length = 0;
    if (this.decoder.state !== "closed") {
      this.decoder.close();
    }
  }

  private async output(frame: VideoFrame): Promise<void> {
    const waiting = this.waiting.shift();
    this.watch();
    try {
      const { visibleRect } = frame;
      if (waiting === undefined || visibleRect?.width !== waiting.width || visibleRect.height !== waiting.height) {
        throw new Error("a picture of a video has another size than its rectangle");
      }
      const pixels = this.buffer(4 * waiting.width * waiting.height);
      await frame.copyTo(pixels, { format: "RGBX", rect: visibleRect });
      waiting.done(pixels);
    } catch (error) {
      waiting?.fail(error);
    } finally {
      frame.close();
    }
  }

  /** Buffers go round: a new one for each picture would keep the garbage collector busy. */
  private buffer(bytes: number): Uint8ClampedArray<ArrayBuffer> {
    const index = this.pictures % BUFFERS;
    this.pictures += 1;
    let buffer = this.buffers[index];
    if (buffer?.length !== bytes) {
      buffer = new Uint8ClampedArray(bytes);
      this.buffers[index] = buffer;
    }
    return buffer;
  }

  private watch(): void {
    clearTimeout(this.timer);
    if (this.waiting.length > 0) {
      const late = (): void => this.fail(new Error("the browser keeps pictures of a video back"));
      this.timer = setTimeout(late, PATIENCE_MS) as unknown as number;
    }
  }

  private fail(error: unknown): void {
    for (const { fail } of this.waiting.splice(0)) {
      fail(error);
    }
  }
}
