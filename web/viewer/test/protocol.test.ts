import { describe, expect, test } from "vitest";
import { LIMIT, ProtocolError, read, write } from "../src/display/protocol.ts";
import { bytes, generator, joined, vectors } from "./support.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe("reading", () => {
  test("hello", () => {
    const fields = bytes(
      [1, 1],
      [1, 1],
      [2, 1],
      [4, 9],
      [2, 1920],
      [2, 1080],
      [2, 8192],
      [2, 4096],
      [1, 21],
      [1, 2],
      [2, 7],
    );
    expect(read(joined(fields, text("desktop"), bytes([4, 99])))).toEqual({
      kind: "hello",
      role: "control",
      version: 1,
      abilities: 9,
      width: 1920,
      height: 1080,
      largestWidth: 8192,
      largestHeight: 4096,
      zstdWindowLog: 21,
      framesInFlight: 2,
      name: "desktop",
    });
  });

  test("frame with every command that needs no pixels", () => {
    const head = bytes([1, 2], [1, 2], [2, 6], [4, 7], [4, 0], [4, 0]);
    const fill = bytes([1, 1], [2, 1], [2, 2], [2, 3], [2, 4], [1, 5], [1, 6], [1, 7]);
    const copy = bytes([1, 2], [2, 1], [2, 2], [2, 3], [2, 4], [2, 8], [2, 9]);
    const jpeg = bytes([1, 5], [2, 0], [2, 0], [2, 8], [2, 8], [4, 2], [1, 0xff], [1, 0xd8]);
    const video = bytes([1, 8], [2, 4], [2, 6], [2, 2], [2, 8], [1, 1], [4, 1], [1, 9]);
    const save = bytes([1, 6], [2, 1], [2, 2], [2, 3], [2, 4], [1, 1]);
    const restore = bytes([1, 7], [2, 1], [2, 2], [2, 3], [2, 4], [1, 0]);
    const rect = { x: 1, y: 2, width: 3, height: 4 };
    expect(read(joined(head, fill, copy, jpeg, video, save, restore))).toMatchObject({
      kind: "frame",
      newStream: false,
      exact: true,
      number: 7,
      commands: [
        { kind: "fill", rect, red: 5, green: 6, blue: 7 },
        { kind: "copy", rect, sourceX: 8, sourceY: 9 },
        { kind: "jpeg", rect: { x: 0, y: 0, width: 8, height: 8 }, data: new Uint8Array([0xff, 0xd8]) },
        { kind: "video", rect: { x: 4, y: 6, width: 2, height: 8 }, key: true, data: new Uint8Array([9]) },
        { kind: "save", rect, slot: 1 },
        { kind: "restore", rect, slot: 0 },
      ],
    });
  });

  test("cursor, clipboard, resize, goodbye, pong", () => {
    const pixels = new Uint8Array(16).fill(7);
    const cursor = bytes([1, 3], [1, 1], [1, 4], [1, 0], [2, 2], [2, 2], [2, 1], [2, 0]);
    expect(read(joined(cursor, pixels))).toMatchObject({ kind: "cursor", hidden: false, slot: 4, hotspotX: 1, pixels });
    const again = bytes([1, 3], [1, 0], [1, 4], [1, 0], [8, 0]);
    expect(read(again)).toMatchObject({ kind: "cursor", slot: 4, pixels: undefined });
    expect(read(bytes([1, 3], [1, 2], [1, 0], [1, 0], [8, 0]))).toMatchObject({ kind: "cursor", hidden: true });
    expect(read(joined(bytes([1, 4], [1, 0], [2, 0], [4, 3]), text("€")))).toEqual({
      kind: "clipboard",
      selection: 0,
      text: "€",
    });
    expect(read(bytes([1, 5], [1, 0], [2, 800], [2, 600]))).toEqual({ kind: "resize", width: 800, height: 600 });
    expect(read(joined(bytes([1, 6], [1, 4], [2, 2]), text("ok")))).toEqual({
      kind: "goodbye",
      reason: 4,
      message: "ok",
    });
    const pong = bytes([1, 7], [1, 0], [2, 0], [4, 1], [4, 2], [4, 3], [8, 2 ** 40], [8, 5], [4, 6], [4, 7]);
    expect(read(pong)).toMatchObject({ kind: "pong", token: 1, bytesSent: 2 ** 40, rateKbps: 7 });
    expect(read(bytes([1, 0x42], [4, 0]))).toEqual({ kind: "unknown", type: 0x42 });
  });

  test.each([
    ["an empty message", new Uint8Array(0)],
    ["a screen without width", bytes([1, 5], [1, 0], [2, 0], [2, 600])],
    ["a screen too wide", bytes([1, 5], [1, 0], [2, LIMIT.sidePx + 1], [2, 600])],
    ["more pixels than allowed", bytes([1, 2], [1, 1], [2, 0], [4, 1], [4, LIMIT.rawBytes + 1], [4, 1], [1, 0])],
    ["pixels that no command takes", bytes([1, 2], [1, 1], [2, 0], [4, 1], [4, 4], [4, 1], [1, 0])],
    ["a section longer than the message", bytes([1, 2], [1, 1], [2, 0], [4, 1], [4, 4], [4, 0xffffffff])],
    ["more commands than the message holds", bytes([1, 2], [1, 0], [2, 2], [4, 1], [4, 0], [4, 0])],
    ["an unknown command", bytes([1, 2], [1, 0], [2, 1], [4, 1], [4, 0], [4, 0], [1, 9], [8, 0x0001000100010001])],
    [
      "a snapshot too many",
      bytes([1, 2], [1, 0], [2, 1], [4, 1], [4, 0], [4, 0], [1, 6], [8, 0x0001000100010001], [1, 2]),
    ],
    ["an empty rectangle", bytes([1, 2], [1, 0], [2, 1], [4, 1], [4, 0], [4, 0], [1, 1], [8, 0], [1, 0], [2, 0])],
    ["a cursor too large", bytes([1, 3], [1, 1], [1, 0], [1, 0], [2, 129], [2, 1], [4, 0])],
    ["a cursor slot that is none", bytes([1, 3], [1, 0], [1, 64], [1, 0], [8, 0])],
    ["a clipboard too long", bytes([1, 4], [1, 0], [2, 0], [4, LIMIT.clipboardBytes + 1])],
    ["a goodbye too long", bytes([1, 6], [1, 1], [2, 513])],
  ])("%s is refused", (_name, message) => {
    expect(() => read(message)).toThrow(ProtocolError);
  });

  test("recorded messages cut anywhere, or with bytes changed, give a message or a clean refusal", () => {
    const random = generator(7);
    const attempt = (message: Uint8Array<ArrayBuffer>): void => {
      try {
        read(message);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    };
    for (const { messages } of vectors()) {
      for (const message of messages) {
        for (let round = 0; round < 40; round += 1) {
          attempt(message.slice(0, round < 24 ? round : random(message.byteLength)));
          const changed = message.slice();
          changed[random(Math.min(64, changed.byteLength))] = random(256);
          attempt(changed);
        }
      }
    }
  });
});

describe("writing", () => {
  const hex = (buffer: ArrayBuffer | undefined): string => Buffer.from(buffer ?? new ArrayBuffer(0)).toString("hex");

  test("every message has its layout", () => {
    const size = { width: 0x0780, height: 0x0438, devicePixelRatio: 1.5 };
    expect(hex(write.hello({ ...size, abilities: 0x19, zstdWindowLog: 23 }))).toBe(
      "8100010019000000800738048001" + "1700",
    );
    expect(hex(write.ack(0x01020304, 5, 6.6))).toBe("82000000040302010500000007000000");
    expect(hex(write.key({ down: true, repeat: true, modifiers: 3, scancode: 30, keysym: 0x010020ac }))).toBe(
      "830303001e000000ac200001",
    );
    expect(hex(write.pointer({ x: 1, y: 70_000, buttons: 4, wheelX: -120, wheelY: 240 }))).toBe(
      "84000100ffff040088fff000",
    );
    expect(hex(write.clipboard(1, "é"))).toBe("8501000002000000c3a9");
    expect(hex(write.resize(0, 600, 1))).toBe("8600010058020001");
    expect(hex(write.ping(9))).toBe("8700000009000000");
    expect(hex(write.refresh())).toBe("88");
    expect(hex(write.release())).toBe("89");
    expect(hex(write.text("é"))).toBe("8a000200c3a9");
  });

  test("text that is too long for the clipboard is not written", () => {
    expect(write.clipboard(1, "x".repeat(LIMIT.clipboardBytes))).toBeDefined();
    expect(write.clipboard(1, `${"x".repeat(LIMIT.clipboardBytes)}x`)).toBeUndefined();
  });
});
