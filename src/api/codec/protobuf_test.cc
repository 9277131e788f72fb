#include "api/codec/protobuf.h"

#include <gtest/gtest.h>

#include "api/gen/apiextensions_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/resource_v1.h"

namespace coxswain::api {
namespace {

template <typename T>
std::string failure(std::string_view bytes) {
  auto result = decodeProtobuf<T>(bytes);
  return result.ok() ? "ok" : result.status().message();
}

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (int v : values) out.push_back(static_cast<char>(v));
  return out;
}

TEST(Protobuf, AlwaysWrittenRules) {
  // Scalars and messages that are no pointers are there at zero.
  EXPECT_EQ(encodeProtobuf(core::v1::NodeDaemonEndpoints()), bytes({0x0a, 2, 8, 0}));
  EXPECT_EQ(encodeProtobuf(core::v1::LocalObjectReference()), bytes({0x0a, 0}));
  // Pointers, lists and maps are not.
  core::v1::KeyToPath item;
  EXPECT_EQ(encodeProtobuf(item), bytes({0x0a, 0, 0x12, 0}));
  item.mode = 0;
  EXPECT_EQ(encodeProtobuf(item), bytes({0x0a, 0, 0x12, 0, 0x18, 0}));
  item.mode = -1;
  EXPECT_EQ(encodeProtobuf(item), bytes({0x0a, 0, 0x12, 0, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                         0xff, 0xff, 0xff, 1}));
}

TEST(Protobuf, SkipsWhatItDoesNotKnow) {
  // Fields 1000 of every wire type, a group too, around a known one.
  std::string body =
      bytes({0xc0, 0x3e, 5,    0xc1, 0x3e, 1, 2, 3,    4,    5,    6, 7,    8,    0xc2, 0x3e, 1,
             9,    0xc5, 0x3e, 1,    2,    3, 4, 0xc3, 0x3e, 0x08, 1, 0xc4, 0x3e, 0x0a, 1,    'n'});
  auto reference = decodeProtobuf<core::v1::LocalObjectReference>(body);
  ASSERT_TRUE(reference.ok()) << reference.status().toString();
  EXPECT_EQ(reference->name, "n");
}

TEST(Protobuf, RefusesBrokenBodies) {
  using Ref = core::v1::LocalObjectReference;
  EXPECT_EQ(failure<Ref>(bytes({0x0a, 5, 'a'})),
            "proto: LocalObjectReference.name: unexpected EOF");
  EXPECT_EQ(failure<Ref>(bytes({0x08, 5})), "proto: LocalObjectReference.name: wrong wireType");
  EXPECT_EQ(failure<Ref>(bytes({0x02, 0})), "proto: LocalObjectReference: illegal tag");
  EXPECT_EQ(failure<Ref>(bytes({0xff})), "proto: LocalObjectReference: illegal tag");
  EXPECT_EQ(failure<Ref>(bytes({0xc2, 0x3e, 9})), "proto: LocalObjectReference: unexpected EOF");
  EXPECT_EQ(failure<Ref>(bytes({0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})),
            "proto: LocalObjectReference.name: unexpected EOF");
}

TEST(Protobuf, Limits) {
  // not: { not: { ...
  std::string nested;
  for (int i = 0; i < 300; ++i) {
    std::string outer = bytes({0xe2, 1});  // field 28, not
    size_t size = nested.size();
    for (; size >= 0x80; size >>= 7) outer.push_back(static_cast<char>(size | 0x80));
    outer.push_back(static_cast<char>(size));
    nested = outer + nested;
  }
  EXPECT_EQ(failure<apiextensions::v1::JSONSchemaProps>(nested),
            "proto: JSONSchemaProps: nested too deep");
  // Two bytes each, a thousand when decoded.
  std::string many;
  for (int i = 0; i < 1000000; ++i) many += bytes({0x12, 0});
  EXPECT_EQ(failure<core::v1::PodSpec>(many), "proto: PodSpec: too large when decoded");
}

TEST(Protobuf, RoomIsMadeOnceForElementsInARow) {
  core::v1::Pod pod;
  pod.status.conditions.resize(5);
  for (auto& condition : pod.status.conditions) condition.type = "Ready";
  std::string wire;
  encodeProtobuf(core::v1::Pod::info(), &pod, wire);
  auto read = decodeProtobuf<core::v1::Pod>(wire);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->status.conditions, pod.status.conditions);
  EXPECT_EQ(read->status.conditions.capacity(), 5U);
  // Records of the rest of the body stand between: more elements are still found.
  auto again = decodeProtobuf<core::v1::Pod>(wire + wire);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->status.conditions.size(), 10U);
}

TEST(Protobuf, MapEntriesInAnyOrder) {
  // value before key, keys unsorted, a key twice: the last wins.
  std::string body = bytes({0x12, 6, 0x12, 1, 'x', 0x0a, 1, 'b'}) +
                     bytes({0x12, 6, 0x0a, 1, 'a', 0x12, 1, 'y'}) +
                     bytes({0x12, 6, 0x0a, 1, 'b', 0x12, 1, 'z'});
  auto map = decodeProtobuf<core::v1::ConfigMap>(body);
  ASSERT_TRUE(map.ok()) << map.status().toString();
  EXPECT_EQ(map->data, (Map<std::string>{{"a", "y"}, {"b", "z"}}));
}

TEST(Protobuf, PackedListsAreRead) {
  // supplementalGroups (4) of PodSecurityContext, packed; written back unpacked.
  auto context = decodeProtobuf<core::v1::PodSecurityContext>(bytes({0x22, 3, 1, 0x80, 1}));
  ASSERT_TRUE(context.ok());
  EXPECT_EQ(context->supplementalGroups, (std::vector<int64_t>{1, 128}));
  EXPECT_EQ(encodeProtobuf(*context), bytes({0x20, 1, 0x20, 0x80, 1}));
}

TEST(Protobuf, BoolLists) {
  resource::v1::DeviceAttribute attribute;
  attribute.bools = {true, false, true};
  auto again = decodeProtobuf<resource::v1::DeviceAttribute>(encodeProtobuf(attribute));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, attribute);
}

TEST(Envelope, OpensAndRefuses) {
  core::v1::ConfigMap map;
  map.metadata.name = "n";
  std::string body = encodeEnvelope(map);
  auto envelope = openEnvelope(body);
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->apiVersion, "v1");
  EXPECT_EQ(envelope->kind, "ConfigMap");
  EXPECT_EQ(envelope->raw, encodeProtobuf(map));
  std::string wrapped;
  wrapEnvelope("v1", "ConfigMap", envelope->raw, wrapped);
  EXPECT_EQ(wrapped, body);
  auto object = decodeEnvelope(body);
  ASSERT_TRUE(object.ok());
  ASSERT_TRUE(object->as<core::v1::ConfigMap>());
  EXPECT_EQ(object->as<core::v1::ConfigMap>()->metadata.name, "n");
  EXPECT_EQ(objectMeta(*object)->name, "n");

  EXPECT_FALSE(openEnvelope("{}").ok());
  EXPECT_FALSE(openEnvelope(body.substr(0, 20)).ok());
  std::string unknown;
  wrapEnvelope("x/v1", "Foo", "", unknown);
  EXPECT_EQ(decodeEnvelope(unknown).status().message(),
            "no kind \"Foo\" is registered for version \"x/v1\"");
}

TEST(Registry, FindsKinds) {
  EXPECT_EQ(findKind("", "v1", "Pod"), &core::v1::Pod::info());
  EXPECT_EQ(findKind("v1", "PodList"), &core::v1::PodList::info());
  EXPECT_EQ(findKind("v1", "pod"), nullptr);
  EXPECT_EQ(findKind("apps/v1", "Pod"), nullptr);
  EXPECT_EQ(findMessage("k8s.io.api.core.v1.PodSpec"), &core::v1::PodSpec::info());
  EXPECT_EQ(findMessage("k8s.io.api.core.v1.Nothing"), nullptr);
  EXPECT_NE(findKind("admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicy"), nullptr);
  for (const MessageInfo* info : allKinds()) {
    EXPECT_EQ(findKind(info->kind->apiVersion, info->kind->kind), info) << info->name;
  }
  for (const MessageInfo* info : allMessages()) {
    EXPECT_EQ(findMessage(std::string(info->package) + "." + std::string(info->name)), info);
    EXPECT_LT(info->jsonMembers.size(), 180U) << info->name;  // JsonDecoder::kMembersMax
    for (const JsonMember& member : info->jsonMembers) {
      EXPECT_EQ(info->findJson(member.field->name), &member);
    }
  }
}

}  // namespace
}  // namespace coxswain::api
