/** Addresses of pages: all in the fragment, so that the server knows one page. */

import { useSyncExternalStore } from "react";

/** A page's address. */
export interface Route {
  path: string[];
  query: URLSearchParams;
}

/** Reads a fragment. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "");
  return { path: parts.map(decoded), query: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Gives the link to a page. */
export function linkTo(...path: string[]): string {
  return `#/${path.map(encodeURIComponent).join("/")}`;
}

/** Goes to a page. */
export function go(...path: string[]): void {
  location.hash = linkTo(...path);
}

/** Goes to a page in the place of this one. */
export function replace(...path: string[]): void {
  location.replace(linkTo(...path));
}

const watch = (watcher: () => void): (() => void) => {
  window.addEventListener("hashchange", watcher);
  return () => window.removeEventListener("hashchange", watcher);
};

/** Gives the present page's address. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(watch, () => location.hash));
}
