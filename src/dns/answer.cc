// Answers of other servers: walked over, kept as bytes, adapted to who asks.

#include <algorithm>

#include "dns/message.h"
#include "dns/wire.h"

namespace coxswain::dns {
namespace {

constexpr uint16_t kQr = 0x8000;
constexpr uint16_t kTc = 0x0200;
constexpr uint16_t kRd = 0x0100;
constexpr uint16_t kRa = 0x0080;
constexpr uint16_t kCd = 0x0010;
constexpr uint32_t kTtlMax = 0x7fffffff;

/// Minimum of a SOA: how long "there is none" may be believed.
uint32_t soaMinimum(std::string_view message, size_t dataAt) {
  WireReader in(message);
  in.skip(dataAt);
  (void)in.name();
  (void)in.name();
  in.skip(16);
  const auto minimum = in.u32();
  return in.ok() ? minimum : 0;
}

struct Walk {
  AnswerInfo info;
  uint32_t lowest = kTtlMax;
  bool any = false;
  bool soa = false;
  uint32_t negative = 0;
};

/// One record; `answer`: of the answer section.
bool walkRecord(WireReader& in, std::string_view message, bool answer, Walk& walk) {
  auto name = in.name();
  const auto type = in.u16();
  const auto klass = in.u16();
  const auto ttlAt = in.offset();
  const auto ttl = in.u32();
  const auto length = in.u16();
  const auto dataAt = in.offset();
  auto data = in.bytes(length);
  if (!in.ok()) return false;
  if (type == static_cast<uint16_t>(Type::Opt)) return true;
  walk.info.ttlOffsets.push_back(ttlAt);
  const auto bounded = ttl > kTtlMax ? 0 : ttl;
  walk.lowest = std::min(walk.lowest, bounded);
  walk.any = true;
  if (type == static_cast<uint16_t>(Type::Soa) && !answer) {
    walk.soa = true;
    walk.negative = std::min(bounded, soaMinimum(message, dataAt));
  }
  if (!answer || klass != kClassIn) return true;
  if ((type == static_cast<uint16_t>(Type::A) && length == 4) ||
      (type == static_cast<uint16_t>(Type::Aaaa) && length == 16)) {
    walk.info.records.push_back(addressRecord(std::move(name), bounded, data));
  } else if (type == static_cast<uint16_t>(Type::Cname)) {
    WireReader target(message);
    target.skip(dataAt);
    auto to = target.name();
    if (!target.ok() || target.offset() != dataAt + length) return false;
    walk.info.records.push_back(nameRecord(std::move(name), Type::Cname, bounded, std::move(to)));
  }
  return true;
}

}  // namespace

Result<AnswerInfo> inspectAnswer(std::string_view bytes, const Question& question) {
  WireReader in(bytes);
  Walk walk;
  auto& info = walk.info;
  info.id = in.u16();
  const auto flags = in.u16();
  const auto questions = in.u16();
  info.answers = in.u16();
  const auto authority = in.u16();
  const auto additional = in.u16();
  if (!in.ok() || (flags & kQr) == 0 || questions != 1) return badRequest("not an answer");
  const auto name = in.name();
  const auto type = in.u16();
  const auto klass = in.u16();
  if (!in.ok() || !(name == question.name) || type != question.type || klass != question.klass)
    return badRequest("the answer to another question");
  info.questionEnd = in.offset();
  info.truncated = (flags & kTc) != 0;
  info.rcode = static_cast<Rcode>(flags & 0xf);
  const uint32_t all = uint32_t{info.answers} + authority + additional;
  for (uint32_t i = 0; i < all; ++i) {
    if (!walkRecord(in, bytes, i < info.answers, walk)) return badRequest("broken record");
  }
  const bool positive = info.rcode == Rcode::NoError && info.answers > 0;
  const bool negative = info.rcode == Rcode::NxDomain || info.rcode == Rcode::NoError;
  if (positive)
    info.ttl = walk.any ? walk.lowest : 0;
  else if (negative && walk.soa)
    info.ttl = walk.negative;
  return std::move(info);
}

std::string adaptAnswer(std::string_view bytes, const AnswerInfo& info, const Query& query,
                        uint32_t age, size_t sizeMax) {
  if (bytes.size() > std::max(sizeMax, kPlainUdpMax)) {
    auto cut = encodeError(query, info.rcode);
    cut[2] = static_cast<char>(cut[2] | (kTc >> 8));
    return cut;
  }
  std::string out(bytes);
  auto put16 = [&](size_t at, uint16_t value) {
    out[at] = static_cast<char>(value >> 8);
    out[at + 1] = static_cast<char>(value & 0xff);
  };
  WireReader header(bytes);
  header.skip(2);
  auto flags = header.u16();
  flags = static_cast<uint16_t>((flags & ~(kRd | kCd)) | kRa);
  if (query.recursionDesired) flags |= kRd;
  if (query.checkingDisabled) flags |= kCd;
  put16(0, query.id);
  put16(2, flags);
  // The client's own spelling: resolvers check it.
  WireWriter name;
  name.name(query.question.name, false);
  auto spelled = name.take();
  if (12 + spelled.size() + 4 == info.questionEnd) out.replace(12, spelled.size(), spelled);
  for (auto at : info.ttlOffsets) {
    WireReader ttlAt(bytes);
    ttlAt.skip(at);
    auto ttl = ttlAt.u32();
    ttl = ttl > kTtlMax ? 0 : ttl - std::min(ttl, age);
    put16(at, static_cast<uint16_t>(ttl >> 16));
    put16(at + 2, static_cast<uint16_t>(ttl & 0xffff));
  }
  // An OPT that is the last record goes; a server sends it nowhere else.
  if (!query.edns && out.size() >= 11) {
    const auto opt = out.size() - 11;
    WireReader tail(std::string_view(out).substr(opt));
    const bool root = tail.u8() == 0;
    const bool isOpt = tail.u16() == static_cast<uint16_t>(Type::Opt);
    tail.skip(6);
    WireReader counts(out);
    counts.skip(10);
    const auto additional = counts.u16();
    if (root && isOpt && tail.u16() == 0 && additional > 0 && opt >= info.questionEnd) {
      out.resize(opt);
      put16(10, static_cast<uint16_t>(additional - 1));
    }
  }
  // Names of a hostile server may point into what was changed.
  return inspectAnswer(out, query.question).ok() ? out : encodeError(query, Rcode::ServFail);
}

}  // namespace coxswain::dns
