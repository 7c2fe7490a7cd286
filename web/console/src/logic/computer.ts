/** What may be done with a computer in its state, and how its states are shown. */

import type { Instance } from "@aws-sdk/client-lightsail";

/** Kinds of a state, as they are coloured. */
export type Tone = "success" | "stopped" | "in-progress" | "pending" | "error" | "info" | "warning";

const STATES: Readonly<Record<string, Tone>> = {
  pending: "in-progress",
  running: "success",
  stopping: "in-progress",
  "shutting-down": "in-progress",
  stopped: "stopped",
  terminated: "stopped",
  failed: "error",
};

/** The tone of a computer's state. */
export function toneOf(state: string | undefined): Tone {
  return STATES[state ?? ""] ?? "pending";
}

const SESSIONS: Readonly<Record<string, Tone>> = {
  started: "success",
  starting: "in-progress",
  stopping: "in-progress",
  settingUpInstance: "in-progress",
  startExpired: "warning",
  notStarted: "stopped",
  stopped: "stopped",
};

/** The tone of a session's status. */
export function sessionTone(status: string | undefined): Tone {
  return SESSIONS[status ?? ""] ?? (status?.startsWith("failed") === true ? "error" : "pending");
}

/** Tones of the states of disks and snapshots. */
export function storageTone(state: string | undefined): Tone {
  switch (state) {
    case "available":
    case "in-use":
    case "completed":
      return "success";
    case "error":
      return "error";
    case "unknown":
      return "warning";
    default:
      return "in-progress";
  }
}

/** The tone of an operation's status. */
export function operationTone(status: string | undefined): Tone {
  switch (status) {
    case "Succeeded":
    case "Completed":
      return "success";
    case "Failed":
      return "error";
    default:
      return "in-progress";
  }
}

/** What may be done. Stop and delete are accepted in every state, so that nothing gets stuck. */
export function allowed(
  state: string | undefined,
): Record<"start" | "stop" | "reboot" | "delete" | "open" | "snapshot", boolean> {
  return {
    start: state === "stopped",
    stop: state === "running" || state === "pending" || state === "stopping",
    reboot: state === "running",
    delete: true,
    open: state === "running" || state === "stopped" || state === "pending",
    snapshot: state === "running" || state === "stopped",
  };
}

/** Says whether a session has windows that a stop would close. */
export function mayHaveWindows(status: string | undefined): boolean {
  return status === "started" || status === "startExpired" || status === "starting";
}

/** The rule that stops a computer when nobody uses it. */
export interface IdleRule {
  /** Percent of the plan's processors. */
  threshold: number;
  minutes: number;
}

/** Reads the idle rule of a computer. */
export function idleRuleOf(instance: Instance): IdleRule | undefined {
  const rule = (instance.addOns ?? []).find(
    (addOn) => addOn.name === "StopInstanceOnIdle" && addOn.status !== "Disabled",
  );
  return rule === undefined ? undefined : { threshold: Number(rule.threshold), minutes: Number(rule.duration) };
}

/** The time of day at which a computer or disk is snapshotted by itself. */
export function autoSnapshotOf(of: { addOns?: Instance["addOns"] }): string | undefined {
  const rule = (of.addOns ?? []).find((addOn) => addOn.name === "AutoSnapshot" && addOn.status !== "Disabled");
  return rule?.snapshotTimeOfDay;
}

/** Gives a name that is not taken: `lab`, `lab-2`, `lab-3`. */
export function freeName(stem: string, taken: ReadonlySet<string>): string {
  const clean = stem
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  const base = clean.length < 2 ? "computer" : clean;
  for (let number = 1; ; number += 1) {
    const name = `${base}-${number}`;
    if (!taken.has(name)) {
      return name;
    }
  }
}

/** Says why a name will be refused; undefined when it will not. */
export function nameFault(name: string): "short" | "long" | "letters" | "ends" | undefined {
  if (name.length < 2) {
    return "short";
  }
  if (name.length > 255) {
    return "long";
  }
  if (!/^[A-Za-z0-9._-]+$/.test(name)) {
    return "letters";
  }
  return /^[A-Za-z0-9].*[A-Za-z0-9]$/.test(name) ? undefined : "ends";
}
