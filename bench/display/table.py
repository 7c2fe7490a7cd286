"""Prints Porthole's figures beside the best peer's, and the targets: table.py FOLDER, with the harness's JSON files.

Figures are medians over the rounds. The best peer of a line is the best of all peers in just that line.
"""
import glob
import json
import statistics
import sys

OURS, NO_PEER = "porthole", ("floor-local-page", "proto-x11-floor")

# What, where in a round, divisor, digits, more is better, target: times the best peer's figure, or a figure.
LINES = [
    ("flip, key to pixel, ms", "flip.latency_ms.p50", 1, 1, False, (0.6, None)),
    ("the same, p99", "flip.latency_ms.p99", 1, 1, False, (None, 36)),
    ("caret, key to pixel, ms", "caret.latency_ms.p50", 1, 1, False, (0.6, None)),
    ("the same, p99", "caret.latency_ms.p99", 1, 1, False, (None, 36)),
    ("typing, key to caret, ms", "typing.latency_ms.p50", 1, 1, False, (0.6, None)),
    ("typing, kB", "typing.down", 1e3, 1, False, (None, 10)),
    ("typing, server CPU s", "typing.server_cpu", 1, 2, False, (None, 0.10)),
    ("scroll by repaint, frames/s", "scroll.fps", 1, 1, True, (None, 20)),
    ("age of a frame, ms", "scroll.frame_latency_ms.p50", 1, 1, False, (0.8, None)),
    ("MB", "scroll.down", 1e6, 2, False, (0.4, None)),
    ("server CPU s", "scroll.server_cpu", 1, 2, False, (0.4, None)),
    ("browser CPU s", "scroll.client_cpu", 1, 1, False, (1.0, None)),
    ("scroll by XCopyArea, frames/s", "scrollcopy.fps", 1, 1, True, (None, 20)),
    ("age of a frame, ms", "scrollcopy.frame_latency_ms.p50", 1, 1, False, (None, 30)),
    ("MB", "scrollcopy.down", 1e6, 2, False, (None, 1.2)),
    ("server CPU s", "scrollcopy.server_cpu", 1, 2, False, (None, 0.5)),
    ("browser CPU s", "scrollcopy.client_cpu", 1, 1, False, (1.0, None)),
    ("video, frames/s", "video.fps", 1, 1, True, (None, 29.5)),
    ("age of a frame, ms", "video.frame_latency_ms.p50", 1, 1, False, (1.0, None)),
    ("MB", "video.down", 1e6, 2, False, (None, 3.4)),
    ("dB while it plays", "video.psnr_live", 1, 1, True, (None, 35)),
    ("server CPU s", "video.server_cpu", 1, 2, False, (1.0, None)),
    ("browser CPU s", "video.client_cpu", 1, 1, False, (1.0, None)),
    ("drag, frames/s", "drag.fps", 1, 1, True, (None, 58)),
    ("age of a frame, ms", "drag.frame_latency_ms.p50", 1, 1, False, (1.0, None)),
    ("MB", "drag.down", 1e6, 2, False, (0.25, None)),
    ("server CPU s", "drag.server_cpu", 1, 2, False, (0.8, None)),
    ("browser CPU s", "drag.client_cpu", 1, 1, False, (1.0, None)),
    ("idle, bytes", "idle.down", 1, 0, False, (None, 0)),
    ("idle, server CPU s", "idle.server_cpu", 1, 2, False, (None, 0)),
    ("server memory, MB", "idle.server_pss_kb", 1e3, 0, False, (None, 110)),
    ("start to first frame, s", "start.first_frame_s", 1, 2, False, (None, 0.6)),
    ("stop to gone, s", "stop.stop_s", 1, 2, False, (None, 0.08)),
]
EXACT = ("typing", "scroll", "scrollcopy", "video", "drag")


def figure(rounds, path):
    """Median over the rounds that have it; None when none has."""
    values = []
    for value in rounds:
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        values.extend(value if isinstance(value, list) else [value])
    values = [v for v in values if isinstance(v, (int, float))]
    return statistics.median(values) if values else None


def line(runs, what, path, divisor, digits, more, target):
    """One row of the table."""
    ours = figure(runs[OURS], path)
    theirs = {peer: figure(rounds, path) for peer, rounds in runs.items() if peer not in (OURS, *NO_PEER)}
    theirs = {peer: value for peer, value in theirs.items() if value is not None}
    if ours is None or not theirs:
        return f"| {what} | – | – | – | – | |"
    peer = (max if more else min)(theirs, key=theirs.get)
    best, (times, limit) = theirs[peer], target
    wanted = limit * divisor if limit is not None else times * best
    met = ours >= wanted if more else ours <= wanted
    show = lambda value: f"{value / divisor:.{digits}f}"
    rule = f"{'≥' if more else '≤'} {limit}" if limit is not None else f"≤ {times}×"
    ratio = f"{ours / best:.2f}×" if best else "–"
    return f"| {what} | {show(best)} ({peer}) | {show(ours)} | {ratio} | {rule} | {'yes' if met else '**no**'} |"


def settled(rounds):
    """How often each scene's picture was exact two seconds after it, in all rounds."""
    counts = []
    for scene in EXACT:
        ends = [r[scene]["final_2s"]["exact"] for r in rounds if "final_2s" in (r.get(scene) or {})]
        counts.append(f"{scene} {sum(ends)} of {len(ends)}")
    return ", ".join(counts)


def main():
    runs = {}
    for name in sorted(glob.glob(f"{sys.argv[1]}/*.json")):
        with open(name, encoding="utf-8") as file:
            run = json.load(file)
        runs.setdefault(run["peer"], []).append(run)
    print("\n| | best peer | Porthole | ratio | target | met |\n|---|---|---|---|---|---|")
    for row in LINES:
        print(line(runs, *row))
    print()
    for peer, rounds in runs.items():
        if peer not in NO_PEER:
            print(f"Exact two seconds after the end, {peer}: {settled(rounds)}.\n")


main()
