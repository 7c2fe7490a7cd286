/** Which rectangles of the picture have changed and are not drawn yet. Few and possibly too large, never too small. */

import type { Rect } from "./protocol.ts";

/** Largest number of rectangles kept apart. */
export const DIRTY_LIMIT = 48;
/** Two rectangles become one when that adds at most this many pixels: drawing a rectangle costs about that much. */
const MERGE_WASTE_PX = 4096;

/** A set of changed rectangles. */
export class Dirty {
  private rects: Rect[] = [];

  /** Adds a rectangle. */
  add(rect: Rect): void {
    let added = rect;
    for (let index = 0; index < this.rects.length; ) {
      const other = this.rects[index] as Rect;
      const joined = union(added, other);
      if (area(joined) <= area(added) + area(other) + MERGE_WASTE_PX) {
        added = joined;
        this.rects.splice(index, 1);
        index = 0;
      } else {
        index += 1;
      }
    }
    this.rects.push(added);
    if (this.rects.length > DIRTY_LIMIT) {
      this.rects = [this.rects.reduce(union)];
    }
  }

  /** Gives the rectangles and forgets them. */
  take(): Rect[] {
    const rects = this.rects;
    this.rects = [];
    return rects;
  }

  /** The rectangles, at most `DIRTY_LIMIT`. */
  get rectangles(): readonly Rect[] {
    return this.rects;
  }
}

function area(rect: Rect): number {
  return rect.width * rect.height;
}

function union(a: Rect, b: Rect): Rect {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
}
