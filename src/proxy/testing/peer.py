"""Test peers: `serve NAME PORT` answers each TCP connection and UDP datagram with its name and the
caller's address; `ask tcp|udp ADDRESS PORT COUNT [SOURCE_PORT]` prints what each of COUNT calls got.
TCP waits for a busy machine unless `ask` is `ask-briefly`; datagrams get lost, and who asks with them asks again."""
import socket
import sys
import threading


def serve(name, port):
    try:
        tcp = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
    except OSError:  # a kernel without IPv6
        tcp = socket.create_server(("0.0.0.0", port), backlog=128)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("0.0.0.0", port))

    def text(peer):
        return f"{name} {peer[0].removeprefix('::ffff:')}".encode()

    def datagrams():
        while True:
            _, peer = udp.recvfrom(2048)
            udp.sendto(text(peer), peer)

    threading.Thread(target=datagrams, daemon=True).start()
    print("ready", flush=True)
    while True:
        connection, peer = tcp.accept()
        connection.sendall(text(peer))
        connection.close()


def ask_once(kind, address, port, source_port, patience):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout(patience)
        if source_port:
            s.bind(("", source_port))
        try:
            s.connect((address, port))
            if kind == "udp":
                s.send(b"?")
            return s.recv(2048).decode()
        except ConnectionRefusedError:
            return "refused"
        except (TimeoutError, socket.timeout):
            return "timeout"
        except OSError as e:
            return f"error {e.errno}"


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    patience = 60.0 if sys.argv[1] == "ask" and sys.argv[2] == "tcp" else 1.0
    for _ in range(int(sys.argv[5])):
        print(ask_once(sys.argv[2], sys.argv[3], int(sys.argv[4]),
                       int(sys.argv[6]) if len(sys.argv) > 6 else 0, patience))
