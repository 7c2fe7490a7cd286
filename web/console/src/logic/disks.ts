/** Paths and sizes of disks. */

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
