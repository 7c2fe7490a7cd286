/** Keeps in the browser which data disks have yet to come to their computers, by account: each under a name of its own. */

import type { ChosenDisk } from "./logic/disks.ts";

const prefixOf = (account: string): string => `porthole-console-disk ${account} `;

/** Gives those that pages of this browser have left. */
export function kept(account: string): ChosenDisk[] {
  try {
    const names = Object.keys(localStorage).filter((name) => name.startsWith(prefixOf(account)));
    return names.map((name) => JSON.parse(localStorage.getItem(name) ?? "") as ChosenDisk);
  } catch {
    return [];
  }
}

/** Keeps one, also in the place of how it was before. */
export function keep(account: string, chosen: ChosenDisk): void {
  try {
    localStorage.setItem(prefixOf(account) + chosen.name, JSON.stringify(chosen));
  } catch {
    // In a browser that keeps nothing the page has to stay open.
  }
}

/** Keeps one no longer. */
export function forget(account: string, chosen: ChosenDisk): void {
  try {
    localStorage.removeItem(prefixOf(account) + chosen.name);
  } catch {
    // Nothing was kept.
  }
}
