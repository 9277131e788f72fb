#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apiserver/generic/user_info.h"
#include "apiserver/server/api_server.h"
#include "client/client.h"
#include "client/path_reader.h"
#include "runtime/executor.h"

namespace coxswain::apiserver {

/// The Client of a component in the API server's process: the same routing, authorization,
/// admission, validation and storage as a request over HTTP has, without TLS, HTTP and codecs.
/// Reads and watches hand out the decoded objects that the server's cache shares with everybody.
///
/// Any executor; the work happens on the server's. Server and executor outlive the client, its
/// tasks and its watches.
class LocalClient final : public client::Client, public client::PathReader {
 public:
  /// `executor` is the server's. system:authenticated is added to the user's groups.
  /// `fieldManager`: whose the fields are that it writes; empty: the last part of the user's name,
  /// of nodes "kubelet", of the server itself "kube-apiserver".
  LocalClient(Executor& executor, ApiServer& server, UserInfo user, std::string fieldManager = {});

  Task<Result<api::ConstObject>> get(const client::ResourceType& type, std::string ns,
                                     std::string name, std::stop_token stop) override;
  Task<Result<api::ConstObject>> getSubresource(const client::ResourceType& type, std::string ns,
                                                std::string name, std::string subresource,
                                                std::stop_token stop) override;
  Task<Result<client::ObjectList>> list(const client::ResourceType& type, std::string ns,
                                        client::ListOptions options, std::stop_token stop) override;
  Task<Result<std::unique_ptr<client::Watch>>> watch(const client::ResourceType& type,
                                                     std::string ns, client::WatchOptions options,
                                                     std::stop_token stop) override;
  Task<Result<api::ConstObject>> create(const client::ResourceType& type, std::string ns,
                                        std::string name, std::string subresource,
                                        api::ConstObject object, std::stop_token stop) override;
  Task<Result<api::ConstObject>> update(const client::ResourceType& type, std::string subresource,
                                        api::ConstObject object, std::stop_token stop) override;
  Task<Result<api::ConstObject>> patch(const client::ResourceType& type, std::string ns,
                                       std::string name, std::string subresource,
                                       client::PatchType patchType, std::string body,
                                       std::stop_token stop) override;
  Task<Status> remove(const client::ResourceType& type, std::string ns, std::string name,
                      client::DeleteOptions options, std::stop_token stop) override;
  /// Also of group versions that other servers serve behind this one.
  Task<Result<std::string>> readPath(std::string path, client::PathQuery query,
                                     std::stop_token stop) override;

 private:
  struct Shared;
  std::shared_ptr<const Shared> shared_;  // tasks that run on keep it
};

}  // namespace coxswain::apiserver
