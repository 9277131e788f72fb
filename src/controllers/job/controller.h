#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controllers/framework/controller.h"
#include "controllers/framework/expectations.h"
#include "controllers/job/decide.h"

namespace coxswain::controllers::job {

/// Runs pods of a Job until as many as it asks for have succeeded.
///
/// Every pod has a finalizer, so that none ends uncounted: first its uid goes into the status, then
/// the finalizer is removed, then the counter grows. Pods whose job is gone lose it here too. Keys
/// are "j|job" and "p|pod".
/// Upstream: pkg/controller/job.
class JobController final : public Controller {
 public:
  explicit JobController(const Context& context, int workers = 5);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using JobPointer = std::shared_ptr<const api::batch::v1::Job>;

  void onPod(const client::Change& change);
  /// A job of many pods is looked at once for many of their changes.
  void addSoon(const api::batch::v1::Job& job);
  [[nodiscard]] bool isBehind(const api::batch::v1::Job& job) const;
  [[nodiscard]] JobPointer ownerOf(const api::core::v1::Pod& pod) const;
  Task<Result<std::vector<PodPointer>>> claimPods(JobPointer job, std::stop_token stop);
  Task<Result<Duration>> syncJob(std::string key, JobPointer job, std::stop_token stop);
  /// A pod with a finalizer of ours and no job.
  Task<Status> releaseOrphan(PodPointer pod, std::stop_token stop);
  Task<Status> carryOut(std::string key, JobPointer job, Plan& todo, std::stop_token stop);
  Task<void> createOne(const std::string& key, const JobPointer& job, NewPod wanted,
                       Status& outcome, std::stop_token stop);
  Task<void> deleteOne(const std::string& key, const JobPointer& job, PodPointer pod, bool untrack,
                       Status& outcome, std::stop_token stop);
  Task<void> untrackOne(PodPointer pod, Status& outcome, std::stop_token stop);

  client::Informer& jobs_;
  client::Informer& pods_;
  Expectations expectations_;
  std::map<std::string, Memory> memories_;  ///< of jobs that run, by uid
  /// Resource versions of the last statuses written, by uid. A cache that is behind them would have
  /// pods made anew that are counted already.
  std::map<std::string, uint64_t> written_;
};

}  // namespace coxswain::controllers::job
