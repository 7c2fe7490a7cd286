/** Keys that a browser keeps for itself or a phone does not have. */

import type { Keyboard } from "../input/keyboard.ts";
import { button, element } from "./elements.ts";

interface Stroke {
  label: string;
  keys: { code: string; key: string }[];
}

const CONTROL = { code: "ControlLeft", key: "Control" };
const ALT = { code: "AltLeft", key: "Alt" };
const META = { code: "MetaLeft", key: "Meta" };

const single = (label: string, code: string, key = code): Stroke => ({ label, keys: [{ code, key }] });

const STROKES: readonly Stroke[] = [
  { label: "Ctrl+Alt+Del", keys: [CONTROL, ALT, { code: "Delete", key: "Delete" }] },
  { label: "Alt+Tab", keys: [ALT, { code: "Tab", key: "Tab" }] },
  { label: "Alt+F4", keys: [ALT, { code: "F4", key: "F4" }] },
  { label: "Ctrl+W", keys: [CONTROL, { code: "KeyW", key: "w" }] },
  { label: "Ctrl+T", keys: [CONTROL, { code: "KeyT", key: "t" }] },
  { label: "Ctrl+N", keys: [CONTROL, { code: "KeyN", key: "n" }] },
  { label: "Ctrl+Tab", keys: [CONTROL, { code: "Tab", key: "Tab" }] },
  { label: "Super", keys: [META] },
  single("Esc", "Escape"),
  single("Tab", "Tab"),
  single("Print", "PrintScreen"),
  single("Insert", "Insert"),
  single("Delete", "Delete"),
  single("Home", "Home"),
  single("End", "End"),
  single("Page up", "PageUp"),
  single("Page down", "PageDown"),
  single("←", "ArrowLeft"),
  single("↑", "ArrowUp"),
  single("↓", "ArrowDown"),
  single("→", "ArrowRight"),
  ...Array.from({ length: 12 }, (_, index) => single(`F${index + 1}`, `F${index + 1}`)),
];

const STICKY = ["Control", "Alt", "Shift", "Meta"] as const;
const STICKY_LABELS = { Control: "Hold Ctrl", Alt: "Hold Alt", Shift: "Hold Shift", Meta: "Hold Super" } as const;

/** Fills the key panel. `pressed` is called after each key, so that the picture gets the focus back. */
export class KeyMenu {
  private readonly sticky = new Map<(typeof STICKY)[number], HTMLButtonElement>();

  constructor(
    private readonly keyboard: Keyboard,
    pressed: () => void,
  ) {
    const buttons = element("key-buttons", HTMLElement);
    for (const name of STICKY) {
      const made = button(STICKY_LABELS[name], () => this.hold(name, made.getAttribute("aria-pressed") !== "true"));
      made.setAttribute("aria-pressed", "false");
      this.sticky.set(name, made);
      buttons.append(made);
    }
    for (const { label, keys } of STROKES) {
      buttons.append(
        button(label, () => {
          this.keyboard.stroke(keys);
          this.letGo();
          pressed();
        }),
      );
    }
  }

  /** Lets the held modifiers go. */
  letGo(): void {
    for (const name of STICKY) {
      this.hold(name, false);
    }
  }

  private hold(name: (typeof STICKY)[number], down: boolean): void {
    this.keyboard.setVirtual(name, down);
    this.sticky.get(name)?.setAttribute("aria-pressed", String(down));
  }
}
