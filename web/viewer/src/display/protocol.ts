/**
 * The messages of the display protocol, version 1: reading what the display sends, writing what the viewer sends.
 * Layouts and limits are those of docs/display-protocol.md. No I/O; every length is compared with its limit and with
 * the bytes that are there before anything is allocated for it.
 */

/** Version this viewer speaks. */
export const VERSION = 1;

/** Bits of the abilities in a hello. */
export const ABILITY = { jpeg: 1, h264: 2, sharedMemory: 4, cursor: 8, clipboard: 16, snapshot: 32 } as const;

/** Limits of the protocol. */
export const LIMIT = {
  messageBytes: 64 * 1024 * 1024,
  rawBytes: 64 * 1024 * 1024,
  commands: 16_384,
  sidePx: 8192,
  cursorSidePx: 128,
  snapshots: 2,
  clipboardBytes: 1_048_576,
  textBytes: 4096,
  sentenceBytes: 512,
  zstdWindowLog: 23,
} as const;

/** A message that breaks the protocol; the connection ends with it. */
export class ProtocolError extends Error {}

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A rectangle that changed, and the colour (0xrrggbb) that all of it has, if it is known to have one. */
export interface Changed extends Rect {
  colour?: number;
}

export type Command =
  | { kind: "fill"; rect: Rect; red: number; green: number; blue: number }
  | { kind: "copy"; rect: Rect; sourceX: number; sourceY: number }
  | { kind: "raw"; rect: Rect }
  | { kind: "planar"; rect: Rect }
  | { kind: "jpeg"; rect: Rect; data: Uint8Array<ArrayBuffer> }
  | { kind: "save"; rect: Rect; slot: number }
  | { kind: "restore"; rect: Rect; slot: number }
  | { kind: "video"; rect: Rect; key: boolean; data: Uint8Array<ArrayBuffer> };

export interface Frame {
  kind: "frame";
  newStream: boolean;
  exact: boolean;
  number: number;
  rawLength: number;
  zstd: Uint8Array;
  commands: Command[];
}

export type Message =
  | {
      kind: "hello";
      role: "view" | "control";
      version: number;
      abilities: number;
      width: number;
      height: number;
      largestWidth: number;
      largestHeight: number;
      zstdWindowLog: number;
      framesInFlight: number;
      name: string;
    }
  | Frame
  | {
      kind: "cursor";
      hidden: boolean;
      slot: number;
      width: number;
      height: number;
      hotspotX: number;
      hotspotY: number;
      pixels: Uint8Array | undefined;
    }
  | { kind: "clipboard"; selection: number; text: string }
  | { kind: "resize"; width: number; height: number }
  | { kind: "goodbye"; reason: number; message: string }
  | {
      kind: "pong";
      token: number;
      framesSent: number;
      tilesNotExact: number;
      bytesSent: number;
      encodeUs: number;
      roundTripUs: number;
      rateKbps: number;
    }
  | { kind: "unknown"; type: number };

/** Reads fields in order and refuses to read past the end. */
class Reader {
  private readonly view: DataView;
  private offset = 0;

  constructor(private readonly bytes: Uint8Array<ArrayBuffer>) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  private take(size: number): number {
    const at = this.offset;
    if (size > this.bytes.byteLength - at) {
      throw new ProtocolError("a message is shorter than its fields");
    }
    this.offset = at + size;
    return at;
  }

  get atEnd(): boolean {
    return this.offset === this.bytes.byteLength;
  }
  u8(): number {
    return this.view.getUint8(this.take(1));
  }
  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }
  u64(): number {
    return Number(this.view.getBigUint64(this.take(8), true));
  }
  skip(size: number): void {
    this.take(size);
  }
  slice(size: number): Uint8Array<ArrayBuffer> {
    const at = this.take(size);
    return this.bytes.subarray(at, at + size);
  }
  text(size: number): string {
    return new TextDecoder().decode(this.slice(size));
  }
}

/** Reads one message of the display. */
export function read(bytes: Uint8Array<ArrayBuffer>): Message {
  if (bytes.byteLength > LIMIT.messageBytes) {
    throw new ProtocolError("a message is too long");
  }
  const reader = new Reader(bytes);
  const type = reader.u8();
  switch (type) {
    case 0x01:
      return readHello(reader);
    case 0x02:
      return readFrame(reader);
    case 0x03:
      return readCursor(reader);
    case 0x04:
      return readClipboard(reader);
    case 0x05: {
      reader.skip(1 /* reserved */);
      const [width, height] = size(reader);
      return { kind: "resize", width, height };
    }
    case 0x06: {
      const reason = reader.u8();
      const length = reader.u16();
      if (length > LIMIT.sentenceBytes) {
        throw new ProtocolError("a goodbye is too long");
      }
      return { kind: "goodbye", reason, message: reader.text(length) };
    }
    case 0x07:
      return readPong(reader);
    default:
      return { kind: "unknown", type };
  }
}

function size(reader: Reader): [number, number] {
  const width = reader.u16();
  const height = reader.u16();
  if (width < 1 || height < 1 || width > LIMIT.sidePx || height > LIMIT.sidePx) {
    throw new ProtocolError(`a screen of ${width} × ${height} pixels`);
  }
  return [width, height];
}

function readHello(reader: Reader): Message {
  const role = reader.u8() === 1 ? "control" : "view";
  const version = reader.u16();
  const abilities = reader.u32();
  const [width, height] = size(reader);
  const largestWidth = reader.u16();
  const largestHeight = reader.u16();
  const zstdWindowLog = reader.u8();
  const framesInFlight = reader.u8();
  const name = reader.text(reader.u16());
  return {
    kind: "hello",
    role,
    version,
    abilities,
    width,
    height,
    largestWidth,
    largestHeight,
    zstdWindowLog,
    framesInFlight,
    name,
  };
}

const FLAG_NEW_STREAM = 1;
const FLAG_EXACT = 2;

function readFrame(reader: Reader): Frame {
  const flags = reader.u8();
  const count = reader.u16();
  const number = reader.u32();
  const rawLength = reader.u32();
  const zstdLength = reader.u32();
  if (rawLength > LIMIT.rawBytes || count > LIMIT.commands || (rawLength === 0) !== (zstdLength === 0)) {
    throw new ProtocolError("a frame is over its limits");
  }
  const zstd = reader.slice(zstdLength);
  const commands: Command[] = [];
  let pixelBytes = 0;
  let imagePixels = 0;
  for (let index = 0; index < count; index += 1) {
    const command = readCommand(reader);
    commands.push(command);
    const { width, height } = command.rect;
    pixelBytes += command.kind === "raw" ? 4 * width * height : command.kind === "planar" ? 3 * width * height : 0;
    imagePixels += command.kind === "jpeg" || command.kind === "video" ? width * height : 0;
  }
  if (pixelBytes !== rawLength) {
    throw new ProtocolError("a frame's commands do not use up its pixels");
  }
  if (imagePixels > LIMIT.sidePx ** 2) {
    throw new ProtocolError("a frame's images are larger than any picture");
  }
  return {
    kind: "frame",
    newStream: (flags & FLAG_NEW_STREAM) !== 0,
    exact: (flags & FLAG_EXACT) !== 0,
    number,
    rawLength,
    zstd,
    commands,
  };
}

function readCommand(reader: Reader): Command {
  const opcode = reader.u8();
  const rect = { x: reader.u16(), y: reader.u16(), width: reader.u16(), height: reader.u16() };
  if (rect.width < 1 || rect.height < 1) {
    throw new ProtocolError("an empty rectangle");
  }
  if (rect.x + rect.width > LIMIT.sidePx || rect.y + rect.height > LIMIT.sidePx) {
    throw new ProtocolError("a rectangle is larger than any picture");
  }
  switch (opcode) {
    case 1:
      return { kind: "fill", rect, red: reader.u8(), green: reader.u8(), blue: reader.u8() };
    case 2:
      return { kind: "copy", rect, sourceX: reader.u16(), sourceY: reader.u16() };
    case 3:
      return { kind: "raw", rect };
    case 4:
      return { kind: "planar", rect };
    case 5:
      return { kind: "jpeg", rect, data: reader.slice(reader.u32()) };
    case 6:
      return { kind: "save", rect, slot: readSlot(reader) };
    case 7:
      return { kind: "restore", rect, slot: readSlot(reader) };
    case 8:
      return readVideo(reader, rect);
    default:
      throw new ProtocolError(`unknown command ${opcode}`);
  }
}

function readSlot(reader: Reader): number {
  const slot = reader.u8();
  if (slot >= LIMIT.snapshots) {
    throw new ProtocolError("a snapshot over its limit");
  }
  return slot;
}

const FLAG_KEY = 1;

function readVideo(reader: Reader, rect: Rect): Command {
  const flags = reader.u8();
  if ((flags & ~FLAG_KEY) !== 0 || rect.width % 2 !== 0 || rect.height % 2 !== 0) {
    throw new ProtocolError("a picture of a video with unknown flags or an odd side");
  }
  return { kind: "video", rect, key: flags === FLAG_KEY, data: reader.slice(reader.u32()) };
}

const FLAG_DEFINE = 1;
const FLAG_HIDDEN = 2;
const CURSOR_SLOTS = 64;

function readCursor(reader: Reader): Message {
  const flags = reader.u8();
  const slot = reader.u8();
  reader.skip(1 /* reserved */);
  const width = reader.u16();
  const height = reader.u16();
  const hotspotX = reader.u16();
  const hotspotY = reader.u16();
  if (width > LIMIT.cursorSidePx || height > LIMIT.cursorSidePx || slot >= CURSOR_SLOTS) {
    throw new ProtocolError("a cursor is over its limits");
  }
  const define = (flags & FLAG_DEFINE) !== 0;
  if (define && (width === 0 || height === 0)) {
    throw new ProtocolError("a cursor without pixels");
  }
  const pixels = define ? reader.slice(4 * width * height).slice() : undefined;
  return { kind: "cursor", hidden: (flags & FLAG_HIDDEN) !== 0, slot, width, height, hotspotX, hotspotY, pixels };
}

function readClipboard(reader: Reader): Message {
  const selection = reader.u8();
  reader.skip(2 /* reserved */);
  const length = reader.u32();
  if (length > LIMIT.clipboardBytes) {
    throw new ProtocolError("a clipboard text is too long");
  }
  return { kind: "clipboard", selection, text: reader.text(length) };
}

function readPong(reader: Reader): Message {
  reader.skip(3 /* reserved */);
  return {
    kind: "pong",
    token: reader.u32(),
    framesSent: reader.u32(),
    tilesNotExact: reader.u32(),
    bytesSent: reader.u64(),
    encodeUs: reader.u64(),
    roundTripUs: reader.u32(),
    rateKbps: reader.u32(),
  };
}

/** Writes the viewer's messages. */
export const write = {
  hello(hello: {
    abilities: number;
    width: number;
    height: number;
    devicePixelRatio: number;
    zstdWindowLog: number;
  }): ArrayBuffer {
    return message(0x81, 16, (view) => {
      view.setUint16(2, VERSION, true);
      view.setUint32(4, hello.abilities, true);
      view.setUint16(8, hello.width, true);
      view.setUint16(10, hello.height, true);
      view.setUint16(12, ratio(hello.devicePixelRatio), true);
      view.setUint8(14, hello.zstdWindowLog);
    });
  },
  ack(number: number, decodeUs: number, untilDrawnUs: number): ArrayBuffer {
    return message(0x82, 16, (view) => {
      view.setUint32(4, number, true);
      view.setUint32(8, unsigned32(decodeUs), true);
      view.setUint32(12, unsigned32(untilDrawnUs), true);
    });
  },
  key(key: { down: boolean; repeat: boolean; modifiers: number; scancode: number; keysym: number }): ArrayBuffer {
    return message(0x83, 12, (view) => {
      view.setUint8(1, (key.down ? 1 : 0) | (key.repeat ? 2 : 0));
      view.setUint16(2, key.modifiers, true);
      view.setUint16(4, key.scancode, true);
      view.setUint32(8, key.keysym, true);
    });
  },
  pointer(pointer: { x: number; y: number; buttons: number; wheelX: number; wheelY: number }): ArrayBuffer {
    return message(0x84, 12, (view) => {
      view.setUint16(2, unsigned16(pointer.x), true);
      view.setUint16(4, unsigned16(pointer.y), true);
      view.setUint16(6, pointer.buttons, true);
      view.setInt16(8, pointer.wheelX, true);
      view.setInt16(10, pointer.wheelY, true);
    });
  },
  /** Gives undefined for text that is too long to be transferred. */
  clipboard(selections: number, text: string): ArrayBuffer | undefined {
    const bytes = new TextEncoder().encode(text);
    if (bytes.byteLength > LIMIT.clipboardBytes) {
      return undefined;
    }
    return message(0x85, 8 + bytes.byteLength, (view, all) => {
      view.setUint8(1, selections);
      view.setUint32(4, bytes.byteLength, true);
      all.set(bytes, 8);
    });
  },
  resize(width: number, height: number, devicePixelRatio: number): ArrayBuffer {
    return message(0x86, 8, (view) => {
      view.setUint16(2, Math.max(1, unsigned16(width)), true);
      view.setUint16(4, Math.max(1, unsigned16(height)), true);
      view.setUint16(6, ratio(devicePixelRatio), true);
    });
  },
  ping(token: number): ArrayBuffer {
    return message(0x87, 8, (view) => view.setUint32(4, token, true));
  },
  refresh(): ArrayBuffer {
    return message(0x88, 1, () => {});
  },
  release(): ArrayBuffer {
    return message(0x89, 1, () => {});
  },
  /** `text` is at most `LIMIT.textBytes` bytes of UTF-8. */
  text(text: string): ArrayBuffer {
    const bytes = new TextEncoder().encode(text);
    return message(0x8a, 4 + bytes.byteLength, (view, all) => {
      view.setUint16(2, bytes.byteLength, true);
      all.set(bytes, 4);
    });
  },
};

function message(type: number, size: number, fill: (view: DataView, bytes: Uint8Array) => void): ArrayBuffer {
  const buffer = new ArrayBuffer(size);
  const view = new DataView(buffer);
  view.setUint8(0, type);
  fill(view, new Uint8Array(buffer));
  return buffer;
}

function unsigned16(value: number): number {
  return Math.max(0, Math.min(0xffff, Math.round(value)));
}

function unsigned32(value: number): number {
  return Math.max(0, Math.min(0xffffffff, Math.round(value)));
}

function ratio(devicePixelRatio: number): number {
  return unsigned16(devicePixelRatio * 256);
}
