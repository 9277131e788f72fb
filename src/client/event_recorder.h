#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "api/reflect/object.h"
#include "base/time.h"
#include "client/client.h"
#include "runtime/sync.h"

namespace coxswain::api::core::v1 {
struct Event;
struct ObjectReference;
}  // namespace coxswain::api::core::v1

namespace coxswain::client {

inline constexpr std::string_view kEventNormal = "Normal";
inline constexpr std::string_view kEventWarning = "Warning";

/// Writes core/v1 Events in the background: one that was seen before is counted up by a patch; more
/// than 10 in 10 minutes that differ by message only become "(combined from similar events): ...";
/// an object may have 25 at once and then one each 5 minutes, more are dropped. So are those that
/// do not fit the queue (1000) or that the server refuses. One executor; stop() before destruction.
/// Upstream: client-go/tools/record.
class EventRecorder {
 public:
  /// `component` is the source ("replicaset-controller"); `host` may be empty.
  EventRecorder(Client& client, Executor& executor, std::string component, std::string host = "");
  ~EventRecorder();
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  void event(const api::core::v1::ObjectReference& regarding, std::string_view type,
             std::string_view reason, std::string message);
  /// About an object of a kind.
  void event(const api::MessageInfo& info, const void* object, std::string_view type,
             std::string_view reason, std::string message);
  template <typename T>
  requires requires { T::kInfo; }
  void event(const T& object, std::string_view type, std::string_view reason, std::string message) {
    event(T::kInfo, &object, type, reason, std::move(message));
  }

  /// What is in the queue is dropped.
  Task<void> stop();

 private:
  struct Aggregate;
  struct Seen;
  struct Spam;
  using EventPointer = std::unique_ptr<api::core::v1::Event>;

  static Task<void> drain(EventRecorder& self, Gate::Pass pass, std::stop_token stop);
  Task<void> write(EventPointer event, std::stop_token stop);
  Task<Status> writeOnce(api::core::v1::Event& event, std::string key, std::stop_token stop);
  bool spams(const api::core::v1::Event& event);
  std::string combine(api::core::v1::Event& event);
  void trim();

  Client& client_;
  Executor& executor_;
  std::string component_;
  std::string host_;
  Channel<EventPointer> queue_;
  std::map<std::string, Aggregate> aggregates_;
  std::map<std::string, Seen> seen_;
  std::map<std::string, Spam> spam_;
  Gate gate_;
  std::stop_source stop_;
  bool started_ = false;
  int64_t lastNanos_ = 0;
};

}  // namespace coxswain::client
