import { describe, expect, test } from "vitest";
import { NOTCH, Pointer, type PointerMessage, wheelUnits } from "../src/input/pointer.ts";
import { HOLD_MS, Touch } from "../src/input/touch.ts";

function recorder(): { pointer: Pointer; take(): PointerMessage[] } {
  const sent: PointerMessage[] = [];
  return { pointer: new Pointer((message) => sent.push(message)), take: () => sent.splice(0) };
}

const at = (x: number, y: number, buttons = 0, wheelX = 0, wheelY = 0): PointerMessage => ({
  x,
  y,
  buttons,
  wheelX,
  wheelY,
});

describe("pointer", () => {
  test("the first move of a frame goes out at once, the last one with the next frame", () => {
    const { pointer, take } = recorder();
    pointer.move(1, 1);
    pointer.move(2, 2);
    pointer.move(3, 3);
    expect(take()).toEqual([at(1, 1)]);
    expect(pointer.frame()).toBe(true);
    expect(take()).toEqual([at(3, 3)]);
    expect(pointer.frame()).toBe(true);
    expect(pointer.frame()).toBe(false);
    expect(take()).toEqual([]);
  });

  test("a button carries the place it was pressed at, and a waiting move does not follow it", () => {
    const { pointer, take } = recorder();
    pointer.move(1, 1);
    pointer.move(5, 5);
    pointer.down(6, 6, 0);
    pointer.up(6, 6, 0);
    pointer.frame();
    expect(take()).toEqual([at(1, 1), at(6, 6, 1), at(6, 6)]);
  });

  test("all five buttons have their bits", () => {
    const { pointer, take } = recorder();
    for (const button of [0, 1, 2, 3, 4]) {
      pointer.down(0, 0, button);
    }
    pointer.down(0, 0, 9);
    expect(take().map((message) => message.buttons)).toEqual([1, 3, 7, 15, 31]);
    expect(pointer.dragging).toBe(true);
    pointer.forget();
    expect(pointer.dragging).toBe(false);
    pointer.move(1, 1);
    pointer.frame();
    expect(take()).toEqual([at(1, 1)]);
  });

  test("small wheel movements are collected", () => {
    const { pointer, take } = recorder();
    pointer.wheel(0, 0, { x: 0, y: 0.4 });
    pointer.wheel(0, 0, { x: 0, y: 0.4 });
    expect(take()).toEqual([]);
    pointer.wheel(0, 0, { x: 0, y: 0.4 });
    expect(take()).toEqual([at(0, 0, 0, 0, 1)]);
    pointer.wheel(0, 0, { x: 0, y: 1e9 });
    expect(take()).toEqual([at(0, 0, 0, 0, 32_767)]);
  });
});

describe("wheel", () => {
  const wheel = (deltaX: number, deltaY: number, deltaMode = 0, shiftKey = false) =>
    wheelUnits({ deltaX, deltaY, deltaMode, shiftKey });

  test.each([
    ["one notch of a mouse that says 100", wheel(0, 100), { x: 0, y: NOTCH }],
    ["one notch of a mouse that says 120", wheel(0, 120), { x: 0, y: NOTCH }],
    ["two notches backwards", wheel(0, -240), { x: 0, y: -2 * NOTCH }],
    ["a touchpad's pixel", wheel(0, 5), { x: 0, y: 6 }],
    ["three lines are a notch", wheel(0, 3, 1), { x: 0, y: NOTCH }],
    ["a page", wheel(0, 1, 2), { x: 0, y: 5 * NOTCH }],
    ["sideways", wheel(100, 0), { x: NOTCH, y: 0 }],
    ["sideways made by Shift is undone", wheel(100, 0, 0, true), { x: 0, y: NOTCH }],
  ])("%s", (_name, units, expected) => {
    expect(units).toEqual(expected);
  });
});

describe("touch", () => {
  function fingers(): { touch: Touch; said: string[] } {
    const said: string[] = [];
    const target = {
      move: (x: number, y: number) => void said.push(`move ${x},${y}`),
      down: (x: number, y: number, button: number) => void said.push(`down ${x},${y} ${button}`),
      up: (x: number, y: number, button: number) => void said.push(`up ${x},${y} ${button}`),
      wheel: (_x: number, _y: number, units: { x: number; y: number }) => void said.push(`wheel ${units.x},${units.y}`),
    };
    return { touch: new Touch(target, (x, y) => ({ x: 2 * x, y: 2 * y })), said };
  }

  test("a tap is a click", () => {
    const { touch, said } = fingers();
    touch.down(1, 10, 10, 0);
    touch.move(1, 12, 11);
    touch.up(1);
    expect(said).toEqual(["move 20,20", "down 24,22 0", "up 24,22 0"]);
  });

  test("a held finger is a right click, once", () => {
    const { touch, said } = fingers();
    touch.down(1, 10, 10, 0);
    expect(touch.tick(HOLD_MS - 1)).toBe(false);
    expect(touch.tick(HOLD_MS)).toBe(true);
    expect(touch.tick(HOLD_MS + 1)).toBe(false);
    touch.up(1);
    expect(said).toEqual(["move 20,20", "down 20,20 2", "up 20,20 2"]);
  });

  test("a moving finger drags from where it began", () => {
    const { touch, said } = fingers();
    touch.down(1, 10, 10, 0);
    touch.move(1, 30, 10);
    touch.move(1, 40, 10);
    touch.up(1);
    expect(said).toEqual(["move 20,20", "down 20,20 0", "move 60,20", "move 80,20", "up 80,20 0"]);
  });

  test("two fingers turn the wheel and click nothing", () => {
    const { touch, said } = fingers();
    touch.down(1, 10, 10, 0);
    touch.down(2, 50, 10, 5);
    touch.move(1, 10, 0);
    touch.move(2, 50, 0);
    touch.up(1);
    touch.up(2);
    expect(said).toEqual(["move 20,20", "wheel 0,15", "wheel 0,15"]);
  });

  test("fingers that the system takes away let the button go", () => {
    const { touch, said } = fingers();
    touch.down(1, 10, 10, 0);
    touch.move(1, 30, 10);
    touch.cancel();
    expect(said.at(-1)).toBe("up 60,20 0");
    touch.up(1);
    expect(said).toHaveLength(4);
  });
});
