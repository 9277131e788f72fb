#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/allocators/address_book.h"
#include "apiserver/allocators/ranges.h"
#include "base/result.h"
#include "runtime/random.h"

namespace coxswain::apiserver {

/// Which addresses of services are taken: those of stored services, of writes under way, and all
/// the book knows. Ranges are the server's own and those the book adds; they may overlap. One
/// executor.
class ServiceAddresses {
 public:
  /// `book` may be null; it and `random` outlive this. One range, or two of different families.
  ServiceAddresses(std::vector<AddressRange> own, Random& random, const AddressBook* book)
      : own_(std::move(own)), random_(random), book_(book) {}

  [[nodiscard]] const AddressRange& primary() const { return own_.front(); }
  [[nodiscard]] size_t families() const { return own_.size(); }
  [[nodiscard]] bool hasFamily(std::string_view family) const;
  /// Of a family it has: what a dry run shows.
  [[nodiscard]] std::string firstOf(std::string_view family) const;
  [[nodiscard]] size_t used() const { return owners_.size(); }

  /// Failures are texts for people: in no range, taken (be it by `owner`).
  Status take(std::string_view address, const std::string& owner);
  /// Nothing: every range of the family is full.
  std::optional<std::string> takeAny(std::string_view family, const std::string& owner);
  /// Without looking whether it may be: what is stored is so.
  Status adopt(std::string_view address, const std::string& owner);
  /// No effect where another owner has it.
  void give(std::string_view address, const std::string& owner);

 private:
  [[nodiscard]] std::vector<AddressRange> ready() const;
  [[nodiscard]] bool isTaken(const std::string& address) const;
  std::optional<std::string> freeIn(const AddressRange& range, uint64_t from, uint64_t to);

  std::vector<AddressRange> own_;
  Random& random_;
  const AddressBook* book_;
  std::unordered_map<std::string, std::string> owners_;  ///< by canonical text
};

}  // namespace coxswain::apiserver
