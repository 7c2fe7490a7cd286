/** A person's choices, kept in the browser. Without storage they last as long as the page. */

const PREFIX = "porthole.";

/** Reads a choice; `fallback` when there is none or it is not one of `allowed`. */
export function choice<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
  try {
    const kept = localStorage.getItem(PREFIX + name);
    return allowed.find((value) => value === kept) ?? fallback;
  } catch {
    return fallback;
  }
}

/** Keeps a choice. */
export function keepChoice(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage is switched off: the choice holds for this page.
  }
}
