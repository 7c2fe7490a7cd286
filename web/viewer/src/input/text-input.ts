/**
 * Text that comes without keys: input methods, dead keys, on-screen keyboards. Fed with the events of a hidden text
 * field; knows in which event each browser says the text for the last time.
 */

/** What of a composition or input event is looked at. */
export interface TextEvent {
  type: "compositionstart" | "compositionend" | "beforeinput" | "input";
  data: string | null;
  inputType: string;
}

/** What an event of the text field amounts to. */
export type TextOutcome =
  | { kind: "nothing" }
  | { kind: "text"; text: string }
  | { kind: "stroke"; code: string; key: string };

const NOTHING: TextOutcome = { kind: "nothing" };

const STROKES: ReadonlyMap<string, { code: string; key: string }> = new Map([
  ["deleteContentBackward", { code: "Backspace", key: "Backspace" }],
  ["deleteWordBackward", { code: "Backspace", key: "Backspace" }],
  ["deleteContentForward", { code: "Delete", key: "Delete" }],
  ["insertLineBreak", { code: "Enter", key: "Enter" }],
  ["insertParagraph", { code: "Enter", key: "Enter" }],
]);

/** Follows a hidden text field. */
export class TextInput {
  private composing = false;

  /** Takes one event and says what to send. The caller empties the field after every text. */
  handle(event: TextEvent): TextOutcome {
    switch (event.type) {
      case "compositionstart":
        this.composing = true;
        return NOTHING;
      case "compositionend":
        this.composing = false;
        return textOf(event.data);
      case "beforeinput": {
        const stroke = this.composing ? undefined : STROKES.get(event.inputType);
        return stroke === undefined ? NOTHING : { kind: "stroke", ...stroke };
      }
      case "input":
        // Composed text is taken from compositionend: Firefox repeats it in an input event afterwards, Safari before.
        return !this.composing && event.inputType === "insertText" ? textOf(event.data) : NOTHING;
    }
  }

  /** Says whether an input method is in the middle of a word. */
  get busy(): boolean {
    return this.composing;
  }
}

function textOf(data: string | null): TextOutcome {
  return data === null || data === "" ? NOTHING : { kind: "text", text: data };
}

/** Cuts text into pieces of at most `limitBytes` bytes of UTF-8, never inside a character. */
export function piecesOf(text: string, limitBytes: number): string[] {
  const pieces: string[] = [];
  let piece = "";
  let bytes = 0;
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    const size = codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
    if (bytes + size > limitBytes) {
      pieces.push(piece);
      piece = "";
      bytes = 0;
    }
    piece += character;
    bytes += size;
  }
  return piece === "" ? pieces : [...pieces, piece];
}
