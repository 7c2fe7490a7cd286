/** What the page and its worker say to each other, and the times they agree on. */

import type { SharedMemory } from "./blit.ts";
import type { Message, Rect } from "./protocol.ts";

/** How pictures get from the decoder to the screen, best first. */
export type Rung = "shared" | "offscreen" | "transfer";

/** Size a viewer wants, in device pixels. */
export interface WantedSize {
  width: number;
  height: number;
  devicePixelRatio: number;
}

/** Page to worker. */
export type ToWorker =
  | { kind: "begin"; rung: Rung; canvas: OffscreenCanvas | undefined }
  | { kind: "open"; connection: number; url: string; wanted: WantedSize; clipboard: boolean }
  | { kind: "send"; data: ArrayBuffer; inputAtMs: number }
  | { kind: "drawn"; connection: number; frame: number; atMs: number }
  | { kind: "measure" }
  | { kind: "close" };

/** Pixels of one rectangle, on the way to a page that shares no memory with its worker. */
export interface Patch {
  rect: Rect;
  pixels: Uint8ClampedArray<ArrayBuffer>;
}

/** Figures of one connection since the last time they were asked for. */
export interface Measurements {
  frames: number;
  bytes: number;
  decodeMs: number;
  untilDrawnMs: number;
  /** Input to the frame that came next, median; undefined without a sample. */
  inputToDrawnMs: number | undefined;
  decoder: string;
}

/** Worker to page. */
export type ToPage =
  | { kind: "message"; connection: number; message: Exclude<Message, { kind: "frame" }> }
  | { kind: "memory"; memory: SharedMemory }
  | { kind: "wake" }
  /** This browser cannot do what the rung needs, whatever it says of itself. */
  | { kind: "unfit" }
  | { kind: "patches"; connection: number; frame: number; width: number; height: number; patches: Patch[] }
  | { kind: "drawn"; connection: number; width: number; height: number }
  | { kind: "measurements"; measurements: Measurements }
  | { kind: "closed"; connection: number; error: string };

/** Milliseconds since 1970, as precise as the browser allows and the same in page and worker. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
