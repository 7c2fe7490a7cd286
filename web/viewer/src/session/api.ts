/** The two requests of a page: trading a token for a cookie, and asking how the session is. */

import { statusPathOf } from "./entry.ts";
import type { Event, FilesPlace, Status, View } from "./machine.ts";

/** What the page needs of `fetch`. */
export type Fetch = (path: string, init: RequestInit) => Promise<Response>;

const REQUEST_TIMEOUT_MS = 5_000;
const REPLY_LIMIT_BYTES = 64 * 1024;

/** Trades a token for a cookie. Always gives an event, never throws. */
export async function trade(fetch: Fetch, token: string): Promise<Event> {
  const reply = await request(fetch, "/view/api/trade", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (reply === undefined) {
    return { kind: "unreachable" };
  }
  if (!reply.ok) {
    return refused(reply);
  }
  const view = viewOf(reply.body, textOf(reply.body, "viewId"));
  return view === undefined ? { kind: "unreachable" } : { kind: "traded", view };
}

/** Asks how the session of a view is. Always gives an event, never throws. */
export async function ask(fetch: Fetch, statusPath: string): Promise<Event> {
  const reply = await request(fetch, statusPath, { method: "GET" });
  if (reply === undefined) {
    return { kind: "unreachable" };
  }
  if (!reply.ok) {
    return refused(reply);
  }
  const viewId = /^\/view\/s\/([^/]+)\/status$/.exec(statusPath)?.[1] ?? "";
  const view = viewOf(reply.body, decodeURIComponent(viewId));
  const state = textOf(reply.body, "state");
  if (view === undefined || state === "") {
    return { kind: "unreachable" };
  }
  const status: Status = { state, message: textOf(reply.body, "message"), view };
  return { kind: "status", status };
}

interface Reply {
  ok: boolean;
  body: Record<string, unknown>;
}

/** Gives undefined when the server cannot be reached or is not itself (5xx, something else's page). */
async function request(fetch: Fetch, path: string, init: RequestInit): Promise<Reply | undefined> {
  try {
    const response = await fetch(path, {
      ...init,
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    if (response.status >= 500 || response.status === 429) {
      return undefined;
    }
    const text = await response.text();
    if (text.length > REPLY_LIMIT_BYTES) {
      return undefined;
    }
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      return undefined;
    }
    return { ok: response.ok, body: body as Record<string, unknown> };
  } catch {
    return undefined;
  }
}

function refused(reply: Reply): Event {
  return { kind: "refused", reason: textOf(reply.body, "reason"), message: textOf(reply.body, "message") };
}

function viewOf(body: Record<string, unknown>, viewId: string): View | undefined {
  const streamPath = textOf(body, "streamPath");
  if (viewId === "" || !streamPath.startsWith("/view/s/")) {
    return undefined;
  }
  const expiresAtMs = body.expiresAtMs;
  return {
    viewId,
    instanceName: textOf(body, "instanceName"),
    display: textOf(body, "display"),
    role: body.role === "view" ? "view" : "control",
    expiresAtMs: typeof expiresAtMs === "number" && Number.isFinite(expiresAtMs) ? expiresAtMs : 0,
    streamPath,
    statusPath: statusPathOf(viewId),
    files: filesOf(body),
  };
}

function filesOf(body: Record<string, unknown>): FilesPlace | undefined {
  const path = textOf(body, "filesPath");
  const largestBytes = body.largestFileBytes;
  return path.startsWith("/view/s/") && typeof largestBytes === "number" ? { path, largestBytes } : undefined;
}

function textOf(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  return typeof value === "string" ? value : "";
}
