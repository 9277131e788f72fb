#pragma once

#include <map>
#include <string>
#include <vector>

#include "net/http.h"

namespace coxswain::testing {

/// A registry (OCI distribution v2) of one tiny image under any name. Names that begin with "open/"
/// are for everybody, "basic/" wants user "u" with password "p", "bearer/" a token that /token
/// gives to the same user; others are unknown.
class TestRegistry final : public net::Handler {
 public:
  TestRegistry();
  /// Where /token is: "127.0.0.1:4711".
  std::string address;
  /// "GET /v2/open/app/manifests/v1", in the order of arrival.
  std::vector<std::string> seen;
  bool broken = false;  ///< answers 503 to all

  Task<void> serve(net::Request& request, net::ResponseWriter& response) override;

 private:
  struct Blob {
    std::string type;
    std::string data;
  };
  struct Answer {
    int status = 200;
    net::Headers headers;
    std::string body;
  };
  std::string addBlob(std::string type, std::string data);
  Answer answer(const net::Request& request) const;
  Answer content(std::string_view rest, bool manifest) const;

  std::map<std::string, Blob, std::less<>> blobs_;  // by digest
  std::string manifest_;
};

}  // namespace coxswain::testing
