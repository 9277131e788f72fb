"""Logs, exec, attach, cp and port-forward on real containers, by the official kubectl and by ours."""
import contextlib
import os
import re
import select
import signal
import subprocess
import time
import unittest

import harness
from harness import ClusterTest, eventually

TALKER = """
apiVersion: v1
kind: Pod
metadata: {name: talker, labels: {app: talker}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: coxswain.local/busybox:1
      ports: [{name: http, containerPort: 8080}]
      command: ["sh", "-c", "echo page > /tmp/index.html; httpd -p 8080 -h /tmp; trap 'exit 0' TERM; i=0; while :; do echo line $i; i=$((i+1)); sleep 0.2; done"]
    - name: shell
      image: coxswain.local/busybox:1
      stdin: true
      tty: true
      command: ["sh"]
    - name: plain
      image: coxswain.local/busybox:1
      stdin: true
      command: ["sh"]
---
apiVersion: v1
kind: Service
metadata: {name: talker}
spec: {selector: {app: talker}, ports: [{name: web, port: 80, targetPort: http}]}
"""


class Streaming(ClusterTest):
    @classmethod
    def start(cls):
        cls.cluster.up()
        cls.cluster.load_images("busybox")
        cls.cluster.apply(TALKER)
        cls.cluster.wait_running("talker")

    def programs(self):
        """Each kubectl there is: a name, its words, and a function that runs it."""
        official = harness.kubectl_program()
        if official:
            yield "official", [official], lambda *a, **o: self.cluster.kubectl(*a, check=False, **o)
        yield ("ours", [harness.BINARY, "kubectl"],
               lambda *a, **o: self.cluster.kubectl(*a, official=False, check=False, **o))

    def each(self):
        return [(words, run) for _, words, run in self.programs()]

    def test_1_exec(self):
        for _, run in self.each():
            done = run("exec", "talker", "-c", "plain", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
            self.assertEqual((done.returncode, done.stdout), (7, "out\n"))
            self.assertEqual(done.stderr, "err\ncommand terminated with exit code 7\n")
            done = run("exec", "-i", "talker", "-c", "plain", "--", "wc", "-c", input="x" * 1000000)
            self.assertEqual(done.stdout, "1000000\n")
            done = run("exec", "talker", "-c", "plain", "--", "nothere")
            self.assertEqual(done.returncode, 1)
            self.assertIn("executable file not found", done.stderr)
            done = run("exec", "talker", "--", "echo", "hi")
            self.assertEqual(done.stdout, "hi\n")
            self.assertEqual(done.stderr, 'Defaulted container "main" out of: main, shell, plain\n')

    def test_2_attach(self):
        for words, _ in self.each():
            with self.typed(*words, "attach", "-q", "talker", "-c", "plain", "-i") as attach:
                attach.stdin.write(b"echo out; echo err >&2\n")
                self.assertEqual((attach.stdout.readline(), attach.stderr.readline()), (b"out\n", b"err\n"))
            program = f"stty rows 33 cols 99; {' '.join(words)} attach talker -c shell -it"
            with self.typed("script", "-qec", program, "/dev/null") as attach:
                self.says(attach, b"echo at$((1+1)); stty size\r", b"at2", b"33 99")
            self.wait_running_again()

    @contextlib.contextmanager
    def typed(self, *words):
        """A program that somebody types to; it ends with the block."""
        process = subprocess.Popen(self.cluster.inside(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, bufsize=0, env=self.cluster.environment(), start_new_session=True)
        with process:
            try:
                yield process
            finally:
                os.killpg(process.pid, signal.SIGKILL)

    def says(self, process, typed, *wanted):
        """Types it, again while nothing comes of it: what is typed before a terminal is raw is lost."""
        said, begun, due = b"", time.monotonic(), 0.0
        while not all(text in said for text in wanted):
            now = time.monotonic()
            self.assertLess(now - begun, harness.PATIENCE, said)
            if now >= due:
                process.stdin.write(typed)
                due = now + 2
            if select.select([process.stdout], [], [], 0.1)[0]:
                piece = os.read(process.stdout.fileno(), 65536)
                self.assertTrue(piece, said)
                said += piece

    def wait_running_again(self):
        """A shell whose stdin has ended is started again."""
        eventually("shells", lambda: all(s["ready"] for s in
                                         self.cluster.get("pod", "talker")["status"]["containerStatuses"]))

    def test_3_run_and_remove(self):
        for _, run in self.each():
            done = run("run", "once", "--image=coxswain.local/busybox:1", "--restart=Never", "-i", "--rm", "-q",
                       "--", "sh", "-c", "read x; echo got $x; exit 3", input="hello\n")
            self.assertEqual((done.returncode, done.stdout), (3, "got hello\n"))
            eventually("the pod is gone", lambda: run("get", "pod", "once").returncode == 1)

    def test_4_logs(self):
        for words, run in self.each():
            lines = run("logs", "talker", "-c", "main", "--tail=3", "--timestamps").stdout.splitlines()
            self.assertEqual(len(lines), 3)
            for line in lines:
                self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line \d+$")
            self.assertEqual(run("logs", "talker", "-c", "main", "--limit-bytes=9").stdout, "line 0\nli")
            done = run("logs", "talker", "-c", "main", "-p")
            self.assertEqual((done.returncode, done.stderr),
                             (1, 'Error from server (BadRequest): previous terminated container "main" in pod '
                                 '"talker" not found\n'), done.stdout)
            follow = subprocess.Popen(self.cluster.inside(*words, "logs", "-f", "talker", "-c", "main", "--tail=1"),
                                      stdout=subprocess.PIPE, text=True, env=self.cluster.environment())
            try:
                numbers = [int(follow.stdout.readline().split()[1]) for _ in range(4)]
            finally:
                follow.kill()
                follow.wait()
                follow.stdout.close()
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 4)))

    def test_5_copy(self):
        data = self.cluster.data
        with open(data + "/source", "w", encoding="utf-8") as f:
            f.write("copied\n" * 100000)
        for _, run in self.each():
            self.assertEqual(run("cp", data + "/source", "talker:/tmp/copied", "-c", "plain").returncode, 0)
            self.assertEqual(run("cp", "talker:/tmp/copied", data + "/back", "-c", "plain").returncode, 0)
            with open(data + "/back", encoding="utf-8") as f:
                self.assertEqual(f.read(), "copied\n" * 100000)
            os.unlink(data + "/back")

    def test_6_port_forward(self):
        for words, _ in self.each():
            for target, port in (("pod/talker", "http"), ("service/talker", "web"), ("service/talker", "80")):
                forward = subprocess.Popen(
                    self.cluster.inside(*words, "port-forward", target, "18080:" + port),
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.cluster.environment())
                try:
                    self.assertEqual(forward.stdout.readline(), "Forwarding from 127.0.0.1:18080 -> 8080\n")
                    for _ in range(3):
                        self.assertEqual(self.cluster.fetch("http://127.0.0.1:18080/"), "page\n")
                    forward.send_signal(signal.SIGINT)
                    self.assertEqual(forward.wait(timeout=240), 0)
                    self.assertEqual(len(re.findall("Handling connection for 18080", forward.stdout.read())), 3)
                finally:
                    forward.kill()
                    forward.wait()
                    forward.stdout.close()

    def test_7_following_ends_with_the_pod(self):
        follow = subprocess.Popen(self.cluster.inside(harness.BINARY, "kubectl", "logs", "-f", "talker", "-c", "main"),
                                  stdout=subprocess.DEVNULL, env=self.cluster.environment())
        try:
            self.cluster.kubectl("delete", "pod", "talker", "--timeout=240s")
            self.assertEqual(follow.wait(timeout=240), 0)
        finally:
            follow.kill()
            follow.wait()


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=bool(os.environ.get("E2E_FAILFAST")))
