#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/metrics_v1beta1.h"
#include "api/meta/time.h"
#include "api/select/fields.h"
#include "api/select/labels.h"
#include "cli/cmd/commands.h"
#include "cli/cmd/top_print.h"
#include "cli/framework/errors.h"
#include "cli/framework/session.h"
#include "client/http/decode.h"

namespace coxswain::cli {

using api::core::v1::Node;
using api::core::v1::NodeList;
using api::core::v1::Pod;
using api::core::v1::PodList;
using api::metrics::v1beta1::NodeMetrics;
using api::metrics::v1beta1::NodeMetricsList;
using api::metrics::v1beta1::PodMetrics;
using api::metrics::v1beta1::PodMetricsList;

namespace {

constexpr const char* kMetrics = "/apis/metrics.k8s.io/v1beta1";
constexpr Duration kMetricsDelay = 2min;  // of pods that are new

struct Selection {
  std::string labels;
  std::string fields;
  bool protobuf = true;  ///< asked for; a server may answer JSON
};

template <typename T>
Task<Result<T>> getObject(client::RestClient& rest, std::string path, Selection selection) {
  client::RestRequest request;
  request.path = std::move(path);
  request.headers.add("Accept", selection.protobuf
                                    ? "application/vnd.kubernetes.protobuf,application/json"
                                    : "application/json");
  if (!selection.labels.empty()) request.query.emplace_back("labelSelector", selection.labels);
  if (!selection.fields.empty()) request.query.emplace_back("fieldSelector", selection.fields);
  CO_TRY(auto answer, co_await rest.call(std::move(request), {}));
  static const client::ResourceType kType{"", "", "", false, &T::kInfo};
  CO_TRY(auto object, client::decodeAnswer(kType, answer.body));
  const auto* typed = object.template as<T>();
  if (!typed) co_return fault("the server answered with something else");
  co_return *typed;
}

Task<Status> checkServed(client::RestClient& rest) {
  auto group = co_await getObject<api::meta::v1::APIGroup>(rest, "/apis/metrics.k8s.io", {});
  if (!group.ok() && !isNotFound(group.status())) co_return group.status();
  if (group.ok()) {
    for (const auto& each : group->versions) {
      if (each.version == "v1beta1") co_return Status();
    }
  }
  co_return fault("Metrics API not available");
}

/// Flags of both.
class Top : public Verb {
 protected:
  void commonFlags(FlagSet& flags, const char* what) {
    flags.text(&selection_.labels, "selector", 'l', std::string("Only ") + what + " with labels.");
    flags.text(&how_.sortBy, "sort-by", 0, "What uses most first: cpu or memory.");
    flags.boolean(&how_.noHeaders, "no-headers", 0, "No line of headers.");
    flags.boolean(&how_.swap, "show-swap", 0, "Swap memory, too.");
    flags.boolean(&selection_.protobuf, "use-protocol-buffers", 0,
                  "Ask for answers in protobuf, else in JSON.");
  }
  [[nodiscard]] Status validate(const std::vector<std::string>& words,
                                const char* exclusive) const {
    if (!how_.sortBy.empty() && how_.sortBy != "cpu" && how_.sortBy != "memory") {
      return fault("--sort-by accepts only cpu or memory");
    }
    const bool selects = !selection_.labels.empty() || !selection_.fields.empty();
    if (!words.empty() && selects) {
      return fault(std::string("only one of NAME or ") + exclusive + " can be provided");
    }
    TRY_STATUS(asFault(api::LabelSelector::parse(selection_.labels).status()));
    return asFault(api::FieldSelector::parse(selection_.fields).status());
  }

  /// Of one object: nothing is selected.
  [[nodiscard]] Selection plain() const { return {"", "", selection_.protobuf}; }

  Selection selection_;
  TopPrint how_;
};

class TopNode final : public Top {
 public:
  void flags(FlagSet& flags) override {
    commonFlags(flags, "nodes");
    flags.boolean(&capacity_, "show-capacity", 0,
                  "Shares of what nodes have, not of what pods may take of it.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.size() > 1) co_return session.usageError("node [NAME | -l label]");
    CO_TRY_STATUS(validate(words, "--selector"));
    CO_TRY(auto* rest, session.rest());
    CO_TRY_STATUS(co_await checkServed(*rest));
    std::vector<NodeMetrics> metrics;
    std::vector<Node> nodes;
    if (words.empty()) {
      CO_TRY(auto list, co_await getObject<NodeMetricsList>(*rest, std::string(kMetrics) + "/nodes",
                                                            selection_));
      metrics = std::move(list.items);
    } else {
      CO_TRY(
          auto one,
          co_await getObject<NodeMetrics>(
              *rest, std::string(kMetrics) + "/nodes/" + client::percentEncode(words[0]), plain()));
      metrics.push_back(std::move(one));
    }
    if (metrics.empty()) co_return fault("metrics not available yet");
    if (words.empty()) {
      CO_TRY(auto list, co_await getObject<NodeList>(*rest, "/api/v1/nodes", selection_));
      nodes = std::move(list.items);
    } else {
      CO_TRY(auto one, co_await getObject<Node>(
                           *rest, "/api/v1/nodes/" + client::percentEncode(words[0]), plain()));
      nodes.push_back(std::move(one));
    }
    std::map<std::string, Available> available;
    for (const auto& node : nodes) available[node.metadata.name] = availableOf(node);
    session.out().write(printNodes(std::move(metrics), std::move(available), how_));
    co_return Status();
  }

 private:
  [[nodiscard]] Available availableOf(const Node& node) const {
    Available out;
    for (const auto& [name, amount] : capacity_ ? node.status.capacity : node.status.allocatable) {
      out[name] = amount;
    }
    const auto& swap = node.status.nodeInfo.swap;
    if (swap && swap->capacity) {
      out["swap"] = api::Quantity::fromInt(*swap->capacity, api::Quantity::Format::BinarySI);
    }
    return out;
  }

  bool capacity_ = false;
};

class TopPod final : public Top {
 public:
  void flags(FlagSet& flags) override {
    commonFlags(flags, "pods");
    flags.text(&selection_.fields, "field-selector", 0, "Only pods with fields.");
    flags.boolean(&what_.containers, "containers", 0, "A line for each container.");
    flags.boolean(&what_.namespaces, "all-namespaces", 'A', "In all namespaces.");
    flags.boolean(&what_.sum, "sum", 0, "The sum of all, too.");
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    if (words.size() > 1) co_return session.usageError("pod [NAME | -l label]");
    CO_TRY(ns_, session.ns());
    CO_TRY_STATUS(validate(words, "selector"));
    CO_TRY(auto* rest, session.rest());
    CO_TRY_STATUS(co_await checkServed(*rest));
    const auto path = std::string(kMetrics) +
                      (what_.namespaces ? "" : "/namespaces/" + client::percentEncode(ns_)) +
                      "/pods";
    std::vector<PodMetrics> metrics;
    if (words.empty()) {
      CO_TRY(auto list, co_await getObject<PodMetricsList>(*rest, path, selection_));
      metrics = std::move(list.items);
    } else {
      const auto one = path + "/" + client::percentEncode(words[0]);
      CO_TRY(auto pod, co_await getObject<PodMetrics>(*rest, one, plain()));
      metrics.push_back(std::move(pod));
    }
    if (metrics.empty()) {
      CO_TRY_STATUS(co_await explainNone(*rest, session.reactor().wallNow()));
      session.error(what_.namespaces ? std::string("No resources found\n")
                                     : "No resources found in " + ns_ + " namespace.\n");
    }
    session.out().write(printPods(std::move(metrics), what_, how_));
    co_return Status();
  }

 private:
  /// Success: there are no such pods.
  Task<Status> explainNone(client::RestClient& rest, WallTime now) {
    const auto path = "/api/v1/namespaces/" + client::percentEncode(ns_) + "/pods";
    CO_TRY(auto list, co_await getObject<PodList>(rest, path, selection_));
    if (list.items.empty()) co_return Status();
    for (const auto& pod : list.items) {
      const Duration age = now - pod.metadata.creationTimestamp.wall();
      if (age <= kMetricsDelay) continue;
      co_return fault("Metrics not available for pod " + pod.metadata.namespace_ + "/" +
                      pod.metadata.name + ", age: " + api::GoDuration(age).str());
    }
    co_return fault("metrics not available yet");
  }

  TopPods what_;
  std::string ns_;
};

Command topNodeCommand() {
  Command command;
  command.name = "node";
  command.aliases = {"nodes", "no"};
  command.usage = "[NAME | -l label]";
  command.summary = "Display resource (CPU/memory) usage of nodes";
  command.examples = "  kubectl top node\n\n  kubectl top node n1 --show-capacity\n";
  command.make = makeVerb<TopNode>;
  return command;
}

Command topPodCommand() {
  Command command;
  command.name = "pod";
  command.aliases = {"pods", "po"};
  command.usage = "[NAME | -l label]";
  command.summary = "Display resource (CPU/memory) usage of pods";
  command.examples = "  kubectl top pod -A --sort-by=cpu\n\n  kubectl top pod web-0 --containers\n";
  command.make = makeVerb<TopPod>;
  return command;
}

}  // namespace

Command topCommand() {
  Command command;
  command.name = "top";
  command.summary = "Display resource (CPU/memory) usage";
  command.details =
      "What nodes and pods use now, as metrics.k8s.io tells it. Of pods that are new it may know "
      "nothing yet.";
  command.group = "Cluster Management Commands";
  command.children.push_back(topNodeCommand());
  command.children.push_back(topPodCommand());
  return command;
}

}  // namespace coxswain::cli
