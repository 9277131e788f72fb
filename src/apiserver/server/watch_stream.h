#pragma once

#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "apiserver/generic/generic_registry.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/exchange.h"
#include "apiserver/server/metrics.h"
#include "apiserver/server/watch_frames.h"
#include "runtime/executor.h"

namespace coxswain::apiserver {

/// What one coroutine waits on and any thread may set; once set it stays so until the next wait
/// takes it. Small, for there are as many as watches.
class Wakeup : public std::enable_shared_from_this<Wakeup> {
 public:
  explicit Wakeup(Executor& executor) : executor_(executor) {}
  void set();

  class Awaiter {
   public:
    Awaiter(std::shared_ptr<Wakeup> wakeup, std::stop_token stop)
        : wakeup_(std::move(wakeup)), stop_(std::move(stop)) {}
    bool await_ready() { return stop_.stop_requested() || wakeup_->take(); }
    bool await_suspend(std::coroutine_handle<> handle);
    void await_resume() {
      callback_.reset();
      (void)wakeup_->take();
    }

   private:
    struct Stop {
      std::shared_ptr<Wakeup> wakeup;
      void operator()() const { wakeup->set(); }
    };
    const std::shared_ptr<Wakeup> wakeup_;
    const std::stop_token stop_;
    std::optional<std::stop_callback<Stop>> callback_;
  };
  /// Ends when it is set, or when stopped.
  [[nodiscard]] Awaiter wait(std::stop_token stop) { return {shared_from_this(), std::move(stop)}; }

 private:
  bool take();

  Executor& executor_;
  std::mutex mutex_;
  bool set_ = false;
  std::coroutine_handle<> waiter_;
};

/// A watch whose answer has begun: sends events and bookmarks until the client leaves, time is up
/// or the watch fails. While nothing happens it holds little more than itself. One executor.
class WatchStream final : public LongRunning {
 public:
  struct Parts {
    Executor& executor;
    WatchFrames& frames;
    const GenericRegistry& registry;
    const Resource& resource;
    ServerMetrics::Watching figures;
    std::shared_ptr<Wakeup> wakeup;
    Result<std::unique_ptr<ObjectWatch>> watch;  ///< a failure is told of as an event
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
  Task<Status> run(net::ResponseWriter& response, std::stop_token stop) override;

 private:
  /// All there is. False: the watch has ended.
  Task<Result<bool>> sendWaiting(net::ResponseWriter& response);
  Status appendObject(std::string& out, std::string_view type, const api::ConstObject& object);
  Status appendEvent(std::string& out, const ObjectEvent& event);
  Status appendBookmark(std::string& out);
  /// For the next bookmark, or the end.
  void setTimer();

  Parts parts_;
  MonotonicTime end_;
  storage::Revision told_;
  Status failure_;
  Executor::TimerId timer_ = 0;
  bool armed_ = false;
  bool due_ = false;  ///< the timer has run
  bool columns_ = true;
};

}  // namespace coxswain::apiserver
