#include "apiserver/local/authentication_config.h"

#include <gtest/gtest.h>

#include "net/certs.h"

namespace coxswain::apiserver {
namespace {

constexpr WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));

TEST(AuthenticationData, IsJoinedWithThatOfOthers) {
  const auto own = net::createCa("own", kNow - 1h, kNow + 1h)->certificatePem;
  const auto others = net::createCa("others", kNow - 1h, kNow + 1h)->certificatePem;
  const auto ended = net::createCa("ended", kNow - 2h, kNow - 1h)->certificatePem;
  RequestHeaderOptions headers;
  auto data = authenticationData({}, own, headers, kNow);
  EXPECT_EQ(data, (ConfigMapData{{"client-ca-file", own}}));

  headers.caPem = own;
  headers.usernameHeaders = {"X-Remote-User"};
  headers.groupHeaders = {"X-Remote-Group"};
  headers.extraHeadersPrefixes = {"X-Remote-Extra-"};
  headers.allowedNames = {"front", "back"};
  data = authenticationData({{"client-ca-file", others + ended + "nonsense"},
                             {"requestheader-allowed-names", "[\"side\",\"front\"]"},
                             {"requestheader-group-headers", "broken"},
                             {"mine", "stays"}},
                            own, headers, kNow);
  EXPECT_EQ(data, (ConfigMapData{{"client-ca-file", own + others},
                                 {"mine", "stays"},
                                 {"requestheader-allowed-names", "[\"side\",\"front\",\"back\"]"},
                                 {"requestheader-client-ca-file", own},
                                 {"requestheader-extra-headers-prefix", "[\"X-Remote-Extra-\"]"},
                                 {"requestheader-group-headers", "[\"X-Remote-Group\"]"},
                                 {"requestheader-username-headers", "[\"X-Remote-User\"]"}}));
  EXPECT_EQ(authenticationData(data, own, headers, kNow), data);
}

}  // namespace
}  // namespace coxswain::apiserver
