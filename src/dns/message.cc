#include "dns/message.h"

#include <algorithm>

#include "dns/wire.h"

namespace coxswain::dns {
namespace {

constexpr uint16_t kQr = 0x8000;
constexpr uint16_t kAa = 0x0400;
constexpr uint16_t kTc = 0x0200;
constexpr uint16_t kRd = 0x0100;
constexpr uint16_t kRa = 0x0080;
constexpr uint16_t kCd = 0x0010;
constexpr uint16_t kDnssecOk = 0x8000;  // in the OPT record
constexpr size_t kOptSize = 11;

constexpr uint16_t code(Type type) {
  return static_cast<uint16_t>(type);
}

void writeQuestion(WireWriter& out, const Question& question) {
  out.name(question.name);
  out.u16(question.type);
  out.u16(question.klass);
}

void writeOpt(WireWriter& out, uint8_t extendedRcode, bool dnssecOk) {
  out.u8(0);
  out.u16(code(Type::Opt));
  out.u16(kUdpMax);
  out.u8(extendedRcode);
  out.u8(0);
  out.u16(dnssecOk ? kDnssecOk : 0);
  out.u16(0);
}

void writeRecord(WireWriter& out, const Record& record) {
  out.name(record.name);
  out.u16(code(record.type));
  out.u16(kClassIn);
  out.u32(record.ttl);
  const auto lengthAt = out.size();
  out.u16(0);
  out.bytes(record.data);
  // RFC 2782: the target of SRV is not compressed.
  if (record.target) out.name(*record.target, record.type != Type::Srv);
  out.patchU16(lengthAt, static_cast<uint16_t>(out.size() - lengthAt - 2));
}

uint16_t flagsOf(const Query& query, Rcode rcode) {
  uint16_t flags = kQr;
  flags |= static_cast<uint16_t>((query.opcode & 0xf) << 11);
  if (query.recursionDesired) flags |= kRd;
  if (query.checkingDisabled) flags |= kCd;
  return static_cast<uint16_t>(flags | (static_cast<uint16_t>(rcode) & 0xf));
}

/// Reads the OPT record, whose name was read.
void readOpt(WireReader& in, Query& query) {
  query.edns = true;
  query.udpSize = in.u16();
  in.u8();  // extended code
  query.ednsVersion = in.u8();
  query.dnssecOk = (in.u16() & kDnssecOk) != 0;
  in.skip(in.u16());
}

}  // namespace

Result<Query> parseQuery(std::string_view bytes) {
  WireReader in(bytes);
  Query query;
  query.id = in.u16();
  const auto flags = in.u16();
  const auto questions = in.u16();
  const auto answers = in.u16();
  const auto authority = in.u16();
  const auto additional = in.u16();
  if (!in.ok() || (flags & kQr) != 0) return badRequest("not a query");
  query.opcode = static_cast<uint8_t>(flags >> 11 & 0xf);
  query.recursionDesired = (flags & kRd) != 0;
  query.checkingDisabled = (flags & kCd) != 0;
  if (query.opcode != 0) {
    query.malformed = Rcode::NotImp;
    return query;
  }
  query.malformed = Rcode::FormErr;
  if (questions != 1 || answers != 0 || authority != 0) return query;
  Question question;
  question.name = in.name();
  question.type = in.u16();
  question.klass = in.u16();
  if (!in.ok()) return query;
  query.question = std::move(question);
  query.hasQuestion = true;
  for (int i = 0; i < additional; ++i) {
    const bool root = in.name().size() == 0;
    const auto type = in.u16();
    if (!in.ok()) return query;
    if (type == code(Type::Opt)) {
      if (query.edns || !root) return query;
      readOpt(in, query);
    } else {
      in.skip(6);  // class, ttl: TSIG and its like, which we do not look at
      in.skip(in.u16());
    }
    if (!in.ok()) return query;
  }
  query.malformed = query.edns && query.ednsVersion > 0 ? Rcode::BadVers : Rcode::NoError;
  return query;
}

Record addressRecord(Name name, uint32_t ttl, std::string_view bytes) {
  return {std::move(name), bytes.size() == 4 ? Type::A : Type::Aaaa, ttl, std::string(bytes), {}};
}

Record nameRecord(Name name, Type type, uint32_t ttl, Name target) {
  return {std::move(name), type, ttl, "", std::move(target)};
}

Record srvRecord(Name name, uint32_t ttl, uint16_t priority, uint16_t weight, uint16_t port,
                 Name target) {
  WireWriter data;
  data.u16(priority);
  data.u16(weight);
  data.u16(port);
  return {std::move(name), Type::Srv, ttl, data.take(), std::move(target)};
}

Record txtRecord(Name name, uint32_t ttl, std::string_view text) {
  WireWriter data;
  do {
    auto part = text.substr(0, 255);
    data.u8(static_cast<uint8_t>(part.size()));
    data.bytes(part);
    text.remove_prefix(part.size());
  } while (!text.empty());
  return {std::move(name), Type::Txt, ttl, data.take(), {}};
}

Record soaRecord(Name zone, uint32_t ttl, uint32_t serial) {
  WireWriter data;
  data.name(zone.under({"ns", "dns"}).value_or(zone), false);
  data.name(zone.under({"hostmaster"}).value_or(zone), false);
  data.u32(serial);
  data.u32(7200);
  data.u32(1800);
  data.u32(86400);
  data.u32(ttl);
  return {std::move(zone), Type::Soa, ttl, data.take(), {}};
}

std::string encodeResponse(const Query& query, const Response& response, size_t sizeMax) {
  sizeMax = std::max(sizeMax, kPlainUdpMax);
  const size_t room = sizeMax - (query.edns ? kOptSize : 0);
  WireWriter out;
  out.u16(query.id);
  out.u16(0);
  const bool asked = query.hasQuestion;
  out.u16(asked ? 1 : 0);
  for (int i = 0; i < 3; ++i) out.u16(0);
  if (asked) writeQuestion(out, query.question);
  auto flags = flagsOf(query, response.rcode);
  if (response.authoritative) flags |= kAa;
  if (response.recursionAvailable) flags |= kRa;

  const auto afterQuestion = out.size();
  // False: it does not fit, and nothing of it is written.
  auto section = [&](const std::vector<Record>& records, size_t countAt) {
    const auto begin = out.size();
    for (const auto& record : records) writeRecord(out, record);
    if (out.size() > room) {
      out.cut(begin);
      return false;
    }
    out.patchU16(countAt, static_cast<uint16_t>(records.size()));
    return true;
  };
  uint16_t additional = 0;
  if (!section(response.answers, 6) || !section(response.authority, 8)) {
    out.cut(afterQuestion);
    out.patchU16(6, 0);
    out.patchU16(8, 0);
    flags |= kTc;
  } else if (section(response.additional, 10)) {
    additional = static_cast<uint16_t>(response.additional.size());
  }
  if (query.edns) {
    writeOpt(out, static_cast<uint8_t>(static_cast<uint8_t>(response.rcode) >> 4), query.dnssecOk);
    out.patchU16(10, static_cast<uint16_t>(additional + 1));
  }
  out.patchU16(2, flags);
  return out.take();
}

std::string encodeError(const Query& query, Rcode rcode) {
  Response response;
  response.rcode = rcode;
  return encodeResponse(query, response, kPlainUdpMax);
}

size_t udpSizeOf(const Query& query) {
  if (!query.edns) return kPlainUdpMax;
  return std::clamp<size_t>(query.udpSize, kPlainUdpMax, kUdpMax);
}

std::string encodeQuery(uint16_t id, const Question& question, bool dnssecOk,
                        bool checkingDisabled) {
  WireWriter out;
  out.u16(id);
  out.u16(static_cast<uint16_t>(kRd | (checkingDisabled ? kCd : 0)));
  out.u16(1);
  out.u16(0);
  out.u16(0);
  out.u16(1);
  writeQuestion(out, question);
  writeOpt(out, 0, dnssecOk);
  return out.take();
}

}  // namespace coxswain::dns
