/** The picture and everything a person does to it: display, keyboard, pointer, clipboard, size. */

import { ClipboardSync } from "./clipboard.ts";
import { Cursors } from "./cursor.ts";
import type { Measurements, Rung, WantedSize } from "./display/channel.ts";
import { LIMIT, type Message, write } from "./display/protocol.ts";
import { RemoteDisplay } from "./display/remote-display.ts";
import { KeyListener } from "./input/key-listener.ts";
import { Keyboard, type KeyboardOptions, type KeySink } from "./input/keyboard.ts";
import { Pointer } from "./input/pointer.ts";
import { PointerListener } from "./input/pointer-listener.ts";
import { piecesOf } from "./input/text-input.ts";
import { readLocal, writeLocal } from "./local-clipboard.ts";
import { element } from "./ui/elements.ts";
import { pictureAt, placementOf, type Size, wantedSize } from "./ui/layout.ts";

/** What the viewer tells its page. */
export interface ViewerEvents {
  hello(): void;
  painted(size: Size): void;
  goodbye(reason: number, message: string): void;
  closed(error: string): void;
  measured(figures: Measurements): void;
  pong(message: Message & { kind: "pong" }): void;
  clipboard(text: string, waiting: boolean): void;
  say(sentence: string): void;
  menu(): void;
  /** Held on-screen modifiers are let go. */
  released(): void;
}

/** A size wish goes out when the window has rested this long. */
const RESIZE_REST_MS = 150;
/** After this long without a message, input is followed by a ping: a dead connection shows itself. */
const QUIET_MS = 3_000;
/** A connection that does not answer a ping for this long is dead. */
const PONG_TIMEOUT_MS = 6_000;
const SELECTION_CLIPBOARD = 0;
const SELECT_CLIPBOARD = 1;

/** The viewer of one page. */
export class Viewer {
  readonly keyboard: Keyboard;
  readonly clipboard: ClipboardSync;
  private readonly stage = element("stage", HTMLElement);
  private readonly field = element("keys", HTMLTextAreaElement);
  private readonly display: RemoteDisplay;
  private readonly pointer: Pointer;
  private readonly keys: KeyListener;
  private readonly cursors: Cursors;
  private stageSize: Size = { width: 1, height: 1 };
  private picture: Size = { width: 1, height: 1 };
  private box = { left: 0, top: 0, width: 1, height: 1 };
  private role: "control" | "view" | undefined;
  private zoomFactor = 1;
  private resizeTimer: number | undefined;
  private askedSize = "";
  private heardMs = 0;
  private pingTimer: number | undefined;
  private inputStamp = 0;

  constructor(
    private readonly events: ViewerEvents,
    options: KeyboardOptions,
  ) {
    const mount = element("picture", HTMLElement);
    this.display = new RemoteDisplay(
      {
        message: (message) => this.message(message),
        painted: (size) => this.painted(size),
        closed: (error) => this.closed(error),
        frame: () => this.frame(),
        measured: (figures) => events.measured(figures),
      },
      (canvas) => {
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", "Picture of the remote desktop");
        mount.replaceChildren(canvas);
      },
    );
    const sink: KeySink = {
      key: (message) => this.input(write.key(message)),
      text: (text) => {
        for (const piece of piecesOf(text, LIMIT.textBytes)) {
          this.input(write.text(piece));
        }
      },
    };
    this.keyboard = new Keyboard(sink, options);
    this.pointer = new Pointer((message) => this.input(write.pointer(message)));
    this.clipboard = new ClipboardSync({
      writeLocal,
      readLocal,
      send: (text) => this.sendClipboard(text),
      show: (text, waiting) => events.clipboard(text, waiting),
    });
    this.keys = new KeyListener({
      field: this.field,
      keyboard: this.keyboard,
      sink,
      pasted: (text) => this.pasted(text),
      menu: () => events.menu(),
      released: () => this.released(),
      gesture: (atMs) => this.gesture(atMs),
    });
    this.cursors = new Cursors(this.stage, () => this.zoomFactor / window.devicePixelRatio);
    this.stageSize = this.measuredStage();
    this.listen();
  }

  /** Connects to a stream. */
  open(path: string, role: "control" | "view"): void {
    this.role = undefined;
    this.clipboard.forget();
    const wanted = this.wanted();
    this.askedSize = JSON.stringify(wanted);
    this.display.open(path, role === "control" ? wanted : { ...wanted, width: 0, height: 0 }, role === "control");
  }

  /** Closes the connection. */
  close(): void {
    this.role = undefined;
    window.clearTimeout(this.pingTimer);
    this.display.close();
  }

  /** Gives the keyboard to the picture. */
  focus(): void {
    this.field.focus({ preventScroll: true });
  }

  /** The canvas that shows the picture. */
  get canvas(): HTMLCanvasElement {
    return this.display.canvas;
  }

  /** The rung in use. */
  get rung(): Rung {
    return this.display.rung;
  }

  /** Device pixels that a pixel of the display gets along each side. */
  set zoom(factor: number) {
    this.zoomFactor = factor;
    this.place();
    this.wishSize();
  }

  /** Asks for the figures of the statistics. */
  measure(): void {
    this.display.measure();
  }

  /** Asks the display for a pong. */
  ping(token: number): void {
    this.send(write.ping(token));
  }

  /** Says whether the person may type and click. */
  get controls(): boolean {
    return this.role === "control";
  }

  private listen(): void {
    new PointerListener({
      stage: this.stage,
      pointer: this.pointer,
      toPicture: (x, y) => pictureAt(x, y, this.box, this.picture),
      before: ({ atMs, press, touch, x, y }) => {
        this.inputStamp = atMs;
        this.display.keepGoing();
        if (press) {
          this.pressed(touch, x, y);
        }
      },
      controlHeld: () => this.keyboard.holds("Control"),
    });
    window.addEventListener("focus", () => void this.clipboard.focus());
    const observer = new ResizeObserver((entries) => {
      const box = entries.at(-1)?.devicePixelContentBoxSize?.[0];
      this.resized(box === undefined ? undefined : { width: box.inlineSize, height: box.blockSize });
    });
    try {
      observer.observe(this.stage, { box: "device-pixel-content-box" });
    } catch {
      observer.observe(this.stage);
    }
  }

  private pressed(touch: boolean, x: number, y: number): void {
    this.keys.settle();
    // An input method shows its window beside the field.
    this.field.style.left = `${x}px`;
    this.field.style.top = `${y}px`;
    // A finger shall not open the on-screen keyboard each time; there is a button for it, and what it set stays.
    if (touch && this.field.inputMode === "") {
      this.field.inputMode = "none";
    }
    this.focus();
    void this.clipboard.gesture();
  }

  private gesture(atMs: number): void {
    this.inputStamp = atMs;
    void this.clipboard.gesture();
  }

  private released(): void {
    this.keyboard.releaseAll();
    this.pointer.forget();
    if (this.controls) {
      this.send(write.release());
    }
    this.events.released();
  }

  private pasted(text: string): void {
    if (!this.clipboard.toDisplay(text)) {
      this.events.say("This text is too long to be pasted: at most 1 MiB can be.");
    }
  }

  private sendClipboard(text: string): boolean {
    const message = write.clipboard(SELECT_CLIPBOARD, text);
    if (message !== undefined && this.controls) {
      this.send(message);
    }
    return message !== undefined;
  }

  /** Sends something that the person did. */
  private input(data: ArrayBuffer): void {
    if (!this.controls) {
      return;
    }
    this.display.send(data, this.inputStamp);
    if (this.pingTimer === undefined && performance.now() - this.heardMs > QUIET_MS) {
      this.send(write.ping(0));
      this.pingTimer = window.setTimeout(() => this.checkAlive(), PONG_TIMEOUT_MS);
    }
  }

  private checkAlive(): void {
    this.pingTimer = undefined;
    if (this.role !== undefined && performance.now() - this.heardMs > PONG_TIMEOUT_MS) {
      this.display.close();
      this.closed("the display does not answer");
    }
  }

  private send(data: ArrayBuffer): void {
    this.display.send(data);
  }

  private message(message: Exclude<Message, { kind: "frame" }>): void {
    this.heardMs = performance.now();
    switch (message.kind) {
      case "hello":
        this.role = message.role;
        this.cursors.clear();
        this.events.hello();
        this.wishSize();
        void this.clipboard.focus();
        break;
      case "cursor":
        this.cursors.take(message);
        break;
      case "clipboard":
        if (message.selection === SELECTION_CLIPBOARD) {
          void this.clipboard.fromDisplay(message.text);
        }
        break;
      case "goodbye":
        this.close();
        this.events.goodbye(message.reason, message.message);
        break;
      case "pong":
        this.events.pong(message);
        break;
      case "resize":
      case "unknown":
        break;
    }
  }

  private closed(error: string): void {
    this.role = undefined;
    window.clearTimeout(this.pingTimer);
    this.pingTimer = undefined;
    this.keyboard.releaseAll();
    this.pointer.forget();
    this.events.closed(error);
  }

  private painted(size: Size): void {
    this.heardMs = performance.now();
    if (size.width !== this.picture.width || size.height !== this.picture.height) {
      this.picture = { width: size.width, height: size.height };
      this.place();
    }
    this.events.painted(size);
  }

  private frame(): void {
    if (this.pointer.frame()) {
      this.display.keepGoing();
    }
  }

  private resized(exact: Size | undefined): void {
    const measured = this.measuredStage();
    // Browsers that only pretend to another pixel ratio (developer tools) give a box in pixels of the real one.
    const honest = exact !== undefined && Math.abs(exact.width - measured.width) <= 1;
    this.stageSize = honest ? exact : measured;
    this.place();
    window.clearTimeout(this.resizeTimer);
    this.resizeTimer = window.setTimeout(() => this.wishSize(), RESIZE_REST_MS);
  }

  private measuredStage(): Size {
    const ratio = window.devicePixelRatio;
    const { clientWidth, clientHeight } = this.stage;
    return { width: Math.round(clientWidth * ratio), height: Math.round(clientHeight * ratio) };
  }

  private wanted(): WantedSize {
    const { width, height } = wantedSize(this.stageSize, this.zoomFactor);
    return {
      width: Math.min(width, LIMIT.sidePx),
      height: Math.min(height, LIMIT.sidePx),
      devicePixelRatio: window.devicePixelRatio,
    };
  }

  private wishSize(): void {
    const wanted = this.wanted();
    const asked = JSON.stringify(wanted);
    if (this.controls && asked !== this.askedSize) {
      this.askedSize = asked;
      this.send(write.resize(wanted.width, wanted.height, wanted.devicePixelRatio));
    }
  }

  private place(): void {
    const ratio = window.devicePixelRatio;
    const { canvas } = this.display;
    const { left, top, width, height, scaled } = placementOf(this.stageSize, this.picture, this.zoomFactor, ratio);
    canvas.style.left = `${left}px`;
    canvas.style.top = `${top}px`;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.classList.toggle("scaled", scaled);
    this.box = { left, top, width, height };
  }
}
