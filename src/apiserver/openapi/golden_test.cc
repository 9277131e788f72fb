// Compares with the recorded documents where the shared folder is at hand.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "apiserver/openapi/openapi.h"

namespace coxswain::apiserver {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, separator);) out.push_back(part);
  return out;
}

/// "scale=Scale:autoscaling/v1[get+patch] status=..."
std::vector<ServedSubresource> parseSubresources(const std::string& text) {
  std::vector<ServedSubresource> out;
  for (const auto& word : split(text, ' ')) {
    const size_t equals = word.find('=');
    const size_t bracket = word.find('[');
    ServedSubresource sub;
    sub.name = word.substr(0, equals);
    sub.kind = word.substr(equals + 1, bracket - equals - 1);
    sub.verbs = split(word.substr(bracket + 1, word.size() - bracket - 2), '+');
    if (const size_t colon = sub.kind.find(':'); colon != std::string::npos) {
      const std::string groupVersion = sub.kind.substr(colon + 1);
      sub.kind.resize(colon);
      const size_t slash = groupVersion.find('/');
      sub.group = groupVersion.substr(0, slash);
      sub.version = groupVersion.substr(slash + 1);
    }
    out.push_back(std::move(sub));
  }
  return out;
}

/// Of kinds.tsv; empty: it is not there.
std::vector<ServedResource> sharedResources(const std::string& file) {
  std::vector<ServedResource> out;
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    auto cells = split(line, '\t');
    cells.resize(18);
    if (cells[15] != "yes") continue;
    ServedResource row{.group = cells[0],
                       .version = cells[1],
                       .plural = cells[3],
                       .singular = cells[4],
                       .kind = cells[2],
                       .namespaced = cells[7] == "true",
                       .verbs = split(cells[8], ','),
                       .shortNames = split(cells[5], ','),
                       .categories = split(cells[6], ','),
                       .subresources = parseSubresources(cells[17]),
                       .storageVersionHash = cells[16]};
    out.push_back(std::move(row));
  }
  return out;
}

TEST(OpenApi, Documents) {
  const char* shared = std::getenv("COXSWAIN_SHARED");
  const auto resources =
      shared ? sharedResources(std::string(shared) + "/api/kinds.tsv") : std::vector<ServedResource>();
  if (resources.empty()) GTEST_SKIP() << "no shared folder";
  const OpenApi openApi(resources);
  const char* folder = std::getenv("COXSWAIN_OPENAPI_OUT");
  for (const auto& path : openApi.v3Paths()) {
    const auto text = openApi.v3(path);
    ASSERT_TRUE(text) << path;
    if (!folder) continue;
    std::string name = path;
    for (char& c : name) c = c == '/' ? '-' : c;
    std::ofstream(std::string(folder) + "/v3-" + name + ".json") << *text;
  }
  const std::string v2 = openApi.v2();
  if (folder) std::ofstream(std::string(folder) + "/v2.json") << v2;
}

}  // namespace
}  // namespace coxswain::apiserver
