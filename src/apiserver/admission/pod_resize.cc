#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/resources.h"
#include "api/names/quote.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Node;
using api::core::v1::Pod;

/// Pods are not resized beyond what their node has, nor on nodes that cannot do it.
class PodResizeValidator final : public AdmissionPlugin {
 public:
  explicit PodResizeValidator(const AdmissionSources& sources) : nodes_(sources, "", "nodes") {}
  [[nodiscard]] std::string_view name() const override { return "PodResizeValidator"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    const auto& info = request.info;
    return kind == WriteKind::Update && info.subresource == "resize" && info.resource == "pods" &&
           info.group.empty();
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    const auto& pod = *object->as<Pod>();
    const auto& name = pod.spec.nodeName;
    const bool same = pod.metadata.generation == old->as<Pod>()->metadata.generation;
    if (name.empty() || same) return {};
    auto found = nodes_.get("", name);
    if (!found.ok()) {
      const auto quoted = api::goQuote(name);
      return refuse(request, object,
                    isNotFound(found.status())
                        ? "node " + quoted + " not found"
                        : "failed to get node " + quoted + ": " + found.status().message());
    }
    const auto& node = *found->as<Node>();
    if (auto lacking = lackingOf(pod, node); !lacking.empty()) {
      return because(
          "NodeCapacity",
          refuse(request, object, "Node didn't have enough allocatable resources: " + lacking));
    }
    const auto* os = node.metadata.labels.get("kubernetes.io/os");
    if (os && *os == "linux") return {};
    return because("UnsupportedPlatform",
                   refuse(request, object,
                          "pod resize is only supported on linux nodes, node " +
                              api::goQuote(name) + " is " + api::goQuote(os ? *os : "")));
  }

 private:
  /// "cpu, requested: 2000, allocatable: 1000; memory, ...", in thousandths and bytes.
  static std::string lackingOf(const Pod& pod, const Node& node) {
    const auto wanted = api::podRequests(pod);
    std::string out;
    auto compare = [&](const char* resource, int scale) {
      const auto* request = wanted.get(resource);
      const auto* bound = node.status.allocatable.get(resource);
      const auto asked = request ? request->scaledValue(scale) : 0;
      const auto allocatable = bound ? bound->scaledValue(scale) : 0;
      if (asked <= allocatable) return;
      out += (out.empty() ? "" : "; ") + std::string(resource) +
             ", requested: " + std::to_string(asked) +
             ", allocatable: " + std::to_string(allocatable);
    };
    compare("cpu", api::Quantity::Milli);
    compare("memory", api::Quantity::Unit);
    return out;
  }

  static Status because(const char* cause, Status status) {
    auto details = *status.details();
    details.causes.push_back({cause, "", ""});
    return std::move(status).withDetails(std::move(details));
  }

  SourceCollection nodes_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makePodResizeValidator(const AdmissionSources& sources) {
  return std::make_unique<PodResizeValidator>(sources);
}

}  // namespace coxswain::apiserver
