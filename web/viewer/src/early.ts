/** What a page starts before its own script is there: the worker and the first request take as long as that does. */

import { ask } from "./session/api.ts";
import { entryOf, statusPathOf } from "./session/entry.ts";
import type { Event } from "./session/machine.ts";

/** How this page came to be opened. */
export const entry = entryOf(location);

/** The status of the view. A token is not traded here: it can be only once, by a page that is whole. */
export const firstAnswer: Promise<Event> | undefined =
  entry.kind === "view" ? ask((path, init) => fetch(path, init), statusPathOf(entry.viewId)) : undefined;

let worker: Worker | undefined = start();
worker.onerror = () => {
  // Nobody has heard this: the next one fails before somebody's ears.
  worker = undefined;
};

function start(): Worker {
  return new Worker(new URL("./display/worker.ts", import.meta.url), { type: "module", name: "display" });
}

/** A worker for a display: the one that was started early, or another one. */
export function displayWorker(): Worker {
  const taken = worker ?? start();
  worker = undefined;
  return taken;
}
