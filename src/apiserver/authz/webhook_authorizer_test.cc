#include "apiserver/authz/webhook_authorizer.h"

#include <gtest/gtest.h>

#include "runtime/sim/run_task.h"

namespace coxswain::apiserver {
namespace {

std::string answer(std::string_view status) {
  return R"({"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","status":)" +
         std::string(status) + "}";
}

class Webhook : public testing::Test {
 protected:
  void make(std::string version = "v1") {
    WebhookAuthorizerOptions options;
    options.version = std::move(version);
    options.call = [this](std::string body, std::stop_token) { return reply(std::move(body)); };
    authorizer_ = std::make_unique<WebhookAuthorizer>(executor_, std::move(options));
  }
  Task<Result<std::string>> reply(std::string body) {
    bodies_.push_back(std::move(body));
    if (failures_ > 0) {
      --failures_;
      co_return serviceUnavailable("not now");
    }
    co_return answer_;
  }
  Verdict ask() {
    const Attributes attributes{user_, info_, fields_, labels_};
    return sim::runTask(executor_, authorizeOrAsk(*authorizer_, attributes, {}));
  }
  static RequestInfo pods() {
    RequestInfo info;
    info.isResource = true;
    info.verb = "list";
    info.version = "v1";
    info.resource = "pods";
    info.ns = "a";
    return info;
  }

  sim::SimExecutor executor_{1};
  std::unique_ptr<WebhookAuthorizer> authorizer_;
  UserInfo user_{"jane", "7", {"dev", "system:authenticated"}, {{"scopes", {"x"}}}};
  RequestInfo info_ = pods();
  std::string fields_;
  std::string labels_;
  std::string answer_ = answer(R"({"allowed":true,"reason":"because"})");
  int failures_ = 0;
  std::vector<std::string> bodies_;
};

TEST_F(Webhook, AsksOnceAndRemembers) {
  make();
  EXPECT_EQ(authorizer_->authorize({user_, info_}).decision, Decision::Ask);
  auto verdict = ask();
  EXPECT_TRUE(verdict.allowed());
  EXPECT_EQ(verdict.reason, "because");
  EXPECT_TRUE(authorizer_->authorize({user_, info_}).allowed());
  ask();
  EXPECT_EQ(bodies_.size(), 1U);
  executor_.runFor(6min);
  ask();
  EXPECT_EQ(bodies_.size(), 2U);
  // Another question.
  info_.verb = "watch";
  EXPECT_EQ(authorizer_->authorize({user_, info_}).decision, Decision::Ask);
}

TEST_F(Webhook, RefusalsAreRememberedShorter) {
  make();
  answer_ = answer(R"({"allowed":false,"denied":true,"reason":"no"})");
  auto verdict = ask();
  EXPECT_EQ(verdict.decision, Decision::Deny);
  EXPECT_EQ(verdict.reason, "no");
  executor_.runFor(31s);
  answer_ = answer(R"({"allowed":false})");
  EXPECT_EQ(ask().decision, Decision::NoOpinion);
  EXPECT_EQ(bodies_.size(), 2U);
}

TEST_F(Webhook, WhatIsAsked) {
  make();
  fields_ = "spec.nodeName=n1,metadata.name=x";
  labels_ = "app in (a,b),!old";
  ask();
  EXPECT_EQ(bodies_.at(0),
            R"({"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1",)"
            R"("metadata":{"creationTimestamp":null},"spec":{"resourceAttributes":)"
            R"({"namespace":"a","verb":"list","version":"v1","resource":"pods","name":"x",)"
            R"("fieldSelector":{"requirements":[{"key":"metadata.name","operator":"In",)"
            R"("values":["x"]},{"key":"spec.nodeName","operator":"In","values":["n1"]}]},)"
            R"("labelSelector":{"requirements":[{"key":"app","operator":"In","values":)"
            R"(["a","b"]},{"key":"old","operator":"DoesNotExist"}]}},"user":"jane",)"
            R"("groups":["dev","system:authenticated"],"extra":{"scopes":["x"]},"uid":"7"},)"
            R"("status":{"allowed":false}})");
  make("v1beta1");
  fields_ = labels_ = "";
  info_ = {};
  info_.path = "/metrics";
  info_.verb = "get";
  ask();
  EXPECT_EQ(bodies_.at(1),
            R"({"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1beta1",)"
            R"("metadata":{"creationTimestamp":null},"spec":{"group":["dev",)"
            R"("system:authenticated"],"nonResourceAttributes":{"path":"/metrics","verb":"get"},)"
            R"("user":"jane","extra":{"scopes":["x"]},"uid":"7"},"status":{"allowed":false}})");
}

TEST_F(Webhook, TriesAgainAndThenFailsClosed) {
  make();
  failures_ = 2;
  EXPECT_TRUE(ask().allowed());
  EXPECT_EQ(bodies_.size(), 3U);
  make();
  bodies_.clear();
  failures_ = 100;
  auto verdict = ask();
  EXPECT_EQ(verdict.decision, Decision::NoOpinion);
  EXPECT_EQ(verdict.failure, "not now");
  EXPECT_EQ(bodies_.size(), 5U);
  EXPECT_EQ(refusal({user_, info_}, verdict).code(), 500);
  // Nothing of that is remembered.
  failures_ = 0;
  EXPECT_TRUE(ask().allowed());
}

TEST_F(Webhook, NonsenseIsNoOpinion) {
  make();
  for (const auto* text : {"", "[]", "{\"status\":{\"allowed\":\"yes\"}}",
                           R"({"status":{"allowed":true,"denied":true}})"}) {
    answer_ = text;
    auto verdict = ask();
    EXPECT_EQ(verdict.decision, Decision::NoOpinion) << text;
    EXPECT_FALSE(verdict.failure.empty()) << text;
  }
}

TEST_F(Webhook, OthersGoFirst) {
  AuthorizerChain chain;
  chain.add(std::make_unique<MastersAuthorizer>());
  make();
  chain.add(*authorizer_);
  chain.add(std::make_unique<AlwaysAuthorizer>(false));
  const UserInfo root{"root", "", {"system:masters"}, {}};
  EXPECT_TRUE(chain.authorize({root, info_}).allowed());
  EXPECT_EQ(chain.authorize({user_, info_}).decision, Decision::Ask);
  EXPECT_TRUE(bodies_.empty());
  answer_ = answer(R"({"allowed":false,"reason":"not me"})");
  auto verdict = sim::runTask(executor_, chain.ask({user_, info_}, {}));
  EXPECT_EQ(verdict.reason, "not me\nEverything is forbidden.");
  // Known by now.
  EXPECT_EQ(chain.authorize({user_, info_}).decision, Decision::NoOpinion);
}

}  // namespace
}  // namespace coxswain::apiserver
