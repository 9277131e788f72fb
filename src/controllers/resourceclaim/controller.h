#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controllers/framework/controller.h"
#include "controllers/resourceclaim/decide.h"

namespace coxswain::controllers::resourceclaim {

/// Makes the ResourceClaims of pods that name a template, and tells the pods of them; reserves
/// allocated claims for pods that were put on a node past the scheduler; takes pods that have ended
/// from claims, and from a claim that nobody uses any more its devices and finalizer; deletes
/// claims made for pods that need them no more. Keys are "p|pod" and "c|claim". Upstream:
/// pkg/controller/resourceclaim/controller.go.
class ResourceClaimController final : public Controller {
 public:
  explicit ResourceClaimController(const Context& context, int workers = 10);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using Pod = api::core::v1::Pod;
  using PodPointer = std::shared_ptr<const Pod>;
  using Entry = api::core::v1::PodResourceClaim;
  using Claim = api::resource::v1::ResourceClaim;
  using Names = std::vector<std::pair<std::string, std::string>>;

  void onPod(const Pod& pod, bool gone);
  void onClaim(const client::Change& change);
  [[nodiscard]] bool needsWork(const Pod& pod) const;

  Task<Status> syncPod(PodPointer pod, std::stop_token stop);
  /// Adds to `names` what the pod's status lacks.
  Task<Status> ensureClaim(PodPointer pod, Entry entry, Names& names, std::stop_token stop);
  /// Empty: there is none yet.
  Task<Result<std::string>> findMade(PodPointer pod, std::string entry, std::stop_token stop);
  Task<Status> reserve(PodPointer pod, std::stop_token stop);

  Task<Status> syncClaim(ClaimPointer claim, std::stop_token stop);
  /// Nobody: the pod is certainly not going to use the claim.
  Task<Result<bool>> isNobody(api::resource::v1::ResourceClaimConsumerReference who, std::string ns,
                              std::stop_token stop);
  Task<Status> release(Claim next, std::stop_token stop);
  Task<Status> removeUnneeded(ClaimPointer claim, std::stop_token stop);

  client::Informer& pods_;
  client::Informer& claims_;
  client::Informer& templates_;
  /// By pod's uid and entry: a claim that was made, until the pod's status is seen to name it;
  /// empty: whether one was made is not known.
  std::map<std::pair<std::string, std::string>, std::string> made_;
};

}  // namespace coxswain::controllers::resourceclaim
