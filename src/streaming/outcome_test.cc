#include "streaming/outcome.h"

#include <gtest/gtest.h>

#include "streaming/channel.h"
#include "streaming/resize.h"

namespace coxswain::streaming {
namespace {

TEST(Outcome, Wire) {
  EXPECT_EQ(encodeOutcome(Outcome::succeeded()), R"({"metadata":{},"status":"Success"})");
  EXPECT_EQ(encodeOutcome(Outcome::exited(3, "m")),
            R"({"metadata":{},"status":"Failure","message":"m","reason":"NonZeroExitCode",)"
            R"("details":{"causes":[{"reason":"ExitCode","message":"3"}]}})");
}

TEST(Outcome, RoundTrip) {
  for (const auto& outcome :
       {Outcome::succeeded(), Outcome::exited(137), Outcome::failed(internalError("x"))}) {
    auto again = decodeOutcome(encodeOutcome(outcome));
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->exitCode, outcome.exitCode);
    EXPECT_EQ(again->status.message(), outcome.status.message());
    EXPECT_EQ(again->status.reason(), outcome.status.reason());
  }
}

TEST(Outcome, WhatIsNoStatusIsRefused) {
  EXPECT_FALSE(decodeOutcome("").ok());
  EXPECT_FALSE(decodeOutcome("exit 3").ok());
  EXPECT_FALSE(decodeOutcome("{}").ok());
  auto odd = decodeOutcome(R"({"status":"Failure","reason":"NonZeroExitCode","message":"m",)"
                           R"("details":{"causes":[{"reason":"ExitCode","message":"three"}]}})");
  ASSERT_TRUE(odd.ok());
  EXPECT_FALSE(odd->exitCode);
  EXPECT_EQ(odd->status.message(), "m");
}

TEST(Outcome, BeforeVersion4) {
  EXPECT_EQ(encodeOutcomeText(Outcome::succeeded()), "");
  EXPECT_TRUE(decodeOutcomeText("").ok());
  EXPECT_EQ(decodeOutcomeText("no").status.message(), "error executing remote command: no");
}

TEST(Channel, BinaryAndBase64) {
  for (const char* name : {"v5.channel.k8s.io", "v4.base64.channel.k8s.io", "base64.channel.k8s.io",
                           "channel.k8s.io", ""}) {
    auto protocol = ChannelProtocol::of(name);
    auto text = encodeChannelMessage(protocol, Channel::Stderr, std::string_view("a\0b", 3));
    auto message = decodeChannelMessage(protocol, text);
    ASSERT_TRUE(message.ok()) << name;
    EXPECT_EQ(message->channel, 2);
    EXPECT_EQ(message->data, std::string("a\0b", 3));
    EXPECT_FALSE(decodeChannelMessage(protocol, "").ok());
  }
  EXPECT_TRUE(ChannelProtocol::of("v5.channel.k8s.io").canClose());
  EXPECT_FALSE(ChannelProtocol::of("v4.channel.k8s.io").canClose());
  EXPECT_FALSE(decodeChannelMessage(ChannelProtocol::of("base64.channel.k8s.io"), "1%%").ok());
}

TEST(Resize, PiecesAndBrokenText) {
  ResizeDecoder decoder;
  EXPECT_TRUE(decoder.feed("{\"Wid"));
  EXPECT_FALSE(decoder.next());
  EXPECT_TRUE(decoder.feed("th\":80,\"Height\":24}\n"));
  EXPECT_EQ(decoder.next(), (TerminalSize{80, 24}));
  EXPECT_FALSE(decoder.next());
  EXPECT_TRUE(decoder.feed(encodeResize({1, 2}) + encodeResize({3, 4})));
  EXPECT_EQ(decoder.next(), (TerminalSize{3, 4}));
  for (const char* bad : {"x", "{\"Width\":70000}", "{\"Width\":-1}", "{]}", "[1]"}) {
    ResizeDecoder fresh;
    EXPECT_FALSE(fresh.feed(bad)) << bad;
  }
  ResizeDecoder large;
  EXPECT_FALSE(large.feed("{\"a\":\"" + std::string(2000, 'x')));
}

}  // namespace
}  // namespace coxswain::streaming
