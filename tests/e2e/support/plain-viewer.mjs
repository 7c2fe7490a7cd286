/** A viewer without a browser: says hello, acknowledges what comes, or reads nothing at all. */

import WebSocket from "ws";
import { describe } from "./messages.mjs";
import { FROM_VIEWER } from "./stand.mjs";
import { until } from "./wait.mjs";

/** JPEG and clipboard (docs/display-protocol.md §4). */
const ABILITIES = 0x1 | 0x10;

export class PlainViewer {
  /** Messages of the display, as `describe` gives them. */
  messages = [];

  /** Connects to a display, by its own port or a relay's. */
  static async connect(port, role = "control") {
    const viewer = new PlainViewer();
    viewer.socket = new WebSocket(`ws://127.0.0.1:${port}/stream${role === "view" ? "?role=view" : ""}`, {
      perMessageDeflate: false,
    });
    viewer.socket.on("message", (bytes) => viewer.#received(bytes));
    viewer.socket.on("error", () => {});
    await new Promise((done, fail) => {
      viewer.socket.once("open", done);
      viewer.socket.once("error", fail);
    });
    const hello = Buffer.alloc(16);
    hello[0] = FROM_VIEWER.hello;
    hello.writeUInt16LE(1, 2);
    hello.writeUInt32LE(ABILITIES, 4);
    hello.writeUInt16LE(256, 12);
    viewer.socket.send(hello);
    await until("a first frame", () => viewer.of("frame").length > 0);
    return viewer;
  }

  /** Messages of one kind so far. */
  of(kind) {
    return this.messages.filter((message) => message.kind === kind);
  }

  /** Reads nothing more; the connection stays. */
  stopReading() {
    this.socket.pause();
  }

  /** Wishes a size of the screen. */
  resize(width, height) {
    const message = Buffer.alloc(8);
    message[0] = FROM_VIEWER.resize;
    message.writeUInt16LE(width, 2);
    message.writeUInt16LE(height, 4);
    message.writeUInt16LE(256, 6);
    this.socket.send(message);
  }

  close() {
    this.socket.terminate();
  }

  #received(bytes) {
    const message = describe(bytes);
    this.messages.push(message);
    if (message.kind === "frame") {
      const ack = Buffer.alloc(16);
      ack[0] = FROM_VIEWER.ack;
      ack.writeUInt32LE(message.number, 4);
      this.socket.send(ack);
    }
  }
}
