#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/task.h"
#include "storage/store.h"

namespace coxswain::apiserver {

/// Whose an address is: a service.
struct AddressOwner {
  std::string ns;
  std::string name;
  bool operator==(const AddressOwner&) const = default;
};

/// What the cluster keeps about service addresses besides the services: an object for each address
/// (IPAddress), and the ranges (ServiceCIDR). Reads are of what was ever acknowledged. One
/// executor.
class AddressBook {
 public:
  struct Range {
    std::string cidr;
    bool ready = false;  ///< addresses may be taken from it
  };
  struct Kept {
    std::string ip;
    AddressOwner owner;
  };
  virtual ~AddressBook() = default;

  /// Somebody has it, a service or not.
  [[nodiscard]] virtual bool has(std::string_view ip) const = 0;
  /// Those of all ServiceCIDRs, by name.
  [[nodiscard]] virtual std::vector<Range> ranges() const = 0;
  /// Addresses that are kept for services.
  [[nodiscard]] virtual std::vector<Kept> all() const = 0;
  /// AlreadyExists where somebody has it.
  virtual Task<Status> add(std::string ip, AddressOwner owner) = 0;
  /// No effect unless it is the owner's.
  virtual Task<Status> drop(std::string ip, AddressOwner owner) = 0;
  /// The same together with another write.
  virtual void dropWith(const std::string& ip, const AddressOwner& owner,
                        storage::WriteRequest& write) const = 0;
};

}  // namespace coxswain::apiserver
