/** What a folder of the remote computer holds, and how it is shown. Knows neither page nor network. */

/** Folder in the home that files go to when the person named none. */
export const DOWNLOADS = "Downloads";

export interface Entry {
  name: string;
  kind: "folder" | "file" | "other";
  sizeBytes: number;
  modifiedMs: number;
}

export interface Folder {
  entries: Entry[];
  /** There are more than are told. */
  more: boolean;
  freeBytes: number;
}

/** Reads a folder as the server tells it; undefined when it is not one. */
export function folderOf(body: unknown): Folder | undefined {
  if (!isRecord(body) || !Array.isArray(body.entries)) {
    return undefined;
  }
  const entries = body.entries.flatMap((entry: unknown): Entry[] => {
    if (!isRecord(entry) || typeof entry.name !== "string" || entry.name === "") {
      return [];
    }
    const kind = entry.kind === "folder" || entry.kind === "file" ? entry.kind : "other";
    return [{ name: entry.name, kind, sizeBytes: numberOf(entry.sizeBytes), modifiedMs: numberOf(entry.modifiedMs) }];
  });
  return { entries, more: body.more === true, freeBytes: numberOf(body.freeBytes) };
}

/** Entries in the order in which a person looks for them: folders first, then by name, 2 before 10. */
export function sorted(entries: readonly Entry[], hidden: boolean): Entry[] {
  const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  return entries
    .filter((entry) => hidden || !entry.name.startsWith("."))
    .sort((a, b) => Number(b.kind === "folder") - Number(a.kind === "folder") || order.compare(a.name, b.name));
}

/** The way from the home to a folder: a name and a path for each step. */
export function stepsOf(path: string): { name: string; path: string }[] {
  const parts = path === "" ? [] : path.split("/");
  const below = parts.map((name, index) => ({ name, path: parts.slice(0, index + 1).join("/") }));
  return [{ name: "Home", path: "" }, ...below];
}

/** Path of what lies in a folder. */
export function inside(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** A folder as a person calls it. */
export function called(path: string): string {
  return path === "" ? "the home folder" : path;
}

/** A size as a person reads it: three digits and a unit. */
export function sizeText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  // What would be written as 1000 of a unit is 1 of the next.
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 99.95 ? size.toFixed(0) : size.toFixed(1)} ${units[unit]}`;
}

/** How far a transfer is, in whole percent: 100 only when it is all there. */
export function percentOf(sentBytes: number, sizeBytes: number): number {
  return sizeBytes === 0 ? 0 : Math.min(99, Math.floor((sentBytes * 100) / sizeBytes));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
