#include <fmt/format.h>

#include <charconv>

#include "api/gen/autoscaling_v2.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/generate.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

using api::autoscaling::v2::HorizontalPodAutoscaler;
using api::autoscaling::v2::HorizontalPodAutoscalerSpec;

class Autoscale final : public Verb {
 public:
  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "autoscale");
    flags.integer(&min_, "min", 0, "The fewest replicas; below 1: the server's default.");
    flags.integer(&max_, "max", 0, "The most replicas. Required.");
    flags.integer(&cpuPercent_, "cpu-percent", 0, "Deprecated: --cpu with a percentage.");
    flags.text(&cpu_, "cpu", 0, "Average use of CPU: \"70%\" of the requests, or an amount: 500m.");
    flags.text(&memory_, "memory", 0, "Average use of memory: \"70%\", or an amount: 200Mi.");
    flags.text(&name_, "name", 0, "Name of the new object; empty: that of the scaled one.");
    flags.boolean(&saveConfig_, "save-config", 0, "Write the annotation that apply needs later.");
    action_.declare(flags, "kubectl-autoscale");
  }

  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    CO_TRY_STATUS(action_.complete());
    CO_TRY_STATUS(check(session, given));
    selection_.words = std::move(words);
    CO_TRY(auto infos, co_await resolve(session, selection_, true));
    if (infos.empty() && session.exitCode() == 0) co_return fault("no objects passed to autoscale");
    for (const auto& info : infos) {
      Status made = co_await one(session, info);
      if (!made.ok()) session.fail(made);
    }
    co_return Status();
  }

 private:
  Status check(Session& session, const FlagSet& given) const {
    if (!given.changed("max")) return fault("required flag(s) \"max\" not set");
    if (given.changed("cpu-percent")) {
      session.error(
          "Flag --cpu-percent has been deprecated, Use --cpu with percentage or resource quantity "
          "format (e.g., '70%' for utilization or '500m' for milliCPU).\n");
    }
    if (max_ < 1) {
      return fault(fmt::format("--max=MAXPODS is required and must be at least 1, max: {}", max_));
    }
    if (max_ < min_) {
      return fault(fmt::format(
          "--max=MAXPODS must be larger or equal to --min=MINPODS, max: {}, min: {}", max_, min_));
    }
    if (given.changed("cpu-percent") && !cpu_.empty()) {
      return fault("--cpu-percent and --cpu are mutually exclusive");
    }
    return {};
  }

  Task<Status> one(Session& session, const Info& info) {
    const auto& resource = *info.resource;
    const auto version =
        resource.group.empty() ? resource.version : resource.group + "/" + resource.version;
    if (!resource.hasSubresource("scale")) {
      co_return fault(
          fmt::format("cannot autoscale a {}: could not find scale subresource for {}, "
                      "Resource={} in discovery information",
                      resource.kind, version, resource.plural));
    }
    HorizontalPodAutoscaler scaler;
    scaler.metadata.name = name_.empty() ? info.name : name_;
    auto& spec = scaler.spec;
    spec.scaleTargetRef.kind = resource.kind;
    spec.scaleTargetRef.name = info.name;
    spec.scaleTargetRef.apiVersion = version;
    spec.maxReplicas = static_cast<int32_t>(max_);
    if (min_ > 0) spec.minReplicas = static_cast<int32_t>(min_);
    if (cpuPercent_ >= 0) CO_TRY_STATUS(addMetric(spec, "cpu", fmt::format("{}%", cpuPercent_)));
    if (!cpu_.empty()) CO_TRY_STATUS(addMetric(spec, "cpu", cpu_));
    if (!memory_.empty()) CO_TRY_STATUS(addMetric(spec, "memory", memory_));
    co_return co_await createAndReport(session, action_, asValue(scaler), saveConfig_,
                                       "autoscaled");
  }

  /// "70%" of what is requested, or an amount.
  static Status addMetric(HorizontalPodAutoscalerSpec& spec, const char* name,
                          const std::string& text) {
    auto& metric = spec.metrics.emplace_back();
    metric.type = "Resource";
    auto& source = metric.resource.getOrCreate();
    source.name = name;
    if (!text.ends_with('%')) {
      // A bare number of CPU is in thousandths.
      const bool bare = text.find_first_not_of("0123456789") == std::string::npos;
      auto amount = api::Quantity::parse(bare && source.name == "cpu" ? text + "m" : text);
      if (!amount.ok()) {
        return fault(fmt::format("invalid {} quantity: {}", name, amount.status().message()));
      }
      source.target.type = "AverageValue";
      source.target.averageValue = std::move(*amount);
      return {};
    }
    int32_t percent = 0;
    const char* end = text.data() + text.size() - 1;
    const auto read = std::from_chars(text.data(), end, percent);
    if (read.ec != std::errc() || read.ptr != end || percent < 0) {
      return fault(fmt::format("invalid {} percentage: {}", name, api::goQuote(text)));
    }
    source.target.type = "Utilization";
    source.target.averageUtilization = percent;
    return {};
  }

  Selection selection_;
  Action action_;
  int64_t min_ = -1;
  int64_t max_ = -1;
  int64_t cpuPercent_ = -1;
  std::string cpu_;
  std::string memory_;
  std::string name_;
  bool saveConfig_ = false;
};

}  // namespace

Command autoscaleCommand() {
  Command command;
  command.name = "autoscale";
  command.usage =
      "(-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU] "
      "[--memory=MEMORY] [options]";
  command.summary = "Auto-scale a deployment, replica set, stateful set, or replication controller";
  command.examples =
      "  kubectl autoscale deployment web --min=2 --max=10\n\n"
      "  kubectl autoscale deployment web --max=5 --cpu=80%\n";
  command.group = "Deploy Commands";
  command.make = makeVerb<Autoscale>;
  return command;
}

}  // namespace coxswain::cli
