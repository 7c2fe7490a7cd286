#!/usr/bin/env python3
"""Measures how long after a scene's last change the browser's canvas has exactly the X server's picture:

    HARNESS/venv/bin/python bench/display/settle.py HARNESS [ROUNDS [SCENES]]

HARNESS is the folder of the browser-streaming harness, set up by bench/display/run. The display's own log tells when the
page had drawn the last frame that was sent; nothing changes the canvas after that, and what it shows then is compared
with the X server's picture. Nothing runs in the page meanwhile: a script that read the canvas in each frame slowed the
page down by some 30 ms.
"""
import datetime
import os
import re
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HARNESS = os.path.abspath(sys.argv[1])
os.chdir(HARNESS)
sys.path.insert(0, HARNESS)
import adapters
from bench import Scene, Session, quality, sync_playwright, unpng

LINE = re.compile(r"(\S+Z) TRACE .*(?:Frame viewer=\d+ number=(?P<sent>\d+)|Ack \{ frame: (?P<drawn>\d+))")
AFTER_S = 1.5


def last_drawn(log):
    """When the frame that was sent last had been drawn, ms; None while it has not."""
    sent = drawn = at = None
    for line in open(log):
        if found := LINE.search(line):
            sent = found["sent"] or sent
            if found["drawn"]:
                drawn, at = found["drawn"], datetime.datetime.fromisoformat(found[1].replace("Z", "+00:00"))
    return at.timestamp() * 1000 if at and drawn == sent else None


def settle(session, name):
    """Plays a scene; gives the milliseconds from its last change."""
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
        time.sleep(AFTER_S)
        at = last_drawn(f"{session.peer.dir}/porthole-guest.log")
        picture = page.evaluate("([w, h]) => __meter.shot(0, 0, w, h)", list(session.peer.size))
        exact = quality(scene.grab(session.peer.size), unpng(picture))["exact"]
        return f"{at - ended:.0f}" if exact and at and at < ended + 1000 * AFTER_S else "not exact"
    finally:
        scene.close()


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    scenes = sys.argv[3].split(",") if len(sys.argv) > 3 else ["typing", "scroll", "scrollcopy", "video", "drag"]
    os.environ["PORTHOLE_LOG"] = "porthole_guest=trace"
    times = {name: [] for name in scenes}
    with sync_playwright() as browser:
        for _ in range(rounds):
            # A display that has shown a scene before may have kept the picture it ends with.
            peer = adapters.load(f"{ROOT}/bench/display/porthole.py")(tempfile.mkdtemp(prefix="bench-peer-"))
            session = Session(browser, peer)
            try:
                session.open()
                for name in scenes:
                    times[name].append(settle(session, name))
            finally:
                session.close()
    print("\n**last change to exact picture, ms**\n\n| scene | each round |\n|---|---|")
    for name, each in times.items():
        print(f"| {name} | {', '.join(each)} |")


main()
