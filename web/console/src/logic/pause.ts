/** How long to wait before asking a server again that did not answer. */

const FIRST_MS = 1000;
const LONGEST_MS = 15_000;

/** Gives the pause before the next try after so many failures in a row. */
export function pauseAfter(failures: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
}
