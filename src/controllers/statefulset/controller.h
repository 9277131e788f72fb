#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controllers/framework/controller.h"
#include "controllers/framework/history.h"
#include "controllers/statefulset/decide.h"

namespace coxswain::controllers::statefulset {

/// Pods with names that stay, in order, each with its own claims.
///
/// There are no expectations: a pod is made by its name, so that making it twice fails, and deleted
/// by its uid.
/// Upstream: pkg/controller/statefulset.
class StatefulSetController final : public Controller {
 public:
  explicit StatefulSetController(const Context& context, int workers = 5);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using SetPointer = std::shared_ptr<const api::apps::v1::StatefulSet>;
  /// What pods of a new ordinal are made from.
  struct Revisions {
    std::string current;
    std::string update;
    /// Of the current revision, where that is not the one rolled out.
    std::optional<api::core::v1::PodTemplateSpec> currentTemplate;
  };

  void onPod(const client::Change& change);
  [[nodiscard]] SetPointer ownerOf(const api::core::v1::Pod& pod) const;
  Task<Result<std::vector<PodPointer>>> claimPods(SetPointer set, std::stop_token stop);
  Result<Revisions> revisionsOf(const api::apps::v1::StatefulSet& set,
                                const History& history) const;
  Task<void> carryOut(const SetPointer& set, const Revisions& revisions, Step step, Status& outcome,
                      std::stop_token stop);
  Task<Status> createOne(SetPointer set, const Revisions& revisions, Step step,
                         std::stop_token stop);
  Task<Status> deleteOne(SetPointer set, PodPointer pod, std::stop_token stop);
  Task<Status> repairOne(SetPointer set, PodPointer pod, std::stop_token stop);
  Task<Status> makeClaims(SetPointer set, int32_t ordinal, bool podIsThere, std::stop_token stop);
  [[nodiscard]] bool hasStaleClaims(const api::apps::v1::StatefulSet& set, int32_t ordinal) const;
  void onClaimGone(const std::string& ns, const std::string& name);
  Task<Status> ownClaims(SetPointer set, PodPointer pod, int32_t ordinal, std::stop_token stop);
  Task<Status> writeStatus(SetPointer set, api::apps::v1::StatefulSetStatus wanted,
                           std::stop_token stop);
  void tell(const api::apps::v1::StatefulSet& set, std::string_view verb, const std::string& pod,
            const Status& outcome);

  client::Informer& sets_;
  client::Informer& pods_;
  client::Informer& claims_;
  client::Informer& revisions_;
  std::map<std::string, std::shared_ptr<HistoryMemo>> memos_;  ///< by uid
};

}  // namespace coxswain::controllers::statefulset
