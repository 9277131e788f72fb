#!/usr/bin/python3
"""Measures the API server, or the whole control plane, and prints one Markdown table.

    bench/control_plane.py [--bin build/release/bin/coxswain] [--kbench ../shared/bench/kbench] [NAME...]

Each row is a program run of its own on an empty store in a temporary folder. CPU is the server's own
time for an operation (user and system, from /proc), so it does not depend on the load driver.
NAMEs pick rows: start idle create get update createpods latency list watch schedule deploy.
"""
import argparse
import contextlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests"))

from free_port import free_port  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmRSS"))


def proportional_mib(pid):
    """Resident memory with shared pages divided among those that share them."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("Pss:"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class ControlPlane:
    """kube-apiserver, and with `parts` scheduler and controllers beside it."""

    def __init__(self, binary, parts):
        self.binary, self.parts, self.processes = binary, parts, []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="cxw-bench-")
        with open(self.folder + "/tokens", "w", encoding="utf-8") as f:
            f.write('admin-token,admin,admin-uid,"system:masters"\n')
        self.url = f"https://127.0.0.1:{free_port()}"
        begin = time.monotonic()
        self.start("kube-apiserver", "--bind-address", "127.0.0.1", "--secure-port", self.url.rpartition(":")[2],
                   "--data-dir", self.folder, "--token-auth-file", self.folder + "/tokens")
        while True:
            with contextlib.suppress(OSError):
                if self.get("/readyz") == b"ok":
                    break
            if time.monotonic() - begin > 240:
                raise SystemExit(open(self.folder + "/log", encoding="utf-8").read())
        self.ready_seconds = time.monotonic() - begin
        if self.parts:
            config = self.folder + "/kubeconfig"
            with open(config, "w", encoding="utf-8") as f:
                json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "x",
                           "clusters": [{"name": "c", "cluster": {"server": self.url, "certificate-authority": self.folder + "/pki/ca.crt"}}],
                           "users": [{"name": "u", "user": {"token": "admin-token"}}],
                           "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}]}, f)
            self.start("kube-scheduler", "--kubeconfig", config, "--leader-elect=false", "--secure-port", "0")
            self.start("kube-controller-manager", "--kubeconfig", config, "--leader-elect=false", "--secure-port", "0")
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()
        shutil.rmtree(self.folder)

    def start(self, *argv):
        log = open(self.folder + "/log", "ab")
        self.processes.append(subprocess.Popen([self.binary, *argv], stdout=log, stderr=log))

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": "Bearer admin-token"})
        with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=60) as answer:
            return answer.read()

    @property
    def pids(self):
        return ",".join(str(p.pid) for p in self.processes)


# name: (flags of kbench or none, with scheduler and controllers)
ROWS = {
    "start": (None, False),
    "idle": (None, True),
    "create": ("-c 64 -count 5000 create", False),
    "get": ("-c 64 -count 20000 get", False),
    "update": ("-c 64 -count 3000 update", False),
    "createpods": ("-c 64 -count 2000 createpods", False),
    "latency": ("-count 2000 latency", False),
    "list": ("-c 4 -count 60 list", False),
    "watch": ("-count 1000 -watchers 200 watch", False),
    "schedule": ("-c 16 -nodes 1000 -count 3000 schedule", True),
    "deploy": ("-count 3000 deploy", True),
}


def main():
    source = os.path.abspath(os.path.dirname(__file__) + "/..")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=source + "/build/release/bin/coxswain")
    parser.add_argument("--kbench", default=source + "/../shared/bench/kbench")
    parser.add_argument("rows", nargs="*", default=list(ROWS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["go", "build", "-o", folder + "/kbench", "."], cwd=options.kbench, check=True)
        print("| what | per second | server CPU each | p50 / p99 | resident |\n|---|---|---|---|---|")
        for name in options.rows:
            flags, parts = ROWS[name]
            with ControlPlane(options.bin, parts) as plane:
                if name == "start":
                    print(f"| exec to /readyz, empty store | | | {plane.ready_seconds * 1000:.0f} ms | |", flush=True)
                    continue
                if name == "idle":
                    time.sleep(5)  # what a start leaves behind settles
                    before = sum(cpu_seconds(p.pid) for p in plane.processes)
                    time.sleep(20)  # the time over which idleness is measured
                    used = sum(cpu_seconds(p.pid) for p in plane.processes) - before
                    sizes = [resident_mib(p.pid) for p in plane.processes]
                    print(f"| idle control plane | | {used / 20 * 100:.2f} % of a core | | "
                          f"{' + '.join(f'{s:.0f}' for s in sizes)} = {sum(sizes):.0f} MiB; shared pages counted once: "
                          f"{sum(proportional_mib(p.pid) for p in plane.processes):.0f} MiB |", flush=True)
                    continue
                command = [folder + "/kbench", "-server", plane.url, "-token", "admin-token", "-pid", plane.pids, *flags.split()]
                out = subprocess.run(command, capture_output=True, text=True, check=False)
                lines = [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]
                if out.returncode or not lines:
                    print(f"| `{flags}` | failed: {out.stderr.strip()[-200:]} | | | |", flush=True)
                    continue
                r = lines[-1]
                errors = f" ({r['errors']} errors)" if r["errors"] else ""
                print(f"| `{flags}` | {r['per_second']:.0f}{errors} | {r.get('server_cpu_ms_per_op', 0):.3f} ms | "
                      f"{r['p50_ms']:.2f} / {r['p99_ms']:.2f} ms | {r.get('server_rss_mib', 0):.0f} MiB |", flush=True)


if __name__ == "__main__":
    main()
