/** The page's animation frames: they run while something happens and stop by themselves. */

/** What the loop needs of a window. */
export interface FrameSource {
  requestAnimationFrame(callback: (atMs: number) => void): number;
}

/** Calls its listeners once an animation frame, for as long as it is kept going. */
export class FrameLoop {
  private scheduled = false;
  private untilMs = 0;

  /** `frame` runs in every animation frame; `rest` runs when the loop is about to stop and may keep it going. */
  constructor(
    private readonly source: FrameSource,
    private readonly nowMs: () => number,
    private readonly frame: () => void,
    private readonly rest: () => void,
  ) {}

  /** Keeps the loop going for this long from now. */
  keep(durationMs: number): void {
    this.untilMs = Math.max(this.untilMs, this.nowMs() + durationMs);
    this.schedule();
  }

  /** Says whether an animation frame is on its way. */
  get running(): boolean {
    return this.scheduled;
  }

  private schedule(): void {
    if (!this.scheduled) {
      this.scheduled = true;
      this.source.requestAnimationFrame(() => this.tick());
    }
  }

  private tick(): void {
    this.scheduled = false;
    this.frame();
    if (this.nowMs() < this.untilMs) {
      this.schedule();
    } else {
      this.rest();
    }
  }
}
