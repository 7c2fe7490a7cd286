/**
 * Pointer state of one viewer: the whole state goes out each time, buttons and wheel at once, moves at most once an
 * animation frame. No DOM and no clock.
 */

/** A pointer message, ready to be encoded. */
export interface PointerMessage {
  x: number;
  y: number;
  buttons: number;
  wheelX: number;
  wheelY: number;
}

/** What of a `WheelEvent` is looked at. */
export interface WheelInput {
  deltaX: number;
  deltaY: number;
  deltaMode: number;
  shiftKey: boolean;
}

/** Units of the wheel fields that make one notch. */
export const NOTCH = 120;

const PIXELS_PER_NOTCH = 100;
const LINES_PER_NOTCH = 3;
const NOTCHES_PER_PAGE = 5;
const DELTA_LINE = 1;
const DELTA_PAGE = 2;
const WHEEL_LIMIT = 32_767;

/** Button bits by `PointerEvent.button`. */
const BUTTON_BITS: readonly number[] = [1, 2, 4, 8, 16];

/** Gives the wheel movement of an event in units of 1/120 notch, whole numbers of notches where a mouse made it. */
export function wheelUnits(event: WheelInput): { x: number; y: number } {
  const sideways = event.shiftKey && event.deltaY === 0;
  // Shift is held in the display as well, which turns the wheel sideways there if it wants to.
  const deltaX = sideways ? 0 : event.deltaX;
  const deltaY = sideways ? event.deltaX : event.deltaY;
  return { x: units(deltaX, event.deltaMode), y: units(deltaY, event.deltaMode) };
}

function units(delta: number, mode: number): number {
  if (mode === DELTA_LINE) {
    return (delta / LINES_PER_NOTCH) * NOTCH;
  }
  if (mode === DELTA_PAGE) {
    return delta * NOTCHES_PER_PAGE * NOTCH;
  }
  const notches = delta / PIXELS_PER_NOTCH;
  const mouse = Math.abs(delta) >= PIXELS_PER_NOTCH && (delta % 100 === 0 || delta % 120 === 0);
  return mouse ? Math.trunc(notches) * NOTCH : notches * NOTCH;
}

/** Pointer of one viewer. */
export class Pointer {
  private x = 0;
  private y = 0;
  private buttons = 0;
  private wheelX = 0;
  private wheelY = 0;
  private moved = false;
  private sentThisFrame = false;

  constructor(private readonly send: (message: PointerMessage) => void) {}

  /** Moves to a place in the picture. The first move of a frame goes out at once, later ones with `frame`. */
  move(x: number, y: number): void {
    if (x === this.x && y === this.y) {
      return;
    }
    this.x = x;
    this.y = y;
    this.moved = true;
    if (!this.sentThisFrame) {
      this.flush();
    }
  }

  /** Presses a button (`PointerEvent.button`) at a place. */
  down(x: number, y: number, button: number): void {
    this.place(x, y, this.buttons | (BUTTON_BITS[button] ?? 0));
  }

  /** Lets a button go at a place. */
  up(x: number, y: number, button: number): void {
    this.place(x, y, this.buttons & ~(BUTTON_BITS[button] ?? 0));
  }

  /** Turns the wheel by units of 1/120 notch; parts below one unit are collected. */
  wheel(x: number, y: number, units: { x: number; y: number }): void {
    this.x = x;
    this.y = y;
    this.wheelX = clampWheel(this.wheelX + units.x);
    this.wheelY = clampWheel(this.wheelY + units.y);
    if (Math.trunc(this.wheelX) !== 0 || Math.trunc(this.wheelY) !== 0) {
      this.flush();
    }
  }

  /** Forgets buttons that are down, without a message: the display was told to release everything. */
  forget(): void {
    this.buttons = 0;
    this.moved = false;
  }

  /** Says whether a button is down. */
  get dragging(): boolean {
    return this.buttons !== 0;
  }

  /** Begins an animation frame: a move that waited goes out. Returns false when nothing happened since the last one. */
  frame(): boolean {
    const busy = this.sentThisFrame || this.moved;
    this.sentThisFrame = false;
    if (this.moved) {
      this.flush();
    }
    return busy;
  }

  private place(x: number, y: number, buttons: number): void {
    this.x = x;
    this.y = y;
    if (buttons !== this.buttons) {
      this.buttons = buttons;
      this.flush();
    }
  }

  private flush(): void {
    const wheelX = Math.trunc(this.wheelX);
    const wheelY = Math.trunc(this.wheelY);
    this.wheelX -= wheelX;
    this.wheelY -= wheelY;
    this.moved = false;
    this.sentThisFrame = true;
    this.send({ x: this.x, y: this.y, buttons: this.buttons, wheelX, wheelY });
  }
}

function clampWheel(value: number): number {
  return Math.max(-WHEEL_LIMIT, Math.min(WHEEL_LIMIT, value));
}
