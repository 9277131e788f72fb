#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"

namespace coxswain::dns {

// The wire format: RFC 1035, 2782 (SRV), 6891 (EDNS). Our own, because we read only questions and
// walk over answers, which are forwarded as bytes.

enum class Type : uint16_t {
  A = 1,
  Ns = 2,
  Cname = 5,
  Soa = 6,
  Ptr = 12,
  Txt = 16,
  Aaaa = 28,
  Srv = 33,
  Opt = 41,
  Any = 255,
};
enum class Rcode : uint8_t {
  NoError = 0,
  FormErr = 1,
  ServFail = 2,
  NxDomain = 3,
  NotImp = 4,
  Refused = 5,
  BadVers = 16,
};
inline constexpr uint16_t kClassIn = 1;
/// What a client takes that says nothing else, and the most that we send and take over UDP.
inline constexpr size_t kPlainUdpMax = 512;
inline constexpr size_t kUdpMax = 1232;

struct Question {
  Name name;
  uint16_t type = 0;  ///< may be one that Type does not name
  uint16_t klass = kClassIn;
  [[nodiscard]] bool is(Type t) const { return type == static_cast<uint16_t>(t); }
};

/// A query as a client sent it.
struct Query {
  uint16_t id = 0;
  uint8_t opcode = 0;
  bool recursionDesired = false;
  bool checkingDisabled = false;
  bool hasQuestion = false;  ///< false: it could not be read that far
  Question question;
  bool edns = false;
  uint8_t ednsVersion = 0;
  uint16_t udpSize = 0;  ///< as the client says
  bool dnssecOk = false;
  /// Not NoError: nothing can be made of the rest but this answer.
  Rcode malformed = Rcode::NoError;
};

/// BadRequest: not even worth an answer (too short for a header, or itself an answer).
Result<Query> parseQuery(std::string_view bytes);

struct Record {
  Name name;
  Type type = Type::A;
  uint32_t ttl = 0;
  std::string data;            ///< what comes before `target`
  std::optional<Name> target;  ///< a name at the end of the data: CNAME, PTR, SRV, NS
};
Record addressRecord(Name name, uint32_t ttl, std::string_view bytes);  ///< 4 or 16 of them
Record nameRecord(Name name, Type type, uint32_t ttl, Name target);
Record srvRecord(Name name, uint32_t ttl, uint16_t priority, uint16_t weight, uint16_t port,
                 Name target);
Record txtRecord(Name name, uint32_t ttl, std::string_view text);
/// `ttl` is its own and the one of negative answers.
Record soaRecord(Name zone, uint32_t ttl, uint32_t serial);

/// An answer that we make ourselves.
struct Response {
  Rcode rcode = Rcode::NoError;
  bool authoritative = false;
  bool recursionAvailable = true;
  std::vector<Record> answers;
  std::vector<Record> authority;
  std::vector<Record> additional;
};

/// At most `sizeMax` bytes (at least 512): additional records go first; where answers do not fit,
/// none is sent and the TC bit is.
std::string encodeResponse(const Query& query, const Response& response, size_t sizeMax);

/// A query of our own. With EDNS, size kUdpMax.
std::string encodeQuery(uint16_t id, const Question& question, bool dnssecOk,
                        bool checkingDisabled);

/// What can be said about an answer of somebody else's.
struct AnswerInfo {
  uint16_t id = 0;
  bool truncated = false;
  Rcode rcode = Rcode::NoError;
  uint16_t answers = 0;
  std::vector<size_t> ttlOffsets;  ///< of every record but OPT
  uint32_t ttl = 0;                ///< of all; negative answers: by their SOA; 0: must not be kept
  std::vector<Record> records;     ///< answers of types A, AAAA and CNAME
  size_t questionEnd = 0;
};
/// Walks over an answer to `question`. BadRequest: malformed, or not that question's.
Result<AnswerInfo> inspectAnswer(std::string_view bytes, const Question& question);

/// `bytes` as the answer to `query`: its id, its spelling of the name, its flags; `age` taken off
/// the TTLs; without EDNS where the client has none; truncated to `sizeMax`. `info` is of `bytes`.
std::string adaptAnswer(std::string_view bytes, const AnswerInfo& info, const Query& query,
                        uint32_t age, size_t sizeMax);

/// Only header, question and OPT, with this code.
std::string encodeError(const Query& query, Rcode rcode);
/// How many bytes the asker takes over UDP.
size_t udpSizeOf(const Query& query);

}  // namespace coxswain::dns
