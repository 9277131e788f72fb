// Any bytes as a query and as an upstream's answer: read or refused, and what we send is readable.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dns/message.h"

using namespace coxswain::dns;  // NOLINT

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void asQuery(std::string_view bytes) {
  auto query = parseQuery(bytes);
  if (!query.ok()) return;
  auto refused = encodeError(*query, Rcode::Refused);
  require(refused.size() >= 12 && refused.size() <= 512);
  if (query->malformed != Rcode::NoError) return;
  require(inspectAnswer(refused, query->question).ok());
  Response response;
  const auto& name = query->question.name;
  for (int i = 0; i < 40; ++i) response.answers.push_back(addressRecord(name, 30, "abcd"));
  response.additional.push_back(srvRecord(name, 30, 0, 0, 53, name));
  const auto size = udpSizeOf(*query);
  auto answer = encodeResponse(*query, response, size);
  require(answer.size() <= size);
  auto info = inspectAnswer(answer, query->question);
  require(info.ok() && (info->truncated || info->records.size() == 40));
  auto again = parseQuery(encodeQuery(1, query->question, true, false));
  require(again.ok() && again->question.name == name);
}

void asAnswer(std::string_view bytes) {
  // The question that it claims to answer.
  if (bytes.size() < 12) return;
  std::string asked(bytes);
  asked[2] = static_cast<char>(asked[2] & 0x07);
  asked[6] = asked[7] = asked[8] = asked[9] = asked[10] = asked[11] = 0;
  auto query = parseQuery(asked);
  if (!query.ok() || query->malformed != Rcode::NoError) return;
  auto info = inspectAnswer(bytes, query->question);
  if (!info.ok()) return;
  for (bool edns : {true, false}) {
    query->edns = edns;
    auto adapted = adaptAnswer(bytes, *info, *query, 10, 1232);
    require(adapted.size() <= std::max<size_t>(bytes.size(), 512));
    require(inspectAnswer(adapted, query->question).ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  asQuery(bytes);
  asAnswer(bytes);
  return 0;
}
