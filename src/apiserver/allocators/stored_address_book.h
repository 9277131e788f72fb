#pragma once

#include "apiserver/allocators/address_book.h"

namespace coxswain::apiserver {

class GenericRegistry;

/// The book in the collections ipaddresses and servicecidrs, which outlive it.
class StoredAddressBook final : public AddressBook {
 public:
  StoredAddressBook(GenericRegistry& addresses, GenericRegistry& cidrs)
      : addresses_(addresses), cidrs_(cidrs) {}

  [[nodiscard]] bool has(std::string_view ip) const override;
  [[nodiscard]] std::vector<Range> ranges() const override;
  [[nodiscard]] std::vector<Kept> all() const override;
  Task<Status> add(std::string ip, AddressOwner owner) override;
  Task<Status> drop(std::string ip, AddressOwner owner) override;
  void dropWith(const std::string& ip, const AddressOwner& owner,
                storage::WriteRequest& write) const override;

 private:
  [[nodiscard]] bool isOf(const std::string& ip, const AddressOwner& owner) const;
  GenericRegistry& addresses_;
  GenericRegistry& cidrs_;
};

}  // namespace coxswain::apiserver
