/** Numbers, sizes, times and sums as people read them. */

const LOCALE = "en-US";
const money = new Intl.NumberFormat(LOCALE, { style: "currency", currency: "USD" });
const finePrice = new Intl.NumberFormat(LOCALE, {
  style: "currency",
  currency: "USD",
  minimumFractionDigits: 2,
  maximumFractionDigits: 4,
});
const moment = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeZone: "UTC" });
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });

/** A sum in USD. */
export function usd(sum: number): string {
  return money.format(sum);
}

/** A price in USD, with the parts of a cent that prices of an hour have. */
export function price(sum: number): string {
  return finePrice.format(sum);
}

/** A point in time; a number is seconds since the epoch. */
export function when(at: Date | number | null | undefined): string {
  return at === null || at === undefined ? "–" : moment.format(dateOf(at));
}

/** A day of UTC. */
export function dayName(at: Date | number): string {
  return day.format(dateOf(at));
}

/** How far away a point in time is, in the largest unit that fits. */
export function ago(at: Date | number, nowMs = Date.now()): string {
  const seconds = (dateOf(at).getTime() - nowMs) / 1000;
  const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ];
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) {
      return relative.format(Math.trunc(seconds / length), unit);
    }
  }
  return relative.format(Math.trunc(seconds), "second");
}

/** A time that passes, in hours and minutes or minutes and seconds. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours > 0) {
    return `${hours} h ${minutes} min`;
  }
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

/** A size with a unit of 1024. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A share of a whole, rounded. */
export function percent(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.round((100 * part) / whole);
}

/** A name of code (`mark_running`, `StartGUISession`) as words. */
export function words(name: string): string {
  const spaced = name
    .replaceAll("_", " ")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1 $2");
  const lower = spaced.replaceAll(/\b[A-Z][a-z]+\b/g, (word) => word.toLowerCase()).trim();
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

function dateOf(at: Date | number): Date {
  return typeof at === "number" ? new Date(at * 1000) : at;
}
