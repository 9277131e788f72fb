"""A real cluster for tests: `coxswain up` inside network namespaces of its own.

    node (eth0 10.200.0.2, default route) ---- outside (eth0 10.200.0.1)

Everything that speaks to pods and Services runs inside one of the two namespaces. `nsenter --net`
is used and not `ip netns exec`, which would hide the cgroup mounts.
"""
import atexit
import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.environ.get("COXSWAIN_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BINARY = os.environ.get("COXSWAIN_BIN") or SOURCE + "/build/release/bin/coxswain"
IMAGES = os.environ.get("COXSWAIN_IMAGES") or SOURCE + "/build/images"
NODE_IP = "10.200.0.2"
OUTSIDE_IP = "10.200.0.1"
NODE = "node1"
# Seconds for what happens by itself. Long, for two tests may share two slow processors; a condition that holds ends
# the wait at once.
PATIENCE = 240


def sh(*argv, check=True, timeout=PATIENCE + 60, input=None, env=None):
    """Runs a program; its output as text. Fails with all that it said."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, input=input, env=env)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def eventually(what, condition, timeout=PATIENCE, every=0.1):
    """Waits until `condition()` is true and returns that; failures of its own count as not yet."""
    deadline = time.monotonic() + timeout
    last = None
    while time.monotonic() < deadline:
        try:
            value = condition()
            if value:
                return value
            last = value
        except Exception as e:  # pylint: disable=broad-except
            last = repr(e)
        time.sleep(every)
    raise AssertionError(f"not within {timeout} s: {what}; last: {last}")


@functools.cache
def kubectl_program():
    """The official kubectl, built once from tests/kubectl; None where there is no Go."""
    given = os.environ.get("COXSWAIN_KUBECTL")
    if given:
        return given
    built = sh(SOURCE + "/tests/clients/go_program.sh", SOURCE + "/tests/kubectl", SOURCE + "/build/kubectl",
               check=False, timeout=2000)
    if built.returncode not in (0, 77):
        raise AssertionError(f"the official kubectl: {built.stdout}{built.stderr}")
    return built.stdout.strip() or None


def images():
    """Folder of the test images, made when missing."""
    if not os.path.exists(IMAGES + "/web2.tar"):
        subprocess.run([SOURCE + "/tools/sample_images", IMAGES], check=True, timeout=PATIENCE)
    return IMAGES


class Cluster:
    """Namespaces, a data folder and programs in them. A context manager that leaves nothing."""

    def __init__(self, *flags):
        self.flags = flags
        self.tag = f"cxw{os.getpid()}"
        self.node = self.tag + "n"
        self.outside = self.tag + "o"
        self.data = tempfile.mkdtemp(prefix="cxw-", dir="/tmp")
        self.kubeconfig = self.data + "/kubeconfig/admin.conf"
        self.processes = []

    # namespaces

    def __enter__(self):
        for ns in (self.node, self.outside):
            sh("ip", "netns", "add", ns)
            sh("ip", "-n", ns, "link", "set", "lo", "up")
        sh("ip", "link", "add", self.tag + "a", "netns", self.node, "type", "veth",
           "peer", "name", self.tag + "b", "netns", self.outside)
        for ns, link, address in ((self.node, "a", NODE_IP), (self.outside, "b", OUTSIDE_IP)):
            sh("ip", "-n", ns, "link", "set", self.tag + link, "name", "eth0")
            sh("ip", "-n", ns, "address", "add", address + "/24", "dev", "eth0")
            sh("ip", "-n", ns, "link", "set", "eth0", "up")
        sh("ip", "-n", self.node, "route", "add", "default", "via", OUTSIDE_IP)
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        with contextlib.suppress(Exception):
            self.coxswain("down", "--purge", "--data-dir", self.data)
        for ns in (self.node, self.outside):
            sh("ip", "netns", "delete", ns, check=False)
        shutil.rmtree(self.data, ignore_errors=True)

    def inside(self, *argv, where=None):
        return ["nsenter", f"--net=/run/netns/{where or self.node}", "--", *argv]

    def environment(self):
        return {**os.environ, "KUBECONFIG": self.kubeconfig}

    def run(self, *argv, where=None, **options):
        return sh(*self.inside(*argv, where=where), env=self.environment(), **options)

    def start(self, *argv, where=None, log=None):
        """A program that runs until the end of the test."""
        with open(log or os.devnull, "ab") as out:
            process = subprocess.Popen(self.inside(*argv, where=where), stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL, env=self.environment())
        self.processes.append(process)
        return process

    # the program

    def coxswain(self, *argv, **options):
        return self.run(BINARY, *argv, **options)

    def up(self, *flags, timeout=PATIENCE):
        try:
            done = self.coxswain("up", "--data-dir", self.data, "--node-name", NODE, *self.flags, *flags,
                                 timeout=timeout, check=False)
        except subprocess.TimeoutExpired as e:
            raise AssertionError(f"up: not within {timeout} s\n{e.stdout}\n{self.log_tail()}") from e
        if done.returncode != 0:
            raise AssertionError(f"up: exit {done.returncode}\n{done.stdout}{done.stderr}\n{self.log_tail()}")
        return done.stdout

    def load_images(self, *names):
        self.coxswain("images", "load", "--data-dir", self.data,
                      *[f"{images()}/{name}.tar" for name in names or ("busybox", "web1", "web2")])

    def log_tail(self, lines=40):
        with contextlib.suppress(OSError), open(self.data + "/logs/coxswain.log", encoding="utf-8") as f:
            return "".join(f.readlines()[-lines:])
        return ""

    # the cluster

    def kubectl(self, *argv, official=True, **options):
        program = [kubectl_program()] if official and kubectl_program() else [BINARY, "kubectl"]
        return self.run(*program, *argv, **options)

    def apply(self, text, **options):
        return self.kubectl("apply", "-f", "-", input=text, **options).stdout

    def wait_account(self, namespace="default"):
        """Pods need the account of their namespace, which a controller makes."""
        eventually("the account of pods", lambda: self.kubectl("get", "serviceaccount", "default", "-n", namespace))

    def get(self, *argv):
        return json.loads(self.kubectl("get", *argv, "-o", "json").stdout)

    def phase(self, pod):
        return self.get("pod", pod)["status"].get("phase")

    def wait_running(self, *pods):
        for pod in pods:
            self.kubectl("wait", "--for=condition=Ready", "pod/" + pod, f"--timeout={PATIENCE}s")

    def fetch(self, url, where=None):
        return self.run("curl", "-sS", "--max-time", "60", url, where=where).stdout


class ClusterTest(unittest.TestCase):
    """Tests that share one cluster, in the order of their names."""
    cluster: Cluster

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root")
        for program in ("containerd", "runc", "nft", "ip", "nsenter", "curl"):
            if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
                raise unittest.SkipTest(f"needs {program}")
        cls.stack = contextlib.ExitStack()
        atexit.register(cls.stack.close)  # unittest ends without tearDownClass when it is interrupted
        cls.cluster = cls.stack.enter_context(Cluster())
        try:
            cls.start()
        except BaseException:
            print(cls.cluster.log_tail(200), file=sys.stderr)
            cls.stack.close()
            raise

    @classmethod
    def start(cls):
        cls.cluster.up()
        cls.cluster.load_images()

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()
