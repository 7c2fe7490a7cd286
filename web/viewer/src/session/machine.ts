/**
 * The page's life as a pure machine: events in, next state and deeds out. No clock, no network, no DOM.
 *
 * ```
 *             traded / asked            hello came
 *  Opening ───────────────▶ Connecting ───────────▶ Live
 *     │                      ▲  │                    │ stream closed
 *     │                timer │  │ stream closed      ▼
 *     │                      │  └──────────────▶ Asking ──┐ status started, starting: Waiting, then Connecting
 *     │                   Waiting ◀──────────────────┘    │ no answer: Waiting, then Asking
 *     │ refused                                           │ anything else
 *     └──────────────────────▶ Over ◀─────────────────────┘
 * ```
 */

import { type Entry, statusPathOf } from "./entry.ts";

/** Why a page shows no picture any more. */
export type OverReason = "ended" | "expired" | "stopped" | "invalid" | "taken" | "failed" | "outdated" | "disconnected";

/** Where the files of the remote computer are, and how large one may be. */
export interface FilesPlace {
  path: string;
  largestBytes: number;
}

/** What the page knows about the view it shows. */
export interface View {
  viewId: string;
  instanceName: string;
  display: string;
  role: "control" | "view";
  expiresAtMs: number;
  streamPath: string;
  statusPath: string;
  /** Nothing: this view may not use files. */
  files?: FilesPlace | undefined;
}

/** Answer of the status path. */
export interface Status {
  state: string;
  message: string;
  view: View;
}

export type State =
  | { kind: "opening"; entry: Entry; attempt: number }
  | { kind: "connecting"; view: View; attempt: number; seenLive: boolean }
  | { kind: "live"; view: View; attempt: number }
  | { kind: "asking"; view: View; attempt: number; seenLive: boolean }
  | { kind: "waiting"; view: View; attempt: number; seenLive: boolean; after: "connect" | "ask"; starting: boolean }
  | { kind: "over"; reason: OverReason; message: string; view: View | undefined };

export type Event =
  | { kind: "traded"; view: View }
  | { kind: "status"; status: Status }
  | { kind: "refused"; reason: string; message: string }
  | { kind: "unreachable" }
  | { kind: "hello" }
  | { kind: "closed" }
  | { kind: "goodbye"; reason: number; message: string }
  | { kind: "timer" }
  | { kind: "hurry" }
  | { kind: "disconnect" }
  | { kind: "reconnect" };

export type Deed =
  | { kind: "trade"; token: string }
  | { kind: "ask"; statusPath: string }
  | { kind: "connect"; view: View }
  | { kind: "hangUp" }
  | { kind: "wait"; delayMs: number }
  | { kind: "keepAddress"; viewId: string };

export interface Next {
  state: State;
  deeds: Deed[];
}

/** Reasons of a goodbye message; see docs/display-protocol.md. */
export const GOODBYE = { displayEnded: 1, version: 2, protocolError: 3, full: 4, agentEnds: 5 } as const;

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8_000;
/** A session that is starting is asked this often. */
const STARTING_DELAY_MS = 500;
/** A connection that lasted this long was a good one: the next try after it is not delayed. */
const STABLE_MS = 3_000;

/** Pause before the attempt with this number, 0 for the first. */
export function backoffMs(attempt: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 10));
}

/** State and deeds of a page that was just opened. */
export function begin(entry: Entry): Next {
  switch (entry.kind) {
    case "token":
      return { state: { kind: "opening", entry, attempt: 0 }, deeds: [{ kind: "trade", token: entry.token }] };
    case "view":
      return {
        state: { kind: "opening", entry, attempt: 0 },
        deeds: [{ kind: "ask", statusPath: statusPathOf(entry.viewId) }],
      };
    case "nothing":
      return over("invalid", "This address is not complete.", undefined);
  }
}

/** Gives the next state. Events that mean nothing in a state leave it as it is. */
export function next(state: State, event: Event): Next {
  if (event.kind === "disconnect" && state.kind !== "over") {
    return over("disconnected", "You closed this view. The session goes on.", viewOf(state));
  }
  switch (state.kind) {
    case "opening":
      return fromOpening(state, event);
    case "connecting":
    case "live":
      return fromStream(state, event);
    case "asking":
      return fromAsking(state, event);
    case "waiting":
      return fromWaiting(state, event);
    case "over":
      return fromOver(state, event);
  }
}

function fromOpening(state: State & { kind: "opening" }, event: Event): Next {
  switch (event.kind) {
    case "traded":
      return {
        state: { kind: "connecting", view: event.view, attempt: 0, seenLive: false },
        deeds: [
          { kind: "keepAddress", viewId: event.view.viewId },
          { kind: "connect", view: event.view },
        ],
      };
    case "status":
      return byStatus(event.status, 0, false);
    case "refused":
      return over(refusalReason(event.reason), event.message, undefined);
    case "unreachable":
      return {
        state: { ...state, attempt: state.attempt + 1 },
        deeds: [{ kind: "wait", delayMs: backoffMs(state.attempt) }],
      };
    case "timer":
    case "hurry":
      // The first try has not been answered yet when nothing has failed.
      return state.attempt === 0 ? stay(state) : { state, deeds: begin(state.entry).deeds };
    default:
      return stay(state);
  }
}

function fromStream(state: State & { kind: "connecting" | "live" }, event: Event): Next {
  const { view, attempt } = state;
  const seenLive = state.kind === "live" || state.seenLive;
  switch (event.kind) {
    case "hello":
      return { state: { kind: "live", view, attempt }, deeds: [{ kind: "wait", delayMs: STABLE_MS }] };
    case "timer":
      return state.kind === "live" ? stay({ ...state, attempt: 0 }) : stay(state);
    case "closed":
      return ask(view, attempt, seenLive);
    case "goodbye":
      return byGoodbye(view, event.reason, event.message, attempt, seenLive);
    default:
      return stay(state);
  }
}

function fromAsking(state: State & { kind: "asking" }, event: Event): Next {
  switch (event.kind) {
    case "status":
      return byStatus(event.status, state.attempt, state.seenLive);
    case "refused":
      return over(refusalReason(event.reason), event.message, state.view);
    case "unreachable":
      return {
        state: { ...state, kind: "waiting", attempt: state.attempt + 1, after: "ask", starting: false },
        deeds: [{ kind: "wait", delayMs: backoffMs(state.attempt) }],
      };
    default:
      return stay(state);
  }
}

function fromWaiting(state: State & { kind: "waiting" }, event: Event): Next {
  if (event.kind !== "timer" && event.kind !== "hurry") {
    return stay(state);
  }
  const { view, attempt, seenLive } = state;
  return state.after === "ask"
    ? ask(view, attempt, seenLive)
    : { state: { kind: "connecting", view, attempt, seenLive }, deeds: [{ kind: "connect", view }] };
}

function fromOver(state: State & { kind: "over" }, event: Event): Next {
  return event.kind === "reconnect" && state.view !== undefined ? ask(state.view, 0, false) : stay(state);
}

function ask(view: View, attempt: number, seenLive: boolean): Next {
  return {
    state: { kind: "asking", view, attempt, seenLive },
    deeds: [{ kind: "ask", statusPath: view.statusPath }],
  };
}

function byStatus(status: Status, attempt: number, seenLive: boolean): Next {
  const { state, message, view } = status;
  switch (state) {
    case "started": {
      if (attempt === 0) {
        return { state: { kind: "connecting", view, attempt: 1, seenLive }, deeds: [{ kind: "connect", view }] };
      }
      return wait(view, attempt + 1, seenLive, "connect", false, backoffMs(attempt - 1));
    }
    case "starting":
      return wait(view, 0, seenLive, "ask", true, STARTING_DELAY_MS);
    case "expired":
      return over("expired", message, view);
    case "stopped":
    case "stopping":
      return over("stopped", message, view);
    case "failed":
      return over("failed", message, view);
    default:
      return over("ended", message, view);
  }
}

function byGoodbye(view: View, reason: number, message: string, attempt: number, seenLive: boolean): Next {
  switch (reason) {
    case GOODBYE.version:
      return over("outdated", message, view);
    case GOODBYE.full:
      return over("taken", message, view);
    case GOODBYE.protocolError:
      return over("failed", message, view);
    default:
      // The display ended or the agent ends: the status says whether there is something to come back to, and the pause
      // grows with each try.
      return ask(view, Math.max(attempt, 1), seenLive);
  }
}

function wait(
  view: View,
  attempt: number,
  seenLive: boolean,
  after: "connect" | "ask",
  starting: boolean,
  delayMs: number,
): Next {
  return { state: { kind: "waiting", view, attempt, seenLive, after, starting }, deeds: [{ kind: "wait", delayMs }] };
}

function over(reason: OverReason, message: string, view: View | undefined): Next {
  return { state: { kind: "over", reason, message, view }, deeds: [{ kind: "hangUp" }] };
}

function stay(state: State): Next {
  return { state, deeds: [] };
}

function refusalReason(reason: string): OverReason {
  return reason === "ended" || reason === "expired" || reason === "stopped" ? reason : "invalid";
}

function viewOf(state: State): View | undefined {
  return state.kind === "opening" ? undefined : state.view;
}
