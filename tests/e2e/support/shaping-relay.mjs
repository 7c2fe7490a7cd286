/**
 * A way between a browser and a display that is as slow as a test wants: delay, rate, stalls as lost packets make them,
 * an outage. Bytes are shaped, none is lost: what TCP makes of a bad network is what its ends see.
 *
 * ```text
 *   display ─▶ read ─▶ bounded buffer ─▶ rate, stalls ─▶ delay ─▶ written ─▶ gateway, browser
 *                 (a full buffer is not read into: the sender's TCP sees that)
 * ```
 * The relay reads the messages that pass and keeps a log of them, so that tests count frames and bytes, not seconds.
 */

import { connect, createServer } from "node:net";
import { FrameReader } from "./messages.mjs";

/** Bytes go on in pieces of this size, which at 2 Mbit/s take 16 ms. */
const PIECE_BYTES = 4096;

/** One way in one direction. */
class Direction {
  /** Bytes that were read and written so far. */
  read = 0;
  written = 0;
  /** Pieces under way, oldest first: bytes and when they are through. */
  #pieces = [];
  /** When the last piece has left the buffer. */
  #clear = 0;
  #timer = undefined;
  #paused = false;
  #ended = false;

  constructor(source, sink, shape, { onread, onwritten, outage }) {
    Object.assign(this, { source, sink, shape, onread, onwritten, outage });
    source.on("data", (bytes) => this.#take(bytes));
    source.on("close", () => {
      this.#ended = true;
      this.pump();
    });
    sink.on("drain", () => this.pump());
    sink.on("close", () => this.stop());
  }

  #take(bytes) {
    this.read += bytes.length;
    this.onread(bytes);
    const { delayMs, bytesPerMs, stall } = this.shape;
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      this.#clear = Math.max(this.#clear, performance.now()) + piece.length / bytesPerMs + stall();
      this.#pieces.push({ bytes: piece, leftMs: this.#clear, dueMs: this.#clear + delayMs });
    }
    this.#balance();
    this.pump();
  }

  /** Stops reading while the buffer is full: what waits for the narrow place, and what the other end does not take. */
  #balance() {
    const now = performance.now();
    const waits = ({ leftMs, dueMs }) => this.outage() || leftMs > now || dueMs <= now;
    const waiting = this.#pieces.reduce((sum, piece) => sum + (waits(piece) ? piece.bytes.length : 0), 0);
    const full = waiting >= this.shape.bufferBytes;
    if (full !== this.#paused) {
      this.#paused = full;
      full ? this.source.pause() : this.source.resume();
    }
  }

  /** Writes what is through, and comes back when more is. */
  pump() {
    clearTimeout(this.#timer);
    if (this.outage() || this.sink.destroyed) {
      return;
    }
    while (this.#pieces.length > 0 && this.#pieces[0].dueMs <= performance.now() && !this.sink.writableNeedDrain) {
      const { bytes } = this.#pieces.shift();
      this.written += bytes.length;
      this.sink.write(bytes);
      this.onwritten(bytes);
    }
    this.#balance();
    if (this.#pieces.length > 0 && !this.sink.writableNeedDrain) {
      this.#timer = setTimeout(() => this.pump(), Math.max(1, this.#pieces[0].dueMs - performance.now()));
    } else if (this.#pieces.length === 0 && this.#ended) {
      this.sink.end();
    }
  }

  /** What waits when an outage ends goes on at the way's rate, not at once. */
  startAgain() {
    this.#clear = performance.now();
    for (const piece of this.#pieces) {
      this.#clear += piece.bytes.length / this.shape.bytesPerMs;
      piece.leftMs = this.#clear;
      piece.dueMs = this.#clear + this.shape.delayMs;
    }
    this.pump();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#pieces = [];
  }
}

/** A connection through the relay, with a log of the messages that passed. */
class Link {
  /**
   * Messages that passed, in order. `way` is down (to the browser) or up, `edge` is in (it was read) or out (it was
   * written), `total` the bytes of that way and edge until then.
   */
  log = [];

  constructor(relay, near, far) {
    this.relay = relay;
    this.sockets = [near, far];
    const outage = () => relay.out;
    this.down = this.#direction("down", far, near, relay.shape("down"), outage);
    this.up = this.#direction("up", near, far, relay.shape("up"), outage);
    for (const socket of this.sockets) {
      socket.on("error", () => this.cut());
    }
  }

  #direction(way, source, sink, shape, outage) {
    const note = (edge) => (message) => {
      const direction = this[way];
      const total = edge === "in" ? direction.read : direction.written;
      this.log.push({ way, edge, atMs: performance.now(), total, ...message });
    };
    const [entering, leaving] = [new FrameReader(note("in")), new FrameReader(note("out"))];
    return new Direction(source, sink, shape, {
      onread: (bytes) => entering.take(bytes),
      onwritten: (bytes) => {
        leaving.take(bytes);
        if (way === "down" && this.relay.cutsInside > 0 && leaving.unfinished >= this.relay.cutsInside) {
          this.relay.cutsInside = 0;
          this.cut();
        }
      },
      outage,
    });
  }

  /** Messages of one way and edge, of one kind; of a part of the log when that is given. */
  passed(way, edge, kind, from = 0, to = this.log.length) {
    return this.log.slice(from, to).filter((entry) => entry.way === way && entry.edge === edge && entry.kind === kind);
  }

  cut() {
    this.down.stop();
    this.up.stop();
    for (const socket of this.sockets) {
      socket.destroy();
    }
  }
}

export class ShapingRelay {
  /** Connections, oldest first. */
  links = [];
  /** No byte passes, and no connection ends. */
  out = false;
  /** Stalls so far. */
  stalled = 0;
  /** When not 0: a connection ends once so many bytes of an unfinished message went to the browser. */
  cutsInside = 0;
  #way;

  /**
   * Begins to pass connections on to a port.
   * `roundTripMs` is halved to both directions, `mbps` counts for each; `bufferBytes` is what waits at most before the
   * narrow place; `stalls` are the pauses a lost packet makes, drawn from a seed.
   */
  static async start(
    port,
    { roundTripMs = 0, mbps = 10_000, bufferBytes = 128 << 10, stalls = undefined, stallSeed = 1 } = {},
  ) {
    const relay = new ShapingRelay();
    relay.#way = { delayMs: roundTripMs / 2, bytesPerMs: (mbps * 1000) / 8, bufferBytes, stalls, stallSeed };
    relay.server = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      near.setNoDelay(true);
      far.setNoDelay(true);
      relay.links.push(new Link(relay, near, far));
    });
    await new Promise((done) => relay.server.listen(0, "127.0.0.1", done));
    return relay;
  }

  get port() {
    return this.server.address().port;
  }

  /** The newest connection. */
  get link() {
    return this.links.at(-1);
  }

  shape(way) {
    const { stalls, stallSeed, ...rest } = this.#way;
    const drawn = stalls === undefined ? () => 0 : stallsFrom(stallSeed + (way === "up" ? 1 : 0), stalls);
    const stall = () => {
      const heldMs = drawn();
      this.stalled += heldMs > 0 ? 1 : 0;
      return heldMs;
    };
    return { ...rest, stall };
  }

  /** Lets no byte pass, in either direction, until `resume`. */
  interrupt() {
    this.out = true;
  }

  resume() {
    this.out = false;
    for (const link of this.links) {
      link.down.startAgain();
      link.up.startAgain();
    }
  }

  async stop() {
    for (const link of this.links) {
      link.cut();
    }
    await new Promise((done) => this.server.close(done));
  }
}

/** Says for each piece how long it is held up: mostly not at all, sometimes as long as a lost packet takes to come again. */
function stallsFrom(seed, { onePieceOf, fromMs = 200, toMs = 300 }) {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return () => (random() < 1 / onePieceOf ? fromMs + random() * (toMs - fromMs) : 0);
}
