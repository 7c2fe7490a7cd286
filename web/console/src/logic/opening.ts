/**
 * What to do next on the way from a click to a live desktop.
 *
 *     stopped ─start computer→ pending → running ─start session→ starting → started ─→ open
 *                                          ▲
 *       never started, stopped, expired, failed: one start, then what is wrong is said
 *
 * Pure: it gets what the server said and gives the next deed.
 */

/** What the server said last. */
export interface Seen {
  /** State of the computer. */
  state: string;
  /** Status of its session; empty while the computer does not run. */
  status: string;
  failureReason: string;
  /** The link to the wanted display, when there is one. */
  url: string | undefined;
  /** Displays of the session, when it is started. */
  displays: readonly string[];
}

/** What was done so far. */
export interface Done {
  startedComputer: boolean;
  startedSession: boolean;
}

/** What comes next. */
export type Next =
  | { does: "startComputer" }
  | { does: "startSession" }
  | { does: "wait"; stage: "computer" | "setup" | "session" | "stopping" }
  | { does: "open"; url: string }
  | { does: "fail"; why: "session" | "computer" | "display"; says: string };

/** Decides. */
export function nextOf(seen: Seen, done: Done): Next {
  switch (seen.state) {
    case "running":
      return session(seen, done);
    case "stopped":
      return done.startedComputer ? { does: "wait", stage: "computer" } : { does: "startComputer" };
    case "failed":
    case "terminated":
    case "shutting-down":
      return { does: "fail", why: "computer", says: seen.failureReason };
    default:
      return { does: "wait", stage: "computer" };
  }
}

function session(seen: Seen, done: Done): Next {
  switch (seen.status) {
    case "started":
      return seen.url === undefined
        ? { does: "fail", why: "display", says: seen.displays.join(", ") }
        : { does: "open", url: seen.url };
    case "settingUpInstance":
      return { does: "wait", stage: "setup" };
    case "starting":
      return { does: "wait", stage: "session" };
    case "stopping":
      return { does: "wait", stage: "stopping" };
    case "failedInstanceCreation":
      return { does: "fail", why: "computer", says: seen.failureReason };
    case "failedStartingGUISession":
      return done.startedSession
        ? { does: "fail", why: "session", says: seen.failureReason }
        : { does: "startSession" };
    default:
      // A start shows at once; what is not started after it was stopped by somebody else.
      return done.startedSession
        ? { does: "fail", why: "session", says: seen.failureReason }
        : { does: "startSession" };
  }
}
