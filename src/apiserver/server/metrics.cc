#include "apiserver/server/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <unordered_map>
#include <vector>

#include "apiserver/server/exchange.h"
#include "apiserver/server/process_metrics.h"

namespace coxswain::apiserver {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array<double, 23> kDurations = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8,
                                               1,     1.25,  1.5,  2,   3,   4,   5,   6,
                                               8,     10,    15,   20,  30,  45,  60};
constexpr std::array<double, 7> kSizes = {1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

/// Bound on label sets that requests can make.
constexpr size_t kSeriesMax = 10000;

constexpr std::array<std::string_view, 7> kMethods = {"GET",    "POST", "PUT",    "PATCH",
                                                      "DELETE", "HEAD", "OPTIONS"};

std::string upper(std::string_view text) {
  std::string out;
  for (char c : text) out.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  return out;
}

/// As upstream names verbs in its metrics. Methods are the client's: few are told.
std::string metricVerb(const Exchange& exchange) {
  const auto& verb = exchange.info.verb;
  if (!exchange.resource) {
    const auto& method = exchange.request.method;
    const bool known = std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
    return known ? method : "other";
  }
  if (verb == "create") return "POST";
  if (verb == "update") return "PUT";
  return upper(verb);
}

std::string methodOf(std::string_view verb) {
  if (verb == "create") return "POST";
  if (verb == "update") return "PUT";
  if (verb == "patch") return "PATCH";
  return verb == "delete" ? "DELETE" : "GET";
}

constexpr const char* kRequestsHelp = "Requests by verb, resource and code";

constexpr std::array<std::string_view, 3> kScopes = {"cluster", "namespace", "resource"};

std::string_view metricUser(std::string_view name) {
  for (std::string_view known :
       {"admin", "client", "kube_proxy", "kubelet", "system:serviceaccount:kube-system:default"}) {
    if (name == known) return known;
  }
  return name.find('@') != std::string_view::npos ? "email_id" : "other";
}

/// Looks up by views.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename T>
using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

/// What tells requests of different labels apart, without an allocation. Longer ones are cut: their
/// labels are none of ours.
class Key {
 public:
  Key& add(std::string_view part) {
    const auto size = std::min(part.size(), text_.size() - size_);
    std::copy_n(part.data(), size, text_.data() + size_);
    size_ += size;
    if (size_ < text_.size()) text_[size_++] = '|';
    return *this;
  }
  Key& add(int64_t number) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return add(std::string_view(digits, static_cast<size_t>(end - digits)));
  }
  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 192> text_;
  size_t size_ = 0;
};

/// Gathers families for the serializer.
class Families final : public MetricSink {
 public:
  void counter(const char* name, const char* help, MetricLabels labels, double value) override {
    auto& metric = add(name, help, MetricType::Counter, std::move(labels));
    metric.counter.value = value;
  }
  void gauge(const char* name, const char* help, MetricLabels labels, double value) override {
    auto& metric = add(name, help, MetricType::Gauge, std::move(labels));
    metric.gauge.value = value;
  }
  [[nodiscard]] std::string text() const {
    std::vector<MetricFamily> all;
    for (const auto& [name, family] : families_) all.push_back(family);
    return prometheus::TextSerializer().Serialize(all);
  }

 protected:
  void putBuckets(const char* name, const char* help, MetricLabels labels,
                  std::vector<std::pair<double, uint64_t>> buckets, uint64_t count,
                  double sum) override {
    auto& metric = add(name, help, MetricType::Histogram, std::move(labels));
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = sum;
    for (const auto& [bound, below] : buckets) metric.histogram.bucket.push_back({below, bound});
  }

 private:
  ClientMetric& add(const char* name, const char* help, MetricType type, MetricLabels labels) {
    auto& family = families_[name];
    family.name = name;
    family.help = help;
    family.type = type;
    auto& metric = family.metric.emplace_back();
    std::sort(labels.begin(), labels.end());
    for (auto& [key, value] : labels) metric.label.push_back({std::move(key), std::move(value)});
    return metric;
  }
  std::map<std::string, MetricFamily> families_;
};

}  // namespace

struct ServerMetrics::Watches {
  const Resource* resource = nullptr;
  int64_t running = 0;
  uint64_t events = 0;
  uint64_t initial = 0;
  std::array<uint64_t, kScopes.size()> ended = {};
};

struct ServerMetrics::Series {
  /// Requests of one set of labels but the code.
  struct Kind {
    MetricLabels labels;
    Histogram<kDurations> durations;
    Histogram<kSizes> sizes;
    std::vector<std::pair<int, uint64_t>> byCode;
  };
  struct Own {
    std::string group;
    std::string resource;
    std::string verb;
    int code = 0;
    uint64_t requests = 0;
  };

  std::string version;
  ByText<Kind> kinds;
  ByText<Own> own;
  ByText<uint64_t> users;
  uint64_t failedAttempts = 0;
  std::unordered_map<const Resource*, std::shared_ptr<Watches>> watches;
  std::vector<MetricSource> sources;

  void collect(MetricSink& sink) const;
  void collectWatches(MetricSink& sink) const;
  void collectOwn(MetricSink& sink) const;
};

ServerMetrics::ServerMetrics(const std::string& version) : series_(std::make_unique<Series>()) {
  series_->version = version;
}
ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::countUser(const Exchange& exchange, int code) {
  const auto& user = exchange.impersonator ? exchange.impersonator->name : exchange.user.name;
  if (!user.empty()) {
    const auto label = metricUser(user);
    auto known = series_->users.find(label);
    if (known == series_->users.end()) known = series_->users.emplace(label, 0).first;
    ++known->second;
  } else if (code == 401) {
    ++series_->failedAttempts;
  }
}

void ServerMetrics::count(const Exchange& exchange, int code, size_t bytes, MonotonicTime start,
                          MonotonicTime now) {
  countUser(exchange, code);
  const auto& info = exchange.info;
  const auto* resource = exchange.resource;
  const auto subresource = resource ? std::string_view(info.subresource) : std::string_view();
  const auto scope =
      resource ? kScopes[static_cast<size_t>(scopeOf(info.ns, info.name))] : std::string_view();
  const std::string_view dryRun = exchange.dryRun ? "All" : "";
  Key key;
  key.add(reinterpret_cast<intptr_t>(resource)).add(info.verb).add(subresource).add(scope);
  key.add(dryRun);
  auto found = series_->kinds.find(key.view());
  if (found == series_->kinds.end()) {
    if (series_->kinds.size() >= kSeriesMax) return;
    Series::Kind kind;
    kind.labels = {{"component", "apiserver"},
                   {"dry_run", std::string(dryRun)},
                   {"group", resource ? std::string(resource->group) : ""},
                   {"resource", resource ? std::string(resource->plural) : ""},
                   {"scope", std::string(scope)},
                   {"subresource", std::string(subresource)},
                   {"verb", metricVerb(exchange)},
                   {"version", resource ? std::string(resource->version) : ""}};
    found = series_->kinds.emplace(key.view(), std::move(kind)).first;
  }
  auto& kind = found->second;
  auto byCode = std::find_if(kind.byCode.begin(), kind.byCode.end(),
                             [code](const auto& one) { return one.first == code; });
  if (byCode == kind.byCode.end()) byCode = kind.byCode.insert(byCode, {code, 0});
  ++byCode->second;
  if (info.verb == "watch") return;
  kind.durations.observe(std::chrono::duration<double>(now - start).count());
  if (info.verb == "get" || info.verb == "list") kind.sizes.observe(static_cast<double>(bytes));
}

void ServerMetrics::countOwn(std::string_view group, std::string_view resource,
                             std::string_view verb, int code) {
  Key key;
  key.add(group).add(resource).add(verb).add(code);
  auto found = series_->own.find(key.view());
  if (found == series_->own.end()) {
    if (series_->own.size() >= kSeriesMax) return;
    Series::Own own;
    own.group = group;
    own.resource = resource;
    own.verb = verb;
    own.code = code;
    found = series_->own.emplace(key.view(), std::move(own)).first;
  }
  ++found->second.requests;
}

ServerMetrics::Scope ServerMetrics::scopeOf(std::string_view ns, std::string_view name) {
  if (!name.empty()) return Scope::Resource;
  return ns.empty() ? Scope::Cluster : Scope::Namespace;
}

ServerMetrics::Watching ServerMetrics::beginWatch(const Resource& resource, Scope scope) {
  auto& watches = series_->watches[&resource];
  if (!watches) watches = std::make_shared<Watches>();
  watches->resource = &resource;
  return {watches, scope};
}

ServerMetrics::Watching::Watching(std::shared_ptr<Watches> watches, Scope scope)
    : watches_(std::move(watches)), scope_(scope) {
  ++watches_->running;
}
ServerMetrics::Watching::~Watching() {
  if (!watches_) return;
  --watches_->running;
  if (scope_ != Scope::Own) ++watches_->ended[static_cast<size_t>(scope_)];
}
void ServerMetrics::Watching::event() {
  ++watches_->events;
}
void ServerMetrics::Watching::initialEvent() {
  ++watches_->initial;
}

void ServerMetrics::addSource(MetricSource source) {
  series_->sources.push_back(std::move(source));
}

void ServerMetrics::Series::collectWatches(MetricSink& sink) const {
  for (const auto& [resource, all] : watches) {
    const MetricLabels labels = {{"group", std::string(resource->group)},
                                 {"resource", std::string(resource->plural)},
                                 {"version", std::string(resource->version)}};
    auto verb = labels;
    verb.insert(verb.end(), {{"component", "apiserver"}, {"subresource", ""}, {"verb", "WATCH"}});
    for (size_t scope = 0; scope < kScopes.size(); ++scope) {
      if (all->ended[scope] == 0) continue;
      auto ended = verb;
      ended.insert(ended.end(),
                   {{"code", "200"}, {"dry_run", ""}, {"scope", std::string(kScopes[scope])}});
      sink.counter("apiserver_request_total", kRequestsHelp, std::move(ended),
                   static_cast<double>(all->ended[scope]));
    }
    auto running = verb;
    running.emplace_back("scope", "cluster");
    sink.gauge("apiserver_longrunning_requests", "Watches that are open", std::move(running),
               static_cast<double>(all->running));
    sink.counter("apiserver_watch_events_total", "Events sent to watches", labels,
                 static_cast<double>(all->events));
    sink.counter("apiserver_init_events_total", "Objects that watches began with", labels,
                 static_cast<double>(all->initial));
  }
}

void ServerMetrics::Series::collectOwn(MetricSink& sink) const {
  std::map<MetricLabels, uint64_t> byVerb;
  std::map<MetricLabels, uint64_t> byCode;
  for (const auto& [key, one] : own) {
    byVerb[{{"group", one.group}, {"resource", one.resource}, {"verb", upper(one.verb)}}] +=
        one.requests;
    byCode[{{"code", std::to_string(one.code)},
            {"host", "in-process"},
            {"method", methodOf(one.verb)}}] += one.requests;
  }
  for (const auto& [labels, requests] : byVerb) {
    sink.counter("apiserver_selfrequest_total", "Requests of clients within this process", labels,
                 static_cast<double>(requests));
  }
  for (const auto& [labels, requests] : byCode) {
    sink.counter("rest_client_requests_total", "Requests of clients within this process", labels,
                 static_cast<double>(requests));
  }
}

void ServerMetrics::Series::collect(MetricSink& sink) const {
  for (const auto& [key, kind] : kinds) {
    for (const auto& [code, requests] : kind.byCode) {
      auto labels = kind.labels;
      labels.emplace_back("code", std::to_string(code));
      sink.counter("apiserver_request_total", kRequestsHelp, std::move(labels),
                   static_cast<double>(requests));
    }
    if (kind.durations.count() > 0) {
      sink.histogram("apiserver_request_duration_seconds",
                     "Time from a request to its answer, watches left out", kind.labels,
                     kind.durations);
    }
    if (kind.sizes.count() > 0) {
      auto labels = kind.labels;
      std::erase_if(labels, [](const auto& label) { return label.first == "dry_run"; });
      sink.histogram("apiserver_response_sizes", "Bytes of answers to reads", std::move(labels),
                     kind.sizes);
    }
  }
  collectOwn(sink);
  double attempts = 0;
  for (const auto& [user, requests] : users) {
    attempts += static_cast<double>(requests);
    sink.counter("authenticated_user_requests", "Requests by kinds of users", {{"username", user}},
                 static_cast<double>(requests));
  }
  sink.counter("authentication_attempts", "Requests by whether their user is known",
               {{"result", "success"}}, attempts);
  sink.counter("authentication_attempts", "Requests by whether their user is known",
               {{"result", "failure"}}, static_cast<double>(failedAttempts));
  collectWatches(sink);
  sink.gauge("kubernetes_build_info", "Which build this is",
             {{"major", "1"}, {"minor", "36"}, {"git_version", "v1.36.2+coxswain" + version}}, 1);
}

std::string ServerMetrics::text() const {
  Families families;
  series_->collect(families);
  collectProcess(families);
  for (const auto& source : series_->sources) source(families);
  return families.text();
}

std::string metricsText(const MetricSource& source) {
  Families families;
  source(families);
  return families.text();
}

}  // namespace coxswain::apiserver
