#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/resources/discovery.h"
#include "cli/resources/json.h"
#include "client/client.h"
#include "client/http/rest_client.h"
#include "client/http/watch_decoder.h"

namespace coxswain::cli {

/// What a write says besides its object.
struct WriteOptions {
  bool dryRun = false;          ///< by the server
  std::string fieldManager;     ///< empty: the server takes the user agent
  std::string fieldValidation;  ///< "Strict", "Warn", "Ignore"; empty: the server's choice
  std::string subresource;
  bool force = false;  ///< server-side apply takes fields from others
};

struct ObjectListOptions {
  std::string labelSelector;
  std::string fieldSelector;
  int64_t limit = 0;  ///< of a page; 0: everything at once
  std::string continueToken;
  std::string resourceVersion;
};

/// One event of a watch, dynamic.
struct ObjectEvent {
  std::string type;  ///< "ADDED", "MODIFIED", "DELETED", "BOOKMARK"
  json::value object;
};

/// An open watch of dynamic objects.
class ObjectWatch {
 public:
  explicit ObjectWatch(std::unique_ptr<net::ClientResponse> response)
      : response_(std::move(response)), decoder_(false) {}
  /// EndOfStream when the server ends it; the Status of an ERROR event; Canceled.
  Task<Result<ObjectEvent>> next(std::stop_token stop);

 private:
  std::unique_ptr<net::ClientResponse> response_;
  client::WatchDecoder decoder_;
};

/// Objects of any kind as JSON trees. Failures are the server's.
class ObjectClient {
 public:
  explicit ObjectClient(client::RestClient& rest) : rest_(rest) {}

  Task<Result<json::value>> get(const ApiResource& resource, std::string ns, std::string name,
                                std::string subresource = "");
  /// One page; `accept` asks for another form (Table).
  Task<Result<json::value>> listPage(const ApiResource& resource, std::string ns,
                                     ObjectListOptions options, std::string accept = "",
                                     std::string includeObject = "");
  /// All pages: their items in one list of the server's kind.
  Task<Result<json::value>> list(const ApiResource& resource, std::string ns,
                                 ObjectListOptions options);
  Task<Result<json::value>> create(const ApiResource& resource, std::string ns, std::string name,
                                   const json::value& object, WriteOptions options);
  Task<Result<json::value>> replace(const ApiResource& resource, std::string ns, std::string name,
                                    const json::value& object, WriteOptions options);
  Task<Result<json::value>> patch(const ApiResource& resource, std::string ns, std::string name,
                                  client::PatchType type, std::string body, WriteOptions options);
  /// `body` is a DeleteOptions. Answers the object or a Status.
  Task<Result<json::value>> remove(const ApiResource& resource, std::string ns, std::string name,
                                   json::object body);
  /// Of one object where `name` is given. From `resourceVersion`; empty: the present ones first.
  Task<Result<std::unique_ptr<ObjectWatch>>> watch(const ApiResource& resource, std::string ns,
                                                   std::string name, ObjectListOptions options,
                                                   std::stop_token stop, std::string accept = "",
                                                   std::string includeObject = "");
  /// GET of any path, as JSON.
  Task<Result<json::value>> getPath(std::string path);
  [[nodiscard]] client::RestClient& rest() const { return rest_; }

 private:
  Task<Result<json::value>> exchange(client::RestRequest request);
  static client::RestRequest writeRequest(std::string method, std::string path,
                                          const WriteOptions& options);
  client::RestClient& rest_;
};

}  // namespace coxswain::cli
