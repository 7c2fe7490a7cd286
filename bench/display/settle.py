#!/usr/bin/env python3
"""Measures how long after a scene's last change the browser's canvas has exactly the X server's picture:

    HARNESS/venv/bin/python bench/display/settle.py HARNESS [ROUNDS [SCENES]]

HARNESS is the folder of the browser-streaming harness, set up by bench/display/run. From the moment the scene has ended
four rows of each tile of 64 x 64 pixels are kept in every animation frame; the first that are like the last ones are
what counts, when the whole picture is like the X server's in the end.
"""
import os
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HARNESS = os.path.abspath(sys.argv[1])
os.chdir(HARNESS)
sys.path.insert(0, HARNESS)
import adapters
from bench import Scene, Session, quality, sync_playwright, unpng

FRAMES = 60
RECORD = """frames => {
  const kept = [];
  window.__settle = new Promise(done => {
    const next = () => {
      const c = new OffscreenCanvas(1920, 4 * 17);
      c.ctx = c.getContext('2d', { willReadFrequently: true, alpha: false });
      for (let k = 0; k < 17; k += 1) c.ctx.drawImage(__meter.el(), 0, 64 * k + 30, 1920, 4, 0, 4 * k, 1920, 4);
      kept.push([__meter.now(), c]);
      if (kept.length < frames) requestAnimationFrame(next); else done(kept);
    };
    requestAnimationFrame(next);
  });
}"""
FIRST_EXACT = """async () => {
  const kept = await window.__settle;
  const words = c => new Uint32Array(c.ctx.getImageData(0, 0, c.width, c.height).data.buffer);
  const last = words(kept.at(-1)[1]);
  let i = kept.length - 1;
  while (i > 0) { const w = words(kept[i - 1][1]); if (!w.every((v, k) => v === last[k])) break; i -= 1; }
  return [kept[i][0], i];
}"""


def settle(session, name):
    """Plays a scene; gives the milliseconds, which are fewer than those of the first look if that was exact already."""
    page, scene = session.page, Scene(session.peer, name)
    try:
        time.sleep(1.5)
        session.focus()
        time.sleep(1.5)
        if name == "typing":
            page.keyboard.press("x")
            ended = page.evaluate("__meter.keydowns.at(-1)[0]")
        else:
            scene.say("go")
            ended = scene.wait("end")[2]
        page.evaluate(RECORD, FRAMES)
        at, number = page.evaluate(FIRST_EXACT)
        picture = page.evaluate("([w, h]) => __meter.shot(0, 0, w, h)", list(session.peer.size))
        if not quality(scene.grab(session.peer.size), unpng(picture))["exact"]:
            return "not exact"
        after = f"{at - ended:.0f}"
        return f"< {after}" if number == 0 else after
    finally:
        scene.close()


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    scenes = sys.argv[3].split(",") if len(sys.argv) > 3 else ["typing", "scroll", "scrollcopy", "video", "drag"]
    with sync_playwright() as browser:
        peer = adapters.load(f"{ROOT}/bench/display/porthole.py")(tempfile.mkdtemp(prefix="bench-peer-"))
        session = Session(browser, peer)
        try:
            session.open()
            print("\n**last change to exact picture, ms**\n\n| scene | each round |\n|---|---|")
            for name in scenes:
                print(f"| {name} | {', '.join(settle(session, name) for _ in range(rounds))} |", flush=True)
        finally:
            session.close()


main()
