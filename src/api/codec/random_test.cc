// Random objects of every kind through every form.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/testing/random_object.h"
#include "api/codec/value.h"
#include "api/reflect/equal.h"

namespace coxswain::api {
namespace {

bool has(const MessageInfo& info, FieldFlag flag) {
  return std::any_of(info.fields.begin(), info.fields.end(),
                     [&](const FieldInfo& f) { return f.has(flag); });
}

TEST(RandomObjects, RoundTripProtobuf) {
  for (const MessageInfo* info : allMessages()) {
    if (has(*info, kFieldNoWire)) continue;
    SCOPED_TRACE(info->name);
    for (uint64_t seed = 0; seed < 5; ++seed) {
      Object object = testing::RandomFiller(seed).make(*info);
      std::string bytes;
      encodeProtobuf(*info, object.data(), bytes);
      Object again(*info);
      Status status = decodeProtobuf(*info, bytes, again.data());
      ASSERT_TRUE(status.ok()) << status.toString();
      std::string bytesAgain;
      encodeProtobuf(*info, again.data(), bytesAgain);
      ASSERT_EQ(bytesAgain, bytes) << "seed " << seed;
      ASSERT_TRUE(equal(*info, object.data(), again.data())) << "seed " << seed;
    }
  }
}

TEST(RandomObjects, RoundTripJson) {
  for (const MessageInfo* info : allMessages()) {
    if (has(*info, kFieldNoJson) && info->jsonForm == JsonForm::Object) continue;
    SCOPED_TRACE(info->name);
    for (uint64_t seed = 0; seed < 5; ++seed) {
      Object object = testing::RandomFiller(seed).make(*info);
      std::string text = encodeJson(object);
      Object again(*info);
      JsonReport report;
      Status status = decodeJson(*info, text, again.data(), &report);
      ASSERT_TRUE(status.ok()) << status.toString() << "\n" << text;
      ASSERT_TRUE(report.strict.empty()) << report.strict[0];
      ASSERT_EQ(encodeJson(again), text) << "seed " << seed;
      ASSERT_TRUE(semanticEqual(*info, object.data(), again.data())) << text;

      auto parsed = parseJsonValue(text);
      ASSERT_TRUE(parsed.ok()) << parsed.status().toString();
      boost::json::value tree = encodeValue(*info, object.data());
      ASSERT_EQ(writeJsonValue(tree), writeJsonValue(*parsed));
      Object fromTree(*info);
      ASSERT_TRUE(decodeValue(*info, tree, fromTree.data()).ok());
      // Raw texts come compact out of a tree, with sorted keys: compare what is written.
      ASSERT_EQ(encodeJson(fromTree), text);

      Object indented(*info);
      ASSERT_TRUE(decodeJson(*info, encodeJson(object, {.pretty = true}), indented.data()).ok());
      ASSERT_EQ(encodeJson(indented), text);
    }
  }
}

TEST(RandomObjects, CopiesAreEqualAndTheirOwn) {
  for (const MessageInfo* info : allMessages()) {
    SCOPED_TRACE(info->name);
    Object object = testing::RandomFiller(7).make(*info);
    Object copy = object.clone();
    ASSERT_TRUE(equal(*info, object.data(), copy.data()));
    Object other = testing::RandomFiller(8).make(*info);
    info->assign(other.data(), object.data());
    ASSERT_TRUE(equal(*info, object.data(), other.data()));
    std::string before;
    std::string after;
    encodeJson(*info, copy.data(), before);
    object = Object();
    encodeJson(*info, copy.data(), after);
    ASSERT_EQ(before, after);
  }
}

/// Every cut of a body is refused or read, never worse; flipped bytes too.
TEST(RandomObjects, BrokenBodies) {
  std::mt19937_64 random(1);
  for (const MessageInfo* info : allKinds()) {
    Object object = testing::RandomFiller(3).make(*info);
    std::string bytes;
    encodeProtobuf(*info, object.data(), bytes);
    std::string text = encodeJson(object);
    for (int i = 0; i < 40; ++i) {
      std::string pb = bytes.substr(0, random() % (bytes.size() + 1));
      std::string js = text.substr(0, random() % (text.size() + 1));
      for (std::string* s : {&pb, &js}) {
        if (!s->empty() && i % 2) (*s)[random() % s->size()] = static_cast<char>(random());
      }
      Object into(*info);
      (void)decodeProtobuf(*info, pb, into.data());
      Object intoJson(*info);
      JsonReport report;
      (void)decodeJson(*info, js, intoJson.data(), &report);
      (void)parseJsonValue(js, &report);
    }
  }
}

}  // namespace
}  // namespace coxswain::api
