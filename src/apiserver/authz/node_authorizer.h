#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "apiserver/authz/authorizer.h"
#include "apiserver/authz/compiled_rules.h"
#include "apiserver/authz/pod_references.h"

namespace coxswain::apiserver {

/// What the node authorizer asks about the cluster. Answers at once, from what is stored.
class NodeObjects {
 public:
  virtual ~NodeObjects() = default;
  /// Is the pod bound to the node?
  [[nodiscard]] virtual bool podOnNode(std::string_view node, std::string_view ns,
                                       std::string_view pod) const = 0;
  /// Does a pod of the node refer to the object?
  [[nodiscard]] virtual bool referenced(std::string_view node, ReferencedKind kind,
                                        std::string_view ns, std::string_view name) const = 0;
  /// Does a pod of the node use a claim that is bound to the volume?
  [[nodiscard]] virtual bool volumeUsed(std::string_view node, std::string_view volume) const = 0;
  /// Is the VolumeAttachment for that node?
  [[nodiscard]] virtual bool attachmentOf(std::string_view node, std::string_view name) const = 0;
  /// Is the ResourceSlice about devices of that node?
  [[nodiscard]] virtual bool sliceOf(std::string_view node, std::string_view name) const = 0;
};

/// Lets kubelets (users system:node:NAME in group system:nodes) do what role system:node allows,
/// narrowed to their own node, the pods bound to it and what these refer to. Says why not, but
/// never denies: a binding may allow more. The role is the one every cluster begins with, whatever
/// became of its object. Upstream: plugin/pkg/auth/authorizer/node.
class NodeAuthorizer final : public Authorizer, public RuleSource {
 public:
  explicit NodeAuthorizer(std::unique_ptr<NodeObjects> objects);
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;
  /// Of a node: that there is more than a list.
  void appendRules(const UserInfo& user, std::string_view ns, RulesAnswer& to) const override;

 private:
  struct Question;
  [[nodiscard]] Verdict pods(const Question& question) const;
  [[nodiscard]] Verdict nodes(const Question& question) const;
  [[nodiscard]] Verdict readReferenced(const Question& question, ReferencedKind kind) const;
  [[nodiscard]] Verdict claims(const Question& question) const;
  [[nodiscard]] Verdict token(const Question& question) const;
  [[nodiscard]] Verdict leases(const Question& question) const;
  [[nodiscard]] Verdict csiNodes(const Question& question) const;
  [[nodiscard]] Verdict getOne(const Question& question,
                               bool (NodeObjects::*related)(std::string_view node,
                                                            std::string_view name) const) const;
  [[nodiscard]] Verdict resourceClaims(const Question& question) const;
  [[nodiscard]] Verdict slices(const Question& question) const;
  [[nodiscard]] Verdict byRole(const Attributes& attributes) const;
  std::unique_ptr<NodeObjects> objects_;
  Symbols symbols_;
  CompiledRules role_;  // system:node's
};

/// "node1" of user system:node:node1 in system:nodes; empty: not a node.
std::string_view nodeNameOf(const UserInfo& user);

}  // namespace coxswain::apiserver
