#include "cli/testing/cli_test.h"

namespace coxswain::cli::testing {
namespace {

using Apply = CliTest;

const char* kMap = R"(apiVersion: v1
kind: ConfigMap
metadata:
  name: a
data:
  key: value
)";
const char* kPath = "/api/v1/namespaces/default/configmaps";

std::string live(const std::string& data, const std::string& lastApplied) {
  std::string escaped;
  for (char c : lastApplied) {
    if (c == '"') escaped += '\\';
    escaped += c;
  }
  return R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"default","annotations":{"kubectl.kubernetes.io/last-applied-configuration":")" +
         escaped + R"("}},"data":)" + data + "}";
}

const std::string kApplied =
    R"({"apiVersion":"v1","data":{"key":"value"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"a","namespace":"default"}})";

TEST_F(Apply, CreatesWithTheAnnotation) {
  api.answers[std::string("POST ") + kPath] = {live(R"({"key":"value"})", kApplied)};
  auto ran = run({"apply", "-f", "-"}, kMap);
  EXPECT_EQ(ran.out, "configmap/a created\n");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(asked(), (std::vector<std::string>{
                         "GET /api/v1/namespaces/default/configmaps/a",
                         "POST /api/v1/namespaces/default/configmaps?fieldManager=kubectl-client-"
                         "side-apply&fieldValidation=Strict"}));
  EXPECT_EQ(
      lastBody("POST"),
      R"({"apiVersion":"v1","data":{"key":"value"},"kind":"ConfigMap","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"v1\",\"data\":{\"key\":\"value\"},\"kind\":\"ConfigMap\",\"metadata\":{\"annotations\":{},\"name\":\"a\",\"namespace\":\"default\"}}\n"},"name":"a","namespace":"default"}})");
}

TEST_F(Apply, SendsTheThreeWayDifference) {
  const std::string get = std::string("GET ") + kPath + "/a";
  // Someone added "other"; "old" was applied before and is not in the file any more.
  api.answers[get] = {live(
      R"({"key":"x","other":"1","old":"2"})",
      R"({"apiVersion":"v1","data":{"key":"x","old":"2"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"a","namespace":"default"}})")};
  api.answers[std::string("PATCH ") + kPath + "/a"] = {live(R"({"key":"value"})", kApplied)};
  EXPECT_EQ(run({"apply", "-f", file("a.yaml", kMap)}).out, "configmap/a configured\n");
  auto body = lastBody("PATCH");
  EXPECT_TRUE(body.starts_with(R"({"data":{"key":"value","old":null},)")) << body;
  EXPECT_EQ(body.find("other"), std::string::npos) << body;
}

TEST_F(Apply, NothingToDoIsUnchanged) {
  api.answers[std::string("GET ") + kPath + "/a"] = {
      live(R"({"key":"value","other":"1"})", kApplied + "\\n")};
  EXPECT_EQ(run({"apply", "-f", "-"}, kMap).out, "configmap/a unchanged\n");
  EXPECT_EQ(asked().size(), 1U);
}

TEST_F(Apply, UnknownKindsGetMergePatches) {
  const char* widget =
      R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"n":2}})";
  const std::string path = "/apis/example.com/v1/namespaces/default/widgets/w";
  api.answers["GET " + path] = {
      R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"default"},"spec":{"n":1,"m":3}})"};
  api.answers["PATCH " + path] = {widget};
  auto ran = run({"apply", "-f", "-"}, widget);
  EXPECT_EQ(ran.out, "widget.example.com/w configured\n");
  EXPECT_TRUE(
      ran.err.starts_with("Warning: resource widgets/w is missing the kubectl.kubernetes.io"
                          "/last-applied-configuration annotation"))
      << ran.err;
  EXPECT_EQ(api.seen.back().headers.get("content-type"), "application/merge-patch+json");
  EXPECT_TRUE(lastBody("PATCH").ends_with(R"("spec":{"n":2}})")) << lastBody("PATCH");
}

TEST_F(Apply, ServerSide) {
  api.answers[std::string("PATCH ") + kPath + "/a"] = {live("{}", "{}")};
  EXPECT_EQ(run({"apply", "--server-side", "--force-conflicts", "-f", "-"}, kMap).out,
            "configmap/a serverside-applied\n");
  EXPECT_EQ(asked(), std::vector<std::string>{
                         "PATCH /api/v1/namespaces/default/configmaps/a?fieldManager=kubectl&"
                         "fieldValidation=Strict&force=true"});
  EXPECT_EQ(api.seen.back().headers.get("content-type"), "application/apply-patch+yaml");
}

TEST_F(Apply, SeveralDocumentsAndListsGoOn) {
  api.answers[std::string("POST ") + kPath] = {
      {409,
       R"({"kind":"Status","status":"Failure","message":"object is being deleted","reason":"AlreadyExists","code":409})"},
      live("{}", "{}")};
  auto text =
      std::string(kMap) + "---\n" +
      R"({"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}]})";
  auto ran = run({"apply", "-f", "-"}, text);
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "configmap/a created\n");
  EXPECT_EQ(ran.err,
            "Error from server (AlreadyExists): error when creating \"STDIN\": object is being "
            "deleted\n");
}

struct Bad {
  const char* name;
  const char* text;
  const char* error;
};

TEST_F(Apply, BadFilesSayWhy) {
  const Bad cases[] = {
      {"no kind", "apiVersion: v1\nmetadata: {name: a}",
       "error: error validating \"STDIN\": error validating data: kind not set; if you choose to "
       "ignore these errors, turn validation off with --validate=false\n"},
      {"unknown kind", "apiVersion: x.io/v1\nkind: Foo\nmetadata: {name: a}",
       "error: resource mapping not found for name: \"a\" namespace: \"\" from \"STDIN\": no "
       "matches "
       "for kind \"Foo\" in version \"x.io/v1\"\nensure CRDs are installed first\n"},
      {"broken YAML", "a: [", "error: error parsing STDIN: error converting YAML to JSON: yaml: "},
      {"empty", "", "error: no objects passed to apply\n"},
      {"no name", "apiVersion: v1\nkind: ConfigMap",
       "error: error when retrieving current configuration of:\nfrom server for: \"STDIN\": "
       "resource "
       "name may not be empty\n"},
  };
  for (const auto& bad : cases) {
    auto ran = run({"apply", "-f", "-"}, bad.text);
    EXPECT_EQ(ran.code, 1) << bad.name;
    EXPECT_TRUE(ran.err.starts_with(bad.error)) << bad.name << ": " << ran.err;
  }
  EXPECT_EQ(run({"apply", "-f", "/no/such"}).err, "error: the path \"/no/such\" does not exist\n");
  EXPECT_EQ(run({"apply"}).err, "error: must specify one of -f and -k\n");
}

TEST_F(Apply, NamespacesMustAgree) {
  auto text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: x}";
  auto ran = run({"apply", "-n", "y", "-f", "-"}, text);
  EXPECT_EQ(ran.err,
            "error: the namespace from the provided object \"x\" does not match the namespace "
            "\"y\". You must pass '--namespace=x' to perform this operation.\n");
}

}  // namespace
}  // namespace coxswain::cli::testing
