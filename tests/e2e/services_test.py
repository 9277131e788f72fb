"""Services and names with real pods: what pods, the node and the outside see of them."""
import collections
import unittest

import harness
from harness import eventually

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "coxswain.local/web:1", ports: [{containerPort: 8080, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {selector: {app: web}, sessionAffinity: ClientIP, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: client, image: "coxswain.local/busybox:1", command: [sleep, "100000"]}
"""


class Services(harness.ClusterTest):
    @classmethod
    def start(cls):
        super().start()
        cls.cluster.apply(WEB)
        cls.cluster.kubectl("rollout", "status", "deployment/web", "--timeout=240s")
        cls.cluster.wait_running("client")
        cls.pods = {pod["metadata"]["name"] for pod in cls.cluster.get("pods", "-l", "app=web")["items"]}
        cls.address = cls.cluster.get("service", "web")["spec"]["clusterIP"]
        cls.node_port = cls.cluster.get("service", "web")["spec"]["ports"][0]["nodePort"]
        eventually("the service answers", lambda: cls.from_pod("client", f"http://{cls.address}/", 1))
        for name in ("web", "sticky", "alias"):
            eventually(f"{name} has a name", lambda name=name: cls.from_pod("client", f"http://{name}/", 1))

    @classmethod
    def names(cls, output):
        """"Hello from POD, version 1" each; how often each pod answered."""
        return collections.Counter(line.split()[2].rstrip(",") for line in output.splitlines() if line.startswith("Hello"))

    @classmethod
    def from_pod(cls, pod, url, count):
        return cls.names(cls.cluster.kubectl("exec", pod, "--", "sh", "-c",
                                             f"for i in $(seq {count}); do wget -qO- {url}; echo; done", check=False).stdout)

    def from_host(self, url, count, where=None):
        return self.names(self.cluster.run("sh", "-c", f"for i in $(seq {count}); do curl -s --max-time 60 {url}; echo; done",
                                           where=where).stdout)

    def all_answer(self, counts, count):
        self.assertEqual(set(counts), self.pods)
        self.assertEqual(sum(counts.values()), count)

    def test_cluster_ip(self):
        self.all_answer(self.from_pod("client", f"http://{self.address}/", 40), 40)
        self.all_answer(self.from_host(f"http://{self.address}/", 40), 40)

    def test_names(self):
        for name in ("web", "web.default", "web.default.svc.cluster.local", "alias"):
            self.assertEqual(sum(self.from_pod("client", f"http://{name}/", 3).values()), 3, name)

    def test_node_port(self):
        self.all_answer(self.from_host(f"http://127.0.0.1:{self.node_port}/", 40), 40)
        self.all_answer(self.from_host(f"http://{harness.NODE_IP}:{self.node_port}/", 40, where=self.cluster.outside), 40)

    def test_a_pod_reaches_itself(self):
        for pod in self.pods:
            self.all_answer(self.from_pod(pod, "http://web/", 40), 40)

    def test_affinity(self):
        self.assertEqual(len(self.from_pod("client", "http://sticky/", 20)), 1)

    def test_load_balancer_is_the_node(self):
        self.cluster.apply("""
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{name: http, port: 8088, targetPort: http}]}
""")
        eventually("it has the node's address", lambda: self.cluster.get("service", "balanced")["status"]["loadBalancer"][
            "ingress"][0]["ip"] == harness.NODE_IP)
        url = f"http://{harness.NODE_IP}:8088/"
        eventually("it answers outside", lambda: self.from_host(url, 1, where=self.cluster.outside))
        self.all_answer(self.from_host(url, 40, where=self.cluster.outside), 40)
        self.cluster.kubectl("delete", "service", "balanced")

    def test_refused_without_endpoints(self):
        eventually("refused", lambda: "refused" in self.cluster.kubectl(
            "exec", "client", "--", "sh", "-c", "wget -O- http://nobody/ 2>&1", check=False).stdout)

    def test_out_of_the_cluster(self):
        self.cluster.start("python3", harness.SOURCE + "/src/proxy/testing/peer.py", "serve", "outside", "9998",
                           where=self.cluster.outside)
        eventually("masqueraded as the node", lambda: f"outside {harness.NODE_IP}" in self.cluster.kubectl(
            "exec", "client", "--", "sh", "-c", f"nc -w 30 {harness.OUTSIDE_IP} 9998 < /dev/null", check=False).stdout)

    def test_endpoints_follow_pods(self):
        self.cluster.kubectl("scale", "deployment/web", "--replicas=1")
        try:
            eventually("one is left", lambda: len(self.from_pod("client", "http://web/", 20)) == 1)
        finally:
            self.cluster.kubectl("scale", "deployment/web", "--replicas=3")
            self.cluster.kubectl("rollout", "status", "deployment/web", "--timeout=240s")
            type(self).pods = {pod["metadata"]["name"] for pod in self.cluster.get("pods", "-l", "app=web")["items"]
                               if "deletionTimestamp" not in pod["metadata"]}
        eventually("all answer again", lambda: set(self.from_pod("client", "http://web/", 40)) == self.pods)


if __name__ == "__main__":
    unittest.main()
