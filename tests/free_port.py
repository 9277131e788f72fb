#!/usr/bin/env python3
"""free_port.py: prints a TCP port of 127.0.0.1 for a server that is started next.

It lies below the ports that the kernel gives to those who ask for any: no connection and no other server takes it
between the choice and the server's start, nor while the server is started again. Two tests side by side have
different process ids and so begin to look at different places.
"""
import os
import socket

FIRST, COUNT = 11000, 16000


def free_port():
    for step in range(COUNT):
        port = FIRST + (os.getpid() * 17 + step) % COUNT
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


if __name__ == "__main__":
    print(free_port())
