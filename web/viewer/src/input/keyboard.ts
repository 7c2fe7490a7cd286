/**
 * Turns browser key events into key messages. No DOM and no clock: events come in as plain values, so that layouts,
 * lost key-ups and platform quirks are tested one by one.
 *
 * A key is sent with its place (scancode) and its meaning (keysym); the display makes the meaning appear whatever its
 * own layout is. Four rules keep that honest:
 * - What went down is remembered by its place and goes up with the same values, whatever the event says by then.
 * - Modifiers are compared with what the browser reports at every event; one that was let go elsewhere is let go here.
 * - Caps lock, num lock and AltGraph only change what characters come out, so they stay local.
 * - Dead keys and input methods are left to the browser; their text comes by `TextInput`.
 */

import { isCharacter, keysymOf, SCANCODES, usCharacter } from "./keys.ts";

/** What of a `KeyboardEvent` is looked at. */
export interface KeyInput {
  type: "keydown" | "keyup";
  code: string;
  key: string;
  location: number;
  repeat: boolean;
  isComposing: boolean;
  keyCode: number;
  getModifierState(name: string): boolean;
}

/** Which conventions the person's keyboard follows. */
export type Platform = "mac" | "windows" | "other";

/** Choices a person can make; they matter on Apple keyboards only. */
export interface KeyboardOptions {
  platform: Platform;
  /** What the Command key does: `control` makes ⌘C copy in the remote desktop. */
  command: "control" | "super";
  /** What the Option key does: types the characters printed by the local layout, or acts as Alt. */
  option: "characters" | "alt";
}

/** A key message, ready to be encoded. */
export interface KeyMessage {
  down: boolean;
  repeat: boolean;
  modifiers: number;
  scancode: number;
  keysym: number;
}

/** Takes what the keyboard produces. */
export interface KeySink {
  key(message: KeyMessage): void;
  text(text: string): void;
}

/** Bits of a key message's modifiers. */
export const MODIFIER = { shift: 1, control: 2, alt: 4, meta: 8, altGraph: 16, capsLock: 32, numLock: 64 } as const;

interface Held {
  scancode: number;
  keysym: number;
  modifier: number;
}

/** A modifier key by its `KeyboardEvent.key`. */
export type ModifierName = "Shift" | "Control" | "Alt" | "Meta";

const MODIFIER_BITS: Readonly<Record<ModifierName, number>> = {
  Shift: MODIFIER.shift,
  Control: MODIFIER.control,
  Alt: MODIFIER.alt,
  Meta: MODIFIER.meta,
};
const MODIFIER_NAMES = Object.keys(MODIFIER_BITS) as ModifierName[];

const SCANCODE = { controlLeft: 29, shiftLeft: 42, altLeft: 56, metaLeft: 125 } as const;
const VIRTUAL: Readonly<Record<ModifierName, Held>> = {
  Shift: { scancode: SCANCODE.shiftLeft, keysym: 0xffe1, modifier: MODIFIER.shift },
  Control: { scancode: SCANCODE.controlLeft, keysym: 0xffe3, modifier: MODIFIER.control },
  Alt: { scancode: SCANCODE.altLeft, keysym: 0xffe9, modifier: MODIFIER.alt },
  Meta: { scancode: SCANCODE.metaLeft, keysym: 0xffeb, modifier: MODIFIER.meta },
};

const COMPOSING_KEY_CODE = 229;
/** Keys that only say "down" on some systems; they are sent as a stroke. */
const STROKE_KEYS = new Set([
  "ZenkakuHankaku",
  "Zenkaku",
  "Hankaku",
  "KanaMode",
  "Hiragana",
  "Katakana",
  "Romaji",
  "Alphanumeric",
]);
const LOCAL_KEYS = new Set(["CapsLock", "NumLock", "AltGraph"]);

/** Keyboard state of one viewer. */
export class Keyboard {
  /** Keys that are down in the display, by place, in the order in which they went down. */
  private readonly held = new Map<string, Held>();
  /** Windows reports AltGraph as a left Control first; it waits here until the next event tells which it is. */
  private pendingControl: KeyInput | undefined;

  constructor(
    private readonly sink: KeySink,
    public options: KeyboardOptions,
  ) {}

  /**
   * Takes one event. Returns true when it was used up, so that the browser must not act on it; false when the browser
   * shall go on (to compose a character, for instance).
   */
  handle(event: KeyInput): boolean {
    if (event.isComposing || event.keyCode === COMPOSING_KEY_CODE || event.key === "Process") {
      return false;
    }
    return event.type === "keydown" ? this.down(event) : this.up(event);
  }

  /** Sends what was waiting for a second event. Called before other input and some milliseconds after a key. */
  settle(): void {
    const waiting = this.pendingControl;
    this.pendingControl = undefined;
    if (waiting !== undefined) {
      this.press(waiting, keysymOf(waiting.key, waiting.location), MODIFIER.control);
    }
  }

  /** Says whether a key waits for the next event. */
  get unsettled(): boolean {
    return this.pendingControl !== undefined;
  }

  /** Lets every key go, last pressed first. Called when the page loses the focus. */
  releaseAll(): void {
    this.pendingControl = undefined;
    for (const place of [...this.held.keys()].reverse()) {
      this.release(place);
    }
  }

  /** Presses or lets go a modifier that no physical key holds (on-screen keys). */
  setVirtual(name: ModifierName, down: boolean): void {
    const place = `Virtual${name}`;
    if (down && !this.held.has(place)) {
      this.send(true, false, VIRTUAL[name]);
      this.held.set(place, VIRTUAL[name]);
    } else if (!down) {
      this.release(place);
    }
  }

  /** Says whether a modifier is down in the display. */
  holds(name: ModifierName): boolean {
    return (this.heldModifiers() & MODIFIER_BITS[name]) !== 0;
  }

  /** Says whether an on-screen modifier is held. */
  get virtualHeld(): boolean {
    return MODIFIER_NAMES.some((name) => this.held.has(`Virtual${name}`));
  }

  /** Presses keys one after the other and lets them go in reverse, as a person does for Ctrl+Alt+Del. */
  stroke(keys: readonly { code: string; key: string; location?: number }[]): void {
    this.settle();
    const strokes = keys.map(({ code, key, location = 0 }) => ({
      scancode: SCANCODES.get(code) ?? 0,
      keysym: keysymOf(key, location),
      modifier: MODIFIER_BITS[key as ModifierName] ?? 0,
    }));
    let extra = 0;
    for (const held of strokes) {
      extra |= held.modifier;
      this.send(true, false, held, extra);
    }
    for (const held of strokes.reverse()) {
      extra &= ~held.modifier;
      this.send(false, false, held, extra);
    }
  }

  private down(event: KeyInput): boolean {
    if (this.pendingControl !== undefined) {
      if (event.code === "AltRight" && event.key === "AltGraph") {
        this.pendingControl = undefined;
      } else {
        this.settle();
      }
    }
    this.synchronize(event);
    if (LOCAL_KEYS.has(event.key)) {
      return true;
    }
    if (event.key === "Dead" && !this.shortcut()) {
      return false;
    }
    if (event.code === "ControlLeft" && this.options.platform === "windows" && !event.repeat) {
      if (!this.held.has("ControlLeft")) {
        this.pendingControl = event;
      }
      return true;
    }
    const name = modifierOf(event);
    return name === undefined ? this.keyDown(event) : this.modifierDown(event, name);
  }

  private modifierDown(event: KeyInput, name: ModifierName): boolean {
    const mac = this.options.platform === "mac";
    if (mac && name === "Alt" && this.options.option === "characters") {
      return true;
    }
    if (mac && name === "Meta" && this.options.command === "control") {
      this.press(event, keysymOf("Control", event.location), MODIFIER.control);
      return true;
    }
    this.press(event, keysymOf(name, event.location), MODIFIER_BITS[name]);
    return true;
  }

  private keyDown(event: KeyInput): boolean {
    this.followOption(event);
    const keysym = this.meaning(event);
    if (keysym === 0) {
      return this.unnamed(event);
    }
    const place = placeOf(event);
    if (place === "" || STROKE_KEYS.has(event.key) || this.keyUpIsLost(event)) {
      const held = { scancode: SCANCODES.get(event.code) ?? 0, keysym, modifier: 0 };
      this.send(true, event.repeat, held);
      this.send(false, false, held);
      return true;
    }
    this.press(event, keysym, 0);
    return true;
  }

  /** macOS does not report the key-up of keys that were struck while Command was down. */
  private keyUpIsLost(event: KeyInput): boolean {
    return this.options.platform === "mac" && event.getModifierState("Meta");
  }

  /** A key whose meaning is no keysym: several characters at once, or nothing the browser has a name for. */
  private unnamed(event: KeyInput): boolean {
    if (event.key.length > 1 && !/^[A-Z][A-Za-z0-9]+$/.test(event.key)) {
      this.sink.text(event.key);
      return true;
    }
    if (event.key === "Unidentified" || !SCANCODES.has(event.code)) {
      return false;
    }
    this.press(event, 0, 0);
    return true;
  }

  private up(event: KeyInput): boolean {
    const place = placeOf(event);
    if (place === "ControlLeft") {
      this.settle();
    }
    if (event.key === "PrintScreen" && !this.held.has(place)) {
      const held = { scancode: SCANCODES.get("PrintScreen") ?? 0, keysym: keysymOf("PrintScreen", 0), modifier: 0 };
      this.send(true, false, held);
      this.send(false, false, held);
      return true;
    }
    const known = this.held.has(place);
    this.release(place);
    if (event.code === "ShiftLeft" || event.code === "ShiftRight") {
      this.otherShift(event);
    }
    return known || LOCAL_KEYS.has(event.key);
  }

  /** With both Shift keys down Windows reports only the last one's key-up. */
  private otherShift(event: KeyInput): void {
    if (this.options.platform === "windows") {
      this.release(event.code === "ShiftLeft" ? "ShiftRight" : "ShiftLeft");
    }
  }

  /** Option typed characters so far; with a key that has none it is an Alt (⌥F4, ⌥←). */
  private followOption(event: KeyInput): void {
    if (this.options.platform !== "mac" || this.options.option !== "characters") {
      return;
    }
    const wanted = event.getModifierState("Alt") && !isCharacter(event.key) && event.key !== "Dead";
    const place = "OptionAsAlt";
    if (wanted && !this.held.has(place)) {
      this.send(true, false, VIRTUAL.Alt);
      this.held.set(place, VIRTUAL.Alt);
    } else if (!wanted) {
      this.release(place);
    }
  }

  private meaning(event: KeyInput): number {
    const { key, code, location } = event;
    const shift = event.getModifierState("Shift");
    const optionIsAlt =
      this.options.platform === "mac" && this.options.option === "alt" && event.getModifierState("Alt");
    if (optionIsAlt && (isCharacter(key) || key === "Dead")) {
      const character = usCharacter(code, shift) ?? key;
      return keysymOf(character, location);
    }
    if (this.shortcut() && (isCharacter(key) || key === "Dead") && location === 0) {
      return keysymOf(shortcutCharacter(key, code, shift), location);
    }
    return keysymOf(key, location);
  }

  /** Says whether a modifier is down that turns characters into commands. */
  private shortcut(): boolean {
    return (this.heldModifiers() & (MODIFIER.control | MODIFIER.alt | MODIFIER.meta)) !== 0;
  }

  /** Brings the display's modifiers in line with what the browser says is down. */
  private synchronize(event: KeyInput): void {
    const own = modifierOf(event);
    const mac = this.options.platform === "mac";
    const altGraph = event.getModifierState("AltGraph");
    for (const name of MODIFIER_NAMES) {
      if (name === own || (altGraph && (name === "Control" || name === "Alt"))) {
        continue;
      }
      const places = [`${name}Left`, `${name}Right`];
      const down = event.getModifierState(name);
      if (!down) {
        for (const place of places) {
          this.release(place);
        }
        if (name === "Alt") {
          this.release("OptionAsAlt");
        }
      } else if (own === undefined && !places.some((place) => this.held.has(place)) && !LOCAL_KEYS.has(event.key)) {
        this.holdUnseen(name, mac);
      }
    }
  }

  /** A modifier went down before the page had the focus: it goes down here under the left key's place. */
  private holdUnseen(name: ModifierName, mac: boolean): void {
    if (mac && name === "Alt" && this.options.option === "characters") {
      return;
    }
    const held = mac && name === "Meta" && this.options.command === "control" ? VIRTUAL.Control : VIRTUAL[name];
    this.send(true, false, held, held.modifier);
    this.held.set(`${name}Left`, held);
  }

  private press(event: KeyInput, keysym: number, modifier: number): void {
    const place = placeOf(event);
    const before = this.held.get(place);
    if (before !== undefined && !(event.repeat && before.keysym === keysym)) {
      this.release(place);
    }
    const held = before ?? { scancode: SCANCODES.get(event.code) ?? 0, keysym, modifier };
    const now = { ...held, keysym, modifier };
    if (modifier !== 0 && before !== undefined && event.repeat) {
      return;
    }
    this.held.set(place, now);
    this.sink.key({
      down: true,
      repeat: event.repeat && before !== undefined,
      modifiers: this.modifiers(event),
      scancode: now.scancode,
      keysym,
    });
  }

  private release(place: string): void {
    const held = this.held.get(place);
    if (held !== undefined) {
      this.held.delete(place);
      this.send(false, false, held);
    }
  }

  private send(down: boolean, repeat: boolean, held: Held, extra = 0): void {
    const modifiers = this.heldModifiers() | extra;
    this.sink.key({ down, repeat, modifiers, scancode: held.scancode, keysym: held.keysym });
  }

  private heldModifiers(): number {
    let bits = 0;
    for (const held of this.held.values()) {
      bits |= held.modifier;
    }
    return bits;
  }

  private modifiers(event: KeyInput): number {
    let bits = this.heldModifiers();
    bits |= event.getModifierState("AltGraph") ? MODIFIER.altGraph : 0;
    bits |= event.getModifierState("CapsLock") ? MODIFIER.capsLock : 0;
    bits |= event.getModifierState("NumLock") ? MODIFIER.numLock : 0;
    return bits;
  }
}

function placeOf(event: KeyInput): string {
  return event.code === "OSLeft" ? "MetaLeft" : event.code === "OSRight" ? "MetaRight" : event.code;
}

/** Which modifier the key itself is. X11 browsers call Alt "Meta" while Shift is down; its place does not change. */
function modifierOf(event: KeyInput): ModifierName | undefined {
  const name = event.key === "OS" || event.key === "Super" ? "Meta" : event.key;
  if (name === "Meta" && event.code.startsWith("Alt")) {
    return "Alt";
  }
  return MODIFIER_NAMES.find((known) => known === name);
}

/**
 * Character of a shortcut. Latin letters count by meaning, so that Ctrl+A is where the person's layout has the A; any
 * other script counts by place, so that Ctrl+C works on a Russian keyboard. Caps lock does not count.
 */
function shortcutCharacter(key: string, code: string, shift: boolean): string {
  if (!isCharacter(key) || !/[\x20-\x7e\p{Script=Latin}]/u.test(key)) {
    return usCharacter(code, shift) ?? key;
  }
  const cased = shift ? key.toUpperCase() : key.toLowerCase();
  return isCharacter(cased) ? cased : key;
}
