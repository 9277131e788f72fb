#pragma once

// Parts of FakeClient that look into objects of any kind.

#include <string>
#include <string_view>

#include "api/reflect/equal.h"
#include "api/reflect/object.h"
#include "api/select/fields.h"
#include "api/select/labels.h"
#include "client/client.h"

namespace coxswain::client::testing {

/// Which objects a list or watch shows.
class Selection {
 public:
  static Result<Selection> create(std::string ns, const std::string& labels,
                                  const std::string& fields);
  [[nodiscard]] bool matches(const api::ConstObject& object) const;

 private:
  std::string ns_;
  api::LabelSelector labels_;
  api::FieldSelector fields_;
};

bool hasMember(const api::MessageInfo& info, std::string_view name);
/// False where there is no such member.
bool memberDiffers(const api::MessageInfo& info, std::string_view name, const void* a,
                   const void* b);
/// No effect where there is no such member.
void copyMember(const api::MessageInfo& info, std::string_view name, const void* from, void* to);
Result<api::Object> applyPatch(const api::ConstObject& before, PatchType type,
                               const std::string& body);

}  // namespace coxswain::client::testing
