"""A CSI driver of our own (tests/csi) in a real cluster: claims are provisioned, used, expanded and released,
inline volumes live with their pods, and neither the kubelet's nor the driver's restart disturbs a mount."""
import json
import os
import signal
import unittest

import harness
from harness import BINARY, NODE, ClusterTest, eventually

DRIVER = os.environ.get("COXSWAIN_CSI_DRIVER") or os.path.dirname(BINARY) + "/csi_test_driver"
NAME = "csi.test.coxswain.dev"
SLEEP = "trap 'exit 0' TERM; sleep 3600 & wait"


def storage_class(name, **more):
    return json.dumps({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
                       "provisioner": NAME, "allowVolumeExpansion": True, **more})


def claim(name, size, storage_class_name="csi-test"):
    return json.dumps({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
                       "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class_name,
                                "resources": {"requests": {"storage": size}}}})


def pod(name, volume, **spec):
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "terminationGracePeriodSeconds": 1, "volumes": [{"name": "v", **volume}], **spec,
        "containers": [{"name": "main", "image": "coxswain.local/busybox:1", "imagePullPolicy": "IfNotPresent",
                        "command": ["sh", "-c", SLEEP],
                        "volumeMounts": [{"name": "v", "mountPath": "/data"}]}]}})


def of_claim(name):
    return {"persistentVolumeClaim": {"claimName": name}}


class Csi(ClusterTest):
    @classmethod
    def start(cls):
        super().start()
        root = cls.cluster.data + "/kubelet"
        cls.registry = root + "/plugins_registry/" + NAME + "-reg.sock"
        cls.flags = ["--name", NAME, "--node-id", NODE, "--data", cls.cluster.data + "/csi", "--max-volumes", "20",
                     "--socket", f"{root}/plugins/{NAME}/csi.sock", "--registry-socket", cls.registry,
                     "--kubeconfig", cls.cluster.kubeconfig]
        cls.cluster.apply(json.dumps({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": NAME},
            "spec": {"attachRequired": True, "podInfoOnMount": True, "fsGroupPolicy": "File",
                     "volumeLifecycleModes": ["Persistent", "Ephemeral"]}}))
        cls.start_driver()

    @classmethod
    def tearDownClass(cls):
        driver = getattr(cls, "driver", None)
        if driver and driver.poll() is None:
            driver.send_signal(signal.SIGTERM)
            driver.wait(timeout=240)
        for line in reversed(cls.mounts(cls)):
            harness.sh("umount", "-l", line, check=False)
        super().tearDownClass()

    @classmethod
    def start_driver(cls):
        cls.driver = cls.cluster.start(DRIVER, *cls.flags, log=cls.cluster.data + "/csi.log")

    def mounts(self, below=""):
        """Mount points of the driver, or of one of its volumes."""
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            paths = [line.split()[4] for line in f]
        return [p for p in paths if p.startswith(self.cluster.data) and "csi" in p and below in p]

    def sh(self, name, command):
        return self.cluster.kubectl("exec", name, "--", "sh", "-c", command).stdout

    def events(self, name):
        items = self.cluster.get("events", "--field-selector", f"involvedObject.name={name}")["items"]
        return [f"{e['reason']}: {e['message']}" for e in items]

    def registered(self):
        drivers = self.cluster.get("csinode", NODE)["spec"].get("drivers") or []
        return [d for d in drivers if d["name"] == NAME]

    def volume_of(self, name):
        return self.cluster.get("pvc", name)["spec"]["volumeName"]

    def in_use(self):
        return self.cluster.get("node", NODE)["status"].get("volumesInUse", [])

    def test_01_the_driver_registers(self):
        driver = eventually("the driver in the CSINode", self.registered)[0]
        self.assertEqual(driver["nodeID"], NODE)
        self.assertEqual(driver["allocatable"], {"count": 20})
        self.assertEqual(driver["topologyKeys"], [f"topology.{NAME}/node"])
        node = self.cluster.get("node", NODE)["metadata"]
        self.assertEqual(node["labels"][f"topology.{NAME}/node"], NODE)
        self.assertEqual(json.loads(node["annotations"]["csi.volume.kubernetes.io/nodeid"]), {NAME: NODE})

    def test_02_a_claim_is_provisioned_bound_and_used(self):
        self.cluster.apply(storage_class("csi-test"))
        self.cluster.apply(claim("data", "16Mi"))
        self.cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/data", "--timeout=240s")
        self.cluster.apply(pod("one", of_claim("data"), securityContext={"fsGroup": 2000}))
        self.cluster.wait_running("one")
        self.assertEqual(self.sh("one", "echo kept > /data/f; cat /data/f; stat -c %g /data"), "kept\n2000\n")
        self.assertIn(" 16384 ", self.sh("one", "df -k /data | tail -1"))
        name = f"kubernetes.io/csi/{NAME}^" + self.volume_of("data")
        eventually("it is in use", lambda: name in self.in_use())
        attachments = self.cluster.get("volumeattachments")["items"]
        self.assertEqual([a["status"]["attached"] for a in attachments], [True])

    def test_03_the_data_survive_the_pod(self):
        self.cluster.kubectl("delete", "pod", "one", "--timeout=240s")
        volume = self.volume_of("data")
        eventually("only the driver's own mount", lambda: not [m for m in self.mounts() if "/kubelet/" in m])
        self.assertEqual(self.mounts(volume), [self.cluster.data + "/csi/" + volume])
        eventually("not in use", lambda: not self.in_use())
        eventually("detached", lambda: not self.cluster.get("volumeattachments")["items"])
        self.cluster.apply(pod("two", of_claim("data")))
        self.cluster.wait_running("two")
        self.assertEqual(self.sh("two", "cat /data/f"), "kept\n")

    def test_04_a_claim_grows_while_it_is_used(self):
        self.cluster.kubectl("patch", "pvc", "data", "-p", '{"spec":{"resources":{"requests":{"storage":"32Mi"}}}}')
        eventually("the new capacity", lambda: self.cluster.get("pvc", "data")["status"]["capacity"] == {
            "storage": "32Mi"})
        self.assertIn(" 32768 ", self.sh("two", "df -k /data | tail -1"))
        status = self.cluster.get("pvc", "data")["status"]
        self.assertFalse(status.get("conditions"))
        self.assertFalse(status.get("allocatedResourceStatuses"))
        text = f'MountVolume.NodeExpandVolume succeeded for volume "{self.volume_of("data")}" {NODE}'
        for name in ("two", "data"):
            eventually("the event", lambda name=name: f"FileSystemResizeSuccessful: {text}" in self.events(name))
        self.assertEqual(self.sh("two", "cat /data/f"), "kept\n")

    def test_05_statistics(self):
        line = f'kubelet_volume_stats_capacity_bytes{{namespace="default",persistentvolumeclaim="data"}} {32 << 20}'

        def told(path):
            return self.cluster.kubectl("get", "--raw", f"/api/v1/nodes/{NODE}/proxy/{path}").stdout

        def volumes():
            pods = [p for p in json.loads(told("stats/summary"))["pods"] if p["podRef"]["name"] == "two"]
            return [(v["pvcRef"]["name"], v["capacityBytes"]) for p in pods for v in p.get("volume", [])]
        eventually(line, lambda: line in told("metrics").splitlines())
        eventually("the summary", lambda: volumes() == [("data", 32 << 20)])

    def test_06_inline_volumes_live_with_their_pod(self):
        self.cluster.apply(pod("inline", {"csi": {"driver": NAME, "volumeAttributes": {"flavour": "sweet"}}}))
        self.cluster.wait_running("inline")
        context = dict(line.split("=", 1) for line in self.sh("inline", "cat /data/context").splitlines())
        self.assertEqual(context["flavour"], "sweet")
        self.assertEqual(context["csi.storage.k8s.io/pod.name"], "inline")
        self.assertEqual(context["csi.storage.k8s.io/ephemeral"], "true")
        self.cluster.kubectl("delete", "pod", "inline", "--timeout=240s")
        eventually("its data are gone",
                   lambda: not [d for d in os.listdir(self.cluster.data + "/csi") if d.startswith("csi-")])

    def test_07_a_kubelet_that_dies_disturbs_nothing(self):
        before = self.cluster.get("pod", "two")["status"]["containerStatuses"][0]["containerID"]
        with open(self.cluster.data + "/run/up.lock", encoding="utf-8") as f:
            supervisor = f.read().strip()
        os.kill(int(harness.sh("ps", "-o", "pid=", "--ppid", supervisor).stdout), signal.SIGKILL)
        eventually("a new server", lambda: self.cluster.get("pods")["items"])
        eventually("the driver again", self.registered)
        eventually("the kubelet answers", lambda: self.sh("two", "echo here") == "here\n")
        self.assertEqual(self.sh("two", "echo more >> /data/f; cat /data/f"), "kept\nmore\n")
        status = self.cluster.get("pod", "two")["status"]["containerStatuses"][0]
        self.assertEqual((status["containerID"], status["restartCount"]), (before, 0))

    def test_08_a_driver_comes_and_goes(self):
        self.driver.send_signal(signal.SIGTERM)
        self.driver.wait(timeout=240)
        eventually("the driver is taken out", lambda: not self.registered())
        self.assertEqual(self.sh("two", "cat /data/f"), "kept\nmore\n")
        self.cluster.apply(pod("waits", {"csi": {"driver": NAME}}))
        eventually("why it waits", lambda: any("driver name " + NAME + " not found" in e for e in self.events("waits")))
        self.start_driver()
        self.cluster.wait_running("waits")
        self.cluster.kubectl("delete", "pod", "waits", "--timeout=240s")

    def test_09_a_claim_of_a_class_that_waits(self):
        self.cluster.apply(storage_class("csi-late", volumeBindingMode="WaitForFirstConsumer"))
        self.cluster.apply(claim("late", "8Mi", "csi-late"))
        self.cluster.apply(pod("late", of_claim("late")))
        self.cluster.wait_running("late")
        self.assertIn(" 8192 ", self.sh("late", "df -k /data | tail -1"))

    def test_10_an_ephemeral_claim_goes_with_its_pod(self):
        template = json.loads(claim("x", "8Mi"))["spec"]
        self.cluster.apply(pod("brief", {"ephemeral": {"volumeClaimTemplate": {"spec": template}}}))
        self.cluster.wait_running("brief")
        self.assertIn(" 8192 ", self.sh("brief", "df -k /data | tail -1"))
        volume = self.volume_of("brief-v")
        self.cluster.kubectl("delete", "pod", "brief", "--timeout=240s")
        eventually("the volume is gone", lambda: volume not in [
            v["metadata"]["name"] for v in self.cluster.get("pv")["items"]])
        eventually("its data are gone", lambda: volume not in os.listdir(self.cluster.data + "/csi"))

    def test_11_a_claim_of_the_default_class(self):
        body = json.loads(claim("plain", "8Mi"))
        del body["spec"]["storageClassName"]
        self.cluster.apply(json.dumps(body))
        self.cluster.apply(pod("plain", of_claim("plain")))
        self.cluster.wait_running("plain")
        self.sh("plain", "echo kept > /data/f")
        self.cluster.kubectl("delete", "pod", "plain", "--timeout=240s")
        self.cluster.apply(pod("plain", of_claim("plain")))
        self.cluster.wait_running("plain")
        self.assertEqual(self.sh("plain", "cat /data/f"), "kept\n")
        folder = self.cluster.get("pv", self.volume_of("plain"))["spec"]["local"]["path"]
        self.assertTrue(os.path.exists(folder + "/f"))
        self.cluster.kubectl("delete", "pod", "plain", "--timeout=240s")
        self.cluster.kubectl("delete", "pvc", "plain", "--timeout=240s")
        eventually("the folder is gone", lambda: not os.path.exists(folder))

    def test_12_released_and_deleted_and_nothing_stays(self):
        volumes = [self.volume_of(name) for name in ("data", "late")]
        self.cluster.kubectl("delete", "pod", "--all", "--timeout=240s")
        self.cluster.kubectl("delete", "pvc", "data", "late", "--timeout=240s")
        left = lambda: [v["metadata"]["name"] for v in self.cluster.get("pv")["items"]]  # noqa: E731
        eventually("the volumes are gone", lambda: not set(volumes) & set(left()))
        eventually("no attachment", lambda: not self.cluster.get("volumeattachments")["items"])
        eventually("nothing in use", lambda: not self.in_use())
        eventually("no mount", lambda: not self.mounts())
        eventually("no data", lambda: not os.listdir(self.cluster.data + "/csi"))
        root = self.cluster.data + "/kubelet"
        eventually("no folders of volumes", lambda: not os.listdir(f"{root}/plugins/kubernetes.io/csi/{NAME}"))
        eventually("no pod folders", lambda: not os.listdir(root + "/pods"))


if __name__ == "__main__":
    unittest.main(failfast=False)
