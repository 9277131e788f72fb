#include "normal_form.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <iterator>
#include <map>
#include <set>

#include "api/codec/value.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"

namespace coxswain::simulation {

namespace {

namespace json = boost::json;

constexpr std::string_view kUid = "00000000-0000-4000-8000-";
constexpr size_t kUidLength = 36;

/// There or not by which changes were seen together.
constexpr std::string_view kTriggerTime = "endpoints.kubernetes.io/last-change-trigger-time";

/// What is different in each run, or says nothing.
const std::set<std::string_view> kDropped = {
    "resourceVersion", "generation", "observedGeneration", "managedFields", "nodeName", "hostIP",
    "hostIPs", "podIPs", "addresses", "ip", "podCIDRs", "nominatedNodeName", "lastScaleTime",
    // Old sets without pods keep those of when they went.
    "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas",
    kTriggerTime};
/// Whether they are there says enough.
const std::set<std::string_view> kHidden = {"podIP", "podCIDR", "certificate"};

bool isTime(std::string_view key) {
  return key.ends_with("Time") || key.ends_with("Timestamp") || key.ends_with("-time") ||
         key.ends_with("-timestamp") || key.ends_with("edAt") || key == "time" ||
         key == "timestamp";
}

/// It has nothing but what is dropped.
bool isTriggerAlone(const json::value& value) {
  return value.is_object() && value.as_object().size() == 1 &&
         value.as_object().contains(kTriggerTime);
}

class Names {
 public:
  explicit Names(const client::testing::FakeClient& server) {
    server.forEach([this](const std::string& collection, const api::ConstObject& object) {
      const auto& meta = *api::objectMeta(object);
      std::string name = meta.name;
      if (!meta.generateName.empty()) {
        name = meta.generateName + "~";
        generated_[meta.name] = name;
      }
      uids_[meta.uid] = "<" + collection + " " + meta.namespace_ + "/" + name + ">";
    });
  }

  [[nodiscard]] std::string plain(std::string_view text) const {
    std::string out(text);
    for (size_t at = out.find(kUid); at != std::string::npos; at = out.find(kUid, at)) {
      auto known = uids_.find(out.substr(at, kUidLength));
      const std::string name = known == uids_.end() ? "<gone>" : known->second;
      out.replace(at, kUidLength, name);
      at += name.size();
    }
    for (const auto& [name, to] : generated_) {
      for (size_t at = out.find(name); at != std::string::npos; at = out.find(name, at)) {
        out.replace(at, name.size(), to);
        at += to.size();
      }
    }
    return out;
  }

 private:
  std::map<std::string, std::string> uids_;
  std::map<std::string, std::string> generated_;
};

/// Numbers of revisions only say in which order they were seen.
bool isRevision(std::string_view name, const json::value& value) {
  return name == "revision" && value.is_number();
}

void write(const json::value& value, const Names& names, std::string& out) {
  if (value.is_string()) {
    out += names.plain({value.as_string().data(), value.as_string().size()});
  } else if (value.is_array()) {
    std::vector<std::string> items;
    for (const auto& item : value.as_array()) write(item, names, items.emplace_back());
    std::sort(items.begin(), items.end());
    out += "[";
    for (const auto& item : items) out += item + ",";
    out += "]";
  } else if (value.is_object()) {
    std::map<std::string, std::string> members;
    for (const auto& [key, member] : value.as_object()) {
      const std::string_view name(key.data(), key.size());
      if ((kDropped.contains(name) && !member.is_object()) || isRevision(name, member)) continue;
      if (isTriggerAlone(member)) continue;
      if (isTime(name)) {
        members[std::string(name)] = member.is_null() ? "null" : "T";
      } else if (kHidden.contains(name)) {
        members[std::string(name)] = "SET";
      } else {
        write(member, names, members[names.plain(name)]);
      }
    }
    out += "{";
    for (const auto& [key, text] : members) out += key + ":" + text + " ";
    out += "}";
  } else {
    out += api::writeJsonValue(value);
  }
}

/// The status has not seen what the spec says.
bool isBehind(const json::value& value) {
  const auto* status = value.as_object().if_contains("status");
  const auto* meta = value.as_object().if_contains("metadata");
  if (!status || !status->is_object() || !meta) return false;
  const auto* seen = status->as_object().if_contains("observedGeneration");
  const auto* now = meta->as_object().if_contains("generation");
  return seen != nullptr && now != nullptr && *seen != *now;
}

}  // namespace

std::vector<std::string> normalForm(const client::testing::FakeClient& server) {
  const Names names(server);
  std::vector<std::string> lines;
  server.forEach([&](const std::string& collection, const api::ConstObject& object) {
    if (collection.ends_with("/events") || collection.ends_with("/leases")) return;
    const auto value = api::encodeValue(object.info(), object.data());
    std::string line = collection + " ";
    write(value, names, line);
    if (isBehind(value)) line += " BEHIND";
    lines.push_back(std::move(line));
  });
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// Both lines are of the same object: only from where they differ, with a little before.
static std::string parts(const std::string& a, const std::string& b) {
  size_t same = 0;
  while (same < a.size() && same < b.size() && a[same] == b[same]) ++same;
  const size_t head = a.find(" {");
  const size_t from = same > 60 ? same - 60 : 0;
  const std::string name = a.substr(0, head) + " ..." + a.substr(from, same - from);
  return "\n  - " + name + "[" + a.substr(same, 300) + "]\n  + " + name + "[" +
         b.substr(same, 300) + "]";
}

std::string difference(const std::vector<std::string>& wanted, const std::vector<std::string>& is) {
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  std::set_difference(wanted.begin(), wanted.end(), is.begin(), is.end(),
                      std::back_inserter(missing));
  std::set_difference(is.begin(), is.end(), wanted.begin(), wanted.end(),
                      std::back_inserter(extra));
  std::string out;
  if (missing.size() == extra.size() && missing.size() < 4) {
    for (size_t i = 0; i < missing.size(); ++i) out += parts(missing[i], extra[i]);
    return out;
  }
  for (size_t i = 0; i < missing.size() && i < 4; ++i) out += "\n  - " + missing[i];
  for (size_t i = 0; i < extra.size() && i < 4; ++i) out += "\n  + " + extra[i];
  if (missing.size() > 4 || extra.size() > 4) {
    out += "\n  (" + std::to_string(missing.size()) + " are missing, " +
           std::to_string(extra.size()) + " are too many)";
  }
  return out;
}

}  // namespace coxswain::simulation
