#!/usr/bin/python3
"""Measures a whole node in network namespaces of its own: `coxswain up` to ready, idle memory and CPU
of the one process, and ../shared/bench/podstart.py. Prints Markdown rows. Root.

    bench/node.py [--bin build/release/bin/coxswain] [--pods 15]
"""
import argparse
import json
import os
import sys
import time

SOURCE = os.path.abspath(os.path.dirname(__file__) + "/..")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=SOURCE + "/build/release/bin/coxswain")
    parser.add_argument("--podstart", default=SOURCE + "/../shared/bench/podstart.py")
    parser.add_argument("--pods", default="15")
    options = parser.parse_args()
    os.environ["COXSWAIN_BIN"] = os.path.abspath(options.bin)
    sys.path[:0] = [SOURCE + "/tests/e2e", SOURCE + "/bench"]
    import harness
    from control_plane import cpu_seconds, resident_mib
    with harness.Cluster() as cluster:
        with open(cluster.data + "/tokens", "w", encoding="utf-8") as f:
            f.write('admin-token,admin,admin-uid,"system:masters"\n')
        begin = time.monotonic()
        cluster.up("--token-auth-file", cluster.data + "/tokens")
        print(f"| `coxswain up` to a Ready node, everything new | {time.monotonic() - begin:.2f} s |")
        with open(cluster.data + "/run/up.lock", encoding="utf-8") as f:
            supervisor = int(f.read())
        server = int(harness.sh("ps", "-o", "pid=", "--ppid", str(supervisor)).stdout)
        time.sleep(10)  # what a start leaves behind settles
        before = cpu_seconds(server)
        time.sleep(30)  # the time over which idleness is measured
        used = (cpu_seconds(server) - before) / 30 * 100
        print(f"| idle `up` (store, API server, controllers, scheduler, kubelet, proxy, DNS; one node) | "
              f"{resident_mib(server):.0f} MiB, {used:.2f} % of a core; supervisor {resident_mib(supervisor):.1f} MiB |")
        cluster.load_images("busybox")
        out = cluster.run("python3", options.podstart, "https://127.0.0.1:6443", "admin-token", "-n", options.pods,
                          "--image", "coxswain.local/pause:1", timeout=300).stdout
        times = json.loads(out)
        for name in ("create_to_running_s", "delete_to_gone_s"):
            print(f"| `podstart.py`, {options.pods} pods: {name} | median {times[name]['median']} s, "
                  f"{times[name]['min']}-{times[name]['max']} |")
        print(f"| the same process after that | {resident_mib(server):.0f} MiB |")


if __name__ == "__main__":
    main()
