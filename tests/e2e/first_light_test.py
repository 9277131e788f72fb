"""One cluster by `coxswain up`, driven by the official kubectl."""
import os
import re
import subprocess
import unittest

import harness
from harness import ClusterTest, eventually

SAMPLE = harness.SOURCE + "/samples/web.yaml"


def busybox_pod(name, command, extra=""):
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  terminationGracePeriodSeconds: 1
  {extra}
  containers:
    - name: main
      image: coxswain.local/busybox:1
      command: {command}
"""


SLEEP = '["sh", "-c", "trap \'exit 0\' TERM; sleep 3600 & wait"]'


class FirstLight(ClusterTest):
    def test_01_node_is_ready(self):
        out = self.cluster.kubectl("get", "nodes", "-o", "wide").stdout
        self.assertRegex(out, r"node1 +Ready")
        self.assertIn(harness.NODE_IP, out)
        self.assertIn("containerd://", out)

    def test_02_sample_answers_from_all_three(self):
        self.cluster.kubectl("apply", "-f", SAMPLE)
        self.cluster.kubectl("rollout", "status", "deployment/web", "--timeout=240s")
        wanted = {pod["metadata"]["name"] for pod in self.cluster.get("pods", "-l", "app=web")["items"]}
        self.assertEqual(len(wanted), 3)
        for url, where in (("http://127.0.0.1:30080/", None),
                           (f"http://{harness.NODE_IP}:30080/", self.cluster.outside)):
            seen = set()

            def all_seen():
                seen.add(re.search(r"Hello from (\S+),", self.cluster.fetch(url, where=where)).group(1))
                return seen == wanted
            eventually(f"answers of {wanted} at {url}", all_seen, every=0)

    def test_03_cluster_address_and_name(self):
        self.cluster.apply(busybox_pod("client", SLEEP))
        self.cluster.wait_running("client")
        for name in ("web", "web.default", "web.default.svc.cluster.local"):
            out = eventually(f"wget {name}", lambda n=name: self.cluster.kubectl(
                "exec", "client", "--", "wget", "-qO-", f"http://{n}/").stdout)
            self.assertIn("Hello from web-", out)

    def test_04_logs_exec_cp_port_forward(self):
        self.cluster.apply(busybox_pod("talker", '["sh", "-c", "trap \'exit 0\' TERM; i=0; while :; do '
                                                 'echo line $i; i=$((i+1)); sleep 0.2; done"]'))
        self.cluster.wait_running("talker")
        follow = subprocess.Popen(self.cluster.inside(harness.kubectl_program() or harness.BINARY, "logs", "-f", "talker"),
                                  stdout=subprocess.PIPE, text=True, env=self.cluster.environment())
        try:
            lines = [follow.stdout.readline() for _ in range(5)]
        finally:
            follow.kill()
            follow.wait()
            follow.stdout.close()
        self.assertEqual(lines, [f"line {i}\n" for i in range(5)])
        done = self.cluster.kubectl("exec", "talker", "--", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
        self.assertEqual((done.returncode, done.stdout), (7, "out\n"))
        self.assertIn("err\n", done.stderr)
        done = self.cluster.kubectl("exec", "-i", "talker", "--", "cat", input="through stdin\n")
        self.assertEqual(done.stdout, "through stdin\n")

        source = self.cluster.data + "/to-copy"
        with open(source, "w", encoding="utf-8") as f:
            f.write("copied\n" * 10000)
        self.cluster.kubectl("cp", source, "talker:/tmp/copied")
        self.cluster.kubectl("cp", "talker:/tmp/copied", source + "-back")
        with open(source + "-back", encoding="utf-8") as f:
            self.assertEqual(f.read(), "copied\n" * 10000)

        forward = subprocess.Popen(self.cluster.inside(harness.kubectl_program() or harness.BINARY,
                                                       "port-forward", "deployment/web", "18080:8080"),
                                   stdout=subprocess.PIPE, text=True, env=self.cluster.environment())
        try:
            self.assertIn("Forwarding from 127.0.0.1:18080", forward.stdout.readline())
            self.assertIn("Hello from", self.cluster.fetch("http://127.0.0.1:18080/"))
            self.assertIn("Hello from", self.cluster.fetch("http://127.0.0.1:18080/"))
        finally:
            forward.kill()
            forward.wait()
            forward.stdout.close()

    def test_05_terminal(self):
        script = harness.kubectl_program() or f"{harness.BINARY} kubectl"
        done = self.cluster.run("script", "-qec", f"{script} exec -it talker -- sh -c 'tty && stty size'", "/dev/null",
                                input="")
        self.assertIn("/dev/pts/", done.stdout)

    def test_06_scale_update_undo(self):
        kubectl = self.cluster.kubectl
        kubectl("scale", "deployment/web", "--replicas=5")
        kubectl("rollout", "status", "deployment/web", "--timeout=240s")
        self.assertEqual(self.cluster.get("deployment", "web")["status"]["readyReplicas"], 5)
        kubectl("set", "image", "deployment/web", "web=coxswain.local/web:2")
        kubectl("rollout", "status", "deployment/web", "--timeout=240s")
        eventually("version 2", lambda: "version 2" in self.cluster.fetch("http://127.0.0.1:30080/"))
        kubectl("rollout", "undo", "deployment/web")
        kubectl("rollout", "status", "deployment/web", "--timeout=240s")
        eventually("version 1", lambda: "version 1" in self.cluster.fetch("http://127.0.0.1:30080/"))
        self.assertIn("REVISION", kubectl("rollout", "history", "deployment/web").stdout)

    def test_07_describe_and_explain(self):
        out = self.cluster.kubectl("describe", "pod", "client").stdout
        for text in ("Scheduled", "Created", "Started", "QoS Class:", "kube-api-access-"):
            self.assertIn(text, out)
        out = self.cluster.kubectl("explain", "pod.spec.containers").stdout
        self.assertIn("KIND:       Pod", out)
        self.assertIn("imagePullPolicy", out)

    def test_08_two_containers_share(self):
        self.cluster.apply("""
apiVersion: v1
kind: ConfigMap
metadata: {name: greeting}
data: {word: hello}
---
apiVersion: v1
kind: Pod
metadata: {name: pair}
spec:
  terminationGracePeriodSeconds: 1
  volumes:
    - {name: shared, emptyDir: {}}
    - {name: config, configMap: {name: greeting}}
  initContainers:
    - name: first
      image: coxswain.local/busybox:1
      command: ["sh", "-c", "cp /config/word /shared/index.html"]
      volumeMounts: [{name: shared, mountPath: /shared}, {name: config, mountPath: /config}]
  containers:
    - name: server
      image: coxswain.local/busybox:1
      command: ["httpd", "-f", "-p", "8080", "-h", "/shared"]
      volumeMounts: [{name: shared, mountPath: /shared}]
    - name: client
      image: coxswain.local/busybox:1
      command: ["sh", "-c", "trap 'exit 0' TERM; until wget -qO- http://localhost:8080/; do sleep 0.1; done; echo; sleep 3600 & wait"]
""")
        self.cluster.wait_running("pair")
        eventually("what the client read", lambda: self.cluster.kubectl("logs", "pair", "-c", "client").stdout.endswith("hello\n"))

    def test_09_selector_and_taint(self):
        kubectl = self.cluster.kubectl
        self.cluster.apply(busybox_pod("picky", SLEEP, "nodeSelector: {disk: fast}"))
        eventually("FailedScheduling", lambda: "1 node(s) didn't match Pod's node affinity/selector"
                   in kubectl("describe", "pod", "picky").stdout)
        kubectl("label", "node", harness.NODE, "disk=fast")
        self.cluster.wait_running("picky")
        kubectl("taint", "node", harness.NODE, "only=me:NoSchedule")
        try:
            self.cluster.apply(busybox_pod("unwanted", SLEEP))
            eventually("FailedScheduling", lambda: "untolerated taint"
                       in kubectl("describe", "pod", "unwanted").stdout)
        finally:
            kubectl("taint", "node", harness.NODE, "only-")
        self.cluster.wait_running("unwanted")

    def test_10_headless_name_resolves_to_pods(self):
        self.cluster.apply("""
apiVersion: v1
kind: Service
metadata: {name: web-headless}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 8080}]}
""")
        wanted = {pod["status"]["podIP"] for pod in self.cluster.get("pods", "-l", "app=web")["items"]
                  if "deletionTimestamp" not in pod["metadata"]}

        def resolved():
            out = self.cluster.kubectl("exec", "client", "--", "nslookup",
                                       "web-headless.default.svc.cluster.local").stdout
            return set(re.findall(r"10\.244\.\d+\.\d+", out)) == wanted
        eventually(f"addresses {wanted}", resolved)

    def test_11_restart_leaves_containers_alone(self):
        before = self.cluster.get("pods")["items"]
        with open(self.cluster.data + "/run/up.lock", encoding="utf-8") as f:
            supervisor = int(f.read())
        server = int(harness.sh("ps", "-o", "pid=", "--ppid", str(supervisor)).stdout)
        os.kill(server, 9)
        eventually("a new server", lambda: self.cluster.get("pods")["items"])
        eventually("the node is ready again", lambda: "True" == next(
            c["status"] for c in self.cluster.get("node", harness.NODE)["status"]["conditions"] if c["type"] == "Ready"))

        def ids(pods):
            return {p["metadata"]["uid"]: [c["containerID"] for c in p["status"]["containerStatuses"]] for p in pods}
        self.assertEqual(ids(self.cluster.get("pods")["items"]), ids(before))

    def test_12_delete(self):
        self.cluster.kubectl("delete", "-f", SAMPLE, "--timeout=240s")
        self.cluster.kubectl("delete", "pod", "--all", "--timeout=240s")
        eventually("no pods", lambda: not self.cluster.get("pods")["items"])

    def test_13_down_up_purge(self):
        self.cluster.kubectl("create", "configmap", "kept", "--from-literal=a=b")
        self.cluster.apply(busybox_pod("stays", SLEEP))
        self.cluster.wait_running("stays")
        self.cluster.coxswain("down", "--data-dir", self.cluster.data)
        self.cluster.up()
        self.assertEqual(self.cluster.get("configmap", "kept")["data"], {"a": "b"})
        self.cluster.wait_running("stays")
        out = self.cluster.coxswain("down", "--purge", "--data-dir", self.cluster.data).stdout
        self.assertIn("Nothing is left.", out)
        self.assertFalse(os.path.exists(self.cluster.data))
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            self.assertNotIn(self.cluster.data, f.read())
        self.assertEqual(harness.sh("pgrep", "-f", self.cluster.data, check=False).stdout, "")
        self.assertEqual(self.cluster.run("nft", "list", "ruleset").stdout.count("table"),
                         self.cluster.run("nft", "list", "ruleset").stdout.count("table ip nat"))
        self.assertNotIn("cni0", self.cluster.run("ip", "link").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=bool(os.environ.get("E2E_FAILFAST")))
