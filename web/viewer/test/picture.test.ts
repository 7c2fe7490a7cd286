import { describe, expect, test, vi } from "vitest";
import { blitBetween, blitWithin, bufferOf, ownMemory, sharedMemory } from "../src/display/blit.ts";
import { DIRTY_LIMIT, Dirty } from "../src/display/dirty.ts";
import { Picture } from "../src/display/picture.ts";
import { ProtocolError, type Rect } from "../src/display/protocol.ts";
import { generator } from "./support.ts";

const WIDTH = 37;
const HEIGHT = 23;

/** The same operations pixel by pixel, each by way of a second buffer, too simple to be wrong. */
class Plain {
  pixels = Array.from({ length: WIDTH * HEIGHT }, () => [0, 0, 0, 255]);

  each(rect: Rect, colour: (x: number, y: number) => number[]): void {
    const after = this.pixels.map((pixel) => [...pixel]);
    for (let y = 0; y < rect.height; y += 1) {
      for (let x = 0; x < rect.width; x += 1) {
        after[(rect.y + y) * WIDTH + rect.x + x] = colour(x, y);
      }
    }
    this.pixels = after;
  }
  at(x: number, y: number): number[] {
    return [...(this.pixels[y * WIDTH + x] ?? [])];
  }
}

function rectangle(random: (below: number) => number): Rect {
  const width = 1 + random(random(4) === 0 ? WIDTH : 9);
  const height = 1 + random(9);
  return { x: random(WIDTH - width + 1), y: random(HEIGHT - height + 1), width, height };
}

/** A picture in shared memory, not at its beginning. */
function shared(): Picture {
  const memory = sharedMemory(100 + 4 * WIDTH * HEIGHT);
  expect(memory).toBeInstanceOf(WebAssembly.Memory);
  const picture = new Picture(bufferOf(memory), WIDTH, HEIGHT, 100, blitWithin(memory));
  picture.clear();
  return picture;
}

function fresh(): Picture {
  const picture = new Picture(new ArrayBuffer(4 * WIDTH * HEIGHT), WIDTH, HEIGHT);
  picture.clear();
  return picture;
}

/** Predicts a plane as the display does. */
function differences(plane: number[], width: number): number[] {
  return plane.map((value, index) => {
    const x = index % width;
    const left = plane[index - 1] ?? 0;
    const above = plane[index - width] ?? 0;
    const firstRow = index < width;
    const prediction = firstRow ? (x === 0 ? 128 : left) : x === 0 ? above : (left + above) >> 1;
    return (value - prediction) & 255;
  });
}

describe("picture", () => {
  test.each([
    ["its own", fresh],
    ["shared", shared],
  ])("random fills, copies, raw and planar pixels in %s memory equal the plain way", (_memory, make) => {
    const random = generator(1);
    const picture = make();
    const plain = new Plain();
    for (let round = 0; round < 600; round += 1) {
      const rect = rectangle(random);
      const { width, height } = rect;
      const colours = Array.from({ length: width * height }, () => [random(256), random(256), random(256), 255]);
      switch (random(4)) {
        case 0: {
          const [red = 0, green = 0, blue = 0] = colours[0] ?? [];
          picture.fill(rect, red, green, blue);
          plain.each(rect, () => [red, green, blue, 255]);
          break;
        }
        case 1: {
          const sourceX = random(WIDTH - width + 1);
          const sourceY = random(HEIGHT - height + 1);
          picture.copy(rect, sourceX, sourceY);
          plain.each(rect, (x, y) => plain.at(sourceX + x, sourceY + y));
          break;
        }
        case 2:
          expect(picture.raw(rect, new Uint8Array([1, 2, ...colours.flat()]), 2)).toBe(4 * width * height);
          plain.each(rect, (x, y) => colours[y * width + x] ?? []);
          break;
        default: {
          const plane = (value: (colour: number[]) => number): number[] =>
            differences(
              colours.map((colour) => value(colour) & 255),
              width,
            );
          const planes = [
            ...plane(([, green = 0]) => green),
            ...plane(([red = 0, green = 0]) => red - green + 128),
            ...plane(([, green = 0, blue = 0]) => blue - green + 128),
          ];
          expect(picture.planar(rect, new Uint8Array([9, ...planes]), 1)).toBe(3 * width * height);
          plain.each(rect, (x, y) => colours[y * width + x] ?? []);
        }
      }
    }
    expect([...picture.bytes]).toEqual(plain.pixels.flat());
  });

  test("nothing reaches outside", () => {
    const picture = fresh();
    const outside = { x: WIDTH - 1, y: 0, width: 2, height: 1 };
    expect(() => picture.fill(outside, 0, 0, 0)).toThrow(ProtocolError);
    expect(() => picture.raw(outside, new Uint8Array(8), 0)).toThrow(ProtocolError);
    expect(() => picture.planar(outside, new Uint8Array(6), 0)).toThrow(ProtocolError);
    expect(() => picture.copy({ x: 0, y: 0, width: 2, height: 1 }, WIDTH - 1, 0)).toThrow(ProtocolError);
    expect(() => picture.copy({ x: 0, y: HEIGHT, width: 1, height: 1 }, 0, 0)).toThrow(ProtocolError);
  });

  test("another size keeps what both have", () => {
    const picture = fresh();
    picture.fill({ x: 0, y: 0, width: WIDTH, height: HEIGHT }, 1, 2, 3);
    const larger = new Picture(new ArrayBuffer(4 * 40 * 30), 40, 30);
    larger.clear();
    larger.takeOver(picture);
    const at = (x: number, y: number): number[] => [...larger.bytes.subarray(4 * (y * 40 + x), 4 * (y * 40 + x) + 4)];
    expect(at(WIDTH - 1, HEIGHT - 1)).toEqual([1, 2, 3, 255]);
    expect(at(WIDTH, 0)).toEqual([0, 0, 0, 255]);
    expect(at(0, HEIGHT)).toEqual([0, 0, 0, 255]);
  });
});

describe("copies of rows", () => {
  test("between memories take the rows' bytes and no others", () => {
    const from = sharedMemory(10_000);
    const to = ownMemory(5000) as WebAssembly.Memory;
    const source = new Uint8Array(bufferOf(from));
    const target = new Uint8Array(to.buffer);
    const random = generator(2);
    source.forEach((_, at) => {
      source[at] = random(256);
    });
    const expected = new Uint8Array(target);
    for (let row = 0; row < 3; row += 1) {
      expected.set(source.subarray(7001 - 50 * row, 7001 - 50 * row + 33), 13 + 40 * row);
    }
    const blit = blitBetween(from, to);
    if (blit === undefined) {
      // More than one memory came with V8 12, so with Node 22; before, browsers alone show this.
      expect(Number.parseInt(process.versions.v8, 10)).toBeLessThan(12);
      return;
    }
    blit(13, 40, 7001, -50, 33, 3);
    expect(target).toEqual(expected);
    blit(0, 1, 0, 1, 100, 0);
    expect(target).toEqual(expected);
    expect(() => blit(to.buffer.byteLength - 1, 0, 0, 0, 2, 1)).toThrow(WebAssembly.RuntimeError);
  });

  test("are left to JavaScript where WebAssembly is switched off", () => {
    const { Memory } = WebAssembly;
    try {
      vi.stubGlobal("WebAssembly", undefined);
      const memory = sharedMemory(100);
      expect(memory).toBeInstanceOf(SharedArrayBuffer);
      expect(bufferOf(memory)).toBe(memory);
      expect(blitWithin(memory)).toBeUndefined();
      expect(ownMemory(100)).toBeUndefined();
    } finally {
      vi.unstubAllGlobals();
    }
    expect(blitBetween(new SharedArrayBuffer(100), new Memory({ initial: 1 }))).toBeUndefined();
  });
});

describe("changed rectangles", () => {
  test("cover everything that was added and stay few", () => {
    const random = generator(3);
    for (let round = 0; round < 50; round += 1) {
      const dirty = new Dirty();
      const added: Rect[] = [];
      for (let count = 0; count < 1 + random(120); count += 1) {
        const rect = { x: random(3000), y: random(2000), width: 1 + random(64), height: 1 + random(64) };
        added.push(rect);
        dirty.add(rect);
      }
      expect(dirty.rectangles.length).toBeLessThanOrEqual(DIRTY_LIMIT);
      const covered = (rect: Rect): boolean =>
        dirty.rectangles.some(
          (other) =>
            other.x <= rect.x &&
            other.y <= rect.y &&
            other.x + other.width >= rect.x + rect.width &&
            other.y + other.height >= rect.y + rect.height,
        );
      expect(added.every(covered)).toBe(true);
    }
  });

  test("neighbours become one, distant ones stay apart", () => {
    const dirty = new Dirty();
    dirty.add({ x: 0, y: 0, width: 10, height: 10 });
    dirty.add({ x: 10, y: 0, width: 10, height: 10 });
    dirty.add({ x: 1000, y: 1000, width: 5, height: 5 });
    expect(dirty.take()).toEqual([
      { x: 0, y: 0, width: 20, height: 10 },
      { x: 1000, y: 1000, width: 5, height: 5 },
    ]);
    expect(dirty.take()).toEqual([]);
  });
});
