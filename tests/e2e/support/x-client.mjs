/** An X client of the test itself: windows that are painted when the test says so, and keys that come to them. */

import { readFile } from "node:fs/promises";
import { connect } from "node:net";

const OPCODE = {
  createWindow: 1,
  mapWindow: 8,
  grabServer: 36,
  ungrabServer: 37,
  getInputFocus: 43,
  createGc: 55,
  changeGc: 56,
  fill: 70,
  putImage: 72,
};
const KEY_PRESS = 2;
/** Bytes of pixels in one request; the protocol's own limit is 256 KiB. */
const MOST_BYTES = 250_000;

export class XClient {
  #socket;
  #read = Buffer.alloc(0);
  #replies = [];
  #idBase = 0;
  #ids = 0;
  #root = 0;
  #gc = 0;
  /** Errors the X server has answered with; a test that draws right has none. */
  errors = [];
  /** Called with the keycode when a key is pressed in one of the windows. */
  onkey = () => {};

  /** Connects to the X server of a `GuestDisplay`. */
  static async connect(display) {
    const client = new XClient();
    const number = display.facts.display.replace(/^:/, "");
    client.#socket = connect(`/tmp/.X11-unix/X${number}`);
    const setup = new Promise((done, fail) => {
      client.#replies.push(done);
      client.#socket.once("error", fail);
    });
    const { name, data } = cookie(await readFile(display.facts.xauthority));
    const greeting = Buffer.alloc(12);
    greeting.write("l");
    greeting.writeUInt16LE(11, 2);
    greeting.writeUInt16LE(name.length, 6);
    greeting.writeUInt16LE(data.length, 8);
    client.#socket.write(Buffer.concat([greeting, padded(name), padded(data)]));
    client.#socket.on("data", (bytes) => client.#received(bytes));
    client.#begin(await setup);
    return client;
  }

  /** Maps a window that no window manager touches. */
  window({ x, y, width, height }) {
    const id = this.#newId();
    const { int16, int32 } = fields;
    this.#request(OPCODE.createWindow, 24, [
      int32(id, this.#root),
      int16(x, y, width, height, 0, 1),
      // The parent's visual; background pixel, override-redirect, key presses and releases.
      int32(0, 0x2 | 0x200 | 0x800, 0, 1, 3),
    ]);
    this.#request(OPCODE.mapWindow, 0, [int32(id)]);
    return id;
  }

  /** Fills a rectangle of a window with one colour (0xrrggbb). */
  fill(window, { x, y, width, height }, colour) {
    const { int16, int32 } = fields;
    this.#request(OPCODE.changeGc, 0, [int32(this.#gc, 0x4, colour)]);
    this.#request(OPCODE.fill, 0, [int32(window, this.#gc), int16(x, y, width, height)]);
  }

  /** Puts an image with its upper left corner there. */
  put(window, x, y, { width, height, pixels }) {
    const { int16, int32 } = fields;
    const rows = Math.floor(MOST_BYTES / (4 * width));
    for (let top = 0; top < height; top += rows) {
      const count = Math.min(rows, height - top);
      const part = pixels.subarray(4 * width * top, 4 * width * (top + count));
      const depth = Buffer.from([0, 24, 0, 0]);
      this.#request(OPCODE.putImage, 2, [int32(window, this.#gc), int16(width, count, x, y + top), depth, part]);
    }
  }

  /** Has the X server serve nobody else, or everybody again. */
  hold(alone) {
    this.#request(alone ? OPCODE.grabServer : OPCODE.ungrabServer, 0, []);
  }

  /** Waits until the X server has done everything asked so far. */
  async sync() {
    const reply = new Promise((done) => this.#replies.push(done));
    this.#request(OPCODE.getInputFocus, 0, []);
    await reply;
  }

  close() {
    this.#socket.destroy();
  }

  #newId() {
    this.#ids += 1;
    return (this.#idBase | this.#ids) >>> 0;
  }

  #request(opcode, detail, parts) {
    const length = parts.reduce((sum, part) => sum + part.length, 4);
    const head = Buffer.from([opcode, detail, 0, 0]);
    head.writeUInt16LE(length / 4, 2);
    this.#socket.cork();
    for (const part of [head, ...parts]) {
      this.#socket.write(part);
    }
    this.#socket.uncork();
  }

  #begin(setup) {
    if (setup[0] !== 1) {
      throw new Error("the X server refuses the client");
    }
    this.#idBase = setup.readUInt32LE(12);
    const screen = 40 + padding(setup.readUInt16LE(24)) + 8 * setup[29];
    this.#root = setup.readUInt32LE(screen);
    this.#gc = this.#newId();
    this.#request(OPCODE.createGc, 0, [fields.int32(this.#gc, this.#root, 0)]);
  }

  #received(bytes) {
    this.#read = Buffer.concat([this.#read, bytes]);
    for (;;) {
      const message = this.#next();
      if (message === undefined) {
        return;
      }
      if (message.length > 32 || message[0] === 1) {
        this.#replies.shift()?.(message);
      } else if (message[0] === 0) {
        this.errors.push({ code: message[1], request: message[10] });
      } else if ((message[0] & 0x7f) === KEY_PRESS) {
        this.onkey(message[1]);
      }
    }
  }

  /** Takes one message off what was read. The setup is the only one with its length elsewhere. */
  #next() {
    const begun = this.#idBase !== 0;
    if (this.#read.length < (begun ? 32 : 8)) {
      return undefined;
    }
    const more = this.#read[0] === 1 ? 4 * this.#read.readUInt32LE(4) : 0;
    const length = begun ? 32 + more : 8 + 4 * this.#read.readUInt16LE(6);
    if (this.#read.length < length) {
      return undefined;
    }
    const message = this.#read.subarray(0, length);
    this.#read = this.#read.subarray(length);
    return message;
  }
}

/** Repaints a part of a window again and again, as a film does, until it is stopped. */
export class Film {
  /** Pictures that were painted. */
  painted = 0;
  #over = false;

  constructor(client, window, { x = 0, y = 0, images, periodMs = 40 }) {
    this.ended = this.#play(client, window, { x, y, images, periodMs });
  }

  async #play(client, window, { x, y, images, periodMs }) {
    let due = performance.now();
    while (!this.#over) {
      client.put(window, x, y, images[this.painted % images.length]);
      await client.sync();
      this.painted += 1;
      due = Math.max(due + periodMs, performance.now());
      await new Promise((next) => setTimeout(next, due - performance.now()));
    }
  }

  async stop() {
    this.#over = true;
    await this.ended;
  }
}

/**
 * Pictures like photographs of one size: soft shapes under grain, each with other shapes and other grain.
 * `coarse` is how far the grain goes, a power of two; much of it makes pictures that no codec makes small.
 */
export function photographs(count, width, height, coarse = 16) {
  let grain = 12_345;
  const wave = Float64Array.from({ length: 1024 }, (_, at) => 50 * Math.sin((at * Math.PI) / 512));
  return Array.from({ length: count }, (_, number) => {
    const pixels = Buffer.alloc(4 * width * height);
    const [across, down] = [2 + (number % 3), 3 + (number % 2)];
    for (let at = 0, y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, at += 4) {
        grain = (Math.imul(grain, 1_103_515_245) + 12_345) | 0;
        const light = 110 + wave[(across * x + number * 300) & 1023] + wave[(down * y + 200 * number) & 1023] / 2;
        const noise = (grain >>> 16) & (coarse - 1);
        pixels[at] = light + noise;
        pixels[at + 1] = light - 20 + noise;
        pixels[at + 2] = light + 20 - noise;
      }
    }
    return { width, height, pixels };
  });
}

const padding = (length) => (length + 3) & ~3;

function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(padding(bytes.length) - bytes.length)]);
}

const fields = {
  int16: (...values) => {
    const bytes = Buffer.alloc(2 * values.length);
    for (const [index, value] of values.entries()) {
      bytes.writeUInt16LE(value & 0xffff, 2 * index);
    }
    return bytes;
  },
  int32: (...values) => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [index, value] of values.entries()) {
      bytes.writeUInt32LE(value >>> 0, 4 * index);
    }
    return bytes;
  },
};

/** Name and secret of the first entry of an authority file. */
function cookie(file) {
  const texts = [];
  for (let at = 2; texts.length < 4; ) {
    const length = file.readUInt16BE(at);
    texts.push(file.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return { name: texts[2], data: texts[3] };
}
