/** Which rung of the ladder a browser stands on. */

import type { Rung } from "./channel.ts";

/** What of the browser matters. */
export interface BrowserAbilities {
  /** The page is cross-origin isolated and has shared memory: needs https or loopback, and two response headers. */
  isolated: boolean;
  /** A canvas can be handed to a worker. */
  offscreen: boolean;
}

/** Names of the rungs, for a person. */
export const RUNG_NAMES: Readonly<Record<Rung, string>> = {
  shared: "1: shared memory, drawn by the page",
  offscreen: "2: drawn by the worker",
  transfer: "3: handed over to the page",
};

/** Looks at the browser. */
export function abilitiesOf(window: {
  crossOriginIsolated?: boolean;
  SharedArrayBuffer?: unknown;
  OffscreenCanvas?: unknown;
  HTMLCanvasElement: { prototype: object };
}): BrowserAbilities {
  return {
    isolated: window.crossOriginIsolated === true && window.SharedArrayBuffer !== undefined,
    offscreen:
      window.OffscreenCanvas !== undefined && "transferControlToOffscreen" in window.HTMLCanvasElement.prototype,
  };
}

/** The rungs a browser can try, best first; the last one always works. */
export function rungsOf(abilities: BrowserAbilities): Rung[] {
  const rungs: Rung[] = [];
  if (abilities.isolated) {
    rungs.push("shared");
  }
  if (abilities.offscreen) {
    rungs.push("offscreen");
  }
  return [...rungs, "transfer"];
}
