#include "kubelet/access/reviews.h"

#include <gtest/gtest.h>

#include "api/gen/authentication_v1.h"
#include "api/gen/authorization_v1.h"
#include "client/resources.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/run_task.h"

namespace coxswain::kubelet {
namespace {

/// An API server that reviews: a FakeClient answers what it was sent, so this one fills the status.
class ReviewClient final : public client::Client {
 public:
  int asked = 0;
  Task<Result<api::ConstObject>> create(const client::ResourceType&, std::string, std::string,
                                        std::string, api::ConstObject object,
                                        std::stop_token) override {
    ++asked;
    auto copy = object.clone();
    if (auto* token = copy.as<api::authentication::v1::TokenReview>()) {
      token->status.authenticated = token->spec.token == "good";
      token->status.user.username = "anna";
    }
    if (auto* access = copy.as<api::authorization::v1::SubjectAccessReview>()) {
      access->status.allowed = access->spec.user == "anna" &&
                               access->spec.resourceAttributes->subresource == "proxy" &&
                               access->spec.resourceAttributes->name == "node-1";
    }
    co_return api::ConstObject(std::move(copy));
  }
  Task<Result<api::ConstObject>> get(const client::ResourceType&, std::string, std::string,
                                     std::stop_token) override {
    co_return methodNotAllowed("reviews", "get");
  }
  Task<Result<api::ConstObject>> getSubresource(const client::ResourceType&, std::string,
                                                std::string, std::string,
                                                std::stop_token) override {
    co_return methodNotAllowed("reviews", "get");
  }
  Task<Result<client::ObjectList>> list(const client::ResourceType&, std::string,
                                        client::ListOptions, std::stop_token) override {
    co_return methodNotAllowed("reviews", "list");
  }
  Task<Result<std::unique_ptr<client::Watch>>> watch(const client::ResourceType&, std::string,
                                                     client::WatchOptions,
                                                     std::stop_token) override {
    co_return methodNotAllowed("reviews", "watch");
  }
  Task<Result<api::ConstObject>> update(const client::ResourceType&, std::string, api::ConstObject,
                                        std::stop_token) override {
    co_return methodNotAllowed("reviews", "update");
  }
  Task<Result<api::ConstObject>> patch(const client::ResourceType&, std::string, std::string,
                                       std::string, client::PatchType, std::string,
                                       std::stop_token) override {
    co_return methodNotAllowed("reviews", "patch");
  }
  Task<Status> remove(const client::ResourceType&, std::string, std::string, client::DeleteOptions,
                      std::stop_token) override {
    co_return methodNotAllowed("reviews", "delete");
  }
};

TEST(Reviews, TokensAreAskedForOnce) {
  sim::SimExecutor executor;
  ReviewClient client;
  ReviewAuthenticator authenticator(client, executor);
  auto caller = sim::runTask(executor, authenticator.authenticate("good", {}));
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ(caller->name, "anna");
  EXPECT_TRUE(sim::runTask(executor, authenticator.authenticate("good", {})).ok());
  EXPECT_EQ(client.asked, 1);
  EXPECT_EQ(sim::runTask(executor, authenticator.authenticate("bad", {})).status().code(), 401);
  executor.runFor(3min);
  EXPECT_TRUE(sim::runTask(executor, authenticator.authenticate("good", {})).ok());
  EXPECT_EQ(client.asked, 3);
}

TEST(Reviews, AnySubresourceSuffices) {
  sim::SimExecutor executor;
  ReviewClient client;
  ReviewAuthorizer authorizer(client, executor);
  server::AccessQuestion question;
  question.caller.name = "anna";
  question.verb = "get";
  question.nodeName = "node-1";
  question.subresources = {"pods", "proxy"};
  EXPECT_TRUE(sim::runTask(executor, authorizer.authorize(question, {})).ok());
  EXPECT_TRUE(sim::runTask(executor, authorizer.authorize(question, {})).ok());
  EXPECT_EQ(client.asked, 2);
  question.caller.name = "bert";
  auto refused = sim::runTask(executor, authorizer.authorize(question, {}));
  EXPECT_EQ(refused.code(), 403);
  EXPECT_EQ(refused.message(),
            "Forbidden (user=bert, verb=get, resource=nodes, subresource(s)=[pods proxy])\n");
}

}  // namespace
}  // namespace coxswain::kubelet
