/** What a person wrote into the fields of quotas, as a request. */

import type { Quotas } from "../api/types.ts";

/** Gives what changed: null takes the site's default again. Undefined when a field holds no whole number. */
export function quotaChanges(
  quotas: Quotas,
  written: Readonly<Record<string, string>>,
): Record<string, number | null> | undefined {
  const changes: Record<string, number | null> = {};
  for (const [name, content] of Object.entries(written)) {
    const before = quotas[name];
    if (content.trim() === "") {
      if (before?.isOwn === true) {
        changes[name] = null;
      }
      continue;
    }
    const value = Number(content);
    if (!Number.isInteger(value) || value < 0) {
      return undefined;
    }
    if (before === undefined || !before.isOwn || before.value !== value) {
      changes[name] = value;
    }
  }
  return changes;
}
