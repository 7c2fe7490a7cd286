/**
 * Tables of keys: Linux input codes of physical keys, X11 keysyms of keys without a character, and what the physical
 * keys mean on a US keyboard. See docs/display-protocol.md, "Keys".
 */

/** Linux input code of each `KeyboardEvent.code`. */
export const SCANCODES: ReadonlyMap<string, number> = new Map(
  (
    "Escape 1,Digit1 2,Digit2 3,Digit3 4,Digit4 5,Digit5 6,Digit6 7,Digit7 8,Digit8 9,Digit9 10,Digit0 11,Minus 12," +
    "Equal 13,Backspace 14,Tab 15,KeyQ 16,KeyW 17,KeyE 18,KeyR 19,KeyT 20,KeyY 21,KeyU 22,KeyI 23,KeyO 24,KeyP 25," +
    "BracketLeft 26,BracketRight 27,Enter 28,ControlLeft 29,KeyA 30,KeyS 31,KeyD 32,KeyF 33,KeyG 34,KeyH 35,KeyJ 36," +
    "KeyK 37,KeyL 38,Semicolon 39,Quote 40,Backquote 41,ShiftLeft 42,Backslash 43,KeyZ 44,KeyX 45,KeyC 46,KeyV 47," +
    "KeyB 48,KeyN 49,KeyM 50,Comma 51,Period 52,Slash 53,ShiftRight 54,NumpadMultiply 55,AltLeft 56,Space 57," +
    "CapsLock 58,F1 59,F2 60,F3 61,F4 62,F5 63,F6 64,F7 65,F8 66,F9 67,F10 68,NumLock 69,ScrollLock 70,Numpad7 71," +
    "Numpad8 72,Numpad9 73,NumpadSubtract 74,Numpad4 75,Numpad5 76,Numpad6 77,NumpadAdd 78,Numpad1 79,Numpad2 80," +
    "Numpad3 81,Numpad0 82,NumpadDecimal 83,Lang5 85,IntlBackslash 86,F11 87,F12 88,IntlRo 89,Lang3 90,Lang4 91," +
    "Convert 92,KanaMode 93,NonConvert 94,NumpadEnter 96,ControlRight 97,NumpadDivide 98,PrintScreen 99,AltRight 100," +
    "Home 102,ArrowUp 103,PageUp 104,ArrowLeft 105,ArrowRight 106,End 107,ArrowDown 108,PageDown 109,Insert 110," +
    "Delete 111,AudioVolumeMute 113,AudioVolumeDown 114,AudioVolumeUp 115,NumpadEqual 117,Pause 119,NumpadComma 121," +
    "Lang1 122,Lang2 123,IntlYen 124,MetaLeft 125,MetaRight 126,OSLeft 125,OSRight 126,ContextMenu 127,F13 183," +
    "F14 184,F15 185,F16 186,F17 187,F18 188,F19 189,F20 190,F21 191,F22 192,F23 193,F24 194"
  )
    .split(",")
    .map((pair) => {
      const [code = "", number] = pair.split(" ");
      return [code, Number(number)];
    }),
);

/** Keysyms of keys without a character; keys with a left and a right one are in [`SIDED`]. */
const NAMED: ReadonlyMap<string, number> = new Map([
  ["Backspace", 0xff08],
  ["Tab", 0xff09],
  ["Clear", 0xff0b],
  ["Enter", 0xff0d],
  ["Pause", 0xff13],
  ["ScrollLock", 0xff14],
  ["Escape", 0xff1b],
  ["Compose", 0xff20],
  ["KanjiMode", 0xff21],
  ["NonConvert", 0xff22],
  ["Convert", 0xff23],
  ["Romaji", 0xff24],
  ["Hiragana", 0xff25],
  ["Katakana", 0xff26],
  ["HiraganaKatakana", 0xff27],
  ["KanaMode", 0xff27],
  ["Zenkaku", 0xff28],
  ["Hankaku", 0xff29],
  ["ZenkakuHankaku", 0xff2a],
  ["Alphanumeric", 0xff30],
  ["HangulMode", 0xff31],
  ["HanjaMode", 0xff34],
  ["JunjaMode", 0xff38],
  ["Home", 0xff50],
  ["ArrowLeft", 0xff51],
  ["ArrowUp", 0xff52],
  ["ArrowRight", 0xff53],
  ["ArrowDown", 0xff54],
  ["PageUp", 0xff55],
  ["PageDown", 0xff56],
  ["End", 0xff57],
  ["Select", 0xff60],
  ["PrintScreen", 0xff61],
  ["Execute", 0xff62],
  ["Insert", 0xff63],
  ["Undo", 0xff65],
  ["Redo", 0xff66],
  ["ContextMenu", 0xff67],
  ["Find", 0xff68],
  ["Cancel", 0xff69],
  ["Help", 0xff6a],
  ["NumLock", 0xff7f],
  ["CapsLock", 0xffe5],
  ["AltGraph", 0xfe03],
  ["Delete", 0xffff],
  ["BrightnessUp", 0x1008ff02],
  ["BrightnessDown", 0x1008ff03],
  ["AudioVolumeDown", 0x1008ff11],
  ["AudioVolumeMute", 0x1008ff12],
  ["AudioVolumeUp", 0x1008ff13],
  ["MediaPlayPause", 0x1008ff14],
  ["MediaStop", 0x1008ff15],
  ["MediaTrackPrevious", 0x1008ff16],
  ["MediaTrackNext", 0x1008ff17],
  ["BrowserHome", 0x1008ff18],
  ["LaunchMail", 0x1008ff19],
  ["BrowserSearch", 0x1008ff1b],
  ["BrowserBack", 0x1008ff26],
  ["BrowserForward", 0x1008ff27],
  ["BrowserStop", 0x1008ff28],
  ["BrowserRefresh", 0x1008ff29],
  ["BrowserFavorites", 0x1008ff30],
  ["Copy", 0x1008ff57],
  ["Cut", 0x1008ff58],
  ["Paste", 0x1008ff6d],
]);

/** Left and right keysym of the modifier keys. */
const SIDED: ReadonlyMap<string, readonly [number, number]> = new Map([
  ["Shift", [0xffe1, 0xffe2]],
  ["Control", [0xffe3, 0xffe4]],
  ["Alt", [0xffe9, 0xffea]],
  ["Meta", [0xffeb, 0xffec]],
  ["OS", [0xffeb, 0xffec]],
  ["Super", [0xffeb, 0xffec]],
  ["Hyper", [0xffed, 0xffee]],
]);

/** Keysyms of keypad keys, by what they mean. */
const KEYPAD: ReadonlyMap<string, number> = new Map([
  ["Enter", 0xff8d],
  ["Home", 0xff95],
  ["ArrowLeft", 0xff96],
  ["ArrowUp", 0xff97],
  ["ArrowRight", 0xff98],
  ["ArrowDown", 0xff99],
  ["PageUp", 0xff9a],
  ["PageDown", 0xff9b],
  ["End", 0xff9c],
  ["Clear", 0xff9d],
  ["Insert", 0xff9e],
  ["Delete", 0xff9f],
  ["*", 0xffaa],
  ["+", 0xffab],
  ["-", 0xffad],
  [".", 0xffae],
  ["/", 0xffaf],
  ["=", 0xffbd],
  ...Array.from("0123456789", (digit, index): [string, number] => [digit, 0xffb0 + index]),
]);

const LOCATION_RIGHT = 2;
const LOCATION_KEYPAD = 3;

/** Keysym of one character given by its code point; 0 for control characters. */
export function keysymOfCharacter(codePoint: number): number {
  if ((codePoint >= 0x20 && codePoint <= 0x7e) || (codePoint >= 0xa0 && codePoint <= 0xff)) {
    return codePoint;
  }
  return codePoint < 0xa0 ? 0 : 0x01000000 + codePoint;
}

/** Says whether a `KeyboardEvent.key` is exactly one character and not a key's name. */
export function isCharacter(key: string): boolean {
  const codePoint = key.codePointAt(0);
  return codePoint !== undefined && key.length === (codePoint > 0xffff ? 2 : 1);
}

/** Keysym of a key by its meaning (`KeyboardEvent.key`) and `location`; 0 when it has none. */
export function keysymOf(key: string, location: number): number {
  if (location === LOCATION_KEYPAD) {
    const keypad = KEYPAD.get(key);
    if (keypad !== undefined) {
      return keypad;
    }
  }
  const sided = SIDED.get(key);
  if (sided !== undefined) {
    return location === LOCATION_RIGHT ? sided[1] : sided[0];
  }
  if (isCharacter(key)) {
    return keysymOfCharacter(key.codePointAt(0) ?? 0);
  }
  const named = NAMED.get(key);
  if (named !== undefined) {
    return named;
  }
  const number = /^F([1-9]|[12]\d|3[0-5])$/.exec(key)?.[1];
  return number === undefined ? 0 : 0xffbd + Number(number);
}

const US_KEYS: ReadonlyMap<string, string> = new Map([
  ["Backquote", "`~"],
  ["Minus", "-_"],
  ["Equal", "=+"],
  ["BracketLeft", "[{"],
  ["BracketRight", "]}"],
  ["Backslash", "\\|"],
  ["Semicolon", ";:"],
  ["Quote", "'\""],
  ["Comma", ",<"],
  ["Period", ".>"],
  ["Slash", "/?"],
  ["IntlBackslash", "<>"],
  ["Space", "  "],
  ...Array.from(")!@#$%^&*(", (shifted, digit): [string, string] => [`Digit${digit}`, `${digit}${shifted}`]),
  ...Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (letter): [string, string] => [
    `Key${letter}`,
    letter.toLowerCase() + letter,
  ]),
]);

/** Character of a physical key on a US keyboard; undefined for keys without one. */
export function usCharacter(code: string, shift: boolean): string | undefined {
  return US_KEYS.get(code)?.[shift ? 1 : 0];
}
