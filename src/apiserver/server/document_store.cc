#include "apiserver/server/document_store.h"

#include <malloc.h>
#include <openssl/evp.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <map>

#include "api/codec/json.h"
#include "api/gen/apidiscovery_v2.h"
#include "api/gen/meta_v1.h"
#include "apiserver/discovery/documents.h"
#include "apiserver/server/compression.h"

namespace coxswain::apiserver {
namespace {

/// Bytes of packed documents that are kept: all there are, unless kinds become very many.
constexpr size_t kPackedBytesMax = 1U << 20;

/// SHA-512 in hexadecimal, as upstream's.
std::string hashOf(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha512(), nullptr);
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (unsigned int i = 0; i < length; ++i) {
    out.push_back(kHex[digest[i] >> 4]);
    out.push_back(kHex[digest[i] & 15]);
  }
  return out;
}

/// The index with more paths, in order.
std::string withForeign(std::string index,
                        const std::vector<std::pair<std::string, std::string>>& more) {
  if (more.empty()) return index;
  auto parsed = boost::json::parse(index);
  std::map<std::string, boost::json::value> paths;
  for (auto& [path, entry] : parsed.as_object()["paths"].as_object()) paths[path] = entry;
  for (const auto& [path, url] : more) {
    paths[path] = boost::json::object{{"serverRelativeURL", url}};
  }
  boost::json::object sorted;
  for (auto& [path, entry] : paths) sorted[path] = std::move(entry);
  return boost::json::serialize(boost::json::object{{"paths", std::move(sorted)}});
}

Document documentOf(std::string body) {
  Document document;
  document.etag = hashOf(body);
  document.body = std::make_shared<const std::string>(std::move(body));
  return document;
}

}  // namespace

DocumentStore::DocumentStore(std::vector<ServedResource> served, std::string serverAddress)
    : served_(std::move(served)), serverAddress_(std::move(serverAddress)) {
  openApi_ = std::make_unique<OpenApi>(served_);
  ours_ = served_.size();
}

DocumentStore::~DocumentStore() = default;

void DocumentStore::setForeign(ForeignDocuments foreign) {
  served_.resize(ours_);
  for (auto& each : hidden_) served_.push_back(std::move(each));
  const auto theirs =
      std::stable_partition(served_.begin(), served_.end(), [&foreign](const ServedResource& own) {
        return std::ranges::none_of(foreign.served, [&own](const ServedResource& other) {
          return other.group == own.group && other.version == own.version;
        });
      });
  hidden_.assign(std::make_move_iterator(theirs), std::make_move_iterator(served_.end()));
  served_.erase(theirs, served_.end());
  ours_ = served_.size();
  for (auto& each : foreign.served) served_.push_back(std::move(each));
  foreignOpenApi_ = std::move(foreign.openApi);
  aggregatedGroups_.reset();
  index_.reset();
}

std::optional<api::ConstObject> DocumentStore::discovery(std::string_view path) const {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path == "/api") return api::Object(apiVersionsDocument(serverAddress_));
  if (path == "/apis") return api::Object(groupListDocument(served_));
  std::string_view group;
  std::string_view version;
  if (path.starts_with("/api/")) {
    version = path.substr(5);
  } else if (path.starts_with("/apis/")) {
    group = path.substr(6);
    auto slash = group.find('/');
    if (slash == std::string_view::npos) {
      auto found = groupDocument(served_, group);
      if (!found) return std::nullopt;
      return api::Object(std::move(*found));
    }
    version = group.substr(slash + 1);
    group = group.substr(0, slash);
  } else {
    return std::nullopt;
  }
  auto list = resourceListDocument(served_, group, version);
  if (!list) return std::nullopt;
  return api::Object(std::move(*list));
}

const Document& DocumentStore::aggregated(bool core) {
  auto& document = core ? aggregatedCore_ : aggregatedGroups_;
  if (!document) document = documentOf(api::encodeJson(aggregatedDocument(served_, core)) + "\n");
  return *document;
}

const Document& DocumentStore::openApiV3Index() {
  if (!index_) index_ = documentOf(withForeign(openApi_->v3Index(), foreignOpenApi_));
  return *index_;
}

const Document* DocumentStore::kept(std::string_view name) const {
  for (const auto& [key, document] : large_) {
    if (key == name) return &document;
  }
  return nullptr;
}

Document DocumentStore::keep(std::string name, std::string body, std::string etag) {
  Document document;
  document.etag = std::move(etag);
  document.size = body.size();
  auto packed = gzipSmall(body);
  if (!packed.ok()) {
    document.body = std::make_shared<const std::string>(std::move(body));
    return document;
  }
  document.packed = std::make_shared<const std::string>(std::move(*packed));
  large_.emplace_back(std::move(name), document);
  size_t bytes = 0;
  for (const auto& each : large_) bytes += each.second.packed->size();
  while (large_.size() > 1 && bytes > kPackedBytesMax) {
    bytes -= large_.front().second.packed->size();
    large_.pop_front();
  }
  body = std::string();
  // Making a document takes megabytes of small pieces, once: a server at rest gives them back.
  ::malloc_trim(0);
  return document;
}

Document DocumentStore::openApiV3(std::string_view path) {
  const auto name = "v3/" + std::string(path);
  if (const auto* document = kept(name)) return *document;
  auto body = openApi_->v3(path);
  if (!body) return {};
  return keep(name, std::move(*body), openApi_->v3Hash(path));
}

Document DocumentStore::openApiV2(bool protobuf) {
  const std::string name = protobuf ? "v2 protobuf" : "v2";
  if (const auto* document = kept(name)) return *document;
  std::string body = protobuf ? openApi_->v2Protobuf() : openApi_->v2();
  std::string etag = hashOf(body);
  return keep(name, std::move(body), std::move(etag));
}

}  // namespace coxswain::apiserver
