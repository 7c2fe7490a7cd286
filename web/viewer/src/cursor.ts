/** The display's cursors as CSS cursors, so that the browser moves them without any delay. */

import type { Message } from "./display/protocol.ts";

/** Cursors by the slot they are kept in; the browser asks for nothing twice. */
export class Cursors {
  private readonly slots = new Map<number, string>();
  private shown = "default";

  constructor(
    private readonly target: HTMLElement,
    /** CSS pixels a pixel of the display has. */
    private readonly pixelSize: () => number,
  ) {}

  /** Takes a cursor message. */
  take(message: Message & { kind: "cursor" }): void {
    if (message.hidden) {
      this.show("none");
      return;
    }
    if (message.pixels !== undefined) {
      this.slots.set(message.slot, this.css(message, message.pixels));
    }
    this.show(this.slots.get(message.slot) ?? "default");
  }

  /** Forgets all cursors: another connection fills the slots anew. */
  clear(): void {
    this.slots.clear();
    this.show("default");
  }

  private show(css: string): void {
    if (css !== this.shown) {
      this.shown = css;
      this.target.style.cursor = css;
    }
  }

  private css(message: Message & { kind: "cursor" }, pixels: Uint8Array): string {
    const { width, height } = message;
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(pixels), width, height), 0, 0);
    const url = canvas.toDataURL("image/png");
    const size = this.pixelSize();
    const hotspot = `${Math.round(message.hotspotX * size)} ${Math.round(message.hotspotY * size)}`;
    // CSS cursors are measured in CSS pixels: on a dense screen the image says how dense it is.
    const image = size === 1 ? `url("${url}")` : `image-set(url("${url}") ${1 / size}x)`;
    return `${image} ${hotspot}, default`;
  }
}
