#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/process.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::integration {

/// Parts of $COXSWAIN_BIN as programs of their own, with a folder that goes with this object.
/// stop() always.
class Programs {
 public:
  explicit Programs(Reactor& reactor);
  ~Programs();
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  /// Makes the folder. BadRequest: COXSWAIN_BIN is not set.
  Status open();
  /// In the folder.
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  /// Whether it serves or not. Its log is PART.log of the folder, with `suffix` PARTSUFFIX.log.
  Status start(const std::string& part, std::vector<std::string> flags,
               const std::string& suffix = "");
  /// By the name of its log without ".log"; null: none.
  [[nodiscard]] ChildProcess* find(const std::string& name) const;
  /// The test has ended it itself, and does not mind how.
  void forget(const std::string& name);
  void printLogs() const;
  /// The last first; what did not end well is told.
  Task<void> stop();

 private:
  std::string program_;
  std::string folder_;
  std::unique_ptr<ProcessRunner> processes_;
  struct Child {
    std::string name;
    std::unique_ptr<ChildProcess> process;
  };
  std::vector<Child> children_;
};

/// Empty: there is no such file.
std::string readAll(const std::string& path);

}  // namespace coxswain::integration
