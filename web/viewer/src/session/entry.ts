/** How a page came to be opened, and where the status of its view is. */

export type Entry = { kind: "token"; token: string } | { kind: "view"; viewId: string } | { kind: "nothing" };

/** Reads from the page's address how it came to be opened. */
export function entryOf(location: { pathname: string; hash: string }): Entry {
  const token = new URLSearchParams(location.hash.replace(/^#/, "")).get("t");
  if (token !== null && token !== "") {
    return { kind: "token", token };
  }
  const viewId = /^\/view\/v\/([A-Za-z0-9_-]{1,128})\/?$/.exec(location.pathname)?.[1];
  return viewId === undefined ? { kind: "nothing" } : { kind: "view", viewId };
}

/** Path of a view's status, which the page knows from its own address. */
export function statusPathOf(viewId: string): string {
  return `/view/s/${encodeURIComponent(viewId)}/status`;
}
