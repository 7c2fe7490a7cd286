/** Paths and sizes of disks, and what comes next on the way of one to its computer. */

/** Sizes that a disk may have, in GB. */
export const DISK_GB = { least: 8, most: 16_384 } as const;

/** Gives the first path that no disk of the computer has. */
export function freePath(taken: readonly string[]): string {
  const letters = new Set(taken.map((path) => path.slice(-1)));
  for (const letter of "fghijklmnopqrstuvwxyz") {
    if (!letters.has(letter)) {
      return `/dev/xvd${letter}`;
    }
  }
  return "/dev/xvdz";
}

/** Says whether a disk may have this size. */
export function isDiskSize(sizeGb: number): boolean {
  return Number.isInteger(sizeGb) && sizeGb >= DISK_GB.least && sizeGb <= DISK_GB.most;
}

/** A disk that was chosen with a computer. */
export interface ChosenDisk {
  name: string;
  sizeGb: number;
  zone: string;
  /** The computer it is for. */
  computer: string;
  /** When it was chosen, in milliseconds of this browser's clock. */
  sinceMs: number;
  /** It is there, or was: what is missing now was deleted. */
  made: boolean;
}

/** What is there of a chosen disk and its computer; undefined is what does not exist. */
export interface DiskSeen {
  computer: string | undefined;
  /** Something is under way on the computer. */
  busy: boolean;
  disk: { state: string; attachedTo: string | undefined } | undefined;
}

/** What comes next; nothing is left to do when it is attached or forgotten. */
export type DiskStep = "make" | "wait" | "attach" | "attached" | "forget";

/** How long a computer that was asked for may be unknown. */
const UNKNOWN_MS = 60_000;
/** A browser that comes back later than this finds a computer that others have used meanwhile. */
const LONGEST_MS = 24 * 3_600_000;

/** Decides. */
export function diskStep(chosen: ChosenDisk, seen: DiskSeen, nowMs: number): DiskStep {
  const age = nowMs - chosen.sinceMs;
  const { computer, disk } = seen;
  if (age > LONGEST_MS) {
    return "forget";
  }
  if (computer === undefined) {
    return age < UNKNOWN_MS ? "wait" : "forget";
  }
  if (computer === "shutting-down" || computer === "terminated") {
    return "forget";
  }
  if (disk === undefined) {
    return chosen.made ? "forget" : "make";
  }
  if (disk.attachedTo !== undefined) {
    return disk.attachedTo === chosen.computer ? "attached" : "forget";
  }
  if (disk.state === "error") {
    return "forget";
  }
  const ready = disk.state === "available" && (computer === "running" || computer === "stopped") && !seen.busy;
  return ready ? "attach" : "wait";
}
