#include "apiserver/authn/remote_tokens.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

struct Script {
  int asked = 0;
  Recognition answer = std::nullopt;
  Duration takes = 1s;
};

class Scripted final : public RemoteTokenAuthenticator {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  [[nodiscard]] bool concerns(std::string_view token) const override { return token != "other"; }
  Task<Recognition> ask(std::string token, Audiences, std::stop_token stop) override {
    ++script_.asked;
    CO_TRY_STATUS(co_await sleepFor(script_.takes, stop));
    co_return script_.answer;
  }
  Task<void> close() override { co_return; }

 private:
  Script& script_;
};

class Remote : public testing::Test {
 protected:
  void SetUp() override {
    options_.questionsMax = 3;
    tokens_ = std::make_unique<RemoteTokens>(executor_, random_,
                                             std::make_unique<Scripted>(script_), options_);
  }
  void TearDown() override {
    bool closed = false;
    spawn(executor_, close(*tokens_, closed));
    ASSERT_TRUE(executor_.runUntil([&closed] { return closed; }, 2h));
  }
  static Task<void> close(RemoteTokens& tokens, bool& closed) {
    co_await tokens.close();
    closed = true;
  }
  static Task<void> askInto(RemoteTokens& tokens, std::string token, std::stop_token stop,
                            std::optional<Recognition>& out, Audiences audiences = {"api"}) {
    out = co_await tokens.ask(std::move(token), std::move(audiences), std::move(stop));
  }
  template <size_t n>
  static bool allThere(const std::optional<Recognition> (&answers)[n]) {
    return std::all_of(std::begin(answers), std::end(answers),
                       [](const auto& answer) { return answer.has_value(); });
  }
  Recognition ask(const std::string& token) {
    std::optional<Recognition> out;
    spawn(executor_, askInto(*tokens_, token, {}, out));
    EXPECT_TRUE(executor_.runUntil([&out] { return out.has_value(); }, 2h));
    return std::move(*out);
  }
  bool remembered(const std::string& token, Duration later = 0s) {
    return tokens_->remembered(token, {"api"}, executor_.wallNow() + later).has_value();
  }

  sim::SimExecutor executor_{1};
  SeededRandom random_{1};
  Script script_;
  RemoteTokensOptions options_;
  std::unique_ptr<RemoteTokens> tokens_;
};

TEST_F(Remote, VerdictsAreKeptForAWhile) {
  script_.answer = Authenticated{{"ann", "", {}, {}}};
  EXPECT_FALSE(remembered("t"));
  EXPECT_EQ((*ask("t"))->user.name, "ann");
  EXPECT_TRUE(remembered("t"));
  EXPECT_FALSE(tokens_->remembered("t", {"else"}, executor_.wallNow()).has_value());
  EXPECT_FALSE(remembered("t2"));
  EXPECT_FALSE(remembered("t", 11s));
  script_.answer = unauthorized("no");
  EXPECT_EQ(ask("bad").status().message(), "no");
  EXPECT_TRUE(remembered("bad"));
}

TEST_F(Remote, AVerdictIsForItsAudiencesAlone) {
  script_.answer = Authenticated{{"ann", "", {}, {}}};
  std::optional<Recognition> out;
  spawn(executor_, askInto(*tokens_, "t", {}, out, {"a", "b"}));
  ASSERT_TRUE(executor_.runUntil([&out] { return out.has_value(); }, 2h));
  EXPECT_TRUE(tokens_->remembered("t", {"a", "b"}, executor_.wallNow()).has_value());
  EXPECT_FALSE(tokens_->remembered("t", {"a\nb"}, executor_.wallNow()).has_value());
  EXPECT_FALSE(tokens_->remembered("t", {"ab"}, executor_.wallNow()).has_value());
}

TEST_F(Remote, SilenceIsNoVerdict) {
  script_.answer = unreachable("down");
  EXPECT_FALSE(ask("t").ok());
  EXPECT_FALSE(remembered("t"));
  script_.takes = 1h;
  EXPECT_TRUE(isTimeout(ask("slow").status()));
  EXPECT_FALSE(remembered("slow"));
}

TEST_F(Remote, ManyWhoAskTheSameAreOneQuestion) {
  script_.answer = Authenticated{{"ann", "", {}, {}}};
  std::optional<Recognition> answers[5];
  std::stop_source leaves;
  for (int i = 0; i < 5; ++i) {
    spawn(executor_,
          askInto(*tokens_, "t", i == 0 ? leaves.get_token() : std::stop_token(), answers[i]));
  }
  ASSERT_TRUE(executor_.runUntil([this] { return script_.asked > 0; }, 2h));
  leaves.request_stop();
  ASSERT_TRUE(executor_.runUntil([&answers] { return allThere(answers); }, 2h));
  EXPECT_EQ(script_.asked, 1);
  EXPECT_TRUE(isCanceled(answers[0]->status())) << "who left";
  for (int i = 1; i < 5; ++i) EXPECT_EQ((**answers[i])->user.name, "ann") << i;
}

TEST_F(Remote, NotTooManyAtATime) {
  std::optional<Recognition> answers[4];
  for (int i = 0; i < 4; ++i) {
    spawn(executor_, askInto(*tokens_, std::to_string(i), {}, answers[i]));
  }
  ASSERT_TRUE(executor_.runUntil([&answers] { return allThere(answers); }, 2h));
  int refused = 0;
  for (const auto& answer : answers) {
    if (answer->ok()) continue;
    EXPECT_EQ(answer->status().code(), 503);
    ++refused;
  }
  EXPECT_EQ(refused, 1);
}

TEST(SecretCache, HoldsNoMoreThanItMayAndWhatIsUsedLongest) {
  SeededRandom random(1);
  SecretCache<int> cache(random, 100);
  const auto now = WallTime(1s);
  const auto key = cache.keyOf("kept");
  cache.put(key, 7, WallTime::max());
  for (int i = 0; i < 1000; ++i) {
    cache.put(cache.keyOf(std::to_string(i)), i, WallTime::max());
    const auto* kept = cache.find(key, now);
    ASSERT_TRUE(kept != nullptr && *kept == 7) << i;
    ASSERT_LE(cache.size(), 104U);
  }
  EXPECT_EQ(cache.find(cache.keyOf("0"), now), nullptr);
  EXPECT_NE(cache.keyOf("a", "b"), cache.keyOf("ab"));
  SecretCache<int> other(random, 100);
  EXPECT_NE(other.keyOf("kept"), key);
}

}  // namespace
}  // namespace coxswain::apiserver
