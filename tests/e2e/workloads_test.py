"""Workloads in earnest, with real containers: sets that keep data and names, rollouts that drop no request,
daemons that follow nodes, jobs and cron jobs that end as their policies say."""
import json
import re
import subprocess
import unittest

import harness
from harness import NODE, ClusterTest, eventually
from second_node import SecondNode

BUSYBOX = "coxswain.local/busybox:1"
SLEEP = "trap 'exit 0' TERM; sleep 3600 & wait"
CLIENTS = 8
REQUESTS = 10000

# Asks over new connections until its input has ended and it has asked often enough; prints how many were answered
# and each failure. One process for all its threads, in a namespace.
CLIENT = """
import http.client, sys, threading
address, port, clients, least = sys.argv[1], *map(int, sys.argv[2:])
stop, lock, answered, failures = threading.Event(), threading.Lock(), 0, []
def ask():
    global answered
    while not stop.is_set() or answered < least:
        try:
            connection = http.client.HTTPConnection(address, port, timeout=120)
            connection.request("GET", "/")
            answer = connection.getresponse()
            text = answer.read()
            connection.close()
            if answer.status != 200 or b"version" not in text:
                raise OSError(f"{answer.status} {text!r}")
            with lock:
                answered += 1
        except (OSError, http.client.HTTPException) as e:
            failures.append(repr(e))
            if len(failures) > 100: break
threads = [threading.Thread(target=ask) for _ in range(clients)]
for thread in threads: thread.start()
sys.stdin.read()
stop.set()
for thread in threads: thread.join()
print(answered)
for failure in failures: print(failure)
"""


def container(command, **more):
    return {"name": "main", "image": BUSYBOX, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", command],
            **more}


def workload(api, kind, name, spec):
    return json.dumps({"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec})


def template(name, *containers, **spec):
    return {"metadata": {"labels": {"app": name}},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec}}


def selector(name):
    return {"matchLabels": {"app": name}}


class Workloads(ClusterTest):
    @classmethod
    def start(cls):
        super().start()
        cls.cluster.wait_account()
        # Looked at by the last test: until then its minute has come.
        cls.cluster.apply(workload("batch/v1", "CronJob", "tick", {
            "schedule": "* * * * *", "successfulJobsHistoryLimit": 1, "jobTemplate": {"spec": {
                "template": template("tick", container("echo now"), restartPolicy="Never")}}}))

    def pods(self, app):
        return self.cluster.get("pods", "-l", "app=" + app)["items"]

    def wait_ready(self, kind, name, field, count):
        eventually(f"{kind}/{name}: {field} {count}", lambda: self.cluster.get(kind, name)["status"].get(field, 0) == count)

    # stateful sets

    def read(self, pod):
        return self.cluster.kubectl("exec", pod, "--", "cat", "/data/who").stdout.split()

    def test_01_a_stateful_set_keeps_data_and_names(self):
        keep = f"hostname >> /data/who; {SLEEP}"
        self.cluster.apply(workload("v1", "Service", "db", {"clusterIP": "None", "selector": {"app": "db"}}))
        self.cluster.apply(workload("apps/v1", "StatefulSet", "db", {
            "serviceName": "db", "replicas": 2, "selector": selector("db"),
            "template": template("db", container(keep, volumeMounts=[{"name": "data", "mountPath": "/data"}])),
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}]}))
        self.wait_ready("statefulset", "db", "readyReplicas", 2)
        names = ["db-0", "db-1"]
        self.assertEqual(sorted(p["metadata"]["name"] for p in self.pods("db")), names)
        for claim in ("data-db-0", "data-db-1"):
            self.assertEqual(self.cluster.get("pvc", claim)["status"]["phase"], "Bound")
        before = self.cluster.get("pod", "db-1")["metadata"]["uid"]
        self.cluster.kubectl("delete", "pod", "db-1")
        eventually("another db-1", lambda: self.cluster.get("pod", "db-1")["metadata"]["uid"] != before)
        self.cluster.wait_running("db-1")
        self.assertEqual(self.read("db-1"), ["db-1", "db-1"])
        self.cluster.coxswain("down", "--data-dir", self.cluster.data)
        self.cluster.up()
        eventually("the pods run again", lambda: [self.read(name)[0] for name in names] == names)
        self.wait_ready("statefulset", "db", "readyReplicas", 2)
        self.assertEqual(sorted(p["metadata"]["name"] for p in self.pods("db")), names)
        self.assertGreaterEqual(len(self.read("db-1")), 2)
        out = eventually("its name", lambda: self.cluster.kubectl(
            "exec", "db-0", "--", "nslookup", "db-1.db.default.svc.cluster.local").stdout)
        self.assertIn(self.cluster.get("pod", "db-1")["status"]["podIP"], out)
        self.cluster.kubectl("delete", "statefulset", "db")
        eventually("no pods", lambda: not self.pods("db"))
        self.cluster.kubectl("delete", "pvc", "--all")
        eventually("no volumes", lambda: not self.cluster.get("pv")["items"])

    # deployments

    def test_02_a_rollout_and_a_rollback_drop_no_request(self):
        serve = ('mkdir /www; echo "version $VERSION" > /www/index.html; httpd -f -p 8080 -h /www & '
                 'trap "sleep 1; exit 0" TERM; wait')
        self.cluster.apply(workload("apps/v1", "Deployment", "site", {
            "replicas": 3, "selector": selector("site"), "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": template("site", container(
                serve, env=[{"name": "VERSION", "value": "1"}],
                readinessProbe={"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 30},
                lifecycle={"preStop": {"sleep": {"seconds": 8}}}), terminationGracePeriodSeconds=60)}))
        self.cluster.apply(workload("v1", "Service", "site", {
            "selector": {"app": "site"}, "ports": [{"port": 80, "targetPort": 8080}]}))
        self.cluster.kubectl("rollout", "status", "deployment/site", "--timeout=240s")
        address = self.cluster.get("service", "site")["spec"]["clusterIP"]
        eventually("an answer", lambda: "version 1" in self.cluster.fetch(f"http://{address}/"))
        client = subprocess.Popen(
            self.cluster.inside("python3", "-c", CLIENT, address, "80", str(CLIENTS), str(REQUESTS)), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            for change, version in ((("set", "env", "deployment/site", "VERSION=2"), 2),
                                    (("rollout", "undo", "deployment/site"), 1)):
                self.cluster.kubectl(*change)
                self.cluster.kubectl("rollout", "status", "deployment/site", "--timeout=240s")
                eventually("old pods are gone", lambda: len(self.pods("site")) == 3)
                eventually(f"version {version}", lambda v=version: f"version {v}" in self.cluster.fetch(f"http://{address}/"))
        finally:
            out, _ = client.communicate("", timeout=240)
        count, *failures = out.splitlines()
        print(f"{count} requests during a rollout and a rollback, {len(failures)} failed")
        self.assertEqual(failures, [])
        self.assertGreaterEqual(int(count), REQUESTS)
        self.cluster.kubectl("delete", "deployment,service", "site")

    # daemon sets

    def test_03_a_daemon_set_follows_nodes(self):
        self.cluster.apply(workload("apps/v1", "DaemonSet", "agent", {
            "selector": selector("agent"), "template": template("agent", container(SLEEP))}))
        self.wait_ready("daemonset", "agent", "numberReady", 1)

        def nodes():
            return sorted(p["spec"].get("nodeName", "") for p in self.pods("agent")
                          if "deletionTimestamp" not in p["metadata"] and p["status"].get("phase") == "Running")
        with SecondNode(self.cluster, "node2") as node:
            node.join()
            eventually("pods on both", lambda: nodes() == [NODE, "node2"])
            self.wait_ready("daemonset", "agent", "numberReady", 2)
            self.cluster.kubectl("taint", "node", "node2", "away=yes:NoExecute")
            eventually("it leaves a tainted node", lambda: nodes() == [NODE])
            self.wait_ready("daemonset", "agent", "desiredNumberScheduled", 1)
            self.cluster.kubectl("taint", "node", "node2", "away-")
            eventually("it comes back", lambda: nodes() == [NODE, "node2"])
            self.cluster.kubectl("set", "env", "daemonset/agent", "CHANGED=yes")
            self.cluster.kubectl("rollout", "status", "daemonset/agent", "--timeout=240s")
            self.assertEqual(nodes(), [NODE, "node2"])
            self.cluster.kubectl("delete", "node", "node2")
            eventually("one pod is left", lambda: len(self.pods("agent")) == 1)
            self.wait_ready("daemonset", "agent", "desiredNumberScheduled", 1)
            eventually("its containers have ended", lambda: not node.containers())
        self.assertEqual(nodes(), [NODE])
        self.cluster.kubectl("delete", "daemonset", "agent")

    # jobs

    def indexed(self, name, command, **spec):
        self.cluster.apply(workload("batch/v1", "Job", name, {
            "completionMode": "Indexed", "completions": 4, "parallelism": 4, **spec,
            "template": template(name, container(command), restartPolicy="Never")}))

    def conditions(self, name):
        status = self.cluster.get("job", name)["status"]
        return {c["type"]: c.get("reason") for c in status.get("conditions", []) if c["status"] == "True"}, status

    def test_04_an_indexed_job_retries_and_fails_as_its_policies_say(self):
        self.indexed("perindex", "[ $JOB_COMPLETION_INDEX != 2 ]", backoffLimitPerIndex=1)
        eventually("the end", lambda: "Failed" in self.conditions("perindex")[0])
        reasons, status = self.conditions("perindex")
        self.assertEqual(reasons["Failed"], "FailedIndexes")
        self.assertEqual((status["completedIndexes"], status["failedIndexes"]), ("0,1,3", "2"))
        self.assertEqual((status["succeeded"], status["failed"]), (3, 2))
        self.indexed("policy", "case $JOB_COMPLETION_INDEX in 1) exit 42;; *) sleep 3600;; esac", backoffLimit=6,
                     podFailurePolicy={"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]})
        eventually("the end", lambda: "Failed" in self.conditions("policy")[0])
        reasons, status = self.conditions("policy")
        self.assertEqual(reasons["Failed"], "PodFailurePolicy")
        self.assertEqual(status.get("active", 0), 0)
        self.indexed("success", "[ $JOB_COMPLETION_INDEX = 0 ] || sleep 3600",
                     successPolicy={"rules": [{"succeededIndexes": "0"}]})
        eventually("the end", lambda: "Complete" in self.conditions("success")[0])
        self.assertEqual(self.conditions("success")[0]["Complete"], "SuccessPolicy")
        eventually("nobody is left running", lambda: all(
            p["status"]["phase"] in ("Succeeded", "Failed") for p in self.pods("success")))
        for pod in self.pods("perindex") + self.pods("policy") + self.pods("success"):
            self.assertNotIn("finalizers", pod["metadata"], pod["metadata"]["name"])
        self.cluster.kubectl("delete", "job", "perindex", "policy", "success")

    def test_05_a_cron_job_fires(self):
        eventually("a job has succeeded", lambda: self.cluster.get("cronjob", "tick")["status"]["lastSuccessfulTime"])

        def said():
            jobs = self.cluster.get("jobs")["items"]
            ended = [job["metadata"]["name"] for job in jobs if job["status"].get("succeeded")]
            return bool(re.fullmatch(r"tick-\d+", ended[0])) and self.cluster.kubectl("logs", "job/" + ended[0]).stdout
        self.assertEqual(eventually("what it said", said), "now\n")
        self.cluster.kubectl("delete", "cronjob", "tick")
        eventually("its jobs go with it", lambda: not self.cluster.get("jobs")["items"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
