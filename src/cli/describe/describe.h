#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/framework/session.h"
#include "cli/printers/tab_writer.h"
#include "cli/resources/builder.h"
#include "cli/resources/object_client.h"

namespace coxswain::cli {

/// Lines of `kubectl describe`: "Name:\tvalue" in levels of two blanks, aligned at the end.
class DescribeWriter {
 public:
  enum class Tabs : uint8_t { Aligned, AsTheyAre };
  explicit DescribeWriter(Tabs tabs = Tabs::Aligned) : tabs_(tabs) {}

  void line(int level, std::string_view text);
  /// "label:\tvalue".
  void field(int level, std::string_view label, std::string_view value) {
    line(level, std::string(label) + ":\t" + std::string(value));
  }
  /// "Labels:\ta=b" and the others below it; "<none>" where there are none.
  void pairs(std::string_view label, const std::vector<std::pair<std::string, std::string>>& pairs,
             std::string_view separator = "=");
  /// Annotations: without that of apply; long and several-line ones in lines of their own.
  void annotations(const json::value& object);
  std::string take() {
    return tabs_ == Tabs::Aligned ? writer_.take() : std::exchange(plain_, std::string());
  }

 private:
  Tabs tabs_;
  std::string plain_;  ///< where tabs stay
  TabWriter writer_{{0, 2, false}};
};

/// What describing may ask the server for.
struct DescribeContext {
  Session& session;
  ObjectClient& client;
  int64_t now = 0;  ///< Unix seconds
  bool events = true;

  /// The objects of a resource there (by name, as Mapper::byName); empty where it cannot be listed.
  Task<std::vector<json::value>> list(std::string resource, std::string ns,
                                      ObjectListOptions options);
};

/// Everything about one object that has been read, in kubectl's layout, its events last.
Task<Result<std::string>> describe(DescribeContext& context, const Info& info);

/// "Pod Template:" as `rollout history --revision` shows it, with tabs as kubectl leaves them
/// there.
std::string describePodTemplate(const json::value& podTemplate);

// Parts; each in the file of its name.

Task<void> describePod(DescribeContext& context, const json::value& pod, DescribeWriter& out);
Task<void> describeNode(DescribeContext& context, const json::value& node, DescribeWriter& out);
Task<void> describeDeployment(DescribeContext& context, const json::value& object,
                              DescribeWriter& out);
Task<void> describeReplicaSet(DescribeContext& context, const json::value& object,
                              DescribeWriter& out);
Task<void> describeWorkload(DescribeContext& context, const json::value& object,
                            DescribeWriter& out);
Task<void> describeService(DescribeContext& context, const json::value& object,
                           DescribeWriter& out);
Task<void> describeNamespace(DescribeContext& context, const json::value& object,
                             DescribeWriter& out);
Task<void> describeConfigMap(DescribeContext& context, const json::value& object,
                             DescribeWriter& out);
Task<void> describeSecret(DescribeContext& context, const json::value& object, DescribeWriter& out);
Task<void> describeServiceAccount(DescribeContext& context, const json::value& object,
                                  DescribeWriter& out);
Task<void> describeRole(DescribeContext& context, const json::value& object, DescribeWriter& out);
Task<void> describeRoleBinding(DescribeContext& context, const json::value& object,
                               DescribeWriter& out);
Task<void> describeResourceQuota(DescribeContext& context, const json::value& object,
                                 DescribeWriter& out);
/// Any kind: its members in order of their names.
void describeAny(const json::value& object, DescribeWriter& out);

/// Labels, containers, volumes, selectors and tolerations of a template; `indent` blanks in front.
void podTemplateLines(const json::value& podTemplate, DescribeWriter& out);
void containerLines(std::string_view label, const json::array& containers,
                    const json::array& statuses, std::string_view space, const json::value* pod,
                    DescribeWriter& out);
void volumeLines(const json::array& volumes, std::string_view space, DescribeWriter& out);
void tolerationLines(const json::array& tolerations, std::string_view label, DescribeWriter& out);
/// Name, Namespace (where it has one), Labels, Annotations.
void metadataLines(const json::value& object, DescribeWriter& out);
/// "ReplicaSet/web-1"; empty: nobody controls it.
std::string controllerOf(const json::value& object);
/// "Mon, 02 Jan 2006 15:04:05 +0000" of an RFC 3339 time.
std::string longTime(const std::string& timestamp);
/// "a=b,c in (d,e)"; "<none>", "<unset>".
std::string selectorText(const json::value* selector);
std::string noneIfEmpty(std::string text);

}  // namespace coxswain::cli
