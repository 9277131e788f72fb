#include <algorithm>
#include <set>

#include "api/gen/authentication_v1.h"
#include "api/gen/certificates_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/resource_v1.h"
#include "api/gen/storage_v1.h"
#include "api/reflect/equal.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/authz/node_authorizer.h"
#include "apiserver/authz/pod_references.h"
#include "net/signing_request.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Node;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::resource::v1::ResourceSlice;

constexpr std::string_view kLeases = "kube-node-lease";
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

/// Other objects that a pod cannot do without; empty: none. Whoever may read them, a kubelet must
/// not come to do so by pods that it makes itself.
std::string references(const Pod& pod) {
  const auto& spec = pod.spec;
  if (!spec.serviceAccountName.empty()) return "a service account";
  if (podNamesAny(pod, ReferencedKind::Secret)) return "secrets";
  if (podNamesAny(pod, ReferencedKind::ConfigMap)) return "configmaps";
  bool bundles = false;
  bool claims = false;
  for (const auto& volume : spec.volumes) {
    const auto& source = volume.volumeSource;
    claims = claims || source.persistentVolumeClaim;
    if (!source.projected) continue;
    for (const auto& one : source.projected->sources) bundles = bundles || one.clusterTrustBundle;
  }
  if (bundles) return "clustertrustbundles";
  if (claims) return "persistentvolumeclaims";
  return spec.resourceClaims.empty() ? "" : "resourceclaims";
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
    if (info.group.empty() && info.resource == "persistentvolumeclaims") {
      return claims(request, kind, object, old);
    }
    if (info.group == "certificates.k8s.io" && info.resource == "certificatesigningrequests") {
      return kind == WriteKind::Create ? signing(request, object) : Status();
    }
    if (info.group == "resource.k8s.io" && info.resource == "resourceslices") {
      return slices(request, kind, object, old);
    }
    const bool lease = info.group == "coordination.k8s.io" && info.resource == "leases";
    const bool csiNode = info.group == "storage.k8s.io" && info.resource == "csinodes";
    if (lease || csiNode) {
      const auto* subject = object ? object : old;
      if (lease && info.ns != kLeases) {
        return refuse(request, subject,
                      "can only access leases in the " + quoted(kLeases) + " system namespace");
      }
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
      // By these the node authorizer lets a node read claims.
      const auto& next = object->as<Pod>()->status;
      const auto& before = old->as<Pod>()->status;
      if (!(next.resourceClaimStatuses == before.resourceClaimStatuses)) {
        return refuse(request, object,
                      "node " + quoted(node) + " cannot update resource claim statuses");
      }
      if (!(next.extendedResourceClaimStatus == before.extendedResourceClaimStatus)) {
        return refuse(request, object,
                      "node " + quoted(node) + " cannot update extended resource claim status");
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
    if (below.empty() || below == "status" || below == "eviction") {
      return refuse(
          request, object,
          "unexpected operation " + quoted(operationName(kind)) +
              (below.empty() ? ", node " + quoted(node) + " can only create and delete mirror pods"
                             : ""));
    }
    return refuse(request, object,
                  "unexpected pod subresource " + quoted(below) +
                      ", only 'status' and 'eviction' are allowed");
  }

  static std::string_view operationName(WriteKind kind) {
    switch (kind) {
      case WriteKind::Create:
        return "CREATE";
      case WriteKind::Update:
        return "UPDATE";
      case WriteKind::Delete:
        return "DELETE";
      case WriteKind::Connect:
        return "CONNECT";
    }
    return "";
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
    if (auto what = references(pod); !what.empty()) {
      return refuse(request, object,
                    "node " + quoted(node) + " can not create pods that reference " + what);
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

  /// Of a claim's status, what growing a volume changes.
  static Status claims(const RequestContext& request, WriteKind kind, const api::Object* object,
                       const api::Object* old) {
    if (request.info.subresource != "status" || kind != WriteKind::Update) {
      return refuse(request, object ? object : old, "may only update PVC status");
    }
    auto next = *object->as<PersistentVolumeClaim>();
    const auto& current = *old->as<PersistentVolumeClaim>();
    next.metadata.resourceVersion = current.metadata.resourceVersion;
    next.metadata.managedFields = current.metadata.managedFields;
    next.status.capacity = current.status.capacity;
    next.status.conditions = current.status.conditions;
    next.status.allocatedResources = current.status.allocatedResources;
    next.status.allocatedResourceStatuses = current.status.allocatedResourceStatuses;
    if (api::semanticEqual(next, current)) return {};
    return refuse(request, object,
                  "node " + quoted(nodeNameOf(request.user)) +
                      " is not allowed to update fields other than status.quantity and "
                      "status.conditions");
  }

  /// Certificates of nodes are for the node that asks.
  static Status signing(const RequestContext& request, const api::Object* object) {
    const auto& spec = object->as<api::certificates::v1::CertificateSigningRequest>()->spec;
    const bool ofNodes = spec.signerName == "kubernetes.io/kubelet-serving" ||
                         spec.signerName == "kubernetes.io/kube-apiserver-client-kubelet";
    if (!ofNodes) return {};
    auto wanted = net::parseSigningRequest(spec.request.data);
    if (!wanted.ok()) {
      return refuse(request, object, "unable to parse csr: " + wanted.status().message());
    }
    const auto own = "system:node:" + std::string(nodeNameOf(request.user));
    if (wanted->commonName == own) return {};
    return refuse(request, object, "can only create a node CSR with CN=" + own);
  }

  static Status slices(const RequestContext& request, WriteKind kind, const api::Object* object,
                       const api::Object* old) {
    const auto* subject = old ? old : object;
    const auto* slice = subject ? subject->as<ResourceSlice>() : nullptr;
    const auto own = nodeNameOf(request.user);
    if (slice && slice->spec.nodeName && *slice->spec.nodeName == own) return {};
    if (!slice) return {};
    const char* what = kind == WriteKind::Create   ? "create"
                       : kind == WriteKind::Update ? "update"
                                                   : "delete";
    return refuse(request, subject,
                  std::string("can only ") + what +
                      " ResourceSlice with the same NodeName as the requesting node");
  }

  /// Audiences that a volume of the pod asks tokens for, itself or by the driver of its volume.
  [[nodiscard]] bool wantsAudience(const Pod& pod, const std::string& audience) const {
    auto ofDriver = [&](const std::string& name) {
      auto driver = sources_.get("storage.k8s.io", "csidrivers", "", name);
      if (!driver.ok()) return false;
      const auto& wanted = driver->as<api::storage::v1::CSIDriver>()->spec.tokenRequests;
      return std::any_of(wanted.begin(), wanted.end(),
                         [&audience](const auto& one) { return one.audience == audience; });
    };
    auto ofClaim = [&](const std::string& name) {
      auto claim = sources_.get("", "persistentvolumeclaims", pod.metadata.namespace_, name);
      if (!claim.ok()) return false;
      const auto& bound = claim->as<PersistentVolumeClaim>()->spec.volumeName;
      auto volume = sources_.get("", "persistentvolumes", "", bound);
      if (!volume.ok()) return false;
      const auto& source =
          volume->as<api::core::v1::PersistentVolume>()->spec.persistentVolumeSource;
      return source.csi && ofDriver(source.csi->driver);
    };
    for (const auto& volume : pod.spec.volumes) {
      const auto& source = volume.volumeSource;
      if (source.csi && ofDriver(source.csi->driver)) return true;
      if (source.persistentVolumeClaim && ofClaim(source.persistentVolumeClaim->claimName)) {
        return true;
      }
      if (source.ephemeral && ofClaim(pod.metadata.name + "-" + volume.name)) return true;
      if (!source.projected) continue;
      for (const auto& one : source.projected->sources) {
        if (one.serviceAccountToken && one.serviceAccountToken->audience == audience) return true;
      }
    }
    return false;
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
    const auto& audiences = wanted->spec.audiences;
    if (audiences.size() > 1) {
      return refuse(request, object, "node may only request 0 or 1 audiences");
    }
    // No audience is the API server's own.
    const auto audience = audiences.empty() ? std::string() : audiences.front();
    if (!audience.empty() && !wantsAudience(*pod->as<Pod>(), audience)) {
      return refuse(request, object,
                    "audience " + quoted(audience) + " not found in pod spec volume");
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
