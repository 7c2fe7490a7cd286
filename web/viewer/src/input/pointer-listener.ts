/** Listens to mouse, pen and fingers on the stage, and feeds pointer and touch. */

import { type Pointer, wheelUnits } from "./pointer.ts";
import { HOLD_MS, Touch } from "./touch.ts";

/** What the listener needs besides the pointer. */
export interface PointerListenerParts {
  stage: HTMLElement;
  pointer: Pointer;
  /** Pixel of the picture under a point of the page. */
  toPicture(x: number, y: number): { x: number; y: number };
  /** Something is about to be done with the pointer at this time stamp; `touch` when by finger. */
  before(event: { atMs: number; press: boolean; touch: boolean; x: number; y: number }): void;
  /** Says whether the keyboard holds Control; a wheel event claims it for pinching on a touchpad too. */
  controlHeld(): boolean;
}

/** Wires the events of a stage. */
export class PointerListener {
  private readonly touch: Touch;

  constructor(private readonly parts: PointerListenerParts) {
    const { stage, pointer } = parts;
    this.touch = new Touch(pointer, parts.toPicture);
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    stage.addEventListener("pointerup", (event) => this.up(event));
    stage.addEventListener("pointercancel", (event) => this.cancel(event));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    // A mousedown that is let through would take the focus from the keyboard's field.
    stage.addEventListener("mousedown", (event) => event.preventDefault());
    stage.addEventListener("auxclick", (event) => event.preventDefault());
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("dragstart", (event) => event.preventDefault());
  }

  private before(event: MouseEvent, press: boolean, touch: boolean): void {
    this.parts.before({ atMs: event.timeStamp, press, touch, x: event.clientX, y: event.clientY });
  }

  private down(event: PointerEvent): void {
    const { stage, pointer, toPicture } = this.parts;
    event.preventDefault();
    const touch = event.pointerType === "touch";
    this.before(event, true, touch);
    // A drag goes on outside the window, and its end is heard.
    stage.setPointerCapture(event.pointerId);
    if (touch) {
      this.touch.down(event.pointerId, event.clientX, event.clientY, event.timeStamp);
      window.setTimeout(() => this.touch.tick(performance.now()), HOLD_MS + 10);
      return;
    }
    const { x, y } = toPicture(event.clientX, event.clientY);
    pointer.down(x, y, event.button);
  }

  private move(event: PointerEvent): void {
    const { pointer, toPicture } = this.parts;
    const touch = event.pointerType === "touch";
    this.before(event, false, touch);
    if (touch) {
      this.touch.move(event.pointerId, event.clientX, event.clientY);
      return;
    }
    const { x, y } = toPicture(event.clientX, event.clientY);
    if (event.button >= 0) {
      // With one button down the others are reported as moves.
      const pressed = (event.buttons & (BUTTONS_BIT[event.button] ?? 0)) !== 0;
      if (pressed) {
        pointer.down(x, y, event.button);
      } else {
        pointer.up(x, y, event.button);
      }
    }
    pointer.move(x, y);
  }

  private up(event: PointerEvent): void {
    const { pointer, toPicture } = this.parts;
    event.preventDefault();
    this.before(event, false, event.pointerType === "touch");
    if (event.pointerType === "touch") {
      this.touch.up(event.pointerId);
      return;
    }
    const { x, y } = toPicture(event.clientX, event.clientY);
    pointer.up(x, y, event.button);
  }

  private cancel(event: PointerEvent): void {
    const { pointer, toPicture } = this.parts;
    if (event.pointerType === "touch") {
      this.touch.cancel();
      return;
    }
    const { x, y } = toPicture(event.clientX, event.clientY);
    for (const button of BUTTONS_BIT.keys()) {
      pointer.up(x, y, button);
    }
  }

  private wheel(event: WheelEvent): void {
    const { pointer, toPicture, controlHeld } = this.parts;
    event.preventDefault();
    if (event.ctrlKey && !controlHeld()) {
      return;
    }
    this.before(event, false, false);
    const { x, y } = toPicture(event.clientX, event.clientY);
    pointer.wheel(x, y, wheelUnits(event));
  }
}

/** Bit in `MouseEvent.buttons` by `MouseEvent.button`. */
const BUTTONS_BIT: readonly number[] = [1, 4, 2, 8, 16];
