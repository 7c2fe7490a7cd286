#!/usr/bin/env python3
"""What is on this host, and what has changed.

    inventory.py [--state-dir DIR] [--files DIR]... [--caller PID]    prints an inventory as JSON
    inventory.py diff BEFORE AFTER [--ignore SECTION:REGEX]...        prints what differs; ends with 1 if anything does

An inventory has these sections, each a sorted list of texts, so that it can be read and compared by anyone:
processes, mounts, net_namespaces, links, addresses, routes, loop_devices, cgroups, nft, unix_sockets, files.

With --state-dir only what belongs to the Porthole server of that state folder is listed (its names derive from the
folder), which makes the inventory safe to compare while other programs work on the same machine.

Processes, network namespaces and sockets of the caller's own tree (the parent of this program and its descendants, or
those of --caller) are left out: they are the test itself. The server under test is part of that tree when the test
started it, what it leaves behind is not. What else is left out is in NOISE, and nowhere else.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys

# Section, pattern of entries that come and go by themselves, and who makes them.
NOISE = [
    ("processes", r"^\d+ \((systemd-udevd|\(udev-worker\)|udevd|cron|agetty|sshd|sd-pam)\)", "the system's own services"),
    ("cgroups", r"^[^/]*/?(user|system|machine)\.slice(/|$)", "systemd's units and sessions"),
    ("cgroups", r"(^|/)init\.scope$", "systemd itself"),
    ("unix_sockets", r"^/run/(systemd|udev|dbus|user)/", "the system's own services"),
    ("unix_sockets", r"^@[0-9a-f]{4,5}$", "autobound sockets, named by the kernel"),
    ("routes", r"\bcache\b", "routes the kernel learns and forgets"),
    ("routes", r"^(fe80|ff00|multicast ff00)", "what the kernel adds to every interface that comes up"),
]


def read(path, default=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return default


def run_json(*command):
    """The output of a tool that speaks JSON; an absent tool has nothing to say."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return []
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []


class Processes:
    """All user processes, without the caller's tree."""

    def __init__(self, caller):
        self.by_pid = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                self._add(int(name))
        children = {}
        for pid, process in self.by_pid.items():
            children.setdefault(process["ppid"], []).append(pid)
        self.own = set()
        todo = [caller]
        while todo:
            pid = todo.pop()
            if pid not in self.own:
                self.own.add(pid)
                todo.extend(children.get(pid, []))
        ancestor = caller
        while ancestor in self.by_pid:
            self.own.add(ancestor)
            ancestor = self.by_pid[ancestor]["ppid"]

    def _add(self, pid):
        stat = read(f"/proc/{pid}/stat")
        if not stat:
            return
        rest = stat[stat.rindex(")") + 2 :].split()
        command = read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
        if rest[0] == "Z" or int(rest[6]) & 0x00200000:  # a zombie, or PF_KTHREAD
            return
        self.by_pid[pid] = {
            "ppid": int(rest[1]),
            "name": stat[stat.index("(") + 1 : stat.rindex(")")],
            "command": command,
            "cgroup": read(f"/proc/{pid}/cgroup"),
        }

    def others(self):
        return {pid: process for pid, process in self.by_pid.items() if pid not in self.own}


def processes(all_processes):
    return [f"{pid} ({p['name']}) {p['command'][:200]}" for pid, p in all_processes.others().items()]


def mounts():
    lines = []
    for line in read("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        lines.append(f"{fields[4]} {kind[0]} {kind[1]} root={fields[3]}")
    return lines


def net_namespaces(all_processes):
    """Namespaces by inode, with who holds them: processes, or a mount as `ip netns` makes."""
    here = os.stat("/proc/self/ns/net").st_ino
    holders = {}
    for pid, process in all_processes.others().items():
        try:
            inode = os.stat(f"/proc/{pid}/ns/net").st_ino
        except OSError:
            continue
        if inode != here:
            holders.setdefault(inode, set()).add(process["name"])
    for line in read("/proc/self/mountinfo").splitlines():
        if " - nsfs " in line and "net:[" in line:
            inode = int(re.search(r"net:\[(\d+)\]", line).group(1))
            holders.setdefault(inode, set()).add(line.split()[4])
    return [f"{inode} held by {', '.join(sorted(names))}" for inode, names in holders.items()]


def links():
    found = []
    for name in os.listdir("/sys/class/net"):
        folder = f"/sys/class/net/{name}"
        try:
            master = os.path.basename(os.readlink(f"{folder}/master"))
        except OSError:
            # It has none, or has just vanished.
            master = "-"
        found.append(f"{name} index={read(folder + '/ifindex').strip()} master={master}")
    return found


def addresses():
    found = []
    for link in run_json("ip", "-j", "address"):
        for address in link.get("addr_info", []):
            found.append(f"{link['ifname']} {address['local']}/{address['prefixlen']}")
    return found


def routes():
    found = []
    for family in ("-4", "-6"):
        for route in run_json("ip", "-j", family, "route", "show", "table", "all"):
            if "cache" in route.get("flags", []):
                continue
            keys = ("type", "dst", "gateway", "dev", "table", "scope", "prefsrc")
            found.append(" ".join(str(route[key]) for key in keys if key in route))
    return found


def loop_devices():
    found = []
    for name in os.listdir("/sys/block"):
        file = read(f"/sys/block/{name}/loop/backing_file").strip()
        if file:
            found.append(f"/dev/{name} {file}")
    return found


def cgroups():
    found = []
    root = "/sys/fs/cgroup"
    for folder, below, _ in os.walk(root):
        found.extend(os.path.relpath(os.path.join(folder, name), root) for name in below)
    return found


def nft():
    """Every object of the ruleset, without counters and handles."""

    def bare(value):
        if isinstance(value, dict):
            return {k: bare(v) for k, v in value.items() if k not in ("handle", "packets", "bytes")}
        return [bare(v) for v in value] if isinstance(value, list) else value

    rules = run_json("nft", "-j", "list", "ruleset")
    objects = rules.get("nftables", []) if isinstance(rules, dict) else []
    return [json.dumps(bare(o), sort_keys=True) for o in objects if "metainfo" not in o]


def unix_sockets(all_processes):
    """Named sockets that no process of the caller's tree holds."""
    own = set()
    for pid in all_processes.own:
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
                if target.startswith("socket:["):
                    own.add(target[8:-1])
        except OSError:
            continue
    found = []
    for line in read("/proc/net/unix").splitlines()[1:]:
        fields = line.split(None, 7)
        if len(fields) == 8 and fields[6] not in own:
            found.append(fields[7])
    return sorted(set(found))


def files(folders):
    found = []
    for top in folders:
        for folder, below, names in os.walk(top):
            found.extend(os.path.join(folder, name) + "/" for name in below)
            found.extend(os.path.join(folder, name) for name in names)
    return found


def take(arguments):
    all_processes = Processes(arguments.caller or os.getppid())
    inventory = {
        "processes": processes(all_processes),
        "mounts": mounts(),
        "net_namespaces": net_namespaces(all_processes),
        "links": links(),
        "addresses": addresses(),
        "routes": routes(),
        "loop_devices": loop_devices(),
        "cgroups": cgroups(),
        "nft": nft(),
        "unix_sockets": unix_sockets(all_processes),
        "files": files(arguments.files),
    }
    for section, pattern, _ in NOISE:
        inventory[section] = [entry for entry in inventory[section] if not re.search(pattern, entry)]
    if arguments.state_dir:
        inventory = only_of(arguments.state_dir, inventory, all_processes)
    return {section: sorted(entries) for section, entries in inventory.items()}


def only_of(state_dir, inventory, all_processes):
    """What belongs to the server of one state folder, by the names that derive from it."""
    state_dir = os.path.realpath(state_dir)
    tag = hashlib.sha256(state_dir.encode()).hexdigest()[:6]
    names = [f"ph-{tag}", f"pv{tag}-", f"porthole_{tag}", f"porthole-{tag}", f"/run/porthole/{tag}"]
    below = state_dir.rstrip("/") + "/"

    def belongs(entry):
        return below in entry or any(name in entry for name in names)

    inside = {pid for pid, p in all_processes.by_pid.items() if f"porthole-{tag}/" in p["cgroup"]}
    spaces = set()
    for pid in inside:
        try:
            spaces.add(str(os.stat(f"/proc/{pid}/ns/net").st_ino))
        except OSError:
            continue
    mine = {}
    for section, entries in inventory.items():
        if section == "processes":
            mine[section] = [e for e in entries if int(e.split()[0]) in inside or belongs(e)]
        elif section == "net_namespaces":
            mine[section] = [e for e in entries if e.split()[0] in spaces]
        elif section == "files":
            mine[section] = entries + files([f"/run/porthole/{tag}"])
        else:
            mine[section] = [e for e in entries if belongs(e)]
    return mine


def difference(before, after, ignored):
    changes = {}
    for section in sorted(set(before) | set(after)):
        skip = [re.compile(pattern) for of, pattern in ignored if of == section]
        old, new = set(before.get(section, [])), set(after.get(section, []))
        added = sorted(e for e in new - old if not any(s.search(e) for s in skip))
        removed = sorted(e for e in old - new if not any(s.search(e) for s in skip))
        if added or removed:
            changes[section] = {"added": added, "removed": removed}
    return changes


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "diff":
        parser = argparse.ArgumentParser(prog="inventory.py diff")
        parser.add_argument("before")
        parser.add_argument("after")
        parser.add_argument("--ignore", action="append", default=[], metavar="SECTION:REGEX")
        arguments = parser.parse_args(sys.argv[2:])
        ignored = [tuple(text.split(":", 1)) for text in arguments.ignore]
        loaded = [json.loads(read(path, "null")) for path in (arguments.before, arguments.after)]
        if None in loaded:
            parser.error("both inventories must be readable files")
        changes = difference(*loaded, ignored)
        print(json.dumps(changes, indent=1))
        sys.exit(1 if changes else 0)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state-dir", help="list only what belongs to the server of this state folder")
    parser.add_argument("--files", action="append", default=[], metavar="DIR", help="also list the files below DIR")
    parser.add_argument("--caller", type=int, help="the process whose tree is left out (default: the parent)")
    print(json.dumps(take(parser.parse_args()), indent=1))


if __name__ == "__main__":
    main()
