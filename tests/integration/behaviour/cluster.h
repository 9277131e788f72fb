#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/client.h"
#include "client/informers.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace coxswain::behaviour {

/// A whole cluster with three nodes that only pretend, "hollow-0" to "hollow-2", as a test sees it
/// that does not care how it is made: in this process under virtual time, or of programs over
/// HTTPS. Methods block until done.
class Cluster {
 public:
  virtual ~Cluster() = default;

  virtual client::Client& client() = 0;  ///< an administrator's
  virtual client::Informers& informers() = 0;
  virtual Executor& executor() = 0;
  /// Looks again and again until it holds. False: not within the cluster's patience.
  virtual bool until(const std::function<bool()>& condition) = 0;
  virtual void run(Task<void> task) = 0;
  /// For the failed: what the parts said.
  virtual void printLogs() const = 0;

  template <typename T>
  T get(Task<T> task) {
    std::optional<T> out;
    run(into(std::move(task), out));
    return std::move(*out);
  }

 private:
  template <typename T>
  static Task<void> into(Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
  }
};

enum class Kind { InProcess, Processes };
/// Null, with a failure of the current test: it cannot be made.
std::unique_ptr<Cluster> makeCluster(Kind kind);

std::unique_ptr<Cluster> makeInProcess();
std::unique_ptr<Cluster> makeProcesses();

}  // namespace coxswain::behaviour
