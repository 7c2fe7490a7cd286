/** The viewer's worker: holds the connection and the decoder, so that no task of the page delays a frame. */

import zstdUrl from "virtual:zstd-url";
import type { ToPage, ToWorker } from "./channel.ts";
import { Connection, type ConnectionParts } from "./connection.ts";
import { browserJpegDecoder } from "./jpeg.ts";
import { type PixelStream, scriptPixelStream, wasmPixelStream } from "./pixel-stream.ts";
import { OffscreenSurface, SharedSurface, type Surface, TransferSurface } from "./surfaces.ts";
import { browserVideo } from "./video.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: ToPage, transfer: Transferable[]): void;
}

const scope = self as unknown as WorkerScope;
const post = (message: ToPage, transfer: Transferable[] = []): void => scope.postMessage(message, transfer);

/** What does not depend on the page is made before the page asks. */
const decoders = Promise.all([browserJpegDecoder(), browserVideo(), pixelStream()]);
let parts: Promise<ConnectionParts> | undefined;
let connection: Connection | undefined;
/** Connections are opened in the order in which they were asked for, and only the newest one is. */
let newest = 0;

async function begin(message: ToWorker & { kind: "begin" }): Promise<ConnectionParts> {
  const surface = surfaceOf(message);
  const [jpeg, video, stream] = await decoders;
  return { surface, stream, jpeg, video, post, sharedMemory: message.rung === "shared" };
}

function surfaceOf(message: ToWorker & { kind: "begin" }): Surface {
  if (message.rung === "shared") {
    return new SharedSurface(post);
  }
  if (message.canvas !== undefined) {
    return new OffscreenSurface(message.canvas, post, drawn);
  }
  return new TransferSurface(post);
}

async function pixelStream(): Promise<PixelStream> {
  try {
    const response = await fetch(new URL(zstdUrl, location.href));
    return await wasmPixelStream(await WebAssembly.compile(await response.arrayBuffer()));
  } catch {
    // WebAssembly is switched off in some hardened browsers.
    return scriptPixelStream();
  }
}

function drawn(number: number, frame: number, atMs: number): void {
  if (connection?.number === number) {
    connection.drawn(frame, atMs);
  }
}

async function open(message: ToWorker & { kind: "open" }): Promise<void> {
  newest = message.connection;
  const ready = await parts?.catch(() => undefined);
  if (newest === message.connection && ready !== undefined) {
    connection?.end("");
    connection = new Connection(message.connection, message.url, message.wanted, message.clipboard, ready);
  }
}

function measure(): void {
  if (connection !== undefined) {
    post({ kind: "measurements", measurements: connection.meter.take(connection.decoderName) });
  }
}

scope.onmessage = ({ data: message }) => {
  switch (message.kind) {
    case "begin":
      parts = begin(message);
      parts.catch(() => post({ kind: "unfit" }));
      break;
    case "open":
      void open(message);
      break;
    case "send":
      if (message.inputAtMs > 0) {
        connection?.meter.input(message.inputAtMs);
      }
      connection?.send(message.data);
      break;
    case "drawn":
      drawn(message.connection, message.frame, message.atMs);
      break;
    case "measure":
      measure();
      break;
    case "close":
      newest = 0;
      connection?.end("");
      connection = undefined;
      break;
  }
};
