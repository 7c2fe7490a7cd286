/** Parts of the console that come when they are first shown. */

import { type ComponentType, lazy } from "react";

/** Pauses before the next tries, in milliseconds: a network may change several times before it rests. */
const PAUSES_MS = [200, 500, 1000, 2000, 4000];

/** Makes a component of a part that is loaded when it is first shown. A load that fails on its way is tried again. */
export function part<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  return lazy(async () => {
    for (const pause of PAUSES_MS) {
      try {
        return await load();
      } catch {
        await new Promise((next) => setTimeout(next, pause));
        await mendStyles();
      }
    }
    return load();
  });
}

/** Loads the stylesheets that failed once more: the bundler's own loader asks for each only once. */
async function mendStyles(): Promise<void> {
  const failed = [...document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]')].filter(
    (link) => link.sheet === null,
  );
  await Promise.all(failed.map(loadedAgain));
}

function loadedAgain(link: HTMLLinkElement): Promise<void> {
  const next = document.createElement("link");
  next.rel = "stylesheet";
  next.href = link.href;
  return new Promise((done) => {
    next.addEventListener("load", () => done(), { once: true });
    // Whether the part can do without it shows when the part is tried again.
    next.addEventListener("error", () => done(), { once: true });
    link.replaceWith(next);
  });
}
