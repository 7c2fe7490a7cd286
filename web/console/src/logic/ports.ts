/** Ranges of ports as people write and read them. */

const LAST = 65_535;

/** Reads `8888` or `8000-8010`; undefined when it is neither. */
export function portRange(written: string): { from: number; to: number } | undefined {
  const found = /^\s*(\d{1,5})\s*(?:[-–]\s*(\d{1,5})\s*)?$/.exec(written);
  if (found === null) {
    return undefined;
  }
  const from = Number(found[1]);
  const to = Number(found[2] ?? found[1]);
  return from <= to && to <= LAST ? { from, to } : undefined;
}

/** Writes a range. */
export function portsText(from: number | undefined, to: number | undefined, protocol: string | undefined): string {
  if (protocol === "icmp" || protocol === "icmpv6") {
    return "ICMP";
  }
  return from === to ? String(from ?? 0) : `${from ?? 0}–${to ?? LAST}`;
}

/** Gives who may reach a port; empty when everybody may. */
export function sourcesOf(port: { cidrs?: string[]; ipv6Cidrs?: string[]; cidrListAliases?: string[] }): string[] {
  const all = [...(port.cidrs ?? []), ...(port.ipv6Cidrs ?? []), ...(port.cidrListAliases ?? [])];
  return all.some((source) => source === "0.0.0.0/0") ? [] : all;
}
