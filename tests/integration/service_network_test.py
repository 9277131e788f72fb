"""Services and names on a node: kube-apiserver, kube-proxy and dns as processes of their own, in
network namespaces that end with this test. Pods are namespaces that answer "NAME CALLER" on 8080.

    world 192.0.2.2 ---- 192.0.2.1 node, cni0 10.244.0.1/24 ---- pod-1 .11, pod-2 .12, pod-3 .13
"""
import collections
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.environ.get("COXSWAIN_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BINARY = os.environ.get("COXSWAIN_BIN") or SOURCE + "/build/dev/bin/coxswain"
PEER = SOURCE + "/src/proxy/testing/peer.py"

WEB = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080}]
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec:
  clusterIP: None
  ports: [{name: sql, port: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:
- {addresses: [10.244.0.11], nodeName: node-1, conditions: {ready: true}}
- {addresses: [10.244.0.12], nodeName: node-1, conditions: {ready: true}}
- {addresses: [10.244.0.13], nodeName: node-1, conditions: {ready: true}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: sql, port: 8080, protocol: TCP}]
endpoints:
- {addresses: [10.244.0.11], hostname: db-0, nodeName: node-1, conditions: {ready: true}}
- {addresses: [10.244.0.12], hostname: db-1, nodeName: node-1, conditions: {ready: true}}
"""

# An upstream name server: every name is 203.0.113.7.
UPSTREAM = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.2", 53))
print("ready", flush=True)
while True:
    q, peer = s.recvfrom(4096)
    end = q.index(0, 12) + 5
    s.sendto(q[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + q[12:end]
             + b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + bytes([203, 0, 113, 7]), peer)
"""


def missing():
    for program in ("nft", "ip", "unshare", "nsenter", "dig", "curl"):
        if shutil.which(program) is None:
            return program + " is missing"
    if os.geteuid() != 0:
        return "not root"
    if subprocess.run(["unshare", "--net", "nft", "list", "tables"], capture_output=True).returncode != 0:
        return "no network namespaces or no nftables here"
    return None


def die_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def eventually(what, condition, timeout=120):
    deadline = time.monotonic() + timeout
    last = None
    while time.monotonic() < deadline:
        try:
            last = condition()
            if last:
                return last
        except (AssertionError, subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
            last = e
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout} s: {what}; last: {last}")


class Node:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cxw-services-")
        self.processes = []
        self.spaces = {}
        for name in ("node", "world", "pod-1", "pod-2", "pod-3"):
            child = self.start(["unshare", "--net", "sh", "-c",
                                f"ip link set lo up; touch {self.folder}/{name}; exec sleep 100000"], name)
            self.spaces[name] = child.pid
            eventually(name, lambda n=name: os.path.exists(f"{self.folder}/{n}"))
        self.connect()

    def inside(self, where, argv):
        return ["nsenter", f"--net=/proc/{self.spaces[where]}/ns/net"] + argv

    def start(self, argv, name):
        with open(f"{self.folder}/{name}.log", "ab") as log:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_us)
        self.processes.append(child)
        return child

    def run(self, where, *argv, check=True, input=None):
        done = subprocess.run(self.inside(where, list(argv)), capture_output=True, text=True, timeout=60, input=input)
        if check and done.returncode != 0:
            raise AssertionError(f"{where}: {' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def log(self, name):
        with open(f"{self.folder}/{name}.log") as f:
            return f.read()

    def connect(self):
        sh = lambda where, script: self.run(where, "sh", "-ec", script)
        sh("node", f"""
            ip link add cni0 type bridge; ip addr add 10.244.0.1/24 dev cni0; ip link set cni0 up
            ip link add out type veth peer name eth0 netns {self.spaces['world']}
            ip addr add 192.0.2.1/24 dev out; ip link set out up
            ip route add default via 192.0.2.2""")
        sh("world", """ip addr add 192.0.2.2/24 dev eth0; ip link set eth0 up
            ip addr add 203.0.113.7/32 dev lo
            ip route add 10.96.0.0/16 via 192.0.2.1""")
        for n in "123":
            sh("node", f"""ip link add veth{n} type veth peer name eth0 netns {self.spaces['pod-' + n]}
                ip link set veth{n} master cni0 up; ip link set dev veth{n} type bridge_slave hairpin on""")
            sh("pod-" + n, f"ip addr add 10.244.0.1{n}/24 dev eth0; ip link set eth0 up; ip route add default via 10.244.0.1")
        for where in ("world", "pod-1", "pod-2", "pod-3"):
            self.start(self.inside(where, ["python3", PEER, "serve", where, "8080"]), where + "-peer")
        self.start(self.inside("world", ["python3", "-c", UPSTREAM]), "upstream")
        for name in ("world-peer", "pod-1-peer", "pod-2-peer", "pod-3-peer", "upstream"):
            eventually(name, lambda n=name: self.log(n) == "ready\n")

    def start_cluster(self):
        folder = self.folder
        with open(folder + "/tokens", "w") as f:
            f.write('admin-token,admin,admin-uid,"system:masters"\n')
        self.start(self.inside("node", [BINARY, "kube-apiserver", "--bind-address", "127.0.0.1", "--secure-port", "6443",
                                        "--data-dir", folder + "/data", "--token-auth-file", folder + "/tokens"]), "apiserver")
        self.kubeconfig = folder + "/kubeconfig"
        with open(self.kubeconfig, "w") as f:
            f.write(f"""{{apiVersion: v1, kind: Config, current-context: x,
 clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:6443", certificate-authority: "{folder}/data/pki/ca.crt"}}}}],
 users: [{{name: u, user: {{token: admin-token}}}}],
 contexts: [{{name: x, context: {{cluster: c, user: u}}}}]}}""")
        eventually("the API server", lambda: self.kubectl("get", "--raw", "/readyz"))
        self.start_proxy()
        self.start(self.inside("node", [BINARY, "dns", "--kubeconfig", self.kubeconfig, "--listen", "192.0.2.1:5300",
                                        "--upstream", "192.0.2.2:53", "--cluster-ip", "10.96.0.10",
                                        "--advertise-address", "192.0.2.1"]), "dns")

    def start_proxy(self):
        self.proxy = self.start(self.inside("node", [
            BINARY, "kube-proxy", "--kubeconfig", self.kubeconfig, "--hostname-override", "node-1",
            "--cluster-cidr", "10.244.0.0/16", "--masquerade-egress-from", "10.244.0.0/24"]), "proxy")

    def kubectl(self, *argv, input=None):
        return self.run("node", BINARY, "kubectl", "--kubeconfig", self.kubeconfig, *argv, input=input)

    def ask(self, where, address, port, count):
        lines = self.run(where, "python3", PEER, "ask", "tcp", address, str(port), str(count)).splitlines()
        return collections.Counter(line.split()[0] for line in lines)

    def dig(self, where, *argv):
        return self.run(where, "dig", "@10.96.0.10", "+short", "+tries=1", "+time=10", *argv, check=False).split("\n")[:-1]

    def end(self):
        for child in reversed(self.processes):
            child.terminate()
        for child in self.processes:
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class ServiceNetwork(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.end)

    def tearDown(self):
        if any(e for _, e in getattr(self._outcome, "errors", [])) or getattr(self._outcome.result, "failures", []):
            for name in ("apiserver", "proxy", "dns"):
                print(f"--- {name}\n{self.node.log(name)[-3000:]}", file=sys.stderr)

    def test_all(self):
        node = self.node
        node.start_cluster()
        node.kubectl("apply", "-f", "-", input=WEB)
        ip = node.kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
        pods = {"pod-1", "pod-2", "pod-3"}
        eventually("web answers", lambda: set(node.ask("pod-1", ip, 80, 1)) <= pods)

        # The names, asked as pods do: by the cluster IP of kube-dns.
        eventually("kube-dns answers", lambda: node.dig("pod-2", "web.default.svc.cluster.local") == [ip])
        self.assertEqual(node.dig("node", "web.default.svc.cluster.local"), [ip])
        self.assertEqual(node.dig("node", "+tcp", "web.default.svc.cluster.local"), [ip])
        self.assertEqual(node.dig("pod-2", "+tcp", "web.default.svc.cluster.local"), [ip])
        self.assertEqual(sorted(node.dig("pod-3", "db.default.svc.cluster.local")), ["10.244.0.11", "10.244.0.12"])
        self.assertEqual(node.dig("pod-3", "db-1.db.default.svc.cluster.local"), ["10.244.0.12"])
        self.assertEqual(node.dig("pod-3", "-x", ip), ["web.default.svc.cluster.local."])
        self.assertEqual(node.dig("pod-1", "kubernetes.default.svc.cluster.local"), ["10.96.0.1"])
        self.assertEqual(node.dig("pod-1", "www.example.com"), ["203.0.113.7"])
        # And what it says leads out of the cluster.
        self.assertEqual(node.run("pod-1", "python3", PEER, "ask", "tcp", "203.0.113.7", "8080", "1"), "world 192.0.2.1\n")

        # The service from everywhere.
        for where, address, port in (("pod-1", ip, 80), ("node", ip, 80), ("world", ip, 80), ("world", "192.0.2.1", 30080),
                                     ("node", "127.0.0.1", 30080), ("pod-2", "10.244.0.1", 30080)):
            self.assertEqual(set(node.ask(where, address, port, 60)), pods, f"{where} to {address}:{port}")
        self.assertIn('"nodeEligible": true', node.run("node", "curl", "-sf", "http://127.0.0.1:10256/healthz"))
        self.assertIn("coxswain_proxy_elements", node.run("node", "curl", "-sf", "http://127.0.0.1:10249/metrics"))

        # Rules stay while the proxy is away; the next one finds out what changed.
        node.proxy.terminate()
        node.proxy.wait(60)
        self.assertEqual(set(node.ask("pod-1", ip, 80, 60)), pods)
        node.kubectl("patch", "endpointslice", "web-1", "--type=json", "-p",
                     '[{"op": "remove", "path": "/endpoints/2"}]')
        node.start_proxy()
        eventually("pod-3 is out", lambda: set(node.ask("pod-1", ip, 80, 40)) == {"pod-1", "pod-2"})

        # No endpoints: refused at once. No service: no name.
        node.kubectl("delete", "endpointslice", "web-1")
        eventually("refused", lambda: set(node.ask("pod-1", ip, 80, 2)) == {"refused"})
        eventually("refused outside", lambda: set(node.ask("world", "192.0.2.1", 30080, 2)) == {"refused"})
        node.kubectl("delete", "service", "web")
        eventually("the name is gone", lambda: node.dig("pod-2", "web.default.svc.cluster.local") == [])

        # Nothing is left behind.
        node.proxy.terminate()
        node.proxy.wait(60)
        node.run("node", BINARY, "kube-proxy", "--cleanup")
        self.assertEqual(node.run("node", "nft", "list", "ruleset"), "")


if __name__ == "__main__":
    why = missing()
    if why:
        print("skipped: " + why)
        sys.exit(77)
    unittest.main()
