/** Costs by thing and by day, and as a file of comma-separated values. */

import type { ResourceBudgetEstimate } from "@aws-sdk/client-lightsail";

/** What one thing cost on one day of UTC. */
export interface DayCost {
  resource: string;
  type: string;
  usage: string;
  /** The day, as `2026-01-31`. */
  day: string;
  /** Hours, or GB-months. */
  units: number;
  unit: string;
  usd: number;
}

/** Costs of one thing over all days. */
export interface ResourceCost {
  resource: string;
  type: string;
  hours: number;
  usd: number;
}

/** Reads what the API says. */
export function daysOf(estimates: readonly ResourceBudgetEstimate[]): DayCost[] {
  return estimates.flatMap((estimate) =>
    (estimate.costEstimates ?? []).flatMap((cost) =>
      (cost.resultsByTime ?? []).map((result) => ({
        resource: estimate.resourceName ?? "",
        type: estimate.resourceType ?? "",
        usage: cost.usageType ?? "",
        day: dayOf(result.timePeriod?.start ?? new Date(0)),
        units: result.unit ?? 0,
        unit: result.pricingUnit ?? "",
        usd: result.usageCost ?? 0,
      })),
    ),
  );
}

/** The day of UTC that a moment is on. */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** The moment at which the month of UTC began. */
export function monthStart(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
}

/** Adds everything up. */
export function total(days: readonly DayCost[]): number {
  return days.reduce((sum, day) => sum + day.usd, 0);
}

/** Sums by thing, dearest first. */
export function byResource(days: readonly DayCost[]): ResourceCost[] {
  const sums = new Map<string, ResourceCost>();
  for (const day of days) {
    const sum = sums.get(day.resource) ?? { resource: day.resource, type: day.type, hours: 0, usd: 0 };
    sum.usd += day.usd;
    sum.hours += day.unit === "Hrs" ? day.units : 0;
    sums.set(day.resource, sum);
  }
  return [...sums.values()].sort((one, other) => other.usd - one.usd || one.resource.localeCompare(other.resource));
}

/** Sums by day, oldest first; a day without costs is there too. */
export function byDay(days: readonly DayCost[], from: Date, to: Date): { day: string; usd: number }[] {
  const sums = new Map<string, number>();
  for (
    let at = Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate());
    at < to.getTime();
    at += 86_400_000
  ) {
    sums.set(dayOf(new Date(at)), 0);
  }
  for (const day of days) {
    sums.set(day.day, (sums.get(day.day) ?? 0) + day.usd);
  }
  return [...sums].map(([day, usd]) => ({ day, usd })).sort((one, other) => one.day.localeCompare(other.day));
}

/** Writes all days as a file of comma-separated values (RFC 4180). */
export function csvOf(days: readonly DayCost[]): string {
  const rows = days.map((day) => [
    day.day,
    day.resource,
    day.type,
    day.usage,
    day.units.toFixed(6),
    day.unit,
    day.usd.toFixed(6),
    "USD",
  ]);
  const head = ["day", "resource", "resource_type", "usage_type", "usage", "unit", "cost", "currency"];
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(content: string): string {
  // A spreadsheet would take a cell that begins so for a formula.
  const safe = /^[=+\-@\t\r]/.test(content) && !/^-?[\d.]+$/.test(content) ? `'${content}` : content;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
