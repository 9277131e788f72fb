#include "api/meta/time.h"
#include "cli/cmd/action.h"
#include "cli/cmd/commands.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

/// What approve and deny differ in.
struct Decision {
  std::string_view type;   ///< of the condition
  std::string_view other;  ///< that must not stand there
  std::string_view reason;
  std::string_view message;
  std::string_view operation;
};
constexpr Decision kApprove{"Approved", "Denied", "KubectlApprove",
                            "This CSR was approved by kubectl certificate approve.", "approved"};
constexpr Decision kDeny{"Denied", "Approved", "KubectlDeny",
                         "This CSR was denied by kubectl certificate deny.", "denied"};
constexpr int kAttempts = 10;

/// Adds a condition to requests for certificates, by their approval subresource.
class Decide : public Verb {
 public:
  explicit Decide(const Decision& decision) : decision_(decision) {}

  void flags(FlagSet& flags) override {
    selection_.declareFiles(flags, "update");
    flags.boolean(&force_, "force", 0, "Update the CSR even if it is already decided so.");
    action_.print.declare(flags);
  }

  Task<Status> run(Session& session, std::vector<std::string> words, const FlagSet&) override {
    CO_TRY_STATUS(action_.complete());
    if (words.empty() && selection_.files.empty()) {
      co_return fault("one or more CSRs must be specified as <name> or -f <filename>");
    }
    if (!words.empty()) {
      selection_.words = {"certificatesigningrequests.certificates.k8s.io"};
      selection_.words.insert(selection_.words.end(), words.begin(), words.end());
    }
    CO_TRY(auto infos, co_await resolve(session, selection_, true));
    CO_TRY(auto* rest, session.rest());
    ObjectClient client(*rest);
    for (auto& info : infos) {
      Status decided = co_await decide(session, client, std::move(info));
      if (!decided.ok()) session.fail(decided);
    }
    co_return Status();
  }

 private:
  Task<Status> decide(Session& session, ObjectClient& client, Info info) {
    if (info.resource->plural != "certificatesigningrequests") {
      co_return fault("can only handle certificates.k8s.io/v1 certificate signing requests");
    }
    for (int attempt = 1;; ++attempt) {
      if (attempt > 1 || !info.source.empty()) CO_TRY_STATUS(co_await refresh(client, info));
      CO_TRY(const bool changed, addCondition(session, info));
      if (!changed && !force_) break;
      WriteOptions options;
      options.subresource = "approval";
      auto written = co_await client.replace(*info.resource, "", info.name, info.object, options);
      if (isConflict(written.status()) && attempt < kAttempts) continue;
      if (!written.ok()) co_return written.status();
      info.object = std::move(*written);
      break;
    }
    fillType(info.object, *info.resource);
    co_return action_.report(session, std::move(info.object), decision_.operation);
  }

  /// False: it is there already.
  Result<bool> addCondition(Session& session, Info& info) const {
    for (const auto& one : arrayAt(info.object, {"status", "conditions"})) {
      const auto type = textAt(one, {"type"});
      if (type == decision_.other) {
        return fault("certificate signing request \"" + info.name + "\" is already " + type);
      }
      if (type == decision_.type) return false;
    }
    auto& conditions = makeObject(info.object, {"status"})["conditions"];
    if (!conditions.is_array()) conditions = json::array();
    conditions.get_array().push_back(
        json::object{{"type", decision_.type},
                     {"status", "True"},
                     {"reason", decision_.reason},
                     {"message", decision_.message},
                     {"lastUpdateTime", api::Time(session.reactor().wallNow()).str()}});
    return true;
  }

  const Decision& decision_;
  Selection selection_;
  Action action_;
  bool force_ = false;
};

class Approve final : public Decide {
 public:
  Approve() : Decide(kApprove) {}
};
class Deny final : public Decide {
 public:
  Deny() : Decide(kDeny) {}
};

}  // namespace

Command certificateCommand() {
  Command command;
  command.name = "certificate";
  command.usage = "SUBCOMMAND";
  command.summary = "Modify certificate resources";
  command.group = "Cluster Management Commands";
  auto& approve = command.children.emplace_back();
  approve.name = "approve";
  approve.usage = "(-f FILENAME | NAME) [options]";
  approve.summary = "Approve a certificate signing request";
  approve.details = "A signer may then make the certificate. Look at who asks for what before.";
  approve.examples = "  kubectl certificate approve csr-sqgzp\n";
  approve.make = makeVerb<Approve>;
  auto& deny = command.children.emplace_back();
  deny.name = "deny";
  deny.usage = "(-f FILENAME | NAME) [options]";
  deny.summary = "Deny a certificate signing request";
  deny.examples = "  kubectl certificate deny csr-sqgzp\n";
  deny.make = makeVerb<Deny>;
  return command;
}

}  // namespace coxswain::cli
