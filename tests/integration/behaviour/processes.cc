#include <gtest/gtest.h>

#include "behaviour/cluster.h"
#include "control_plane.h"
#include "runtime/reactor.h"

namespace coxswain::behaviour {

namespace {

using integration::ControlPlane;

Task<bool> endOf(Task<void> task) {
  co_await std::move(task);
  co_return true;
}

class Processes final : public Cluster {
 public:
  Processes() {
    ControlPlane::Options options;
    options.hollowNodes = 3;
    auto made = blockOn(reactor_, ControlPlane::start(reactor_, std::move(options)));
    if (made.ok()) {
      plane_ = std::move(*made);
    } else {
      ADD_FAILURE() << made.status().message();
    }
  }
  ~Processes() override {
    if (plane_) run(plane_->stop());
  }
  [[nodiscard]] bool ok() const { return plane_ != nullptr; }

  client::Client& client() override { return plane_->client(); }
  client::Informers& informers() override { return plane_->informers(); }
  Executor& executor() override { return reactor_; }
  bool until(const std::function<bool()>& condition) override {
    return blockOn(reactor_, plane_->until(condition));
  }
  void run(Task<void> task) override { (void)blockOn(reactor_, endOf(std::move(task))); }
  void printLogs() const override { plane_->programs().printLogs(); }

 private:
  Reactor reactor_;
  std::unique_ptr<ControlPlane> plane_;
};

}  // namespace

std::unique_ptr<Cluster> makeProcesses() {
  auto made = std::make_unique<Processes>();
  if (!made->ok()) return nullptr;
  return made;
}

}  // namespace coxswain::behaviour
