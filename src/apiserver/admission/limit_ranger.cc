#include <set>

#include "api/gen/core_v1.h"
#include "api/helpers/resources.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT
using api::ResourceList;

constexpr std::string_view kAnnotation = "kubernetes.io/limit-ranger";

/// What is broken, one text each.
using Problems = std::vector<std::string>;

std::string joined(const std::set<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// Sets what is missing; says what it set.
void fill(ResourceList& to, const ResourceList& defaults, std::string_view what,
          const std::string& whose, std::vector<std::string>& told) {
  std::set<std::string> set;
  for (const auto& [name, value] : defaults) {
    if (to.try_emplace(name, value).second) set.insert(name);
  }
  if (!set.empty()) told.push_back(joined(set) + " " + std::string(what) + " for " + whose);
}

void fillContainers(Pod& pod, const LimitRangeItem& item, std::vector<std::string>& told) {
  auto each = [&](Container& container, const char* kind) {
    auto whose = kind + (" " + container.name);
    fill(container.resources.requests, item.defaultRequest, "request", whose, told);
    fill(container.resources.limits, item.default_, "limit", whose, told);
  };
  for (auto& container : pod.spec.containers) each(container, "container");
  for (auto& container : pod.spec.initContainers) each(container, "init container");
}

void atLeast(const std::string& type, const ResourceList& minimum, const ResourceList& requests,
             const ResourceList& limits, Problems& problems) {
  for (const auto& [name, bound] : minimum) {
    auto text = "minimum " + name + " usage per " + type + " is " + bound.str();
    const auto* request = requests.get(name);
    const auto* limit = limits.get(name);
    if (!request) {
      problems.push_back(text + ".  No request is specified");
    } else if (*request < bound) {
      problems.push_back(text + ", but request is " + request->str());
    } else if (limit && *limit < bound) {
      problems.push_back(text + ", but limit is " + limit->str());
    }
  }
}

void atMost(const std::string& type, const ResourceList& maximum, const ResourceList& requests,
            const ResourceList& limits, Problems& problems) {
  for (const auto& [name, bound] : maximum) {
    auto text = "maximum " + name + " usage per " + type + " is " + bound.str();
    const auto* request = requests.get(name);
    const auto* limit = limits.get(name);
    if (!limit) {
      problems.push_back(text + ".  No limit is specified");
    } else if (*limit > bound) {
      problems.push_back(text + ", but limit is " + limit->str());
    } else if (request && *request > bound) {
      problems.push_back(text + ", but request is " + request->str());
    }
  }
}

void ratioAtMost(const std::string& type, const ResourceList& maximum, const ResourceList& requests,
                 const ResourceList& limits, Problems& problems) {
  for (const auto& [name, bound] : maximum) {
    auto text = name + " max limit to request ratio per " + type + " is " + bound.str();
    const auto* request = requests.get(name);
    const auto* limit = limits.get(name);
    if (!request || request->isZero()) {
      problems.push_back(text + ", but no request is specified or request is 0");
    } else if (!limit || limit->isZero()) {
      problems.push_back(text + ", but no limit is specified or limit is 0");
    } else if (const double ratio = limit->asDouble() / request->asDouble();
               ratio > bound.asDouble()) {
      problems.push_back(text + ", but provided ratio is " + std::to_string(ratio));
    }
  }
}

void check(const LimitRangeItem& item, const ResourceList& requests, const ResourceList& limits,
           Problems& problems) {
  atLeast(item.type, item.min, requests, limits, problems);
  atMost(item.type, item.max, requests, limits, problems);
  ratioAtMost(item.type, item.maxLimitRequestRatio, requests, limits, problems);
}

/// One alone, several in brackets; each once.
std::string toldOnce(const Problems& problems) {
  std::set<std::string_view> told;
  std::string text;
  for (const auto& one : problems) {
    if (!told.insert(one).second) continue;
    if (told.size() > 1) text += ", ";
    text += one;
  }
  return told.size() == 1 ? text : "[" + text + "]";
}

void checkPod(const Pod& pod, const LimitRangeItem& item, Problems& problems) {
  if (item.type == "Container") {
    for (const auto& one : pod.spec.containers) {
      check(item, one.resources.requests, one.resources.limits, problems);
    }
    for (const auto& one : pod.spec.initContainers) {
      check(item, one.resources.requests, one.resources.limits, problems);
    }
  } else if (item.type == "Pod") {
    api::PodResourcesOptions plain;
    plain.excludeOverhead = true;
    check(item, api::podRequests(pod, plain), api::podLimits(pod, plain), problems);
  }
}

void checkClaim(const PersistentVolumeClaim& claim, const LimitRangeItem& item,
                Problems& problems) {
  if (item.type != "PersistentVolumeClaim") return;
  const auto& requests = claim.spec.resources.requests;
  atLeast(item.type, item.min, requests, {}, problems);
  for (const auto& [name, bound] : item.max) {
    auto text = "maximum " + name + " usage per " + item.type + " is " + bound.str();
    const auto* request = requests.get(name);
    if (!request) {
      problems.push_back(text + ".  No request is specified");
    } else if (*request > bound) {
      problems.push_back(text + ", but request is " + request->str());
    }
  }
}

/// The limit ranges of a namespace: defaults for what containers do not say, bounds for what
/// containers, pods and claims ask for.
class LimitRanger final : public AdmissionPlugin {
 public:
  explicit LimitRanger(const AdmissionSources& sources) : ranges_(sources, "", "limitranges") {}
  [[nodiscard]] std::string_view name() const override { return "LimitRanger"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    const auto& info = request.info;
    if (!info.group.empty()) return false;
    // What a pod asks for changes by resize alone.
    if (info.resource == "pods") {
      return (kind == WriteKind::Create && info.subresource.empty()) ||
             (kind == WriteKind::Update && info.subresource == "resize");
    }
    return (kind == WriteKind::Create || kind == WriteKind::Update) &&
           isResource(request, "", "persistentvolumeclaims");
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    auto* pod = object->as<Pod>();
    if (!pod || pod->metadata.deletionTimestamp) return {};
    TRY(auto ranges, ranges_.list(request.info.ns));
    std::vector<std::string> told;
    for (const auto& range : ranges) {
      for (const auto& item : range.as<LimitRange>()->spec.limits) {
        if (item.type == "Container") fillContainers(*pod, item, told);
      }
    }
    if (told.empty()) return {};
    std::string text = "LimitRanger plugin set: ";
    for (size_t i = 0; i < told.size(); ++i) text += (i > 0 ? "; " : "") + told[i];
    pod->metadata.annotations.insert_or_assign(kAnnotation, std::move(text));
    // The class follows from the resources, which have just changed.
    pod->status.qosClass = api::computeQosClass(pod->spec);
    return {};
  }

  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    if (api::objectMeta(*object)->deletionTimestamp) return {};
    TRY(auto ranges, ranges_.list(request.info.ns));
    for (const auto& range : ranges) {
      Problems problems;
      for (const auto& item : range.as<LimitRange>()->spec.limits) {
        if (const auto* pod = object->as<Pod>()) {
          checkPod(*pod, item, problems);
        } else {
          checkClaim(*object->as<PersistentVolumeClaim>(), item, problems);
        }
      }
      if (!problems.empty()) return refuse(request, object, toldOnce(problems));
    }
    return {};
  }

 private:
  SourceCollection ranges_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeLimitRanger(const AdmissionSources& sources) {
  return std::make_unique<LimitRanger>(sources);
}

}  // namespace coxswain::apiserver
