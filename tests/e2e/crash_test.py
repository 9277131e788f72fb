"""kill -9 of the whole program, fifty times, amid writes: what was acknowledged is there afterwards,
and containers never notice."""
import json
import os
import threading
import unittest

import harness
from harness import ClusterTest, eventually
from first_light_test import SLEEP, busybox_pod

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "50"))
WRITERS = 4

# Runs inside the node's namespace: creates config maps as fast as it can and prints the names that
# the server acknowledged, until the server is gone.
WRITER = """
import http.client, json, ssl, sys
server, folder, prefix = sys.argv[1:4]
context = ssl.create_default_context(cafile=folder + "/pki/ca.crt")
connection = http.client.HTTPSConnection(server, context=context, timeout=60)
n = 0
try:
    while True:
        name = f"{prefix}-{n}"
        body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
                           "data": {"n": str(n)}})
        connection.request("POST", "/api/v1/namespaces/crash/configmaps", body,
                           {"Content-Type": "application/json", "Authorization": "Bearer admin-token"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 201:
            print(name, flush=True)
        n += 1
except (OSError, http.client.HTTPException):
    pass
"""


class Crash(ClusterTest):
    @classmethod
    def start(cls):
        with open(cls.cluster.data + "/tokens", "w", encoding="utf-8") as f:
            f.write('admin-token,admin,admin-uid,"system:masters"\n')
        cls.server = None
        cls.launch()
        cls.cluster.load_images("busybox")
        cls.cluster.wait_account()

    @classmethod
    def launch(cls):
        cluster = cls.cluster
        cls.server = cluster.start(harness.BINARY, "up", "--foreground", "--data-dir", cluster.data, "--node-name",
                                   harness.NODE, "--token-auth-file", cluster.data + "/tokens",
                                   log=cluster.data + "/server.log")
        eventually("the API server", lambda: cluster.kubectl("get", "--raw", "/readyz").stdout == "ok",
                   every=0.02)

    def write_until_killed(self, number):
        """Starts writers, kills the server when they are at work; names that were acknowledged."""
        acknowledged = []
        under_way = threading.Event()

        def collect(index):
            process = harness.subprocess.Popen(
                self.cluster.inside("python3", "-c", WRITER, "127.0.0.1:6443", self.cluster.data,
                                    f"r{number}-w{index}"),
                stdout=harness.subprocess.PIPE, text=True)
            with process:
                for line in process.stdout:
                    acknowledged.append(line.strip())
                    if len(acknowledged) > 20 + 7 * number % 60:
                        under_way.set()
        threads = [threading.Thread(target=collect, args=(i,)) for i in range(WRITERS)]
        for thread in threads:
            thread.start()
        self.assertTrue(under_way.wait(harness.PATIENCE))
        self.server.kill()
        self.server.wait()
        for thread in threads:
            thread.join()
        return acknowledged

    def stored(self):
        out = self.cluster.kubectl("get", "configmaps", "-n", "crash", "-o",
                                   "jsonpath={range .items[*]}{.metadata.name}={.data.n}{\"\\n\"}{end}").stdout
        return dict(line.split("=") for line in out.splitlines())

    def containers(self):
        return {s["containerID"]: s["state"].get("running", {}).get("startedAt")
                for p in self.cluster.get("pods")["items"] for s in p["status"]["containerStatuses"]}

    def test_nothing_acknowledged_is_lost(self):
        self.cluster.kubectl("create", "namespace", "crash")
        self.cluster.apply(busybox_pod("untouched", SLEEP))
        self.cluster.wait_running("untouched")
        before = self.containers()
        everything = set()
        for number in range(ROUNDS):
            everything.update(self.write_until_killed(number))
            self.launch()
            stored = self.stored()
            self.assertEqual(everything - set(stored), set(), f"round {number}")
            for name, value in stored.items():
                if name.startswith("r"):
                    self.assertTrue(name.endswith("-" + value), name)
        print(f"{ROUNDS} kills, {len(everything)} acknowledged writes, none lost")
        eventually("the node is ready", lambda: "True" == next(
            c["status"] for c in self.cluster.get("node", harness.NODE)["status"]["conditions"] if c["type"] == "Ready"))
        self.cluster.wait_running("untouched")
        self.assertEqual(self.containers(), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
