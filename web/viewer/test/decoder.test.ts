import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { Decoder, type FrameReport, type PictureOwner } from "../src/display/decoder.ts";
import { jpegSize } from "../src/display/jpeg-header.ts";
import { Picture } from "../src/display/picture.ts";
import { type PixelStream, scriptPixelStream } from "../src/display/pixel-stream.ts";
import { type Frame, ProtocolError, read } from "../src/display/protocol.ts";
import { pixelStream, type Vector, vectors } from "./support.ts";

class Owner implements PictureOwner {
  picture: Picture | undefined;
  readonly frames: FrameReport[] = [];

  resize(width: number, height: number, keep: boolean): Picture {
    const before = this.picture;
    this.picture = new Picture(new ArrayBuffer(4 * width * height), width, height);
    this.picture.clear();
    if (keep && before !== undefined) {
      this.picture.takeOver(before);
    }
    return this.picture;
  }
  change(_number: number, _changed: unknown, change: () => void): void {
    change();
  }
  framed(frame: FrameReport): void {
    this.frames.push(frame);
  }
}

/** Decodes images to grey of the right size, in the order in which the test lets it. */
class SlowImages {
  private readonly waiting: (() => void)[] = [];

  readonly jpeg = (data: Uint8Array, width: number, height: number): Promise<Uint8ClampedArray> => {
    expect(jpegSize(data)).toEqual({ width, height });
    return this.grey(width, height);
  };

  /** Pictures of one video, the first of which must be a key. */
  readonly keys: boolean[] = [];
  readonly video = (data: Uint8Array, key: boolean, width: number, height: number): Promise<Uint8ClampedArray> => {
    expect([...data.subarray(0, 4)]).toEqual([0, 0, 0, 1]);
    this.keys.push(key);
    return this.grey(width, height);
  };

  private grey(width: number, height: number): Promise<Uint8ClampedArray> {
    return new Promise((resolve) => {
      this.waiting.push(() => resolve(new Uint8ClampedArray(4 * width * height).fill(128)));
    });
  }

  /** Finishes all that was begun, last first. */
  async finish(): Promise<void> {
    for (const done of this.waiting.splice(0).reverse()) {
      done();
      await new Promise((next) => setImmediate(next));
    }
  }
}

async function play(vector: Vector, stream: PixelStream): Promise<{ owner: Owner; checked: number; keys: boolean[] }> {
  const owner = new Owner();
  const images = new SlowImages();
  let decoder: Decoder | undefined;
  let checked = 0;
  const failures: unknown[] = [];
  for (const [index, bytes] of vector.messages.entries()) {
    const message = read(bytes);
    if (message.kind === "hello") {
      decoder = new Decoder(
        owner,
        stream,
        images,
        () => 0,
        (error) => failures.push(error),
        message,
      );
    } else if (message.kind === "frame" || message.kind === "resize") {
      decoder?.take(message, index);
    }
    const check = vector.checks.find(({ after }) => after === index + 1);
    if (check !== undefined) {
      await images.finish();
      expect(failures).toEqual([]);
      expect([owner.picture?.width, owner.picture?.height]).toEqual([check.width, check.height]);
      const hash = createHash("sha256")
        .update(owner.picture?.bytes ?? "")
        .digest("hex");
      expect(hash, `${vector.name} after message ${check.after}`).toBe(check.sha256);
      checked += 1;
    }
  }
  await images.finish();
  expect(failures).toEqual([]);
  return { owner, checked, keys: images.keys };
}

const recorded = vectors();

describe("recorded connections", () => {
  test("there are some, with checks", () => {
    expect(recorded.length).toBeGreaterThan(0);
    expect(recorded.reduce((sum, { checks }) => sum + checks.length, 0)).toBeGreaterThan(recorded.length);
  });

  test.each(recorded.map((vector) => [vector.name, vector] as const))(
    "%s, zstd in WebAssembly",
    async (_name, vector) => {
      const { owner, checked, keys } = await play(vector, await pixelStream());
      expect(checked).toBe(vector.checks.length);
      const numbers = owner.frames.map(({ number }) => number);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      if (vector.name === "film") {
        expect(keys.slice(0, 4)).toEqual([true, false, false, false]);
      }
    },
  );

  test.each(recorded.map((vector) => [vector.name, vector] as const))(
    "%s, zstd in JavaScript",
    async (_name, vector) => {
      const { checked } = await play(vector, scriptPixelStream());
      expect(checked).toBe(vector.checks.length);
    },
  );
});

describe("pixel stream", () => {
  const frames = recorded
    .flatMap(({ messages }) => messages.map((message) => read(message)))
    .filter((message): message is Frame => message.kind === "frame" && message.newStream && message.rawLength > 0);
  const first = frames[0];
  const makers: [string, () => Promise<PixelStream>][] = [
    ["WebAssembly", pixelStream],
    ["JavaScript", async () => scriptPixelStream()],
  ];

  beforeAll(() => expect(first).toBeDefined());

  test.each(makers)("%s: a section of another length is refused", async (_name, make) => {
    const { zstd, rawLength } = first as Frame;
    expect((await make()).decode(zstd, rawLength, true)).toHaveLength(rawLength);
    for (const wrong of [rawLength - 1, rawLength + 1]) {
      const stream = await make();
      expect(() => stream.decode(zstd, wrong, true)).toThrow(ProtocolError);
    }
  });

  test.each(makers)("%s: a stream needs a beginning", async (_name, make) => {
    const { zstd, rawLength } = first as Frame;
    const stream = await make();
    expect(() => stream.decode(zstd, rawLength, false)).toThrow(ProtocolError);
  });

  test.each(makers)("%s: a window larger than offered is refused before anything is allocated", async (_name, make) => {
    const { zstd, rawLength } = first as Frame;
    const stream = await make();
    const greedy = zstd.slice();
    greedy[5] = (27 - 10) << 3;
    expect(() => stream.decode(greedy, rawLength, true)).toThrow(/window/);
    const single = zstd.slice();
    single[4] = 0x20;
    expect(() => stream.decode(single, rawLength, true)).toThrow(/header/);
    expect(() => stream.decode(new Uint8Array([1, 2, 3, 4, 5, 6]), rawLength, true)).toThrow(/not zstd/);
  });

  test.each(makers)("%s: broken data is refused, and a new stream works again", async (_name, make) => {
    const { zstd, rawLength } = first as Frame;
    const stream = await make();
    const broken = zstd.slice();
    broken.fill(0xa5, 6);
    expect(() => stream.decode(broken, rawLength, true)).toThrow(ProtocolError);
    expect(stream.decode(zstd, rawLength, true)).toHaveLength(rawLength);
  });
});

describe("order", () => {
  const jpegOf = (width: number, height: number): Uint8Array<ArrayBuffer> =>
    new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 11, 8, 0, height, 0, width, 1]);
  const frame = (number: number, commands: Frame["commands"]): Frame => ({
    kind: "frame",
    newStream: false,
    exact: false,
    number,
    rawLength: 0,
    zstd: new Uint8Array(0),
    commands,
  });

  test("frames wait for the JPEG of those before them, and a resize waits too", async () => {
    const owner = new Owner();
    const images = new SlowImages();
    const stream = scriptPixelStream();
    const decoder = new Decoder(
      owner,
      stream,
      images,
      () => 0,
      () => {},
      { width: 16, height: 16 },
    );
    const rect = { x: 0, y: 0, width: 8, height: 8 };
    decoder.take(frame(1, [{ kind: "jpeg", rect, data: jpegOf(8, 8) }]), 0);
    decoder.take(frame(2, [{ kind: "fill", rect: { ...rect, width: 1, height: 1 }, red: 1, green: 2, blue: 3 }]), 0);
    decoder.take({ kind: "resize", width: 32, height: 32 }, 0);
    expect(owner.frames).toEqual([]);
    expect(owner.picture?.width).toBe(16);
    await images.finish();
    expect(owner.frames.map(({ number }) => number)).toEqual([1, 2]);
    expect(owner.picture?.width).toBe(32);
    expect([...(owner.picture?.bytes.subarray(0, 8) ?? [])]).toEqual([1, 2, 3, 255, 128, 128, 128, 128]);
  });

  test("a JPEG that cannot be decoded fails the connection once", async () => {
    const owner = new Owner();
    const failures: unknown[] = [];
    const refuse = () => Promise.reject(new Error("no"));
    const stream = scriptPixelStream();
    const decoder = new Decoder(
      owner,
      stream,
      { jpeg: refuse, video: refuse },
      () => 0,
      (error) => failures.push(error),
      { width: 9, height: 9 },
    );
    const rect = { x: 0, y: 0, width: 8, height: 8 };
    const command = { kind: "jpeg", rect, data: jpegOf(8, 8) } as const;
    decoder.take(frame(1, [command, command]), 0);
    await new Promise((next) => setImmediate(next));
    expect(failures).toHaveLength(1);
    expect(owner.frames).toEqual([]);
  });
});

describe("JPEG header", () => {
  test.each([
    ["nothing", []],
    ["no start", [0xff, 0xd9]],
    ["a progressive image", [0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, 0, 8, 0, 8, 1]],
    ["an end before the frame", [0xff, 0xd8, 0xff, 0xd9, 0, 0]],
    ["a frame cut short", [0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0]],
    ["a segment without length", [0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xe0, 0, 0]],
  ])("%s has no size", (_name, bytes) => {
    expect(jpegSize(new Uint8Array(bytes))).toBeUndefined();
  });
});
