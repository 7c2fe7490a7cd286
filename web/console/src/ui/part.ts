/** Parts of the console that come when they are first shown. */

import { type ComponentType, lazy } from "react";

/** Pause before the next try, in milliseconds, for a browser whose network has just changed. */
const AGAIN_MS = 200;

/** Pauses before the page is loaded anew, in milliseconds: a network may change several times before it rests. */
const ANEW_MS = [500, 1500, 4000];

/** So long the page counts how often it was loaded anew, in milliseconds: who comes later has all tries. */
const COUNTED_MS = 60_000;

/** When the page was loaded anew, in this tab. */
const KEPT = "porthole-loaded-anew";

/**
 * Makes a component of a part that is loaded when it is first shown. A load that fails on its way is tried again; then
 * the page is loaded anew, since browsers (Chromium 148) do not ask again for a module that failed.
 */
export function part<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  return lazy(async () => {
    try {
      return await load();
    } catch {
      await pause(AGAIN_MS);
      await mendStyles();
    }
    try {
      return await load();
    } catch (error) {
      await loadAnew();
      throw error;
    }
  });
}

/** Loads the page anew, once the server answers; comes back only if that is in vain. */
async function loadAnew(): Promise<void> {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]") as number[];
  const lately = kept.filter((at) => at > Date.now() - COUNTED_MS);
  for (const ms of ANEW_MS.slice(lately.length)) {
    await pause(ms);
    // Without an answer the browser would have nothing to show.
    const answer = await fetch(location.pathname, { cache: "no-store" }).catch(() => undefined);
    if (answer?.ok === true) {
      sessionStorage.setItem(KEPT, JSON.stringify([...lately, Date.now()]));
      location.reload();
      await new Promise(() => {});
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((next) => setTimeout(next, ms));
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
