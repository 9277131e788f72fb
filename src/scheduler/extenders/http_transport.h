#pragma once

#include <memory>

#include "runtime/reactor.h"
#include "scheduler/extenders/extender.h"

namespace coxswain::scheduler {

/// Extenders over HTTP or HTTPS, on one reactor. Without a CA of its own the server of an extender
/// with enableHTTPS is not verified, as upstream.
class HttpExtenderTransports final : public ExtenderTransports {
 public:
  explicit HttpExtenderTransports(Reactor& reactor) : reactor_(reactor) {}
  Result<std::unique_ptr<ExtenderTransport>> open(const config::v1::Extender& extender) override;

 private:
  Reactor& reactor_;
};

}  // namespace coxswain::scheduler
