#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string_view>

#include "base/result.h"
#include "proxy/model.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::proxy::nftables {

/// Hears of every transaction on this namespace's rules, whoever makes it (`nft flush ruleset`, a
/// restarted firewall, ourselves), so that nobody has to look from time to time. Netlink of our
/// own, no library. On the reactor's thread.
class RulesetWatch {
 public:
  /// Forbidden without CAP_NET_ADMIN.
  static Result<std::unique_ptr<RulesetWatch>> create(Reactor& reactor);
  ~RulesetWatch();
  RulesetWatch(const RulesetWatch&) = delete;
  RulesetWatch& operator=(const RulesetWatch&) = delete;

  /// Until there was a transaction, or may have been (the kernel had no room to tell). Those that
  /// wait to be told count as one.
  Task<Status> changed(std::stop_token stop);

 private:
  explicit RulesetWatch(std::unique_ptr<Reactor::Descriptor> socket);
  std::unique_ptr<Reactor::Descriptor> socket_;
};

/// The kernel's number of a table, new each time that it is made; 0: there is none. Asks the kernel
/// and waits for its answer (microseconds).
Result<uint64_t> tableHandle(Family family, std::string_view table);

}  // namespace coxswain::proxy::nftables
