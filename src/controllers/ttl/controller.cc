#include "controllers/ttl/controller.h"

#include <fmt/format.h>

#include <limits>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"

namespace coxswain::controllers::ttl {

using api::core::v1::Node;

namespace {

constexpr std::string_view kAnnotation = "node.alpha.kubernetes.io/ttl";

struct Row {
  size_t fewest;
  size_t most;
  int seconds;
};
constexpr Row kBands[] = {
    {0, 100, 0},
    {90, 500, 15},
    {450, 1000, 30},
    {900, 2000, 60},
    {1800, std::numeric_limits<size_t>::max(), 300},
};

Controller::Options options() {
  Controller::Options o;
  o.name = "ttl-controller";
  return o;
}

}  // namespace

bool Band::follow(size_t nodes) {
  const size_t before = at_;
  while (nodes > kBands[at_].most) ++at_;
  while (nodes < kBands[at_].fewest) --at_;
  return at_ != before;
}

int Band::seconds() const {
  return kBands[at_].seconds;
}

TtlController::TtlController(const Context& context)
    : Controller(context, options()), nodes_(use<Node>()) {
  nodes_.addHandler([this](const client::Change& change) {
    const bool another = (!change.before || !change.after) && band_.follow(nodes_.size());
    if (another) {
      // Upstream waits for each node's next heartbeat.
      nodes_.forEach(
          [this](const api::ConstObject& node) { queue().add(client::objectKey(node)); });
    } else if (change.after) {
      const auto* after = change.after.as<Node>();
      const auto* before = change.before.as<Node>();
      if (before != nullptr && before->metadata.annotations == after->metadata.annotations) return;
      queue().add(after->metadata.name);
    }
  });
}

Task<Result<Duration>> TtlController::reconcile(std::string key, std::stop_token stop) {
  auto node = nodes_.get<Node>(key);
  if (!node) co_return Duration(0);
  const auto wanted = std::to_string(band_.seconds());
  const auto* told = node->metadata.annotations.get(kAnnotation);
  if (told != nullptr && *told == wanted) co_return Duration(0);
  auto patched = co_await client().patch(
      client::resourceOf<Node>(), "", key, "", client::PatchType::StrategicMerge,
      fmt::format(R"({{"metadata":{{"annotations":{{"{}":"{}"}}}}}})", kAnnotation, wanted), stop);
  if (!patched.ok() && !isNotFound(patched.status())) co_return patched.status();
  co_return Duration(0);
}

}  // namespace coxswain::controllers::ttl
