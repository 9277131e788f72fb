#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;
using Labels = std::map<std::string, std::string>;

constexpr std::string_view kAnnotation = "scheduler.alpha.kubernetes.io/node-selector";
constexpr const char* kDefault = "clusterDefaultNodeSelector";

std::string trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

/// "env=test,region=us".
Result<Labels> parse(std::string_view text) {
  Labels out;
  while (!text.empty()) {
    auto comma = text.find(',');
    auto one = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    auto equals = one.find('=');
    if (equals == std::string_view::npos || one.find('=', equals + 1) != std::string_view::npos) {
      return Status(Reason::Unknown, 500, "invalid selector: " + std::string(one));
    }
    out[trimmed(one.substr(0, equals))] = trimmed(one.substr(equals + 1));
  }
  return out;
}

/// Pods of a namespace run on nodes that its annotation (or the configuration) selects, and no pod
/// asks for labels outside what the configuration lists for its namespace.
class PodNodeSelector final : public AdmissionPlugin {
 public:
  PodNodeSelector(const AdmissionSources& sources, std::map<std::string, std::string> selectors)
      : namespaces_(sources, "", "namespaces"), selectors_(std::move(selectors)) {}
  [[nodiscard]] std::string_view name() const override { return "PodNodeSelector"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind == WriteKind::Create && isResource(request, "", "pods");
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    TRY(auto wanted, ofNamespace(request.info.ns));
    auto& selector = object->as<Pod>()->spec.nodeSelector;
    for (const auto& [key, value] : wanted) {
      auto [present, added] = selector.try_emplace(key, value);
      if (added || present->second == value) continue;
      return refuse(request, object,
                    "pod node label selector conflicts with its namespace node label selector");
    }
    return {};
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    auto found = selectors_.find(request.info.ns);
    if (found == selectors_.end()) return {};
    TRY(auto whitelist, parse(found->second));
    if (whitelist.empty()) return {};
    for (const auto& [key, value] : object->as<Pod>()->spec.nodeSelector) {
      auto allowed = whitelist.find(key);
      if (allowed != whitelist.end() && allowed->second == value) continue;
      return refuse(request, object,
                    "pod node label selector labels conflict with its namespace whitelist");
    }
    return {};
  }

 private:
  [[nodiscard]] Result<Labels> ofNamespace(const std::string& ns) const {
    TRY(auto found, namespaces_.get("", ns));
    if (const auto* own = api::objectMeta(found)->annotations.get(kAnnotation)) return parse(*own);
    auto fallback = selectors_.find(kDefault);
    return fallback == selectors_.end() ? Labels() : parse(fallback->second);
  }

  SourceCollection namespaces_;
  std::map<std::string, std::string> selectors_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makePodNodeSelector(
    const AdmissionSources& sources, const std::map<std::string, std::string>& selectors) {
  return std::make_unique<PodNodeSelector>(sources, selectors);
}

}  // namespace coxswain::apiserver
