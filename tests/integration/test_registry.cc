#include "test_registry.h"

#include <openssl/sha.h>

#include <cstdio>
#include <cstring>

#include "api/meta/base64.h"

namespace coxswain::testing {
namespace {

constexpr std::string_view kToken = "the-token";

std::string digestOf(const std::string& data) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), hash);
  std::string text = "sha256:";
  char hex[3];
  for (const unsigned char byte : hash) {
    std::snprintf(hex, sizeof hex, "%02x", byte);
    text += hex;
  }
  return text;
}

/// An archive with one file.
std::string tarOf(const std::string& name, const std::string& text) {
  char header[512] = {};
  std::snprintf(header, 100, "%s", name.c_str());
  std::snprintf(header + 100, 8, "%07o", 0644U);
  std::snprintf(header + 108, 8, "%07o", 0U);
  std::snprintf(header + 116, 8, "%07o", 0U);
  std::snprintf(header + 124, 12, "%011o", static_cast<unsigned>(text.size()));
  std::snprintf(header + 136, 12, "%011o", 0U);
  header[156] = '0';
  std::memcpy(header + 257, "ustar\00000", 8);
  std::memset(header + 148, ' ', 8);
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(header + 148, 8, "%06o", sum);
  std::string tar(header, sizeof header);
  tar += text;
  tar.resize((tar.size() + 511) / 512 * 512 + 1024);
  return tar;
}

bool hasBasic(const net::Request& request) {
  return request.headers.get("authorization") == "Basic " + api::base64Encode("u:p");
}

}  // namespace

TestRegistry::TestRegistry() {
  const std::string layer = tarOf("hello", "hello from the registry\n");
  const std::string layerDigest = addBlob("application/vnd.oci.image.layer.v1.tar", layer);
  const std::string config =
      R"({"architecture":"amd64","os":"linux","config":{"Cmd":["/hello"]},"rootfs":{"type":)"
      R"("layers","diff_ids":[")" +
      layerDigest + R"("]},"history":[]})";
  const std::string configDigest = addBlob("application/vnd.oci.image.config.v1+json", config);
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)"
      R"({"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
      configDigest + R"(","size":)" + std::to_string(config.size()) +
      R"(},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" +
      layerDigest + R"(","size":)" + std::to_string(layer.size()) + "}]}";
  manifest_ = addBlob("application/vnd.oci.image.manifest.v1+json", manifest);
}

std::string TestRegistry::addBlob(std::string type, std::string data) {
  std::string digest = digestOf(data);
  blobs_[digest] = Blob{std::move(type), std::move(data)};
  return digest;
}

TestRegistry::Answer TestRegistry::content(std::string_view rest, bool manifest) const {
  Answer answer;
  const std::string wanted(manifest && !rest.starts_with("sha256:") ? manifest_ : rest);
  const auto blob = blobs_.find(wanted);
  if (blob == blobs_.end()) {
    answer.status = 404;
    answer.body = R"({"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown"}]})";
    return answer;
  }
  answer.headers.add("Content-Type", blob->second.type);
  answer.headers.add("Docker-Content-Digest", wanted);
  answer.body = blob->second.data;
  return answer;
}

TestRegistry::Answer TestRegistry::answer(const net::Request& request) const {
  Answer refused;
  if (broken) {
    refused.status = 503;
    return refused;
  }
  if (request.path == "/token") {
    refused.status = 401;
    if (!hasBasic(request)) return refused;
    Answer answer;
    answer.headers.add("Content-Type", "application/json");
    answer.body = R"({"token":")" + std::string(kToken) + R"("})";
    return answer;
  }
  std::string_view path = request.path;
  if (path == "/v2/") return Answer();
  if (path.starts_with("/v2/")) path.remove_prefix(4);
  refused.status = 401;
  refused.body = R"({"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]})";
  if (path.starts_with("basic/") && !hasBasic(request)) {
    refused.headers.add("WWW-Authenticate", "Basic realm=\"test\"");
    return refused;
  }
  if (path.starts_with("bearer/") &&
      request.headers.get("authorization") != "Bearer " + std::string(kToken)) {
    refused.headers.add("WWW-Authenticate", "Bearer realm=\"http://" + address +
                                                "/token\",service=\"test\",scope=\"repository:"
                                                "bearer/app:pull\"");
    return refused;
  }
  const bool known =
      path.starts_with("open/") || path.starts_with("basic/") || path.starts_with("bearer/");
  for (const bool manifest : {true, false}) {
    const std::string_view part = manifest ? "/manifests/" : "/blobs/";
    const size_t at = path.find(part);
    if (known && at != std::string_view::npos) {
      return content(path.substr(at + part.size()), manifest);
    }
  }
  refused.status = 404;
  refused.body = R"({"errors":[{"code":"NAME_UNKNOWN","message":"name unknown"}]})";
  return refused;
}

Task<void> TestRegistry::serve(net::Request& request, net::ResponseWriter& response) {
  seen.push_back(request.method + " " + request.path);
  Answer made = answer(request);
  Status sent =
      co_await response.respond(made.status, std::move(made.headers), std::move(made.body));
  (void)sent;
}

}  // namespace coxswain::testing
