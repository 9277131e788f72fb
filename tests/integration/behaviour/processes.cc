#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "behaviour/cluster.h"
#include "control_plane.h"
#include "runtime/reactor.h"
#include "runtime/spawn.h"

namespace coxswain::behaviour {

namespace {

using integration::ControlPlane;

Task<void> tellEnd(Task<void> task, std::promise<void>& done) {
  co_await std::move(task);
  done.set_value();
}

/// The reactor has a thread, which stands still while the test's thread looks at caches: one of the
/// two moves at a time.
class Processes final : public Cluster {
 public:
  Processes() : thread_([this] { reactor_.run(); }) {
    park();
    ControlPlane::Options options;
    options.hollowNodes = 3;
    auto made = get(ControlPlane::start(reactor_, std::move(options)));
    if (made.ok()) {
      plane_ = std::move(*made);
    } else {
      ADD_FAILURE() << made.status().message();
    }
  }
  ~Processes() override {
    if (plane_) run(plane_->stop());
    unpark();
    reactor_.stop();
    thread_.join();
    plane_.reset();
  }
  [[nodiscard]] bool ok() const { return plane_ != nullptr; }

  client::Client& client() override { return plane_->client(); }
  client::Informers& informers() override { return plane_->informers(); }
  Executor& executor() override { return reactor_; }
  bool until(const std::function<bool()>& condition) override {
    // A CronJob alone may take a minute to fire.
    return get(plane_->until(condition)) || get(plane_->until(condition));
  }
  void run(Task<void> task) override {
    std::promise<void> done;
    spawn(reactor_, tellEnd(std::move(task), done));
    unpark();
    done.get_future().wait();
    park();
  }
  void printLogs() const override { plane_->programs().printLogs(); }

 private:
  void park() {
    reactor_.post([this] {
      std::unique_lock lock(mutex_);
      parked_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !parked_; });
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return parked_; });
  }
  void unpark() {
    const std::lock_guard lock(mutex_);
    parked_ = false;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool parked_ = false;
  Reactor reactor_;
  std::unique_ptr<ControlPlane> plane_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Cluster> makeProcesses() {
  auto made = std::make_unique<Processes>();
  if (!made->ok()) return nullptr;
  return made;
}

}  // namespace coxswain::behaviour
