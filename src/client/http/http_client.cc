#include "client/http/http_client.h"

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/meta_v1.h"
#include "client/http/decode.h"
#include "client/http/watch_decoder.h"
#include "client/http/wire_status.h"
#include "client/resources.h"
#include "runtime/random.h"
#include "runtime/spawn.h"

namespace coxswain::client {

namespace {

constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";
constexpr std::string_view kJson = "application/json";
constexpr int64_t kPageSize = 500;

using Query = std::vector<std::pair<std::string, std::string>>;

void addUnlessEmpty(Query& query, std::string name, std::string value) {
  if (!value.empty()) query.emplace_back(std::move(name), std::move(value));
}

/// Of kinds that are read so, servers are asked for no more than the metadata.
void askForMetadata(RestRequest& request, const ResourceType& type, std::string_view list = "") {
  if (isMetadataOnly(type)) request.headers.set("Accept", metadataAccept(list));
}

/// Some minutes, spread so that the watches of a process do not all end at once.
std::string watchSeconds() {
  SystemRandom random;
  return std::to_string(300 + random.below(300));
}

class HttpWatch final : public Watch {
 public:
  /// What the reactor owns; outlives a `next` that is being awaited.
  struct State {
    State(const ResourceType& t, std::unique_ptr<net::ClientResponse> r, bool protobuf)
        : type(t), response(std::move(r)), decoder(protobuf) {}
    const ResourceType& type;
    std::unique_ptr<net::ClientResponse> response;
    WatchDecoder decoder;
    Status ended;
  };

  HttpWatch(Reactor& reactor, std::shared_ptr<State> state)
      : reactor_(reactor), state_(std::move(state)) {}
  ~HttpWatch() override {
    if (Executor::current() == &reactor_) return;
    reactor_.post([state = std::move(state_)]() mutable { state.reset(); });
  }

  Task<Result<WatchEvent>> next(std::stop_token stop) override {
    if (Executor::current() == &reactor_) return nextHere(state_, std::move(stop));
    return runOn(reactor_, nextHere(state_, std::move(stop)));
  }

 private:
  static Task<Result<WatchEvent>> nextHere(std::shared_ptr<State> state, std::stop_token stop) {
    while (state->ended.ok()) {
      auto raw = state->decoder.next();
      if (!raw.ok()) {
        state->ended = raw.status();
        break;
      }
      if (*raw) {
        auto event = decodeWatchEvent(state->type, **raw);
        if (!event.ok()) state->ended = event.status();
        co_return std::move(event);
      }
      auto piece = co_await state->response->body().read(stop);
      if (!piece.ok()) {
        if (isCanceled(piece.status())) co_return canceled();
        state->ended = piece.status();
      } else if (piece->empty()) {
        state->ended = state->decoder.inMiddle()
                           ? unreachable("the watch ended in the middle of an event")
                           : endOfStream();
      } else {
        state->decoder.feed(*piece);
      }
    }
    state->response = nullptr;
    co_return state->ended;
  }

  Reactor& reactor_;
  std::shared_ptr<State> state_;
};

}  // namespace

std::string resourcePath(std::string_view group, std::string_view version, std::string_view plural,
                         std::string_view ns, std::string_view name, std::string_view subresource) {
  std::string path = group.empty() ? "/api/" : "/apis/" + std::string(group) + "/";
  path += version;
  if (!ns.empty()) path += "/namespaces/" + percentEncode(ns);
  path += "/" + std::string(plural);
  if (!name.empty()) path += "/" + percentEncode(name);
  if (!subresource.empty()) path += "/" + std::string(subresource);
  return path;
}

api::meta::v1::DeleteOptions deleteOptionsOf(DeleteOptions options) {
  api::meta::v1::DeleteOptions body;
  body.gracePeriodSeconds = options.gracePeriodSeconds;
  if (!options.propagationPolicy.empty()) body.propagationPolicy = options.propagationPolicy;
  if (!options.uid.empty() || !options.resourceVersion.empty()) {
    auto& preconditions = body.preconditions.emplace();
    if (!options.uid.empty()) preconditions.uid = options.uid;
    if (!options.resourceVersion.empty()) preconditions.resourceVersion = options.resourceVersion;
  }
  return body;
}

std::string_view patchMediaType(PatchType type) {
  switch (type) {
    case PatchType::Json:
      return "application/json-patch+json";
    case PatchType::Merge:
      return "application/merge-patch+json";
    case PatchType::StrategicMerge:
      return "application/strategic-merge-patch+json";
    case PatchType::Apply:
      return "application/apply-patch+yaml";
  }
  return "";
}

HttpClient::HttpClient(RestClient& rest, TokenSource* tokens) : rest_(rest), tokens_(tokens) {}

RestRequest HttpClient::request(std::string method, std::string path) const {
  RestRequest out;
  out.method = std::move(method);
  out.path = std::move(path);
  out.headers.add("Accept", rest_.config().protobuf
                                ? std::string(kProtobuf) + "," + std::string(kJson)
                                : std::string(kJson));
  return out;
}

void HttpClient::setBody(RestRequest& request, const ResourceType* type,
                         const api::ConstObject& object) const {
  const bool ofType = type && &object.info() == type->kind;
  const auto apiVersion = ofType ? apiVersionOf(*type) : std::string();
  if (rest_.config().protobuf) {
    api::encodeEnvelope(object.info(), object.data(), request.body, apiVersion);
    request.headers.add("Content-Type", std::string(kProtobuf));
  } else {
    api::JsonEncodeOptions options;
    options.apiVersion = apiVersion;
    api::encodeJson(object.info(), object.data(), request.body, options);
    request.headers.add("Content-Type", std::string(kJson));
  }
}

Task<Result<RestResponse>> HttpClient::call(RestRequest request, std::stop_token stop) {
  auto task = tokens_ ? callAs(std::move(request), stop) : rest_.call(std::move(request), stop);
  if (Executor::current() == &rest_.reactor()) return task;
  return runOn(rest_.reactor(), std::move(task));
}

Task<Result<RestResponse>> HttpClient::callAs(RestRequest request, std::stop_token stop) {
  CO_TRY(auto token, co_await tokens_->token(stop));
  request.headers.set("Authorization", "Bearer " + token);
  auto answer = co_await rest_.call(std::move(request), stop);
  if (!answer.ok() && answer.status().reason() == Reason::Unauthorized) tokens_->refused();
  co_return answer;
}

Task<Result<std::unique_ptr<net::ClientResponse>>> HttpClient::streamAs(RestRequest request,
                                                                        std::stop_token stop) {
  if (tokens_) {
    CO_TRY(auto token, co_await tokens_->token(stop));
    request.headers.set("Authorization", "Bearer " + token);
  }
  auto answer = co_await rest_.stream(std::move(request), stop);
  if (tokens_ && !answer.ok() && answer.status().reason() == Reason::Unauthorized)
    tokens_->refused();
  co_return answer;
}

Task<Result<api::ConstObject>> HttpClient::exchange(const ResourceType& type, RestRequest request,
                                                    std::stop_token stop) {
  CO_TRY(auto answer, co_await call(std::move(request), std::move(stop)));
  co_return decodeAnswer(type, answer.body);
}

Task<Result<api::ConstObject>> HttpClient::get(const ResourceType& type, std::string ns,
                                               std::string name, std::stop_token stop) {
  return getSubresource(type, std::move(ns), std::move(name), "", std::move(stop));
}

Task<Result<api::ConstObject>> HttpClient::getSubresource(const ResourceType& type, std::string ns,
                                                          std::string name, std::string subresource,
                                                          std::stop_token stop) {
  if (name.empty()) co_return badRequest("resource name may not be empty");
  auto path = resourcePath(type.group, type.version, type.plural, ns, name, subresource);
  auto ask = request("GET", std::move(path));
  askForMetadata(ask, type);
  co_return co_await exchange(type, std::move(ask), stop);
}

Task<Result<std::string>> HttpClient::readPath(std::string path, PathQuery query,
                                               std::stop_token stop) {
  RestRequest ask;
  ask.path = std::move(path);
  ask.query = std::move(query);
  ask.headers.add("Accept", std::string(kJson));
  CO_TRY(auto answer, co_await call(std::move(ask), std::move(stop)));
  co_return std::move(answer.body);
}

Task<Result<ObjectList>> HttpClient::listPage(const ResourceType& type, std::string ns,
                                              ListOptions options, std::stop_token stop) {
  auto ask = request("GET", resourcePath(type.group, type.version, type.plural, ns));
  askForMetadata(ask, type, "List");
  addUnlessEmpty(ask.query, "labelSelector", std::move(options.labelSelector));
  addUnlessEmpty(ask.query, "fieldSelector", std::move(options.fieldSelector));
  if (options.limit > 0) ask.query.emplace_back("limit", std::to_string(options.limit));
  addUnlessEmpty(ask.query, "resourceVersion", std::move(options.resourceVersion));
  addUnlessEmpty(ask.query, "resourceVersionMatch", std::move(options.resourceVersionMatch));
  addUnlessEmpty(ask.query, "continue", std::move(options.continueToken));
  CO_TRY(auto answer, co_await call(std::move(ask), std::move(stop)));
  co_return decodeList(type, answer.body);
}

Task<Result<ObjectList>> HttpClient::list(const ResourceType& type, std::string ns,
                                          ListOptions options, std::stop_token stop) {
  const bool whole =
      options.limit == 0 && options.resourceVersion.empty() && options.continueToken.empty();
  if (!whole) co_return co_await listPage(type, std::move(ns), std::move(options), stop);
  ObjectList all;
  ListOptions page = options;
  page.limit = kPageSize;
  while (true) {
    auto got = co_await listPage(type, ns, page, stop);
    if (!got.ok()) {
      // Pages ended because the list is too old by now: once more, in one piece.
      if (isExpired(got.status()) && !page.continueToken.empty()) {
        co_return co_await listPage(type, ns, options, stop);
      }
      co_return got.status();
    }
    all.resourceVersion = std::move(got->resourceVersion);
    if (all.items.empty()) {
      all.items = std::move(got->items);
    } else {
      for (auto& item : got->items) all.items.push_back(std::move(item));
    }
    if (got->continueToken.empty()) co_return std::move(all);
    page.continueToken = std::move(got->continueToken);
  }
}

Task<Result<std::unique_ptr<Watch>>> HttpClient::watch(const ResourceType& type, std::string ns,
                                                       WatchOptions options, std::stop_token stop) {
  auto ask = request("GET", resourcePath(type.group, type.version, type.plural, ns));
  askForMetadata(ask, type);
  ask.query.emplace_back("watch", "true");
  if (options.allowBookmarks) ask.query.emplace_back("allowWatchBookmarks", "true");
  addUnlessEmpty(ask.query, "labelSelector", std::move(options.labelSelector));
  addUnlessEmpty(ask.query, "fieldSelector", std::move(options.fieldSelector));
  addUnlessEmpty(ask.query, "resourceVersion", std::move(options.resourceVersion));
  ask.query.emplace_back("timeoutSeconds", watchSeconds());
  auto& reactor = rest_.reactor();
  Result<std::unique_ptr<net::ClientResponse>> answer = canceled();
  if (Executor::current() == &reactor) {
    answer = co_await streamAs(std::move(ask), stop);
  } else {
    answer = co_await runOn(reactor, streamAs(std::move(ask), stop));
  }
  if (!answer.ok()) co_return answer.status();
  const bool protobuf = (*answer)->headers.get("Content-Type").starts_with(kProtobuf);
  auto state = std::make_shared<HttpWatch::State>(type, std::move(*answer), protobuf);
  co_return std::unique_ptr<Watch>(std::make_unique<HttpWatch>(reactor, std::move(state)));
}

Task<Result<api::ConstObject>> HttpClient::create(const ResourceType& type, std::string ns,
                                                  std::string name, std::string subresource,
                                                  api::ConstObject object, std::stop_token stop) {
  const auto of = subresource.empty() ? std::string() : name;
  auto ask =
      request("POST", resourcePath(type.group, type.version, type.plural, ns, of, subresource));
  setBody(ask, &type, object);
  co_return co_await exchange(type, std::move(ask), stop);
}

Task<Result<api::ConstObject>> HttpClient::update(const ResourceType& type, std::string subresource,
                                                  api::ConstObject object, std::stop_token stop) {
  const auto* meta = api::objectMeta(object);
  if (meta == nullptr || meta->name.empty()) co_return badRequest("metadata.name: must be given");
  auto ask = request("PUT", resourcePath(type.group, type.version, type.plural, meta->namespace_,
                                         meta->name, subresource));
  setBody(ask, &type, object);
  co_return co_await exchange(type, std::move(ask), stop);
}

Task<Result<api::ConstObject>> HttpClient::patch(const ResourceType& type, std::string ns,
                                                 std::string name, std::string subresource,
                                                 PatchType patchType, std::string body,
                                                 std::stop_token stop) {
  auto ask =
      request("PATCH", resourcePath(type.group, type.version, type.plural, ns, name, subresource));
  askForMetadata(ask, type);
  ask.headers.add("Content-Type", std::string(patchMediaType(patchType)));
  ask.body = std::move(body);
  const auto& config = rest_.config();
  auto manager = config.fieldManager;
  if (patchType == PatchType::Apply) {
    if (manager.empty()) manager = config.userAgent.substr(0, config.userAgent.find('/'));
    ask.query.emplace_back("force", "true");
  }
  addUnlessEmpty(ask.query, "fieldManager", std::move(manager));
  co_return co_await exchange(type, std::move(ask), stop);
}

Task<Status> HttpClient::remove(const ResourceType& type, std::string ns, std::string name,
                                DeleteOptions options, std::stop_token stop) {
  if (name.empty()) co_return badRequest("resource name may not be empty");
  auto ask = request("DELETE", resourcePath(type.group, type.version, type.plural, ns, name));
  auto body = deleteOptionsOf(std::move(options));
  // With its kind in the group's version, as every body is.
  if (isMetadataOnly(type)) {
    // Who serves it may know no protobuf.
    ask.body = api::encodeJson(body);
    ask.headers.add("Content-Type", std::string(kJson));
  } else {
    api::ConstObject object(api::Object(std::move(body)));
    setBody(ask, nullptr, object);
  }
  auto answer = co_await call(std::move(ask), stop);
  co_return answer.status();
}

}  // namespace coxswain::client
