/**
 * Keeps the clipboards of the person's computer and of the display the same, as far as the browser allows. No DOM: what
 * the browser can do is handed in.
 *
 * Text of the display goes to the local clipboard at once, or, where the browser wants a gesture for that, with the next
 * one. Local text goes to the display when the person pastes, which needs no permission anywhere, and when the page gets
 * the focus where reading is allowed without asking.
 */

/** What the clipboard needs. */
export interface ClipboardParts {
  /** Writes the local clipboard; rejects where the browser refuses. */
  writeLocal(text: string): Promise<void>;
  /** Reads the local clipboard if that is allowed without asking the person; undefined otherwise. */
  readLocal(): Promise<string | undefined>;
  /** Puts text on the display's clipboard. Returns false when it is too long. */
  send(text: string): boolean;
  /** Shows the display's text, and whether it still has to be fetched by hand. */
  show(text: string, waiting: boolean): void;
}

/** Clipboard of one viewer. */
export class ClipboardSync {
  /** Text that both sides have, so that nothing is sent in circles. */
  private shared: string | undefined;
  /** Text of the display that the browser has not let through yet. */
  private waiting: string | undefined;

  constructor(private readonly parts: ClipboardParts) {}

  /** The display has new text. */
  async fromDisplay(text: string): Promise<void> {
    if (text === this.shared) {
      return;
    }
    this.shared = text;
    this.waiting = text;
    await this.deliver();
  }

  /** The person did something, which opens the clipboard for a moment in some browsers. */
  async gesture(): Promise<void> {
    if (this.waiting !== undefined) {
      await this.deliver();
    }
  }

  /** The page got the focus. */
  async focus(): Promise<void> {
    const local = await this.parts.readLocal().catch(() => undefined);
    if (local !== undefined && local !== "" && local !== this.shared) {
      // Copied elsewhere while the page was away, so it is newer than what waits here, unless that came meanwhile.
      if (this.waiting === undefined) {
        this.toDisplay(local);
        return;
      }
    }
    await this.gesture();
  }

  /** The person pasted or handed over this text. Returns false when it is too long to be sent. */
  toDisplay(text: string): boolean {
    if (text === "" || text === this.shared) {
      return true;
    }
    if (!this.parts.send(text)) {
      return false;
    }
    this.shared = text;
    this.waiting = undefined;
    this.parts.show(text, false);
    return true;
  }

  /** A new connection: its display may hold other text. */
  forget(): void {
    this.shared = undefined;
    this.waiting = undefined;
  }

  private async deliver(): Promise<void> {
    const text = this.waiting;
    if (text === undefined) {
      return;
    }
    let delivered = true;
    await this.parts.writeLocal(text).catch(() => {
      delivered = false;
    });
    if (this.waiting === text) {
      this.waiting = delivered ? undefined : text;
      this.parts.show(text, !delivered);
    }
  }
}
