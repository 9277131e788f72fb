#!/usr/bin/env python3
"""`kubectl top` of ours and upstream's, byte for byte, against a server of prepared answers.

kubectl_top_test.py PROGRAM; COXSWAIN_KUBECTL (or build/kubectl) is upstream's, without which only ours is run.
"""
import http.server
import json
import os
import subprocess
import sys
import threading
import unittest
import urllib.parse

SOURCE = os.environ.get("COXSWAIN_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
UPSTREAM = os.environ.get("COXSWAIN_KUBECTL") or SOURCE + "/build/kubectl"


def node(name, cpu, memory):
    return {"metadata": {"name": name}, "timestamp": "2026-01-01T00:00:00Z", "window": "15s",
            "usage": {"cpu": cpu, "memory": memory}}


def pod(ns, name, **containers):
    return {"metadata": {"name": name, "namespace": ns}, "timestamp": "2026-01-01T00:00:00Z", "window": "15s",
            "containers": [{"name": c, "usage": {"cpu": u[0], "memory": u[1]}} for c, u in containers.items()]}


def has(name, cpu, memory, swap=None):
    info = {"swap": {"capacity": swap}} if swap else {}
    return {"metadata": {"name": name}, "status": {"nodeInfo": info, "allocatable": {"cpu": cpu, "memory": memory},
                                                   "capacity": {"cpu": "8", "memory": "16Gi"}}}


NODES = [node("n2", "1500m", "2Gi"), node("n1", "123456789n", "1000Mi")]
PODS = [pod("default", "web", main=("20m", "10Mi"), aside=("3m", "20Mi")), pod("default", "db", db=("5500u", "100Mi")),
        pod("other", "api-with-a-long-name", api=("2", "3Gi"))]
GROUP = {"name": "metrics.k8s.io", "versions": [{"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"}],
         "preferredVersion": {"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"}}


class Handler(http.server.BaseHTTPRequestHandler):
    served = True

    def answer(self, path):
        metrics = "/apis/metrics.k8s.io/v1beta1"
        lists = {"apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [GROUP] if self.served else []}
        if path == "/apis/metrics.k8s.io" and self.served:
            return {"kind": "APIGroup", "apiVersion": "v1", **GROUP}
        if path == metrics + "/nodes":
            return {"kind": "NodeMetricsList", **lists, "items": NODES}
        if path == metrics + "/nodes/n1":
            return {"kind": "NodeMetrics", **lists, **NODES[1]}
        if path == "/api/v1/nodes":
            return {"kind": "NodeList", "apiVersion": "v1", "metadata": {},
                    "items": [has("n1", "2", "4Gi", 1 << 30), has("n2", "2", "4Gi"), has("n3", "1", "1Gi")]}
        if path == "/api/v1/nodes/n1":
            return {"kind": "Node", "apiVersion": "v1", **has("n1", "2", "4Gi")}
        if path in (metrics + "/pods", metrics + "/namespaces/default/pods"):
            return {"kind": "PodMetricsList", **lists,
                    "items": [p for p in PODS if path == metrics + "/pods" or p["metadata"]["namespace"] == "default"]}
        if path == metrics + "/namespaces/default/pods/web":
            return {"kind": "PodMetrics", **lists, **PODS[0]}
        if path == metrics + "/namespaces/empty/pods":
            return {"kind": "PodMetricsList", **lists, "items": []}
        if path == "/api/v1/namespaces/empty/pods":
            return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []}
        return None

    def do_GET(self):
        body = self.answer(urllib.parse.urlsplit(self.path).path)
        code = 200 if body else 404
        text = json.dumps(body or {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound",
                                   "code": 404, "message": "the server could not find the requested resource"}).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Top(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def run_one(self, program, words):
        done = subprocess.run([*program, "--kubeconfig=/dev/null", f"--server=http://127.0.0.1:{self.server.server_port}",
                               "top", *words], capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout, done.stderr

    def test_equal(self):
        for words in (["node"], ["nodes", "--sort-by=cpu"], ["node", "--sort-by=memory", "--no-headers"], ["node", "n1"],
                      ["no", "n1", "--show-capacity"], ["node", "n1", "--use-protocol-buffers=false"],
                      ["pod"], ["pods", "-A"], ["pod", "-A", "--containers"],
                      ["pod", "-A", "--containers", "--sum"], ["pod", "-A", "--sort-by=cpu"], ["po", "--sum"],
                      ["pod", "--sum", "--no-headers"], ["pod", "-A", "--sum", "--no-headers"],
                      ["pod", "--containers", "--sort-by=memory"], ["pod", "web"], ["pod", "web", "--containers"],
                      ["pod", "-l", "a=b"], ["pod", "--field-selector", "metadata.name=web"], ["pod", "-n", "empty"],
                      ["pod", "--sort-by=name"], ["pod", "web", "-l", "a=b"], ["node", "n1", "-l", "a=b"],
                      ["pod", "--show-swap"], ["node", "n1", "--show-swap"]):
            ours = self.run_one([PROGRAM, "kubectl"], words)
            self.assertTrue(ours[1] or ours[2], words)
            if os.path.exists(UPSTREAM):
                self.assertEqual(ours, self.run_one([UPSTREAM], words), words)

    def test_nobody_serves_metrics(self):
        Handler.served = False
        try:
            self.assertEqual(self.run_one([PROGRAM, "kubectl"], ["node"]), (1, "", "error: Metrics API not available\n"))
        finally:
            Handler.served = True


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
