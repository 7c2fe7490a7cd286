import { expect, test } from "vitest";
import type { SharedMemory } from "../src/display/blit.ts";
import type { Picture } from "../src/display/picture.ts";
import { SharedReader, SharedWriter } from "../src/display/shared.ts";

function pair(): { writer: SharedWriter; reader: () => SharedReader; announced: SharedMemory[] } {
  const announced: SharedMemory[] = [];
  const writer = new SharedWriter((memory) => announced.push(memory));
  return { writer, reader: () => new SharedReader(announced.at(-1) as SharedMemory), announced };
}

/** A picture of 400 × 300 pixels whose first frame was drawn. */
function drawn(): { writer: SharedWriter; picture: Picture; page: SharedReader } {
  const { writer, reader } = pair();
  writer.begin(1);
  const picture = writer.resize(400, 300, false);
  const page = reader();
  writer.change(1, [LARGE], () => {});
  page.take(() => {});
  return { writer, picture, page };
}

const LARGE = { x: 0, y: 0, width: 400, height: 300 };
const ALL = { x: 0, y: 0, width: 8, height: 4 };

test("a new connection shows nothing before its first frame, and then everything", () => {
  const { writer, reader } = pair();
  writer.begin(1);
  const picture = writer.resize(8, 4, false);
  const page = reader();
  expect(page.fresh).toBe(false);
  const one = { x: 1, y: 1, width: 1, height: 1 };
  writer.change(1, [one], () => picture.fill(one, 9, 9, 9));
  let bytes = 0;
  const drawing = page.take((_drawing, pixels) => {
    bytes = pixels.byteLength;
  });
  expect(drawing).toEqual({ connection: 1, frame: 1, width: 8, height: 4, fills: [], rects: [ALL] });
  expect(bytes).toBe(4 * 8 * 4);
  expect(page.fresh).toBe(false);
  expect(page.take(() => {})).toBeUndefined();
});

test("what was drawn is not drawn again, what was not drawn adds up", () => {
  const { writer, reader } = pair();
  writer.begin(1);
  writer.resize(800, 600, false);
  const page = reader();
  writer.change(1, [], () => {});
  page.take(() => {});
  const a = { x: 0, y: 0, width: 10, height: 10 };
  const b = { x: 700, y: 500, width: 10, height: 10 };
  writer.change(2, [a], () => {});
  writer.change(3, [b], () => {});
  expect(page.take(() => {})).toMatchObject({ frame: 3, rects: [a, b] });
  writer.change(4, [b], () => {});
  expect(page.take(() => {})).toMatchObject({ frame: 4, rects: [b] });
});

test("a frame that changes nothing is reported, so that it is acknowledged", () => {
  const { writer, reader } = pair();
  writer.begin(1);
  writer.resize(8, 4, false);
  const page = reader();
  writer.change(1, [ALL], () => {});
  page.take(() => {});
  writer.change(2, [], () => {});
  expect(page.take(() => {})).toMatchObject({ frame: 2, rects: [] });
});

test("memory is kept while it is large enough, and announced when it is not", () => {
  const { writer, reader, announced } = pair();
  writer.begin(1);
  const picture = writer.resize(8, 4, false);
  writer.change(1, [ALL], () => picture.fill(ALL, 1, 2, 3));
  const page = reader();
  page.take(() => {});
  writer.resize(16, 16, true);
  expect(announced).toHaveLength(1);
  let corner: number[] = [];
  const drawing = page.take((_drawing, pixels) => {
    corner = [...pixels.subarray(4 * 7, 4 * 9)];
  });
  expect(drawing).toMatchObject({ connection: 1, frame: 1, width: 16, height: 16 });
  expect(corner).toEqual([1, 2, 3, 255, 0, 0, 0, 255]);
  writer.resize(4000, 3000, true);
  expect(announced).toHaveLength(2);
  const next = reader().take((_drawing, pixels) => {
    corner = [...pixels.subarray(0, 4)];
  });
  expect(next).toMatchObject({ frame: 1, width: 4000, height: 3000 });
  expect(corner).toEqual([1, 2, 3, 255]);
});

test("the page goes on without the picture while the worker is at it", () => {
  const { writer, reader } = pair();
  writer.begin(1);
  writer.resize(8, 4, false);
  const page = reader();
  writer.change(1, [ALL], () => {});
  let now = 0;
  const tick = (): number => {
    now += 1;
    return now;
  };
  let seen: unknown = "not asked";
  writer.change(2, [ALL], () => {
    seen = page.take(() => {}, tick);
  });
  expect(seen).toBeUndefined();
  expect(page.take(() => {})).toMatchObject({ frame: 2 });
});

test("a drawing that fails lets the lock go", () => {
  const { writer, reader } = pair();
  writer.begin(1);
  writer.resize(8, 4, false);
  const page = reader();
  writer.change(1, [ALL], () => {});
  expect(() =>
    page.take(() => {
      throw new Error("no");
    }),
  ).toThrow("no");
  writer.change(2, [ALL], () => {});
  expect(page.take(() => {})).toMatchObject({ frame: 2 });
});

test("the worker knows whether the page looks by itself", () => {
  const { writer, reader } = pair();
  writer.begin(1);
  expect(writer.pageAwake).toBe(false);
  writer.resize(8, 4, false);
  const page = reader();
  page.awake = true;
  expect(writer.pageAwake).toBe(true);
  page.awake = false;
  expect(writer.pageAwake).toBe(false);
});

test("frame numbers above 2³¹ come through", () => {
  const { writer, reader } = pair();
  writer.begin(1);
  writer.resize(8, 4, false);
  writer.change(0xfffffffe, [], () => {});
  expect(reader().take(() => {})).toMatchObject({ frame: 0xfffffffe });
});

test("a large fill is there for the page before the memory is filled", () => {
  const { writer, picture, page } = drawn();
  const fill = { ...LARGE, colour: 0x102030 };
  let seen: unknown;
  writer.change(2, [fill], () => {
    picture.fill(LARGE, 0x10, 0x20, 0x30);
    seen = page.take(() => {});
  });
  expect(seen).toMatchObject({ frame: 2, fills: [fill], rects: [] });
  expect(page.fresh).toBe(false);
});

test("what is drawn from memory over a fill comes after it, and waits for the memory", () => {
  const { writer, picture, page } = drawn();
  const letter = { x: 10, y: 10, width: 8, height: 12 };
  const fill = { ...LARGE, colour: 0xffffff };
  writer.change(2, [fill], () => picture.fill(LARGE, 255, 255, 255));
  writer.change(3, [letter, { ...LARGE, height: 1, colour: 0 }], () => picture.fill(letter, 9, 9, 9));
  let during: unknown = "not asked";
  let clock = 0;
  writer.change(4, [{ ...fill, colour: 0x010203 }], () => {
    during = page.take(
      () => {},
      () => (clock += 10),
    );
  });
  expect(during).toBeUndefined();
  const drawing = page.take(() => {});
  expect(drawing?.fills.map(({ colour }) => colour)).toEqual([0xffffff, 0x010203]);
  expect(drawing?.rects.length).toBeGreaterThan(0);
  expect(drawing?.frame).toBe(4);
});

test("many fills, and small ones, are drawn from memory", () => {
  const { writer, page } = drawn();
  writer.change(2, [{ x: 0, y: 0, width: 10, height: 10, colour: 1 }], () => {});
  expect(page.take(() => {})).toMatchObject({ fills: [], rects: [{ width: 10, height: 10 }] });
  for (let number = 3; number < 20; number += 1) {
    writer.change(number, [{ ...LARGE, colour: number }], () => {});
  }
  expect(page.take(() => {})).toMatchObject({ frame: 19, rects: [LARGE] });
});
