#include "client/http/rest_client.h"

#include <charconv>

#include "api/meta/base64.h"
#include "net/tls.h"
#include "runtime/spawn.h"

namespace coxswain::client {

namespace {
constexpr size_t kBodyMax = size_t{1} << 30;
constexpr size_t kErrorBodyMax = 10 << 20;
constexpr int kRetriesMax = 10;
constexpr int kRetryAfterSecondsMax = 60;
constexpr Duration kTokenAge = 60s;

int retryAfter(const net::Headers& headers) {
  auto text = headers.get("Retry-After");
  int seconds = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return -1;
  return std::min(seconds, kRetryAfterSecondsMax);
}

/// `299 - "text"`, with \" and \\ within.
std::string warningText(std::string_view header) {
  if (!header.starts_with("299 ")) return {};
  auto open = header.find('"');
  if (open == std::string_view::npos) return {};
  std::string text;
  for (size_t i = open + 1; i < header.size() && header[i] != '"'; ++i) {
    if (header[i] == '\\' && i + 1 < header.size()) ++i;
    text.push_back(header[i]);
  }
  return text;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

}  // namespace

std::string percentEncode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
  return out;
}

Result<std::unique_ptr<RestClient>> RestClient::create(Reactor& reactor, ClientConfig config) {
  net::HttpClientOptions options;
  std::string_view url = config.server;
  const bool secure = url.starts_with("https://");
  if (!secure && !url.starts_with("http://")) {
    return badRequest("server \"" + config.server + "\" is no http or https URL");
  }
  const size_t schemeSize = secure ? 8 : 7;
  auto slash = url.find('/', schemeSize);
  std::string prefix(slash == std::string_view::npos ? std::string_view() : url.substr(slash));
  while (prefix.ends_with('/')) prefix.pop_back();
  if (prefix.find_first_of("?# ") != std::string::npos) {
    return badRequest("server \"" + config.server + "\" must be a URL without query");
  }
  options.server = std::string(url.substr(0, slash));
  if (options.server.size() == schemeSize) {
    return badRequest("server \"" + config.server + "\" has no host");
  }
  if (secure) {
    net::TlsClientOptions tls;
    tls.caPem = config.caPem;
    tls.certificatePem = config.certificatePem;
    tls.keyPem = config.keyPem;
    tls.insecureSkipVerify = config.insecureSkipVerify;
    tls.serverName = config.tlsServerName;
    TRY(options.tls, net::TlsContext::client(tls));
  }
  return std::unique_ptr<RestClient>(
      new RestClient(reactor, std::move(config), std::move(options), std::move(prefix)));
}

RestClient::RestClient(Reactor& reactor, ClientConfig config, net::HttpClientOptions options,
                       std::string prefix)
    : reactor_(reactor),
      config_(std::move(config)),
      prefix_(std::move(prefix)),
      http_(reactor, std::move(options)) {}

RestClient::~RestClient() = default;

Task<void> RestClient::close() {
  return http_.close();
}

Result<std::string> RestClient::authorization() {
  if (!config_.tokenFile.empty()) {
    const auto now = reactor_.now();
    if (!fileTokenRead_ || now - *fileTokenRead_ >= kTokenAge) {
      auto text = readWholeFile(config_.tokenFile);
      // A file that cannot be read for a moment: go on with what it said.
      if (!text.ok() && fileToken_.empty()) return text.status();
      if (text.ok()) fileToken_ = trimmed(std::move(*text));
      fileTokenRead_ = now;
    }
    return "Bearer " + fileToken_;
  }
  if (!config_.token.empty()) return "Bearer " + config_.token;
  if (!config_.username.empty()) {
    return "Basic " + api::base64Encode(config_.username + ":" + config_.password);
  }
  return std::string();
}

Result<net::ClientRequest> RestClient::prepare(const RestRequest& request) {
  net::ClientRequest out;
  out.method = request.method;
  out.target = prefix_ + request.path;
  char separator = request.path.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : request.query) {
    out.target += separator + percentEncode(name) + "=" + percentEncode(value);
    separator = '&';
  }
  out.headers = request.headers;
  TRY(auto authorized, authorization());
  if (!authorized.empty() && !out.headers.has("Authorization")) {
    out.headers.add("Authorization", std::move(authorized));
  }
  out.headers.set("User-Agent", config_.userAgent);
  if (!out.headers.has("Accept")) out.headers.add("Accept", "application/json, */*");
  if (!config_.impersonateUser.empty()) {
    out.headers.add("Impersonate-User", config_.impersonateUser);
  }
  for (const auto& group : config_.impersonateGroups) {
    out.headers.add("Impersonate-Group", group);
  }
  if (!config_.impersonateUid.empty()) out.headers.add("Impersonate-Uid", config_.impersonateUid);
  out.body = request.body;
  return out;
}

Task<Result<std::unique_ptr<net::ClientResponse>>> RestClient::attempt(const RestRequest& request,
                                                                       bool upgrade,
                                                                       std::stop_token stop) {
  CO_TRY(auto prepared, prepare(request));
  const auto target = prepared.target;
  const auto began = reactor_.now();
  const Duration limit = request.timeout.value_or(config_.timeout);
  Deadline deadline(limit > Duration(0) ? limit : Duration(24h * 365), stop);
  auto answer = upgrade ? co_await http_.sendForUpgrade(std::move(prepared), deadline.token())
                        : co_await http_.send(std::move(prepared), deadline.token());
  if (config_.onAnswer) {
    config_.onAnswer(request.method, target, answer.ok() ? (*answer)->status : 0,
                     reactor_.now() - began);
  }
  if (!answer.ok()) {
    if (deadline.expired()) {
      co_return unreachable(request.method + " " + target + ": no answer within " +
                            std::to_string(limit / 1ms) + "ms");
    }
    co_return answer.status();
  }
  if (config_.onWarning) {
    for (auto header : (*answer)->headers.all("Warning")) {
      auto text = warningText(header);
      if (!text.empty()) config_.onWarning(text);
    }
  }
  co_return std::move(*answer);
}

Task<Result<std::unique_ptr<net::ClientResponse>>> RestClient::attempts(RestRequest request,
                                                                        bool upgrade,
                                                                        std::stop_token stop) {
  for (int tries = 0;; ++tries) {
    CO_TRY(auto answer, co_await attempt(request, upgrade, stop));
    const int code = answer->status;
    if (upgrade ? code == 101 : code < 400) co_return std::move(answer);
    const int seconds = retryAfter(answer->headers);
    const bool again = seconds >= 0 && (code == 429 || code >= 500) && tries < kRetriesMax;
    Deadline deadline(30s, stop);
    auto body = co_await answer->body().readAll(kErrorBodyMax, deadline.token());
    std::string text = body.ok() ? std::move(*body) : std::string();
    auto contentType = std::string(answer->headers.get("Content-Type"));
    answer = nullptr;
    if (!again) {
      if (code < 400) {
        co_return Status(Reason::BadRequest, 400,
                         "unable to upgrade connection: the server answered " +
                             std::to_string(code) + " " + text.substr(0, 200));
      }
      co_return statusOfAnswer(code, request.method, contentType, text, std::max(seconds, 0));
    }
    CO_TRY_STATUS(co_await sleepFor(std::chrono::seconds(seconds), stop));
  }
}

Task<Result<std::unique_ptr<net::ClientResponse>>> RestClient::stream(RestRequest request,
                                                                      std::stop_token stop) {
  return attempts(std::move(request), false, std::move(stop));
}

Task<Result<std::unique_ptr<net::ClientResponse>>> RestClient::upgrade(RestRequest request,
                                                                       std::stop_token stop) {
  return attempts(std::move(request), true, std::move(stop));
}

Task<Result<RestResponse>> RestClient::call(RestRequest request, std::stop_token stop) {
  for (bool again = false;; again = true) {
    CO_TRY(auto answer, co_await attempts(request, false, stop));
    const Duration limit = request.timeout.value_or(config_.timeout);
    Deadline deadline(limit > Duration(0) ? limit : Duration(24h * 365), stop);
    auto body = co_await answer->body().readAll(kBodyMax, deadline.token());
    if (body.ok()) {
      RestResponse out;
      out.status = answer->status;
      out.headers = std::move(answer->headers);
      out.body = std::move(*body);
      co_return std::move(out);
    }
    answer = nullptr;
    if (deadline.expired()) co_return unreachable("the answer did not come to its end in time");
    if (!isUnreachable(body.status()) || request.method != "GET" || again) co_return body.status();
  }
}

}  // namespace coxswain::client
