#include "dns/message.h"

#include <gtest/gtest.h>

#include "dns/cache.h"
#include "dns/resolv_conf.h"
#include "dns/server.h"
#include "dns/wire.h"
#include "runtime/sim/memory_files.h"

namespace coxswain::dns {
namespace {

Name name(std::string_view text) {
  return *Name::parse(text);
}

Query queryOf(std::string_view text, Type type = Type::A) {
  Question question{name(text), static_cast<uint16_t>(type)};
  auto query = parseQuery(encodeQuery(7, question, false, false));
  EXPECT_TRUE(query.ok());
  return *query;
}

Response addresses(std::string_view owner, int count) {
  Response response;
  for (int i = 0; i < count; ++i) {
    std::string bytes{10, 0, static_cast<char>(i / 256), static_cast<char>(i % 256)};
    response.answers.push_back(addressRecord(name(owner), 30, bytes));
  }
  return response;
}

TEST(Name, ParsesAndCompares) {
  EXPECT_EQ(name("Web.Default."), name("web.default"));
  EXPECT_FALSE(name("web.default") == name("web.defaults"));
  EXPECT_EQ(name("").text(), ".");
  EXPECT_EQ(name("a.b").text(), "a.b.");
  EXPECT_TRUE(name("x.cluster.LOCAL").endsWith(name("Cluster.local")));
  EXPECT_FALSE(name("xcluster.local").endsWith(name("cluster.local")));
  EXPECT_EQ(name("A.b.cluster.local").below(name("cluster.local")),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(Name::parse("a..b"));
  EXPECT_FALSE(Name::parse("a.b.."));
  EXPECT_FALSE(Name::parse(".a"));
  EXPECT_FALSE(Name::parse(std::string(64, 'a')));
  EXPECT_TRUE(Name::parse(std::string(63, 'a')));
  std::string longName;
  for (int i = 0; i < 127; ++i) longName += "a.";
  EXPECT_TRUE(Name::parse(longName));
  EXPECT_FALSE(Name::parse(longName + "b"));
  EXPECT_EQ(Name::fromLabels({"a.b", "c d"})->text(), "a\\.b.c\\032d.");
}

TEST(Message, QueriesRoundTrip) {
  Question question{name("Web.default.svc.cluster.local"), static_cast<uint16_t>(Type::Srv)};
  auto query = parseQuery(encodeQuery(4711, question, true, true));
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(query->id, 4711);
  EXPECT_EQ(query->malformed, Rcode::NoError);
  EXPECT_EQ(query->question.name.text(), "Web.default.svc.cluster.local.");
  EXPECT_EQ(query->question.type, 33);
  EXPECT_TRUE(query->recursionDesired && query->checkingDisabled && query->dnssecOk && query->edns);
  EXPECT_EQ(udpSizeOf(*query), kUdpMax);
}

TEST(Message, BadQueries) {
  EXPECT_FALSE(parseQuery("").ok());
  EXPECT_FALSE(parseQuery("short").ok());
  auto good = encodeQuery(1, {name("a.b"), 1}, false, false);
  auto answer = good;
  answer[2] = static_cast<char>(0x80);
  EXPECT_FALSE(parseQuery(answer).ok()) << "an answer is no query: servers must not chat";
  auto update = good;
  update[2] = 0x28;
  EXPECT_EQ(parseQuery(update)->malformed, Rcode::NotImp);
  auto two = good;
  two[5] = 2;
  EXPECT_EQ(parseQuery(two)->malformed, Rcode::FormErr);
  auto cut = good.substr(0, 14);
  EXPECT_EQ(parseQuery(cut)->malformed, Rcode::FormErr);
  EXPECT_EQ(encodeError(*parseQuery(cut), Rcode::FormErr).size(), 12u);
  auto version = good;
  version[version.size() - 5] = 1;  // of the OPT record
  EXPECT_EQ(parseQuery(version)->malformed, Rcode::BadVers);
  auto badVersion = encodeError(*parseQuery(version), Rcode::BadVers);
  EXPECT_EQ(badVersion[3] & 0xf, 0);
  EXPECT_EQ(badVersion[badVersion.size() - 6], 1) << "extended code";
  for (size_t i = 12; i < good.size(); ++i) {
    auto part = parseQuery(good.substr(0, i));
    ASSERT_TRUE(part.ok());
    EXPECT_EQ(part->malformed, Rcode::FormErr) << i;
  }
}

TEST(Message, PointersDoNotLoop) {
  std::string loop("\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 18);
  EXPECT_EQ(parseQuery(loop)->malformed, Rcode::FormErr);
  std::string chain("\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0e\xc0\x0c\0\1\0\1", 20);
  EXPECT_EQ(parseQuery(chain)->malformed, Rcode::FormErr);
}

TEST(Message, AnswersFitOrAreTruncated) {
  auto query = queryOf("db.default");
  auto response = addresses("db.default", 60);
  response.additional.push_back(txtRecord(name("x"), 30, std::string(200, 'x')));
  auto bytes = encodeResponse(query, response, kUdpMax);
  EXPECT_LE(bytes.size(), kUdpMax);
  auto info = inspectAnswer(bytes, query.question);
  ASSERT_TRUE(info.ok()) << info.status().toString();
  EXPECT_FALSE(info->truncated);
  EXPECT_EQ(info->answers, 60);
  EXPECT_EQ(info->records.size(), 60u);
  EXPECT_EQ(info->ttl, 30u);

  bytes = encodeResponse(query, response, 512);
  EXPECT_LE(bytes.size(), 512u);
  info = inspectAnswer(bytes, query.question);
  ASSERT_TRUE(info.ok());
  EXPECT_TRUE(info->truncated);
  EXPECT_EQ(info->answers, 0);

  query.edns = false;
  response = addresses("db.default", 1);
  response.additional.push_back(txtRecord(name("x"), 1, std::string(600, 'x')));
  bytes = encodeResponse(query, response, 512);
  info = inspectAnswer(bytes, query.question);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->answers, 1) << "additional records are left out first";
  EXPECT_FALSE(info->truncated);
}

TEST(Message, NamesAreCompressed) {
  auto query = queryOf("a.default.svc.cluster.local");
  Response response;
  response.answers.push_back(nameRecord(name("a.default.svc.cluster.local"), Type::Cname, 5,
                                        name("b.default.svc.cluster.local")));
  auto bytes = encodeResponse(query, response, 512);
  // header, question, pointer + fixed part, "b" and a pointer, OPT
  EXPECT_EQ(bytes.size(), 12u + 33u + 12u + 4u + 11u);
  auto info = inspectAnswer(bytes, query.question);
  ASSERT_TRUE(info.ok());
  ASSERT_EQ(info->records.size(), 1u);
  EXPECT_EQ(*info->records[0].target, name("b.default.svc.cluster.local"));
}

TEST(Message, NegativeAnswersLiveByTheirSoa) {
  auto query = queryOf("nope.cluster.local");
  Response response;
  response.rcode = Rcode::NxDomain;
  response.authority.push_back(soaRecord(name("cluster.local"), 5, 1));
  auto info = inspectAnswer(encodeResponse(query, response, 512), query.question);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->ttl, 5u);
  response.authority.clear();
  info = inspectAnswer(encodeResponse(query, response, 512), query.question);
  EXPECT_EQ(info->ttl, 0u);
}

TEST(Message, AnswersAreAdapted) {
  auto asked = queryOf("www.example.com");
  auto bytes = encodeResponse(asked, addresses("www.example.com", 2), kUdpMax);
  auto info = inspectAnswer(bytes, asked.question);
  ASSERT_TRUE(info.ok());
  EXPECT_FALSE(inspectAnswer(bytes, queryOf("www.example.org").question).ok());
  EXPECT_FALSE(inspectAnswer(bytes, queryOf("www.example.com", Type::Aaaa).question).ok());

  auto client = queryOf("WWW.eXample.com");
  client.id = 99;
  client.edns = false;
  client.recursionDesired = false;
  auto adapted = adaptAnswer(bytes, *info, client, 10, 512);
  auto again = inspectAnswer(adapted, client.question);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->id, 99);
  EXPECT_EQ(again->ttl, 20u);
  EXPECT_NE(adapted.find("eXample"), std::string::npos);
  EXPECT_EQ(adapted.size(), bytes.size() - 11) << "no OPT for who sent none";
  EXPECT_EQ(adapted[2] & 1, 0);
  again = inspectAnswer(adaptAnswer(bytes, *info, client, 1000, 512), client.question);
  EXPECT_EQ(again->ttl, 0u);

  auto large = encodeResponse(asked, addresses("www.example.com", 60), kUdpMax);
  info = inspectAnswer(large, asked.question);
  again = inspectAnswer(adaptAnswer(large, *info, client, 0, 512), client.question);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->truncated);
}

AnswerPointer kept(const std::string& owner, uint32_t ttl) {
  auto query = queryOf(owner);
  auto response = addresses(owner, 1);
  response.answers[0].ttl = ttl;
  ForwardedAnswer answer;
  answer.bytes = encodeResponse(query, response, 512);
  answer.info = *inspectAnswer(answer.bytes, query.question);
  return std::make_shared<const ForwardedAnswer>(std::move(answer));
}

TEST(Cache, ExpiresAndIsBounded) {
  Cache::Limits limits;
  limits.entriesMax = 2;
  Cache cache(limits);
  const MonotonicTime start{};
  cache.put("a", kept("a", 60), start);
  cache.put("b", kept("b", 100000), start);
  auto hit = cache.find("a", start + 59s);
  ASSERT_TRUE(hit.answer);
  EXPECT_EQ(hit.age, 59u);
  EXPECT_FALSE(cache.find("a", start + 60s).answer);
  EXPECT_TRUE(cache.find("b", start + 299s).answer);
  EXPECT_FALSE(cache.find("b", start + 300s).answer) << "no answer is kept for longer";
  cache.put("a", kept("a", 60), start);
  cache.put("b", kept("b", 60), start);
  EXPECT_TRUE(cache.find("a", start).answer);
  cache.put("c", kept("c", 60), start);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_FALSE(cache.find("b", start).answer) << "the one that was not used for longest";
  cache.put("d", kept("d", 0), start);
  EXPECT_FALSE(cache.find("d", start).answer);
}

TEST(Upstreams, OfResolvConf) {
  EXPECT_EQ(upstreamsOf("# comment\nnameserver 10.0.0.1\n nameserver\tfd00::1 # six\n"
                        "search example.com\nnameserver 10.0.0.1\nnameserver 127.0.0.1\n"
                        "nameserver nonsense\nnameserver10.0.0.2\nnameserver",
                        {"127.0.0.1"}),
            (std::vector<std::string>{"10.0.0.1", "fd00::1"}));
  EXPECT_TRUE(upstreamsOf("", {}).empty());
}

TEST(ResolvConf, IsReadAgainWhenItChanges) {
  sim::MemoryFiles files;
  ASSERT_TRUE(files.mkdirs("/etc").ok());
  ResolvConf conf(files, "/etc/resolv.conf", {"10.96.0.10"});
  using List = std::vector<std::string>;
  MonotonicTime now{};
  EXPECT_EQ(conf.changed(now), List{}) << "no such file";
  ASSERT_TRUE(files.write("/etc/resolv.conf", "nameserver 10.96.0.10\nnameserver 10.0.0.1\n").ok());
  EXPECT_EQ(conf.changed(now += 100ms), std::nullopt) << "looked at just now";
  EXPECT_EQ(conf.changed(now += 1s), List{"10.0.0.1:53"});
  EXPECT_EQ(conf.changed(now += 1s), std::nullopt);
  ASSERT_TRUE(files.write("/etc/resolv.conf", "# moved\nnameserver fd00::1\n").ok());
  EXPECT_EQ(conf.changed(now += 1s), List{"[fd00::1]:53"});
  ASSERT_TRUE(files.remove("/etc/resolv.conf").ok());
  EXPECT_EQ(conf.changed(now += 1s), List{});
}

}  // namespace
}  // namespace coxswain::dns
