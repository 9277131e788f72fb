"""Autoscaling and the metrics behind it: real containers whose load a file turns on and off, `kubectl top`, and, where
Debian's prometheus is there, metrics that come from it."""
import json
import os
import shutil
import unittest

import harness
from harness import ClusterTest, eventually

PROMETHEUS = shutil.which("prometheus", path=os.environ["PATH"] + ":/usr/sbin:/sbin")

# Counts while the file is there, else sleeps.
WORKER = """while true; do
  if [ -f /load/on ]; then i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; else sleep 0.2; fi
done"""

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME}
spec:
  replicas: 1
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: worker
        image: coxswain.local/busybox:1
        imagePullPolicy: Never
        command: [sh, -c, SCRIPT]
        resources: {requests: {cpu: 100m, memory: 8Mi}, limits: {cpu: 200m}}
        volumeMounts: [{name: load, mountPath: /load}]
      volumes:
      - name: load
        hostPath: {path: FOLDER, type: Directory}
"""

AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: NAME}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: NAME}
  minReplicas: 1
  maxReplicas: 3
  behavior:
    scaleUp: {stabilizationWindowSeconds: 0}
    scaleDown: {stabilizationWindowSeconds: 0}
  metrics: METRICS
"""

RULES = """
rules:
- seriesQuery: 'requests_per_second{pod!="",namespace!=""}'
  resources: {template: "<<.Resource>>"}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'
externalRules:
- seriesQuery: 'jobs_waiting'
  resources: {namespaced: false}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>})'
"""

SCRAPE = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: test
  honor_labels: true
  static_configs: [{targets: ["127.0.0.1:9101"]}]
"""

# Serves a file as what an exporter says.
EXPORTER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[1], "rb") as f:
            body = f.read()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", 9101), Handler).serve_forever()
"""


class Autoscaling(ClusterTest):
    @classmethod
    def start(cls):
        cluster = cls.cluster
        cls.load = cluster.data + "/load"
        cls.metrics = cluster.data + "/metrics.txt"
        os.makedirs(cls.load)
        os.chmod(cluster.data, 0o711)
        flags = ["--metric-resolution", "2s", "--horizontal-pod-autoscaler-sync-period", "2s",
                 "--horizontal-pod-autoscaler-cpu-initialization-period", "1s",
                 "--horizontal-pod-autoscaler-initial-readiness-delay", "1s"]
        if PROMETHEUS:
            cls.say({})
            for name, text in (("rules.yaml", RULES), ("prometheus.yaml", SCRAPE), ("exporter.py", EXPORTER)):
                with open(f"{cluster.data}/{name}", "w", encoding="utf-8") as f:
                    f.write(text)
            flags += ["--prometheus-url", "http://127.0.0.1:9090", "--metrics-rules", cluster.data + "/rules.yaml"]
            cluster.start("python3", cluster.data + "/exporter.py", cls.metrics)
            cluster.start(PROMETHEUS, "--config.file=" + cluster.data + "/prometheus.yaml",
                          "--storage.tsdb.path=" + cluster.data + "/prometheus", "--web.listen-address=127.0.0.1:9090",
                          log=cluster.data + "/prometheus.log")
        cluster.up(*flags)
        cluster.load_images("busybox")

    @classmethod
    def say(cls, values):
        """What the exporter tells from now on."""
        with open(cls.metrics + ".new", "w", encoding="utf-8") as f:
            f.writelines(f"{name} {value}\n" for name, value in values.items())
        os.replace(cls.metrics + ".new", cls.metrics)

    def deploy(self, name, metrics):
        text = DEPLOYMENT + "---" + AUTOSCALER
        for word, value in (("NAME", name), ("FOLDER", self.load), ("SCRIPT", json.dumps(WORKER)),
                            ("METRICS", json.dumps(metrics))):
            text = text.replace(word, value)
        self.cluster.apply(text)
        self.cluster.kubectl("rollout", "status", "deployment/" + name, "--timeout=240s")

    def remove(self, name):
        self.cluster.kubectl("delete", "hpa,deployment", name)
        eventually("its pods are gone", lambda: not self.cluster.get("pods", "-l", "app=" + name)["items"])

    def replicas(self, name):
        return self.cluster.get("deployment", name)["spec"]["replicas"]

    def reaches(self, name, count):
        try:
            eventually(f"{count} replicas of {name}", lambda: self.replicas(name) == count, every=0.5)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.cluster.kubectl('describe', 'hpa', name).stdout}") from e

    def events(self, name):
        return [e["message"] for e in self.cluster.get("events")["items"]
                if e["involvedObject"]["name"] == name and e["reason"] == "SuccessfulRescale"]

    def test_1_follows_load_up_and_down(self):
        cpu = {"type": "Resource",
               "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
        self.deploy("busy", [cpu])
        with open(self.load + "/on", "w", encoding="utf-8"):
            pass
        self.reaches("busy", 3)
        eventually("events", lambda: "New size: 3; reason: cpu resource utilization (percentage of request) above target"
                   in self.events("busy") or len(self.events("busy")) >= 2)
        conditions = eventually("conditions", lambda: {c["type"]: (c["status"], c["reason"]) for c in
                                self.cluster.get("hpa", "busy")["status"]["conditions"]})
        self.assertEqual(conditions["ScalingActive"], ("True", "ValidMetricFound"))
        self.top()
        os.remove(self.load + "/on")
        self.reaches("busy", 1)
        eventually("events", lambda: "New size: 1; reason: All metrics below target" in self.events("busy"))
        self.remove("busy")

    def top(self):
        """Both kubectls say of nodes and pods what they use."""
        for official in (True, False):
            def lines(*argv, official=official):
                out = self.cluster.kubectl("top", *argv, official=official).stdout
                return [line.split() for line in out.splitlines()]
            head, node = eventually("node metrics", lambda lines=lines: (lambda all: all if len(all) == 2 else None)(
                lines("node")))
            self.assertEqual(head, ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"])
            self.assertEqual(node[0], harness.NODE)
            self.assertRegex(node[1], r"^\d+m$")
            eventually("the node at work", lambda lines=lines: int(lines("node")[1][1][:-1]) > 50)
            self.assertRegex(node[3], r"^\d+Mi$")

            def busy(lines=lines):
                table = lines("pod", "-l", "app=busy", "--no-headers")
                return table if len(table) == 3 and all(int(row[1][:-1]) > 50 for row in table) else None
            table = eventually("three pods at work", busy)
            self.assertEqual(lines("pod", "--containers", "-l", "app=busy")[1][1], "worker")
            self.assertEqual(lines("pod", "-A")[0], ["NAMESPACE", "NAME", "CPU(cores)", "MEMORY(bytes)"])
            pod = table[0][0]
            self.assertEqual(lines("pod", pod, "--no-headers")[0][0], pod)
            by_cpu = [int(row[1][:-1]) for row in lines("pod", "--sort-by=cpu", "--no-headers")]
            self.assertEqual(by_cpu, sorted(by_cpu, reverse=True))
            self.assertIn("________", self.cluster.kubectl("top", "pod", "--sum", official=official).stdout)
            missing = self.cluster.kubectl("top", "pod", "nothing", official=official, check=False)
            self.assertEqual((missing.returncode, missing.stderr.strip()),
                             (1, 'Error from server (NotFound): pods "nothing" not found'))
        services = self.cluster.get("apiservices", "v1beta1.metrics.k8s.io")
        self.assertNotIn("service", services["spec"])
        self.assertIn("NodeMetrics", self.cluster.kubectl("api-resources", "--api-group=metrics.k8s.io").stdout)
        self.assertIn("Window".upper(), self.cluster.kubectl("get", "nodes.metrics.k8s.io").stdout.upper())

    @unittest.skipUnless(PROMETHEUS, "needs prometheus")
    def test_2_external_metric(self):
        self.say({"jobs_waiting": 0})
        self.deploy("jobs", [{"type": "External", "external": {
            "metric": {"name": "jobs_waiting"}, "target": {"type": "AverageValue", "averageValue": "5"}}}])
        self.say({"jobs_waiting": 15})
        self.reaches("jobs", 3)
        self.say({"jobs_waiting": 2})
        self.reaches("jobs", 1)
        self.assertIn("jobs_waiting", self.cluster.kubectl("get", "--raw", "/apis/external.metrics.k8s.io/v1beta1").stdout)
        self.remove("jobs")

    @unittest.skipUnless(PROMETHEUS, "needs prometheus")
    def test_3_metric_of_pods(self):
        self.deploy("web", [{"type": "Pods", "pods": {
            "metric": {"name": "requests_per_second"}, "target": {"type": "AverageValue", "averageValue": "10"}}}])

        def pods():
            return [p["metadata"]["name"] for p in self.cluster.get("pods", "-l", "app=web")["items"]]

        def each_has(value):
            self.say({f'requests_per_second{{namespace="default",pod="{pod}"}}': value for pod in pods()})
        each_has(20)
        self.reaches("web", 2)
        eventually("two pods", lambda: len(pods()) == 2)
        each_has(3)
        self.reaches("web", 1)
        self.remove("web")


if __name__ == "__main__":
    unittest.main(verbosity=2)
