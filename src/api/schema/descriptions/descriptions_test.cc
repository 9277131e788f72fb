#include "api/schema/descriptions/descriptions.h"

#include <gtest/gtest.h>

namespace coxswain::api {
namespace {

TEST(Descriptions, OwnInheritedInlinedAndCommon) {
  const Descriptions texts = Descriptions::load();
  EXPECT_GT(texts.size(), 1500U);
  EXPECT_NE(texts.of("k8s.io.api.core.v1.Pod"), "");
  EXPECT_NE(texts.of("k8s.io.api.core.v1.PodSpec", "containers"), "");
  // A common text, and one that a message has instead.
  EXPECT_EQ(texts.of("k8s.io.api.core.v1.Pod", "kind"),
            texts.of("k8s.io.api.apps.v1.Deployment", "kind"));
  EXPECT_NE(texts.of("k8s.io.api.core.v1.Pod", "kind"),
            texts.of("k8s.io.api.core.v1.ObjectReference", "kind"));
  // From another message it takes after.
  EXPECT_EQ(texts.of("k8s.io.api.core.v1.EphemeralContainer", "image"),
            texts.of("k8s.io.api.core.v1.Container", "image"));
  // Members of inlined messages.
  EXPECT_EQ(texts.of("k8s.io.api.core.v1.Volume", "emptyDir"),
            texts.of("k8s.io.api.core.v1.VolumeSource", "emptyDir"));
  EXPECT_NE(texts.of("k8s.io.api.core.v1.Volume", "emptyDir"), "");
  EXPECT_NE(texts.of("k8s.io.apimachinery.pkg.api.resource.Quantity"), "");
}

TEST(Descriptions, NoneOfWhatThereIsNot) {
  const Descriptions texts = Descriptions::load();
  EXPECT_EQ(texts.of(""), "");
  EXPECT_EQ(texts.of("k8s.io.api.core.v1.Po"), "");
  EXPECT_EQ(texts.of("k8s.io.api.core.v1.Pod", "nope"), "");
  EXPECT_EQ(texts.of("zzz"), "");
}

}  // namespace
}  // namespace coxswain::api
