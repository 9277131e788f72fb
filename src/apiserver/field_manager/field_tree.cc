#include "apiserver/field_manager/field_tree.h"

#include <boost/json/value.hpp>

#include "api/codec/json_text.h"
#include "api/codec/value.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kSelf = ".";
constexpr std::string_view kKinds = "fkvi";
constexpr int kDepthMax = 200;

size_t rankOf(std::string_view part) {
  return part.empty() ? kKinds.size() : kKinds.find(part.front());
}

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

/// Text in which runs of digits outside quotes count as numbers.
bool keyLess(std::string_view left, std::string_view right) {
  bool quoted = false;
  size_t i = 0;
  size_t j = 0;
  while (i < left.size() && j < right.size()) {
    if (!quoted && isDigit(left[i]) && isDigit(right[j])) {
      const auto start = std::pair(i, j);
      while (i < left.size() && isDigit(left[i])) ++i;
      while (j < right.size() && isDigit(right[j])) ++j;
      const auto lengths = std::pair(i - start.first, j - start.second);
      if (lengths.first != lengths.second) return lengths.first < lengths.second;
      const int order =
          left.compare(start.first, lengths.first, right, start.second, lengths.second);
      if (order != 0) return order < 0;
      continue;
    }
    if (left[i] != right[j]) return left[i] < right[j];
    if (left[i] == '"') quoted = !quoted;
    ++i;
    ++j;
  }
  return i == left.size() && j < right.size();
}

void appendQuoted(std::string& out, std::string_view text) {
  out += api::writeJsonValue(boost::json::value(boost::json::string_view(text)));
}

void write(const FieldTree& tree, std::string& out) {
  out.push_back('{');
  bool first = true;
  if (tree.member && !tree.children.empty()) {
    out += "\".\":{}";
    first = false;
  }
  for (const auto& [part, child] : tree.children) {
    if (!first) out.push_back(',');
    first = false;
    appendQuoted(out, part);
    out.push_back(':');
    write(child, out);
  }
  out.push_back('}');
}

Status read(const boost::json::value& value, FieldTree& tree, int depth) {
  if (!value.is_object() || depth > kDepthMax) return badRequest("not a set of fields");
  const auto& object = value.get_object();
  for (const auto& [key, below] : object) {
    const std::string_view part(key.data(), key.size());
    if (part == kSelf) {
      tree.member = true;
      continue;
    }
    if (part.size() < 2 || part[1] != ':' || rankOf(part) >= kKinds.size()) {
      return badRequest("unknown path element: " + std::string(part));
    }
    auto& child = tree.children[std::string(part)];
    TRY_STATUS(read(below, child, depth + 1));
  }
  // A leaf is a member.
  if (object.empty()) tree.member = true;
  return {};
}

/// `k:{"name":"c","port":80}` as `[name="c",port=80]`.
std::string keyText(std::string_view json) {
  auto parsed = api::parseJsonValue(json);
  if (!parsed.ok() || !parsed->is_object()) return "[" + std::string(json) + "]";
  std::string out = "[";
  for (const auto& [name, value] : parsed->get_object()) {
    if (out.size() > 1) out.push_back(',');
    out.append(name.data(), name.size()).push_back('=');
    out += api::writeJsonValue(value);
  }
  return out + "]";
}

void collect(const FieldTree& tree, const std::string& prefix, std::vector<std::string>& out) {
  if (tree.member && !prefix.empty()) out.push_back(prefix);
  for (const auto& [part, child] : tree.children) {
    const auto rest = std::string_view(part).substr(2);
    std::string next = prefix;
    switch (part.front()) {
      case 'f':
        next.append(".").append(rest);
        break;
      case 'k':
        next += keyText(rest);
        break;
      case 'v':
        next.append("[=").append(rest).append("]");
        break;
      default:
        next.append("[").append(rest).append("]");
    }
    collect(child, next, out);
  }
}

}  // namespace

bool PathPartLess::operator()(std::string_view left, std::string_view right) const {
  const auto leftRank = rankOf(left);
  const auto rightRank = rankOf(right);
  if (leftRank != rightRank) return leftRank < rightRank;
  if (leftRank == 0) return left < right;
  return keyLess(left, right);
}

const FieldTree* FieldTree::child(std::string_view part) const {
  auto found = children.find(part);
  return found == children.end() ? nullptr : &found->second;
}

void FieldTree::unite(const FieldTree& other) {
  member = member || other.member;
  for (const auto& [part, below] : other.children) children[part].unite(below);
}

void FieldTree::subtract(const FieldTree& other) {
  member = member && !other.member;
  for (const auto& [part, below] : other.children) {
    auto found = children.find(part);
    if (found == children.end()) continue;
    found->second.subtract(below);
    if (found->second.empty()) children.erase(found);
  }
}

void FieldTree::subtractBelow(const FieldTree& other) {
  if (other.member) {
    *this = FieldTree();
    return;
  }
  for (const auto& [part, below] : other.children) {
    auto found = children.find(part);
    if (found == children.end()) continue;
    found->second.subtractBelow(below);
    if (found->second.empty()) children.erase(found);
  }
}

FieldTree FieldTree::intersection(const FieldTree& other) const {
  FieldTree out;
  out.member = member && other.member;
  for (const auto& [part, below] : children) {
    const auto* theirs = other.child(part);
    if (!theirs) continue;
    auto both = below.intersection(*theirs);
    if (!both.empty()) out.children.emplace(part, std::move(both));
  }
  return out;
}

FieldTree FieldTree::unowned(const FieldTree* owned) const {
  FieldTree out;
  out.member = member && (!owned || owned->empty());
  for (const auto& [part, below] : children) {
    auto left = below.unowned(owned ? owned->child(part) : nullptr);
    if (!left.empty()) out.children.emplace(part, std::move(left));
  }
  return out;
}

std::vector<std::string> FieldTree::paths() const {
  std::vector<std::string> out;
  collect(*this, "", out);
  return out;
}

std::string FieldTree::json() const {
  std::string out;
  write(*this, out);
  return out;
}

Result<FieldTree> FieldTree::parse(std::string_view json) {
  TRY(auto value, api::parseJsonValue(json));
  FieldTree tree;
  TRY_STATUS(read(value, tree, 0));
  // The whole object is nobody's field.
  tree.member = false;
  return tree;
}

FieldTree FieldTree::ofPaths(const std::vector<std::string_view>& paths) {
  FieldTree tree;
  for (auto path : paths) {
    auto* at = &tree;
    while (!path.empty()) {
      path.remove_prefix(1);
      auto dot = path.find('.');
      auto name = path.substr(0, dot);
      at = &at->children["f:" + std::string(name)];
      path = dot == std::string_view::npos ? std::string_view() : path.substr(dot);
    }
    at->member = true;
  }
  return tree;
}

}  // namespace coxswain::apiserver
