"""Runs a program of another project against our server and looks at what it says."""
import os
import subprocess
import tempfile


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Program:
    """`Program(["helm"])("list", "-A")`; raises unless the exit code is the expected one."""

    def __init__(self, words):
        self.words = words
        self.home = tempfile.TemporaryDirectory(prefix="cxw-home-")
        self.env = {**os.environ, "HOME": self.home.name, "TZ": "UTC"}

    def __call__(self, *args, stdin=None, code=0, timeout=300):
        done = subprocess.run([*self.words, *args], input=stdin, capture_output=True, text=True,
                              timeout=timeout, env=self.env, check=False)
        result = Result(done.returncode, done.stdout, done.stderr)
        if done.returncode != code:
            raise AssertionError(f"{' '.join(args)}: wanted exit code {code}\n{result}")
        return result

    def start(self, *args):
        return subprocess.Popen([*self.words, *args], stdout=subprocess.PIPE, text=True,
                                env=self.env)
