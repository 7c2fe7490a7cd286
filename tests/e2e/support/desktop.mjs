/** What a person does on a desktop: opens a terminal, types commands, looks at the result. */

import { until } from "./wait.mjs";

/** Colour that nothing on a desktop has by itself; commands print it to show on the canvas that they ran. */
export const SIGN = [255, 0, 170];

/** Says whether the canvas shows at least this many pixels of the sign's colour. */
export async function showsSign(viewer, pixels = 200) {
  const data = await viewer.pixels();
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] === SIGN[0] && data[at + 1] === SIGN[1] && data[at + 2] === SIGN[2]) {
      count += 1;
    }
  }
  return count >= pixels;
}

/** Waits until the canvas has stood still for a moment, and gives its hash. */
export async function settled(viewer, deadlineMs = 30_000) {
  let last = "";
  let since = 0;
  return until(
    "a picture at rest",
    async () => {
      const now = await viewer.hash();
      if (now !== last) {
        last = now;
        since = performance.now();
      }
      return performance.now() - since > 600 && last;
    },
    deadlineMs,
  );
}

/** Opens a terminal by the desktop's run dialog and waits until its shell is there. */
export async function openTerminal(viewer, inside) {
  const { page } = viewer;
  const before = (await inside.running(/\bbash\b/)).length;
  const without = await settled(viewer);
  await page.keyboard.press("Alt+F2");
  // A busy machine rests for longer than a picture does before the dialog comes, and what is typed by then is lost.
  await until("the run dialog", async () => (await viewer.hash()) !== without, 30_000);
  await settled(viewer);
  await page.keyboard.type("xfce4-terminal");
  // The dialog ignores Enter until it has looked the command up.
  await settled(viewer);
  await page.keyboard.press("Enter");
  await until("a shell", async () => (await inside.running(/\bbash\b/)).length > before, 30_000);
  await settled(viewer);
}

/** Shell words that print the sign. */
export const PRINT_SIGN = String.raw`printf '\e[48;2;255;0;170m%30s\e[0m\n' ' '`;
