// What one request costs the API server, from the bytes of its path and body to the bytes of its
// answer: authentication by token, flow control, RBAC (a user with a role, not a master), codecs,
// admission, validation, the memory store; without sockets and TLS. `allocs` is heap allocations
// (operator new) for one iteration, `bytes` the size of an answer.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <new>
#include <optional>

#include "apiserver/assembly/assembly.h"
#include "base/log.h"
#include "net/certs.h"
#include "net/text_body.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "storage/memory/memory_store.h"

namespace {
std::atomic<size_t> allocations{0};
std::atomic<int64_t> heldBytes{0};

void release(void* p) noexcept {
  heldBytes.fetch_sub(static_cast<int64_t>(malloc_usable_size(p)), std::memory_order_relaxed);
  std::free(p);
}
}  // namespace

void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* p = std::malloc(size);
  if (!p) throw std::bad_alloc();
  heldBytes.fetch_add(static_cast<int64_t>(malloc_usable_size(p)), std::memory_order_relaxed);
  return p;
}
void operator delete(void* p) noexcept {
  release(p);
}
void operator delete(void* p, size_t) noexcept {
  release(p);
}

namespace coxswain {
namespace {

constexpr int kPods = 1000;
constexpr int kWatchers = 1000;
constexpr std::string_view kCollection = "/api/v1/namespaces/default/pods";

/// Takes an answer and keeps what is counted of it.
class Sink final : public net::ResponseWriter, public net::LastingAnswer::Host {
 public:
  explicit Sink(Executor& executor) : executor_(executor) {}
  ~Sink() override { stop(); }
  Task<Status> start(int status, net::Headers) override {
    code = status;
    co_return Status();
  }
  Task<Status> write(std::string_view data) override {
    bytes += data.size();
    ++writes;
    co_return Status();
  }
  Task<Status> end(net::Headers) override { co_return Status(); }
  Task<Status> respond(int status, net::Headers, std::string body) override {
    code = status;
    bytes += body.size();
    if (status >= 300) text = std::move(body);
    co_return Status();
  }
  Task<Result<std::unique_ptr<net::Stream>>> upgrade(net::Headers) override {
    co_return badRequest("no upgrades");
  }
  [[nodiscard]] bool started() const override { return code != 0; }
  void goOnWith(std::shared_ptr<net::LastingAnswer> rest) override {
    rest_ = std::move(rest);
    rest_->setHost(this);
    wake();
  }
  void wake() override {
    again_ = true;
    if (!std::exchange(running_, true)) spawn(executor_, run());
  }
  void stop() {
    if (rest_) rest_->setHost(nullptr);
    rest_.reset();
  }

  int code = 0;
  size_t bytes = 0;
  size_t writes = 0;
  std::string text;

 private:
  Task<void> run() {
    while (rest_ && std::exchange(again_, false)) {
      auto more = co_await rest_->advance(*this);
      if (!more.ok() || !*more) stop();
    }
    running_ = false;
  }

  Executor& executor_;
  std::shared_ptr<net::LastingAnswer> rest_;
  bool running_ = false;
  bool again_ = false;
};

struct Call {
  std::string method = "GET";
  std::string path;
  std::string query = {};
  std::string body = {};
  std::string contentType = {};
  std::string accept = "application/json";
  std::string token = "user-token";
};

std::string podText(const std::string& name) {
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
         R"(","namespace":"default","labels":{"app":"web","tier":"front","pod-template-hash":"7d4b9c6f5d"},)"
         R"("annotations":{"example.com/config":"3f2a9d0c"}},"spec":{"containers":[{"name":"web",)"
         R"("image":"registry.example.com/web:1.2.3","args":["--listen=:8080","--verbose"],)"
         R"("env":[{"name":"MODE","value":"production"},{"name":"POD","valueFrom":{"fieldRef":)"
         R"({"fieldPath":"metadata.name"}}}],"ports":[{"name":"http","containerPort":8080}],)"
         R"("resources":{"requests":{"cpu":"100m","memory":"64Mi"},"limits":{"memory":"128Mi"}},)"
         R"("readinessProbe":{"httpGet":{"path":"/ready","port":"http"}},"volumeMounts":)"
         R"([{"name":"config","mountPath":"/etc/web"}]}],"volumes":[{"name":"config","configMap":)"
         R"({"name":"web"}}]}})";
}

/// A whole API server with a user who may do what the benchmarks do.
class Bench {
 public:
  Bench() {
    setLogLevel(LogLevel::Off);
    apiserver::AssemblyOptions options;
    options.tokens.issuer = "https://kubernetes.default.svc";
    options.tokens.signingKeyPem = *net::createKeyPem();
    auto tokens = apiserver::StaticTokens::parse(
        "admin-token,admin,1,\"system:masters\"\nuser-token,user,2\n");
    options.staticTokens = std::move(*tokens);
    auto made = apiserver::Assembly::create(executor_, *store_, random_, std::move(options));
    if (!made.ok()) fail(made.status().toString());
    assembly_ = std::move(*made);
    bool done = false;
    spawn(executor_, start(done));
    executor_.runUntil([&done] { return done; }, 1h);
    const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
    write({"POST", "/api/v1/namespaces/default/serviceaccounts", "",
           R"({"metadata":{"name":"default"}})"});
    write({"POST", rbac + "clusterroles", "",
           R"({"metadata":{"name":"pods"},"rules":[{"apiGroups":[""],"resources":["pods"],)"
           R"("verbs":["*"]}]})"});
    write({"POST", rbac + "clusterrolebindings", "",
           R"({"metadata":{"name":"pods"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io",)"
           R"("kind":"ClusterRole","name":"pods"},"subjects":[{"kind":"User","name":"user",)"
           R"("apiGroup":"rbac.authorization.k8s.io"}]})"});
    executor_.runFor(1s);
  }
  ~Bench() {
    stopWatches();
    bool done = false;
    spawn(executor_, stop(done));
    executor_.runUntil([&done] { return done; }, 1h);
  }

  /// Ends the program where the answer is not the wanted code.
  size_t call(const Call& call, int wanted) {
    bool done = false;
    Sink sink(executor_);
    spawn(executor_, serve(call, sink, done));
    executor_.runUntil([&done] { return done; }, 1min);
    if (sink.code != wanted) fail(call.path + ": " + std::to_string(sink.code) + " " + sink.text);
    return sink.bytes;
  }
  void write(Call what) {
    what.token = "admin-token";
    what.contentType = "application/json";
    call(what, 201);
  }
  void makePods(int count) {
    for (; pods_ < count; ++pods_) {
      Call create{"POST", std::string(kCollection), "", podText("pod-" + std::to_string(pods_)),
                  "application/json"};
      call(create, 201);
    }
  }
  /// One after the other: the server refuses so many at once from one user.
  void watch(int count, const Call& what) {
    while (static_cast<int>(sinks_.size()) < count) {
      sinks_.push_back(std::make_unique<Sink>(executor_));
      auto& sink = *sinks_.back();
      spawn(executor_, serve(what, sink, ended_));
      executor_.runUntil([&sink] { return sink.writes > 0; }, 1min);
      if (sink.writes == 0) fail("a watch that does not begin: " + std::to_string(sink.code));
    }
  }
  [[nodiscard]] size_t written() const {
    size_t all = 0;
    for (const auto& sink : sinks_) all += sink->writes;
    return all;
  }
  void settle() { executor_.runFor(1ms); }
  void stopWatches() {
    executor_.runFor(1s);
    sinks_.clear();
  }

 private:
  [[noreturn]] static void fail(const std::string& why) {
    std::cerr << "bench_requests: " << why << "\n";
    std::exit(1);
  }
  Task<void> start(bool& done) {
    Status started = co_await assembly_->start();
    if (!started.ok()) fail(started.toString());
    done = true;
  }
  Task<void> stop(bool& done) {
    co_await assembly_->stop();
    done = true;
  }
  Task<void> serve(Call call, Sink& sink, bool& done) {
    net::TextBody body(std::move(call.body));
    net::Request request;
    request.method = std::move(call.method);
    request.path = std::move(call.path);
    request.query = std::move(call.query);
    request.headers.add("Authorization", "Bearer " + call.token);
    request.headers.add("Accept", std::move(call.accept));
    request.headers.add("User-Agent", "bench/1");
    if (!call.contentType.empty()) request.headers.add("Content-Type", call.contentType);
    request.body = &body;
    request.peerAddress = "127.0.0.1:1";
    co_await assembly_->server().serve(request, sink);
    done = true;
  }

  sim::SimExecutor executor_;
  SeededRandom random_{1};
  std::unique_ptr<storage::Store> store_ = storage::makeMemoryStore({});
  std::unique_ptr<apiserver::Assembly> assembly_;
  int pods_ = 0;
  std::vector<std::unique_ptr<Sink>> sinks_;
  bool ended_ = false;
};

/// Runs `each` for every iteration and counts.
template <typename F>
void measure(benchmark::State& state, F each) {
  size_t bytes = 0;
  each(bytes);  // what is made once
  bytes = 0;
  const size_t before = allocations;
  for (auto _ : state) each(bytes);
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["allocs"] = static_cast<double>(allocations - before) / rounds;
  state.counters["bytes"] = static_cast<double>(bytes) / rounds;
}

void createPod(benchmark::State& state) {
  Bench bench;
  int n = 0;
  measure(state, [&](size_t& bytes) {
    Call create{"POST", std::string(kCollection), "", podText("new-" + std::to_string(n++)),
                "application/json"};
    bytes += bench.call(create, 201);
  });
}
BENCHMARK(createPod)->Unit(benchmark::kMicrosecond);

void getPod(benchmark::State& state) {
  Bench bench;
  bench.makePods(10);
  Call get{"GET", std::string(kCollection) + "/pod-1"};
  if (state.range(0) == 1) get.accept = "application/vnd.kubernetes.protobuf";
  measure(state, [&](size_t& bytes) { bytes += bench.call(get, 200); });
}
BENCHMARK(getPod)->ArgName("protobuf")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void mergePatch(benchmark::State& state) {
  Bench bench;
  bench.makePods(1);
  int n = 0;
  measure(state, [&](size_t& bytes) {
    Call patch{"PATCH", std::string(kCollection) + "/pod-0", "",
               R"({"metadata":{"annotations":{"n":")" + std::to_string(n++) + "\"}}}",
               "application/merge-patch+json"};
    bytes += bench.call(patch, 200);
  });
}
BENCHMARK(mergePatch)->Unit(benchmark::kMicrosecond);

void apply(benchmark::State& state) {
  Bench bench;
  const bool same = state.range(0) == 0;
  int n = 0;
  measure(state, [&](size_t& bytes) {
    auto text = podText("applied");
    text.replace(text.find("3f2a9d0c"), 8, same ? "00000000" : std::to_string(10000000 + n));
    const int wanted = n++ == 0 ? 201 : 200;
    Call patch{"PATCH", std::string(kCollection) + "/applied", "fieldManager=bench",
               std::move(text), "application/apply-patch+yaml"};
    bytes += bench.call(patch, wanted);
  });
}
BENCHMARK(apply)->ArgName("changes")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void listPods(benchmark::State& state) {
  Bench bench;
  bench.makePods(kPods);
  Call list{"GET", std::string(kCollection)};
  if (state.range(0) == 1) list.accept = "application/vnd.kubernetes.protobuf";
  measure(state, [&](size_t& bytes) { bytes += bench.call(list, 200); });
}
BENCHMARK(listPods)->ArgName("protobuf")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

/// One merge patch whose event goes to all watchers.
void event(benchmark::State& state) {
  Bench bench;
  bench.makePods(1);
  Call watch{"GET", std::string(kCollection), "watch=true&resourceVersion=0"};
  if (state.range(0) == 1) watch.accept = "application/vnd.kubernetes.protobuf;stream=watch";
  bench.watch(kWatchers, watch);
  const auto before = bench.written();
  int n = 0;
  measure(state, [&](size_t& bytes) {
    Call patch{"PATCH", std::string(kCollection) + "/pod-0", "",
               R"({"metadata":{"annotations":{"n":")" + std::to_string(n++) + "\"}}}",
               "application/merge-patch+json"};
    bytes += bench.call(patch, 200);
    bench.settle();
  });
  if (bench.written() - before != static_cast<size_t>(kWatchers) * n) {
    state.SkipWithError("some watchers saw nothing");
  }
  state.counters["watchers"] = kWatchers;
}
BENCHMARK(event)->ArgName("protobuf")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

/// Opens idle watches: what each holds on the heap while nothing happens, without its connection.
void idleWatch(benchmark::State& state) {
  Bench bench;
  Call watch{"GET", std::string(kCollection), "watch=true&allowWatchBookmarks=true"};
  bench.makePods(1);
  bench.watch(1, watch);
  const auto before = heldBytes.load();
  int open = 1;
  for (auto _ : state) bench.watch(++open, watch);
  state.counters["held"] = static_cast<double>(heldBytes - before) / (open - 1);
}
BENCHMARK(idleWatch)->Iterations(kWatchers)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace coxswain
