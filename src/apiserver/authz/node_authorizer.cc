#include "apiserver/authz/node_authorizer.h"

#include "api/names/quote.h"
#include "api/select/fields.h"
#include "apiserver/authz/policy.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kUserPrefix = "system:node:";

Verdict allow() {
  return {Decision::Allow, ""};
}
Verdict unless(std::string why) {
  return {Decision::NoOpinion, std::move(why)};
}

bool reads(std::string_view verb) {
  return verb == "get" || verb == "list" || verb == "watch";
}

/// Does the field selector ask for `field` = `value` and nothing else can match?
bool selects(std::string_view selector, std::string_view field, std::string_view value) {
  auto parsed = api::FieldSelector::parse(selector);
  if (!parsed.ok()) return false;
  auto wanted = parsed->requiredValue(field);
  return wanted && *wanted == value;
}

}  // namespace

std::string_view nodeNameOf(const UserInfo& user) {
  std::string_view name = user.name;
  if (!name.starts_with(kUserPrefix) || !user.inGroup("system:nodes")) return {};
  return name.substr(kUserPrefix.size());
}

struct NodeAuthorizer::Question {
  std::string_view node;
  const RequestInfo& info;
  std::string_view fieldSelector;
  std::string_view name;  ///< of the object, also where a selector names it

  [[nodiscard]] Verdict unrelated() const {
    return unless("no relationship found between node '" + std::string(node) + "' and this object");
  }
};

NodeAuthorizer::NodeAuthorizer(std::unique_ptr<NodeObjects> objects)
    : objects_(std::move(objects)) {
  role_.assign(symbols_, bootstrapRulesOf("system:node"));
}

Verdict NodeAuthorizer::authorize(const Attributes& attributes) const {
  const auto& user = attributes.user;
  if (!user.name.starts_with(kUserPrefix) || !user.inGroup("system:nodes")) return {};
  const auto node = nodeNameOf(user);
  if (node.empty()) return unless("unknown node for user " + api::goQuote(user.name));
  const auto& info = attributes.info;
  if (!info.isResource) return byRole(attributes);
  Question question{node, info, attributes.fieldSelector, attributes.name()};
  const auto& what = info.resource;
  if (info.group.empty()) {
    if (what == "pods") return pods(question);
    if (what == "nodes") return nodes(question);
    if (what == "secrets") return readReferenced(question, ReferencedKind::Secret);
    if (what == "configmaps") return readReferenced(question, ReferencedKind::ConfigMap);
    if (what == "persistentvolumeclaims") return claims(question);
    if (what == "persistentvolumes") return getOne(question, &NodeObjects::volumeUsed);
    if (what == "serviceaccounts") return token(question);
  }
  if (info.group == "coordination.k8s.io" && what == "leases") return leases(question);
  if (info.group == "storage.k8s.io") {
    if (what == "csinodes") return csiNodes(question);
    if (what == "volumeattachments") return getOne(question, &NodeObjects::attachmentOf);
  }
  if (info.group == "resource.k8s.io") {
    if (what == "resourceclaims") return resourceClaims(question);
    if (what == "resourceslices") return slices(question);
  }
  return byRole(attributes);
}

void NodeAuthorizer::appendRules(const UserInfo& user, std::string_view ns, RulesAnswer& to) const {
  if (nodeNameOf(user).empty()) return;
  to.incomplete = true;
  to.errors.emplace_back("node authorizer does not support user rule resolution");
}

Verdict NodeAuthorizer::byRole(const Attributes& attributes) const {
  return role_.allows(symbols_, RuleQuestion(symbols_, attributes)) ? allow() : Verdict{};
}

Verdict NodeAuthorizer::pods(const Question& q) const {
  const auto& info = q.info;
  if (info.subresource == "status") {
    return info.verb == "update" || info.verb == "patch" ? allow() : Verdict{};
  }
  if (info.subresource == "eviction") return info.verb == "create" ? allow() : Verdict{};
  if (!info.subresource.empty()) return {};
  if (info.verb == "create" || info.verb == "delete") return allow();
  if (info.verb == "list" || info.verb == "watch") {
    if (selects(q.fieldSelector, "spec.nodeName", q.node)) return allow();
    if (info.name.empty()) {
      return unless("can only list/watch pods with spec.nodeName field selector");
    }
  } else if (info.verb != "get") {
    return {};
  }
  return objects_->podOnNode(q.node, info.ns, info.name) ? allow() : q.unrelated();
}

Verdict NodeAuthorizer::nodes(const Question& q) const {
  const auto& info = q.info;
  const auto node = std::string(q.node);
  if (info.subresource == "status") {
    return info.verb == "update" || info.verb == "patch" ? allow() : Verdict{};
  }
  if (!info.subresource.empty()) return {};
  if (info.verb == "create" || info.verb == "update" || info.verb == "patch") return allow();
  if (!reads(info.verb)) return {};
  if (info.name == node) return allow();
  if (info.name.empty()) {
    if (selects(q.fieldSelector, "metadata.name", q.node)) return allow();
    return unless("node '" + node + "' cannot read all nodes, only its own Node object");
  }
  return unless("node '" + node + "' cannot read '" + info.name + "', only its own Node object");
}

Verdict NodeAuthorizer::readReferenced(const Question& q, ReferencedKind kind) const {
  const auto& info = q.info;
  if (!reads(info.verb)) return unless("can only read resources of this type");
  if (!info.subresource.empty()) return unless("cannot read subresource");
  if (info.ns.empty()) return unless("can only read namespaced object of this type");
  if (q.name.empty()) return unless("No Object name found");
  return objects_->referenced(q.node, kind, info.ns, q.name) ? allow() : q.unrelated();
}

Verdict NodeAuthorizer::claims(const Question& q) const {
  const auto& info = q.info;
  if (info.subresource == "status") {
    if (info.verb != "update" && info.verb != "patch" && info.verb != "get") {
      return unless("can only get/update/patch this type");
    }
  } else if (info.verb != "get") {
    return unless("can only get individual resources of this type");
  } else if (!info.subresource.empty()) {
    return unless("cannot get subresource");
  }
  if (info.name.empty()) return unless("No Object name found");
  const bool used =
      objects_->referenced(q.node, ReferencedKind::PersistentVolumeClaim, info.ns, info.name);
  return used ? allow() : q.unrelated();
}

Verdict NodeAuthorizer::getOne(const Question& q,
                               bool (NodeObjects::*related)(std::string_view node,
                                                            std::string_view name) const) const {
  const auto& info = q.info;
  if (info.verb != "get") return unless("can only get individual resources of this type");
  if (!info.subresource.empty()) return unless("cannot get subresource");
  if (info.name.empty()) return unless("No Object name found");
  return (objects_.get()->*related)(q.node, info.name) ? allow() : q.unrelated();
}

Verdict NodeAuthorizer::resourceClaims(const Question& q) const {
  const auto& info = q.info;
  if (info.verb != "get") return unless("can only get individual resources of this type");
  if (!info.subresource.empty()) return unless("cannot get subresource");
  if (info.name.empty()) return unless("No Object name found");
  const bool used = objects_->referenced(q.node, ReferencedKind::ResourceClaim, info.ns, info.name);
  return used ? allow() : q.unrelated();
}

Verdict NodeAuthorizer::slices(const Question& q) const {
  const auto& info = q.info;
  const auto& verb = info.verb;
  if (!info.subresource.empty()) return unless("cannot authorize ResourceSlice subresources");
  // Whose a slice is that is created, is admission's to check.
  if (verb == "create") return allow();
  if (verb == "get" || verb == "update" || verb == "patch" || verb == "delete") {
    if (info.name.empty()) return unless("No Object name found");
    return objects_->sliceOf(q.node, info.name) ? allow() : q.unrelated();
  }
  if (verb == "list" || verb == "watch" || verb == "deletecollection") {
    if (selects(q.fieldSelector, "spec.nodeName", q.node)) return allow();
    return unless(
        "can only list/watch/deletecollection resourceslices with nodeName field selector");
  }
  return unless(
      "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, "
      "update, patch, delete, deletecollection");
}

Verdict NodeAuthorizer::token(const Question& q) const {
  const auto& info = q.info;
  const bool known =
      objects_->referenced(q.node, ReferencedKind::ServiceAccount, info.ns, info.name);
  if (info.subresource.empty() && info.verb == "get") return known ? allow() : q.unrelated();
  if (info.verb != "create" || info.name.empty()) {
    return unless("can only create tokens for individual service accounts");
  }
  if (info.subresource != "token") {
    return unless("can only create token subresource of service account");
  }
  return known ? allow() : q.unrelated();
}

Verdict NodeAuthorizer::leases(const Question& q) const {
  const auto& info = q.info;
  const auto& verb = info.verb;
  if (verb != "get" && verb != "create" && verb != "update" && verb != "patch" &&
      verb != "delete") {
    return unless("can only get, create, update, patch, or delete a node lease");
  }
  if (info.ns != "kube-node-lease") {
    return unless("can only access leases in the \"kube-node-lease\" system namespace");
  }
  // The name of a lease that is created is admission's to check.
  if (verb != "create" && info.name != q.node) {
    return unless("can only access node lease with the same name as the requesting node");
  }
  return allow();
}

Verdict NodeAuthorizer::csiNodes(const Question& q) const {
  const auto& info = q.info;
  const auto& verb = info.verb;
  if (verb != "get" && verb != "create" && verb != "update" && verb != "patch" &&
      verb != "delete") {
    return unless("can only get, create, update, patch, or delete a CSINode");
  }
  if (!info.subresource.empty()) return unless("cannot authorize CSINode subresources");
  if (verb != "create" && info.name != q.node) {
    return unless("can only access CSINode with the same name as the requesting node");
  }
  return allow();
}

}  // namespace coxswain::apiserver
