/** When a shared link ends. */

/** What a person may choose. */
export type Ends = "hour" | "day" | "week" | "date";

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
/** A link lives no longer. */
const MOST_S = 7 * DAY_S;

/** Gives the end in seconds since the epoch; a date ends with its last second. Undefined when that cannot be. */
export function endOf(ends: Ends, date: string, nowMs: number): number | undefined {
  const now = Math.floor(nowMs / 1000);
  switch (ends) {
    case "hour":
      return now + HOUR_S;
    case "day":
      return now + DAY_S;
    case "week":
      // A minute less, so that the request's own way does not make it too long.
      return now + MOST_S - 60;
    case "date": {
      const end = Math.floor(new Date(`${date}T23:59:59`).getTime() / 1000);
      return Number.isFinite(end) && end > now && end <= now + MOST_S ? end : undefined;
    }
  }
}
