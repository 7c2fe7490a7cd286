/**
 * What pages show of the server: loaded once for all who ask, loaded again when the server says that something
 * changed, and kept while it cannot be reached.
 */

import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import { tick } from "./changes.ts";

/** State of one query. */
export interface Loaded<T> {
  /** The last answer; undefined until there is one. */
  data: T | undefined;
  /** Why the last try failed; undefined when it did not. */
  error: unknown;
  /** Nothing has been answered yet. */
  loading: boolean;
  /** More is coming: `data` is the first part of a list. */
  partial: boolean;
}

/** A query of a component. */
export interface Live<T> extends Loaded<T> {
  /** Loads again. */
  reload(): void;
}

type Load<T> = (part: (value: T) => void) => Promise<T>;

const NOTHING: Loaded<never> = { data: undefined, error: undefined, loading: true, partial: false };
/** A query is loaded at most this often, and at most half the time. */
const LEAST_PAUSE_MS = 400;
/** What nobody shows any more is forgotten after this long. */
const KEPT_MS = 120_000;

class Query<T> {
  state: Loaded<T> = NOTHING;
  load: Load<T> | undefined;
  private readonly watchers = new Set<() => void>();
  private busy = false;
  private again = false;
  private notBefore = 0;
  private forgetting: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly forget: () => void) {}

  watch(watcher: () => void): () => void {
    clearTimeout(this.forgetting);
    this.watchers.add(watcher);
    return () => {
      this.watchers.delete(watcher);
      if (this.watchers.size === 0) {
        this.forgetting = setTimeout(this.forget, KEPT_MS);
      }
    };
  }

  /** Loads, or once more after what is being loaded. */
  refresh(): void {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    setTimeout(() => void this.run(), Math.max(0, this.notBefore - performance.now()));
  }

  private async run(): Promise<void> {
    const began = performance.now();
    this.again = false;
    try {
      const first = this.state.data === undefined;
      const part = (data: T): void => {
        if (first) {
          this.show({ data, error: undefined, loading: false, partial: true });
        }
      };
      const data = await this.load?.(part);
      this.show({ data, error: undefined, loading: false, partial: false });
    } catch (error) {
      this.show({ ...this.state, error, loading: false, partial: false });
    }
    const took = performance.now() - began;
    this.notBefore = performance.now() + Math.max(LEAST_PAUSE_MS, took);
    this.busy = false;
    if (this.again && this.watchers.size > 0) {
      this.refresh();
    }
  }

  private show(state: Loaded<T>): void {
    this.state = state;
    for (const watcher of [...this.watchers]) {
      watcher();
    }
  }
}

const queries = new Map<string, Query<unknown>>();

function queryOf<T>(key: string): Query<T> {
  let query = queries.get(key);
  if (query === undefined) {
    query = new Query<unknown>(() => queries.delete(key));
    queries.set(key, query);
  }
  return query as Query<T>;
}

/** Forgets everything, as when another person signs in. */
export function forgetAll(): void {
  queries.clear();
}

/**
 * Shows what `load` gives under a key that says what it is. Queries of one key share one answer. `everyMs` loads again
 * without being told to; `still` is for what the server's changes do not touch.
 */
export function useLive<T>(key: string, load: Load<T>, options: { everyMs?: number; still?: boolean } = {}): Live<T> {
  const query = queryOf<T>(key);
  const latest = useRef(load);
  latest.current = load;
  const { everyMs, still = false } = options;
  const state = useSyncExternalStore(
    useCallback((watcher) => query.watch(watcher), [query]),
    () => query.state,
  );
  useEffect(() => {
    query.load = (part) => latest.current(part);
    query.refresh();
    const stop = still ? undefined : tick.watch(() => query.refresh());
    const timer =
      everyMs === undefined
        ? undefined
        : setInterval(() => {
            if (document.visibilityState === "visible") {
              query.refresh();
            }
          }, everyMs);
    return () => {
      stop?.();
      clearInterval(timer);
    };
  }, [query, everyMs, still]);
  return { ...state, reload: () => query.refresh() };
}
