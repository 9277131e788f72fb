#include <cstdlib>

#include "apiserver/field_manager/field_tree.h"

using coxswain::apiserver::FieldTree;

// What clients may send as managedFields[].fieldsV1: whatever parses prints to the same set.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto tree = FieldTree::parse(text);
  if (!tree.ok()) return 0;
  auto again = FieldTree::parse(tree->json());
  if (!again.ok() || again->json() != tree->json()) std::abort();
  (void)tree->paths();
  auto rest = *tree;
  rest.subtract(*again);
  if (!rest.empty()) std::abort();
  return 0;
}
