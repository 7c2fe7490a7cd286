/** Hears from the server that something changed, by one request that waits for it. */

import { AwayError, queryOf, reachable, SiteError, signedOut, site } from "../api/site.ts";
import { pauseAfter } from "../logic/pause.ts";
import { Value } from "./value.ts";

/** Goes up whenever what is shown may be out of date. */
export const tick = new Value(0);

/** The server answers after this long also when nothing changed. */
const LONGEST_ASK_S = 25;

/** Says that something was changed here, or may have changed meanwhile. */
export function nudge(): void {
  tick.set(tick.get() + 1);
}

/** Watches until the returned function is called. A page nobody looks at asks nothing. */
export function watchChanges(): () => void {
  const stopped = new AbortController();
  // Asking is how it shows whether a server can still be reached, as one on the same machine can.
  window.addEventListener("offline", nudge, { signal: stopped.signal });
  void loop(stopped.signal);
  return () => stopped.abort();
}

async function loop(signal: AbortSignal): Promise<void> {
  let since: string | undefined;
  let failures = 0;
  while (!signal.aborted && !signedOut.get()) {
    await visible(signal);
    try {
      const query = queryOf({ since, wait: since === undefined ? undefined : LONGEST_ASK_S });
      const { token, changed } = await site.get<{ token: string; changed: boolean }>(`changes${query}`, signal);
      if (failures > 0 || (since !== undefined && changed)) {
        nudge();
      }
      since = token;
      failures = 0;
    } catch (error) {
      if (signal.aborted || (error instanceof SiteError && error.status === 401)) {
        return;
      }
      failures += 1;
      if (error instanceof AwayError) {
        reachable.set(false);
      }
      await paused(pauseAfter(failures), signal);
    }
  }
}

/** Waits until the page is looked at. */
function visible(signal: AbortSignal): Promise<void> {
  if (document.visibilityState === "visible") {
    return Promise.resolve();
  }
  return new Promise((done) => {
    const look = (): void => {
      if (signal.aborted || document.visibilityState === "visible") {
        document.removeEventListener("visibilitychange", look);
        done();
      }
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look, { once: true });
  });
}

/** Waits, but no longer than until the browser says that there is a network again. */
function paused(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(end, durationMs);
    function end(): void {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      done();
    }
    window.addEventListener("online", end);
    signal.addEventListener("abort", end, { once: true });
  });
}
