/** Whether the page is as narrow as a phone. */

import { useSyncExternalStore } from "react";

const narrow = window.matchMedia("(max-width: 688px)");
const watch = (watcher: () => void): (() => void) => {
  narrow.addEventListener("change", watcher);
  return () => narrow.removeEventListener("change", watcher);
};

/** Says whether there is room for a few columns only. */
export function useNarrow(): boolean {
  return useSyncExternalStore(watch, () => narrow.matches);
}
