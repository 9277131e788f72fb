#include "apiserver/kubelet_proxy/log_handler.h"

#include <charconv>

#include "api/meta/time.h"
#include "api/names/field_error.h"
#include "apiserver/kubelet_proxy/pod_target.h"
#include "apiserver/kubelet_proxy/reverse_proxy.h"
#include "apiserver/server/exchange.h"
#include "net/url.h"

namespace coxswain::apiserver {
namespace {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::Pod;
using api::core::v1::PodLogOptions;

constexpr size_t kFailureBytesMax = 1 << 16;

Status readNumber(const Query& query, std::string_view name, std::optional<int64_t>& to) {
  auto text = query.get(name);
  if (text.empty()) return {};
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return badRequest("invalid " + std::string(name) + " \"" + std::string(text) + "\"");
  }
  to = value;
  return {};
}

void checkPositive(std::optional<int64_t> value, std::string_view name, FieldErrors& errors) {
  if (value && *value < 1) {
    errors.invalid(FieldPath(name), *value, "must be greater than 0");
  }
}

}  // namespace

Result<PodLogOptions> parseLogOptions(const Query& query, std::string_view pod) {
  PodLogOptions options;
  options.container = query.get("container");
  options.follow = query.flag("follow");
  options.previous = query.flag("previous");
  options.timestamps = query.flag("timestamps");
  options.insecureSkipTLSVerifyBackend = query.flag("insecureSkipTLSVerifyBackend");
  TRY_STATUS(readNumber(query, "tailLines", options.tailLines));
  TRY_STATUS(readNumber(query, "limitBytes", options.limitBytes));
  TRY_STATUS(readNumber(query, "sinceSeconds", options.sinceSeconds));
  if (auto text = query.get("sinceTime"); !text.empty()) {
    TRY(options.sinceTime, api::Time::parse(text));
  }
  if (query.has("stream")) options.stream = std::string(query.get("stream"));

  FieldErrors errors;
  if (options.tailLines && *options.tailLines < 0) {
    errors.invalid(FieldPath("tailLines"), *options.tailLines,
                   "must be greater than or equal to 0");
  }
  checkPositive(options.limitBytes, "limitBytes", errors);
  if (options.sinceSeconds && options.sinceTime) {
    errors.forbidden(FieldPath("sinceSeconds"),
                     "at most one of `sinceTime` or `sinceSeconds` may be specified");
  }
  checkPositive(options.sinceSeconds, "sinceSeconds", errors);
  if (options.stream) {
    const auto& stream = *options.stream;
    if (stream != "All" && stream != "Stdout" && stream != "Stderr") {
      errors.notSupported(FieldPath("stream"), stream, {"All", "Stderr", "Stdout"});
    } else if (stream != "All" && options.tailLines) {
      errors.forbidden(FieldPath(),
                       "`tailLines` and specific `stream` are mutually exclusive for now");
    }
  }
  if (!errors.empty()) return errors.toStatus("PodLogOptions", pod);
  return options;
}

std::string logQuery(const PodLogOptions& options) {
  net::Query query;
  if (options.follow) query.add("follow", "true");
  if (options.previous) query.add("previous", "true");
  if (options.timestamps) query.add("timestamps", "true");
  if (options.sinceSeconds) query.add("sinceSeconds", std::to_string(*options.sinceSeconds));
  if (options.sinceTime) query.add("sinceTime", options.sinceTime->str());
  if (options.tailLines) query.add("tailLines", std::to_string(*options.tailLines));
  if (options.limitBytes) query.add("limitBytes", std::to_string(*options.limitBytes));
  if (options.stream) query.add("stream", *options.stream);
  return query.empty() ? "" : "?" + query.encode();
}

Task<Status> LogHandler::serve(Exchange& exchange) {
  CO_TRY(auto object, exchange.registry->get(exchange.info.ns, exchange.info.name));
  const auto& pod = *object.as<Pod>();
  CO_TRY(auto options, parseLogOptions(exchange.query, pod.metadata.name));
  CO_TRY(auto container, chooseContainer(pod, options.container));
  if (pod.spec.nodeName.empty()) {
    co_return co_await exchange.response.respond(204, net::Headers(), "");
  }
  CO_TRY(auto kubelet, kubeletOf(sources_, pod, !options.insecureSkipTLSVerifyBackend));
  net::ClientRequest request;
  request.target = kubeletPath("containerLogs", pod, container) + logQuery(options);
  auto stop = exchange.request.stop;
  CO_TRY(auto body, co_await exchange.request.body->readAll(kFailureBytesMax, stop));
  auto answer = co_await kubelet->send(std::move(request), stop);
  if (!answer.ok()) {
    if (!isUnreachable(answer.status())) co_return answer.status();
    co_return Status(Reason::Unknown, 500,
                     "Get \"https://" + pod.spec.nodeName +
                         kubeletPath("containerLogs", pod, container) +
                         "\": " + answer.status().message());
  }
  auto& from = **answer;
  if (from.status >= 400) {
    CO_TRY(auto text, co_await from.body().readAll(kFailureBytesMax, stop));
    co_return kubeletFailure(from.status, std::move(text));
  }
  net::Headers headers{{"Content-Type", "text/plain"}, {"Cache-Control", "no-cache, private"}};
  CO_TRY_STATUS(co_await exchange.response.start(200, std::move(headers)));
  co_return co_await copyBody(from, exchange.response, stop);
}

}  // namespace coxswain::apiserver
