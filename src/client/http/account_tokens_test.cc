#include "client/http/account_tokens.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "api/gen/authentication_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::client {
namespace {

using api::authentication::v1::TokenRequest;

/// Knows accounts and issues tokens; nothing else is asked of it.
class Issuer final : public Client {
 public:
  explicit Issuer(Executor& executor) : executor_(executor) {}
  bool accountThere = true;
  int accountsMade = 0;
  int tokens = 0;
  Duration lasts = 1h;
  Status failure;
  std::string askedFor;

  Task<Result<api::ConstObject>> create(const ResourceType& type, std::string ns, std::string name,
                                        std::string subresource, api::ConstObject object,
                                        std::stop_token stop) override {
    CO_TRY_STATUS(co_await sleepFor(10ms, stop));
    if (!failure.ok()) co_return failure;
    if (subresource.empty()) {
      ++accountsMade;
      accountThere = true;
      co_return object;
    }
    askedFor = std::string(type.plural) + " " + ns + "/" + name + "/" + subresource;
    if (!accountThere) co_return notFound("serviceaccounts", name);
    TokenRequest issued = *object.as<TokenRequest>();
    issued.status.token = "token-" + std::to_string(++tokens);
    issued.status.expirationTimestamp = api::Time(executor_.wallNow() + lasts);
    co_return api::ConstObject(api::Object(std::move(issued)));
  }
  Task<Result<api::ConstObject>> get(const ResourceType&, std::string, std::string,
                                     std::stop_token) override {
    co_return canceled();
  }
  Task<Result<api::ConstObject>> getSubresource(const ResourceType&, std::string, std::string,
                                                std::string, std::stop_token) override {
    co_return canceled();
  }
  Task<Result<ObjectList>> list(const ResourceType&, std::string, ListOptions,
                                std::stop_token) override {
    co_return canceled();
  }
  Task<Result<std::unique_ptr<Watch>>> watch(const ResourceType&, std::string, WatchOptions,
                                             std::stop_token) override {
    co_return canceled();
  }
  Task<Result<api::ConstObject>> update(const ResourceType&, std::string, api::ConstObject,
                                        std::stop_token) override {
    co_return canceled();
  }
  Task<Result<api::ConstObject>> patch(const ResourceType&, std::string, std::string, std::string,
                                       PatchType, std::string, std::stop_token) override {
    co_return canceled();
  }
  Task<Status> remove(const ResourceType&, std::string, std::string, DeleteOptions,
                      std::stop_token) override {
    co_return canceled();
  }

 private:
  Executor& executor_;
};

Task<void> into(Task<Result<std::string>> task, std::optional<Result<std::string>>& out) {
  out.emplace(co_await std::move(task));
}

class Tokens : public testing::Test {
 protected:
  Result<std::string> token() {
    std::optional<Result<std::string>> out;
    spawn(executor_, into(tokens_.token({}), out));
    EXPECT_TRUE(executor_.runUntil([&] { return out.has_value(); }, 1min));
    return *out;
  }
  sim::SimExecutor executor_{1};
  Issuer issuer_{executor_};
  AccountTokens tokens_{issuer_, executor_, "kube-system", "job-controller"};
};

TEST_F(Tokens, OneLastsAndIsReplacedInTime) {
  EXPECT_EQ(*token(), "token-1");
  EXPECT_EQ(issuer_.askedFor, "serviceaccounts kube-system/job-controller/token");
  executor_.runFor(45min);
  EXPECT_EQ(*token(), "token-1");
  executor_.runFor(4min);
  EXPECT_EQ(*token(), "token-2");
  // As long as the server says, not as was asked for.
  issuer_.lasts = 10min;
  tokens_.refused();
  EXPECT_EQ(*token(), "token-3");
  executor_.runFor(9min);
  EXPECT_EQ(*token(), "token-4");
}

TEST_F(Tokens, ManyWhoWaitShareOne) {
  std::optional<Result<std::string>> outs[5];
  for (auto& out : outs) spawn(executor_, into(tokens_.token({}), out));
  EXPECT_TRUE(executor_.runUntil(
      [&] {
        return std::all_of(std::begin(outs), std::end(outs),
                           [](const auto& out) { return out.has_value(); });
      },
      1min));
  for (const auto& out : outs) EXPECT_EQ(**out, "token-1");
  EXPECT_EQ(issuer_.tokens, 1);
}

TEST_F(Tokens, TheAccountIsMade) {
  issuer_.accountThere = false;
  EXPECT_EQ(*token(), "token-1");
  EXPECT_EQ(issuer_.accountsMade, 1);
}

TEST_F(Tokens, FailuresAreToldAndPass) {
  issuer_.failure = serviceUnavailable("not now");
  auto answer = token();
  EXPECT_EQ(answer.status().message(),
            "a token of service account kube-system/job-controller: not now");
  issuer_.failure = Status();
  EXPECT_EQ(*token(), "token-1");
}

}  // namespace
}  // namespace coxswain::client
