#include "scheduler/extenders/extender.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"

namespace coxswain::scheduler {

bool Extender::isInterested(const PodInfo& pod) const {
  const auto& managed = config_.managedResources;
  if (managed.empty()) return true;
  const auto asks = [&](const api::core::v1::Container& container) {
    return std::any_of(managed.begin(), managed.end(), [&](const auto& resource) {
      return container.resources.requests.contains(resource.name) ||
             container.resources.limits.contains(resource.name);
    });
  };
  const auto& spec = pod.pod->spec;
  return std::any_of(spec.containers.begin(), spec.containers.end(), asks) ||
         std::any_of(spec.initContainers.begin(), spec.initContainers.end(), asks);
}

Task<Result<FilterAnswer>> Extender::filter(PodInfoPtr pod, std::vector<ExtenderNode> nodes,
                                            std::stop_token stop) {
  CO_TRY(const auto text,
         co_await transport_->post(config_.filterVerb,
                                   encodeExtenderArgs(*pod->pod, nodes, isCached()), stop));
  CO_TRY(auto answer, decodeFilterResult(text, isCached()));
  std::unordered_set<std::string_view> known;
  for (const auto& node : nodes) known.insert(node.name);
  for (const auto& name : answer.nodes) {
    if (!known.contains(name))
      co_return internalError("extender \"" + config_.urlPrefix + "\" claims a filtered node \"" +
                              name + "\" which is not found in the input node list");
  }
  co_return answer;
}

Task<Result<std::vector<std::pair<std::string, int64_t>>>> Extender::prioritize(
    PodInfoPtr pod, std::vector<ExtenderNode> nodes, std::stop_token stop) {
  CO_TRY(const auto text,
         co_await transport_->post(config_.prioritizeVerb,
                                   encodeExtenderArgs(*pod->pod, nodes, isCached()), stop));
  co_return decodePriorities(text);
}

Task<Status> Extender::bind(PodInfoPtr pod, std::string node, std::stop_token stop) {
  CO_TRY(const auto text,
         co_await transport_->post(config_.bindVerb, encodeBindingArgs(*pod->meta, node), stop));
  co_return decodeBindingResult(text);
}

Task<Result<VictimsByNode>> Extender::preempt(PodInfoPtr pod, VictimsByNode victims,
                                              std::stop_token stop) {
  CO_TRY(const auto text,
         co_await transport_->post(config_.preemptVerb,
                                   encodePreemptionArgs(*pod->pod, victims, isCached()), stop));
  co_return decodePreemptionResult(text);
}

Result<std::vector<std::unique_ptr<Extender>>> makeExtenders(
    std::vector<config::v1::Extender> configs, ExtenderTransports& transports) {
  std::stable_partition(configs.begin(), configs.end(),
                        [](const auto& config) { return !config.ignorable; });
  std::vector<std::unique_ptr<Extender>> out;
  for (auto& config : configs) {
    auto transport = transports.open(config);
    if (!transport.ok())
      return transport.status().withContext("extender \"" + config.urlPrefix + "\"");
    out.push_back(std::make_unique<Extender>(std::move(config), std::move(*transport)));
  }
  return out;
}

}  // namespace coxswain::scheduler
