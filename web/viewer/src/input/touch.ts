/**
 * Fingers as a pointer. One finger: tap is a click, a held finger is a right click, a moving finger drags with the left
 * button. Two fingers: the wheel. Time is an argument.
 */

/** What a finger does to the pointer. */
export interface TouchTarget {
  move(x: number, y: number): void;
  down(x: number, y: number, button: number): void;
  up(x: number, y: number, button: number): void;
  wheel(x: number, y: number, units: { x: number; y: number }): void;
}

interface Finger {
  startX: number;
  startY: number;
  x: number;
  y: number;
  atMs: number;
}

type Gesture = "none" | "undecided" | "drag" | "scroll" | "done";

/** A finger that moved less than this, in CSS pixels, did not move. */
const SLOP_PX = 10;
/** A finger held this long is a right click. */
export const HOLD_MS = 500;
/** Wheel units per CSS pixel of two moving fingers. */
const UNITS_PER_PX = 3;
const LEFT = 0;
const RIGHT = 2;

/** Follows the fingers on one picture. Places are given in CSS pixels and turned into picture pixels by `toPicture`. */
export class Touch {
  private readonly fingers = new Map<number, Finger>();
  private gesture: Gesture = "none";

  constructor(
    private readonly target: TouchTarget,
    private readonly toPicture: (x: number, y: number) => { x: number; y: number },
  ) {}

  /** A finger touches. */
  down(id: number, x: number, y: number, atMs: number): void {
    this.fingers.set(id, { startX: x, startY: y, x, y, atMs });
    if (this.fingers.size === 1) {
      this.gesture = "undecided";
      const at = this.toPicture(x, y);
      this.target.move(at.x, at.y);
    } else if (this.gesture === "undecided") {
      this.gesture = "scroll";
    }
  }

  /** A finger moves. */
  move(id: number, x: number, y: number): void {
    const finger = this.fingers.get(id);
    if (finger === undefined) {
      return;
    }
    const deltaX = x - finger.x;
    const deltaY = y - finger.y;
    finger.x = x;
    finger.y = y;
    const at = this.toPicture(x, y);
    if (this.gesture === "scroll") {
      const share = UNITS_PER_PX / this.fingers.size;
      this.target.wheel(at.x, at.y, { x: -deltaX * share, y: -deltaY * share });
    } else if (this.gesture === "drag") {
      this.target.move(at.x, at.y);
    } else if (this.gesture === "undecided" && Math.hypot(x - finger.startX, y - finger.startY) > SLOP_PX) {
      const start = this.toPicture(finger.startX, finger.startY);
      this.gesture = "drag";
      this.target.down(start.x, start.y, LEFT);
      this.target.move(at.x, at.y);
    }
  }

  /** Time passes; a finger that rests long enough is a right click. Returns true when it just became one. */
  tick(atMs: number): boolean {
    const [finger] = this.fingers.values();
    if (this.gesture !== "undecided" || finger === undefined || atMs - finger.atMs < HOLD_MS) {
      return false;
    }
    const at = this.toPicture(finger.x, finger.y);
    this.target.down(at.x, at.y, RIGHT);
    this.target.up(at.x, at.y, RIGHT);
    this.gesture = "done";
    return true;
  }

  /** A finger is lifted. */
  up(id: number): void {
    const finger = this.fingers.get(id);
    this.fingers.delete(id);
    if (finger === undefined) {
      return;
    }
    const at = this.toPicture(finger.x, finger.y);
    if (this.gesture === "drag") {
      this.target.up(at.x, at.y, LEFT);
    } else if (this.gesture === "undecided") {
      this.target.down(at.x, at.y, LEFT);
      this.target.up(at.x, at.y, LEFT);
    }
    this.gesture = this.fingers.size === 0 ? "none" : this.gesture === "scroll" ? "scroll" : "done";
  }

  /** The system took the fingers away; nothing is clicked. */
  cancel(): void {
    const [finger] = this.fingers.values();
    if (this.gesture === "drag" && finger !== undefined) {
      const at = this.toPicture(finger.x, finger.y);
      this.target.up(at.x, at.y, LEFT);
    }
    this.fingers.clear();
    this.gesture = "none";
  }
}
