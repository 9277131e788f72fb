"""The official helm against our API server: a chart is installed, upgraded, rolled back, uninstalled."""
import json
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from shell import Program  # noqa: E402

helm = Program([os.environ["HELM"]])
kubectl = Program(os.environ["KUBECTL"].split())
KINDS = "deploy,svc,cm,secret,ing,pdb,role,rolebinding,sa"


class Chart(unittest.TestCase):
    def objects(self, namespace):
        listed = kubectl("get", KINDS, "-n", namespace, "-o", "name").out.split()
        # What helm does not put there: its own records and the system's objects.
        return sorted(name for name in listed if "sh.helm.release" not in name and
                      name not in ("serviceaccount/default", "configmap/kube-root-ca.crt"))

    def image(self, name, namespace):
        return kubectl("get", "deploy", name, "-n", namespace, "-o",
                       "jsonpath={.spec.template.spec.containers[0].image} {.spec.replicas}").out

    def life(self, how):
        namespace = name = f"shop-{how}"
        flag = f"--server-side={how}"
        out = helm("install", name, HERE / "chart", "-n", namespace, "--create-namespace", flag).out
        self.assertIn("STATUS: deployed", out)
        everything = sorted([
            f"configmap/{name}-before", f"configmap/{name}-conf", f"deployment.apps/{name}",
            f"ingress.networking.k8s.io/{name}", f"poddisruptionbudget.policy/{name}",
            f"role.rbac.authorization.k8s.io/{name}", f"rolebinding.rbac.authorization.k8s.io/{name}",
            f"secret/{name}-key", f"service/{name}", f"serviceaccount/{name}"])
        self.assertEqual(self.objects(namespace), everything)
        uid = kubectl("get", "svc", name, "-n", namespace, "-o", "jsonpath={.metadata.uid}").out

        helm("upgrade", name, HERE / "chart", "-n", namespace, "--set", "image=nginx:2,replicas=3")
        self.assertEqual(self.image(name, namespace), "nginx:2 3")
        # The hook runs before each revision.
        self.assertEqual(kubectl("get", "cm", name + "-before", "-n", namespace, "-o",
                                 "jsonpath={.data.revision}").out, "2")
        # A chart that the server refuses changes nothing.
        refused = helm("upgrade", name, HERE / "chart", "-n", namespace, "--set", "replicas=-1", code=1)
        self.assertIn("spec.replicas", refused.err)
        self.assertEqual(self.image(name, namespace), "nginx:2 3")

        helm("rollback", name, "1", "-n", namespace)
        self.assertEqual(self.image(name, namespace), "nginx:1 2")
        history = json.loads(helm("history", name, "-n", namespace, "-o", "json").out)
        self.assertEqual([h["status"] for h in history],
                         ["superseded", "superseded", "failed", "deployed"])
        self.assertEqual(uid, kubectl("get", "svc", name, "-n", namespace, "-o",
                                      "jsonpath={.metadata.uid}").out)
        self.assertIn("hello", helm("get", "manifest", name, "-n", namespace).out)

        helm("uninstall", name, "-n", namespace)
        self.assertEqual(self.objects(namespace), [f"configmap/{name}-before"])
        self.assertEqual(json.loads(helm("list", "-n", namespace, "-o", "json").out), [])

    def test_server_side_apply(self):
        self.life("true")

    def test_three_way_patches(self):
        self.life("false")


if __name__ == "__main__":
    unittest.main(verbosity=2)
