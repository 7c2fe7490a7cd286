/** A value that parts of the page watch. */

import { useSyncExternalStore } from "react";

/** Holds one value and tells its watchers when it changes. */
export class Value<T> {
  private readonly watchers = new Set<() => void>();

  constructor(private current: T) {}

  /** Gives the value. */
  get = (): T => this.current;

  /** Changes the value. */
  set(next: T): void {
    if (!Object.is(next, this.current)) {
      this.current = next;
      for (const watcher of [...this.watchers]) {
        watcher();
      }
    }
  }

  /** Calls `watcher` after each change until the returned function is called. */
  watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };
}

/** Reads a value in a component, again after each change. */
export function useValue<T>(value: Value<T>): T {
  return useSyncExternalStore(value.watch, value.get);
}
