import { describe, expect, test } from "vitest";
import { Keyboard, type KeyboardOptions, type KeyInput, type KeyMessage, MODIFIER } from "../src/input/keyboard.ts";
import { isCharacter, keysymOf, SCANCODES } from "../src/input/keys.ts";

interface Press {
  code: string;
  key: string;
  location?: number;
  repeat?: boolean;
  isComposing?: boolean;
  keyCode?: number;
}

/** A keyboard with the browser's modifier state beside it, so that events look as a browser makes them. */
class Typist {
  readonly messages: KeyMessage[] = [];
  readonly texts: string[] = [];
  readonly keyboard: Keyboard;
  /** What the browser reports as down. */
  readonly modifiers = new Set<string>();

  constructor(options: Partial<KeyboardOptions> = {}) {
    const sink = {
      key: (message: KeyMessage) => void this.messages.push(message),
      text: (text: string) => void this.texts.push(text),
    };
    this.keyboard = new Keyboard(sink, { platform: "other", command: "control", option: "characters", ...options });
  }

  event(type: "keydown" | "keyup", press: Press): boolean {
    const event: KeyInput = {
      type,
      location: 0,
      repeat: false,
      isComposing: false,
      keyCode: 0,
      ...press,
      getModifierState: (name) => this.modifiers.has(name),
    };
    return this.keyboard.handle(event);
  }

  down(code: string, key: string, more: Partial<Press> = {}): boolean {
    return this.event("keydown", { code, key, ...more });
  }

  up(code: string, key: string, more: Partial<Press> = {}): boolean {
    return this.event("keyup", { code, key, ...more });
  }

  /** Messages so far as `+keysym` and `-keysym`, then forgets them. */
  take(): string[] {
    const said = this.messages.map(
      ({ down, repeat, keysym }) => `${down ? "+" : "-"}${keysym.toString(16)}${repeat ? "r" : ""}`,
    );
    this.messages.length = 0;
    return said;
  }
}

const SHIFT = "ffe1";
const CONTROL = "ffe3";
const ALT = "ffe9";

describe("keysyms", () => {
  test.each([
    ["a", 0, 0x61],
    ["é", 0, 0xe9],
    ["€", 0, 0x010020ac],
    ["я", 0, 0x0100044f],
    ["😀", 0, 0x0101f600],
    ["Enter", 0, 0xff0d],
    ["Enter", 3, 0xff8d],
    ["7", 3, 0xffb7],
    ["Home", 3, 0xff95],
    [",", 3, 0x2c],
    ["Shift", 2, 0xffe2],
    ["Meta", 1, 0xffeb],
    ["F12", 0, 0xffc9],
    ["F24", 0, 0xffd5],
    ["AltGraph", 2, 0xfe03],
    ["Unidentified", 0, 0],
    ["Dead", 0, 0],
  ])("%s at %i is %i", (key, location, keysym) => {
    expect(keysymOf(key, location)).toBe(keysym);
  });

  test("scancodes are Linux input codes", () => {
    expect(SCANCODES.get("KeyA")).toBe(30);
    expect(SCANCODES.get("F24")).toBe(194);
    expect(SCANCODES.get("MetaRight")).toBe(126);
    expect([...SCANCODES.values()].every((code) => Number.isInteger(code) && code > 0)).toBe(true);
  });

  test("a key's name is no character", () => {
    expect(isCharacter("a")).toBe(true);
    expect(isCharacter("😀")).toBe(true);
    expect(isCharacter("Tab")).toBe(false);
    expect(isCharacter("")).toBe(false);
  });
});

describe("plain typing", () => {
  test("a key goes down and up with its place and meaning", () => {
    const typist = new Typist();
    expect(typist.down("KeyQ", "a")).toBe(true);
    expect(typist.up("KeyQ", "a")).toBe(true);
    expect(typist.messages).toEqual([
      { down: true, repeat: false, modifiers: 0, scancode: 16, keysym: 0x61 },
      { down: false, repeat: false, modifiers: 0, scancode: 16, keysym: 0x61 },
    ]);
  });

  test("a key goes up as what it went down as", () => {
    const typist = new Typist();
    typist.modifiers.add("Shift");
    typist.down("ShiftLeft", "Shift", { location: 1 });
    typist.down("Digit2", '"');
    typist.modifiers.delete("Shift");
    typist.up("ShiftLeft", "Shift", { location: 1 });
    typist.up("Digit2", "2");
    expect(typist.take()).toEqual([`+${SHIFT}`, "+22", `-${SHIFT}`, "-22"]);
  });

  test("repeats are marked, and a lost key-up is made good", () => {
    const typist = new Typist();
    typist.down("KeyA", "a");
    typist.down("KeyA", "a", { repeat: true });
    typist.down("KeyA", "a");
    expect(typist.take()).toEqual(["+61", "+61r", "-61", "+61"]);
  });

  test("a repeat of a modifier is not sent", () => {
    const typist = new Typist();
    typist.modifiers.add("Shift");
    typist.down("ShiftLeft", "Shift", { location: 1 });
    typist.down("ShiftLeft", "Shift", { location: 1, repeat: true });
    expect(typist.take()).toEqual([`+${SHIFT}`]);
  });

  test("caps lock and num lock stay here and are reported", () => {
    const typist = new Typist();
    expect(typist.down("CapsLock", "CapsLock")).toBe(true);
    typist.modifiers.add("CapsLock");
    typist.modifiers.add("NumLock");
    typist.down("KeyA", "A");
    expect(typist.messages).toEqual([
      { down: true, repeat: false, modifiers: MODIFIER.capsLock | MODIFIER.numLock, scancode: 30, keysym: 0x41 },
    ]);
  });

  test("a key without a place is struck at once", () => {
    const typist = new Typist();
    typist.down("", "x");
    expect(typist.take()).toEqual(["+78", "-78"]);
  });

  test("keys of several characters are sent as text", () => {
    const typist = new Typist();
    expect(typist.down("KeyB", "لا")).toBe(true);
    expect(typist.texts).toEqual(["لا"]);
  });

  test("print screen shows itself only when it is let go on Windows", () => {
    const typist = new Typist({ platform: "windows" });
    expect(typist.up("PrintScreen", "PrintScreen")).toBe(true);
    expect(typist.take()).toEqual(["+ff61", "-ff61"]);
  });
});

describe("input methods", () => {
  test("composing keys and dead keys are left to the browser", () => {
    const typist = new Typist();
    expect(typist.down("KeyA", "Process")).toBe(false);
    expect(typist.down("KeyA", "a", { isComposing: true })).toBe(false);
    expect(typist.down("KeyA", "a", { keyCode: 229 })).toBe(false);
    expect(typist.down("BracketLeft", "Dead")).toBe(false);
    expect(typist.up("BracketLeft", "Dead")).toBe(false);
    expect(typist.take()).toEqual([]);
  });

  test("the character after a dead key counts as a whole", () => {
    const typist = new Typist();
    typist.down("Quote", "Dead");
    expect(typist.down("KeyE", "é")).toBe(true);
    expect(typist.take()).toEqual(["+e9"]);
  });
});

describe("modifiers", () => {
  test("one that was let go elsewhere is let go here with the next event", () => {
    const typist = new Typist();
    typist.modifiers.add("Alt");
    typist.down("AltLeft", "Alt", { location: 1 });
    typist.modifiers.delete("Alt");
    typist.down("KeyA", "a");
    expect(typist.take()).toEqual([`+${ALT}`, `-${ALT}`, "+61"]);
  });

  test("one that went down elsewhere goes down before the key", () => {
    const typist = new Typist();
    typist.modifiers.add("Control");
    typist.down("KeyC", "c");
    typist.up("KeyC", "c");
    typist.modifiers.delete("Control");
    typist.up("ControlLeft", "Control", { location: 1 });
    expect(typist.take()).toEqual([`+${CONTROL}`, "+63", "-63", `-${CONTROL}`]);
  });

  test("everything is let go in reverse order when the focus is lost", () => {
    const typist = new Typist();
    typist.modifiers.add("Control");
    typist.modifiers.add("Shift");
    typist.down("ControlLeft", "Control", { location: 1 });
    typist.down("ShiftLeft", "Shift", { location: 1 });
    typist.down("KeyT", "T");
    typist.take();
    typist.keyboard.releaseAll();
    expect(typist.take()).toEqual(["-54", `-${SHIFT}`, `-${CONTROL}`]);
    typist.keyboard.releaseAll();
    expect(typist.take()).toEqual([]);
  });

  test("Alt with Shift is called Meta by X11 and stays Alt", () => {
    const typist = new Typist();
    typist.modifiers.add("Shift");
    typist.down("ShiftLeft", "Shift", { location: 1 });
    typist.modifiers.add("Alt");
    typist.down("AltLeft", "Meta", { location: 1 });
    typist.modifiers.delete("Shift");
    typist.up("ShiftLeft", "Shift", { location: 1 });
    typist.modifiers.delete("Alt");
    typist.up("AltLeft", "Alt", { location: 1 });
    expect(typist.take()).toEqual([`+${SHIFT}`, `+${ALT}`, `-${SHIFT}`, `-${ALT}`]);
  });

  test("with both Shifts down Windows reports one key-up", () => {
    const typist = new Typist({ platform: "windows" });
    typist.modifiers.add("Shift");
    typist.down("ShiftLeft", "Shift", { location: 1 });
    typist.down("ShiftRight", "Shift", { location: 2 });
    typist.modifiers.delete("Shift");
    typist.up("ShiftRight", "Shift", { location: 2 });
    expect(typist.take()).toEqual(["+ffe1", "+ffe2", "-ffe2", "-ffe1"]);
  });

  test("on-screen modifiers hold until they are let go", () => {
    const typist = new Typist();
    typist.keyboard.setVirtual("Control", true);
    typist.keyboard.setVirtual("Control", true);
    typist.down("KeyC", "c");
    expect(typist.messages.at(-1)?.modifiers).toBe(MODIFIER.control);
    typist.up("KeyC", "c");
    typist.keyboard.setVirtual("Control", false);
    expect(typist.take()).toEqual([`+${CONTROL}`, "+63", "-63", `-${CONTROL}`]);
  });

  test("a stroke of several keys nests them", () => {
    const typist = new Typist();
    typist.keyboard.stroke([
      { code: "ControlLeft", key: "Control" },
      { code: "AltLeft", key: "Alt" },
      { code: "Delete", key: "Delete" },
    ]);
    expect(typist.messages[2]?.modifiers).toBe(MODIFIER.control | MODIFIER.alt);
    expect(typist.take()).toEqual([`+${CONTROL}`, `+${ALT}`, "+ffff", "-ffff", `-${ALT}`, `-${CONTROL}`]);
  });
});

describe("shortcuts", () => {
  test.each([
    ["Russian Ctrl+С is Ctrl+C", "KeyC", "с", "+63"],
    ["Dvorak counts by meaning", "KeyK", "t", "+74"],
    ["German Ctrl+Ö stays", "Semicolon", "ö", "+f6"],
    ["caps lock does not count", "KeyC", "C", "+63"],
    ["a dead key counts by place", "BracketLeft", "Dead", "+5b"],
  ])("%s", (_name, code, key, said) => {
    const typist = new Typist();
    typist.modifiers.add("Control");
    typist.down("ControlLeft", "Control", { location: 1 });
    typist.down(code, key);
    expect(typist.take().at(-1)).toBe(said);
  });

  test("with Shift the letter is large", () => {
    const typist = new Typist();
    typist.modifiers.add("Control");
    typist.modifiers.add("Shift");
    typist.down("ControlLeft", "Control", { location: 1 });
    typist.down("ShiftLeft", "Shift", { location: 1 });
    typist.down("KeyC", "С");
    expect(typist.take().at(-1)).toBe("+43");
  });

  test("characters of other scripts are typed as they are without a modifier", () => {
    const typist = new Typist();
    typist.down("KeyC", "с");
    expect(typist.take()).toEqual(["+1000441"]);
  });
});

describe("AltGraph on Windows", () => {
  test("the Control that comes with it is dropped", () => {
    const typist = new Typist({ platform: "windows" });
    typist.modifiers.add("Control");
    expect(typist.down("ControlLeft", "Control", { location: 1 })).toBe(true);
    expect(typist.keyboard.unsettled).toBe(true);
    typist.modifiers.add("Alt");
    typist.modifiers.add("AltGraph");
    typist.down("AltRight", "AltGraph", { location: 2 });
    typist.down("KeyQ", "@");
    expect(typist.messages).toEqual([
      { down: true, repeat: false, modifiers: MODIFIER.altGraph, scancode: 16, keysym: 0x40 },
    ]);
    typist.up("KeyQ", "@");
    typist.modifiers.clear();
    typist.up("ControlLeft", "Control", { location: 1 });
    typist.up("AltRight", "AltGraph", { location: 2 });
    expect(typist.take()).toEqual(["+40", "-40"]);
  });

  test("a real Control goes out with the next key, or when it is let go, or after a moment", () => {
    const typist = new Typist({ platform: "windows" });
    typist.modifiers.add("Control");
    typist.down("ControlLeft", "Control", { location: 1 });
    typist.down("KeyC", "c");
    expect(typist.take()).toEqual([`+${CONTROL}`, "+63"]);
    typist.keyboard.releaseAll();
    typist.take();
    typist.down("ControlLeft", "Control", { location: 1 });
    typist.modifiers.clear();
    typist.up("ControlLeft", "Control", { location: 1 });
    expect(typist.take()).toEqual([`+${CONTROL}`, `-${CONTROL}`]);
    typist.modifiers.add("Control");
    typist.down("ControlLeft", "Control", { location: 1 });
    typist.keyboard.settle();
    expect(typist.take()).toEqual([`+${CONTROL}`]);
  });

  test("losing the focus forgets a Control that waits", () => {
    const typist = new Typist({ platform: "windows" });
    typist.modifiers.add("Control");
    typist.down("ControlLeft", "Control", { location: 1 });
    typist.keyboard.releaseAll();
    typist.keyboard.settle();
    expect(typist.take()).toEqual([]);
  });
});

describe("Apple keyboards", () => {
  test("Command is Control, and a key's lost key-up is made good", () => {
    const typist = new Typist({ platform: "mac" });
    typist.modifiers.add("Meta");
    typist.down("MetaLeft", "Meta", { location: 1 });
    typist.down("KeyC", "c");
    typist.modifiers.clear();
    typist.up("MetaLeft", "Meta", { location: 1 });
    expect(typist.take()).toEqual([`+${CONTROL}`, "+63", "-63", `-${CONTROL}`]);
  });

  test("Command can be Super", () => {
    const typist = new Typist({ platform: "mac", command: "super" });
    typist.modifiers.add("Meta");
    typist.down("MetaLeft", "Meta", { location: 1 });
    expect(typist.take()).toEqual(["+ffeb"]);
  });

  test("Option types characters, and is Alt for keys that have none", () => {
    const typist = new Typist({ platform: "mac" });
    typist.modifiers.add("Alt");
    typist.down("AltLeft", "Alt", { location: 1 });
    typist.down("KeyL", "@");
    typist.up("KeyL", "@");
    expect(typist.take()).toEqual(["+40", "-40"]);
    typist.down("ArrowLeft", "ArrowLeft");
    typist.up("ArrowLeft", "ArrowLeft");
    typist.modifiers.clear();
    typist.up("AltLeft", "Alt", { location: 1 });
    typist.down("KeyA", "a");
    expect(typist.take()).toEqual([`+${ALT}`, "+ff51", "-ff51", `-${ALT}`, "+61"]);
  });

  test("Option can be Alt", () => {
    const typist = new Typist({ platform: "mac", option: "alt" });
    typist.modifiers.add("Alt");
    typist.down("AltLeft", "Alt", { location: 1 });
    typist.down("KeyF", "ƒ");
    typist.down("KeyE", "Dead");
    expect(typist.take()).toEqual([`+${ALT}`, "+66", "+65"]);
  });
});
