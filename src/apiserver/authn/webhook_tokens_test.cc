#include "apiserver/authn/webhook_tokens.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

constexpr const char* kGood =
    R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"authenticated":true,)"
    R"("user":{"username":"ann","uid":"7","groups":["dev"],"extra":{"k":["v"]}}}})";

class Scripted final : public WebhookCaller {
 public:
  struct State {
    std::vector<Result<std::string>> answers;  ///< the last one stays
    std::vector<std::string> bodies;
  };
  explicit Scripted(State& state) : state_(state) {}
  Task<Result<std::string>> post(std::string body, std::stop_token) override {
    state_.bodies.push_back(std::move(body));
    auto answer = state_.answers.front();
    if (state_.answers.size() > 1) state_.answers.erase(state_.answers.begin());
    co_return answer;
  }
  Task<void> close() override { co_return; }

 private:
  State& state_;
};

class Webhook : public testing::Test {
 protected:
  Recognition ask(std::vector<Result<std::string>> answers) {
    state_.answers = std::move(answers);
    state_.bodies.clear();
    WebhookTokensOptions options;
    options.apiAudiences = {"api"};
    WebhookTokens tokens(random_, options, std::make_unique<Scripted>(state_));
    std::optional<Recognition> out;
    spawn(executor_, into(tokens, out));
    EXPECT_TRUE(executor_.runUntil([&out] { return out.has_value(); }, 1h));
    return std::move(*out);
  }
  static Task<void> into(WebhookTokens& tokens, std::optional<Recognition>& out) {
    out = co_await tokens.ask("t", {"api"}, {});
  }
  sim::SimExecutor executor_{1};
  SeededRandom random_{1};
  Scripted::State state_;
};

TEST_F(Webhook, Question) {
  EXPECT_EQ(tokenReviewOf("t\"", {"a", "b"}, "v1beta1"),
            R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1beta1","metadata":{},)"
            R"("spec":{"token":"t\"","audiences":["a","b"]},"status":{"user":{}}})");
}

TEST_F(Webhook, Accepted) {
  auto known = ask({std::string(kGood)});
  ASSERT_TRUE(known.ok() && *known) << known.status().toString();
  EXPECT_EQ((*known)->user.name, "ann");
  EXPECT_EQ((*known)->user.uid, "7");
  EXPECT_EQ((*known)->user.groups, std::vector<std::string>{"dev"});
  EXPECT_EQ((*known)->user.extra["k"], std::vector<std::string>{"v"});
  EXPECT_EQ((*known)->audiences, Audiences{"api"});
}

TEST_F(Webhook, Answers) {
  const auto answer = [](const char* status) {
    return parseTokenReviewAnswer(
        std::string(R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":)") +
            status + "}",
        {"api"}, {"api"});
  };
  EXPECT_FALSE(answer("{}")->has_value());
  EXPECT_EQ(answer(R"({"error":"locked"})").status().message(), "locked");
  EXPECT_FALSE(answer(R"({"authenticated":true,"audiences":["vault"]})")->has_value());
  EXPECT_TRUE(answer(R"({"authenticated":true,"audiences":["vault","api"]})")->has_value());
  for (const char* bad :
       {"", "[]", "{}", R"({"kind":"Status","apiVersion":"v1"})",
        R"({"kind":"TokenReview","apiVersion":"x/v1","status":{"authenticated":true}})",
        R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":7})"}) {
    EXPECT_FALSE(parseTokenReviewAnswer(bad, {"api"}, {"api"}).ok()) << bad;
  }
}

TEST_F(Webhook, AskedAgainWhileItIsBroken) {
  auto known =
      ask({unreachable("x"), internalError("y"), tooManyRequests("z", 1), std::string(kGood)});
  EXPECT_TRUE(known.ok());
  EXPECT_EQ(state_.bodies.size(), 4U);
  EXPECT_GE(executor_.now().time_since_epoch(), 500ms + 750ms + 1125ms);
  EXPECT_EQ(ask({unreachable("x")}).status().code(), 503);
  EXPECT_EQ(state_.bodies.size(), 5U);
  EXPECT_EQ(ask({forbidden("x", "y", "z")}).status().code(), 503);
  EXPECT_EQ(state_.bodies.size(), 1U);
  EXPECT_EQ(ask({std::string("nonsense")}).status().code(), 503);
}

}  // namespace
}  // namespace coxswain::apiserver
