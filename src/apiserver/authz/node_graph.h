#pragma once

#include <memory>

#include "apiserver/authz/node_authorizer.h"
#include "apiserver/generic/generic_registry.h"
#include "runtime/executor.h"

namespace coxswain::apiserver {

/// Answers the node authorizer from what is stored: which pods each node has, and what these name.
/// Follows the pods by a watch from the first question on; an answer knows of every write that was
/// acknowledged before. What a pod names is worked out when its node asks, and kept as a few
/// numbers a pod until the pod changes. One executor. Upstream: plugin/pkg/auth/authorizer/node,
/// graph.go.
class NodeGraph final : public NodeObjects {
 public:
  /// All outlive the graph. The last two may be null: then nobody reaches such objects.
  struct Registries {
    const GenericRegistry& pods;
    const GenericRegistry& claims;
    const GenericRegistry& volumes;
    const GenericRegistry* attachments = nullptr;
    const GenericRegistry* slices = nullptr;
  };
  NodeGraph(Executor& executor, const Registries& registries);
  ~NodeGraph() override;
  NodeGraph(const NodeGraph&) = delete;
  NodeGraph& operator=(const NodeGraph&) = delete;

  [[nodiscard]] bool podOnNode(std::string_view node, std::string_view ns,
                               std::string_view pod) const override;
  [[nodiscard]] bool referenced(std::string_view node, ReferencedKind kind, std::string_view ns,
                                std::string_view name) const override;
  [[nodiscard]] bool volumeUsed(std::string_view node, std::string_view volume) const override;
  [[nodiscard]] bool attachmentOf(std::string_view node, std::string_view name) const override;
  [[nodiscard]] bool sliceOf(std::string_view node, std::string_view name) const override;

 private:
  struct State;
  [[nodiscard]] bool secretOfVolume(std::string_view node, std::string_view ns,
                                    std::string_view name) const;
  Registries registries_;
  std::shared_ptr<State> state_;
};

}  // namespace coxswain::apiserver
