#include "metrics_api/catalog.h"

#include <algorithm>
#include <tuple>

#include "base/log.h"
#include "runtime/spawn.h"

namespace coxswain::metrics_api {
namespace {

const Logger kLog("metrics_api");

constexpr const char* kNameLabel = "__name__";

auto keyOf(const Catalog::Custom& custom) {
  return std::make_tuple(qualifiedName(custom.resource), custom.metric, custom.namespaced);
}

bool sameCustom(const Catalog::Custom& a, const Catalog::Custom& b) {
  return keyOf(a) == keyOf(b) && a.from.series == b.from.series && a.from.rule == b.from.rule;
}

bool sameExternal(const Catalog::External& a, const Catalog::External& b) {
  return a.metric == b.metric && a.from.series == b.from.series && a.from.rule == b.from.rule;
}

/// Of objects that stand in no namespace; namespaces' own metrics are asked for otherwise.
bool isClusterWide(const KnownResource& resource) {
  return !resource.namespaced;
}

}  // namespace

std::string qualifiedName(const KnownResource& resource) {
  return resource.group.empty() ? resource.plural : resource.plural + "." + resource.group;
}

Catalog::Catalog(Executor& executor, Prometheus& prometheus, RuleSet rules, ResourceFinder finder,
                 Options options)
    : executor_(executor),
      prometheus_(prometheus),
      rules_(std::move(rules)),
      finder_(std::move(finder)),
      options_(options) {}

Task<Status> Catalog::fresh(std::stop_token stop) {
  return freshSince(options_.relist, std::move(stop));
}

Task<Status> Catalog::freshSince(Duration age, std::stop_token stop) {
  const auto asked = executor_.now();
  if (listedAt_ && asked - *listedAt_ < age) co_return Status();
  CO_TRY_STATUS(co_await one_.acquire(stop));
  Status listed;
  // Somebody else may have done it meanwhile.
  if (!listedAt_ || asked - *listedAt_ >= age) listed = co_await list(stop);
  one_.release();
  co_return listed;
}

void Catalog::refresh() {
  if (listedAt_ && executor_.now() - *listedAt_ < options_.relist) return;
  if (one_.available() == 0) return;
  auto pass = gate_.enter();
  if (pass) spawn(executor_, listBehind(std::move(pass)));
}

Task<void> Catalog::listBehind(Gate::Pass pass) {
  Status listed = co_await fresh(stop_.get_token());
  if (!listed.ok() && !stop_.stop_requested()) {
    kLog.warn("Prometheus' series cannot be listed", {{"why", listed}});
  }
}

Task<void> Catalog::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

Task<Status> Catalog::list(std::stop_token stop) {
  std::vector<Custom> customs;
  std::vector<External> externals;
  CO_TRY_STATUS(co_await listRules(rules_.rules, false, customs, externals, stop));
  CO_TRY_STATUS(co_await listRules(rules_.externalRules, true, customs, externals, stop));
  // Of several rules for one metric the first counts.
  std::ranges::stable_sort(customs, {}, keyOf);
  const auto twice = std::ranges::unique(customs, {}, keyOf);
  customs.erase(twice.begin(), twice.end());
  std::ranges::stable_sort(externals, {}, &External::metric);
  const auto again = std::ranges::unique(externals, {}, &External::metric);
  externals.erase(again.begin(), again.end());
  const bool same = std::ranges::equal(customs, custom_, sameCustom) &&
                    std::ranges::equal(externals, external_, sameExternal);
  if (!same) {
    custom_ = std::move(customs);
    external_ = std::move(externals);
    ++edition_;
  }
  listedAt_ = executor_.now();
  co_return Status();
}

Task<Status> Catalog::listRules(const std::vector<Rule>& rules, bool external,
                                std::vector<Custom>& customs, std::vector<External>& externals,
                                std::stop_token stop) {
  const auto since = executor_.wallNow() - options_.relist;
  for (const auto& rule : rules) {
    CO_TRY(const auto all, co_await prometheus_.series(rule.seriesQuery, since, stop));
    for (const auto& labels : all) {
      const auto name = labels.find(kNameLabel);
      if (name == labels.end()) continue;
      const auto metric = rule.metricOf(name->second);
      if (!metric || metric->empty()) continue;
      if (external) {
        externals.push_back({*metric, {name->second, &rule}});
      } else {
        addCustom(rule, labels, *metric, customs);
      }
    }
  }
  co_return Status();
}

void Catalog::addCustom(const Rule& rule, const SeriesLabels& labels, const std::string& metric,
                        std::vector<Custom>& to) const {
  std::vector<KnownResource> named;
  bool inNamespace = false;
  for (const auto& [label, value] : labels) {
    const auto resource = label == kNameLabel ? std::nullopt : rule.resourceOf(label);
    auto known = resource ? finder_(*resource) : std::nullopt;
    if (!known) continue;
    inNamespace = inNamespace || known->plural == "namespaces";
    named.push_back(std::move(*known));
  }
  for (auto& resource : named) {
    const bool namespaced = inNamespace && !isClusterWide(resource);
    to.push_back({std::move(resource), metric, namespaced, {labels.at(kNameLabel), &rule}});
  }
}

const Catalog::Custom* Catalog::lookUp(std::string_view resource, std::string_view metric,
                                       bool namespaced) const {
  for (const auto& each : custom_) {
    if (each.metric == metric && each.namespaced == namespaced &&
        qualifiedName(each.resource) == resource) {
      return &each;
    }
  }
  return nullptr;
}

Task<Result<const Catalog::Custom*>> Catalog::findCustom(std::string resource, std::string metric,
                                                         bool namespaced, std::stop_token stop) {
  CO_TRY_STATUS(co_await fresh(stop));
  const auto* found = lookUp(resource, metric, namespaced);
  if (found) co_return found;
  CO_TRY_STATUS(co_await freshSince(options_.relistAtLeast, stop));
  co_return lookUp(resource, metric, namespaced);
}

Task<Result<const Catalog::External*>> Catalog::findExternal(std::string metric,
                                                             std::stop_token stop) {
  const auto lookUpHere = [this, &metric]() -> const External* {
    const auto found = std::ranges::find(external_, metric, &External::metric);
    return found == external_.end() ? nullptr : &*found;
  };
  CO_TRY_STATUS(co_await fresh(stop));
  const auto* found = lookUpHere();
  if (found) co_return found;
  CO_TRY_STATUS(co_await freshSince(options_.relistAtLeast, stop));
  co_return lookUpHere();
}

}  // namespace coxswain::metrics_api
