"""The Python client (PyPI: kubernetes) against our API server: create, list, watch, patches, apply, delete."""
import threading
import unittest

from kubernetes import client, config, watch
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ConflictError

DEPLOYMENT = {
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
             "template": {"metadata": {"labels": {"app": "web"}},
                          "spec": {"containers": [{"name": "c", "image": "nginx"}]}}},
}


class Deployments(unittest.TestCase):
    def setUp(self):
        config.load_kube_config()
        self.api = client.AppsV1Api()

    def test_life_of_a_deployment(self):
        seen = []
        done = threading.Event()
        first = self.api.list_namespaced_deployment("default")
        self.assertEqual(first.items, [])

        def follow():
            stream = watch.Watch()
            for event in stream.stream(self.api.list_namespaced_deployment, "default", timeout_seconds=300,
                                       resource_version=first.metadata.resource_version):
                seen.append((event["type"], event["object"].metadata.name))
                if event["type"] == "DELETED":
                    stream.stop()
            done.set()
        follower = threading.Thread(target=follow, daemon=True)
        follower.start()

        made = self.api.create_namespaced_deployment("default", DEPLOYMENT)
        self.assertEqual(made.spec.strategy.type, "RollingUpdate")
        self.assertTrue(made.metadata.uid)
        patched = self.api.patch_namespaced_deployment("web", "default", {"spec": {"replicas": 5}})
        self.assertEqual(patched.spec.replicas, 5)
        self.assertEqual(patched.metadata.generation, 2)
        listed = self.api.list_namespaced_deployment("default", label_selector="app=web")
        self.assertEqual([d.metadata.name for d in listed.items], ["web"])
        with self.assertRaises(client.ApiException) as refused:
            self.api.create_namespaced_deployment("default", {**DEPLOYMENT, "metadata": {"name": "Bad_Name"}})
        self.assertEqual(refused.exception.status, 422)
        self.api.delete_namespaced_deployment("web", "default")
        self.assertTrue(done.wait(300), seen)
        self.assertEqual(seen, [("ADDED", "web"), ("MODIFIED", "web"), ("DELETED", "web")])

    def test_patches_and_apply(self):
        dynamic = DynamicClient(client.ApiClient())
        deployments = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
        body = {**DEPLOYMENT, "metadata": {"name": "patched"}}

        def apply(manager, replicas, **how):
            spec = {**body["spec"], "replicas": replicas}
            return deployments.server_side_apply({**body, "spec": spec}, name="patched", namespace="default",
                                                 field_manager=manager, **how)
        self.assertEqual(apply("one", 2).spec.replicas, 2)
        with self.assertRaises(ConflictError) as refused:
            apply("two", 3)
        self.assertIn('conflict with \\"one\\": .spec.replicas', refused.exception.body)
        applied = apply("two", 3, force_conflicts=True)
        self.assertEqual(sorted(m.manager for m in applied.metadata.managedFields), ["one", "two"])

        def patch(content, kind):
            return deployments.patch(content, name="patched", namespace="default", content_type=kind)
        now = patch([{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}], "application/json-patch+json")
        self.assertEqual(now.metadata.labels.a, "b")
        now = patch({"metadata": {"labels": {"a": None, "c": "d"}}}, "application/merge-patch+json")
        self.assertEqual(now.metadata.labels.to_dict(), {"c": "d"})
        sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "s", "image": "busybox"}]}}}}
        now = patch(sidecar, "application/strategic-merge-patch+json")
        self.assertEqual([c.name for c in now.spec.template.spec.containers], ["s", "c"])
        deployments.delete(name="patched", namespace="default")


if __name__ == "__main__":
    unittest.main(verbosity=2)
