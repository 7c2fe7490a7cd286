/** What a page says in each of its states: a title, one plain sentence, and what the person can do. */

import type { OverReason, State } from "../session/machine.ts";

/** What is shown over the picture; undefined while the picture is live. */
export interface Notice {
  title: string;
  text: string;
  action: { label: string; does: "hurry" | "reconnect" | "reload" } | undefined;
}

const OVER: Readonly<Record<OverReason, { title: string; text: string }>> = {
  stopped: {
    title: "This session has been stopped",
    text: "What ran in it has ended. To go on working, start a new session and open its new link.",
  },
  expired: {
    title: "This session's time is over",
    text: "Applications keep running. Start the session again for a new link to the same desktop.",
  },
  ended: {
    title: "This session has ended",
    text: "To go on working, start a new session and open its new link.",
  },
  invalid: {
    title: "This link does not work",
    text: "A link works until its session ends. Ask for a new one and open it whole.",
  },
  taken: {
    title: "Too many viewers",
    text: "This desktop has as many viewers as it can serve. Close one of them and connect again.",
  },
  failed: {
    title: "The session failed",
    text: "Start the session again for a new link.",
  },
  outdated: {
    title: "This page is out of date",
    text: "The server was updated. Reload the page to go on; the session has not changed.",
  },
  disconnected: {
    title: "Disconnected",
    text: "You closed this view. The session goes on.",
  },
};

/** Gives the notice of a state. `painted` says whether the connection has shown a picture. */
export function noticeOf(state: State, painted: boolean): Notice | undefined {
  switch (state.kind) {
    case "opening":
      return state.attempt === 0
        ? { title: "Opening", text: "", action: undefined }
        : {
            title: "Waiting for the server",
            text: "The server does not answer. The page tries again by itself.",
            action: { label: "Try now", does: "hurry" },
          };
    case "live":
      return painted ? undefined : { title: "Connecting", text: "", action: undefined };
    case "connecting":
    case "asking":
      return state.seenLive ? reconnecting() : { title: "Connecting", text: "", action: undefined };
    case "waiting":
      if (state.starting) {
        return {
          title: "The session is starting",
          text: "The desktop appears as soon as it is there.",
          action: undefined,
        };
      }
      return reconnecting();
    case "over":
      return over(state);
  }
}

function reconnecting(): Notice {
  return {
    title: "Reconnecting",
    text: "The connection was lost. The session goes on; the picture comes back by itself.",
    action: { label: "Try now", does: "hurry" },
  };
}

function over(state: State & { kind: "over" }): Notice {
  const { title, text } = OVER[state.reason];
  return { title, text: state.message === "" ? text : state.message, action: actionOf(state) };
}

function actionOf(state: State & { kind: "over" }): Notice["action"] {
  switch (state.reason) {
    case "outdated":
      return { label: "Reload", does: "reload" };
    case "disconnected":
    case "taken":
    case "failed":
      return state.view === undefined ? undefined : { label: "Connect again", does: "reconnect" };
    case "stopped":
    case "expired":
    case "ended":
    case "invalid":
      return undefined;
  }
}
