/** One connection to a display, in the worker: socket, decoder, acknowledgements. */

import { epochMs, type ToPage, type WantedSize } from "./channel.ts";
import { Decoder, type JpegDecoder } from "./decoder.ts";
import { Meter } from "./meter.ts";
import type { PixelStream } from "./pixel-stream.ts";
import { ABILITY, LIMIT, ProtocolError, read, write } from "./protocol.ts";
import type { Surface } from "./surfaces.ts";
import type { VideoPictures } from "./video.ts";

/** What a connection needs of its worker. */
export interface ConnectionParts {
  surface: Surface;
  stream: PixelStream;
  jpeg: JpegDecoder | undefined;
  /** Makes a decoder of videos; given up when one fails. */
  video: (() => VideoPictures) | undefined;
  post(message: ToPage): void;
  sharedMemory: boolean;
}

/** The display must say hello within this time. */
const HELLO_TIMEOUT_MS = 10_000;

/** A connection from its opening to its one `closed` message. */
export class Connection {
  readonly meter = new Meter();
  private readonly socket: WebSocket;
  private readonly helloTimer: number;
  private decoder: Decoder | undefined;
  private video: VideoPictures | undefined;
  private over = false;

  constructor(
    readonly number: number,
    url: string,
    private readonly wanted: WantedSize,
    private readonly clipboard: boolean,
    private readonly parts: ConnectionParts,
  ) {
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.hello();
    this.socket.onmessage = (event: MessageEvent<unknown>) => this.received(event.data);
    this.socket.onclose = () => this.end("");
    this.helloTimer = setTimeout(() => this.end("the display does not answer"), HELLO_TIMEOUT_MS) as unknown as number;
  }

  /** Which decoder the pixel stream has. */
  get decoderName(): string {
    return `${this.parts.stream.name}${this.parts.video === undefined ? "" : ", H.264"}`;
  }

  /** Sends a message, if the connection is still there. */
  send(data: ArrayBuffer): void {
    if (this.socket.readyState === WebSocket.OPEN) {
      this.socket.send(data);
    }
  }

  /** A frame was drawn: acknowledges it. */
  drawn(frame: number, atMs: number): void {
    const times = this.meter.drawn(frame, atMs);
    if (times !== undefined) {
      this.send(write.ack(frame, times.decodeUs, times.untilDrawnUs));
    }
  }

  /** Closes the connection; the page is told once, whoever closed it. */
  end(error: string): void {
    if (this.over) {
      return;
    }
    this.over = true;
    clearTimeout(this.helloTimer);
    this.decoder?.close();
    this.video?.close();
    this.socket.onopen = null;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
    this.parts.post({ kind: "closed", connection: this.number, error });
  }

  private hello(): void {
    const { jpeg, video, sharedMemory } = this.parts;
    const abilities =
      ABILITY.cursor |
      ABILITY.snapshot |
      (jpeg === undefined ? 0 : ABILITY.jpeg) |
      (video === undefined ? 0 : ABILITY.h264) |
      (sharedMemory ? ABILITY.sharedMemory : 0) |
      (this.clipboard ? ABILITY.clipboard : 0);
    this.send(write.hello({ ...this.wanted, abilities, zstdWindowLog: LIMIT.zstdWindowLog }));
  }

  private received(data: unknown): void {
    const arrivedMs = epochMs();
    try {
      if (!(data instanceof ArrayBuffer)) {
        throw new ProtocolError("a message that is not binary");
      }
      this.meter.received(data.byteLength);
      this.take(new Uint8Array(data), arrivedMs);
    } catch (error) {
      this.fail(error);
    }
  }

  private take(bytes: Uint8Array<ArrayBuffer>, arrivedMs: number): void {
    const message = read(bytes);
    const { surface, stream, jpeg, post } = this.parts;
    if (message.kind === "hello") {
      if (this.decoder !== undefined) {
        throw new ProtocolError("a second hello");
      }
      clearTimeout(this.helloTimer);
      surface.begin(this.number);
      const owner = {
        resize: surface.resize.bind(surface),
        change: surface.change.bind(surface),
        framed: (frame: Parameters<Surface["framed"]>[0]) => {
          this.meter.framed(frame.number, frame.decodeUs, frame.arrivedMs);
          surface.framed(frame);
        },
      };
      const images = { jpeg: jpeg ?? refuse, video: this.videoPicture.bind(this) };
      this.decoder = new Decoder(owner, stream, images, epochMs, (error) => this.fail(error), message);
    }
    if (message.kind === "frame" || message.kind === "resize") {
      if (this.decoder === undefined) {
        throw new ProtocolError("a picture before the hello");
      }
      this.decoder.take(message, arrivedMs);
    }
    if (message.kind !== "frame") {
      post({ kind: "message", connection: this.number, message });
    }
  }

  private async videoPicture(
    data: Uint8Array<ArrayBuffer>,
    key: boolean,
    width: number,
    height: number,
  ): Promise<Uint8ClampedArray> {
    const { video } = this.parts;
    if (video === undefined) {
      return refuse();
    }
    try {
      this.video ??= video();
      return await this.video.decode(data, key, width, height);
    } catch (error) {
      // The next connection does without.
      this.parts.video = undefined;
      throw error;
    }
  }

  private fail(error: unknown): void {
    this.end(error instanceof Error ? error.message : "the picture cannot be decoded");
  }
}

function refuse(): Promise<never> {
  return Promise.reject(new ProtocolError("an image of a kind that nobody asked for"));
}
