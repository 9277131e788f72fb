#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/event_recorder.h"
#include "client/informers.h"
#include "client/workqueue.h"
#include "runtime/executor.h"
#include "runtime/random.h"
#include "runtime/sync.h"

namespace coxswain::controllers {

/// What a controller gets from outside; all of it outlives the controller. One executor.
struct Context {
  client::Client& client;
  client::Informers& informers;
  Executor& executor;
  Random& random;
};

/// A level-triggered loop: handlers of informers put keys in a queue; workers take a key, read the
/// caches, act. Failures come again with backoff. Subclasses register handlers in their
/// constructor and implement reconcile(). start() after informers know their handlers; stop()
/// before destruction.
class Controller {
 public:
  struct Options {
    std::string name;  ///< "replicaset-controller": of logs and events
    int workers = 5;
    int retriesMax = -1;  ///< then the key is dropped until something changes; -1: never
    client::WorkQueue::Options queue;
  };

  Controller(const Context& context, Options options);
  virtual ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  [[nodiscard]] const std::string& name() const { return options_.name; }
  /// Workers start once the used informers have their first list.
  void start();
  Task<void> stop();

 protected:
  /// Brings what `key` names nearer to what it should be. One worker a key at a time.
  /// Result: when to look again; zero: when something changes.
  virtual Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) = 0;
  /// Before all else, with the client only; here a controller may still find out what it watches
  /// (use) and start the informers of that. A failure ends the controller.
  virtual Task<Status> prepare(std::stop_token stop);
  /// Work beside the queue, such as a periodic round; runs once the caches are filled. Must end
  /// when stopped.
  virtual Task<void> background(std::stop_token stop);

  /// The shared informer, which then must be filled before workers start.
  template <typename T>
  client::Informer& use() {
    return use(client::resourceOf<T>());
  }
  client::Informer& use(const client::ResourceType& type);

  client::WorkQueue& queue() { return queue_; }
  client::Client& client() { return context_.client; }
  client::Informers& informers() { return context_.informers; }
  client::EventRecorder& events() { return events_; }
  Executor& executor() { return context_.executor; }
  Random& random() { return context_.random; }
  [[nodiscard]] WallTime now() const { return context_.executor.wallNow(); }

 private:
  static Task<void> main(Controller& self, Gate::Pass pass, std::stop_token stop);
  Task<void> work(std::stop_token stop);

  Context context_;
  Options options_;
  std::vector<client::Informer*> used_;
  client::WorkQueue queue_;
  client::EventRecorder events_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::controllers
