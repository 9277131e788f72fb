#!/usr/bin/python3
"""The control plane at scale, with nodes that only pretend. Prints Markdown rows.

    bench/scale.py [--bin build/release/bin/coxswain] [--only deployment,jobs] [--share 0.1]

Each row is a fresh kube-apiserver, controller manager, scheduler and `hollow-nodes` on loopback, and
an empty store in a temporary folder. What is measured: wall time until what was asked for is so, CPU
seconds of each process meanwhile, resident memory at its highest and at the end. --share takes that
part of each count. Every wait has an end: a row that does not get there says so, and the next one
begins.

deployment  one Deployment of 5,000 replicas: created until all run, deleted until all are gone
rollout     1,000 Deployments of 3 replicas on the way to a new image at once
jobs        10,000 Jobs created until all are complete
services    5,000 Services of 20 endpoints each until all slices are full; then pods are replaced
namespace   a namespace of 10,000 objects, deleted
garbage     100,000 objects whose owner is deleted
nodes       10,000 nodes with 100,000 pods: until all run; then what idling costs
idle        50,000 objects of many kinds that need nothing: what idling costs
memory      8,000 pods of one Deployment on 800 nodes, all running: what each process holds, and all
            together with shared pages counted once
"""
import argparse
import contextlib
import json
import os
import selectors
import signal
import ssl
import sys
import time
import urllib.error
import urllib.request

SOURCE = os.path.abspath(os.path.dirname(__file__) + "/..")
sys.path.insert(0, SOURCE + "/bench")
from control_plane import ControlPlane, cpu_seconds  # noqa: E402
from memory import Http2  # noqa: E402

NAMES = ("API server", "scheduler", "controllers", "nodes")


def memory_mib(pid, field):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith(field + ":"))


def proportional_mib(pid):
    """Resident memory, where a page that n processes share counts a n-th in each."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("Pss:"))


class TookTooLong(Exception):
    pass


class Cluster(ControlPlane):
    """The control plane with `nodes` hollow nodes."""

    def __init__(self, binary, nodes, *flags):
        super().__init__(binary, True)
        self.nodes, self.flags = nodes, flags

    def __enter__(self):
        super().__enter__()
        try:
            if self.nodes:
                self.start("hollow-nodes", str(self.nodes), "--kubeconfig", self.folder + "/kubeconfig",
                           "--pod-start-delay", "100ms", "--pod-end-delay", "100ms", *self.flags)
                self.until("nodes registered", lambda: self.count("nodes") == self.nodes, 600)
            # Controllers that start late would be measured with the first row.
            self.until("the default account", lambda: self.exists("/api/v1/namespaces/default/serviceaccounts/default"), 600)
            self.settle(60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def call(self, path, method="GET", body=None, kind="application/json", accept="application/json"):
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": "Bearer admin-token", "Content-Type": kind, "Accept": accept})
        with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=300) as answer:
            return json.load(answer)

    def exists(self, path):
        with contextlib.suppress(urllib.error.HTTPError):
            self.call(path)
            return True
        return False

    def count(self, plural, ns="", group="api/v1"):
        """How many there are, of which one is read."""
        space = f"namespaces/{ns}/" if ns else ""
        answer = self.call(f"/{group}/{space}{plural}?limit=1")
        return len(answer["items"]) + answer["metadata"].get("remainingItemCount", 0)

    def table(self, plural, ns, group):
        """Rows as kubectl get shows them: a dict of cells each."""
        answer = self.call(f"/{group}/namespaces/{ns}/{plural}?includeObject=None",
                           accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        names = [c["name"] for c in answer["columnDefinitions"]]
        return [dict(zip(names, row["cells"])) for row in answer["rows"] or []]

    def until(self, what, done, seconds, every=0.5):
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise TookTooLong(f"{what}: not within {seconds:.0f} s")
            for process in self.processes:
                if process.poll() is not None:
                    raise TookTooLong(f"{what}: {process.args[1]} ended with {process.returncode}")
            time.sleep(every)

    def settle(self, seconds, part=1):
        """Until all processes together used less than a tenth of a core for two seconds on end."""
        end = time.monotonic() + seconds
        quiet = 0
        while quiet < 4 and time.monotonic() < end:
            before = self.cpu()
            time.sleep(0.5)
            used = sum(self.cpu()) - sum(before)
            quiet = quiet + 1 if used < 0.05 * part else 0

    def cpu(self):
        return [cpu_seconds(p.pid) for p in self.processes]

    def flood(self, requests, lanes=8, depth=16):
        """Sends all of (method, path, body) over HTTP/2, many at once; answers are only counted."""
        requests = iter(requests)
        following = next(requests, None)
        selector = selectors.DefaultSelector()
        connections = [Http2(self.url) for _ in range(lanes)]
        for one in connections:
            selector.register(one.socket, selectors.EVENT_READ, one)
        while following or any(one.ended * 2 + 1 != one.next for one in connections):
            for one in connections:
                while following and (one.next - 1) // 2 - one.ended < depth and one.window > 16384:
                    method, path, body = following
                    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
                    one.request(method, path, json.dumps(body).encode(), content_type=kind)
                    following = next(requests, None)
            ready = [key.data for key, _ in selector.select(1)]
            for one in connections:
                if one in ready or one.socket.pending():
                    one.read()
        for one in connections:
            one.socket.close()


class Measure:
    """with Measure(cluster, "what"): ...  prints a row of what was used meanwhile."""

    def __init__(self, cluster, what):
        self.cluster, self.what = cluster, what

    def __enter__(self):
        for process in self.cluster.processes:
            with open(f"/proc/{process.pid}/clear_refs", "w", encoding="utf-8") as f:
                f.write("5")  # VmHWM begins anew
        self.cpu, self.begin = self.cluster.cpu(), time.monotonic()
        return self

    def __exit__(self, kind, *_):
        if kind:
            return
        wall = time.monotonic() - self.begin
        used = [after - before for before, after in zip(self.cpu, self.cluster.cpu())]
        pids = [p.pid for p in self.cluster.processes]
        memory = [f"{memory_mib(p, 'VmHWM'):.0f} ({memory_mib(p, 'VmRSS'):.0f})" for p in pids]
        print(f"| {self.what} | {wall:.1f} s | " + " / ".join(f"{u:.1f}" for u in used) + f" = {sum(used):.1f} s | " +
              " / ".join(memory) + " |", flush=True)


def idle(cluster, what, seconds=20):
    before = cluster.cpu()
    time.sleep(seconds)  # the time over which idleness is measured
    used = [(after - b) / seconds * 100 for b, after in zip(before, cluster.cpu())]
    pids = [p.pid for p in cluster.processes]
    print(f"| {what} | {seconds} s | " + " / ".join(f"{u:.2f}" for u in used) + f" = {sum(used):.2f} % of a core | " +
          " / ".join(f"{memory_mib(p, 'VmRSS'):.0f}" for p in pids) + " |", flush=True)


def container(image="app:1"):
    return {"name": "main", "image": image, "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}}


def deployment(name, replicas, ns="default"):
    return ("POST", f"/apis/apps/v1/namespaces/{ns}/deployments", {
        "metadata": {"name": name}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": {"app": name}}, "spec": {"containers": [container()]}}}})


def ready_replicas(cluster):
    return sum(int(row["Ready"].split("/")[0]) for row in cluster.table("deployments", "default", "apis/apps/v1"))


def measure_deployment(binary, n):
    replicas = n(5000)
    with Cluster(binary, max(n(500), replicas // 100 + 1)) as c:
        with Measure(c, f"a Deployment of {replicas}: created until all run"):
            c.flood([deployment("web", replicas)])
            c.until("running", lambda: ready_replicas(c) == replicas, 600)
        c.settle(20)
        with Measure(c, "deleted until all pods are gone"):
            c.flood([("DELETE", "/apis/apps/v1/namespaces/default/deployments/web", {"propagationPolicy": "Background"})])
            c.until("gone", lambda: c.count("pods") == 0, 600)


def measure_rollout(binary, n):
    count = n(1000)
    with Cluster(binary, max(n(500), count * 4 // 100 + 1)) as c:
        with Measure(c, f"{count} Deployments of 3: created until all run"):
            c.flood(deployment(f"d-{i}", 3) for i in range(count))
            c.until("running", lambda: ready_replicas(c) == 3 * count, 600)
        c.settle(20)
        patch = {"spec": {"template": {"spec": {"containers": [container("app:2")]}}}}

        def rolled():
            rows = c.table("deployments", "default", "apis/apps/v1")
            return all(row["Ready"] == "3/3" and row["Up-to-date"] == 3 for row in rows) and c.count("pods") == 3 * count

        with Measure(c, "all of them rolled to a new image at once"):
            c.flood(("PATCH", f"/apis/apps/v1/namespaces/default/deployments/d-{i}", patch) for i in range(count))
            c.until("rolled", rolled, 600, every=1)


def measure_jobs(binary, n):
    count = n(10000)
    job = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container()]}}}}
    # As many at once as there is room for.
    with Cluster(binary, max(n(500), count // 100 + 1), "--pod-run-time", "1s") as c:
        with Measure(c, f"{count} Jobs of one pod that runs for 1 s: created until all are complete"):
            c.flood(("POST", "/apis/batch/v1/namespaces/default/jobs", {"metadata": {"name": f"job-{i}"}, **job}) for i in range(count))
            c.until("complete", lambda: all(r["Status"] == "Complete" for r in c.table("jobs", "default", "apis/batch/v1")), 400, every=2)


def measure_services(binary, n):
    groups, each, size = min(n(1000), 100), min(n(500), 50), 20
    with Cluster(binary, 100) as c:
        c.flood(deployment(f"g-{g}", size) for g in range(groups))
        c.until("running", lambda: ready_replicas(c) == groups * size, 600)
        c.settle(20)

        def endpoints():
            total = 0
            for row in c.table("endpointslices", "default", "apis/discovery.k8s.io/v1"):
                if not row["Name"].startswith("s-"):
                    continue  # that of the API server
                listed, _, more = row["Endpoints"].partition(" + ")
                total += listed.count(",") + 1 + (int(more.split()[0]) if more else 0) if listed != "<unset>" else 0
            return total

        wanted = groups * each * size
        with Measure(c, f"{groups * each} Services of {size} endpoints created until their slices are full"):
            c.flood(("POST", "/api/v1/namespaces/default/services", {
                "metadata": {"name": f"s-{g}-{i}"}, "spec": {"selector": {"app": f"g-{g}"}, "ports": [{"port": 80}]}})
                for g in range(groups) for i in range(each))
            c.until("full", lambda: endpoints() == wanted, 240, every=2)
        c.settle(20)
        pods = [r["Name"] for r in c.table("pods", "default", "api/v1")][:groups * size // 10]
        with Measure(c, f"{len(pods)} of {groups * size} pods replaced, each behind {each} Services, until all is quiet"):
            c.flood(("DELETE", f"/api/v1/namespaces/default/pods/{name}", {}) for name in pods)
            time.sleep(1)
            c.until("full again", lambda: ready_replicas(c) == groups * size and endpoints() == wanted, 240, every=2)


def measure_namespace(binary, n):
    count = n(10000)
    with Cluster(binary, 0) as c:
        c.flood([("POST", "/api/v1/namespaces", {"metadata": {"name": "full"}})])
        kinds = ("configmaps", "secrets", "services", "serviceaccounts", "resourcequotas")
        shares = (0.4, 0.3, 0.1, 0.1995, 0.0005)
        for kind, share in zip(kinds, shares):
            body = {"spec": {"ports": [{"port": 80}]}} if kind == "services" else {"spec": {}} if kind == "resourcequotas" else {}
            c.flood(("POST", f"/api/v1/namespaces/full/{kind}", {"metadata": {"name": f"o-{i}"}, **body}) for i in range(int(count * share)))
        c.settle(60)
        with Measure(c, f"a namespace of {count} objects deleted"):
            c.flood([("DELETE", "/api/v1/namespaces/full", {})])
            c.until("gone", lambda: not c.exists("/api/v1/namespaces/full"), 600)


def measure_garbage(binary, n):
    count = n(100000)
    with Cluster(binary, 0) as c:
        owner = c.call("/api/v1/namespaces/default/configmaps", "POST", {"metadata": {"name": "owner"}})["metadata"]["uid"]
        reference = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner}]
        c.flood(("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": f"kid-{i}", "ownerReferences": reference}})
                for i in range(count))
        c.settle(60)
        with Measure(c, f"{count} objects collected after their owner"):
            c.flood([("DELETE", "/api/v1/namespaces/default/configmaps/owner", {"propagationPolicy": "Background"})])
            c.until("collected", lambda: c.count("configmaps", "default") <= 1, 300)  # the cluster's certificate may stay


def measure_nodes(binary, n):
    nodes, pods = n(10000), n(100000)
    with Cluster(binary, 0) as c:
        with Measure(c, f"{nodes} nodes registered"):
            c.start("hollow-nodes", str(nodes), "--kubeconfig", c.folder + "/kubeconfig", "--zones", "a,b,c", "--pod-start-delay", "100ms")
            c.until("registered", lambda: c.count("nodes") == nodes, 600)
        c.settle(60, part=10)
        idle(c, f"{nodes} nodes without pods, idle", 10)
        deployments = 20
        with Measure(c, f"{pods} pods in {deployments} Deployments on them: created until all run"):
            c.flood(deployment(f"d-{i}", pods // deployments) for i in range(deployments))
            c.until("running", lambda: ready_replicas(c) == pods, 500, every=2)
        c.settle(60, part=10)
        idle(c, f"{nodes} nodes with {pods} pods, idle")


def measure_idle(binary, n):
    count = n(50000)
    with Cluster(binary, 0) as c:
        gated = {"spec": {"schedulingGates": [{"name": "example.com/wait"}], "containers": [container()]}}
        stopped = deployment("x", 0)[2]["spec"]
        bodies = {"/api/v1/namespaces/default/configmaps": (0.3, {}), "/api/v1/namespaces/default/secrets": (0.2, {}),
                  "/api/v1/namespaces/default/pods": (0.2, gated), "/api/v1/namespaces/default/services": (0.1, {"spec": {"ports": [{"port": 80}]}}),
                  "/apis/apps/v1/namespaces/default/deployments": (0.1, {"spec": stopped}),
                  "/apis/batch/v1/namespaces/default/jobs": (0.1, {"spec": {"suspend": True, "template": {
                      "spec": {"restartPolicy": "Never", "containers": [container()]}}}})}
        with Measure(c, f"{count} objects of six kinds created, until all is quiet"):
            for path, (share, body) in bodies.items():
                c.flood(("POST", path, {"metadata": {"name": f"o-{i}"}, **body}) for i in range(int(count * share)))
            c.settle(120)
        time.sleep(5)  # what creating leaves behind
        idle(c, f"{count} idle objects", 30)


def measure_memory(binary, n):
    replicas = n(8000)
    with Cluster(binary, replicas // 10 + 1) as c:
        c.flood([deployment("web", replicas)])
        c.until("running", lambda: ready_replicas(c) == replicas, 180)
        c.settle(60)
        nodes = c.processes.pop()  # they share pages with the others
        nodes.terminate()
        nodes.wait()
        pids = [p.pid for p in c.processes]
        held = " / ".join(f"{memory_mib(p, 'VmRSS'):.0f}" for p in pids)
        together = sum(proportional_mib(p) for p in pids)
        print(f"| memory: {replicas} pods of a Deployment run | | | {held}; shared pages counted once: {together:.0f} |", flush=True)


ROWS = {"deployment": measure_deployment, "rollout": measure_rollout, "jobs": measure_jobs, "services": measure_services,
        "namespace": measure_namespace, "garbage": measure_garbage, "nodes": measure_nodes, "idle": measure_idle,
        "memory": measure_memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=SOURCE + "/build/release/bin/coxswain")
    parser.add_argument("--only", default=",".join(ROWS), help="rows, joined by commas")
    parser.add_argument("--share", type=float, default=1, help="of each count")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a row did not get there")
    options = parser.parse_args()
    names = options.only.split(",")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is stopped
    for name in names:
        if name not in ROWS:
            parser.error(f"no row {name!r}; there are {', '.join(ROWS)}")
    print("| what | wall | CPU: " + " / ".join(NAMES) + " | resident MiB at most (and at the end) |\n|---|---|---|---|", flush=True)
    failed = False
    for name in names:
        try:
            ROWS[name](options.bin, lambda count: max(int(count * options.share), 1))
        except TookTooLong as why:
            failed = True
            print(f"| {name} | failed: {why} | | |", flush=True)
    sys.exit(1 if failed and options.check else 0)


if __name__ == "__main__":
    main()
