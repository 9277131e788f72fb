#include "controllers/framework/selection.h"

#include <gtest/gtest.h>

namespace coxswain::controllers {
namespace {

constexpr ControllerName kJob{"job-controller", "job"};
constexpr ControllerName kSigner{"bootstrap-signer-controller", "bootstrapsigner", false};

TEST(Selection, TheFirstWordThatNamesItDecides) {
  struct Row {
    const char* name;
    std::vector<std::string> words;
    bool job, signer;
  };
  const Row rows[] = {
      {"nothing", {}, false, false},
      {"all by default", {"*"}, true, false},
      {"all and one more", {"*", "bootstrapsigner"}, true, true},
      {"all but one", {"*", "-job"}, false, false},
      {"one", {"job-controller"}, true, false},
      {"twice", {"-job-controller", "job"}, false, false},
      {"off before all", {"-job", "*"}, false, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(isSelected(kJob, row.words), row.job);
    EXPECT_EQ(isSelected(kSigner, row.words), row.signer);
  }
}

TEST(Selection, NamesThatNobodyHasAreTold) {
  const std::vector<ControllerName> known = {kJob, kSigner};
  EXPECT_TRUE(checkSelection(known, {"*", "-job", "bootstrap-signer-controller"}).ok());
  EXPECT_EQ(checkSelection(known, {"*", "-jobs"}).message(),
            "\"jobs\" is not in the list of known controllers");
}

}  // namespace
}  // namespace coxswain::controllers
