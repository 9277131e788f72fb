#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/reflect/object.h"
#include "apiserver/tables/printer.h"
#include "apiserver/tables/table.h"

namespace coxswain::apiserver {
namespace {

const WallTime kNow = api::Time::parse("2024-01-02T00:00:00Z")->wall();

/// The row's cells as one JSON text.
std::string cells(std::string_view json) {
  auto object = api::decodeJsonObject(json);
  if (!object.ok()) return object.status().toString();
  const auto table = toTable(object->info(), object->data(), {.now = kNow});
  std::string out;
  for (const auto& cell : table.rows.at(0).cells) out += (out.empty() ? "" : "|") + cell.raw;
  return out;
}

std::string podStatus(const std::string& spec, const std::string& status,
                      const std::string& metadata = R"("name":"p")") {
  const std::string all = cells(R"({"apiVersion":"v1","kind":"Pod","metadata":{)" + metadata +
                                R"(},"spec":{)" + spec + R"(},"status":{)" + status + "}}");
  // Name, then ready, status and restarts.
  size_t end = 0;
  for (int i = 0; i < 4; ++i) end = all.find('|', end + 1);
  const size_t begin = all.find('|') + 1;
  return all.substr(begin, end - begin);
}

const std::string kTwo = R"("containers":[{"name":"a"},{"name":"b"}])";

TEST(HumanDuration, Steps) {
  using std::chrono::hours;
  using tables::humanDuration;
  EXPECT_EQ(humanDuration(-5s), "<invalid>");
  EXPECT_EQ(humanDuration(-1s), "0s");
  EXPECT_EQ(humanDuration(119s), "119s");
  EXPECT_EQ(humanDuration(121s), "2m1s");
  EXPECT_EQ(humanDuration(599s), "9m59s");
  EXPECT_EQ(humanDuration(600s), "10m");
  EXPECT_EQ(humanDuration(179min), "179m");
  EXPECT_EQ(humanDuration(181min), "3h1m");
  EXPECT_EQ(humanDuration(hours(47)), "47h");
  EXPECT_EQ(humanDuration(hours(49)), "2d1h");
  EXPECT_EQ(humanDuration(hours(24 * 8)), "8d");
  EXPECT_EQ(humanDuration(hours(24 * 365 * 2)), "2y");
  EXPECT_EQ(humanDuration(hours(24 * (365 * 2 + 3))), "2y3d");
  EXPECT_EQ(humanDuration(hours(24 * 365 * 8)), "8y");
}

TEST(PodTable, Status) {
  EXPECT_EQ(podStatus(kTwo, R"("phase":"Pending")"), R"("0/2"|"Pending"|"0")");
  EXPECT_EQ(podStatus(kTwo, R"("phase":"Failed","reason":"Evicted")"), R"("0/2"|"Evicted"|"0")");
  EXPECT_EQ(podStatus(kTwo, R"("phase":"Running","containerStatuses":[
      {"name":"a","ready":true,"state":{"running":{}}},
      {"name":"b","restartCount":3,"state":{"waiting":{"reason":"CrashLoopBackOff"}},
       "lastState":{"terminated":{"exitCode":1,"finishedAt":"2024-01-01T23:55:00Z"}}}])"),
            "\"1/2\"|\"CrashLoopBackOff\"|\"3 (5m ago)\"");
  EXPECT_EQ(podStatus(kTwo, R"("phase":"Succeeded","containerStatuses":[
      {"name":"a","state":{"terminated":{"exitCode":0,"reason":"Completed"}}}])"),
            R"("0/2"|"Completed"|"0")");
  EXPECT_EQ(podStatus(kTwo, R"("phase":"Running","containerStatuses":[
      {"name":"a","state":{"terminated":{"exitCode":0,"reason":"Completed"}}},
      {"name":"b","ready":true,"state":{"running":{}}}])"),
            R"("1/2"|"NotReady"|"0")");
  EXPECT_EQ(podStatus(kTwo, R"("phase":"Failed","containerStatuses":[
      {"name":"a","state":{"terminated":{"exitCode":137,"signal":9}}}])"),
            R"("0/2"|"Signal:9"|"0")");
  EXPECT_EQ(podStatus(kTwo, R"("phase":"Running")",
                      R"("name":"p","deletionTimestamp":"2024-01-01T00:00:00Z")"),
            R"("0/2"|"Terminating"|"0")");
  EXPECT_EQ(podStatus(kTwo, R"("phase":"Pending","conditions":[
      {"type":"PodScheduled","status":"False","reason":"SchedulingGated"}])"),
            R"("0/2"|"SchedulingGated"|"0")");
}

TEST(PodTable, InitContainers) {
  const std::string spec = kTwo + R"(,"initContainers":[{"name":"i"},
      {"name":"s","restartPolicy":"Always"}])";
  EXPECT_EQ(podStatus(spec, R"("phase":"Pending","initContainerStatuses":[
      {"name":"i","state":{"waiting":{"reason":"PodInitializing"}}}])"),
            R"("0/3"|"Init:0/2"|"0")");
  EXPECT_EQ(podStatus(spec, R"("phase":"Pending","initContainerStatuses":[
      {"name":"i","restartCount":2,"state":{"terminated":{"exitCode":3}}}])"),
            R"("0/3"|"Init:ExitCode:3"|"2")");
  EXPECT_EQ(podStatus(spec, R"("phase":"Pending","initContainerStatuses":[
      {"name":"i","state":{"waiting":{"reason":"ImagePullBackOff"}}}])"),
            R"("0/3"|"Init:ImagePullBackOff"|"0")");
  EXPECT_EQ(podStatus(spec, R"("phase":"Running","initContainerStatuses":[
      {"name":"i","restartCount":2,"state":{"terminated":{"exitCode":0,"reason":"Completed"}}},
      {"name":"s","restartCount":1,"ready":true,"started":true,"state":{"running":{}}}],
      "containerStatuses":[{"name":"a","ready":true,"state":{"running":{}}},
      {"name":"b","ready":true,"state":{"running":{}}}])"),
            R"("3/3"|"Running"|"1")");
}

TEST(Tables, Cells) {
  EXPECT_EQ(cells(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"s",
      "creationTimestamp":"2024-01-01T00:00:00Z"},"spec":{"type":"LoadBalancer",
      "clusterIPs":["10.0.0.1"],"externalIPs":["192.0.2.9"],"selector":{"app":"a"},
      "ports":[{"port":80,"nodePort":30000,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]}})"),
            R"("s"|"LoadBalancer"|"10.0.0.1"|"192.0.2.9"|"80:30000/TCP,53/UDP"|"24h"|"app=a")");
  EXPECT_EQ(cells(R"({"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"e"},"subsets":[
      {"addresses":[{"ip":"1.1.1.1"},{"ip":"::1"}],"ports":[{"port":81},{"port":80}]}]})"),
            R"("e"|"1.1.1.1:81,[::1]:81,1.1.1.1:80 + 1 more..."|"\u003cunknown\u003e")");
  EXPECT_EQ(cells(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},
      "spec":{"replicas":3,"selector":{"matchLabels":{"app":"a"}},"template":{"spec":
      {"containers":[{"name":"c","image":"i:1"}]}}}})"),
            R"("d"|"0/3"|0|0|"\u003cunknown\u003e"|"c"|"i:1"|"app=a")");
  EXPECT_EQ(cells(R"({"apiVersion":"v1","kind":"LimitRange","metadata":{"name":"l",
      "creationTimestamp":"2024-01-01T00:00:00Z"}})"),
            R"("l"|"2024-01-01T00:00:00Z")");
  EXPECT_EQ(cells(R"({"apiVersion":"v1","kind":"Status","status":"Failure","reason":"NotFound",
      "message":"m"})"),
            R"("Failure"|"NotFound"|"m")");
}

TEST(Tables, HostsAndAddressesThatAreNotAllShown) {
  const auto ingress = [](const std::string& rules) {
    return cells(R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"i"},)"
                 R"("spec":{"rules":[)" +
                 rules + "]}}");
  };
  EXPECT_EQ(ingress("{}"), R"("i"|"\u003cnone\u003e"|"*"|""|"80"|"\u003cunknown\u003e")");
  EXPECT_EQ(ingress(R"({"host":"a"},{},{"host":"b"},{"host":"c"},{})"),
            R"("i"|"\u003cnone\u003e"|"a,b,c + 2 more..."|""|"80"|"\u003cunknown\u003e")");
  const auto endpoints = [](const std::string& subsets) {
    return cells(R"({"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"e"},"subsets":[)" +
                 subsets + "]}");
  };
  EXPECT_EQ(endpoints(""), R"("e"|"\u003cnone\u003e"|"\u003cunknown\u003e")");
  EXPECT_EQ(endpoints(R"({"notReadyAddresses":[{"ip":"1.1.1.1"}],"ports":[{"port":80}]})"),
            R"("e"|""|"\u003cunknown\u003e")");
}

/// Every column of every kind that we know, against the published table.
TEST(Tables, ColumnsAsPublished) {
  const char* shared = std::getenv("COXSWAIN_SHARED");
  std::ifstream in(std::string(shared ? shared : "/nonexistent") + "/api/columns.tsv");
  std::map<std::string, std::vector<std::string>> wanted;  // "group/Kind": its columns
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; std::getline(cells, cell, '\t');) row.push_back(cell);
    if (row.size() < 6) continue;
    row.resize(7);
    wanted[row[0] + "/" + row[1]].push_back(row[3] + "|" + row[4] + "|" + row[5] + "|" + row[6]);
  }
  if (wanted.empty()) GTEST_SKIP() << "no table of columns in COXSWAIN_SHARED";
  size_t compared = 0;
  for (const auto* info : api::allKinds()) {
    if (info->kind->isList || info->kind->version.find("beta") != std::string_view::npos ||
        info->kind->version.find("alpha") != std::string_view::npos) {
      continue;
    }
    std::string name = std::string(info->kind->group) + "/" + std::string(info->kind->kind);
    if (info->name == "Status") name = "meta/Status";
    if (!wanted.contains(name)) name = "*/*default*";
    std::vector<std::string> got;
    const api::Object object(*info);
    for (const auto& column : toTable(*info, object.data(), {.now = kNow}).columnDefinitions) {
      got.push_back(column.name + "|" + column.type + "|" + column.format + "|" +
                    std::to_string(column.priority));
    }
    EXPECT_EQ(got, wanted[name]) << info->kind->apiVersion << " " << info->kind->kind;
    ++compared;
  }
  EXPECT_GT(compared, 50U);
}

TEST(Tables, ListsAndObjects) {
  auto list = api::decodeJsonObject(R"({"apiVersion":"v1","kind":"ConfigMapList","metadata":{
      "resourceVersion":"7","continue":"c","remainingItemCount":4},"items":[
      {"metadata":{"name":"a","uid":"u"},"data":{"x":"1"}},{"metadata":{"name":"b"}}]})");
  ASSERT_TRUE(list.ok());
  auto table = toTable(list->info(), list->data(), {.now = kNow});
  EXPECT_EQ(table.metadata.resourceVersion, "7");
  EXPECT_EQ(table.metadata.continue_, "c");
  EXPECT_EQ(table.metadata.remainingItemCount, 4);
  ASSERT_EQ(table.columnDefinitions.size(), 3U);
  EXPECT_EQ(table.columnDefinitions[0].format, "name");
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0].cells[1].raw, "1");
  EXPECT_EQ(table.rows[0].object.raw,
            R"({"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":)"
            R"({"name":"a","uid":"u"}})");
  table = toTable(list->info(), list->data(),
                  {.now = kNow, .includeObject = IncludeObject::Object, .columns = false});
  EXPECT_TRUE(table.columnDefinitions.empty());
  EXPECT_EQ(table.rows[0].object.raw,
            R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","uid":"u"},)"
            R"("data":{"x":"1"}})");
  table = toTable(list->info(), list->data(), {.now = kNow, .includeObject = IncludeObject::None});
  EXPECT_NE(api::encodeJson(table).find(R"("object":null)"), std::string::npos);
  EXPECT_FALSE(parseIncludeObject("All").ok());
}

}  // namespace
}  // namespace coxswain::apiserver
