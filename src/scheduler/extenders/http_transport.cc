#include "scheduler/extenders/http_transport.h"

#include <fmt/format.h>

#include "client/http/client_config.h"
#include "net/http_client.h"
#include "net/url.h"
#include "runtime/sync.h"

namespace coxswain::scheduler {

namespace {

/// Answers may hold every node.
constexpr size_t kAnswerMax = size_t{256} << 20;
constexpr Duration kPatience = 5s;

class HttpTransport final : public ExtenderTransport {
 public:
  HttpTransport(Reactor& reactor, net::HttpClientOptions options, std::string prefix,
                Duration patience)
      : server_(options.server),
        prefix_(std::move(prefix)),
        patience_(patience),
        client_(reactor, std::move(options)) {}

  Task<Result<std::string>> post(std::string verb, std::string body,
                                 std::stop_token stop) override {
    Deadline deadline(patience_, stop);
    net::ClientRequest request;
    request.method = "POST";
    request.target = prefix_ + "/" + verb;
    request.headers.set("Content-Type", "application/json");
    request.body = std::move(body);
    auto response = co_await client_.send(std::move(request), deadline.token());
    if (!response.ok()) co_return failed(response.status(), verb, deadline.expired());
    auto text = co_await (*response)->body().readAll(kAnswerMax, deadline.token());
    if (!text.ok()) co_return failed(text.status(), verb, deadline.expired());
    if ((*response)->status != 200)
      co_return internalError(fmt::format("failed {} with extender at URL {}, code {}", verb,
                                          server_ + prefix_, (*response)->status));
    co_return text;
  }
  Task<void> close() override { return client_.close(); }

 private:
  [[nodiscard]] Status failed(const Status& why, const std::string& verb, bool late) const {
    const auto url = server_ + prefix_ + "/" + verb;
    // Somebody who does not answer in time may have done it all the same.
    return late ? timeoutError("Post \"" + url + "\": context deadline exceeded")
                : why.withContext("Post \"" + url + "\"");
  }

  std::string server_;
  std::string prefix_;
  Duration patience_;
  net::HttpClient client_;
};

Result<std::string> given(const std::string& file, const api::Bytes& data) {
  if (!data.data.empty() || file.empty()) return data.data;
  return client::readWholeFile(file);
}

Result<std::shared_ptr<const net::TlsContext>> tlsOf(const config::v1::Extender& extender) {
  net::TlsClientOptions options;
  if (extender.tlsConfig) {
    const auto& from = *extender.tlsConfig;
    TRY(options.caPem, given(from.caFile, from.caData));
    TRY(options.certificatePem, given(from.certFile, from.certData));
    TRY(options.keyPem, given(from.keyFile, from.keyData));
    options.insecureSkipVerify = from.insecure;
    options.serverName = from.serverName;
  }
  if (extender.enableHTTPS && options.caPem.empty()) options.insecureSkipVerify = true;
  return net::TlsContext::client(options);
}

}  // namespace

Result<std::unique_ptr<ExtenderTransport>> HttpExtenderTransports::open(
    const config::v1::Extender& extender) {
  TRY(const auto url, net::parseUrl(extender.urlPrefix));
  if (url.scheme != "http" && url.scheme != "https")
    return badRequest("unsupported protocol scheme \"" + url.scheme + "\"");
  net::HttpClientOptions options;
  options.server = url.scheme + "://" + url.host;
  if (url.scheme == "https") {
    TRY(options.tls, tlsOf(extender));
  }
  std::string prefix = url.target;
  while (prefix.ends_with('/')) prefix.pop_back();
  const auto patience = extender.httpTimeout.nanos;
  return std::unique_ptr<ExtenderTransport>(
      std::make_unique<HttpTransport>(reactor_, std::move(options), std::move(prefix),
                                      patience > 0 ? Duration(patience) : kPatience));
}

}  // namespace coxswain::scheduler
