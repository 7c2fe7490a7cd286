/** Counts what one connection does. Times are arguments. */

import type { Measurements } from "./channel.ts";

interface Pending {
  decodeUs: number;
  arrivedMs: number;
}

/** Samples of input to picture kept for the median. */
const SAMPLES = 31;

/** Meter of one connection: what is unacknowledged, and the figures that a person can ask for. */
export class Meter {
  private readonly pending = new Map<number, Pending>();
  private inputAtMs: number | undefined;
  private samples: number[] = [];
  private frames = 0;
  private bytes = 0;
  private decodeUs = 0;
  private untilDrawnMs = 0;

  /** A message came. */
  received(bytes: number): void {
    this.bytes += bytes;
  }

  /** Input was sent that the person made at this time. Only the first one before a frame counts. */
  input(atMs: number): void {
    this.inputAtMs ??= atMs;
  }

  /** A frame is in the picture and waits to be drawn. */
  framed(number: number, decodeUs: number, arrivedMs: number): void {
    this.pending.set(number, { decodeUs, arrivedMs });
  }

  /** A frame was drawn: gives what its acknowledgement says, or undefined when it was acknowledged before. */
  drawn(number: number, atMs: number): { decodeUs: number; untilDrawnUs: number } | undefined {
    const newest = this.pending.get(number);
    if (newest === undefined) {
      return undefined;
    }
    // Frames are kept in their order; those before the newest were drawn with it.
    for (const [earlier, { decodeUs, arrivedMs }] of this.pending) {
      this.pending.delete(earlier);
      this.frames += 1;
      this.decodeUs += decodeUs;
      this.untilDrawnMs += atMs - arrivedMs;
      if (this.inputAtMs !== undefined && arrivedMs > this.inputAtMs) {
        this.sample(atMs - this.inputAtMs);
      }
      if (earlier === number) {
        break;
      }
    }
    return { decodeUs: newest.decodeUs, untilDrawnUs: (atMs - newest.arrivedMs) * 1000 };
  }

  /** Gives the figures since the last call. */
  take(decoder: string): Measurements {
    const { frames, bytes } = this;
    const sorted = [...this.samples].sort((a, b) => a - b);
    const measurements = {
      frames,
      bytes,
      decodeMs: frames === 0 ? 0 : this.decodeUs / frames / 1000,
      untilDrawnMs: frames === 0 ? 0 : this.untilDrawnMs / frames,
      inputToDrawnMs: sorted[sorted.length >> 1],
      decoder,
    };
    this.frames = 0;
    this.bytes = 0;
    this.decodeUs = 0;
    this.untilDrawnMs = 0;
    return measurements;
  }

  private sample(ms: number): void {
    this.samples.push(ms);
    this.samples = this.samples.slice(-SAMPLES);
    this.inputAtMs = undefined;
  }
}
