// Who may do what: policy, rbac, admissionregistration, flowcontrol.
#include "api/gen/admissionregistration_v1.h"
#include "api/gen/flowcontrol_v1.h"
#include "api/gen/policy_v1.h"
#include "api/gen/rbac_v1.h"
#include "apiserver/tables/printer.h"

namespace coxswain::apiserver::tables {
namespace {

using namespace api::admissionregistration::v1;  // NOLINT
using api::flowcontrol::v1::FlowSchema;
using api::flowcontrol::v1::PriorityLevelConfiguration;
using api::policy::v1::PodDisruptionBudget;
using api::rbac::v1::ClusterRoleBinding;
using api::rbac::v1::RoleBinding;

constexpr Column kBudgetColumns[] = {
    kName, {"Min Available"}, {"Max Unavailable"}, integer("Allowed Disruptions"), kAge};

void printBudget(const PodDisruptionBudget& object, Row& row) {
  const auto& spec = object.spec;
  row.text(object.metadata.name)
      .text(spec.minAvailable ? spec.minAvailable->str() : "N/A")
      .text(spec.maxUnavailable ? spec.maxUnavailable->str() : "N/A")
      .number(object.status.disruptionsAllowed)
      .age(object.metadata);
}

constexpr Column kBindingColumns[] = {kName,         {"Role"},       kAge,
                                      wide("Users"), wide("Groups"), wide("ServiceAccounts")};

template <typename Binding>
void printRoleBinding(const Binding& object, Row& row) {
  std::vector<std::string> users;
  std::vector<std::string> groups;
  std::vector<std::string> accounts;
  for (const auto& subject : object.subjects) {
    if (subject.kind == "User") users.push_back(subject.name);
    if (subject.kind == "Group") groups.push_back(subject.name);
    if (subject.kind == "ServiceAccount") {
      accounts.push_back(subject.namespace_ + "/" + subject.name);
    }
  }
  row.text(object.metadata.name)
      .text(object.roleRef.kind + "/" + object.roleRef.name)
      .age(object.metadata)
      .text(join(users, ", "))
      .text(join(groups, ", "))
      .text(join(accounts, ", "));
}

constexpr Column kWebhookColumns[] = {kName, integer("Webhooks"), kAge};
template <typename Configuration>
void printWebhooks(const Configuration& object, Row& row) {
  row.text(object.metadata.name)
      .number(static_cast<int64_t>(object.webhooks.size()))
      .age(object.metadata);
}

std::string paramKindText(const api::Box<ParamKind>& kind) {
  if (!kind) return "<unset>";
  return kind->apiVersion.empty() ? kind->kind : kind->apiVersion + "/" + kind->kind;
}

/// As Go prints the struct: upstream shows just that.
std::string goSelector(const api::meta::v1::LabelSelector& selector) {
  std::string out = "&LabelSelector{MatchLabels:map[string]string{";
  for (const auto& [key, value] : selector.matchLabels) out += cat(key, ": ", value, ",");
  out += "},MatchExpressions:[]LabelSelectorRequirement{";
  for (const auto& requirement : selector.matchExpressions) {
    out +=
        cat("LabelSelectorRequirement{Key:", requirement.key, ",Operator:", requirement.operator_,
            ",Values:[", join(requirement.values, " "), "],},");
  }
  return out + "},}";
}

std::string paramRefText(const api::Box<ParamRef>& reference) {
  if (!reference) return "<unset>";
  if (reference->selector) return goSelector(*reference->selector);
  return (reference->namespace_.empty() ? "*" : reference->namespace_) + "/" + reference->name;
}

constexpr Column kValidatingPolicyColumns[] = {kName, integer("Validations"), {"ParamKind"}, kAge};
void printValidatingPolicy(const ValidatingAdmissionPolicy& object, Row& row) {
  row.text(object.metadata.name)
      .number(static_cast<int64_t>(object.spec.validations.size()))
      .text(paramKindText(object.spec.paramKind))
      .age(object.metadata);
}

constexpr Column kMutatingPolicyColumns[] = {kName, integer("Mutations"), {"ParamKind"}, kAge};
void printMutatingPolicy(const MutatingAdmissionPolicy& object, Row& row) {
  row.text(object.metadata.name)
      .number(static_cast<int64_t>(object.spec.mutations.size()))
      .text(paramKindText(object.spec.paramKind))
      .age(object.metadata);
}

constexpr Column kPolicyBindingColumns[] = {kName, {"PolicyName"}, {"ParamRef"}, kAge};
template <typename Binding>
void printPolicyBinding(const Binding& object, Row& row) {
  row.text(object.metadata.name)
      .text(object.spec.policyName)
      .text(paramRefText(object.spec.paramRef))
      .age(object.metadata);
}

constexpr Column kFlowSchemaColumns[] = {
    kName, {"PriorityLevel"}, {"MatchingPrecedence"}, {"DistinguisherMethod"}, kAge, {"MissingPL"}};

void printFlowSchema(const FlowSchema& object, Row& row) {
  std::string missing = "?";
  for (const auto& condition : object.status.conditions) {
    if (condition.type == "Dangling") missing = condition.status;
  }
  const auto& method = object.spec.distinguisherMethod;
  row.text(object.metadata.name)
      .text(object.spec.priorityLevelConfiguration.name)
      .number(object.spec.matchingPrecedence)
      .text(method ? method->type : "<none>")
      .age(object.metadata)
      .text(missing);
}

constexpr Column kPriorityLevelColumns[] = {kName,      {"Type"},     {"NominalConcurrencyShares"},
                                            {"Queues"}, {"HandSize"}, {"QueueLengthLimit"},
                                            kAge};

void numberOrNone(const std::optional<int32_t>& number, Row& row) {
  if (number) {
    row.number(*number);
  } else {
    row.text("<none>");
  }
}

void printPriorityLevel(const PriorityLevelConfiguration& object, Row& row) {
  const auto& spec = object.spec;
  std::optional<int32_t> shares;
  if (spec.limited) shares = spec.limited->nominalConcurrencyShares;
  if (spec.exempt) shares = spec.exempt->nominalConcurrencyShares;
  std::optional<int32_t> queues;
  std::optional<int32_t> handSize;
  std::optional<int32_t> length;
  if (spec.limited && spec.limited->limitResponse.queuing) {
    const auto& queuing = *spec.limited->limitResponse.queuing;
    queues = queuing.queues;
    handSize = queuing.handSize;
    length = queuing.queueLengthLimit;
  }
  row.text(object.metadata.name).text(spec.type);
  for (const auto& number : {shares, queues, handSize, length}) numberOrNone(number, row);
  row.age(object.metadata);
}

}  // namespace

std::span<const Printer> policyPrinters() {
  static const Printer all[] = {
      printer<PodDisruptionBudget, printBudget>(kBudgetColumns),
      printer<RoleBinding, printRoleBinding<RoleBinding>>(kBindingColumns),
      printer<ClusterRoleBinding, printRoleBinding<ClusterRoleBinding>>(kBindingColumns),
      printer<MutatingWebhookConfiguration, printWebhooks<MutatingWebhookConfiguration>>(
          kWebhookColumns),
      printer<ValidatingWebhookConfiguration, printWebhooks<ValidatingWebhookConfiguration>>(
          kWebhookColumns),
      printer<ValidatingAdmissionPolicy, printValidatingPolicy>(kValidatingPolicyColumns),
      printer<MutatingAdmissionPolicy, printMutatingPolicy>(kMutatingPolicyColumns),
      printer<ValidatingAdmissionPolicyBinding,
              printPolicyBinding<ValidatingAdmissionPolicyBinding>>(kPolicyBindingColumns),
      printer<MutatingAdmissionPolicyBinding, printPolicyBinding<MutatingAdmissionPolicyBinding>>(
          kPolicyBindingColumns),
      printer<FlowSchema, printFlowSchema>(kFlowSchemaColumns),
      printer<PriorityLevelConfiguration, printPriorityLevel>(kPriorityLevelColumns),
  };
  return all;
}

}  // namespace coxswain::apiserver::tables
