/** Messages of the display protocol (docs/display-protocol.md) as they pass on a WebSocket, read from its bytes. */

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const BINARY = 2;
const LONGEST_HEADER = 14;

/** Message types by their first byte. */
const KINDS = {
  1: "hello",
  2: "frame",
  3: "cursor",
  4: "clipboard",
  5: "resize",
  6: "goodbye",
  7: "pong",
  129: "hello",
  130: "ack",
  131: "key",
  132: "pointer",
  133: "clipboard",
  134: "resize",
  135: "ping",
  136: "refresh",
  137: "release",
  138: "text",
};

/** Reads one direction of a connection, from its HTTP head on, and tells of each message when it is whole. */
export class FrameReader {
  #waiting = [];
  #length = 0;
  #open = false;
  #needs = 1;

  constructor(tell) {
    this.tell = tell;
  }

  /** Bytes that are there of a message that is not whole. */
  get unfinished() {
    return this.#length;
  }

  take(bytes) {
    this.#waiting.push(bytes);
    this.#length += bytes.length;
    // A large message comes in many pieces: they are put together once.
    while (this.#length >= this.#needs) {
      const all = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting);
      const used = this.#open ? this.#message(all) : this.#head(all);
      const rest = all.subarray(used);
      this.#waiting = [rest];
      this.#length = rest.length;
      if (used === 0) {
        return;
      }
    }
  }

  #head(all) {
    const end = all.indexOf(END_OF_HEAD);
    this.#needs = end === -1 ? all.length + 1 : 2;
    this.#open = end !== -1;
    return end === -1 ? 0 : end + END_OF_HEAD.length;
  }

  /** Reads one WebSocket frame; gives the bytes it took, 0 when it is not whole. */
  #message(all) {
    const short = all[1] & 0x7f;
    const masked = (all[1] & 0x80) !== 0;
    const extended = short === 127 ? 8 : short === 126 ? 2 : 0;
    const header = 2 + extended + (masked ? 4 : 0);
    if (all.length < header) {
      this.#needs = Math.min(header, LONGEST_HEADER);
      return 0;
    }
    const length = extended === 8 ? Number(all.readBigUInt64BE(2)) : extended === 2 ? all.readUInt16BE(2) : short;
    if (all.length < header + length) {
      this.#needs = header + length;
      return 0;
    }
    this.#needs = 2;
    if ((all[0] & 0x0f) === BINARY) {
      const payload = Buffer.from(all.subarray(header, header + length));
      if (masked) {
        const mask = all.subarray(header - 4, header);
        for (let at = 0; at < payload.length; at += 1) {
          payload[at] ^= mask[at & 3];
        }
      }
      this.tell(describe(payload));
    }
    return header + length;
  }
}

/** What tests want to know of a message. */
export function describe(payload) {
  const kind = KINDS[payload[0]] ?? "unknown";
  const common = { kind, bytes: payload.length };
  if (kind === "frame") {
    const exact = (payload[1] & 2) !== 0;
    return { ...common, exact, number: payload.readUInt32LE(4), ...commands(payload) };
  }
  return kind === "ack" ? { ...common, number: payload.readUInt32LE(4) } : common;
}

/** Bytes behind the opcode and the rectangle of each command, without an image's data. */
const REST = { 1: 3, 2: 4, 3: 0, 4: 0, 5: 4, 6: 1, 7: 1, 8: 5 };
/** Where in an image's command the length of its data is. */
const LENGTH = { 5: 9, 8: 10 };

/** Rectangles that a frame's commands paint; `complete` is false behind a command that is not known here. */
function commands(payload) {
  const rects = [];
  let at = 16 + payload.readUInt32LE(12);
  for (let left = payload.readUInt16LE(2); left > 0; left -= 1) {
    const opcode = payload[at];
    const [x, y, width, height] = [1, 3, 5, 7].map((offset) => payload.readUInt16LE(at + offset));
    if (!(opcode in REST)) {
      return { rects, complete: false };
    }
    const data = opcode in LENGTH ? payload.readUInt32LE(at + LENGTH[opcode]) : 0;
    rects.push({ x, y, width, height });
    at += 9 + REST[opcode] + data;
  }
  return { rects, complete: true };
}
