/** Tells the person in good time that the session's time ends. The time may have been renewed, so the server is asked. */

import { ask, type Fetch } from "./api.ts";
import type { View } from "./machine.ts";

/** What the watch needs of the world. */
export interface ExpiryWorld {
  fetch: Fetch;
  nowMs(): number;
  setTimer(callback: () => void, delayMs: number): number;
  clearTimer(id: number): void;
  say(sentence: string): void;
}

/** The person is told this long before the end. */
const LEAD_MS = 120_000;
/** Longest delay that a browser's timer can hold. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Watch over one page's session. */
export class ExpiryWatch {
  private timer: number | undefined;
  private watching = 0;

  constructor(private readonly world: ExpiryWorld) {}

  /** Watches the end of a view; `undefined` ends the watch. */
  watch(view: View | undefined): void {
    this.watching += 1;
    if (this.timer !== undefined) {
      this.world.clearTimer(this.timer);
      this.timer = undefined;
    }
    if (view !== undefined && view.expiresAtMs > 0) {
      const delayMs = Math.max(0, view.expiresAtMs - LEAD_MS - this.world.nowMs());
      this.timer = this.world.setTimer(() => void this.check(view), Math.min(delayMs, LONGEST_TIMER_MS));
    }
  }

  private async check(view: View): Promise<void> {
    const { watching } = this;
    const event = await ask(this.world.fetch, view.statusPath);
    if (watching !== this.watching || event.kind !== "status" || event.status.state !== "started") {
      return;
    }
    const now = event.status.view;
    const leftMs = now.expiresAtMs - this.world.nowMs();
    if (leftMs > LEAD_MS) {
      this.watch(now);
    } else {
      const left =
        leftMs >= 90_000
          ? `${Math.round(leftMs / 60_000)} minutes`
          : `${Math.max(1, Math.round(leftMs / 1000))} seconds`;
      this.world.say(
        `This session's time ends in ${left}. Start the session again to go on; applications keep running.`,
      );
    }
  }
}
