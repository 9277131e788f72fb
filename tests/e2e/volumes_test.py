"""Volumes, environment, probes, hooks and images of real containers."""
import json
import os
import unittest

import harness
from harness import ClusterTest, eventually

SLEEP = "trap 'exit 0' TERM; sleep 3600 & wait"


def pod(name, container, spec=None, metadata=None):
    """A pod of one container (`container` adds to it) as kubectl reads it."""
    main = {"name": "main", "image": "coxswain.local/busybox:1", "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", SLEEP], **container}
    return json.dumps({"apiVersion": "v1", "kind": "Pod",
                       "metadata": {"name": name, **(metadata or {})},
                       "spec": {"terminationGracePeriodSeconds": 1, "containers": [main], **(spec or {})}})


def mount_table():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return f.read()


def config_map(name, **data):
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


class Volumes(ClusterTest):
    def sh(self, name, command, container="main", **options):
        return self.cluster.kubectl("exec", name, "-c", container, "--", "sh", "-c", command, **options).stdout

    def events(self, name):
        items = self.cluster.get("events", "--field-selector", f"involvedObject.name={name}")["items"]
        return [f"{e['reason']}: {e['message']}" for e in items]

    def waiting(self, name):
        return self.cluster.get("pod", name)["status"]["containerStatuses"][0]["state"].get("waiting", {})

    def test_01_files_of_config_maps_and_secrets(self):
        kubectl = self.cluster.kubectl
        self.cluster.apply(config_map("files", a="one", b="two"))
        kubectl("create", "secret", "generic", "keys", "--from-literal=password=sesame")
        self.cluster.apply(pod("files", {
            "volumeMounts": [{"name": "cfg", "mountPath": "/cfg"}, {"name": "key", "mountPath": "/key"},
                             {"name": "cfg", "mountPath": "/single", "subPath": "b"},
                             {"name": "info", "mountPath": "/info"}]},
            {"volumes": [{"name": "cfg", "configMap": {"name": "files"}},
                         {"name": "key", "secret": {"secretName": "keys", "defaultMode": 0o400}},
                         {"name": "info", "downwardAPI": {"items": [
                             {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}}]},
            {"labels": {"app": "files"}}))
        self.cluster.wait_running("files")
        self.assertEqual(self.sh("files", "cat /cfg/a /single /key/password"), "onetwosesame")
        self.assertEqual(self.sh("files", "readlink /cfg/a"), "..data/a\n")
        self.assertEqual(self.sh("files", "stat -Lc %a /key/password"), "400\n")
        self.assertIn("Read-only", self.sh("files", "echo x > /cfg/a; true; touch /cfg/x 2>&1 || true"))
        self.assertIn("tmpfs", self.sh("files", "grep ' /key ' /proc/mounts"))
        self.assertEqual(self.sh("files", "cat /info/labels"), 'app="files"')
        token = self.sh("files", "cat /var/run/secrets/kubernetes.io/serviceaccount/token")
        self.assertEqual(token.count("."), 2)
        self.assertEqual(self.sh("files", "cat /var/run/secrets/kubernetes.io/serviceaccount/namespace"), "default")

    def test_02_changes_arrive(self):
        self.cluster.apply(config_map("files", a="changed", c="three"))
        eventually("the new file", lambda: self.sh("files", "cat /cfg/a /cfg/c") == "changedthree")
        self.assertEqual(self.sh("files", "ls /cfg"), "a\nc\n")
        self.cluster.kubectl("label", "pod", "files", "tier=front")
        eventually("the new label", lambda: 'tier="front"' in self.sh("files", "cat /info/labels"))

    def test_03_empty_dirs_sub_paths_and_groups(self):
        self.cluster.apply(pod("dirs", {
            "env": [{"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "securityContext": {"runAsUser": 1000, "runAsGroup": 1000},
            "volumeMounts": [{"name": "disk", "mountPath": "/disk"}, {"name": "memory", "mountPath": "/memory"},
                             {"name": "disk", "mountPath": "/mine", "subPathExpr": "$(WHO)/x"}]},
            {"securityContext": {"fsGroup": 2000},
             "volumes": [{"name": "disk", "emptyDir": {}},
                         {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}]}))
        self.cluster.wait_running("dirs")
        self.assertEqual(self.sh("dirs", "echo deep > /mine/f; cat /disk/dirs/x/f; stat -c %g /disk/dirs/x/f"),
                         "deep\n2000\n")
        self.assertEqual(self.sh("dirs", "stat -c '%a %g' /disk"), "2777 2000\n")
        self.assertIn("size=8192k", self.sh("dirs", "grep ' /memory ' /proc/mounts"))
        self.cluster.kubectl("delete", "pod", "dirs", "--timeout=240s")
        eventually("no mount of it", lambda: "volume-subpaths/disk" not in mount_table())

    def test_04_missing_config_map_comes_later(self):
        self.cluster.apply(pod("late", {"volumeMounts": [{"name": "cfg", "mountPath": "/cfg"}]},
                               {"volumes": [{"name": "cfg", "configMap": {"name": "later"}}]}))
        eventually("FailedMount", lambda: any(
            e == 'FailedMount: MountVolume.SetUp failed for volume "cfg" : configmap "later" not found'
            for e in self.events("late")))
        self.assertEqual(self.waiting("late").get("reason"), "ContainerCreating")
        self.cluster.apply(config_map("later", k="v"))
        self.cluster.wait_running("late")

    def test_05_host_paths(self):
        path = self.cluster.data + "/host"
        self.cluster.apply(pod("host", {"volumeMounts": [{"name": "h", "mountPath": "/h"}]},
                               {"volumes": [{"name": "h", "hostPath": {"path": path, "type": "DirectoryOrCreate"}}]}))
        self.cluster.wait_running("host")
        self.sh("host", "echo from-pod > /h/f")
        with open(path + "/f", encoding="utf-8") as f:
            self.assertEqual(f.read(), "from-pod\n")
        self.cluster.kubectl("delete", "pod", "host", "--timeout=240s")
        self.assertTrue(os.path.exists(path + "/f"))
        self.cluster.apply(pod("nohost", {"volumeMounts": [{"name": "h", "mountPath": "/h"}]},
                               {"volumes": [{"name": "h", "hostPath": {"path": path + "/no", "type": "File"}}]}))
        eventually("FailedMount", lambda: any(f"hostPath type check failed: {path}/no is not a file" in e
                                              for e in self.events("nohost")))

    def test_06_environment(self):
        self.cluster.apply(config_map("env", COLOR="blue", SIZE="xl"))
        self.cluster.apply(pod("env", {
            "command": ["sh", "-c", "echo $(COLOR) $0; env; " + SLEEP, "$(GREETING)"],
            "envFrom": [{"configMapRef": {"name": "env"}, "prefix": "P_"}],
            "env": [{"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "COLOR"}}},
                    {"name": "GREETING", "value": "hi $(COLOR) $$(COLOR)"},
                    {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                    {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}}],
            "resources": {"limits": {"cpu": "250m"}}}))
        self.cluster.wait_running("env")
        ip = self.cluster.get("pod", "env")["status"]["podIP"]

        def lines():
            return self.cluster.kubectl("logs", "env").stdout.splitlines()
        for line in ("P_SIZE=xl", f"IP={ip}", "CPU=250", "KUBERNETES_SERVICE_PORT_HTTPS=443"):
            eventually(line, lambda line=line: line in lines())
        self.assertEqual(lines()[0], "blue hi blue $(COLOR)")
        self.cluster.apply(pod("badenv", {"envFrom": [{"secretRef": {"name": "nowhere"}}]}))
        eventually("CreateContainerConfigError", lambda: self.waiting("badenv") == {
            "reason": "CreateContainerConfigError", "message": 'secret "nowhere" not found'})

    def test_07_liveness_restarts(self):
        self.cluster.apply(pod("alive", {
            "command": ["sh", "-c", "touch /tmp/ok; " + SLEEP],
            "livenessProbe": {"exec": {"command": ["cat", "/tmp/ok"]}, "periodSeconds": 1, "failureThreshold": 2,
                              "timeoutSeconds": 60}}))
        self.cluster.wait_running("alive")
        self.sh("alive", "rm /tmp/ok")
        eventually("a restart", lambda: self.cluster.get("pod", "alive")["status"]["containerStatuses"][0][
            "restartCount"] >= 1)
        for text in ("Unhealthy: Liveness probe failed: cat: can't open '/tmp/ok': No such file or directory",
                     "Killing: Container main failed liveness probe, will be restarted"):
            eventually(text, lambda text=text: text in [t.rstrip("\n") for t in self.events("alive")])

    def test_08_readiness_and_startup_by_http(self):
        self.cluster.apply(pod("web", {
            "command": ["sh", "-c", "mkdir /www; sleep 2; httpd -p 8080 -h /www; " + SLEEP],
            "ports": [{"name": "http", "containerPort": 8080}],
            "startupProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1, "failureThreshold": 30},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1}}))

        def status():
            return self.cluster.get("pod", "web")["status"]["containerStatuses"][0]
        eventually("started", lambda: status().get("started"))
        eventually("the failed probe", lambda: any("Readiness probe failed: HTTP probe failed with statuscode: 404" in e
                                                   for e in self.events("web")))
        self.assertFalse(status()["ready"])
        self.sh("web", "echo yes > /www/ready")
        self.cluster.wait_running("web")
        self.sh("web", "rm /www/ready")
        self.cluster.kubectl("wait", "--for=condition=Ready=false", "pod/web", "--timeout=240s")

    def test_09_hooks(self):
        path = self.cluster.data + "/hooks"
        os.makedirs(path, exist_ok=True)
        self.cluster.apply(pod("hooks", {
            "volumeMounts": [{"name": "h", "mountPath": "/h"}],
            "lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "echo start >> /h/log"]}},
                          "preStop": {"exec": {"command": ["sh", "-c", "echo stop >> /h/log"]}}}},
            {"terminationGracePeriodSeconds": 60, "volumes": [{"name": "h", "hostPath": {"path": path}}]}))
        self.cluster.wait_running("hooks")
        self.cluster.kubectl("delete", "pod", "hooks", "--timeout=240s")
        with open(path + "/log", encoding="utf-8") as f:
            self.assertEqual(f.read(), "start\nstop\n")
        self.cluster.apply(pod("badhook", {"lifecycle": {"postStart": {"exec": {"command": ["false"]}}}}))
        eventually("FailedPostStartHook", lambda: "FailedPostStartHook: PostStartHook failed" in self.events("badhook"))

    def test_10_images_that_are_not_there(self):
        self.cluster.apply(pod("never", {"image": "coxswain.local/none:1", "imagePullPolicy": "Never"}))
        eventually("ErrImageNeverPull", lambda: self.waiting("never") == {
            "reason": "ErrImageNeverPull",
            "message": 'Container image "coxswain.local/none:1" is not present with pull policy of Never'})
        self.cluster.apply(pod("nowhere", {"image": "127.0.0.1:1/none:1"}))
        eventually("ErrImagePull", lambda: "Failed: Error: ErrImagePull" in self.events("nowhere"))
        eventually("ImagePullBackOff", lambda: self.waiting("nowhere").get("reason") == "ImagePullBackOff")
        self.cluster.apply(pod("badname", {"image": "Bad_Name!"}))
        eventually("InvalidImageName", lambda: self.waiting("badname").get("reason") == "InvalidImageName")

    def test_11_a_restart_keeps_following(self):
        self.cluster.apply(config_map("follow", a="before"))
        self.cluster.apply(pod("follow", {
            "volumeMounts": [{"name": "cfg", "mountPath": "/cfg"}, {"name": "dir", "mountPath": "/dir"}],
            "readinessProbe": {"exec": {"command": ["test", "-e", "/dir/ready"]}, "periodSeconds": 1}},
            {"volumes": [{"name": "cfg", "configMap": {"name": "follow"}},
                         {"name": "dir", "emptyDir": {"medium": "Memory"}}]}))
        eventually("running", lambda: self.cluster.phase("follow") == "Running")
        self.sh("follow", "touch /dir/ready")
        self.cluster.wait_running("follow")
        before = self.cluster.get("pod", "follow")["status"]["containerStatuses"][0]["containerID"]
        with open(self.cluster.data + "/run/up.lock", encoding="utf-8") as f:
            supervisor = f.read().strip()
        os.kill(int(harness.sh("ps", "-o", "pid=", "--ppid", supervisor).stdout), 9)
        eventually("a new server", lambda: self.cluster.get("pods")["items"])
        self.cluster.apply(config_map("follow", a="after"))
        eventually("the new file", lambda: self.sh("follow", "cat /cfg/a") == "after")
        self.assertEqual(self.sh("follow", "ls /dir"), "ready\n")
        self.sh("follow", "rm /dir/ready")
        self.cluster.kubectl("wait", "--for=condition=Ready=false", "pod/follow", "--timeout=240s")
        status = self.cluster.get("pod", "follow")["status"]["containerStatuses"][0]
        self.assertEqual((status["containerID"], status["restartCount"]), (before, 0))

    def test_12_claims_get_folders_of_the_node(self):
        folder = self.cluster.data + "/local-path"
        annotations = self.cluster.get("storageclass", "local-path")["metadata"]["annotations"]
        self.assertEqual(annotations["storageclass.kubernetes.io/is-default-class"], "true")
        self.cluster.apply(json.dumps({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}))
        eventually("it waits for a pod", lambda: any(e.startswith("WaitForFirstConsumer") for e in self.events("data")))
        volumes = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}],
                   "securityContext": {"runAsUser": 1000}}
        mount = {"volumeMounts": [{"name": "d", "mountPath": "/d"}]}
        self.cluster.apply(pod("writer", mount, volumes))
        self.cluster.wait_running("writer")
        self.sh("writer", "echo kept > /d/f")
        self.cluster.kubectl("delete", "pod", "writer", "--timeout=240s")
        self.cluster.apply(pod("reader", mount, volumes))
        self.cluster.wait_running("reader")
        self.assertEqual(self.sh("reader", "cat /d/f"), "kept\n")
        self.assertEqual(len(os.listdir(folder)), 1)
        # Claims in use stay; what is let go of goes with its data.
        self.cluster.kubectl("delete", "pvc", "data", "--wait=false")
        self.assertEqual(self.sh("reader", "cat /d/f"), "kept\n")
        self.cluster.kubectl("delete", "pod", "reader", "--timeout=240s")
        eventually("no claim", lambda: not self.cluster.get("pvc")["items"])
        eventually("no volume", lambda: not self.cluster.get("pv")["items"])
        self.assertEqual(os.listdir(folder), [])

    def test_13_ephemeral_volumes(self):
        template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
        self.cluster.apply(pod("scratch", {"volumeMounts": [{"name": "s", "mountPath": "/s"}]},
                               {"volumes": [{"name": "s", "ephemeral": {"volumeClaimTemplate": template}}]}))
        self.cluster.wait_running("scratch")
        self.sh("scratch", "echo x > /s/f")
        self.assertEqual(self.cluster.get("pvc", "scratch-s")["metadata"]["ownerReferences"][0]["name"], "scratch")
        self.cluster.kubectl("delete", "pod", "scratch", "--timeout=240s")
        eventually("no volume", lambda: not self.cluster.get("pv")["items"])
        self.assertEqual(os.listdir(self.cluster.data + "/local-path"), [])

    def test_14_nothing_stays(self):
        self.cluster.kubectl("delete", "pod", "--all", "--timeout=240s")
        root = self.cluster.data + "/kubelet/pods"
        eventually("no pod folders", lambda: not os.path.exists(root) or not os.listdir(root))
        self.assertNotIn(root, mount_table())


if __name__ == "__main__":
    unittest.main(failfast=False)
