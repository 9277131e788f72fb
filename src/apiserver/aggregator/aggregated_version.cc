#include "apiserver/aggregator/aggregated_version.h"

#include <algorithm>

#include "apiserver/aggregator/remote_documents.h"
#include "apiserver/aggregator/service_endpoints.h"
#include "apiserver/generic/generic_registry.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::apiregistration::v1::APIService;
using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;

constexpr Duration kCheckEvery = 30s;
constexpr Duration kRetryMin = 250ms;
constexpr Duration kWatchAgain = 1s;
constexpr Duration kAnswerMax = 6s;
constexpr size_t kAttemptsMax = 5;
constexpr size_t kDocumentBytesMax = 8U << 20;

std::string pathOf(const api::apiregistration::v1::APIServiceSpec& spec) {
  return "/apis/" + spec.group + "/" + spec.version;
}

/// As somebody who may read everything there.
net::ClientRequest ownRequest(std::string target) {
  net::ClientRequest request;
  request.target = std::move(target);
  request.headers = {{"Accept", "application/json"},
                     {"X-Remote-User", "system:kube-aggregator"},
                     {"X-Remote-Group", "system:masters"}};
  return request;
}

}  // namespace

void AggregatedVersion::start(Gate& gate) {
  auto self = shared_from_this();
  const auto& service = *object_->spec.service;
  client::WatchOptions one;
  one.fieldSelector = "metadata.name=" + service.name;
  one.allowBookmarks = false;
  client::WatchOptions slices;
  slices.labelSelector = "kubernetes.io/service-name=" + service.name;
  slices.allowBookmarks = false;
  spawn(sources_.executor,
        follow(client::resourceOf<Service>(), std::move(one), self, gate.enter()));
  spawn(sources_.executor,
        follow(client::resourceOf<EndpointSlice>(), std::move(slices), self, gate.enter()));
  spawn(sources_.executor, run(self, gate.enter()));
}

void AggregatedVersion::setObject(Object object) {
  object_ = std::move(object);
  if (!verdict_.status.empty() && !isTold(verdict_)) wake_.set();
}

Result<std::shared_ptr<net::HttpClient>> AggregatedVersion::connection() {
  if (endpoints_.empty() || !sources_.remotes) return serviceUnavailable("service unavailable");
  const auto& endpoint = endpoints_[turn_++ % endpoints_.size()];
  return sources_.remotes->client(object_->metadata.name, object_->spec, endpoint);
}

void AggregatedVersion::appendServed(std::vector<ServedResource>& to) const {
  const auto& spec = object_->spec;
  const auto add = [&](ServedResource each) {
    each.groupPriority = spec.groupPriorityMinimum;
    each.versionPriority = spec.versionPriority;
    each.stale = !available() || discoveryText_.empty();
    to.push_back(std::move(each));
  };
  for (const auto& each : resources_) add(each);
  if (!resources_.empty()) return;
  ServedResource nothing;
  nothing.group = spec.group;
  nothing.version = spec.version;
  add(std::move(nothing));
}

Task<void> AggregatedVersion::follow(const client::ResourceType& type, client::WatchOptions options,
                                     Self self, Gate::Pass pass) {
  auto stop = stop_.get_token();
  const auto ns = object_->spec.service->namespace_;
  while (!stop.stop_requested()) {
    auto watch = co_await sources_.client.watch(type, ns, options, stop);
    while (watch.ok()) {
      auto event = co_await (*watch)->next(stop);
      if (!event.ok()) break;
      wake_.set();
    }
    Status slept = co_await sleepFor(kWatchAgain, stop);
    if (!slept.ok()) break;
  }
}

Task<void> AggregatedVersion::run(Self self, Gate::Pass pass) {
  auto stop = stop_.get_token();
  Duration pause = kRetryMin;
  while (!stop.stop_requested()) {
    wake_.reset();
    const auto text = discoveryText_;
    const auto url = openApiUrl_;
    auto verdict = co_await check(stop);
    if (stop.stop_requested()) break;
    const bool changed =
        verdict.status != verdict_.status || text != discoveryText_ || url != openApiUrl_;
    verdict_ = std::move(verdict);
    if (changed) sources_.changed();
    Status written = co_await writeVerdict(stop);
    const bool good = available() && written.ok();
    pause = good ? kRetryMin : std::min(pause * 2, kCheckEvery);
    Deadline deadline(good ? kCheckEvery : pause, stop);
    // Woken, or it is time: the same.
    Status woken = co_await wake_.wait(deadline.token());
  }
}

Task<AggregatedVersion::Verdict> AggregatedVersion::check(std::stop_token stop) {
  auto found = co_await findServiceEndpoints(sources_.client, *object_->spec.service, stop);
  endpoints_ = std::move(found.endpoints);
  if (!found.reason.empty()) co_return Verdict{found.status, found.reason, found.message};
  Status failure = serviceUnavailable("aggregated servers cannot be reached from this process");
  const auto attempts = sources_.remotes ? std::min(endpoints_.size(), kAttemptsMax) : 0;
  for (size_t i = 0; i < attempts; ++i) {
    failure = co_await discover(endpoints_[i], stop);
    if (failure.ok()) co_return Verdict{"True", "Passed", "all checks passed"};
  }
  co_return Verdict{"False", "FailedDiscoveryCheck", failure.message()};
}

Task<Status> AggregatedVersion::discover(std::string endpoint, std::stop_token stop) {
  const auto path = pathOf(object_->spec);
  const auto url = "https://" + endpoint + path;
  Deadline deadline(kAnswerMax, stop);
  auto client = sources_.remotes->client(object_->metadata.name, object_->spec, endpoint);
  if (!client.ok()) co_return client.status();
  auto answer = co_await (*client)->send(ownRequest(path), deadline.token());
  if (deadline.expired()) co_return timeoutError("timed out waiting for " + url);
  const auto failing = "failing or missing response from " + url + ": ";
  if (!answer.ok()) co_return unreachable(failing + answer.status().message());
  if ((*answer)->status < 200 || (*answer)->status >= 300) {
    co_return unreachable(failing + "bad status from " + url + ": " +
                          std::to_string((*answer)->status));
  }
  auto text = co_await (*answer)->body().readAll(kDocumentBytesMax, deadline.token());
  if (!text.ok()) co_return unreachable(failing + text.status().message());
  if (*text != discoveryText_) {
    auto resources = resourcesOf(*text, object_->spec.group, object_->spec.version);
    // It serves something; what, it does not tell in a way that others could be told.
    discoveryText_ = resources.ok() ? std::move(*text) : std::string();
    resources_ = resources.ok() ? std::move(*resources) : std::vector<ServedResource>();
  }
  co_await readOpenApi(std::move(*client), deadline.token());
  co_return Status();
}

Task<void> AggregatedVersion::readOpenApi(std::shared_ptr<net::HttpClient> client,
                                          std::stop_token stop) {
  auto answer = co_await client->send(ownRequest("/openapi/v3"), stop);
  if (!answer.ok()) co_return;
  std::string found;
  if ((*answer)->status == 200) {
    auto text = co_await (*answer)->body().readAll(kDocumentBytesMax, stop);
    if (!text.ok()) co_return;
    found = openApiUrlOf(*text, pathOf(object_->spec).substr(1));
  }
  openApiUrl_ = std::move(found);
}

bool AggregatedVersion::isTold(const Verdict& verdict) const {
  return std::ranges::any_of(object_->status.conditions, [&](const auto& each) {
    return each.type == api::apiregistration::v1::kAvailable &&
           Verdict{each.status, each.reason, each.message} == verdict;
  });
}

Task<Status> AggregatedVersion::writeVerdict(std::stop_token stop) {
  if (isTold(verdict_)) co_return Status();
  APIService next = *object_;
  auto& conditions = next.status.conditions;
  auto found = std::ranges::find(conditions, api::apiregistration::v1::kAvailable,
                                 &api::apiregistration::v1::APIServiceCondition::type);
  if (found == conditions.end()) {
    found = conditions.emplace(found);
    found->type = api::apiregistration::v1::kAvailable;
  }
  if (found->status != verdict_.status) found->lastTransitionTime = registryNow();
  found->status = verdict_.status;
  found->reason = verdict_.reason;
  found->message = verdict_.message;
  auto updated =
      co_await client::update<APIService>(sources_.client, std::move(next), "status", stop);
  if (!updated.ok()) co_return updated.status();
  object_ = std::move(*updated);
  co_return Status();
}

}  // namespace coxswain::apiserver
