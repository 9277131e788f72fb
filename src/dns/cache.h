#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/time.h"
#include "dns/message.h"

namespace coxswain::dns {

/// An answer of an upstream server.
struct ForwardedAnswer {
  std::string bytes;
  AnswerInfo info;
};
using AnswerPointer = std::shared_ptr<const ForwardedAnswer>;

/// Keeps answers for as long as their records (or their SOA, where there is none) allow, and no
/// longer than the bounds here. Of too many, those that were used longest ago go. One executor.
class Cache {
 public:
  struct Limits {
    size_t entriesMax = 10000;  ///< 0: nothing is kept
    size_t bytesMax = 8 << 20;
    Duration positiveMax = 300s;
    Duration negativeMax = 30s;
  };
  explicit Cache(Limits limits) : limits_(limits) {}

  struct Hit {
    AnswerPointer answer;  ///< null: none
    uint32_t age = 0;      ///< seconds
  };
  Hit find(const std::string& key, MonotonicTime now);
  /// SERVFAIL and its like are not kept.
  void put(const std::string& key, AnswerPointer answer, MonotonicTime now);
  void clear();
  [[nodiscard]] size_t size() const { return entries_.size(); }

  /// Answers are the same where this is.
  static std::string keyOf(const Question& question, bool dnssecOk, bool checkingDisabled);

 private:
  struct Entry {
    std::string key;
    AnswerPointer answer;
    MonotonicTime stored;
    MonotonicTime expires;
  };
  using Order = std::list<Entry>;  // the most recently used first
  void drop(Order::iterator entry);

  Limits limits_;
  Order order_;
  std::unordered_map<std::string, Order::iterator> entries_;
  size_t bytes_ = 0;
};

}  // namespace coxswain::dns
