#include "hollow/address_pool.h"

#include <arpa/inet.h>

#include <charconv>

namespace coxswain::hollow {

namespace {

bool parseAddress(std::string_view text, uint32_t& out) {
  in_addr address{};
  if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) return false;
  out = ntohl(address.s_addr);
  return true;
}

std::string textOf(uint32_t address) {
  std::string text = std::to_string(address >> 24);
  for (int shift : {16, 8, 0}) {
    text += '.';
    text += std::to_string(address >> shift & 255);
  }
  return text;
}

}  // namespace

AddressPool::AddressPool(uint32_t base, uint32_t size) : base_(base), size_(size) {
  used_.resize(size_);
  releaseAll();
}

Result<AddressPool> AddressPool::create(std::string_view range) {
  const auto bad = [&] {
    return badRequest(std::string(range) + " is no IPv4 range of /8 to /30");
  };
  const auto slash = range.find('/');
  uint32_t base = 0;
  unsigned bits = 0;
  if (slash == std::string_view::npos || !parseAddress(range.substr(0, slash), base)) return bad();
  auto digits = range.substr(slash + 1);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits < 8 || bits > 30) {
    return bad();
  }
  const uint32_t size = uint32_t{1} << (32 - bits);
  return AddressPool(base & ~(size - 1), size);
}

void AddressPool::releaseAll() {
  used_.assign(size_, false);
  // Neither the network's own address nor its broadcast.
  used_.front() = used_.back() = true;
  taken_ = 0;
}

Result<std::string> AddressPool::take() {
  if (taken_ + 2 >= size_) return serviceUnavailable("all addresses of the pods' range are taken");
  while (used_[next_]) next_ = next_ + 1 == size_ ? 0 : next_ + 1;
  used_[next_] = true;
  ++taken_;
  return textOf(base_ + next_);
}

void AddressPool::set(std::string_view address, bool value) {
  uint32_t parsed = 0;
  if (!parseAddress(address, parsed) || parsed <= base_ || parsed - base_ >= size_ - 1) return;
  auto bit = used_[parsed - base_];
  if (bit == value) return;
  bit = value;
  taken_ += value ? 1 : size_t(-1);
}

std::string AddressPool::at(uint32_t n) const {
  return textOf(base_ + 1 + n % (size_ - 2));
}

}  // namespace coxswain::hollow
