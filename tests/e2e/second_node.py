"""Another machine for a test cluster: a kubelet with a containerd of its own in a third network namespace. It
joins as a real one would: with a certificate that it asked the cluster's own signer for."""
import base64
import contextlib
import glob
import json
import os
import shutil
import signal

import harness
import own_containerd
from harness import BINARY, eventually, sh

ADDRESS = "10.201.0.2"
GATEWAY = "10.201.0.1"


class SecondNode:
    """A context manager that leaves nothing: no process, mount, namespace or control group."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.folder = cluster.data + "/" + name
        self.namespace = cluster.tag + "s"
        self.cgroup = f"/cxs{os.getpid()}"
        self.kubelet = self.containerd = None

    def __enter__(self):
        sh("ip", "netns", "add", self.namespace)
        try:
            self.connect()
            self.start_containerd()
            self.write_config()
        except BaseException:
            self.__exit__()
            raise
        return self

    def connect(self):
        tag, near = self.cluster.tag, self.cluster.node
        sh("ip", "-n", self.namespace, "link", "set", "lo", "up")
        sh("ip", "link", "add", tag + "c", "netns", near, "type", "veth", "peer", "name", "eth0",
           "netns", self.namespace)
        for where, link, address in ((near, tag + "c", GATEWAY), (self.namespace, "eth0", ADDRESS)):
            sh("ip", "-n", where, "address", "add", address + "/24", "dev", link)
            sh("ip", "-n", where, "link", "set", link, "up")
        sh("ip", "-n", self.namespace, "route", "add", "default", "via", GATEWAY)

    def start_containerd(self):
        config = own_containerd.write_config(self.folder, "cni0", "10.202.0.0/24")
        self.containerd = self.start("containerd", "-c", config)
        eventually("containerd answers", lambda: self.ctr("version").returncode == 0)
        sh(harness.SOURCE + "/tools/make_image.py", "--name", "coxswain.local/pause:test", "--out",
           self.folder + "/pause.tar", "--file", shutil.which("busybox") + ":/bin/busybox",
           "--entrypoint", '["/bin/busybox", "sleep", "1000000"]')
        for image in (self.folder + "/pause.tar", harness.images() + "/busybox.tar"):
            self.ctr("images", "import", image)

    def write_config(self):
        key, request = self.folder + "/kubelet.key", self.folder + "/kubelet.csr"
        sh("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-keyout", key, "-out", request, "-subj", f"/O=system:nodes/CN=system:node:{self.name}")
        with open(request, "rb") as f:
            text = base64.b64encode(f.read()).decode()
        self.cluster.apply(json.dumps({
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": self.name}, "spec": {
                "request": text, "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
                "usages": ["digital signature", "client auth"]}}))
        self.cluster.kubectl("certificate", "approve", self.name)
        issued = eventually("the certificate", lambda: self.cluster.get("csr", self.name)["status"]["certificate"])
        with open(self.folder + "/kubelet.crt", "wb") as f:
            f.write(base64.b64decode(issued))
        with open(self.folder + "/kubeconfig", "w", encoding="utf-8") as f:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "x",
                       "clusters": [{"name": "c", "cluster": {"server": f"https://{harness.NODE_IP}:6443",
                                     "certificate-authority": self.cluster.data + "/pki/ca.crt"}}],
                       "users": [{"name": "u", "user": {"client-certificate": self.folder + "/kubelet.crt",
                                                        "client-key": key}}],
                       "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}]}, f)
        with open(self.folder + "/kubelet.yaml", "w", encoding="utf-8") as f:
            json.dump({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
                       "podLogsDir": self.folder + "/podlogs", "cgroupRoot": self.cgroup,
                       "containerRuntimeEndpoint": f"unix://{self.folder}/c.sock"}, f)

    def join(self):
        self.kubelet = self.start(BINARY, "kubelet", "--kubeconfig", self.folder + "/kubeconfig", "--config",
                                  self.folder + "/kubelet.yaml", "--root-dir", self.folder + "/kubelet",
                                  "--cert-dir", self.folder + "/kubelet-pki", "--hostname-override", self.name,
                                  "--node-ip", ADDRESS)
        self.cluster.kubectl("wait", "--for=create", "node/" + self.name, "--timeout=240s")
        self.cluster.kubectl("wait", "--for=condition=Ready", "node/" + self.name, "--timeout=240s")

    def containers(self):
        return self.ctr("containers", "ls", "-q").stdout.split()

    def start(self, *argv):
        return self.cluster.start(*argv, where=self.namespace,
                                  log=f"{self.cluster.data}/logs/{self.name}-{os.path.basename(argv[0])}.log")

    def ctr(self, *argv, **options):
        return sh("ctr", "-a", self.folder + "/c.sock", "-n", "k8s.io", *argv, **options)

    def __exit__(self, *_):
        for process in (self.kubelet, self.containerd):
            if process is self.containerd and process:
                self.end_containers()
            if process and process.poll() is None:
                process.kill()
                process.wait()
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            mounts = [line.split()[4] for line in f if self.folder + "/" in line]
        for mount in reversed(mounts):
            sh("umount", "-l", mount, check=False)
        sh("ip", "netns", "delete", self.namespace, check=False)
        for root in glob.glob(f"/sys/fs/cgroup/*{self.cgroup}") + glob.glob(f"/sys/fs/cgroup{self.cgroup}"):
            for folder, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)

    def end_containers(self):
        with contextlib.suppress(Exception):
            for task in self.ctr("tasks", "ls", "-q").stdout.split():
                self.ctr("tasks", "kill", "-s", "9", task, check=False)
                self.ctr("tasks", "rm", "-f", task, check=False)
            for container in self.containers():
                self.ctr("containers", "rm", container, check=False)
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError), open(path, "rb") as f:
                words = f.read().split(b"\0")
                if b"containerd-shim" in words[0] and f"{self.folder}/c.sock".encode() in words:
                    os.kill(int(path.split("/")[2]), signal.SIGKILL)
