#include <algorithm>
#include <set>

#include "api/gen/authentication_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/reflect/equal.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/authz/node_authorizer.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Node;
using api::core::v1::Pod;

constexpr std::string_view kMirror = "kubernetes.io/config.mirror";

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

/// Labels in Kubernetes' own domains that a kubelet may set on its node.
bool mayLabel(std::string_view key) {
  auto slash = key.find('/');
  if (slash == std::string_view::npos) return true;
  auto domain = key.substr(0, slash);
  auto within = [domain](std::string_view parent) {
    return domain == parent || (domain.size() > parent.size() && domain.ends_with(parent) &&
                                domain[domain.size() - parent.size() - 1] == '.');
  };
  if (within("node-restriction.kubernetes.io")) return false;
  if (!within("kubernetes.io") && !within("k8s.io")) return true;
  if (within("kubelet.kubernetes.io") || within("node.kubernetes.io")) return true;
  static constexpr std::string_view kKnown[] = {
      "beta.kubernetes.io/arch",
      "beta.kubernetes.io/instance-type",
      "beta.kubernetes.io/os",
      "failure-domain.beta.kubernetes.io/region",
      "failure-domain.beta.kubernetes.io/zone",
      "failure-domain.kubernetes.io/region",
      "failure-domain.kubernetes.io/zone",
      "kubernetes.io/arch",
      "kubernetes.io/hostname",
      "kubernetes.io/instance-type",
      "kubernetes.io/os",
      "topology.kubernetes.io/region",
      "topology.kubernetes.io/zone",
  };
  return std::find(std::begin(kKnown), std::end(kKnown), key) != std::end(kKnown);
}

/// Keys whose value differs, that a kubelet may not touch.
std::set<std::string> forbiddenLabels(const Node& next, const Node* current) {
  std::set<std::string> out;
  const api::Map<std::string> none;
  const auto& before = current ? current->metadata.labels : none;
  const auto& after = next.metadata.labels;
  auto differs = [](const api::Map<std::string>& a, const api::Map<std::string>& b,
                    const std::string& key) {
    const auto* one = a.get(key);
    const auto* two = b.get(key);
    return !one || !two || *one != *two;
  };
  for (const auto& [key, value] : after) {
    if (differs(after, before, key) && !mayLabel(key)) out.insert(key);
  }
  for (const auto& [key, value] : before) {
    if (differs(after, before, key) && !mayLabel(key)) out.insert(key);
  }
  return out;
}

std::string joined(const std::set<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// What the node authorizer cannot see: a kubelet writes its own node, pods that are bound to it,
/// mirror pods, tokens for its pods, its own lease. Others it does not concern.
class NodeRestriction final : public AdmissionPlugin {
 public:
  explicit NodeRestriction(const AdmissionSources& sources) : sources_(sources) {}
  [[nodiscard]] std::string_view name() const override { return "NodeRestriction"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind != WriteKind::Connect && !nodeNameOf(request.user).empty();
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    const auto& info = request.info;
    if (info.group.empty() && info.resource == "pods") return pods(request, kind, object, old);
    if (info.group.empty() && info.resource == "nodes") return nodes(request, kind, object, old);
    if (info.group.empty() && info.resource == "serviceaccounts" && info.subresource == "token") {
      return token(request, object);
    }
    const bool lease = info.group == "coordination.k8s.io" && info.resource == "leases";
    const bool csiNode = info.group == "storage.k8s.io" && info.resource == "csinodes";
    if (lease || csiNode) {
      const auto* subject = object ? object : old;
      const auto& name = subject ? api::objectMeta(*subject)->name : info.name;
      if (name == nodeNameOf(request.user)) return {};
      return refuse(request, subject,
                    lease ? "can only access node lease with the same name as the requesting node"
                          : "can only access CSINode with the same name as the requesting node");
    }
    return {};
  }

 private:
  Status pods(const RequestContext& request, WriteKind kind, const api::Object* object,
              const api::Object* old) const {
    auto node = nodeNameOf(request.user);
    const auto& below = request.info.subresource;
    if (below.empty() && kind == WriteKind::Create) return createPod(request, node, object);
    if (below.empty() && kind == WriteKind::Delete) {
      if (old->as<Pod>()->spec.nodeName == node) return {};
      return refuse(
          request, old,
          "node " + quoted(node) + " can only delete pods with spec.nodeName set to itself");
    }
    if (below == "status" && kind == WriteKind::Update) {
      if (old->as<Pod>()->spec.nodeName != node) {
        return refuse(request, object,
                      "node " + quoted(node) +
                          " can only update pod status for pods with spec.nodeName set to itself");
      }
      if (!(object->as<Pod>()->metadata.labels == old->as<Pod>()->metadata.labels)) {
        return refuse(request, object,
                      "node " + quoted(node) + " cannot update labels through pod status");
      }
      return {};
    }
    if (below == "eviction" && kind == WriteKind::Create) {
      TRY(auto pod, sources_.get("", "pods", request.info.ns, request.info.name));
      if (pod.as<Pod>()->spec.nodeName == node) return {};
      return refuse(
          request, object,
          "node " + std::string(node) + " can only evict pods with spec.nodeName set to itself");
    }
    return refuse(request, object,
                  "unexpected operation " + request.info.verb + " for node user " + quoted(node));
  }

  Status createPod(const RequestContext& request, std::string_view node,
                   const api::Object* object) const {
    const auto& pod = *object->as<Pod>();
    auto only = "node " + quoted(node) + " can only create ";
    if (!pod.metadata.annotations.contains(kMirror)) {
      return refuse(request, object,
                    "pod does not have " + quoted(kMirror) + " annotation, node " + quoted(node) +
                        " can only create mirror pods");
    }
    if (pod.spec.nodeName != node) {
      return refuse(request, object, only + "pods with spec.nodeName set to itself");
    }
    const auto& owners = pod.metadata.ownerReferences;
    if (owners.empty()) {
      return refuse(request, object, only + "pods with an owner reference set to itself");
    }
    if (owners.size() > 1) {
      return refuse(request, object, only + "pods with a single owner reference set to itself");
    }
    const auto& owner = owners.front();
    if (owner.apiVersion != "v1" || owner.kind != "Node" || owner.name != node) {
      return refuse(request, object, only + "pods with an owner reference set to itself");
    }
    if (!owner.controller.value_or(false)) {
      return refuse(request, object, only + "pods with a controller owner reference set to itself");
    }
    if (owner.blockOwnerDeletion.value_or(false)) {
      return refuse(
          request, object,
          "node " + quoted(node) + " must not set blockOwnerDeletion on an owner reference");
    }
    TRY(auto own, sources_.get("", "nodes", "", node));
    if (api::objectMeta(own)->uid != owner.uid) {
      return refuse(request, object,
                    "node " + std::string(node) + " UID mismatch: expected " + owner.uid + " got " +
                        api::objectMeta(own)->uid);
    }
    return {};
  }

  static Status nodes(const RequestContext& request, WriteKind kind, const api::Object* object,
                      const api::Object* old) {
    auto node = nodeNameOf(request.user);
    const auto* subject = object ? object : old;
    const auto& name = subject ? api::objectMeta(*subject)->name : request.info.name;
    if (name != node) {
      return refuse(request, subject,
                    "node " + quoted(node) + " is not allowed to modify node " + quoted(name));
    }
    if (kind == WriteKind::Create) {
      auto labels = forbiddenLabels(*object->as<Node>(), nullptr);
      if (labels.empty()) return {};
      return refuse(request, object,
                    "node " + quoted(node) +
                        " is not allowed to set the following labels: " + joined(labels));
    }
    if (kind != WriteKind::Update) return {};
    const auto& next = *object->as<Node>();
    const auto& current = *old->as<Node>();
    if (!(next.spec.taints == current.spec.taints)) {
      return refuse(request, object, "node " + quoted(node) + " is not allowed to modify taints");
    }
    if (!(next.metadata.ownerReferences == current.metadata.ownerReferences)) {
      return refuse(request, object,
                    "node " + quoted(node) + " is not allowed to modify ownerReferences");
    }
    if (auto labels = forbiddenLabels(next, &current); !labels.empty()) {
      return refuse(request, object, "is not allowed to modify labels: " + joined(labels));
    }
    return {};
  }

  Status token(const RequestContext& request, const api::Object* object) const {
    auto node = nodeNameOf(request.user);
    const auto* wanted = object->as<api::authentication::v1::TokenRequest>();
    const auto& reference = wanted->spec.boundObjectRef;
    if (!reference || reference->apiVersion != "v1" || reference->kind != "Pod" ||
        reference->name.empty()) {
      return refuse(request, object, "node requested token not bound to a pod");
    }
    if (reference->uid.empty()) {
      return refuse(request, object, "node requested token with a pod binding without a uid");
    }
    auto pod = sources_.get("", "pods", request.info.ns, reference->name);
    if (!pod.ok()) return refuse(request, object, pod.status().message());
    if (api::objectMeta(*pod)->uid != reference->uid) {
      return refuse(request, object,
                    "the UID in the bound object reference (" + reference->uid +
                        ") does not match the UID in record (" + api::objectMeta(*pod)->uid +
                        "). The object might have been deleted and then recreated");
    }
    if (pod->as<Pod>()->spec.nodeName != node) {
      return refuse(request, object,
                    "node requested token bound to a pod scheduled on a different node");
    }
    if (pod->as<Pod>()->spec.serviceAccountName != request.info.name) {
      return refuse(request, object,
                    "node requested token for a service account that its pod does not use");
    }
    return {};
  }

  AdmissionSources sources_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeNodeRestriction(const AdmissionSources& sources) {
  return std::make_unique<NodeRestriction>(sources);
}

}  // namespace coxswain::apiserver
