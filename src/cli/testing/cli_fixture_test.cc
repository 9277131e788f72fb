#include <filesystem>
#include <fstream>

#include "cli/testing/cli_test.h"
#include "runtime/spawn.h"

namespace coxswain::cli::testing {

namespace {

std::string resource(const char* name, const char* singular, const char* kind, bool namespaced,
                     const char* shortName, const char* category = "") {
  std::string quote = "\"";
  return R"({"name":")" + std::string(name) + R"(","singularName":")" + singular +
         R"(","namespaced":)" + (namespaced ? "true" : "false") + R"(,"kind":")" + kind +
         R"(","verbs":["create","delete","get","list","patch","update","watch"],"shortNames":[)" +
         (*shortName ? quote + shortName + quote : "") + R"(],"categories":[)" +
         (*category ? quote + category + quote : "") + "]}";
}

void addDiscovery(FakeApi& api) {
  api.answers["GET /api"] = {R"({"kind":"APIVersions","versions":["v1"]})"};
  api.answers["GET /apis"] = {
      R"({"kind":"APIGroupList","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1","version":"v1"}},{"name":"example.com","versions":[{"groupVersion":"example.com/v1","version":"v1"}],"preferredVersion":{"groupVersion":"example.com/v1","version":"v1"}}]})"};
  const std::string head = R"({"kind":"APIResourceList","groupVersion":")";
  api.answers["GET /api/v1"] = {
      head + R"(v1","resources":[)" + resource("configmaps", "configmap", "ConfigMap", true, "cm") +
      "," + resource("events", "event", "Event", true, "ev") + "," +
      resource("namespaces", "namespace", "Namespace", false, "ns") + "," +
      resource("nodes", "node", "Node", false, "no") + "," +
      resource("pods", "pod", "Pod", true, "po", "all") + "," +
      resource("secrets", "secret", "Secret", true, "") + "," +
      resource("serviceaccounts", "serviceaccount", "ServiceAccount", true, "sa") + "," +
      resource("services", "service", "Service", true, "svc", "all") + "]}"};
  api.answers["GET /apis/apps/v1"] = {
      head + R"(apps/v1","resources":[)" +
      resource("deployments", "deployment", "Deployment", true, "deploy", "all") + "," +
      resource("replicasets", "replicaset", "ReplicaSet", true, "rs", "all") +
      R"(,{"name":"deployments/scale","kind":"Scale","namespaced":true,"verbs":["get","patch","update"]}]})"};
  api.answers["GET /apis/example.com/v1"] = {head + R"(example.com/v1","resources":[)" +
                                             resource("widgets", "widget", "Widget", true, "wd") +
                                             "]}"};
}

bool isDiscovery(const std::string& line) {
  return line == "GET /api" || line == "GET /apis" || line == "GET /api/v1" ||
         line == "GET /apis/apps/v1" || line == "GET /apis/example.com/v1";
}

std::string readAndClose(int fd) {
  std::string text;
  char buffer[4096];
  ::lseek(fd, 0, SEEK_SET);
  for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  ::close(fd);
  return text;
}

Task<bool> stopServer(net::HttpServer& server) {
  co_await server.stop(1s);
  co_return true;
}

}  // namespace

CliTest::CliTest() {
  addDiscovery(api);
  auto server = net::HttpServer::start(reactor_, {}, api);
  EXPECT_TRUE(server.ok()) << server.status().toString();
  server_ = std::move(*server);
  thread_ = std::thread([this] { reactor_.run(); });
  folder_ = ::testing::TempDir() + "cli_test_" + std::to_string(::getpid());
  std::filesystem::create_directories(folder_);
  ::setenv("KUBECONFIG", (folder_ + "/config").c_str(), 1);
  ::unsetenv("KUBERNETES_SERVICE_HOST");
}

CliTest::~CliTest() {
  Reactor here;
  blockOn(here, runOn(reactor_, stopServer(*server_)));
  reactor_.stop();
  thread_.join();
  std::filesystem::remove_all(folder_);
}

Ran CliTest::run(std::vector<std::string> args, const std::string& input) {
  args.insert(args.begin(), "--server=http://" + server_->address());
  std::vector<const char*> pointers;
  for (const auto& arg : args) pointers.push_back(arg.c_str());
  Streams streams;
  streams.in = ::memfd_create("in", MFD_CLOEXEC);
  streams.out = ::memfd_create("out", MFD_CLOEXEC);
  streams.err = ::memfd_create("err", MFD_CLOEXEC);
  EXPECT_EQ(::write(streams.in, input.data(), input.size()), static_cast<ssize_t>(input.size()));
  ::lseek(streams.in, 0, SEEK_SET);
  Ran ran;
  ran.code = cli::run(pointers, streams);
  ::close(streams.in);
  ran.out = readAndClose(streams.out);
  ran.err = readAndClose(streams.err);
  return ran;
}

std::vector<std::string> CliTest::asked() {
  auto lines = api.lines();
  std::vector<std::string> out;
  for (; told_ < lines.size(); ++told_) {
    if (!isDiscovery(lines[told_])) out.push_back(lines[told_]);
  }
  return out;
}

std::string CliTest::lastBody(std::string_view method) const {
  for (auto at = api.seen.rbegin(); at != api.seen.rend(); ++at) {
    if (at->method == method) return at->body;
  }
  return {};
}

std::string CliTest::file(const std::string& name, const std::string& text) {
  auto path = folder_ + "/" + name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
  return path;
}

}  // namespace coxswain::cli::testing
