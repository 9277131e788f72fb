#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controllers/job/decide.h"
#include "controllers/job/indexes.h"

namespace coxswain::controllers::job {

/// One look at one job: from its pods to a Plan. decide.cc: how the job ends; counting.cc: pods
/// that have ended; pods.cc: those to make and to delete.
class Planner {
 public:
  Planner(const api::batch::v1::Job& job, const std::vector<PodPointer>& pods, Memory memory,
          WallTime now);
  Plan make(bool mayManage);

 private:
  using Pod = api::core::v1::Pod;

  // decide.cc
  void start(bool suspended);
  void decideFailure();
  void decideSuccessByPolicy();
  [[nodiscard]] bool isPastDeadline();
  [[nodiscard]] bool restartsExceed(int32_t limit) const;
  [[nodiscard]] bool isComplete() const;
  void fillStatus();
  void finish();
  void setSuspended(bool suspended);
  [[nodiscard]] const api::batch::v1::JobCondition* condition(std::string_view type) const;
  void setCondition(std::string_view type, std::string_view value, std::string_view reason,
                    std::string message);
  void end(std::string_view type, std::string_view reason, std::string message);
  void lookAgainIn(Duration wait);

  // counting.cc
  void sort();
  void settle();
  void findEnded();
  void findFailedIndexes();
  void noteFailures(const std::vector<PodPointer>& succeeded,
                    const std::vector<PodPointer>& failed);
  void count();
  void countSuccess(const PodPointer& pod);
  void countFailure(const PodPointer& pod);
  [[nodiscard]] bool mayUntrack(const PodPointer& pod) const;
  [[nodiscard]] bool isUncountedFull() const;

  // pods.cc
  void stopAll();
  void manage(bool suspended);
  void dismiss(int32_t atLeast);
  void dismissDuplicates();
  void create(int32_t missing);
  void createIndexes(int32_t missing);
  [[nodiscard]] int32_t wantedActive() const;

  const api::batch::v1::Job& job_;
  const std::vector<PodPointer>& pods_;
  WallTime now_;
  bool indexed_;
  bool perIndex_;
  std::optional<int32_t> completions_;
  std::vector<PodPointer> active_;
  int32_t terminating_ = 0;
  IndexSet completedBefore_;
  IndexSet completed_;
  IndexSet failedIndexes_;
  /// By index: the pod that tells of its failures; it keeps its finalizer until there is another.
  std::map<int32_t, PodPointer> lastFailed_;
  std::set<std::string> uncounted_;  ///< uids in status.uncountedTerminatedPods, settled
  int32_t succeeded_ = 0;            ///< with those not yet counted
  int32_t failed_ = 0;
  std::string failJob_;
  bool ends_ = false;
  bool stops_ = false;  ///< it ends, and no pod is left to run
  bool fails_ = false;  ///< so that every pod that is left counts as a failure
  size_t newIndexes_ = 0;
  Plan plan_;
};

}  // namespace coxswain::controllers::job
