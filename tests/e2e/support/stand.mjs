/**
 * A gateway that does what a test tells it: serves the built viewer page with the server's headers, answers trade and
 * status, and plays recorded or made-up display messages. Everything the page sends is kept.
 */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { extname, join, normalize } from "node:path";
import { WebSocketServer } from "ws";
import { until } from "./wait.mjs";

const ROOT = join(import.meta.dirname, "../../..");
const PAGE = join(ROOT, "web/dist/viewer");
const TESTDATA = join(ROOT, "web/viewer/testdata");

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; " +
  "img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";
const HEADERS = {
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

/** Message types of the viewer. */
export const FROM_VIEWER = {
  hello: 0x81,
  ack: 0x82,
  key: 0x83,
  pointer: 0x84,
  clipboard: 0x85,
  resize: 0x86,
  ping: 0x87,
  refresh: 0x88,
  release: 0x89,
  text: 0x8a,
};

/** Reads a recorded connection of the display. */
export async function recording(name) {
  const bytes = await readFile(join(TESTDATA, `${name}.bin`));
  const messages = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = bytes.readUInt32LE(offset);
    messages.push(bytes.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  const { checks } = JSON.parse(await readFile(join(TESTDATA, `${name}.json`), "utf8"));
  return { messages, checks };
}

export class Stand {
  /** What the status path says; an object is a reply with status 200, a number an HTTP status. */
  status = { state: "started", message: "" };
  /** What a trade says: `undefined` accepts every token. */
  refusal = undefined;
  role = "control";
  /** Connected viewers, oldest first. */
  viewers = [];
  /** Port of a display that serves itself: streams go there instead of to the test. */
  upstream = undefined;
  /** Connections to that display, oldest first. */
  links = [];
  requests = [];
  /** Names of what the browser is to lack, in the page and in its worker. */
  without = [];

  static async start() {
    const stand = new Stand();
    stand.server = createServer((request, response) => stand.#answer(request, response));
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    stand.server.on("upgrade", (request, socket, head) => {
      stand.requests.push(`UPGRADE ${request.url}`);
      if (stand.upstream !== undefined) {
        stand.#pass(request, socket, head);
        return;
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) => stand.viewers.push(new Viewer(webSocket, socket)));
    });
    await new Promise((done) => stand.server.listen(0, "127.0.0.1", done));
    return stand;
  }

  /** Address of the page with a token. */
  url(host = "127.0.0.1") {
    return `http://${host}:${this.server.address().port}/view/#t=a-token`;
  }

  /** Waits for the viewer with this number, counted from 0, and for its hello. */
  async viewer(index = 0) {
    const viewer = await until(`viewer ${index}`, () => this.viewers[index]);
    await until("a hello", () => viewer.of(FROM_VIEWER.hello)[0]);
    return viewer;
  }

  /** Cuts the connections to the display, as a network does. */
  cutLinks() {
    for (const link of this.links.splice(0)) {
      link.destroy();
    }
  }

  async stop() {
    this.cutLinks();
    for (const viewer of this.viewers) {
      viewer.cut();
    }
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  /** Copies bytes both ways, as the server's gateway does. */
  #pass(request, socket, head) {
    const link = connect(this.upstream, "127.0.0.1");
    this.links.push(link);
    const headers = Object.entries(request.headers).filter(([name]) => name !== "origin" && name !== "host");
    const lines = headers.map(([name, value]) => `${name}: ${value}`);
    const role = this.role === "view" ? "?role=view" : "";
    link.write([`GET /stream${role} HTTP/1.1`, "host: display", ...lines, "", ""].join("\r\n"));
    link.write(head);
    link.pipe(socket);
    socket.pipe(link);
    for (const [one, other] of [
      [link, socket],
      [socket, link],
    ]) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  }

  async #answer(request, response) {
    const { pathname } = new URL(request.url, "http://stand");
    this.requests.push(`${request.method} ${pathname}`);
    const view = {
      viewId: "v1",
      instanceName: "lab-1",
      display: "desktop",
      role: this.role,
      expiresAtMs: 4_000_000_000_000,
      streamPath: "/view/s/v1/stream",
      statusPath: "/view/s/v1/status",
    };
    if (pathname === "/view/api/trade") {
      const refused = this.refusal;
      json(response, refused === undefined ? 200 : 403, refused ?? view);
    } else if (pathname === "/view/s/v1/status") {
      const { status } = this;
      json(
        response,
        typeof status === "number" ? status : 200,
        typeof status === "number" ? {} : { ...view, ...status },
      );
    } else {
      await this.#file(pathname, response);
    }
  }

  async #file(pathname, response) {
    const page = pathname === "/view/" || pathname.startsWith("/view/v/");
    const path = normalize(join(PAGE, page ? "index.html" : pathname.replace("/view/", "")));
    try {
      const file = await readFile(path);
      const lacks = this.without.map((name) => `delete globalThis.${name};`).join("");
      const body = extname(path) === ".js" ? Buffer.concat([Buffer.from(lacks), file]) : file;
      response.writeHead(200, { ...HEADERS, "content-type": TYPES[extname(path)] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  }
}

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

class Viewer {
  messages = [];
  closed = false;

  constructor(webSocket, socket) {
    this.webSocket = webSocket;
    this.socket = socket;
    webSocket.on("message", (data) => this.messages.push(data));
    webSocket.on("close", () => {
      this.closed = true;
    });
    webSocket.on("error", () => {});
  }

  /** Messages of one type that came so far. */
  of(type) {
    return this.messages.filter((message) => message[0] === type);
  }

  send(...messages) {
    for (const message of messages) {
      this.webSocket.send(message);
    }
  }

  /** Waits until this frame is acknowledged. */
  acknowledged(number) {
    return until(`ack of frame ${number}`, () =>
      this.of(FROM_VIEWER.ack).some((message) => message.readUInt32LE(4) === number),
    );
  }

  /** Key messages so far, as `+keysym/scancode`. */
  keys() {
    return this.of(FROM_VIEWER.key).map((message) => {
      const sign = (message[1] & 1) === 1 ? "+" : "-";
      return `${sign}${message.readUInt32LE(8).toString(16)}/${message.readUInt16LE(4)}`;
    });
  }

  /** Cuts the connection below the protocol. */
  cut() {
    this.socket.destroy();
  }
}

/** Made-up messages of the display. */
export const make = {
  hello({ width = 640, height = 480, role = 1, version = 1 } = {}) {
    const bytes = Buffer.alloc(27);
    bytes[0] = 0x01;
    bytes[1] = role;
    bytes.writeUInt16LE(version, 2);
    bytes.writeUInt32LE(0x19, 4);
    bytes.writeUInt16LE(width, 8);
    bytes.writeUInt16LE(height, 10);
    bytes.writeUInt16LE(8192, 12);
    bytes.writeUInt16LE(8192, 14);
    bytes[16] = 21;
    bytes[17] = 2;
    bytes.writeUInt16LE(7, 18);
    bytes.write("desktop", 20);
    return bytes;
  },
  fill(number, { x = 0, y = 0, width, height, colour }) {
    const bytes = Buffer.alloc(16 + 12);
    bytes[0] = 0x02;
    bytes[1] = 2;
    bytes.writeUInt16LE(1, 2);
    bytes.writeUInt32LE(number, 4);
    bytes[16] = 1;
    for (const [index, value] of [x, y, width, height].entries()) {
      bytes.writeUInt16LE(value, 17 + 2 * index);
    }
    bytes.set(colour, 25);
    return bytes;
  },
  resize(width, height) {
    const bytes = Buffer.alloc(6);
    bytes[0] = 0x05;
    bytes.writeUInt16LE(width, 2);
    bytes.writeUInt16LE(height, 4);
    return bytes;
  },
  cursor({ slot = 0, width = 2, height = 2, pixels }) {
    const bytes = Buffer.alloc(12 + 4 * width * height);
    bytes[0] = 0x03;
    bytes[1] = 1;
    bytes[2] = slot;
    bytes.writeUInt16LE(width, 4);
    bytes.writeUInt16LE(height, 6);
    bytes.fill(pixels, 12);
    return bytes;
  },
  hiddenCursor() {
    const bytes = Buffer.alloc(12);
    bytes[0] = 0x03;
    bytes[1] = 2;
    return bytes;
  },
  clipboard(text) {
    const encoded = Buffer.from(text);
    const bytes = Buffer.alloc(8 + encoded.length);
    bytes[0] = 0x04;
    bytes.writeUInt32LE(encoded.length, 4);
    encoded.copy(bytes, 8);
    return bytes;
  },
  goodbye(reason, sentence) {
    const encoded = Buffer.from(sentence);
    const bytes = Buffer.alloc(4 + encoded.length);
    bytes[0] = 0x06;
    bytes[1] = reason;
    bytes.writeUInt16LE(encoded.length, 2);
    encoded.copy(bytes, 4);
    return bytes;
  },
};
