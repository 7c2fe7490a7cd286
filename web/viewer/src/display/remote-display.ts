/** The page's handle on a display: one worker, one canvas, connections one after the other. */

import { displayWorker } from "../early.ts";
import { epochMs, type Measurements, type Rung, type ToPage, type ToWorker, type WantedSize } from "./channel.ts";
import { FrameLoop } from "./frame-loop.ts";
import { abilitiesOf, rungsOf } from "./ladder.ts";
import { type Drawn, SharedPresenter, TransferPresenter } from "./presenters.ts";
import type { Message } from "./protocol.ts";

/** What a display tells its page. */
export interface DisplayEvents {
  /** A message other than frames came. */
  message(message: Exclude<Message, { kind: "frame" }>): void;
  /** A frame was drawn; the picture has this size. */
  painted(size: { width: number; height: number }): void;
  /** The connection is over; `error` is empty when the other side closed it. */
  closed(error: string): void;
  /** An animation frame begins, while anything happens. */
  frame(): void;
  /** Figures that were asked for. */
  measured(measurements: Measurements): void;
}

/** The loop goes on this long after input: answers of applications come late, and are then drawn without being woken. */
const AFTER_INPUT_MS = 3000;
/** And this long after a frame: the next one of a moving picture comes before. */
const AFTER_FRAME_MS = 100;

/** A display on a page. */
export class RemoteDisplay {
  private readonly rungs: Rung[];
  private readonly loop: FrameLoop;
  private worker: Worker;
  private presenter: SharedPresenter | TransferPresenter | undefined;
  private canvasElement: HTMLCanvasElement;
  private connection = 0;
  private acknowledged = "";

  /** `mount` puts a canvas on the page in place of the one before. */
  constructor(
    private readonly events: DisplayEvents,
    private readonly mount: (canvas: HTMLCanvasElement) => void,
  ) {
    this.rungs = rungsOf(abilitiesOf(window));
    this.loop = new FrameLoop(
      window,
      () => performance.now(),
      () => this.frame(),
      () => this.rest(),
    );
    this.canvasElement = document.createElement("canvas");
    this.worker = this.begin();
  }

  /** The rung in use. */
  get rung(): Rung {
    return this.rungs[0] ?? "transfer";
  }

  /** The canvas that shows the picture. */
  get canvas(): HTMLCanvasElement {
    return this.canvasElement;
  }

  /** Connects to a stream; a connection before it is closed without a word. */
  open(path: string, wanted: WantedSize, clipboard: boolean): void {
    const url = new URL(path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.connection += 1;
    this.post({ kind: "open", connection: this.connection, url: url.href, wanted, clipboard });
  }

  /** Closes the connection without a word. */
  close(): void {
    this.connection += 1;
    this.post({ kind: "close" });
  }

  /** Sends a message. `inputAt` is the time stamp of the event behind it, 0 when there is none. */
  send(data: ArrayBuffer, inputAt = 0): void {
    if (inputAt > 0) {
      this.keepGoing();
    }
    this.post({ kind: "send", data, inputAtMs: inputAt > 0 ? performance.timeOrigin + inputAt : 0 }, [data]);
  }

  /** Keeps animation frames running for a moment: something is about to happen. */
  keepGoing(): void {
    this.keep(AFTER_INPUT_MS);
  }

  /** Asks for figures; they come with `measured`. */
  measure(): void {
    this.post({ kind: "measure" });
  }

  private begin(): Worker {
    const worker = displayWorker();
    worker.onmessage = (event: MessageEvent<ToPage>) => this.received(event.data);
    worker.onerror = () => this.stepDown();
    const canvas = document.createElement("canvas");
    this.canvasElement = canvas;
    this.mount(canvas);
    const { rung } = this;
    let offscreen: OffscreenCanvas | undefined;
    this.presenter = undefined;
    if (rung === "shared") {
      this.presenter = new SharedPresenter(canvas);
    } else if (rung === "offscreen") {
      offscreen = canvas.transferControlToOffscreen();
    } else {
      this.presenter = new TransferPresenter(canvas);
    }
    const message: ToWorker = { kind: "begin", rung, canvas: offscreen };
    worker.postMessage(message, offscreen === undefined ? [] : [offscreen]);
    return worker;
  }

  /** The rung does not hold: the next one down is tried, with a new worker and a new canvas. */
  private stepDown(): void {
    if (this.rungs.length > 1) {
      this.rungs.shift();
      this.worker.terminate();
      this.worker = this.begin();
    }
    const error = "the browser cannot show the picture this way";
    this.events.closed(error);
  }

  private post(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
  }

  private received(message: ToPage): void {
    switch (message.kind) {
      case "message":
        if (message.connection === this.connection) {
          this.events.message(message.message);
        }
        break;
      case "memory":
        if (this.presenter instanceof SharedPresenter) {
          this.presenter.use(message.memory);
        }
        break;
      case "wake":
        this.keep(AFTER_FRAME_MS);
        break;
      case "patches":
        if (this.presenter instanceof TransferPresenter) {
          this.presenter.take(message);
          this.keep(AFTER_FRAME_MS);
        }
        break;
      case "drawn":
        if (message.connection === this.connection) {
          this.events.painted(message);
        }
        break;
      case "measurements":
        this.events.measured(message.measurements);
        break;
      case "unfit":
        this.stepDown();
        break;
      case "closed":
        if (message.connection === this.connection) {
          this.events.closed(message.error);
        }
        break;
    }
  }

  private keep(durationMs: number): void {
    this.setAwake(true);
    this.loop.keep(durationMs);
  }

  private setAwake(awake: boolean): void {
    if (this.presenter instanceof SharedPresenter) {
      this.presenter.awake = awake;
    }
  }

  private frame(): void {
    const drawn = this.presenter?.draw();
    if (drawn !== undefined) {
      this.acknowledge(drawn);
    }
    this.events.frame();
  }

  private acknowledge(drawn: Drawn): void {
    const { connection, frame, atMs } = drawn;
    const id = `${connection}:${frame}`;
    if (frame !== 0 && id !== this.acknowledged) {
      this.acknowledged = id;
      this.post({ kind: "drawn", connection, frame, atMs });
      this.keep(AFTER_FRAME_MS);
    }
    if (connection === this.connection) {
      this.events.painted(drawn);
    }
  }

  private rest(): void {
    this.setAwake(false);
    // A frame may have come between the last look and the flag.
    if (this.presenter?.fresh === true) {
      this.keep(AFTER_FRAME_MS);
    }
  }
}

/** Time of now, comparable with an event's time stamp. */
export function stampNow(): number {
  return epochMs() - performance.timeOrigin;
}
