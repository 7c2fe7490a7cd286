import { describe, expect, test } from "vitest";
import { piecesOf, type TextEvent, TextInput } from "../src/input/text-input.ts";

/** Feeds events and gives the texts and strokes that came of them. */
function fed(...events: [TextEvent["type"], (string | null)?, string?][]): string[] {
  const input = new TextInput();
  return events.flatMap(([type, data = null, inputType = ""]) => {
    const outcome = input.handle({ type, data, inputType });
    return outcome.kind === "text" ? [outcome.text] : outcome.kind === "stroke" ? [`<${outcome.key}>`] : [];
  });
}

describe("composed text comes once", () => {
  test("Chromium: input events, then the end", () => {
    const events = fed(
      ["compositionstart"],
      ["input", "に", "insertCompositionText"],
      ["input", "日本", "insertCompositionText"],
      ["compositionend", "日本"],
    );
    expect(events).toEqual(["日本"]);
  });

  test("Firefox: an input event after the end", () => {
    const events = fed(["compositionstart"], ["compositionend", "é"], ["input", "é", "insertCompositionText"]);
    expect(events).toEqual(["é"]);
  });

  test("Safari: an input event before the end", () => {
    const events = fed(
      ["compositionstart"],
      ["beforeinput", null, "deleteCompositionText"],
      ["input", "ê", "insertFromComposition"],
      ["compositionend", "ê"],
    );
    expect(events).toEqual(["ê"]);
  });

  test("a composition that is given up says nothing", () => {
    expect(fed(["compositionstart"], ["compositionend", ""])).toEqual([]);
  });
});

describe("on-screen keyboards", () => {
  test("text and strokes without key events", () => {
    const events = fed(
      ["beforeinput", "a", "insertText"],
      ["input", "a", "insertText"],
      ["beforeinput", null, "deleteContentBackward"],
      ["beforeinput", null, "insertLineBreak"],
    );
    expect(events).toEqual(["a", "<Backspace>", "<Enter>"]);
  });

  test("deleting inside a composition is the input method's own business", () => {
    expect(fed(["compositionstart"], ["beforeinput", null, "deleteContentBackward"])).toEqual([]);
  });
});

describe("pieces", () => {
  test("are cut by bytes and never inside a character", () => {
    expect(piecesOf("", 4)).toEqual([]);
    expect(piecesOf("abcde", 4)).toEqual(["abcd", "e"]);
    expect(piecesOf("aéé", 4)).toEqual(["aé", "é"]);
    expect(piecesOf("a😀b", 4)).toEqual(["a", "😀", "b"]);
    const text = "ä€😀x".repeat(500);
    const pieces = piecesOf(text, 64);
    expect(pieces.join("")).toBe(text);
    expect(pieces.every((piece) => new TextEncoder().encode(piece).byteLength <= 64)).toBe(true);
  });
});
