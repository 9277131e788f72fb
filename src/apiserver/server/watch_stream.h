#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "apiserver/generic/generic_registry.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/exchange.h"
#include "apiserver/server/metrics.h"
#include "apiserver/server/watch_frames.h"
#include "runtime/executor.h"

namespace coxswain::apiserver {

/// A watch whose answer has begun: sends events and bookmarks until the client leaves, time is up
/// or the watch fails. There may be very many, idle: it is small. One executor.
class WatchStream final : public net::LastingAnswer,
                          public std::enable_shared_from_this<WatchStream> {
 public:
  struct Parts {
    Executor& executor;
    WatchFrames& frames;
    const GenericRegistry& registry;
    const Resource& resource;
    ServerMetrics::Watching figures;
    Accepted accepted;
    std::string includeObject;  ///< of tables
    storage::Revision after;    ///< bookmarks are beyond it
    bool starting;              ///< what comes first was there already
    bool bookmarks;
    int64_t timeoutSeconds;
    flow::Seats seats;  ///< until what there was at the beginning is made
  };
  explicit WatchStream(Parts parts);
  ~WatchStream() override;
  /// Before it is handed on. A failure is told of as an event.
  void watch(GenericRegistry::WatchRequest request);
  /// Tells audit of the end.
  void audit(std::unique_ptr<AuditTrail> trail) { trail_ = std::move(trail); }

  Task<Result<bool>> advance(net::ResponseWriter& response) override;
  void ended() override;

 private:
  Task<Result<bool>> end(net::ResponseWriter& response);
  Status appendObject(std::string& out, std::string_view type, const api::ConstObject& object);
  Status appendEvent(std::string& out, const ObjectEvent& event);
  Status appendBookmark(std::string& out);
  /// For the next bookmark, or the end.
  void setTimer();
  /// Something has happened. Any thread.
  void poke();

  Executor& executor_;
  WatchFrames& frames_;
  const GenericRegistry& registry_;
  const Resource& resource_;
  ServerMetrics::Watching figures_;
  std::unique_ptr<flow::Seats> seats_;
  std::unique_ptr<const std::string> includeObject_;  ///< null: the form has none
  std::unique_ptr<AuditTrail> trail_;
  std::unique_ptr<ObjectWatch> watch_;  ///< its end is the end of calls to poke
  MonotonicTime end_;
  storage::Revision told_;
  Status failure_;
  Executor::TimerId timer_ = 0;  ///< zero: none
  Accepted accepted_;
  bool starting_;
  bool bookmarks_;
  bool due_ = false;  ///< the timer has run
  bool columns_ = true;
  std::atomic<bool> poked_ = false;
};

}  // namespace coxswain::apiserver
