#include "net/url.h"

#include <gtest/gtest.h>

namespace coxswain::net {
namespace {

TEST(Url, QueryRoundTrip) {
  auto query = Query::parse("command=sh&command=-c&command=echo+a%26b%20%2B&tty=1&bare&&x=");
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(query->all("command"), (std::vector<std::string>{"sh", "-c", "echo a&b +"}));
  EXPECT_EQ(query->get("tty"), "1");
  EXPECT_EQ(query->find("bare"), "");
  EXPECT_FALSE(query->find("none"));
  auto again = Query::parse(query->encode());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->encode(), query->encode());
}

TEST(Url, BrokenEscapesAreRefused) {
  EXPECT_FALSE(Query::parse("a=%").ok());
  EXPECT_FALSE(Query::parse("a=%4").ok());
  EXPECT_FALSE(Query::parse("a=%zz").ok());
  EXPECT_TRUE(Query::parse("a=%41").ok());
  EXPECT_FALSE(pathSegments("/a/%").ok());
}

TEST(Url, Segments) {
  auto parts = pathSegments("/containerLogs//ns/a%2Fb/c/");
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(*parts, (std::vector<std::string>{"containerLogs", "ns", "a/b", "c"}));
}

TEST(Url, Parts) {
  auto url = parseUrl("http://127.0.0.1:41234/exec/TOKEN?x=1");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->scheme, "http");
  EXPECT_EQ(url->host, "127.0.0.1:41234");
  EXPECT_EQ(url->target, "/exec/TOKEN?x=1");
  EXPECT_EQ(parseUrl("https://h")->target, "/");
  EXPECT_EQ(parseUrl("https://h?q")->target, "/?q");
  EXPECT_FALSE(parseUrl("127.0.0.1").ok());
  EXPECT_FALSE(parseUrl("http:///x").ok());
}

}  // namespace
}  // namespace coxswain::net
