#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/cmd/action.h"

namespace coxswain::cli {

/// `apply --prune`: deletes what an earlier apply made and this one no longer names. Upstream:
/// kubectl's apply/prune.go.
class Prune {
 public:
  void declare(FlagSet& flags);
  [[nodiscard]] bool wanted() const { return wanted_; }
  /// Do the flags go together? A fault if not.
  [[nodiscard]] Status check(const Selection& selection, bool serverSide, bool force) const;

  /// An object that this apply has seen to.
  void visit(const Info& info, const json::value& object);
  /// Looks at every kind there may be one of, in the namespaces that were visited. Only objects
  /// with the annotation of client-side apply go. The first failure ends it.
  Task<Status> run(Session& session, ObjectClient& client, std::string labelSelector,
                   Action& action) const;

 private:
  Task<Status> pruneOne(Session& session, ObjectClient& client, const ApiResource& resource,
                        std::string ns, std::string labelSelector, Action& action) const;
  [[nodiscard]] Result<std::vector<const ApiResource*>> kinds(const Mapper& mapper) const;

  bool wanted_ = false;
  bool all_ = false;
  std::vector<std::string> allowlist_;
  std::set<std::string> uids_;
  std::set<std::string> namespaces_;
};

}  // namespace coxswain::cli
