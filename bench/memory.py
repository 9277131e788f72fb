#!/usr/bin/python3
"""Measures what watches and pods cost the API server in resident memory. Prints Markdown rows.

    bench/memory.py [--bin build/release/bin/coxswain] [--watches 10000] [--pods 100000] [watches] [pods]

watches: idle watches of one collection, 200 on each HTTP/2 connection, before and after.
pods: pods created over HTTP/2; 60 s later, resident memory above that of before, and above the bytes
stored, for each. The stored bytes are those of a protobuf list, read after the measurement.
"""
import argparse
import os
import selectors
import socket
import ssl
import struct
import sys
import time

SOURCE = os.path.abspath(os.path.dirname(__file__) + "/..")
sys.path.insert(0, SOURCE + "/bench")
from control_plane import ControlPlane, resident_mib  # noqa: E402

DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
STREAMS = 200
POD = ('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-%d","labels":{"app":"web","tier":"front"}},'
       '"spec":{"containers":[{"name":"web","image":"registry.example.com/web:1.2.3","env":[{"name":"MODE",'
       '"value":"production"}],"ports":[{"name":"http","containerPort":8080}],"resources":{"requests":'
       '{"cpu":"100m","memory":"64Mi"}}}]}}')


def literal(text):
    """A string of HPACK without Huffman codes."""
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    out, rest = [127], len(data) - 127
    while rest >= 128:
        out.append(rest % 128 + 128)
        rest //= 128
    return bytes(out + [rest]) + data


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class Http2:
    """Enough of RFC 9113 to send requests of one kind and count their answers."""

    def __init__(self, url):
        host, port = url.split("//")[1].split(":")
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(socket.create_connection((host, int(port))))
        # A window that never fills: 1 GiB.
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 30)) +
                            frame(WINDOW, 0, 0, struct.pack(">I", 1 << 30)))
        self.authority, self.next, self.buffer = f"{host}:{port}", 1, b""
        self.answered = self.ended = self.bytes = 0
        self.window = 65535

    def request(self, method, path, body=b"", accept="application/json", content_type="application/json"):
        block = b"".join(b"\0" + literal(name) + literal(value) for name, value in (
            (":method", method), (":scheme", "https"), (":path", path), (":authority", self.authority),
            ("authorization", "Bearer admin-token"), ("accept", accept), ("content-type", content_type)))
        out = frame(HEADERS, 4 if body else 5, self.next, block)
        if body:
            out += frame(DATA, 1, self.next, body)
            self.window -= len(body)
        self.next += 2
        self.socket.sendall(out)

    def read(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise SystemExit("memory.py: the server closed a connection")
        self.buffer += data
        while len(self.buffer) >= 9:
            length = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + length:
                break
            kind, flags = self.buffer[3], self.buffer[4]
            payload, self.buffer = self.buffer[9:9 + length], self.buffer[9 + length:]
            if kind == HEADERS:
                self.answered += 1
            if kind == DATA:
                self.bytes += length
            if kind in (HEADERS, DATA) and flags & 1:
                self.ended += 1
            if kind in (RST, GOAWAY):
                raise SystemExit(f"memory.py: the server gave up: frame {kind} {payload!r}")
            if kind == WINDOW:
                self.window += int.from_bytes(payload, "big")
            if kind == SETTINGS and not flags & 1:
                self.socket.sendall(frame(SETTINGS, 1, 0))
            if kind == PING and not flags & 1:
                self.socket.sendall(frame(PING, 1, 0, payload))

    def until(self, done):
        while not done():
            self.read()


def measure_watches(binary, count):
    with ControlPlane(binary, False) as plane:
        time.sleep(5)  # what a start leaves behind settles
        pid = plane.processes[0].pid
        before = resident_mib(pid)
        path = "/api/v1/namespaces/default/configmaps?watch=true&allowWatchBookmarks=true"
        connections = []
        for first in range(0, count, STREAMS):
            one = Http2(plane.url)
            wanted = min(STREAMS, count - first)
            for _ in range(wanted):
                one.request("GET", path)
            one.until(lambda: one.answered == wanted)
            connections.append(one)
        time.sleep(10)  # the allocator gives back what the opening took
        after = resident_mib(pid)
        print(f"| {count} idle watches on {len(connections)} connections | {after - before:.1f} MiB more "
              f"({before:.1f} to {after:.1f}) | {(after - before) * 1024 / count:.2f} KiB each |", flush=True)


def create_pods(plane, count, lanes=8, depth=16):
    selector = selectors.DefaultSelector()
    connections = [Http2(plane.url) for _ in range(lanes)]
    sent = 0
    for one in connections:
        selector.register(one.socket, selectors.EVENT_READ, one)
    while sent < count or any(one.ended * 2 + 1 != one.next for one in connections):
        for one in connections:
            # Streams that are open: those begun, without those ended.
            while sent < count and (one.next - 1) // 2 - one.ended < depth and one.window > 4096:
                one.request("POST", "/api/v1/namespaces/default/pods", (POD % sent).encode())
                sent += 1
        ready = [key.data for key, _ in selector.select(1)]
        for one in connections:
            if one in ready or one.socket.pending():
                one.read()


def measure_pods(binary, count):
    with ControlPlane(binary, False) as plane:
        one = Http2(plane.url)
        one.request("POST", "/api/v1/namespaces/default/serviceaccounts",
                    b'{"metadata":{"name":"default"},"automountServiceAccountToken":false}')
        one.until(lambda: one.ended == 1)
        time.sleep(5)
        pid = plane.processes[0].pid
        before = resident_mib(pid)
        begin = time.monotonic()
        create_pods(plane, count)
        seconds = time.monotonic() - begin
        time.sleep(60)  # as the target is worded
        after = resident_mib(pid)
        last = Http2(plane.url)
        last.request("GET", "/api/v1/pods", accept="application/vnd.kubernetes.protobuf")
        last.until(lambda: last.ended == 1)
        stored = last.bytes / count
        each = (after - before) * 1024 * 1024 / count
        print(f"| {count} pods of {stored:.0f} stored bytes, created in {seconds:.0f} s | {after - before:.0f} MiB more "
              f"({before:.0f} to {after:.0f}) | {(each - stored) / 1024:.2f} KiB each above what is stored |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=SOURCE + "/build/release/bin/coxswain")
    parser.add_argument("--watches", type=int, default=10000)
    parser.add_argument("--pods", type=int, default=100000)
    parser.add_argument("rows", nargs="*", default=["watches", "pods"])
    options = parser.parse_args()
    print("| what | resident | for each |\n|---|---|---|")
    if "watches" in options.rows:
        measure_watches(options.bin, options.watches)
    if "pods" in options.rows:
        measure_pods(options.bin, options.pods)


if __name__ == "__main__":
    main()
