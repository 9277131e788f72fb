#include "cli/testing/cli_test.h"

namespace coxswain::cli::testing {
namespace {

using Verbs = CliTest;

const char* kDeployment =
    R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web","namespace":"default","uid":"u1","generation":2,"resourceVersion":"7","labels":{"app":"web"},"annotations":{"deployment.kubernetes.io/revision":"2"}},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"nginx:2","ports":[{"containerPort":80,"protocol":"TCP"}]}]}}},"status":{"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":1}})";
const char* kDone =
    R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web","namespace":"default","generation":2,"resourceVersion":"8"},"spec":{"replicas":2},"status":{"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":2}})";
const char* kPath = "/apis/apps/v1/namespaces/default/deployments";
const char* kPod =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"default","uid":"u","resourceVersion":"3","labels":{"a":"b"}},"status":{"phase":"Pending"}})";
const char* kPods = "/api/v1/namespaces/default/pods";

std::string set(const std::string& revision, const std::string& image) {
  return R"({"metadata":{"name":"web-)" + revision +
         R"(","ownerReferences":[{"uid":"u1","controller":true}],"annotations":{"deployment.kubernetes.io/revision":")" +
         revision +
         R"("}},"spec":{"template":{"metadata":{"labels":{"app":"web","pod-template-hash":"h"}},"spec":{"containers":[{"name":"web","image":")" +
         image + R"("}]}}}})";
}

TEST_F(Verbs, DeleteWaitsUntilTheObjectIsGone) {
  api.answers[std::string("DELETE ") + kPods + "/p"] = {kPod};
  api.answers[std::string("GET ") + kPods] = {
      R"({"kind":"PodList","metadata":{"resourceVersion":"4"},"items":[)" + std::string(kPod) +
          "]}",
      R"({"type":"DELETED","object":)" + std::string(kPod) + "}"};
  auto ran = run({"delete", "pod", "p", "--grace-period=3"});
  EXPECT_EQ(ran.out, "pod \"p\" deleted from default namespace\n");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(asked(), (std::vector<std::string>{
                         "DELETE /api/v1/namespaces/default/pods/p",
                         "GET /api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Dp",
                         "GET /api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Dp&"
                         "resourceVersion=4&watch=true"}));
  EXPECT_EQ(
      lastBody("DELETE"),
      R"({"apiVersion":"v1","gracePeriodSeconds":3,"kind":"DeleteOptions","propagationPolicy":"Background"})");
  auto forced = run({"delete", "pod/p", "--force", "--wait=false", "--cascade=orphan"});
  EXPECT_EQ(forced.out, "pod \"p\" force deleted from default namespace\n");
  EXPECT_TRUE(forced.err.starts_with("Warning: Immediate deletion does not wait"));
  EXPECT_EQ(
      lastBody("DELETE"),
      R"({"apiVersion":"v1","gracePeriodSeconds":0,"kind":"DeleteOptions","propagationPolicy":"Orphan"})");
  EXPECT_EQ(run({"delete", "pods"}).err,
            "error: resource(s) were provided, but no name was specified\n");
  EXPECT_EQ(run({"delete", "cm", "x", "--ignore-not-found"}).code, 0);
}

TEST_F(Verbs, CreateGenerators) {
  EXPECT_EQ(run({"create", "deployment", "web", "--image=nginx:1", "-r3", "--port=80",
                 "--dry-run=client", "-o", "yaml"})
                .out,
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: web\n"
            "  name: web\nspec:\n  replicas: 3\n  selector:\n    matchLabels:\n      app: web\n"
            "  strategy: {}\n  template:\n    metadata:\n      labels:\n        app: web\n"
            "    spec:\n      containers:\n      - image: nginx:1\n        name: nginx\n"
            "        ports:\n        - containerPort: 80\n        resources: {}\nstatus: {}\n");
  auto env = file("vars.env", "# comment\nA=1\nB=two words\n");
  EXPECT_EQ(run({"create", "cm", "c", "--from-env-file=" + env, "--dry-run=client", "-o",
                 "jsonpath={.data}"})
                .out,
            R"({"A":"1","B":"two words"})");
  auto binary = file("bin", std::string("\xff\x00", 2));
  EXPECT_EQ(run({"create", "cm", "c", "--from-file=k=" + binary, "--from-literal=x=y",
                 "--dry-run=client", "-o", "jsonpath={.binaryData} {.data}"})
                .out,
            R"({"k":"/wA="} {"x":"y"})");
  EXPECT_EQ(run({"create", "secret", "generic", "s", "--from-literal=a=b", "--dry-run=client", "-o",
                 "jsonpath={.data.a}"})
                .out,
            "Yg==");
  EXPECT_EQ(run({"create", "cm", "c", "--from-literal=a"}).err,
            "error: invalid literal source a, expected key=value\n");
  api.answers["POST /api/v1/namespaces"] = {
      R"({"kind":"Namespace","apiVersion":"v1","metadata":{"name":"n"}})"};
  EXPECT_EQ(run({"create", "ns", "n"}).out, "namespace/n created\n");
}

TEST_F(Verbs, LabelSaysWhatItDid) {
  api.answers[std::string("GET ") + kPods + "/p"] = {kPod};
  api.answers[std::string("PATCH ") + kPods + "/p"] = {kPod};
  EXPECT_EQ(run({"label", "pod", "p", "x=y"}).out, "pod/p labeled\n");
  EXPECT_EQ(lastBody("PATCH"), R"({"metadata":{"labels":{"x":"y"}}})");
  EXPECT_EQ(run({"label", "pod", "p", "a-"}).out, "pod/p unlabeled\n");
  EXPECT_EQ(lastBody("PATCH"), R"({"metadata":{"labels":{"a":null}}})");
  EXPECT_EQ(run({"label", "pod", "p", "a=b"}).out, "pod/p not labeled\n");
  auto refused = run({"label", "pod", "p", "a=c"});
  EXPECT_EQ(refused.err, "error: 'a' already has a value (b), and --overwrite is false\n");
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(run({"annotate", "pod", "p", "x=y"}).out, "pod/p annotated\n");
  EXPECT_EQ(run({"label", "pod", "p", "x=-y"}).code, 1);
}

TEST_F(Verbs, ScaleAndPatch) {
  api.answers[std::string("PATCH ") + kPath + "/web/scale"] = {R"({"kind":"Scale"})"};
  api.answers[std::string("GET ") + kPath + "/web/scale"] = {
      R"({"kind":"Scale","spec":{"replicas":2}})"};
  api.answers[std::string("GET ") + kPath + "/web"] = {kDeployment};
  api.answers[std::string("PATCH ") + kPath + "/web"] = {kDone};
  EXPECT_EQ(run({"scale", "deploy/web", "--replicas=5"}).out, "deployment.apps/web scaled\n");
  EXPECT_EQ(lastBody("PATCH"), R"({"spec":{"replicas":5}})");
  EXPECT_EQ(run({"scale", "deploy/web", "--replicas=5", "--current-replicas=9"}).err,
            "error: Expected replicas to be 9, was 2\n");
  EXPECT_EQ(run({"patch", "deploy", "web", "-p", "spec: {paused: true}"}).out,
            "deployment.apps/web patched\n");
  EXPECT_EQ(lastBody("PATCH"), R"({"spec":{"paused":true}})");
  EXPECT_EQ(run({"patch", "deploy", "web", "--type=json", "--dry-run=client", "-o",
                 "jsonpath={.spec.replicas}", "-p",
                 R"([{"op":"replace","path":"/spec/replicas","value":8}])"})
                .out,
            "8");
  EXPECT_EQ(run({"set", "image", "deploy/web", "web=nginx:9"}).out,
            "deployment.apps/web image updated\n");
  EXPECT_EQ(
      lastBody("PATCH"),
      R"({"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"web"}],"containers":[{"image":"nginx:9","name":"web"}]}}}})");
  EXPECT_EQ(run({"set", "image", "deploy/web", "other=x"}).err,
            "error: unable to find container named \"other\"\n");
}

TEST_F(Verbs, RolloutStatusFollowsTheDeployment) {
  api.answers[std::string("GET ") + kPath + "/web"] = {kDeployment};
  api.answers[std::string("GET ") + kPath] = {R"({"type":"MODIFIED","object":)" +
                                              std::string(kDone) + "}"};
  EXPECT_EQ(run({"rollout", "status", "deploy/web"}).out,
            "Waiting for deployment \"web\" rollout to finish: 1 of 2 updated replicas are "
            "available...\ndeployment \"web\" successfully rolled out\n");
}

TEST_F(Verbs, RolloutHistoryAndUndo) {
  api.answers[std::string("GET ") + kPath + "/web"] = {kDeployment};
  api.answers[std::string("PATCH ") + kPath + "/web"] = {kDone};
  api.answers["GET /apis/apps/v1/namespaces/default/replicasets"] = {
      R"({"kind":"ReplicaSetList","items":[)" + set("1", "nginx:1") + "," + set("2", "nginx:2") +
      "]}"};
  EXPECT_EQ(run({"rollout", "history", "deploy/web"}).out,
            "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n");
  EXPECT_EQ(run({"rollout", "undo", "deploy/web"}).out, "deployment.apps/web rolled back\n");
  EXPECT_EQ(
      lastBody("PATCH"),
      R"([{"op":"replace","path":"/spec/template","value":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"nginx:1","name":"web"}]}}},{"op":"replace","path":"/metadata/annotations","value":{"deployment.kubernetes.io/revision":"2"}}])");
  EXPECT_EQ(run({"rollout", "undo", "deploy/web", "--to-revision=9"}).err,
            "error: unable to find specified revision 9 in history\n");
  EXPECT_EQ(run({"rollout", "resume", "deploy/web"}).err,
            "error: deployments.apps \"web\" is not paused\n");
}

TEST_F(Verbs, WaitSeesTheConditionComeTrue) {
  api.answers[std::string("GET ") + kPods + "/p"] = {kPod};
  api.answers[std::string("GET ") + kPods] = {
      R"({"type":"MODIFIED","object":{"metadata":{"name":"p"},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}})"};
  EXPECT_EQ(run({"wait", "--for=condition=ready", "pod/p"}).out, "pod/p condition met\n");
  EXPECT_EQ(run({"wait", "--for=jsonpath={.status.phase}=Running", "pod/p"}).out,
            "pod/p condition met\n");
  EXPECT_EQ(run({"wait", "--for=nothing", "pod/p"}).err,
            "error: unrecognized condition: \"nothing\"\n");
  Answer hanging("");
  hanging.hang = true;
  api.answers[std::string("GET ") + kPods] = {hanging};
  auto late = run({"wait", "--for=condition=Ready", "pod/p", "--timeout=1s"});
  EXPECT_EQ(late.err, "error: timed out waiting for the condition on pods/p\n");
  EXPECT_EQ(late.code, 1);
}

TEST_F(Verbs, ExposeRunAndTaint) {
  api.answers[std::string("GET ") + kPath + "/web"] = {kDeployment};
  EXPECT_EQ(run({"expose", "deploy", "web", "--dry-run=client", "-o", "jsonpath={.spec}"}).out,
            R"({"ports":[{"port":80,"protocol":"TCP","targetPort":80}],"selector":{"app":"web"}})");
  EXPECT_EQ(run({"run", "x", "--image=i", "--restart=Never", "--env=A=b", "--dry-run=client", "-o",
                 "jsonpath={.spec.containers[0].args}{.spec.restartPolicy}", "--", "-c", "d"})
                .out,
            R"(["-c","d"]Never)");
  api.answers["GET /api/v1/nodes/n"] = {
      R"({"kind":"Node","apiVersion":"v1","metadata":{"name":"n","resourceVersion":"4"},"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}})"};
  api.answers["PATCH /api/v1/nodes/n"] = {
      R"({"kind":"Node","apiVersion":"v1","metadata":{"name":"n"}})"};
  EXPECT_EQ(run({"taint", "node", "n", "a-"}).out, "node/n untainted\n");
  EXPECT_EQ(lastBody("PATCH"), R"({"metadata":{"resourceVersion":"4"},"spec":{"taints":null}})");
  EXPECT_EQ(run({"taint", "node", "n", "x=y:NoExecute"}).out, "node/n tainted\n");
  EXPECT_EQ(run({"taint", "node", "n", "x=y:Foo"}).err,
            "error: invalid taint effect: Foo, unsupported taint effect\n");
  EXPECT_EQ(run({"cordon", "n"}).out, "node/n cordoned\n");
  EXPECT_EQ(run({"uncordon", "n"}).out, "node/n already uncordoned\n");
}

TEST_F(Verbs, DiffPrintsWhatApplyWouldChange) {
  const std::string path = "/api/v1/namespaces/default/configmaps/a";
  const std::string head =
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"default"},"data":{"k":")";
  api.answers["GET " + path] = {head + R"(old"}})"};
  api.answers["PATCH " + path] = {head + R"(new"}})"};
  auto ran = run({"diff", "-f", "-"}, head + R"(new"}})");
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_NE(ran.out.find("\n-  k: old\n+  k: new\n"), std::string::npos) << ran.out;
  EXPECT_TRUE(api.seen.back().query.starts_with("dryRun=All"));
  api.answers["PATCH " + path] = {head + R"(old"}})"};
  EXPECT_EQ(run({"diff", "-f", "-"}, head + R"(old"}})").code, 0);
  EXPECT_EQ(run({"diff", "-f", "/nope"}).code, 2);
}

TEST_F(Verbs, EditSendsTheDifference) {
  const std::string path = "/api/v1/namespaces/default/configmaps/a";
  api.answers["GET " + path] = {
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"default"},"data":{"k":"old"}})"};
  api.answers["PATCH " + path] = {
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}})"};
  ::setenv("KUBE_EDITOR", "sed -i s/old/new/", 1);
  EXPECT_EQ(run({"edit", "cm", "a"}).out, "configmap/a edited\n");
  EXPECT_EQ(lastBody("PATCH"), R"({"data":{"k":"new"}})");
  ::setenv("KUBE_EDITOR", "true", 1);
  EXPECT_EQ(run({"edit", "cm", "a"}).err, "Edit cancelled, no changes made.\n");
  ::setenv("KUBE_EDITOR", "false", 1);
  EXPECT_EQ(run({"edit", "cm", "a"}).err,
            "error: there was a problem with the editor: exit status 1\n");
  ::unsetenv("KUBE_EDITOR");
}

TEST_F(Verbs, ConfigChangesTheFile) {
  auto config = file("kc", "");
  const std::string flag = "--kubeconfig=" + config;
  EXPECT_EQ(run({"config", flag, "set-cluster", "c", "--server=https://x:1"}).out,
            "Cluster \"c\" set.\n");
  EXPECT_EQ(run({"config", flag, "set-credentials", "u", "--token=t"}).out, "User \"u\" set.\n");
  EXPECT_EQ(
      run({"config", flag, "set-context", "k", "--cluster=c", "--user=u", "--namespace=ns1"}).out,
      "Context \"k\" created.\n");
  EXPECT_EQ(run({"config", flag, "use-context", "k"}).out, "Switched to context \"k\".\n");
  EXPECT_EQ(run({"config", flag, "current-context"}).out, "k\n");
  EXPECT_EQ(run({"config", flag, "get-contexts"}).out,
            "CURRENT   NAME   CLUSTER   AUTHINFO   NAMESPACE\n"
            "*         k      c         u          ns1\n");
  EXPECT_EQ(run({"config", flag, "view"}).out,
            "apiVersion: v1\nclusters:\n- cluster:\n    server: https://x:1\n  name: c\n"
            "contexts:\n- context:\n    cluster: c\n    namespace: ns1\n    user: u\n  name: k\n"
            "current-context: k\nkind: Config\nusers:\n- name: u\n  user:\n    token: REDACTED\n");
  EXPECT_EQ(run({"config", flag, "use-context", "nope"}).err,
            "error: no context exists with the name: \"nope\"\n");
  EXPECT_EQ(run({"config", flag, "rename-context", "k", "l"}).code, 0);
  EXPECT_EQ(run({"config", flag, "current-context"}).out, "l\n");
  EXPECT_EQ(run({"config", flag, "delete-context", "l"}).code, 0);
}

TEST_F(Verbs, DescribeShowsEventsLast) {
  api.answers[std::string("GET ") + kPods + "/p"] = {kPod};
  api.answers["GET /api/v1/namespaces/default/events"] = {
      R"({"kind":"EventList","items":[{"type":"Warning","reason":"FailedScheduling","message":"no nodes\n","source":{"component":"default-scheduler"},"lastTimestamp":"2020-01-01T00:00:00Z","firstTimestamp":"2020-01-01T00:00:00Z","count":1}]})"};
  auto out = run({"describe", "pod", "p"}).out;
  EXPECT_TRUE(
      out.starts_with("Name:         p\nNamespace:    default\nNode:         <none>\n"
                      "Labels:       a=b\nAnnotations:  <none>\nStatus:       Pending\n"))
      << out;
  EXPECT_NE(out.find("Warning  FailedScheduling"), std::string::npos) << out;
  EXPECT_TRUE(out.ends_with("default-scheduler  no nodes\n")) << out;
  api.answers["GET /apis/example.com/v1/namespaces/default/widgets/w"] = {
      R"({"kind":"Widget","apiVersion":"example.com/v1","metadata":{"name":"w","uid":"1"},"spec":{"maxSize":3,"parts":[{"a":1}]}})"};
  api.answers["GET /api/v1/namespaces/default/events"] = {R"({"kind":"EventList","items":[]})"};
  EXPECT_EQ(run({"describe", "widget", "w"}).out,
            "Name:         w\nNamespace:    \nLabels:       <none>\nAnnotations:  <none>\n"
            "API Version:  example.com/v1\nKind:         Widget\nMetadata:\n  UID:  1\nSpec:\n"
            "  Max Size:  3\n  Parts:\n    A:   1\nEvents:  <none>\n");
}

}  // namespace
}  // namespace coxswain::cli::testing
