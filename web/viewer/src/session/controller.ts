/** Carries out what the machine decides: requests, timers, the stream. One a page. */

import * as api from "./api.ts";
import type { Entry } from "./entry.ts";
import { begin, type Deed, type Event, next, type State, type View } from "./machine.ts";

/** What the controller needs of the world. */
export interface World {
  fetch: api.Fetch;
  setTimer(callback: () => void, delayMs: number): number;
  clearTimer(id: number): void;
  /** Opens the stream of a view; what happens on it comes back by `Controller.handle`. */
  connect(view: View): void;
  /** Closes the stream, if there is one. */
  hangUp(): void;
  /** Replaces the address, so that a reload finds the view and the token is gone from it. */
  keepAddress(viewId: string): void;
  /** Shows a state. */
  show(state: State): void;
}

/** Drives one page from its opening to its end. */
export class Controller {
  private state: State;
  private timer: number | undefined;
  /** Answers of requests that belong to an earlier state are dropped by this number. */
  private requestNumber = 0;

  constructor(
    private readonly world: World,
    entry: Entry,
    /** The answer to the first request, where that was sent before this was made. */
    private begun?: Promise<Event>,
  ) {
    const first = begin(entry);
    this.state = first.state;
    world.show(this.state);
    for (const deed of first.deeds) {
      this.perform(deed);
    }
  }

  /** Takes an event. */
  handle(event: Event): void {
    const { state, deeds } = next(this.state, event);
    const changed = state !== this.state;
    if (state.kind !== this.state.kind) {
      this.stopTimer();
      this.requestNumber += 1;
    }
    this.state = state;
    if (changed) {
      this.world.show(state);
    }
    for (const deed of deeds) {
      this.perform(deed);
    }
  }

  /** What the page is doing now. */
  get current(): State {
    return this.state;
  }

  private perform(deed: Deed): void {
    switch (deed.kind) {
      case "trade":
        this.request(() => api.trade(this.world.fetch, deed.token));
        break;
      case "ask":
        this.request(() => api.ask(this.world.fetch, deed.statusPath));
        break;
      case "connect":
        this.world.connect(deed.view);
        break;
      case "hangUp":
        this.world.hangUp();
        break;
      case "keepAddress":
        this.world.keepAddress(deed.viewId);
        break;
      case "wait":
        this.stopTimer();
        this.timer = this.world.setTimer(() => {
          this.timer = undefined;
          this.handle({ kind: "timer" });
        }, deed.delayMs);
        break;
    }
  }

  private request(send: () => Promise<Event>): void {
    this.requestNumber += 1;
    const number = this.requestNumber;
    const answer = this.begun ?? send();
    this.begun = undefined;
    void answer.then((event) => {
      if (number === this.requestNumber) {
        this.handle(event);
      }
    });
  }

  private stopTimer(): void {
    if (this.timer !== undefined) {
      this.world.clearTimer(this.timer);
      this.timer = undefined;
    }
  }
}
