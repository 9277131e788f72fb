#include "net/lasting.h"

#include "runtime/sync.h"

namespace coxswain::net {

namespace {

class Woken final : public LastingAnswer::Host {
 public:
  void wake() override { event.set(); }
  Event event;
};

}  // namespace

Task<void> runToEnd(std::shared_ptr<LastingAnswer> answer, ResponseWriter& response,
                    std::stop_token stop) {
  Woken woken;
  answer->setHost(&woken);
  while (true) {
    woken.event.reset();
    auto more = co_await answer->advance(response);
    if (!more.ok() || !*more) break;
    Status waited = co_await woken.event.wait(stop);
    if (!waited.ok()) break;
  }
  answer->setHost(nullptr);
  answer->ended();
}

}  // namespace coxswain::net
