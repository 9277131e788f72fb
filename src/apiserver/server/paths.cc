#include <algorithm>

#include "api/gen/meta_v1.h"
#include "apiserver/server/api_server.h"
#include "apiserver/server/compression.h"
#include "apiserver/server/document_store.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/metrics.h"
#include "apiserver/server/refusals.h"
#include "net/server_connection.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kDiscoveryType =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
/// What clients ask for, and what they get: "@" is no character of a media type.
constexpr std::string_view kSwaggerProtobufAsked =
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
constexpr std::string_view kSwaggerProtobuf =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// "/version", "/version/", "/version/x".
bool isBelow(std::string_view path, std::string_view root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

std::string versionText(const std::string& own) {
  const std::string git = "v1.36.2+coxswain" + own;
  return "{\n"
         "  \"major\": \"1\",\n"
         "  \"minor\": \"36\",\n"
         "  \"emulationMajor\": \"1\",\n"
         "  \"emulationMinor\": \"36\",\n"
         "  \"minCompatibilityMajor\": \"1\",\n"
         "  \"minCompatibilityMinor\": \"35\",\n"
         "  \"gitVersion\": \"" +
         git +
         "\",\n"
         "  \"gitCommit\": \"\",\n"
         "  \"gitTreeState\": \"\",\n"
         "  \"buildDate\": \"1970-01-01T00:00:00Z\",\n"
         "  \"goVersion\": \"\",\n"
         "  \"compiler\": \"clang\",\n"
#if defined(__aarch64__)
         "  \"platform\": \"linux/arm64\"\n"
#else
         "  \"platform\": \"linux/amd64\"\n"
#endif
         "}";
}

/// Does If-None-Match name this content?
bool unchanged(const net::Request& request, const std::string& etag) {
  auto given = request.headers.get("If-None-Match");
  return !given.empty() && given.find("\"" + etag + "\"") != std::string_view::npos;
}

}  // namespace

Task<Status> ApiServer::handlePath(Exchange& exchange) {
  const auto& path = exchange.info.path;
  // As upstream has it, these answer to any method.
  if (isBelow(path, "/healthz") || isBelow(path, "/livez") || isBelow(path, "/readyz")) {
    co_return co_await handleHealth(exchange);
  }
  if (path == "/metrics") {
    co_return co_await send(exchange, 200, kMetricsContentType, metrics_->text());
  }
  if (path == "/metrics/slis") {
    auto text = metricsText([this](MetricSink& sink) { health_.collect(sink); });
    co_return co_await send(exchange, 200, kMetricsContentType, std::move(text));
  }
  if (isBelow(path, "/openapi")) co_return co_await handleOpenApi(exchange);
  if (path == "/" || path == "/index.html") co_return co_await listPaths(exchange);
  if (isBelow(path, "/version")) {
    if (path != "/version" && path != "/version/") co_return nothingThere();
    if (exchange.request.method != "GET") co_return notAllowed();
    co_return co_await send(exchange, 200, "application/json", versionText(options_.version));
  }
  if (isBelow(path, "/api") || isBelow(path, "/apis")) co_return co_await handleDiscovery(exchange);
  for (const auto& [own, document] : options_.documents) {
    if (!isBelow(path, own)) continue;
    if (path.size() > own.size() + 1) co_return nothingThere();
    if (exchange.request.method != "GET") co_return notAllowed();
    net::Headers headers{{"Content-Type", document.contentType},
                         {"Cache-Control", document.cacheControl}};
    exchange.code = 200;
    co_return co_await exchange.response.respond(200, std::move(headers), document.body);
  }
  co_return co_await sendNoPage(exchange);
}

Task<Status> ApiServer::sendNoPage(Exchange& exchange) {
  co_return co_await sendText(exchange, 404, "404 page not found\n");
}

bool ApiServer::ownsGroup(std::string_view group) {
  ownGroups_.refresh();
  return documents().discovery("/apis/" + std::string(group)).has_value();
}

Task<Status> ApiServer::listPaths(Exchange& exchange) {
  std::vector<std::string> paths = {"/api", "/api/v1", "/apis"};
  for (const auto& group : servedGroups(served())) {
    if (group.name.empty()) continue;
    paths.push_back("/apis/" + group.name);
    for (const auto& version : group.versions) {
      paths.push_back("/apis/" + group.name + "/" + version);
    }
  }
  for (auto each : {"/healthz", "/livez", "/metrics", "/metrics/slis", "/openapi/v2", "/openapi/v3",
                    "/readyz", "/version"}) {
    paths.emplace_back(each);
  }
  for (const auto& [own, document] : options_.documents) paths.push_back(own);
  std::sort(paths.begin(), paths.end());
  std::string text = "{\n  \"paths\": [";
  for (size_t i = 0; i < paths.size(); ++i) {
    text += (i > 0 ? ",\n    \"" : "\n    \"") + paths[i] + "\"";
  }
  co_return co_await send(exchange, 200, "application/json", text + "\n  ]\n}");
}

Task<Status> ApiServer::handleDiscovery(Exchange& exchange) {
  ownGroups_.refresh();
  const auto accept = exchange.request.headers.get("Accept");
  const auto& path = exchange.info.path;
  const bool core = path == "/api" || path == "/api/";
  const bool root = core || path == "/apis" || path == "/apis/";
  CO_TRY(exchange.accepted, negotiate(accept, root ? Offer::Discovery : Offer::Document));
  if (root && exchange.request.method != "GET") co_return notAllowed();
  if (root && exchange.accepted.form == Form::Discovery) {
    const auto document = documents().aggregated(core);
    net::Headers headers{{"Content-Type", std::string(kDiscoveryType)},
                         {"ETag", "\"" + document.etag + "\""},
                         {"Vary", "Accept"},
                         {"Cache-Control", "public"}};
    if (unchanged(exchange.request, document.etag)) {
      exchange.code = 304;
      co_return co_await exchange.response.respond(304, std::move(headers), "");
    }
    co_return co_await exchange.response.respond(200, std::move(headers), *document.body);
  }
  auto document = documents().discovery(path);
  if (!document) {
    const auto parts = std::string_view(path).substr(core || isBelow(path, "/api") ? 0 : 6);
    if (parts.size() == path.size() || ownsGroup(parts.substr(0, parts.find('/')))) {
      co_return nothingThere();
    }
    co_return co_await sendNoPage(exchange);
  }
  if (exchange.request.method != "GET") co_return notAllowed();
  co_return co_await sendObject(exchange, 200, *document);
}

Task<Status> ApiServer::handleOpenApi(Exchange& exchange) {
  const auto accept = exchange.request.headers.get("Accept");
  const auto& path = exchange.info.path;
  Document document;
  std::string type = "application/json";
  if (path == "/openapi/v3") {
    document = documents().openApiV3Index();
    type = "text/plain; charset=utf-8";
  } else if (path == "/openapi/v2") {
    const bool protobuf = accept.find(kSwaggerProtobufAsked) != std::string_view::npos ||
                          accept.find(kSwaggerProtobuf) != std::string_view::npos;
    if (protobuf) {
      type = kSwaggerProtobuf;
    } else {
      CO_TRY_STATUS(negotiate(accept, Offer::Document).status());
    }
    document = documents().openApiV2(protobuf);
  } else if (path.starts_with("/openapi/v3/")) {
    CO_TRY_STATUS(negotiate(accept, Offer::Document).status());
    document = documents().openApiV3(std::string_view(path).substr(12));
  }
  if (!document) {
    if (!path.starts_with("/openapi/v3/")) co_return co_await sendNoPage(exchange);
    exchange.code = 404;
    co_return co_await exchange.response.respond(404, {}, "");
  }
  net::Headers headers{{"Content-Type", type},
                       {"ETag", "\"" + document.etag + "\""},
                       {"Vary", "Accept"},
                       {"Cache-Control", "no-cache, private"}};
  if (unchanged(exchange.request, document.etag)) {
    exchange.code = 304;
    co_return co_await exchange.response.respond(304, std::move(headers), "");
  }
  if (exchange.query.has("hash")) {
    // A text with its hash in the URL never changes; one with an old hash is elsewhere now.
    if (exchange.query.get("hash") != document.etag) {
      const std::string location = path + "?hash=" + document.etag;
      exchange.code = 301;
      co_return co_await exchange.response.respond(
          301, {{"Content-Type", "text/html; charset=utf-8"}, {"Location", location}},
          "<a href=\"" + location + "\">Moved Permanently</a>.\n\n");
    }
    headers.set("Cache-Control", "public, immutable");
    headers.set("Expires", net::httpDate(executor_.wallNow() + std::chrono::hours(24 * 365)));
  }
  if (document.body) {
    co_return co_await exchange.response.respond(200, std::move(headers), *document.body);
  }
  headers.add("Vary", "Accept-Encoding");
  if (exchange.request.headers.hasToken("Accept-Encoding", "gzip")) {
    headers.add("Content-Encoding", "gzip");
    co_return co_await exchange.response.respond(200, std::move(headers), *document.packed);
  }
  CO_TRY(auto text, gunzip(*document.packed, document.size));
  co_return co_await exchange.response.respond(200, std::move(headers), text);
}

Task<Status> ApiServer::handleHealth(Exchange& exchange) {
  auto answer = health_.answer(exchange.info.path, exchange.query.all("exclude"),
                               exchange.query.has("verbose"));
  co_return co_await sendText(exchange, answer.code, std::move(answer.text));
}

}  // namespace coxswain::apiserver
