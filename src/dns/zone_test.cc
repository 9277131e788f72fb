#include "dns/zone.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/names/ip.h"
#include "api/yaml/yaml.h"
#include "client/testing/fake_client.h"
#include "dns/wire.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::dns {
namespace {

std::string sourceFile(const std::string& name) {
  const char* source = std::getenv("COXSWAIN_SOURCE");
  return std::string(source ? source : ".") + "/src/dns/testdata/zone/" + name;
}

std::string fileText(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

const std::map<std::string, Type> kTypes{
    {"A", Type::A},     {"AAAA", Type::Aaaa},   {"SRV", Type::Srv}, {"PTR", Type::Ptr},
    {"TXT", Type::Txt}, {"CNAME", Type::Cname}, {"SOA", Type::Soa}, {"NS", Type::Ns}};

std::string typeText(Type type) {
  for (const auto& [text, value] : kTypes) {
    if (value == type) return text;
  }
  return "?";
}

std::string dataText(const Record& record) {
  if (record.type == Type::A || record.type == Type::Aaaa) {
    api::IpAddress ip;
    ip.v6 = record.type == Type::Aaaa;
    std::copy(record.data.begin(), record.data.end(), ip.bytes.begin());
    return ip.str();
  }
  std::string out;
  WireReader in(record.data);
  if (record.type == Type::Srv) {
    for (int i = 0; i < 3; ++i) out += std::to_string(in.u16()) + " ";
  } else if (record.type == Type::Txt) {
    out += "\"" + std::string(in.bytes(in.u8())) + "\"";
  } else if (record.type == Type::Soa) {
    auto first = in.name().text();
    out += first + " " + in.name().text() + " ... ";
    in.skip(16);
    out += std::to_string(in.u32());
  }
  return record.target ? out + record.target->text() : out;
}

std::string print(const std::optional<Response>& response) {
  if (!response) return "not ours\n";
  std::string out;
  if (response->rcode == Rcode::NxDomain) out += "NXDOMAIN\n";
  if (response->rcode == Rcode::ServFail) out += "SERVFAIL\n";
  auto section = [&](std::vector<Record> records, const std::string& prefix) {
    std::vector<std::string> lines;
    for (const auto& record : records) {
      lines.push_back(prefix + record.name.text() + " " + std::to_string(record.ttl) + " " +
                      typeText(record.type) + " " + dataText(record) + "\n");
    }
    std::sort(lines.begin(), lines.end());
    for (const auto& line : lines) out += line;
  };
  section(response->answers, "");
  section(response->authority, "authority ");
  section(response->additional, "additional ");
  return out;
}

Task<void> stopInformers(client::Informers& informers) {
  co_await informers.stop();
}

/// The zone over a cluster of manifests.
struct World {
  explicit World(const std::string& manifests) : client(executor), informers(client, executor) {
    const auto text = fileText(manifests);
    for (const auto& document : api::splitYamlDocuments(text)) {
      auto json = api::yamlToJson(document.text);
      EXPECT_TRUE(json.ok()) << json.status().toString();
      auto object = api::decodeJsonObject(*json);
      EXPECT_TRUE(object.ok()) << object.status().toString();
      for (const auto& type : client::allResources()) {
        if (type.kind == &object->info()) {
          client.put(type, std::move(*object));
          break;
        }
      }
    }
    directory = informerDirectory(informers);
    ZoneOptions options;
    options.domain = *Name::parse("cluster.local");
    zone.emplace(*directory, random, options);
  }
  ~World() {
    spawn(executor, stopInformers(informers));
    executor.runUntilIdle();
  }
  void fill() {
    informers.start();
    executor.runUntil([this] { return directory->ready(); }, 1min);
  }
  std::string ask(const std::string& name, const std::string& type) {
    return print(zone->answer({*Name::parse(name), static_cast<uint16_t>(kTypes.at(type))}));
  }

  sim::SimExecutor executor;
  client::testing::FakeClient client;
  client::Informers informers;
  SeededRandom random{1};
  std::unique_ptr<Directory> directory;
  std::optional<Zone> zone;
};

/// answers.txt: "? NAME TYPE" and what is answered. COXSWAIN_UPDATE=1 writes it anew.
TEST(Zone, AnswersAsInTheFile) {
  World world(sourceFile("cluster.yaml"));
  world.fill();
  const auto wanted = fileText(sourceFile("answers.txt"));
  std::string got;
  std::istringstream lines(wanted);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("? ")) continue;
    std::istringstream words(line.substr(2));
    std::string name, type;
    words >> name >> type;
    got += line + "\n" + world.ask(name, type);
  }
  EXPECT_EQ(got, wanted);
  const char* update = std::getenv("COXSWAIN_UPDATE");
  if (update && *update) std::ofstream(sourceFile("answers.txt")) << got;
}

TEST(Zone, NothingIsSaidBeforeTheClusterIsKnown) {
  World world(sourceFile("cluster.yaml"));
  EXPECT_EQ(world.ask("web.default.svc.cluster.local", "A"), "SERVFAIL\n");
  EXPECT_EQ(world.ask("1.0.96.10.in-addr.arpa", "PTR"), "not ours\n");
  EXPECT_EQ(world.ask("www.example.com", "A"), "not ours\n");
}

TEST(Zone, FollowsChanges) {
  World world(sourceFile("cluster.yaml"));
  world.fill();
  const std::string name = "db-0.db.default.svc.cluster.local";
  world.client.change<api::discovery::v1::EndpointSlice>(
      "default", "db-1", [](auto& slice) { slice.endpoints[0].conditions.ready = false; });
  EXPECT_TRUE(world.executor.runUntil(
      [&] { return world.ask(name, "A").find("10.244.0.11") == std::string::npos; }, 1min));
}

TEST(Zone, AnswersComeInChangingOrder) {
  World world(sourceFile("cluster.yaml"));
  world.fill();
  std::set<std::string> firsts;
  for (int i = 0; i < 100; ++i) {
    auto response = world.zone->answer(
        {*Name::parse("db.default.svc.cluster.local"), static_cast<uint16_t>(Type::A)});
    ASSERT_TRUE(response && response->answers.size() == 3);
    firsts.insert(response->answers.front().data);
  }
  EXPECT_EQ(firsts.size(), 3u);
}

TEST(Zone, ExternalNamesAreOpen) {
  World world(sourceFile("cluster.yaml"));
  world.fill();
  Question question{*Name::parse("elsewhere.default.svc.cluster.local"),
                    static_cast<uint16_t>(Type::A)};
  auto response = world.zone->answer(question);
  ASSERT_TRUE(response);
  auto target = world.zone->openTarget(*response, question);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->text(), "www.example.com.");
  question.type = static_cast<uint16_t>(Type::Cname);
  response = world.zone->answer(question);
  ASSERT_TRUE(response);
  EXPECT_FALSE(world.zone->openTarget(*response, question));
}

}  // namespace
}  // namespace coxswain::dns
