/** The overlay with figures: what the viewer measures of itself, and what the display says of the way between them. */

import type { Measurements, Rung } from "../display/channel.ts";
import { RUNG_NAMES } from "../display/ladder.ts";
import type { Message } from "../display/protocol.ts";
import { element } from "./elements.ts";

/** What the overlay asks for. */
export interface StatisticsSource {
  readonly rung: Rung;
  measure(): void;
  ping(token: number): void;
}

const PERIOD_MS = 1000;

/** Overlay of one page. Asks only while it is open. */
export class Statistics {
  private readonly panel = element("statistics-panel", HTMLElement);
  private readonly list = element("statistics-list", HTMLElement);
  private readonly rows = new Map<string, HTMLElement>();
  private timer: number | undefined;
  private token = 0;
  private pingedMs = 0;
  private askedMs = 0;

  constructor(private readonly source: StatisticsSource) {}

  /** Opens or closes the overlay; says whether it is open. */
  toggle(): boolean {
    const open = this.panel.hidden !== false;
    this.panel.hidden = !open;
    if (open) {
      this.askedMs = performance.now();
      this.timer = window.setInterval(() => this.ask(), PERIOD_MS);
      this.row("Rung", RUNG_NAMES[this.source.rung]);
      this.ask();
    } else {
      window.clearInterval(this.timer);
    }
    return open;
  }

  /** The picture's size. */
  picture(size: { width: number; height: number }): void {
    if (!this.panel.hidden) {
      this.row("Picture", `${size.width} × ${size.height}`);
    }
  }

  /** Figures of the viewer. */
  measured(figures: Measurements): void {
    const seconds = Math.max(0.001, (performance.now() - this.askedMs) / 1000);
    this.askedMs = performance.now();
    this.row("Rung", RUNG_NAMES[this.source.rung]);
    this.row(
      "Input to picture",
      figures.inputToDrawnMs === undefined ? "–" : `${figures.inputToDrawnMs.toFixed(1)} ms`,
    );
    this.row("Frames", `${(figures.frames / seconds).toFixed(1)} /s`);
    this.row("Received", `${((figures.bytes * 8) / seconds / 1000).toFixed(0)} kbit/s`);
    this.row("Decoding", `${figures.decodeMs.toFixed(2)} ms`);
    this.row("Arrival to drawn", `${figures.untilDrawnMs.toFixed(1)} ms`);
    this.row("Decoder", figures.decoder);
  }

  /** Figures of the display. */
  pong(message: Message & { kind: "pong" }): void {
    if (message.token !== this.token) {
      return;
    }
    this.row("Round trip", `${(performance.now() - this.pingedMs).toFixed(1)} ms`);
    this.row("Frame to ack", `${(message.roundTripUs / 1000).toFixed(1)} ms`);
    const average = message.framesSent === 0 ? 0 : message.encodeUs / message.framesSent / 1000;
    this.row("Encoding", `${average.toFixed(2)} ms`);
    this.row("Rate of the way", message.rateKbps === 0 ? "–" : `${message.rateKbps} kbit/s`);
    this.row("Tiles not exact", String(message.tilesNotExact));
  }

  private ask(): void {
    this.source.measure();
    this.token = (this.token + 1) >>> 0;
    this.pingedMs = performance.now();
    this.source.ping(this.token);
  }

  private row(name: string, value: string): void {
    let cell = this.rows.get(name);
    if (cell === undefined) {
      const term = document.createElement("dt");
      term.textContent = name;
      cell = document.createElement("dd");
      this.list.append(term, cell);
      this.rows.set(name, cell);
    }
    cell.textContent = value;
  }
}
