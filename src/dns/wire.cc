#include "dns/wire.h"

#include "base/text.h"

namespace coxswain::dns {
namespace {

constexpr uint8_t kPointer = 0xc0;
constexpr size_t kHeaderSize = 12;  // no name is in it
constexpr size_t kPointerMax = 0x3fff;

uint8_t byteAt(std::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

std::string suffixKey(const std::vector<std::string>& labels, size_t from) {
  std::string key;
  for (size_t i = from; i < labels.size(); ++i) {
    key += static_cast<char>(labels[i].size());
    key += lowerCase(labels[i]);
  }
  return key;
}

}  // namespace

void WireReader::skip(size_t count) {
  (void)bytes(count);
}

std::string_view WireReader::bytes(size_t count) {
  if (!ok_ || bytes_.size() - at_ < count) {
    ok_ = false;
    return {};
  }
  auto out = bytes_.substr(at_, count);
  at_ += count;
  return out;
}

uint8_t WireReader::u8() {
  auto b = bytes(1);
  return b.empty() ? 0 : byteAt(b, 0);
}
uint16_t WireReader::u16() {
  auto b = bytes(2);
  return b.empty() ? uint16_t{0} : static_cast<uint16_t>(byteAt(b, 0) << 8 | byteAt(b, 1));
}
uint32_t WireReader::u32() {
  const uint32_t high = u16();
  return high << 16 | u16();
}

Name WireReader::name() {
  std::vector<std::string> labels;
  size_t at = at_;
  size_t lowest = at_;  // where the last jump went: the next one goes further back
  bool jumped = false;
  size_t total = 1;
  while (ok_) {
    if (at >= bytes_.size()) break;
    const auto length = byteAt(bytes_, at);
    if (length == 0) {
      if (!jumped) at_ = at + 1;
      if (auto name = Name::fromLabels(std::move(labels))) return *std::move(name);
      break;
    }
    if ((length & kPointer) == kPointer) {
      if (at + 1 >= bytes_.size()) break;
      const size_t to = static_cast<size_t>(length & 0x3f) << 8 | byteAt(bytes_, at + 1);
      if (to < kHeaderSize || to >= lowest) break;
      if (!jumped) at_ = at + 2;
      jumped = true;
      lowest = to;
      at = to;
      continue;
    }
    total += 1U + length;
    if ((length & kPointer) != 0 || at + 1 + length > bytes_.size() || total > 255) break;
    labels.emplace_back(bytes_.substr(at + 1, length));
    at += 1U + length;
  }
  ok_ = false;
  return {};
}

void WireWriter::u16(uint16_t value) {
  u8(static_cast<uint8_t>(value >> 8));
  u8(static_cast<uint8_t>(value & 0xff));
}
void WireWriter::u32(uint32_t value) {
  u16(static_cast<uint16_t>(value >> 16));
  u16(static_cast<uint16_t>(value & 0xffff));
}

void WireWriter::name(const Name& name, bool compress) {
  const auto& labels = name.labels();
  for (size_t i = 0; i < labels.size(); ++i) {
    if (compress) {
      auto key = suffixKey(labels, i);
      if (auto found = suffixes_.find(key); found != suffixes_.end()) {
        u16(static_cast<uint16_t>(kPointer << 8 | found->second));
        return;
      }
      if (out_.size() <= kPointerMax)
        suffixes_.emplace(std::move(key), static_cast<uint16_t>(out_.size()));
    }
    u8(static_cast<uint8_t>(labels[i].size()));
    bytes(labels[i]);
  }
  u8(0);
}

void WireWriter::patchU16(size_t at, uint16_t value) {
  out_[at] = static_cast<char>(value >> 8);
  out_[at + 1] = static_cast<char>(value & 0xff);
}

void WireWriter::cut(size_t size) {
  out_.resize(size);
  std::erase_if(suffixes_, [size](const auto& entry) { return entry.second >= size; });
}

}  // namespace coxswain::dns
