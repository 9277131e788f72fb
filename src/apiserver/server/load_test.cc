// The server over HTTP under load, and what it tells of requests: bounds, fairness, audit, figures.

#include "apiserver/server/load.h"

#include "apiserver/server/options.h"
#include "apiserver/server/testing/server_test_base.h"

namespace coxswain::apiserver {
namespace {

TEST(ByteBudgets, ClaimsAreGivenBackAndTheFirstAlwaysGoes) {
  ByteBudget budget(100);
  {
    ByteBudget::Claim large;
    EXPECT_TRUE(large.raiseTo(budget, 1000));
    ByteBudget::Claim small;
    EXPECT_FALSE(small.raiseTo(budget, 1));
    EXPECT_EQ(small.bytes(), 0u);
    // The holder may grow on, nobody else is there.
    EXPECT_TRUE(large.raiseTo(budget, 2000));
    EXPECT_TRUE(large.raiseTo(budget, 10));
    EXPECT_EQ(budget.used(), 2000u);
  }
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_EQ(budget.refused(), 1u);
  ByteBudget::Claim a;
  ByteBudget::Claim b;
  EXPECT_TRUE(a.raiseTo(budget, 60));
  EXPECT_TRUE(b.raiseTo(budget, 40));
  EXPECT_FALSE(b.raiseTo(budget, 41));
  b.settle(30);
  EXPECT_EQ(budget.used(), 90u);
  b.settle(50);
  EXPECT_EQ(budget.used(), 110u);
  ByteBudget::Claim moved = std::move(a);
  moved.reset();
  EXPECT_TRUE(b.raiseTo(budget, 100));
}

TEST(AuditIds, AreUuidsAndDiffer) {
  uint64_t state = 7;
  const auto one = makeAuditId(state);
  const auto other = makeAuditId(state);
  EXPECT_NE(one, other);
  ASSERT_EQ(one.size(), 36u);
  EXPECT_EQ(one[14], '4');
  EXPECT_NE(std::string("89ab").find(one[19]), std::string::npos);
}

TEST(WatchOptions, NoClockOverflows) {
  auto query = Query::parse("timeoutSeconds=9223372036854775807");
  ASSERT_TRUE(query.ok());
  auto watch = parseWatchOptions(*query, "", "", *findResource("", "v1", "pods"));
  ASSERT_TRUE(watch.ok());
  const auto end = MonotonicTime(24h) + std::chrono::seconds(watch->timeoutSeconds);
  EXPECT_GT(end, MonotonicTime(48h));
}

class Load : public ServerTestBase {
 protected:
  void TearDown() override {
    EXPECT_TRUE(run(letGo()).ok());
    ServerTestBase::TearDown();
  }
  void start(ApiServerOptions options, flow::FlowOptions flow = {}) {
    options.auditor = auditor_.get();
    ServerTestBase::start(std::move(options), flow);
  }
  Answer post(const std::string& name, size_t bytes = 10, std::string token = "admin-token") {
    return send("POST", kMaps,
                R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")" + name +
                    R"("},"data":{"a":")" + std::string(bytes, 'x') + "\"}}",
                {{"Content-Type", "application/json"}}, std::move(token));
  }
  /// Again until `wanted` is answered.
  template <typename F>
  bool until(int wanted, F ask) {
    const auto end = std::chrono::steady_clock::now() + 240s;
    while (std::chrono::steady_clock::now() < end) {
      if (ask().code == wanted) return true;
    }
    return false;
  }

  Task<Status> hold(std::string bytes) {
    CO_TRY(auto stream, co_await net::dial(reactor_, server_->address(), {}));
    Status sent = co_await stream->write(bytes, {});
    held_.push_back(std::move(stream));
    co_return sent;
  }
  Task<Status> letGo() {
    held_.clear();
    co_return Status();
  }
  /// A connection that sends this and neither sends nor reads more.
  void holdRequest(const std::string& head) {
    Status held = run(hold(head + "\r\nHost: x\r\nAuthorization: Bearer admin-token\r\n\r\n"));
    ASSERT_TRUE(held.ok());
  }

  Task<Status> configure(flow::FlowController::SchemaPtr schema,
                         flow::FlowController::LevelPtr level) {
    flow_->configure({schema}, {level});
    co_return Status();
  }
  Task<Status> beginShutdown() {
    api_->beginShutdown();
    co_return Status();
  }

  void audit(std::string_view rules) {
    auto policy =
        audit::Policy::parse("apiVersion: audit.k8s.io/v1\nkind: Policy\n" + std::string(rules));
    ASSERT_TRUE(policy.ok()) << policy.status().toString();
    auditor_ = std::make_unique<audit::Auditor>(std::move(*policy), [this](std::string line) {
      std::lock_guard lock(linesMutex_);
      lines_.push_back(std::move(line));
      return true;
    });
  }
  /// The event of that stage of a request that has ended.
  boost::json::value event(std::string_view auditId, std::string_view stage) {
    std::lock_guard lock(linesMutex_);
    for (const auto& line : lines_) {
      auto value = api::parseJsonValue(line);
      if (!value.ok()) continue;
      if (text(*value, "/auditID") == auditId && text(*value, "/stage") == stage) return *value;
    }
    return {};
  }
  static std::string text(const boost::json::value& value, std::string_view pointer) {
    boost::system::error_code error;
    const auto* found = value.find_pointer(pointer, error);
    if (!found) return "<absent>";
    return found->is_string() ? std::string(found->get_string()) : api::writeJsonValue(*found);
  }

  std::mutex linesMutex_;
  std::vector<std::string> lines_;
  std::unique_ptr<audit::Auditor> auditor_;
  std::vector<std::unique_ptr<net::Stream>> held_;
};

TEST_F(Load, BodiesOfAllRequestsShareABudget) {
  ApiServerOptions options;
  options.bodyBytesMax = 100'000;
  start(std::move(options));
  EXPECT_EQ(post("one", 40'000).code, 201);
  holdRequest(std::string("POST ") + kMaps +
              " HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 45000");
  Answer refused;
  EXPECT_TRUE(until(429, [&] { return refused = post("two", 40'000); }));
  EXPECT_EQ(refused.headers.get("Retry-After"), "1");
  EXPECT_NE(refused.body.find("\"reason\":\"TooManyRequests\""), std::string::npos) << refused.body;
  // Small ones and reads go on.
  EXPECT_EQ(post("small").code, 201);
  EXPECT_EQ(send("GET", kMaps).code, 200);
  EXPECT_TRUE(run(letGo()).ok());
  EXPECT_TRUE(until(201, [&] { return post("three", 40'000); }));
}

/// Takes a body as proxies do.
class RawBodies final : public SubresourceHandler {
 public:
  Task<Status> serve(Exchange& exchange) override {
    CO_TRY(auto body, co_await readRawBody(exchange, 90'000));
    co_return co_await exchange.response.respond(200, {}, std::to_string(body.size()));
  }
};

TEST_F(Load, BodiesThatArePassedOnCountAsWell) {
  ApiServerOptions options;
  options.bodyBytesMax = 100'000;
  start(std::move(options));
  api_->subresources().add("pods", "proxy", std::make_unique<RawBodies>());
  const std::string path = "/api/v1/namespaces/default/pods/p/proxy";
  EXPECT_EQ(send("POST", path, std::string(80'000, 'x')).body, "80000");
  EXPECT_EQ(send("POST", path, std::string(90'001, 'x')).code, 413);
  holdRequest("POST " + path + " HTTP/1.1\r\nContent-Length: 80000");
  EXPECT_TRUE(until(429, [&] { return send("POST", path, std::string(40'000, 'x')); }));
  EXPECT_TRUE(run(letGo()).ok());
  EXPECT_TRUE(until(200, [&] { return send("POST", path, std::string(40'000, 'x')); }));
}

/// As upstream sees it; rules about a namespace are about the namespace itself, too.
TEST_F(Load, ANamespaceIsInItself) {
  audit(
      "rules:\n"
      "- {level: Metadata, namespaces: [kube-system]}\n"
      "- {level: None}\n");
  start({});
  EXPECT_EQ(send("GET", "/api/v1/namespaces/kube-system", "", {{"Audit-Id", "itself"}}).code, 200);
  // An event follows its answer: it is surely there after one more request.
  EXPECT_EQ(send("GET", "/version").code, 200);
  EXPECT_EQ(text(event("itself", "ResponseComplete"), "/objectRef/namespace"), "kube-system");
}

TEST_F(Load, AStalledBodyIsGivenUp) {
  ApiServerOptions options;
  options.bodyBytesMax = 1;
  options.requestTimeout = 300ms;
  start(std::move(options));
  holdRequest(std::string("POST ") + kMaps +
              " HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000");
  // It held the whole budget. One that is too late itself may have made its object.
  int tries = 0;
  EXPECT_TRUE(until(201, [&] { return post("other" + std::to_string(++tries)); }));
}

TEST_F(Load, ListsOfAllRequestsShareABudget) {
  ApiServerOptions options;
  options.listBytesMax = 1 << 20;
  start(std::move(options));
  for (int i = 0; i < 40; ++i) ASSERT_EQ(post("m" + std::to_string(i), 500'000).code, 201);
  EXPECT_EQ(send("GET", std::string(kMaps) + "?limit=3").code, 200);
  holdRequest(std::string("GET ") + kMaps + " HTTP/1.1");
  Answer refused;
  EXPECT_TRUE(until(429, [&] { return refused = send("GET", std::string(kMaps) + "?limit=3"); }));
  EXPECT_EQ(refused.headers.get("Retry-After"), "1");
  EXPECT_EQ(send("GET", std::string(kMaps) + "/m1").code, 200);
  EXPECT_TRUE(run(letGo()).ok());
  EXPECT_TRUE(until(200, [&] { return send("GET", std::string(kMaps) + "?limit=3"); }));
}

TEST_F(Load, AWatchThatIsNotReadIsClosed) {
  ApiServerOptions options;
  options.stallMax = 500ms;  // enough for a client that reads
  start(std::move(options));
  ASSERT_EQ(post("w", 10).code, 201);
  holdRequest(std::string("GET ") + kMaps + "?watch=true&resourceVersion=0 HTTP/1.1");
  auto open = [this] {
    auto metrics = send("GET", "/metrics").body;
    for (auto at = metrics.find("apiserver_longrunning_requests{"); at != std::string::npos;
         at = metrics.find("apiserver_longrunning_requests{", at + 1)) {
      const auto line = metrics.substr(at, metrics.find('\n', at) - at);
      if (line.find("configmaps") != std::string::npos) return line.back();
    }
    return '-';
  };
  bool seen = false;
  for (int i = 0; i < 20000 && !seen; ++i) seen = open() == '1';
  EXPECT_TRUE(seen);
  // More than the sockets take.
  const auto patch = R"({"data":{"a":")" + std::string(900'000, 'y');
  bool closed = false;
  for (int i = 0; i < 20000 && !closed; ++i) {
    auto patched = send("PATCH", std::string(kMaps) + "/w", patch + std::to_string(i) + "\"}}",
                        {{"Content-Type", "application/merge-patch+json"}});
    EXPECT_EQ(patched.code, 200);
    closed = open() == '0';
  }
  EXPECT_TRUE(closed);
}

TEST_F(Load, WithoutFairnessReadsAndWritesHavePlainLimits) {
  flow::FlowOptions flow;
  flow.fair = false;
  flow.readsMax = 5;
  flow.writesMax = 1;
  start({}, flow);
  holdRequest(std::string("POST ") + kMaps +
              " HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000");
  Answer refused;
  EXPECT_TRUE(until(429, [&] { return refused = post("x", 10, "bob-token"); }));
  EXPECT_EQ(refused.headers.get("Retry-After"), "1");
  EXPECT_EQ(refused.headers.get("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(refused.body, "Too many requests, please try again later.\n");
  EXPECT_EQ(send("GET", kMaps, "", {}, "bob-token").code, 403);
  // system:masters always pass.
  EXPECT_EQ(post("y").code, 201);
}

TEST_F(Load, AnswersCarryIds) {
  start({});
  auto made = send("GET", "/version");
  EXPECT_EQ(made.headers.get("Audit-Id").size(), 36u);
  auto given = send("GET", "/nothing", "", {{"Audit-ID", "mine"}});
  EXPECT_EQ(given.code, 404);
  EXPECT_EQ(given.headers.get("Audit-Id"), "mine");
  // Builtin objects have no uid until the cluster's are known.
  EXPECT_FALSE(made.headers.has("X-Kubernetes-Pf-Flowschema-Uid"));

  auto schema = std::make_shared<api::flowcontrol::v1::FlowSchema>();
  schema->metadata.name = "all";
  schema->metadata.uid = "schema-uid";
  schema->spec.priorityLevelConfiguration.name = "exempt";
  schema->spec.matchingPrecedence = 1;
  auto& rule = schema->spec.rules.emplace_back();
  auto& subject = rule.subjects.emplace_back();
  subject.kind = "Group";
  subject.group.emplace().name = "*";
  auto& paths = rule.nonResourceRules.emplace_back();
  paths.verbs = {"*"};
  paths.nonResourceURLs = {"*"};
  auto level = std::make_shared<api::flowcontrol::v1::PriorityLevelConfiguration>();
  level->metadata.name = "exempt";
  level->metadata.uid = "level-uid";
  level->spec.type = "Exempt";
  EXPECT_TRUE(run(configure(schema, level)).ok());
  auto known = send("GET", "/version");
  EXPECT_EQ(known.headers.get("X-Kubernetes-Pf-Flowschema-Uid"), "schema-uid");
  EXPECT_EQ(known.headers.get("X-Kubernetes-Pf-Prioritylevel-Uid"), "level-uid");
}

/// Connections of one user all have a request ready when another user's comes.
Task<Result<uint64_t>> floodAndAsk(Reactor& reactor, net::HttpServer& server,
                                   flow::FlowController& flow, std::string path) {
  constexpr size_t kFlood = 200;
  Deadline deadline(240s, {});
  auto stop = deadline.token();
  std::vector<std::unique_ptr<net::Stream>> flood;
  for (size_t i = 0; i < kFlood; ++i) {
    CO_TRY(auto stream, co_await net::dial(reactor, server.address(), stop));
    flood.push_back(std::move(stream));
  }
  CO_TRY(auto quiet, co_await net::dial(reactor, server.address(), stop));
  while (server.connections() <= kFlood) CO_TRY_STATUS(co_await sleepFor(1ms, stop));
  auto dispatched = [&flow] {
    uint64_t all = 0;
    for (const auto& one : flow.stats()) all += one->dispatched;
    return all;
  };
  const auto before = dispatched();
  const std::string get = "GET " + path + " HTTP/1.1\r\nHost: x\r\n";
  const std::string bob = get + "Authorization: Bearer bob-token\r\n\r\n";
  const std::string carol = get + "Authorization: Bearer carol-token\r\n\r\n";
  for (auto& stream : flood) CO_TRY_STATUS(co_await stream->write(bob, stop));
  CO_TRY_STATUS(co_await quiet->write(carol, stop));
  char buffer[4096];
  CO_TRY(auto n, co_await quiet->read(buffer, stop));
  if (!std::string_view(buffer, n).starts_with("HTTP/1.1 403 ")) {
    co_return badRequest(std::string(buffer, n));
  }
  const auto until = dispatched() - before;
  // The others are answered as well.
  for (auto& stream : flood) CO_TRY_STATUS((co_await stream->read(buffer, stop)).status());
  if (dispatched() - before != kFlood + 1) co_return badRequest("some were not served");
  co_return until;
}

TEST_F(Load, AFloodOfConnectionsDoesNotHoldUpAnotherUser) {
  start({});
  auto served = run(floodAndAsk(reactor_, *server_, *flow_, kMaps));
  ASSERT_TRUE(served.ok()) << served.status().toString();
  // It came last, and did not wait for all that came before.
  EXPECT_LT(*served, 60u);
}

TEST_F(Load, AuditTellsWhoDidWhat) {
  audit(
      "rules:\n"
      "- {level: None, nonResourceURLs: [/healthz]}\n"
      "- {level: RequestResponse, verbs: [create, update, patch]}\n"
      "- {level: Metadata}\n");
  start({});
  EXPECT_EQ(send("GET", "/healthz", "", {{"Audit-Id", "health"}}).code, 200);
  auto made = send("POST", std::string(kMaps) + "?fieldManager=me",
                   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n",
                   {{"Content-Type", "application/yaml"},
                    {"Audit-Id", "create"},
                    {"User-Agent", "test/1"},
                    {"X-Forwarded-For", "192.0.2.1, 192.0.2.2"}});
  ASSERT_EQ(made.code, 201);
  EXPECT_EQ(
      send("GET", std::string(kMaps) + "/a", "", {{"Audit-Id", "forbidden"}}, "bob-token").code,
      403);
  EXPECT_EQ(send("GET", std::string(kMaps) + "/a", "", {{"Audit-Id", "who"}}, "wrong").code, 401);
  EXPECT_EQ(
      send("GET", std::string(kMaps) + "?watch=true&timeoutSeconds=1", "", {{"Audit-Id", "watch"}})
          .code,
      200);
  EXPECT_EQ(send("PATCH", std::string(kMaps) + "/missing", "{}",
                 {{"Audit-Id", "patch"}, {"Content-Type", "application/merge-patch+json"}})
                .code,
            404);

  EXPECT_EQ(send("GET", std::string(kMaps) + "/a", "",
                 {{"Audit-Id", "as"}, {"Impersonate-User", "carol"}})
                .code,
            403);

  // An event follows its answer: the last one's is surely there after one more request.
  EXPECT_EQ(send("GET", "/version").code, 200);
  EXPECT_EQ(text(event("health", "ResponseComplete"), "/stage"), "<absent>");

  auto received = event("create", "RequestReceived");
  EXPECT_EQ(text(received, "/level"), "RequestResponse");
  EXPECT_EQ(text(received, "/responseStatus"), "<absent>");
  auto created = event("create", "ResponseComplete");
  EXPECT_EQ(text(created, "/kind"), "Event");
  EXPECT_EQ(text(created, "/verb"), "create");
  EXPECT_EQ(text(created, "/requestURI"), std::string(kMaps) + "?fieldManager=me");
  EXPECT_EQ(text(created, "/user/username"), "admin");
  EXPECT_EQ(text(created, "/sourceIPs"), R"(["192.0.2.1","192.0.2.2","127.0.0.1"])");
  EXPECT_EQ(text(created, "/userAgent"), "test/1");
  EXPECT_EQ(text(created, "/objectRef"),
            R"({"apiVersion":"v1","name":"a","namespace":"default","resource":"configmaps"})");
  EXPECT_EQ(text(created, "/responseStatus"), R"({"code":201,"metadata":{}})");
  EXPECT_EQ(text(created, "/requestObject/data/k"), "v");
  EXPECT_EQ(text(created, "/responseObject/kind"), "ConfigMap");
  EXPECT_NE(text(created, "/responseObject/metadata/uid"), "<absent>");
  EXPECT_EQ(text(created, "/annotations/authorization.k8s.io~1decision"), "allow");
  EXPECT_NE(text(created, "/requestReceivedTimestamp"), "null");

  auto forbidden = event("forbidden", "ResponseComplete");
  EXPECT_EQ(text(forbidden, "/user/username"), "bob");
  EXPECT_EQ(text(forbidden, "/responseStatus/code"), "403");
  EXPECT_EQ(text(forbidden, "/responseStatus/reason"), "Forbidden");
  EXPECT_EQ(text(forbidden, "/annotations/authorization.k8s.io~1decision"), "forbid");
  EXPECT_EQ(text(forbidden, "/responseObject"), "<absent>");

  auto unknown = event("who", "ResponseStarted");
  EXPECT_EQ(text(unknown, "/responseStatus/code"), "401");
  EXPECT_EQ(text(unknown, "/responseStatus/message"), "Authentication failed, attempted: bearer");

  EXPECT_EQ(text(event("watch", "ResponseStarted"), "/responseStatus/code"), "200");
  EXPECT_EQ(text(event("watch", "ResponseComplete"), "/verb"), "watch");
  EXPECT_EQ(text(event("create", "ResponseStarted"), "/stage"), "<absent>");

  auto as = event("as", "ResponseComplete");
  EXPECT_EQ(text(as, "/user/username"), "admin");
  EXPECT_EQ(text(as, "/impersonatedUser/username"), "carol");
  EXPECT_EQ(text(as, "/responseStatus/reason"), "Forbidden");

  auto patched = event("patch", "ResponseComplete");
  EXPECT_EQ(text(patched, "/requestObject"), "{}");
  EXPECT_EQ(text(patched, "/responseObject/reason"), "NotFound");
}

TEST_F(Load, FiguresHaveUpstreamsNames) {
  start({});
  ASSERT_EQ(post("m").code, 201);
  EXPECT_EQ(send("GET", std::string(kMaps) + "/m").code, 200);
  EXPECT_EQ(send("GET", std::string(kMaps) + "/m").code, 200);
  EXPECT_EQ(send("BREW", "/version").code, 405);
  const auto metrics = send("GET", "/metrics").body;
  for (const char* wanted : {
           "apiserver_request_total{code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\","
           "resource=\"configmaps\",scope=\"resource\",subresource=\"\",verb=\"GET\",version="
           "\"v1\"}"
           " 2\n",
           "verb=\"POST\",version=\"v1\"} 1\n",
           "apiserver_response_sizes_count{component=\"apiserver\",group=\"\",",
           "apiserver_request_duration_seconds_bucket{component=\"apiserver\",",
           "etcd_request_duration_seconds_count{operation=\"create\",type=\"configmaps\"} 1\n",
           "authenticated_user_requests{username=\"admin\"} ",
           "process_start_time_seconds ",
           "verb=\"other\"",
       }) {
    EXPECT_NE(metrics.find(wanted), std::string::npos) << wanted;
  }
  EXPECT_EQ(metrics.find("BREW"), std::string::npos);
  EXPECT_NE(send("GET", "/metrics/slis")
                .body.find("kubernetes_healthcheck{name=\"etcd\",type=\"readyz\"} 1\n"),
            std::string::npos);
}

TEST_F(Load, ReadinessEndsBeforeTheServerDoes) {
  start({});
  EXPECT_EQ(send("GET", "/readyz").code, 200);
  EXPECT_EQ(send("GET", "/readyz?exclude=bogus&verbose").body,
            "[+]ping ok\n[+]log ok\n[+]etcd ok\n[+]etcd-readiness ok\n[+]informer-sync ok\n"
            "[+]shutdown ok\nwarn: some health checks cannot be excluded: no matches for "
            "\"bogus\"\nreadyz check passed\n");
  EXPECT_TRUE(run(beginShutdown()).ok());
  auto ready = send("GET", "/readyz");
  EXPECT_EQ(ready.code, 500);
  EXPECT_NE(ready.body.find("[-]shutdown failed: reason withheld\nreadyz check failed\n"),
            std::string::npos)
      << ready.body;
  EXPECT_EQ(send("GET", "/readyz/shutdown").code, 500);
  EXPECT_EQ(send("GET", "/readyz?exclude=shutdown").code, 200);
  EXPECT_EQ(send("GET", "/livez").code, 200);
  EXPECT_EQ(send("GET", "/livez/shutdown").code, 404);
  EXPECT_EQ(post("still").code, 201);
}

}  // namespace
}  // namespace coxswain::apiserver
