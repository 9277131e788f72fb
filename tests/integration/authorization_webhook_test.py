"""kube-apiserver with --authorization-mode Node,RBAC,Webhook, and a service on 127.0.0.1 that decides."""
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from free_port import free_port  # noqa: E402

BIN = os.environ["COXSWAIN_BIN"]
TOKENS = 'root-token,root,root-uid,"system:masters"\nbob-token,bob,bob-uid,"dev"\n'


class Decider(http.server.BaseHTTPRequestHandler):
    """Answers by the verb that is asked for; keeps what it was asked."""
    reviews = []
    broken = False
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Decider.reviews.append((self.path, review))
        spec = review["spec"]
        about = spec.get("resourceAttributes") or spec["nonResourceAttributes"]
        verb = about["verb"]
        status = {"allowed": False}
        if verb in ("get", "escalate"):
            status = {"allowed": True, "reason": "reading is free"}
        elif verb == "delete":
            status = {"allowed": False, "denied": True, "reason": "never"}
        body = json.dumps({**review, "status": status}).encode()
        self.send_response(503 if Decider.broken else 201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Webhook(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="cxw-authz-")
        cls.decider = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Decider)
        threading.Thread(target=cls.decider.serve_forever, daemon=True).start()
        with open(f"{cls.folder}/tokens", "w") as out:
            out.write(TOKENS)
        with open(f"{cls.folder}/webhook", "w") as out:
            out.write(f"""
apiVersion: v1
kind: Config
clusters: [{{name: decider, cluster: {{server: "http://127.0.0.1:{cls.decider.server_port}/decide"}}}}]
users: [{{name: us, user: {{token: from-the-server}}}}]
contexts: [{{name: it, context: {{cluster: decider, user: us}}}}]
current-context: it
""")
        cls.port = free_port()
        cls.log = open(f"{cls.folder}/log", "w")
        cls.server = subprocess.Popen(
            cls.command("--authorization-mode", "Node,RBAC,Webhook",
                        "--authorization-webhook-config-file", f"{cls.folder}/webhook",
                        "--authorization-webhook-version", "v1"), stdout=cls.log, stderr=cls.log)
        for _ in range(2400):
            try:
                if cls.request("GET", "/readyz", "root")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(open(f"{cls.folder}/log").read())

    @classmethod
    def command(cls, *flags):
        return [BIN, "kube-apiserver", "--bind-address", "127.0.0.1", "--secure-port", str(cls.port),
                "--data-dir", f"{cls.folder}/data", "--token-auth-file", f"{cls.folder}/tokens", *flags]

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait()
        cls.decider.shutdown()
        cls.log.close()
        shutil.rmtree(cls.folder)

    def setUp(self):
        Decider.reviews.clear()
        Decider.broken = False

    @classmethod
    def request(cls, method, path, user, body=None):
        request = urllib.request.Request(
            f"https://127.0.0.1:{cls.port}{path}", method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Bearer {user}-token", "Content-Type": "application/json"})
        context = ssl._create_unverified_context()
        try:
            with urllib.request.urlopen(request, context=context, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def message(self, answer):
        return json.loads(answer[1])["message"]

    def test_1_it_allows_what_others_do_not(self):
        code, _ = self.request("GET", "/api/v1/namespaces/default", "bob")
        self.assertEqual(code, 200)
        (path, review), = Decider.reviews
        self.assertEqual(path, "/decide")
        self.assertEqual(review["apiVersion"], "authorization.k8s.io/v1")
        self.assertEqual(review["spec"]["user"], "bob")
        self.assertEqual(review["spec"]["groups"], ["dev", "system:authenticated"])
        self.assertEqual(review["spec"]["resourceAttributes"],
                         {"namespace": "default", "verb": "get", "version": "v1",
                          "resource": "namespaces", "name": "default"})
        # Remembered.
        self.request("GET", "/api/v1/namespaces/default", "bob")
        self.assertEqual(len(Decider.reviews), 1)

    def test_2_selectors_are_told(self):
        self.request("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&labelSelector=a+in+(b,c)", "bob")
        about = Decider.reviews[-1][1]["spec"]["resourceAttributes"]
        self.assertEqual(about["fieldSelector"]["requirements"],
                         [{"key": "spec.nodeName", "operator": "In", "values": ["n1"]}])
        self.assertEqual(about["labelSelector"]["requirements"],
                         [{"key": "a", "operator": "In", "values": ["b", "c"]}])

    def test_3_it_denies_with_its_reason(self):
        answer = self.request("DELETE", "/api/v1/namespaces/default/configmaps/x", "bob")
        self.assertEqual(answer[0], 403)
        self.assertEqual(self.message(answer),
                         'configmaps "x" is forbidden: User "bob" cannot delete resource "configmaps" in '
                         'API group "" in the namespace "default": never')

    def test_4_no_opinion_is_no(self):
        answer = self.request("GET", "/api/v1/namespaces/default/configmaps", "bob")
        self.assertEqual(answer[0], 403)
        self.assertTrue(self.message(answer).endswith('in the namespace "default"'))

    def test_5_administrators_and_roles_need_no_webhook(self):
        self.assertEqual(self.request("DELETE", "/api/v1/namespaces/default/configmaps/x", "root")[0], 404)
        self.assertEqual(self.request("GET", "/apis", "bob")[0], 200)
        self.assertEqual(Decider.reviews, [])

    def test_6_reviews_ask_it_too(self):
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                  "spec": {"user": "eve", "resourceAttributes": {"verb": "delete", "resource": "pods"}}}
        code, text = self.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", "root", review)
        self.assertEqual(code, 201)
        self.assertEqual(json.loads(text)["status"], {"allowed": False, "denied": True, "reason": "never"})
        rules = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
                 "spec": {"namespace": "default"}}
        code, text = self.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "bob", rules)
        status = json.loads(text)["status"]
        self.assertTrue(status["incomplete"])
        self.assertEqual(status["evaluationError"],
                         "webhook authorizer does not support user rule resolution")

    def test_7_verbs_of_roles_may_come_from_it(self):
        binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                   "metadata": {"name": "bob"}, "subjects": [{"kind": "User", "name": "bob"}],
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "roles"}}
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "roles"},
                "rules": [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["create"]}]}
        base = "/apis/rbac.authorization.k8s.io/v1"
        self.assertEqual(self.request("POST", base + "/clusterroles", "root", role)[0], 201)
        self.assertEqual(self.request("POST", base + "/clusterrolebindings", "root", binding)[0], 201)
        more = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "more"},
                "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
        code, text = self.request("POST", base + "/namespaces/default/roles", "bob", more)
        self.assertEqual(code, 201, text)
        self.assertIn("escalate", [r["spec"]["resourceAttributes"]["verb"] for _, r in Decider.reviews])

    def test_8_without_an_answer_it_is_no(self):
        Decider.broken = True
        code, text = self.request("PUT", "/api/v1/namespaces/default/configmaps/y", "bob", {})
        self.assertEqual(code, 500, text)
        # What others allow goes on.
        self.assertEqual(self.request("GET", "/apis", "bob")[0], 200)
        Decider.broken = False
        self.assertEqual(self.request("PUT", "/api/v1/namespaces/default/configmaps/y", "bob", {})[0], 403)

    def test_9_what_cannot_be(self):
        for flags, text in (
                (("--authorization-mode", "Node,ABAC"), "mode ABAC is not supported"),
                (("--authorization-mode", "RBAC,Nonsense"), '"Nonsense" is not a valid mode'),
                (("--authorization-mode", "RBAC,RBAC"), "mode RBAC is named twice"),
                (("--authorization-mode", "Webhook"), "--authorization-webhook-config-file"),
                (("--authorization-webhook-config-file", f"{self.folder}/webhook"), "wants Webhook"),
                (("--authorization-mode", "Webhook", "--authorization-webhook-config-file", "/nowhere"), "/nowhere"),
                (("--authorization-mode", "Webhook", "--authorization-webhook-config-file",
                  f"{self.folder}/webhook", "--authorization-webhook-version", "v2"), "v1 or v1beta1"),
                (("--authorization-mode", "Webhook", "--authorization-webhook-config-file",
                  f"{self.folder}/webhook", "--authorization-webhook-cache-authorized-ttl", "x"),
                 "--authorization-webhook-cache-authorized-ttl")):
            command = self.command(*flags)
            command[command.index("--data-dir") + 1] = f"{self.folder}/other"
            command[command.index("--secure-port") + 1] = "0"
            ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
            self.assertEqual(ended.returncode, 1, flags)
            self.assertIn(text, ended.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
