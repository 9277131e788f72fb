#include "controllers/podautoscaler/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "client/resources.h"
#include "controllers/framework/indices.h"

namespace coxswain::controllers::podautoscaler {

using api::autoscaling::v2::HorizontalPodAutoscaler;
using api::autoscaling::v2::MetricValueStatus;
using api::core::v1::Pod;

namespace {

Controller::Options controllerOptions(int workers) {
  Controller::Options o;
  o.name = "horizontal-pod-autoscaler";
  o.workers = workers;
  return o;
}

void setCondition(HorizontalPodAutoscaler& next, const char* type, bool holds, std::string reason,
                  std::string message, WallTime now) {
  auto& all = next.status.conditions;
  auto found = std::ranges::find_if(all, [type](const auto& each) { return each.type == type; });
  if (found == all.end()) {
    found = all.emplace(all.end());
    found->type = type;
  }
  const char* status = holds ? "True" : "False";
  if (found->status != status) {
    found->status = status;
    found->lastTransitionTime = api::Time(now);
  }
  found->reason = std::move(reason);
  found->message = std::move(message);
}

/// The collection of what an autoscaler points at.
Result<const client::ResourceType*> targetOf(const HorizontalPodAutoscaler& autoscaler) {
  const auto& target = autoscaler.spec.scaleTargetRef;
  const auto slash = target.apiVersion.find('/');
  const bool core = slash == std::string::npos;
  const auto group = core ? std::string() : target.apiVersion.substr(0, slash);
  const auto version = core ? target.apiVersion : target.apiVersion.substr(slash + 1);
  const auto* type = client::findResource(group, version, target.kind);
  if (type) return type;
  return badRequest(
      "unable to determine resource for scale target reference: no matches for kind \"" +
      target.kind + "\" in version \"" + target.apiVersion + "\"");
}

std::string referenceOf(const HorizontalPodAutoscaler& autoscaler) {
  const auto& target = autoscaler.spec.scaleTargetRef;
  return target.kind + "/" + autoscaler.metadata.namespace_ + "/" + target.name;
}

}  // namespace

PodAutoscaler::PodAutoscaler(const Context& context, Options options)
    : Controller(context, controllerOptions(options.workers)),
      options_(options),
      metrics_(context.client,
               options.metrics ? options.metrics : client::pathReaderOf(context.client),
               context.executor, options.period),
      autoscalers_(use<HorizontalPodAutoscaler>()),
      pods_(use<Pod>()) {
  addNamespaceIndex(pods_);
  autoscalers_.addHandler([this](const client::Change& change) {
    const auto key = client::objectKey(change.after ? change.after : change.before);
    // Those that are known look again by themselves; what we wrote ourselves is no news.
    const auto* before = change.before ? change.before.as<HorizontalPodAutoscaler>() : nullptr;
    const auto* after = change.after ? change.after.as<HorizontalPodAutoscaler>() : nullptr;
    if (before && after && before->spec == after->spec) return;
    queue().add(key);
  });
}

Counting PodAutoscaler::counting(const Autoscaler& autoscaler, int32_t current) const {
  Counting out;
  out.current = current;
  out.now = now();
  out.cpuInitialization = options_.cpuInitialization;
  out.initialReadinessDelay = options_.initialReadinessDelay;
  out.tolerance = {options_.tolerance, options_.tolerance};
  const auto own = [](const auto& rules, double& into) {
    if (rules && rules->tolerance) {
      into = rules->tolerance->asDouble();
    }
  };
  if (autoscaler.spec.behavior) {
    own(autoscaler.spec.behavior->scaleUp, out.tolerance.up);
    own(autoscaler.spec.behavior->scaleDown, out.tolerance.down);
  }
  return out;
}

Status PodAutoscaler::checkSelector(Autoscaler& next, Known& known, const std::string& text,
                                    Pods& pods) {
  const auto refuse = [&](const char* reason, std::string message, std::string error) {
    events().event(next, client::kEventWarning, reason, error);
    setCondition(next, "ScalingActive", false,
                 std::string(reason) == "SelectorRequired" ? "InvalidSelector" : reason,
                 std::move(message), now());
    return badRequest(std::move(error));
  };
  if (text.empty()) {
    return refuse("SelectorRequired", "the HPA target's scale is missing a selector",
                  "selector is required");
  }
  auto selector = api::LabelSelector::parse(text);
  if (!selector.ok()) {
    auto error = "couldn't convert selector into a corresponding internal selector object: " +
                 selector.status().message();
    return refuse("InvalidSelector", error, error);
  }
  known.pods = std::move(*selector);
  std::set<std::string> others;
  const auto prefix = next.metadata.namespace_ + "/";
  for (const auto& object : pods_.byIndex(kByNamespace, next.metadata.namespace_)) {
    const auto& labels = object.as<Pod>()->metadata.labels;
    if (!known.pods->matches(labels)) continue;
    pods.push_back(object.sharedAs<Pod>());
    for (auto it = known_.lower_bound(prefix); it != known_.end(); ++it) {
      if (!it->first.starts_with(prefix)) break;
      if (it->second.pods && it->second.pods->matches(labels)) others.insert(it->first);
    }
  }
  if (others.size() <= 1) return {};
  std::string list;
  for (const auto& key : others) list += (list.empty() ? "" : " ") + key;
  auto error = fmt::format("pods by selector {} are controlled by multiple HPAs: [{}]", text, list);
  return refuse("AmbiguousSelector", error, error);
}

Task<Result<Wanted>> PodAutoscaler::ask(Autoscaler& next, Known& known, const Scale& scale,
                                        std::stop_token stop) {
  next.status.currentMetrics.clear();
  Pods pods;
  CO_TRY_STATUS(checkSelector(next, known, scale.status.selector, pods));
  const auto& metrics = next.spec.metrics;
  const auto count = counting(next, scale.spec.replicas);
  Wanted out;
  Status first;
  std::string whole;
  std::string reason;
  size_t failed = 0;
  for (const auto& metric : metrics) {
    Measuring with{count, next.metadata.namespace_, scale.status.selector, pods,
                   scale.status.replicas};
    auto measured = co_await measure(metric, std::move(with), metrics_, stop);
    // What could not be measured keeps its place.
    next.status.currentMetrics.push_back(std::move(measured.reading));
    if (!measured.failure.ok()) {
      events().event(next, client::kEventWarning, failureReason(metric),
                     measured.failure.message());
      if (failed++ > 0) continue;
      first = std::move(measured.failure);
      whole = std::move(measured.whole);
      reason = failureReason(metric);
    } else if (out.metric.empty() || measured.replicas > out.replicas) {
      out.replicas = measured.replicas;
      out.metric = std::move(measured.name);
    }
  }
  if (failed > 0) {
    out.partly =
        badRequest(fmt::format("invalid metrics ({} invalid out of {}), first error is: {}", failed,
                               metrics.size(), whole));
  }
  // What is not known may have asked for more: then nothing gets smaller.
  if (failed == metrics.size() || (failed > 0 && out.replicas < scale.spec.replicas)) {
    setCondition(next, "ScalingActive", false, reason,
                 "the HPA was unable to compute the replica count: " + first.message(), now());
    co_return out.partly;
  }
  setCondition(next, "ScalingActive", true, "ValidMetricFound",
               "the HPA was able to successfully calculate a replica count from " + out.metric,
               now());
  co_return out;
}

Task<Status> PodAutoscaler::rescale(Autoscaler& next, Known& known,
                                    const client::ResourceType& target, Scale scale, int32_t wanted,
                                    std::string why, std::stop_token stop) {
  const int32_t current = scale.spec.replicas;
  scale.spec.replicas = wanted;
  auto written = co_await client().update(target, "scale",
                                          api::ConstObject(api::Object(std::move(scale))), stop);
  if (!written.ok()) {
    const std::string error = written.status().message();
    events().event(next, client::kEventWarning, "FailedRescale",
                   fmt::format("New size: {}; reason: {}; error: {}", wanted, why, error));
    setCondition(next, "AbleToScale", false, "FailedUpdateScale",
                 "the HPA controller was unable to update the target scale: " + error, now());
    co_return written.status().withContext("failed to rescale " + referenceOf(next));
  }
  setCondition(next, "AbleToScale", true, "SucceededRescale",
               fmt::format("the HPA controller was able to update the target scale to {}", wanted),
               now());
  events().event(next, client::kEventNormal, "SuccessfulRescale",
                 fmt::format("New size: {}; reason: {}", wanted, why));
  remember(next.spec.behavior.get(), current, wanted, now(), known.history);
  next.status.lastScaleTime = api::Time(now());
  next.status.desiredReplicas = wanted;
  co_return Status();
}

Status PodAutoscaler::noScale(Autoscaler& next, const Status& error) {
  events().event(next, client::kEventWarning, "FailedGetScale", error.message());
  setCondition(
      next, "AbleToScale", false, "FailedGetScale",
      "the HPA controller was unable to get the target's current scale: " + error.message(), now());
  return Status(error).withContext("failed to query scale subresource for " + referenceOf(next));
}

Task<Status> PodAutoscaler::autoscale(Autoscaler& next, Known& known, std::stop_token stop) {
  auto target = targetOf(next);
  if (!target.ok()) co_return noScale(next, target.status());
  auto found = co_await client().getSubresource(**target, next.metadata.namespace_,
                                                next.spec.scaleTargetRef.name, "scale", stop);
  if (isCanceled(found.status())) co_return found.status();
  if (!found.ok()) co_return noScale(next, found.status());
  setCondition(next, "AbleToScale", true, "SucceededGetScale",
               "the HPA controller was able to get the target's current scale", now());
  const Scale scale = *found->as<Scale>();
  const int32_t current = scale.spec.replicas;
  next.status.currentReplicas = current;
  auto& recent = known.history.recommendations;
  if (recent.empty()) recent.push_back({current, now()});

  const int32_t least = next.spec.minReplicas.value_or(1);
  int32_t wanted = current;
  std::string why;
  Status partly;
  if (current == 0 && least != 0) {
    setCondition(next, "ScalingActive", false, "ScalingDisabled",
                 "scaling is disabled since the replica count of the target is zero", now());
    next.status.currentMetrics.clear();
  } else if (current > next.spec.maxReplicas) {
    why = "Current number of replicas above Spec.MaxReplicas";
    wanted = next.spec.maxReplicas;
    next.status.currentMetrics.clear();
  } else if (current < least) {
    why = "Current number of replicas below Spec.MinReplicas";
    wanted = least;
    next.status.currentMetrics.clear();
  } else {
    auto asked = co_await ask(next, known, scale, stop);
    if (!asked.ok()) {
      events().event(next, client::kEventWarning, "FailedComputeMetricsReplicas",
                     asked.status().message());
      co_return asked.status().withContext(
          "failed to compute desired number of replicas based on listed metrics for " +
          referenceOf(next));
    }
    partly = std::move(asked->partly);
    if (asked->replicas > current) why = asked->metric + " above target";
    if (asked->replicas < current) why = "All metrics below target";
    Limits limits{current, least, next.spec.maxReplicas, options_.downscaleStabilization, now()};
    auto limited = limit(next.spec.behavior.get(), limits, asked->replicas, known.history);
    wanted = limited.replicas;
    setCondition(next, "AbleToScale", true, limited.able.reason, limited.able.message, now());
    setCondition(next, "ScalingLimited", limited.limited, limited.limit.reason,
                 limited.limit.message, now());
  }
  if (wanted == current) {
    next.status.desiredReplicas = current;
    co_return partly;
  }
  Status done = co_await rescale(next, known, **target, scale, wanted, std::move(why), stop);
  co_return done.ok() ? partly : done;
}

Task<Result<Duration>> PodAutoscaler::reconcile(std::string key, std::stop_token stop) {
  auto cached = autoscalers_.get<HorizontalPodAutoscaler>(key);
  if (!cached) {
    known_.erase(key);
    co_return Duration(0);
  }
  auto& known = known_[key];
  if (known.uid != cached->metadata.uid) known = {cached->metadata.uid, {}, {}};
  HorizontalPodAutoscaler next = *cached;
  Status done = co_await autoscale(next, known, stop);
  if (isCanceled(done)) co_return done;
  if (next.status != cached->status) {
    auto written = co_await client::update(client(), std::move(next), "status", stop);
    if (!written.ok() && !isNotFound(written.status())) {
      events().event(*cached, client::kEventWarning, "FailedUpdateStatus",
                     written.status().message());
      co_return written.status();
    }
  }
  // Whatever went wrong is in the conditions, and is tried again in time.
  co_return options_.period;
}

}  // namespace coxswain::controllers::podautoscaler
