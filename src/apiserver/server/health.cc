#include "apiserver/server/health.h"

#include <algorithm>

#include "api/names/quote.h"

namespace coxswain::apiserver {
namespace {

constexpr size_t kReady = 2;

}  // namespace

void Health::add(std::string name, bool readyOnly, Check healthy) {
  Named check;
  check.name = std::move(name);
  check.readyOnly = readyOnly;
  check.healthy = std::move(healthy);
  checks_.push_back(std::move(check));
}

bool Health::ask(Named& check, size_t root) {
  const bool healthy = check.healthy();
  ++(healthy ? check.good : check.bad)[root];
  return healthy;
}

Health::Answer Health::answer(std::string_view path, std::vector<std::string> excluded,
                              bool verbose) {
  path.remove_prefix(1);
  const auto slash = path.find('/');
  const auto name = path.substr(0, slash);
  const auto one = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  const auto root =
      static_cast<size_t>(std::find(kRoots.begin(), kRoots.end(), name) - kRoots.begin());
  if (root == kRoots.size()) return {404, "404 page not found\n"};
  if (slash != std::string_view::npos) {
    for (auto& check : checks_) {
      if (check.name != one || (check.readyOnly && root != kReady)) continue;
      if (ask(check, root)) return {200, "ok"};
      return {500, "internal server error: " + check.name + " is not well\n"};
    }
    return {404, "404 page not found\n"};
  }
  std::string text;
  bool healthy = true;
  for (auto& check : checks_) {
    if (check.readyOnly && root != kReady) continue;
    if (auto found = std::find(excluded.begin(), excluded.end(), check.name);
        found != excluded.end()) {
      excluded.erase(found);
      text += "[+]" + check.name + " excluded: ok\n";
      continue;
    }
    const bool well = ask(check, root);
    healthy = healthy && well;
    text += well ? "[+]" + check.name + " ok\n" : "[-]" + check.name + " failed: reason withheld\n";
  }
  if (!excluded.empty()) {
    std::sort(excluded.begin(), excluded.end());
    text += "warn: some health checks cannot be excluded: no matches for ";
    for (size_t i = 0; i < excluded.size(); ++i) {
      text += (i > 0 ? "," : "") + api::goQuote(excluded[i]);
    }
    text += "\n";
  }
  if (healthy && !verbose) return {200, "ok"};
  text += std::string(name) + (healthy ? " check passed\n" : " check failed\n");
  return {healthy ? 200 : 500, std::move(text)};
}

void Health::collect(MetricSink& sink) const {
  for (const auto& check : checks_) {
    const double well = check.healthy() ? 1 : 0;
    for (size_t root = 0; root < kRoots.size(); ++root) {
      if (check.readyOnly && root != kReady) continue;
      const MetricLabels labels = {{"name", check.name}, {"type", std::string(kRoots[root])}};
      sink.gauge("kubernetes_healthcheck", "Whether a health check is well", labels, well);
      for (bool good : {true, false}) {
        const auto asked = (good ? check.good : check.bad)[root];
        if (!good && asked == 0) continue;
        auto more = labels;
        more.emplace_back("status", good ? "success" : "error");
        sink.counter("kubernetes_healthchecks_total", "Answers of health checks", std::move(more),
                     static_cast<double>(asked));
      }
    }
  }
}

}  // namespace coxswain::apiserver
