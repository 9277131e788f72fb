"""The kubelet alone against a real containerd: each part a process of its own, in a network namespace
of its own. What pods report, what they are given, and that neither the kubelet's nor containerd's
death disturbs a container."""
import atexit
import contextlib
import glob
import json
import os
import shutil
import signal
import sys
import unittest

import harness
import own_containerd
from harness import BINARY, NODE, NODE_IP, SOURCE, Cluster, eventually, sh

CGROUP = f"/cxk{os.getpid()}"
BUSYBOX = "coxswain.local/busybox:1"


class Parts(Cluster):
    """API server, controllers, scheduler, containerd and kubelet, each under its upstream name."""

    def __enter__(self):
        super().__enter__()
        self.socket = self.data + "/c.sock"
        self.kubeconfig = self.data + "/kc"
        self.kubelet = self.containerd = None
        try:
            self.begin()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def begin(self):
        self.start_containerd()
        for image in ("pause", "busybox", "web1"):
            self.ctr("images", "import", f"{harness.images()}/{image}.tar" if image != "pause" else self.pause())
        with open(self.data + "/tokens", "w", encoding="utf-8") as f:
            f.write('admin-token,admin,admin-uid,"system:masters"\n')
        self.start(BINARY, "kube-apiserver", "--bind-address", "127.0.0.1", "--advertise-address", NODE_IP,
                   "--secure-port", "6443", "--data-dir", self.data + "/api", "--token-auth-file",
                   self.data + "/tokens", log=self.data + "/api.log")
        with open(self.kubeconfig, "w", encoding="utf-8") as f:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "x",
                       "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443",
                                     "certificate-authority": self.data + "/api/pki/ca.crt"}}],
                       "users": [{"name": "u", "user": {"token": "admin-token"}}],
                       "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}]}, f)
        eventually("the API server answers", lambda: self.kubectl("get", "namespaces").returncode == 0)
        for part in ("kube-controller-manager", "kube-scheduler"):
            more = ["--root-ca-file", self.data + "/api/pki/ca.crt"] if part.endswith("manager") else []
            self.start(BINARY, part, "--kubeconfig", self.kubeconfig, "--leader-elect=false",
                       "--secure-port", "0", *more, log=f"{self.data}/{part}.log")
        os.makedirs(self.data + "/manifests")
        with open(self.data + "/kubelet.yaml", "w", encoding="utf-8") as f:
            json.dump({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
                       "podLogsDir": self.data + "/podlogs", "clusterDNS": ["10.96.0.10"],
                       "clusterDomain": "cluster.local", "staticPodPath": self.data + "/manifests",
                       "cgroupRoot": CGROUP, "containerRuntimeEndpoint": "unix://" + self.socket}, f)
        self.start_kubelet()
        eventually("the node is ready", lambda: "Ready" in self.kubectl("get", "nodes").stdout)
        eventually("the CA is published", lambda: self.get("configmap", "kube-root-ca.crt"))
        self.wait_account()

    def pause(self):
        out = self.data + "/pause.tar"
        sh(SOURCE + "/tools/make_image.py", "--name", "coxswain.local/pause:test", "--out", out, "--file",
           shutil.which("busybox") + ":/bin/busybox", "--entrypoint", '["/bin/busybox", "sleep", "1000000"]')
        return out

    def ctr(self, *argv, **options):
        return sh("ctr", "-a", self.socket, "-n", "k8s.io", *argv, **options)

    def start_containerd(self):
        config = own_containerd.write_config(self.data, "cxk0", "10.203.0.0/24")
        self.containerd = self.start("containerd", "-c", config, log=self.data + "/containerd.log")
        eventually("containerd answers", lambda: self.ctr("version").returncode == 0)

    def start_kubelet(self):
        self.kubelet = self.start(BINARY, "kubelet", "--kubeconfig", self.kubeconfig, "--config",
                                  self.data + "/kubelet.yaml", "--root-dir", self.data + "/kubelet",
                                  "--cert-dir", self.data + "/kubelet-pki", "--hostname-override", NODE,
                                  log=self.data + "/kubelet.log")

    def kill(self, process):
        process.kill()
        process.wait()

    def shims(self):
        """Pids of this containerd's shims, which it does not end with itself."""
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError), open(path, "rb") as f:
                line = f.read().split(b"\0")
                if b"containerd-shim" in line[0] and self.socket.encode() in line:
                    yield int(path.split("/")[2])

    def __exit__(self, *_):
        if self.kubelet and self.kubelet.poll() is None:
            self.kill(self.kubelet)
        with contextlib.suppress(Exception):
            for kind in (("tasks", "kill", "-s", "9"), ("tasks", "rm", "-f"), ("containers", "rm")):
                listed = self.ctr("tasks" if kind[0] == "tasks" else "containers", "ls", "-q").stdout.split()
                for name in listed:
                    self.ctr(*kind, name, check=False)
        for pid in list(self.shims()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for process in self.processes:
            if process.poll() is None:
                self.kill(process)
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            mounts = [line.split()[4] for line in f if self.data in line]
        for mount in reversed(mounts):
            sh("umount", "-l", mount, check=False)
        for ns in (self.node, self.outside):
            sh("ip", "netns", "delete", ns, check=False)
        for root in glob.glob(f"/sys/fs/cgroup/*{CGROUP}") + glob.glob(f"/sys/fs/cgroup{CGROUP}"):
            for folder, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        shutil.rmtree(self.data, ignore_errors=True)

    def kubectl(self, *argv, **options):
        options.pop("official", None)
        return self.run(BINARY, "kubectl", "--kubeconfig", self.kubeconfig, *argv, **options)

    def container(self, pod, name):
        status = self.get("pod", pod)["status"]
        for kind in ("containerStatuses", "initContainerStatuses"):
            for c in status.get(kind, []):
                if c["name"] == name:
                    return c
        return None

    def log(self, pod, container, run=0):
        found = glob.glob(f"{self.data}/podlogs/default_{pod}_*/{container}/{run}.log")
        with open(found[0], encoding="utf-8") as f:
            return [line.split(" ", 3)[3].rstrip("\n") for line in f]

    def waits_for(self, pod, name, reason):
        def reached():
            c = self.container(pod, name)
            return c if c and c["state"].get("waiting", {}).get("reason") == reason else None
        return eventually(f"{pod}/{name} waits with {reason}", reached)

    def ready(self, pod):
        def reached():
            p = self.get("pod", pod)
            return p if any(c["type"] == "Ready" and c["status"] == "True"
                            for c in p["status"].get("conditions", [])) else None
        return eventually(f"{pod} is ready", reached)

    def events(self, pod):
        return [(e["reason"], e["message"]) for e in self.get("events")["items"]
                if e["involvedObject"]["name"] == pod]

    def gone(self, *pods):
        for pod in pods:
            self.kubectl("delete", "pod", pod, "--wait=true")


def pod(name, script="sleep 100000", **spec):
    """A pod of one busybox container `main`; keyword `container` adds to it."""
    container = {"name": "main", "image": BUSYBOX, "command": ["sh", "-c", script], **spec.pop("container", {})}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
                       "spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **spec}})


class Gate:
    """Where a container waits until the test lets it go on."""
    mount = {"name": "gate", "mountPath": "/gate"}
    passed = "until [ -e /gate/open ]; do sleep 0.1; done"

    def __init__(self, folder):
        os.makedirs(folder)
        self.folder = folder
        self.volume = {"name": "gate", "hostPath": {"path": folder}}

    def open(self):
        with open(self.folder + "/open", "w", encoding="utf-8"):
            pass


class Kubelet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root")
        for program in ("containerd", "runc", "ctr", "ip", "nsenter", "busybox"):
            if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
                raise unittest.SkipTest(f"needs {program}")
        cls.stack = contextlib.ExitStack()
        atexit.register(cls.stack.close)
        cls.c = cls.stack.enter_context(Parts())

    @classmethod
    def tearDownClass(cls):
        with contextlib.suppress(OSError), open(cls.c.data + "/kubelet.log", encoding="utf-8") as f:
            print("".join(f.readlines()[-15:]), file=sys.stderr)
        cls.stack.close()

    def tearDown(self):
        # A test that failed leaves its pods to nobody.
        for name in [p["metadata"]["name"] for p in self.c.get("pods")["items"]]:
            self.c.gone(name)

    def test_01_the_node(self):
        node = self.c.get("node", NODE)
        self.assertEqual(node["status"]["addresses"],
                         [{"type": "InternalIP", "address": NODE_IP}, {"type": "Hostname", "address": NODE}])
        self.assertEqual(node["metadata"]["labels"]["kubernetes.io/hostname"], NODE)
        self.assertTrue(node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://"))
        self.assertEqual([c["type"] for c in node["status"]["conditions"]],
                         ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"])
        self.assertIn("coxswain.local/busybox:1", json.dumps(node["status"]["images"]))
        lease = self.c.get("lease", "-n", "kube-node-lease", NODE)
        self.assertEqual(lease["spec"]["holderIdentity"], NODE)

    def test_02_security_and_surroundings(self):
        script = ("id; grep -E 'NoNewPrivs|CapBnd' /proc/self/status; touch /x 2>/dev/null || echo read-only; "
                  "stat -c %g /data; cat /etc/hosts /etc/resolv.conf; hostname; echo $COLOR $IP; sleep 100000")
        self.c.apply(pod("sec", script,
            subdomain="sub", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["one", "two"]}],
            dnsConfig={"options": [{"name": "ndots", "value": "2"}]},
            securityContext={"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 3000, "supplementalGroups": [4000]},
            volumes=[{"name": "data", "emptyDir": {}}],
            container={"volumeMounts": [{"name": "data", "mountPath": "/data"}],
                       "env": [{"name": "COLOR", "value": "blue-$(TWO)"}, {"name": "TWO", "value": "2"},
                               {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                       "resources": {"requests": {"cpu": "100m", "memory": "32Mi"},
                                     "limits": {"cpu": "200m", "memory": "64Mi"}},
                       "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                           "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}))
        got = self.c.ready("sec")
        ip = got["status"]["podIP"]
        eventually("it wrote", lambda: "blue-$(TWO) " + ip in self.c.log("sec", "main"))
        log = self.c.log("sec", "main")
        self.assertIn("uid=1000 gid=2000 groups=2000,3000,4000", log[0])
        self.assertIn("NoNewPrivs:\t1", log)
        self.assertIn("CapBnd:\t0000000000000400", log)
        self.assertIn("read-only", log)
        self.assertIn("3000", log)
        self.assertIn(f"{ip}\tsec.sub.default.svc.cluster.local\tsec", log)
        self.assertIn("1.2.3.4\tone\ttwo", log)
        self.assertIn("search default.svc.cluster.local svc.cluster.local cluster.local", log)
        self.assertIn("options ndots:2", log)
        self.assertEqual(got["status"]["qosClass"], "Burstable")
        group = f"{CGROUP}/kubepods/burstable/pod{got['metadata']['uid']}"
        if os.path.isdir("/sys/fs/cgroup/cpu"):
            def knob(path):
                with open(path, encoding="utf-8") as f:
                    return f.read().strip()
            self.assertEqual(knob(f"/sys/fs/cgroup/cpu{group}/cpu.cfs_quota_us"), "20000")
            self.assertEqual(knob(f"/sys/fs/cgroup/memory{group}/memory.limit_in_bytes"), str(64 << 20))
        self.c.gone("sec")
        eventually("no control group", lambda: not glob.glob(f"/sys/fs/cgroup/*{group}"))

    def test_03_failures_tell_why(self):
        self.c.apply(pod("crash", "echo because > /dev/termination-log; exit 3"))
        self.c.apply(pod("nonroot", container={"securityContext": {"runAsNonRoot": True}}))
        self.c.apply(pod("noimage", container={"image": "127.0.0.1:1/none:1"}))
        self.c.apply(pod("noprogram", container={"command": ["/nonexistent"]}))
        self.c.apply(pod("noconfig", container={"envFrom": [{"configMapRef": {"name": "missing"}}]}))
        c = self.c.waits_for("crash", "main", "CrashLoopBackOff")
        self.assertEqual(c["lastState"]["terminated"]["exitCode"], 3)
        self.assertEqual(c["lastState"]["terminated"]["message"], "because\n")
        self.assertTrue(c["state"]["waiting"]["message"].startswith("back-off "))
        c = self.c.waits_for("nonroot", "main", "CreateContainerConfigError")
        self.assertIn("container has runAsNonRoot and image will run as root", c["state"]["waiting"]["message"])
        self.c.waits_for("noimage", "main", "ImagePullBackOff")
        c = self.c.waits_for("noprogram", "main", "CrashLoopBackOff")
        self.assertEqual(c["lastState"]["terminated"]["reason"], "StartError")
        c = self.c.waits_for("noconfig", "main", "CreateContainerConfigError")
        self.assertEqual(c["state"]["waiting"]["message"], 'configmap "missing" not found')
        self.c.gone("crash", "nonroot", "noimage", "noprogram", "noconfig")

    def test_04_init_sidecar_hooks(self):
        self.c.apply(pod("order", "cat /data/order; sleep 2",
            restartPolicy="Never", volumes=[{"name": "data", "emptyDir": {}}],
            initContainers=[
                {"name": "first", "image": BUSYBOX, "command": ["sh", "-c", "echo first >> /data/order"],
                 "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
                {"name": "side", "image": BUSYBOX, "restartPolicy": "Always",
                 "command": ["sh", "-c", "echo side >> /data/order; trap 'echo term; exit 0' TERM; while :; do sleep 0.1; done"],
                 "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                 "startupProbe": {"exec": {"command": ["grep", "side", "/data/order"]}, "periodSeconds": 1}},
                {"name": "last", "image": BUSYBOX, "command": ["sh", "-c", "echo last >> /data/order"],
                 "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
            container={"volumeMounts": [{"name": "data", "mountPath": "/data"}],
                       "lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "echo hook > /data/hook"]}}}}))
        eventually("it succeeds", lambda: self.c.phase("order") == "Succeeded")
        self.assertEqual(self.c.log("order", "main"), ["first", "side", "last"])
        self.assertEqual(self.c.log("order", "side"), ["term"])
        self.c.gone("order")

    def test_05_probes_restart(self):
        gate = Gate(self.c.data + "/probed")
        probe = {"exec": {"command": ["cat", "/tmp/ok"]}, "periodSeconds": 1, "timeoutSeconds": 60}
        self.c.apply(pod("probed", f"touch /tmp/ok; {gate.passed}; rm /tmp/ok; sleep 100000", volumes=[gate.volume],
                         container={"volumeMounts": [gate.mount], "readinessProbe": probe,
                                    "livenessProbe": {**probe, "failureThreshold": 1}}))
        self.c.ready("probed")
        gate.open()
        eventually("it was restarted", lambda: self.c.container("probed", "main")["restartCount"] > 0)
        eventually("why", lambda: ("Killing", "Container main failed liveness probe, will be restarted")
                   in self.c.events("probed"))
        self.c.gone("probed")

    def test_06_a_kubelet_that_dies_disturbs_nobody(self):
        self.c.apply(pod("steady"))
        gate = Gate(self.c.data + "/ends")
        self.c.apply(pod("ends", gate.passed + "; exit 5", restartPolicy="Never", volumes=[gate.volume],
                         container={"volumeMounts": [gate.mount]}))
        self.c.apply(pod("removed"))
        for name in ("steady", "ends", "removed"):
            self.c.ready(name)
        before = self.c.container("steady", "main")
        running = self.c.ctr("tasks", "ls").stdout.count("RUNNING")
        self.c.kill(self.c.kubelet)
        self.c.kubectl("delete", "pod", "removed", "--force", "--grace-period=0")
        gate.open()
        eventually("one ends while nobody looks",
                   lambda: self.c.ctr("tasks", "ls").stdout.count("RUNNING") < running)
        self.c.start_kubelet()
        eventually("its end is found", lambda: self.c.phase("ends") == "Failed")
        self.assertEqual(self.c.container("ends", "main")["state"]["terminated"]["exitCode"], 5)
        eventually("the orphan is ended", lambda: "removed" not in self.c.ctr("containers", "ls").stdout and
                   not glob.glob(f"{self.c.data}/podlogs/default_removed_*"))
        self.assertEqual(self.c.container("steady", "main"), before)
        self.c.gone("steady", "ends")

    def test_07_a_containerd_that_dies_disturbs_nobody(self):
        self.c.apply(pod("steady"))
        self.c.ready("steady")
        before = self.c.container("steady", "main")
        self.c.kill(self.c.containerd)
        eventually("the node tells", lambda: "NotReady" in self.c.kubectl("get", "nodes").stdout)
        self.c.start_containerd()
        eventually("the node is ready", lambda: "NotReady" not in self.c.kubectl("get", "nodes").stdout)
        self.c.apply(pod("fresh", tolerations=[{"operator": "Exists"}]))
        self.c.ready("fresh")
        self.assertEqual(self.c.container("steady", "main"), before)
        self.c.gone("steady", "fresh")

    def test_08_static_pods(self):
        with open(self.c.data + "/manifests/web.yaml", "w", encoding="utf-8") as f:
            f.write(pod("static"))
        self.c.ready("static-" + NODE)
        mirror = self.c.get("pod", "static-" + NODE)
        self.assertIn("kubernetes.io/config.mirror", mirror["metadata"]["annotations"])
        os.unlink(self.c.data + "/manifests/web.yaml")
        eventually("it is gone", lambda: "static" not in self.c.kubectl("get", "pods").stdout)

    def test_09_host_network_and_ports(self):
        self.c.apply(pod("host", "hostname; sleep 100000", hostNetwork=True))
        self.c.apply(pod("port", "mkdir /w; echo hello > /w/index.html; httpd -f -p 8080 -h /w",
                         container={"ports": [{"containerPort": 8080, "hostPort": 18080}]}))
        got = self.c.ready("host")
        self.assertEqual(got["status"]["podIP"], NODE_IP)
        self.c.ready("port")
        eventually("it answers", lambda: self.c.fetch(f"http://{NODE_IP}:18080/", where=self.c.outside) == "hello\n")
        self.c.gone("host", "port")

    def test_10_nothing_is_left(self):
        eventually("no containers", lambda: self.c.ctr("containers", "ls", "-q").stdout == "")
        eventually("no folders", lambda: not os.listdir(self.c.data + "/kubelet/pods"))
        eventually("no logs", lambda: not os.listdir(self.c.data + "/podlogs"))
        eventually("no control groups",
                   lambda: not glob.glob(f"/sys/fs/cgroup/*{CGROUP}/kubepods/**/pod*", recursive=True))
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            self.assertEqual([line for line in f if self.c.data + "/kubelet" in line], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
