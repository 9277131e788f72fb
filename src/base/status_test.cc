#include "base/status.h"

#include <gtest/gtest.h>

#include "base/result.h"

namespace coxswain {
namespace {

TEST(Status, SuccessIsEmpty) {
  Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), 200);
  EXPECT_EQ(status.details(), nullptr);
  EXPECT_EQ(status.toString(), "OK");
}

TEST(Status, MakersUseTheWireTexts) {
  EXPECT_EQ(notFound("deployments.apps", "web").message(), "deployments.apps \"web\" not found");
  EXPECT_EQ(notFound("deployments.apps", "web").details()->group, "apps");
  EXPECT_EQ(notFound("deployments.apps", "web").details()->kind, "deployments");
  EXPECT_EQ(alreadyExists("pods", "a").code(), 409);
  EXPECT_EQ(conflict("pods", "a", "changed").message(),
            "Operation cannot be fulfilled on pods \"a\": changed");
}

TEST(Status, InvalidJoinsCauses) {
  auto one = invalid("Pod", "a", {{"FieldValueRequired", "Required value", "spec.containers"}});
  EXPECT_EQ(one.message(), "Pod \"a\" is invalid: spec.containers: Required value");
  auto two = invalid("Pod", "a", {{"", "x", "f"}, {"", "y", "g"}, {"", "x", "f"}});
  EXPECT_EQ(two.message(), "Pod \"a\" is invalid: [f: x, g: y]");
  EXPECT_EQ(two.details()->causes.size(), 3u);
}

TEST(Status, CopiesAreIndependent) {
  auto first = notFound("pods", "a");
  auto second = first;
  EXPECT_EQ(first, second);
  second = second.withContext("reading");
  EXPECT_EQ(second.message(), "reading: pods \"a\" not found");
  EXPECT_EQ(first.message(), "pods \"a\" not found");
  EXPECT_TRUE(isNotFound(second));
}

TEST(Status, ReasonNamesRoundTrip) {
  for (int i = 1; i <= static_cast<int>(Reason::ServiceUnavailable); ++i) {
    auto reason = static_cast<Reason>(i);
    EXPECT_EQ(reasonFromName(reasonName(reason)), reason);
  }
  EXPECT_EQ(reasonName(Reason::Canceled), "");
}

Result<int> half(int n) {
  if (n % 2) return badRequest("odd");
  return n / 2;
}

Result<int> quarter(int n) {
  TRY(int h, half(n));
  return half(h);
}

TEST(Result, TryReturnsTheFailure) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).status().message(), "odd");
  EXPECT_EQ(quarter(6).valueOr(7), 7);
}

}  // namespace
}  // namespace coxswain
