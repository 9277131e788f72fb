#include "cli/testing/cli_test.h"

namespace coxswain::cli::testing {
namespace {

using Get = CliTest;

const char* kTable =
    R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"5"},"columnDefinitions":[{"name":"Name","type":"string","format":"name","priority":0},{"name":"Ready","type":"string","priority":0},{"name":"Node","type":"string","priority":1}],"rows":[{"cells":["web-0","1/1","n1"],"object":{"metadata":{"name":"web-0","namespace":"default","labels":{"app":"web","tier":"x"}}}},{"cells":["a-longer-name","0/1","n2"],"object":{"metadata":{"name":"a-longer-name","namespace":"default"}}}]})";
const char* kPods = "GET /api/v1/namespaces/default/pods";

TEST_F(Get, TablesOfTheServer) {
  api.answers[kPods] = {kTable};
  EXPECT_EQ(run({"get", "po"}).out,
            "NAME            READY\n"
            "web-0           1/1\n"
            "a-longer-name   0/1\n");
  EXPECT_EQ(asked(), std::vector<std::string>{"GET /api/v1/namespaces/default/pods?limit=500"});
  EXPECT_EQ(run({"get", "Pod", "-o", "wide", "--no-headers"}).out,
            "web-0           1/1   n1\n"
            "a-longer-name   0/1   n2\n");
  EXPECT_EQ(run({"get", "pods.v1.", "--show-labels", "-L=app"}).out,
            "NAME            READY   APP      LABELS\n"
            "web-0           1/1     web      app=web,tier=x\n"
            "a-longer-name   0/1     <none>   <none>\n");
  EXPECT_EQ(run({"get", "pods", "--sort-by", ".metadata.name", "--show-kind"}).out,
            "NAME                READY\n"
            "pod/a-longer-name   0/1\n"
            "pod/web-0           1/1\n");
}

TEST_F(Get, AllNamespacesAndSelectors) {
  api.answers["GET /api/v1/pods"] = {kTable};
  EXPECT_EQ(run({"get", "pods", "-A", "-l", "a=b", "--field-selector=x=y"}).out,
            "NAMESPACE   NAME            READY\n"
            "default     web-0           1/1\n"
            "default     a-longer-name   0/1\n");
  EXPECT_EQ(asked(), std::vector<std::string>{
                         "GET /api/v1/pods?labelSelector=a%3Db&fieldSelector=x%3Dy&limit=500"});
}

TEST_F(Get, CategoriesAreSeparateTables) {
  api.answers[kPods] = {kTable};
  api.answers["GET /api/v1/namespaces/default/services"] = {R"({"kind":"ServiceList","items":[]})"};
  api.answers["GET /apis/apps/v1/namespaces/default/deployments"] = {
      R"({"kind":"Table","columnDefinitions":[{"name":"Name","type":"string","format":"name"}],"rows":[{"cells":["web"]}]})"};
  auto ran = run({"get", "all"});
  EXPECT_EQ(ran.out,
            "NAME                READY\n"
            "pod/web-0           1/1\n"
            "pod/a-longer-name   0/1\n"
            "\n"
            "NAME\n"
            "deployment.apps/web\n");
  EXPECT_EQ(ran.code, 1);  // replica sets are not answered
}

TEST_F(Get, NothingFound) {
  api.answers[kPods] = {R"({"kind":"Table","rows":[]})"};
  api.answers["GET /api/v1/nodes"] = {R"({"kind":"Table","rows":[]})"};
  auto ran = run({"get", "pods"});
  EXPECT_EQ(ran.err, "No resources found in default namespace.\n");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(run({"get", "nodes"}).err, "No resources found\n");
  EXPECT_EQ(run({"get", "pods", "--ignore-not-found"}).err, "");
}

TEST_F(Get, FailuresAreTheServers) {
  api.answers[std::string(kPods) + "/x"] = {
      {404,
       R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":"pods \"x\" not found","reason":"NotFound","code":404})"}};
  auto ran = run({"get", "pod/x"});
  EXPECT_EQ(ran.err, "Error from server (NotFound): pods \"x\" not found\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(run({"get", "pod/x", "--ignore-not-found"}).code, 0);
  EXPECT_EQ(run({"get", "foos"}).err, "error: the server doesn't have a resource type \"foos\"\n");
  api.answers[kPods] = {
      {400,
       R"({"kind":"Status","status":"Failure","message":"bad","reason":"BadRequest","code":400})"}};
  EXPECT_EQ(
      run({"get", "pods", "-l", "a(b"}).err,
      "Error from server (BadRequest): Unable to find \"/v1, Resource=pods\" that match label "
      "selector \"a(b\", field selector \"\": bad\n");
  EXPECT_EQ(run({"get", "pods", "a", "-A"}).err,
            "error: a resource cannot be retrieved by name across all namespaces\n");
}

TEST_F(Get, ObjectsOfKindsNobodyKnows) {
  const char* object =
      R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","managedFields":[{}]},"spec":{"n":1.5,"on":true,"list":["a","b"]}})";
  api.answers["GET /apis/example.com/v1/namespaces/default/widgets/w"] = {object};
  api.answers["GET /apis/example.com/v1/namespaces/default/widgets"] = {
      R"({"kind":"WidgetList","apiVersion":"example.com/v1","items":[)" + std::string(object) +
      "]}"};
  EXPECT_EQ(run({"get", "wd", "w", "-o", "json"}).out,
            "{\n    \"apiVersion\": \"example.com/v1\",\n    \"kind\": \"Widget\",\n"
            "    \"metadata\": {\n        \"name\": \"w\"\n    },\n    \"spec\": {\n"
            "        \"list\": [\n            \"a\",\n            \"b\"\n        ],\n"
            "        \"n\": 1.5,\n        \"on\": true\n    }\n}\n");
  EXPECT_EQ(run({"get", "wd", "-o", "yaml"}).out,
            "apiVersion: v1\nitems:\n- apiVersion: example.com/v1\n  kind: Widget\n  metadata:\n"
            "    name: w\n  spec:\n    list:\n    - a\n    - b\n    \"n\": 1.5\n    \"on\": true\n"
            "kind: List\nmetadata:\n  resourceVersion: \"\"\n");
  EXPECT_EQ(run({"get", "wd", "-o", "name"}).out, "widget.example.com/w\n");
  EXPECT_EQ(run({"get", "wd/w", "-o", "jsonpath={.spec.list[*]} {.spec.n}"}).out, "a b 1.5");
  EXPECT_EQ(
      run({"get", "wd", "-o", "custom-columns=A:.metadata.name,B:.spec.none,C:.spec.list"}).out,
      "A     B        C\nw     <none>   [a b]\n");
  EXPECT_EQ(run({"get", "wd/w", "-o", "jsonpath={.a"}).err,
            "error: error parsing jsonpath {.a, unclosed action\n");
}

TEST_F(Get, WatchesFromTheList) {
  api.answers[kPods] = {
      kTable,
      R"({"type":"MODIFIED","object":{"kind":"Table","rows":[{"cells":["web-0","0/1","n1"]}]}})"};
  EXPECT_EQ(run({"get", "pods", "-w", "--output-watch-events"}).out,
            "EVENT   NAME            READY\n"
            "ADDED   web-0           1/1\n"
            "ADDED   a-longer-name   0/1\n"
            "MODIFIED   web-0           0/1\n");
  EXPECT_EQ(asked(), (std::vector<std::string>{
                         "GET /api/v1/namespaces/default/pods?limit=500",
                         "GET /api/v1/namespaces/default/pods?resourceVersion=5&watch=true"}));
}

TEST_F(Get, WordsBehindFlagsAreNoCommands) {
  EXPECT_EQ(run({"create", "-f", "secret"}).err, "error: the path \"secret\" does not exist\n");
  api.answers["GET /api/v1/namespaces/get/pods"] = {kTable};
  EXPECT_EQ(run({"-n", "get", "get", "pods", "--no-headers"}).code, 0);
  EXPECT_EQ(asked().back(), "GET /api/v1/namespaces/get/pods?limit=500");
}

TEST_F(Get, WrongUse) {
  EXPECT_EQ(run({"get"}).code, 1);
  EXPECT_EQ(run({"get", "pods", "--nope"}).err,
            "error: unknown flag: --nope\nSee 'kubectl get --help' for usage.\n");
  EXPECT_EQ(run({"nope"}).err, "error: unknown command \"nope\" for \"kubectl\"\n");
  EXPECT_EQ(run({"get", "--raw", "/x", "pods"}).code, 1);
}

}  // namespace
}  // namespace coxswain::cli::testing
