/** The browser's clipboard, by whichever interface it has. */

interface ClipboardPermission {
  query(descriptor: { name: string }): Promise<{ state: string }>;
}

/** Writes text to the local clipboard; rejects where the browser refuses. */
export async function writeLocal(text: string): Promise<void> {
  const clipboard: Clipboard | undefined = navigator.clipboard;
  if (clipboard !== undefined) {
    await clipboard.writeText(text);
  } else if (!copyByCommand(text)) {
    throw new Error("the browser refuses to copy");
  }
}

/** Reads the local clipboard if that is allowed without asking the person. */
export async function readLocal(): Promise<string | undefined> {
  const clipboard: Clipboard | undefined = navigator.clipboard;
  if (clipboard?.readText === undefined || !document.hasFocus()) {
    return undefined;
  }
  const permissions = navigator.permissions as unknown as ClipboardPermission | undefined;
  // Browsers without this permission would ask with a bubble each time.
  const permission = await permissions?.query({ name: "clipboard-read" }).catch(() => undefined);
  return permission?.state === "granted" ? clipboard.readText() : undefined;
}

/** The old way, the only one on plain-HTTP origins; works inside a gesture. */
function copyByCommand(text: string): boolean {
  const listener = (event: ClipboardEvent): void => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  document.addEventListener("copy", listener, { capture: true });
  try {
    return document.execCommand("copy");
  } finally {
    document.removeEventListener("copy", listener, { capture: true });
  }
}
