#pragma once

#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "proxy/model.h"
#include "proxy/nftables/elements.h"
#include "proxy/nftables/rules.h"
#include "runtime/process.h"

namespace coxswain::proxy::nftables {

/// Keeps our tables of the kernel equal to what it is told, through the program `nft`. The first
/// write, and the one after a failed write, replaces a whole table in one transaction; others
/// change elements. One executor, one call of write at a time.
class Backend {
 public:
  Backend(ProcessRunner& processes, RuleOptions options, std::vector<Family> families);

  /// What `service` ("namespace/name") is from now on; empty: nothing.
  void put(const std::string& service, const std::vector<ServicePort>& ports);
  /// Tells the kernel. After a failure the kernel has what it had; write again.
  Task<Status> write(std::stop_token stop);
  /// The next write replaces everything.
  void forget();

  [[nodiscard]] size_t elementCount() const;
  struct Counts {
    uint64_t replaced = 0;
    uint64_t changed = 0;
    uint64_t failed = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

  static Task<Status> removeAll(ProcessRunner& processes, std::stop_token stop);

 private:
  /// Where a service port's endpoints have their numbers, and what affinity may still lead to.
  struct PortState {
    ServicePort port;  // with endpoints in their numbers' order
  };
  struct Table {
    Family family = Family::V4;
    ElementStore elements;
    bool installed = false;
    std::set<Chain> chains;              // in the kernel
    std::set<Chain> newChains;           // to be made by the next change
    std::vector<Element> staleAffinity;  // as keys "proto . port" and values "endpoint"
  };

  void putPort(Table& table, const std::string& owner, const ServicePort* port);
  Task<Status> writeTable(Table& table, std::stop_token stop);
  Task<Status> dropStaleAffinity(Table& table, std::stop_token stop);
  Task<Result<std::string>> nft(std::vector<std::string> arguments, std::string input,
                                std::stop_token stop);

  ProcessRunner& processes_;
  RuleOptions options_;
  std::vector<Table> tables_;
  std::map<std::string, PortState> ports_;                 // by owner
  std::map<std::string, std::set<std::string>> services_;  // owners of a service
  Counts counts_;
};

/// The keys in an `nft list map` of our affinity map whose destination port and protocol ("tcp .
/// 80") and endpoint ("10.244.0.7 . 8080") are a pair of `stale`.
std::vector<std::string> staleKeys(std::string_view listing, const std::vector<Element>& stale);

}  // namespace coxswain::proxy::nftables
