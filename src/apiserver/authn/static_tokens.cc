#include "apiserver/authn/static_tokens.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <vector>

namespace coxswain::apiserver {
namespace {

/// Fields of one line of CSV; quotes around a field, doubled inside.
Result<std::vector<std::string>> csvFields(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (quoted) {
      if (c != '"') {
        fields.back().push_back(c);
      } else if (i + 1 < line.size() && line[i + 1] == '"') {
        fields.back().push_back('"');
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else {
      fields.back().push_back(c);
    }
  }
  if (quoted) return badRequest("token file: unterminated quote");
  return fields;
}

std::vector<std::string> splitGroups(std::string_view text) {
  std::vector<std::string> groups;
  while (!text.empty()) {
    auto comma = text.find(',');
    if (comma != 0) groups.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return groups;
}

}  // namespace

Result<StaticTokens> StaticTokens::parse(std::string_view text) {
  StaticTokens tokens;
  int lineNumber = 0;
  while (!text.empty()) {
    ++lineNumber;
    auto end = text.find('\n');
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) {
      TRY(auto fields, csvFields(line));
      if (fields.size() < 3 || fields[0].empty()) {
        return badRequest("token file, line " + std::to_string(lineNumber) +
                          ": want token,user,uid and perhaps groups");
      }
      UserInfo user{fields[1], fields[2], {}, {}};
      if (fields.size() > 3) user.groups = splitGroups(fields[3]);
      tokens.users_.insert_or_assign(fields[0], std::move(user));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return tokens;
}

Result<StaticTokens> StaticTokens::load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return errnoStatus("open " + path, errno);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return parse(text);
}

const UserInfo* StaticTokens::find(std::string_view token) const {
  auto it = users_.find(token);
  return it == users_.end() ? nullptr : &it->second;
}

}  // namespace coxswain::apiserver
