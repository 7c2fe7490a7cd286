/** Listens to the hidden text field that has the keyboard's focus, and feeds keyboard, text and clipboard. */

import type { Keyboard, KeySink } from "./keyboard.ts";
import { type TextEvent, TextInput } from "./text-input.ts";

/** What the listener needs besides the keyboard. */
export interface KeyListenerParts {
  field: HTMLTextAreaElement;
  keyboard: Keyboard;
  sink: KeySink;
  /** The person pasted this text. */
  pasted(text: string): void;
  /** The person asked for the menu by its chord. */
  menu(): void;
  /** Keys must be let go: the page or the field lost the focus. */
  released(): void;
  /** An event that counts as a gesture happened, at this time stamp. */
  gesture(atMs: number): void;
}

/** Windows says within this time whether a Control is an AltGraph. */
const SETTLE_MS = 20;
/** A paste event follows its key event within this time. */
const PASTE_MS = 150;
/** Something to delete, so that on-screen keyboards report deleting. */
const FILLER = "\u200b\u200b";

/** Wires the events of a text field. */
export class KeyListener {
  private readonly text = new TextInput();
  private waitingPaste: { event: KeyboardEvent; timer: number } | undefined;
  private settleTimer: number | undefined;

  constructor(private readonly parts: KeyListenerParts) {
    const { field } = parts;
    field.value = FILLER;
    field.addEventListener("keydown", (event) => this.key(event));
    field.addEventListener("keyup", (event) => this.key(event));
    field.addEventListener("paste", (event) => this.paste(event));
    field.addEventListener("blur", () => this.release());
    for (const type of ["compositionstart", "compositionend", "beforeinput", "input"] as const) {
      field.addEventListener(type, (event) => this.textEvent(type, event));
    }
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") {
        this.release();
      }
    });
    window.addEventListener("blur", () => this.release());
    window.addEventListener("pagehide", () => this.release());
  }

  /** Sends what waits for a second event. Called before other input, so that the order stays. */
  settle(): void {
    window.clearTimeout(this.settleTimer);
    this.parts.keyboard.settle();
    this.flushPaste();
  }

  private key(event: KeyboardEvent): void {
    const { keyboard } = this.parts;
    if (isMenuChord(event)) {
      event.preventDefault();
      this.parts.menu();
      return;
    }
    this.flushPaste();
    if (isPaste(event)) {
      // The browser is let act: its paste event brings the text, without any permission.
      const timer = window.setTimeout(() => this.flushPaste(), PASTE_MS);
      this.waitingPaste = { event, timer };
      return;
    }
    if (keyboard.handle(event as KeyboardEvent & { type: "keydown" | "keyup" })) {
      event.preventDefault();
    }
    window.clearTimeout(this.settleTimer);
    if (keyboard.unsettled) {
      this.settleTimer = window.setTimeout(() => keyboard.settle(), SETTLE_MS);
    }
    this.parts.gesture(event.timeStamp);
  }

  private paste(event: ClipboardEvent): void {
    event.preventDefault();
    this.parts.pasted(event.clipboardData?.getData("text/plain") ?? "");
    this.flushPaste();
  }

  private flushPaste(): void {
    const waiting = this.waitingPaste;
    this.waitingPaste = undefined;
    if (waiting !== undefined) {
      window.clearTimeout(waiting.timer);
      this.parts.keyboard.handle(waiting.event as KeyboardEvent & { type: "keydown" });
      this.parts.gesture(waiting.event.timeStamp);
    }
  }

  private textEvent(type: TextEvent["type"], event: Event): void {
    const data = "data" in event && typeof event.data === "string" ? event.data : null;
    const inputType = "inputType" in event && typeof event.inputType === "string" ? event.inputType : "";
    const outcome = this.text.handle({ type, data, inputType });
    if (outcome.kind === "text") {
      this.typed(outcome.text);
    } else if (outcome.kind === "stroke") {
      event.preventDefault();
      this.parts.keyboard.stroke([outcome]);
    }
    if (type === "compositionend" || (type === "input" && !this.text.busy)) {
      const { field } = this.parts;
      field.value = FILLER;
      field.setSelectionRange(FILLER.length, FILLER.length);
    }
    if (outcome.kind !== "nothing") {
      this.parts.gesture(event.timeStamp);
    }
  }

  private typed(text: string): void {
    const { keyboard, sink } = this.parts;
    keyboard.settle();
    if (keyboard.virtualHeld) {
      // With an on-screen Ctrl held a letter is a shortcut, not text.
      for (const key of text) {
        keyboard.stroke([{ code: "", key }]);
      }
    } else {
      sink.text(text);
    }
  }

  private release(): void {
    window.clearTimeout(this.settleTimer);
    window.clearTimeout(this.waitingPaste?.timer);
    this.waitingPaste = undefined;
    this.parts.released();
  }
}

function isMenuChord(event: KeyboardEvent): boolean {
  return event.type === "keydown" && event.code === "KeyM" && event.ctrlKey && event.altKey && event.shiftKey;
}

function isPaste(event: KeyboardEvent): boolean {
  if (event.type !== "keydown" || event.isComposing || event.altKey) {
    return false;
  }
  const letter = event.key.toLowerCase() === "v" || (event.code === "KeyV" && event.key.charCodeAt(0) > 0x7f);
  const insert = event.key === "Insert" && event.shiftKey && !event.ctrlKey;
  return ((event.ctrlKey || event.metaKey) && letter) || insert || event.key === "Paste";
}
