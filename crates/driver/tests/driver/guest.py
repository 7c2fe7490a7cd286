#!/usr/bin/python3
"""A guest agent for the driver's tests: process 1 of an instance, answers health requests on descriptor 3.

Tests write a copy of it with another MODE, which makes it misbehave.
"""

import json
import os
import signal
import socket
import sys
import time

MODE = "good"  # good | deaf (never answers) | stubborn (ignores TERM) | dying (ends at once)


def main():
    if MODE == "dying":
        print("no display hardware", flush=True)
        sys.exit(3)
    with open("/run/porthole/boot.json", encoding="utf-8") as file:
        boot = json.load(file)
    with open("/etc/hosts", "w", encoding="utf-8") as file:
        file.write(f"127.0.0.1 localhost\n{boot['address']} {boot['hostname']}\n")
    os.makedirs("/home/lightsail-user", exist_ok=True)
    os.chown("/home/lightsail-user", 1000, 1000)
    if boot["nameservers"]:
        with open("/etc/resolv.conf", "w", encoding="utf-8") as file:
            file.writelines(f"nameserver {server}\n" for server in boot["nameservers"])
    assert os.getpid() == 1 and os.environ["LISTEN_FDS"] == "1"
    ignore = signal.SIG_IGN if MODE == "stubborn" else lambda *_: os._exit(0)
    signal.signal(signal.SIGTERM, ignore)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans are reaped by the kernel
    listener = socket.socket(fileno=3)
    began = time.monotonic()
    deaf = []
    print("up", flush=True)
    while True:
        connection, _ = listener.accept()
        if MODE == "deaf":
            deaf.append(connection)
            continue
        try:
            answer(connection, began)
        except OSError:
            pass  # the caller has gone
        connection.close()


def answer(connection, began):
    connection.recv(4096)
    health = {"version": "test", "uptime_ms": int((time.monotonic() - began) * 1000), "displays": []}
    body = json.dumps(health)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    connection.sendall((head + body).encode())


main()
