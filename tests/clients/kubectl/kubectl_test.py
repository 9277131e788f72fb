"""kubectl against our API server, with the texts and exit codes that people see. Runs with the official
program and with ours: whatever is written here holds for both."""
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from shell import Program  # noqa: E402

kubectl = Program(os.environ["KUBECTL"].split())

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "nginx:1", ports: [{containerPort: 80}]}]
"""
CONFLICTS = """\
error: Apply failed with 2 conflicts: conflicts with "kubectl":
- .spec.replicas
- .spec.template.spec.containers[name="web"].image
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
"""


class InNamespace(unittest.TestCase):
    """A namespace of its own for each test."""

    def setUp(self):
        self.ns = "t-" + self._testMethodName.removeprefix("test_").replace("_", "-").lower()
        kubectl("create", "ns", self.ns)

    def tearDown(self):
        kubectl("delete", "ns", self.ns, "--wait=false")

    def k(self, *args, **how):
        return kubectl("-n", self.ns, *args, **how)

    def eventually(self, check):
        """Authorization follows its objects at a short distance."""
        end = time.monotonic() + 120
        while True:
            try:
                return check()
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def configmap(self, name, **data):
        self.k("create", "cm", name, *[f"--from-literal={k}={v}" for k, v in data.items()])


class Writing(InNamespace):
    def test_server_side_apply(self):
        apply = ["apply", "--server-side", "-f", "-"]
        changed = WEB.replace("replicas: 2", "replicas: 3").replace("nginx:1", "nginx:2")
        self.assertEqual(self.k(*apply, stdin=WEB).out, "deployment.apps/web serverside-applied\n")
        refused = self.k(*apply, "--field-manager=other", stdin=changed, code=1)
        self.assertEqual(refused.err, CONFLICTS)
        self.k(*apply, "--field-manager=other", "--force-conflicts", stdin=changed)
        owners = json.loads(self.k("get", "deploy", "web", "-o", "json", "--show-managed-fields").out)
        self.assertEqual([(m["manager"], m["operation"]) for m in owners["metadata"]["managedFields"]],
                         [("kubectl", "Apply"), ("other", "Apply")])
        # What a manager no longer names goes.
        self.k(*apply, "--field-manager=other", stdin="""
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers: [{name: web, image: "nginx:2"}]
""")
        self.assertEqual(self.k("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}").out, "1")
        dry = self.k(*apply, "--dry-run=server", "--field-manager=other", stdin=WEB.replace("nginx:1", "nginx:9"))
        self.assertEqual(dry.out, "deployment.apps/web serverside-applied (server dry run)\n")
        self.assertEqual(self.k("get", "deploy", "web", "-o", "jsonpath={..image}").out, "nginx:2")

    def test_client_side_apply(self):
        self.assertEqual(self.k("apply", "-f", "-", stdin=WEB).out, "deployment.apps/web created\n")
        self.assertEqual(self.k("apply", "-f", "-", stdin=WEB).out, "deployment.apps/web unchanged\n")
        labels = WEB.replace("{app: web}}\nspec", "{tier: front}}\nspec", 1)
        self.assertEqual(self.k("apply", "-f", "-", stdin=labels).out, "deployment.apps/web configured\n")
        self.assertEqual(json.loads(self.k("get", "deploy", "web", "-o", "json").out)["metadata"]["labels"],
                         {"tier": "front"})
        # Taken over by the server: no conflict with what the client applied.
        taken = self.k("apply", "--server-side", "-f", "-", stdin=labels)
        self.assertEqual(taken.out, "deployment.apps/web serverside-applied\n")
        wrong = self.k("apply", "-f", "-", stdin=WEB.replace("replicas:", "replica:"), code=1)
        self.assertIn('strict decoding error: unknown field "spec.replica"', wrong.err)

    def test_prune(self):
        def configmap(name):
            return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{set: {self.ns}}}}}\ndata: {{a: b}}\n---\n"
        self.configmap("by-hand", a="b")
        self.k("label", "cm", "by-hand", f"set={self.ns}")
        self.k("apply", "-f", "-", stdin=configmap("one") + configmap("two"))
        prune = ["apply", "--prune", "-l", f"set={self.ns}", "-f", "-"]
        dry = self.k(*prune, "--dry-run=server", stdin=configmap("two"))
        self.assertEqual(dry.out, "configmap/two unchanged (server dry run)\nconfigmap/one pruned (server dry run)\n")
        self.assertEqual(self.k(*prune, stdin=configmap("two") + configmap("three")).out,
                         "configmap/two unchanged\nconfigmap/three created\nconfigmap/one pruned\n")
        self.assertEqual(self.k("get", "cm", "-o", "name").out,
                         "configmap/by-hand\nconfigmap/three\nconfigmap/two\n")
        self.assertIn("all resources selected for prune without explicitly passing --all",
                      self.k("apply", "--prune", "-f", "-", stdin=configmap("two"), code=1).err)
        only = self.k("apply", "--prune", "-l", f"set={self.ns}", "--prune-allowlist=core/v1/Secret", "-f", "-",
                      stdin=configmap("two"))
        self.assertEqual(only.out, "configmap/two unchanged\n")

    def test_diff(self):
        new = self.k("diff", "-f", "-", stdin=WEB, code=1)
        self.assertIn("+    image: nginx:1\n", new.out.replace("+      - image", "+    image"))
        self.k("apply", "-f", "-", stdin=WEB)
        self.assertEqual(self.k("diff", "-f", "-", stdin=WEB).out, "")
        changed = WEB.replace("nginx:1", "nginx:2")
        for how in [], ["--server-side", "--force-conflicts"]:
            lines = self.k("diff", "-f", "-", *how, stdin=changed, code=1).out.splitlines()
            self.assertIn("-      - image: nginx:1", lines)
            self.assertIn("+      - image: nginx:2", lines)
            self.assertFalse([line for line in lines if line[0] in "+-" and "last-applied" in line])
        self.assertEqual(self.k("get", "deploy", "web", "-o", "jsonpath={..image}").out, "nginx:1")

    def test_patches_and_replace(self):
        self.k("apply", "-f", "-", stdin=WEB)

        def patch(kind, text):
            self.assertEqual(self.k("patch", "deploy", "web", "--type", kind, "-p", text).out,
                             "deployment.apps/web patched\n")
        patch("json", '[{"op":"replace","path":"/spec/replicas","value":4}]')
        patch("merge", '{"metadata":{"labels":{"a":"b"}}}')
        patch("strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"busybox"}]}}}}')
        now = json.loads(self.k("get", "deploy", "web", "-o", "json").out)
        self.assertEqual(now["spec"]["replicas"], 4)
        self.assertEqual(now["metadata"]["labels"], {"app": "web", "a": "b"})
        self.assertEqual([c["name"] for c in now["spec"]["template"]["spec"]["containers"]], ["side", "web"])
        same = self.k("patch", "deploy", "web", "-p", '{"spec":{"replicas":4}}')
        self.assertEqual(same.out, "deployment.apps/web patched (no change)\n")
        scaled = self.k("patch", "deploy", "web", "--subresource=scale", "--type=merge", "-p", '{"spec":{"replicas":7}}')
        self.assertEqual(scaled.out, "scale.autoscaling/web patched\n")
        bad = self.k("patch", "deploy", "web", "-p", '{"spec":{"replicas":-1}}', code=1)
        self.assertEqual(bad.err, 'The Deployment "web" is invalid: spec.replicas: Invalid value: -1: must be '
                                  'greater than or equal to 0\n')
        # An old version is refused, a fresh one is not.
        old = json.dumps(now)
        clash = self.k("replace", "-f", "-", stdin=old, code=1)
        self.assertIn("Error from server (Conflict): error when replacing", clash.err)
        self.assertIn("the object has been modified; please apply your changes to the latest version", clash.err)
        now = self.k("get", "deploy", "web", "-o", "json").out
        self.assertEqual(self.k("replace", "-f", "-", stdin=now).out, "deployment.apps/web replaced\n")
        forced = self.k("replace", "--force", "-f", "-", stdin=WEB).out
        self.assertTrue(forced.endswith("deployment.apps/web replaced\n"), forced)

    def test_label_and_annotate(self):
        self.configmap("a", k="v")
        self.assertEqual(self.k("label", "cm", "a", "x=1", "y=2").out, "configmap/a labeled\n")
        self.assertEqual(self.k("label", "cm", "a", "x=2", code=1).err,
                         "error: 'x' already has a value (1), and --overwrite is false\n")
        self.assertEqual(self.k("label", "cm", "a", "x=2", "--overwrite").out, "configmap/a labeled\n")
        self.assertEqual(self.k("label", "cm", "a", "y-").out, "configmap/a unlabeled\n")
        self.assertEqual(self.k("label", "cm", "a", "x=2").out, "configmap/a not labeled\n")
        self.assertEqual(self.k("annotate", "cm", "a", "note=some words").out, "configmap/a annotated\n")
        self.assertEqual(self.k("get", "cm", "a", "-o", "jsonpath={.metadata.labels} {.metadata.annotations}").out,
                         '{"x":"2"} {"note":"some words"}')


class Reading(InNamespace):
    def test_outputs(self):
        self.k("apply", "-f", "-", stdin=WEB)

        def get(output, *args):
            return self.k("get", "deploy", *args, "-o", output).out
        whole = json.loads(get("json", "web"))
        self.assertEqual(whole["kind"], "Deployment")
        self.assertNotIn("managedFields", whole["metadata"])
        self.assertEqual(json.loads(get("json"))["kind"], "List")
        self.assertIn("\n  replicas: 2\n", get("yaml", "web"))
        kyaml = get("kyaml", "web")
        self.assertTrue(kyaml.startswith('---\n{\n  apiVersion: "apps/v1",\n  kind: "Deployment",\n  metadata: {\n'), kyaml)
        self.assertIn('      containers: [{\n        image: "nginx:1",\n',
                      kyaml.replace("        containers: [{\n          image", "      containers: [{\n        image"))
        self.assertTrue(kyaml.endswith("}\n"))
        self.assertEqual(get("name"), "deployment.apps/web\n")
        columns = get("wide").splitlines()
        self.assertEqual(columns[0].split(), ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES",
                                              "SELECTOR"])
        self.assertEqual(columns[1].split()[:4], ["web", "0/2", "0", "0"])
        self.assertEqual(get("jsonpath={.items[*].spec.replicas}"), "2")
        self.assertEqual(get("jsonpath={range .items[*]}{.metadata.name}{'\\t'}{.spec.replicas}{'\\n'}{end}"), "web\t2\n")
        self.assertEqual(get("jsonpath-as-json={.metadata.labels}", "web"),
                         '[\n    {\n        "app": "web"\n    }\n]\n')
        self.assertEqual(get('go-template={{range .items}}{{.metadata.name}}={{.spec.replicas}}{{"\\n"}}{{end}}'), "web=2\n")
        self.assertEqual(get('go-template={{index .metadata.labels "app" | printf "%q"}}', "web"), '"web"')
        self.assertEqual(get("custom-columns=N:.metadata.name,I:.spec.template.spec.containers[*].image"),
                         "N     I\nweb   nginx:1\n")
        self.assertEqual(get("custom-columns=N:.metadata.name,X:.nope", "--no-headers"), "web   <none>\n")
        self.assertIn("unable to match a printer suitable for the output format \"nope\"",
                      self.k("get", "cm", "-o", "nope", code=1).err)
        with tempfile.NamedTemporaryFile("w", suffix=".tpl") as template:
            template.write('{{len .items}} of them\n')
            template.flush()
            self.assertEqual(get(f"go-template-file={template.name}"), "1 of them\n")

    def test_selectors_and_sorting(self):
        for name, size in ("a", "3"), ("b", "1"), ("c", "2"):
            self.configmap(name, size=size)
        self.k("label", "cm", "a", "b", "tier=front")
        self.assertEqual(self.k("get", "cm", "-l", "tier=front", "-o", "name").out, "configmap/a\nconfigmap/b\n")
        self.assertEqual(self.k("get", "cm", "-l", "tier notin (front)", "-o", "name").out, "configmap/c\n")
        self.assertEqual(self.k("get", "cm", "--field-selector", "metadata.name!=a", "-o", "name").out,
                         "configmap/b\nconfigmap/c\n")
        self.assertEqual(self.k("get", "cm", "--sort-by", ".data.size", "-o", "name").out,
                         "configmap/b\nconfigmap/c\nconfigmap/a\n")
        pages = self.k("get", "cm", "--chunk-size=1", "--no-headers").out
        self.assertEqual([line.split()[0] for line in pages.splitlines()], ["a", "b", "c"])
        self.assertEqual(self.k("get", "cm", "-L", "tier", "a").out.splitlines()[0].split(), ["NAME", "DATA", "AGE", "TIER"])
        self.assertEqual(self.k("get", "cm", "a", "--show-labels", "--no-headers").out.split()[-1], "tier=front")
        bad = self.k("get", "cm", "--field-selector", "data.size=1", code=1)
        self.assertEqual(bad.err, 'Error from server (BadRequest): Unable to find "/v1, Resource=configmaps" that match label '
                                  'selector "", field selector "data.size=1": "data.size" is not a known field selector: '
                                  'only "metadata.name", "metadata.namespace"\n')
        self.assertEqual(self.k("get", "pods").err, f"No resources found in {self.ns} namespace.\n")
        self.assertEqual(self.k("get", "cm", "nope", code=1).err,
                         'Error from server (NotFound): configmaps "nope" not found\n')
        self.assertEqual(self.k("get", "cm", "nope", "--ignore-not-found").out, "")

    def test_watch(self):
        watching = kubectl.start("-n", self.ns, "get", "cm", "--watch", "--output-watch-events", "--no-headers")
        try:
            self.configmap("seen", a="b")
            first = watching.stdout.readline().split()
            self.assertEqual(first[:3], ["ADDED", "seen", "1"])
            self.k("delete", "cm", "seen")
            self.assertEqual(watching.stdout.readline().split()[:2], ["DELETED", "seen"])
        finally:
            watching.kill()
            watching.wait()
            watching.stdout.close()

    def test_events(self):
        event = """
apiVersion: v1
kind: Event
metadata: {{name: {name}}}
involvedObject: {{kind: Pod, name: p, namespace: {ns}, apiVersion: v1}}
reason: {reason}
message: {message}
type: {type}
firstTimestamp: "2026-01-01T00:00:0{n}Z"
lastTimestamp: "2026-01-01T00:00:0{n}Z"
count: {n}
source: {{component: test}}
"""
        for n, kind in (1, "Normal"), (2, "Warning"):
            self.k("create", "-f", "-", stdin=event.format(name=f"e{n}", ns=self.ns, n=n, type=kind, reason=f"R{n}",
                                                           message=f"message {n}"))
        lines = self.k("events").out.splitlines()
        self.assertEqual(lines[0].split(), ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"])
        self.assertEqual([line.split()[-5:] for line in lines[1:]],
                         [["Normal", "R1", "Pod/p", "message", "1"], ["Warning", "R2", "Pod/p", "message", "2"]])
        self.assertEqual(len(self.k("events", "--types=Warning", "--no-headers").out.splitlines()), 1)
        self.assertEqual(len(self.k("events", "--for", "pod/p", "--no-headers").out.splitlines()), 2)
        self.assertEqual(self.k("events", "--for", "pod/q").err, f"No events found in {self.ns} namespace.\n")
        self.assertEqual(self.k("get", "events", "--field-selector", "type=Warning", "-o", "name").out, "event/e2\n")

    def test_describe(self):
        self.k("create", "role", "reader", "--verb=get,list", "--resource=pods,deployments.apps/scale")
        self.assertEqual(self.k("describe", "role", "reader").out, """\
Name:         reader
Labels:       <none>
Annotations:  <none>
PolicyRule:
  Resources               Non-Resource URLs  Resource Names  Verbs
  ---------               -----------------  --------------  -----
  pods                    []                 []              [get list]
  deployments.apps/scale  []                 []              [get list]
""")
        self.k("create", "rolebinding", "readers", "--role=reader", "--user=jane", "--serviceaccount=a:b")
        self.assertEqual(self.k("describe", "rolebinding", "readers").out, """\
Name:         readers
Labels:       <none>
Annotations:  <none>
Role:
  Kind:  Role
  Name:  reader
Subjects:
  Kind            Name  Namespace
  ----            ----  ---------
  User            jane  \n\
  ServiceAccount  b     a
""")
        self.k("create", "sa", "robot")
        self.assertEqual(self.k("describe", "sa", "robot").out,
                         f"Name:                robot\nNamespace:           {self.ns}\nLabels:              <none>\n"
                         "Annotations:         <none>\nImage pull secrets:  <none>\nEvents:              <none>\n")

    def test_broken_templates(self):
        for template, message in (
                ("{{.a", "error: error parsing template {{.a, template: output:1: unclosed action\n"),
                ("{{nope}}", 'error: error parsing template {{nope}}, template: output:1: function "nope" not defined\n'),
                ("{{index .items 5}}", 'error: error executing template "{{index .items 5}}": template: output:1:2: executing '
                                       '"output" at <index .items 5>: error calling index: index out of range: 5\n')):
            self.assertEqual(self.k("get", "cm", "-o", "go-template=" + template, code=1).err, message)
        self.assertEqual(self.k("get", "cm", "-o", "jsonpath={.a", code=1).err,
                         "error: error parsing jsonpath {.a, unclosed action\n")

    def test_api_resources_and_versions(self):
        rows = {line.split()[0]: line for line in kubectl("api-resources").out.splitlines()}
        self.assertEqual(rows["deployments"].split(), ["deployments", "deploy", "apps/v1", "true", "Deployment"])
        names = kubectl("api-resources", "--verbs=list", "--namespaced=false", "-o", "name").out.split()
        self.assertIn("nodes", names)
        self.assertNotIn("pods", names)
        self.assertIn("clusterroles.rbac.authorization.k8s.io",
                      kubectl("api-resources", "--api-group=rbac.authorization.k8s.io", "-o", "name").out.split())
        self.assertIn("apps/v1", kubectl("api-versions").out.split())
        self.assertTrue(json.loads(kubectl("get", "--raw", "/version").out)["gitVersion"].startswith("v1.36."))

    def test_explain(self):
        pods = kubectl("explain", "pods").out
        self.assertTrue(pods.startswith("KIND:       Pod\nVERSION:    v1\n\nDESCRIPTION:\n    Containers that run together"))
        self.assertNotIn("<empty>", pods)
        self.assertNotIn("<no description>", pods)
        field = kubectl("explain", "deployment.spec.replicas").out
        self.assertTrue(field.startswith("GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\nFIELD: replicas <integer>\n"))
        policy = kubectl("explain", "pod.spec.containers.imagePullPolicy").out
        self.assertIn("ENUM:\n    Always\n    IfNotPresent\n    Never\n", policy)
        tree = kubectl("explain", "pods.spec.containers", "--recursive").out
        self.assertIn("    configMapKeyRef\t<ConfigMapKeySelector>\n      key\t<string> -required-\n",
                      tree.replace("        configMapKeyRef", "    configMapKeyRef").replace("        key\t", "      key\t"))
        self.assertIn("GROUP:      apps\n", kubectl("explain", "ds", "--api-version=apps/v1").out)
        self.assertEqual(kubectl("explain", "pods.spec.nope", code=1).err, 'error: field "nope" does not exist\n')
        # Every kind, with something to read about each field.
        names = kubectl("api-resources", "-o", "name").out.split()
        # The official one takes this name for a field.
        names.remove("events.events.k8s.io")
        for words in [[n] for n in names] + [["events", "--api-version=events.k8s.io/v1"]]:
            with self.subTest(words[0]):
                text = kubectl("explain", *words).out
                self.assertIn("KIND:", text)
                self.assertNotIn("<empty>", text)
                self.assertNotIn("<no description>", text)

    def test_explain_from_openapi_v2(self):
        text = kubectl("explain", "pods.spec", "--output", "plaintext-openapiv2").out
        self.assertTrue(text.startswith("KIND:     Pod\nVERSION:  v1\n\nRESOURCE: spec <Object>\n\nDESCRIPTION:\n     How the pod"),
                        text[:300])
        self.assertIn("   containers\t<[]Object> -required-\n     The containers that run side by side.", text)
        self.assertNotIn("<no description>", text)


class Access(InNamespace):
    def test_whoami(self):
        self.assertEqual(kubectl("auth", "whoami").out,
                         "ATTRIBUTE   VALUE\nUsername    admin\nUID         admin-uid\n"
                         "Groups      [system:masters system:authenticated]\n")
        who = json.loads(kubectl("auth", "whoami", "-o", "json").out)
        self.assertEqual(who["status"]["userInfo"]["username"], "admin")

    def test_can_i(self):
        self.k("create", "role", "v", "--verb=get,list,watch", "--resource=pods,pods/log")
        self.k("create", "rolebinding", "v", "--role=v", "--user=jane")

        def can(*args, code=0):
            return self.k("auth", "can-i", *args, "--as=jane", code=code).out
        self.eventually(lambda: self.assertEqual(can("list", "pods"), "yes\n"))
        self.assertEqual(can("create", "pods", code=1), "no\n")
        self.assertEqual(can("get", "secrets", code=1), "no\n")
        self.assertEqual(can("get", "pods", "--subresource=log"), "yes\n")
        self.assertEqual(can("list", "pods", "-A", code=1), "no\n")
        self.assertEqual(can("get", "/version"), "yes\n")
        self.assertEqual(kubectl("auth", "can-i", "*", "*").out, "yes\n")
        rows = [line.split("  ") for line in can("--list").splitlines()]
        self.assertEqual([c.strip() for c in rows[0] if c.strip()], ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"])
        pods = next(row for row in rows if row[0] == "pods")
        self.assertEqual([c.strip() for c in pods if c.strip()], ["pods", "[]", "[]", "[get list watch]"])
        self.assertIn("selfsubjectreviews.authentication.k8s.io", [row[0] for row in rows])

    def test_reconcile(self):
        # The official one takes no namespace but the objects' own.
        role = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: t-reconcile}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, %s]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: t-reconcile}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: %s}]
"""
        done = self.k("auth", "reconcile", "-f", "-", stdin=role % ("list", "jim"))
        self.assertEqual(done.out, "role.rbac.authorization.k8s.io/reader reconciled\n"
                                   "rolebinding.rbac.authorization.k8s.io/readers reconciled\n")
        self.assertEqual(done.err, "\treconciliation required create\n\tmissing rules added:\n"
                         "\t\t{Verbs:[get list] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}\n"
                         "\treconciliation required create\n\tmissing subjects added:\n"
                         "\t\t{Kind:User APIGroup:rbac.authorization.k8s.io Name:jim Namespace:}\n")

        def verbs():
            rules = json.loads(self.k("get", "role", "reader", "-o", "json").out)["rules"]
            return sorted(v for r in rules for v in r["verbs"])
        dry = self.k("auth", "reconcile", "-f", "-", "--dry-run=client", stdin=role % ("watch", "tom"))
        self.assertIn("role.rbac.authorization.k8s.io/reader reconciled (dry run)\n", dry.out)
        self.assertEqual(verbs(), ["get", "list"])
        self.k("auth", "reconcile", "-f", "-", stdin=role % ("watch", "tom"))
        self.assertEqual(verbs(), ["get", "list", "watch"])
        exact = self.k("auth", "reconcile", "-f", "-", "--remove-extra-permissions", "--remove-extra-subjects",
                       stdin=role % ("watch", "tom"))
        self.assertIn("\textra rules removed:\n\t\t{Verbs:[list]", exact.err)
        self.assertIn("\textra subjects removed:\n\t\t{Kind:User APIGroup:rbac.authorization.k8s.io Name:jim Namespace:}\n", exact.err)
        self.assertEqual(verbs(), ["get", "watch"])
        again = self.k("auth", "reconcile", "-f", "-", stdin=role % ("watch", "tom"))
        self.assertEqual(again.err, "")

    def test_create_token(self):
        self.k("create", "sa", "robot")

        def claims(*flags):
            token = self.k("create", "token", "robot", *flags).out.strip()
            part = token.split(".")[1]
            return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        made = claims()
        self.assertEqual(made["sub"], f"system:serviceaccount:{self.ns}:robot")
        self.assertEqual(made["exp"] - made["iat"], 3600)
        made = claims("--duration=20m", "--audience=a", "--audience=b")
        self.assertEqual(made["exp"] - made["iat"], 1200)
        self.assertEqual(made["aud"], ["a", "b"])
        self.configmap("x", a="b")
        self.k("create", "secret", "generic", "s")
        made = claims("--bound-object-kind=Secret", "--bound-object-name=s")
        self.assertEqual(made["kubernetes.io"]["secret"]["name"], "s")
        whole = json.loads(self.k("create", "token", "robot", "-o", "json").out)
        self.assertEqual(whole["kind"], "TokenRequest")
        self.assertEqual(self.k("create", "token", "nope", code=1).err,
                         'error: failed to create token: serviceaccounts "nope" not found\n')
        token = self.k("create", "token", "robot").out.strip()
        who = subprocess.run(["curl", "-s", "--cacert", os.environ["CA_FILE"], "-H", f"Authorization: Bearer {token}",
                              os.environ["SERVER"] + "/api/v1/namespaces/default/pods"], capture_output=True, check=True)
        self.assertEqual(json.loads(who.stdout)["code"], 403)

    def test_certificates(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in "good", "bad":
                request = f"{folder}/{name}.csr"
                subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null",
                                "-subj", f"/CN={name}/O=dev", "-out", request], capture_output=True, check=True)
                text = base64.b64encode(pathlib.Path(request).read_bytes()).decode()
                kubectl("create", "-f", "-", stdin=f"""
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: {name}}}
spec: {{request: {text}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth]}}
""")
        try:
            self.assertEqual(kubectl("get", "csr", "good", "--no-headers").out.split()[2:],
                             ["kubernetes.io/kube-apiserver-client", "admin", "<none>", "Pending"])
            self.assertEqual(kubectl("certificate", "approve", "good").out,
                             "certificatesigningrequest.certificates.k8s.io/good approved\n")
            self.assertEqual(kubectl("certificate", "approve", "good").out,
                             "certificatesigningrequest.certificates.k8s.io/good approved\n")
            self.assertEqual(kubectl("certificate", "deny", "bad").out,
                             "certificatesigningrequest.certificates.k8s.io/bad denied\n")
            self.assertIn("certificate signing request \"bad\" is already Denied",
                          kubectl("certificate", "approve", "bad", code=1).err)
            condition = json.loads(kubectl("get", "csr", "good", "-o", "json").out)["status"]["conditions"][0]
            self.assertEqual([condition[k] for k in ("type", "status", "reason", "message")],
                             ["Approved", "True", "KubectlApprove", "This CSR was approved by kubectl certificate approve."])
            self.assertIn("Denied", kubectl("get", "csr", "bad").out)
        finally:
            kubectl("delete", "csr", "good", "bad")


if __name__ == "__main__":
    unittest.main(verbosity=2)
