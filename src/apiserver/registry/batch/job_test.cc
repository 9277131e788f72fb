#include <gtest/gtest.h>

#include <string>

#include "api/codec/json.h"
#include "api/gen/batch_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/registry/batch/job_rules.h"
#include "apiserver/registry/metadata.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {
namespace {

using api::FieldErrors;
using api::batch::v1::CronJob;
using api::batch::v1::Job;

constexpr std::string_view kTemplate =
    R"("template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}})";

template <typename T>
T read(const Strategy& strategy, const std::string& json) {
  T out;
  const auto status = api::decodeJson(T::info(), json, &out);
  EXPECT_TRUE(status.ok()) << status.message();
  strategy.setDefaults(&out);
  return out;
}

Job job(std::string_view extra = "", std::string_view podTemplate = kTemplate) {
  return read<Job>(*makeJobStrategy(), R"({"metadata":{"name":"j","uid":"u"},"spec":{)" +
                                           std::string(podTemplate) + std::string(extra) + "}}");
}

/// The job as stored.
Job created(std::string_view extra = "") {
  auto out = job(extra);
  makeJobStrategy()->prepareForCreate(&out);
  return out;
}

std::string create(Job object) {
  const auto strategy = makeJobStrategy();
  strategy->prepareForCreate(&object);
  FieldErrors errors;
  strategy->validate(&object, errors);
  return errors.empty() ? "" : errors.str();
}

std::string update(const Job& next, const Job& current) {
  FieldErrors errors;
  makeJobStrategy()->validateUpdate(&next, &current, errors);
  return errors.empty() ? "" : errors.str();
}

std::string updateStatus(const Job& next, const Job& current) {
  FieldErrors errors;
  makeJobStrategy()->validateStatusUpdate(&next, &current, errors);
  return errors.empty() ? "" : errors.str();
}

void addCondition(Job& object, std::string_view type) {
  auto& condition = object.status.conditions.emplace_back();
  condition.type = type;
  condition.status = "True";
}

TEST(JobStrategy, DefaultsAndGeneratedSelector) {
  const auto object = created();
  EXPECT_EQ(object.spec.completions, 1);
  EXPECT_EQ(object.spec.parallelism, 1);
  EXPECT_EQ(object.spec.backoffLimit, 6);
  EXPECT_EQ(object.spec.podReplacementPolicy, "TerminatingOrFailed");
  ASSERT_TRUE(object.spec.selector);
  EXPECT_EQ(*object.spec.selector->matchLabels.get("batch.kubernetes.io/controller-uid"), "u");
  EXPECT_EQ(object.spec.selector->matchLabels.size(), 1u);
  EXPECT_EQ(*object.spec.template_.metadata.labels.get("job-name"), "j");
  EXPECT_EQ(object.metadata.labels.size(), 4u);
  EXPECT_EQ(create(object), "");

  EXPECT_EQ(job(R"(,"parallelism":3)").spec.completions, std::nullopt);
  EXPECT_EQ(job(R"(,"completionMode":"Indexed","completions":2,"backoffLimitPerIndex":1)")
                .spec.backoffLimit,
            INT32_MAX);
}

TEST(JobStrategy, AGeneratedNameComesLater) {
  auto object = job();
  object.metadata.name.clear();
  object.metadata.generateName = "j-";
  const auto strategy = makeJobStrategy();
  strategy->prepareForCreate(&object);
  EXPECT_FALSE(object.spec.selector);
  object.metadata.name = "j-x1";
  strategy->prepareForCreate(&object);
  EXPECT_EQ(*object.spec.template_.metadata.labels.get("batch.kubernetes.io/job-name"), "j-x1");
}

TEST(JobStrategy, WithoutANameOnlyTheNameIsMissing) {
  auto object = job();
  object.metadata.name.clear();
  makeJobStrategy()->prepareForCreate(&object);
  EXPECT_TRUE(object.spec.selector);
}

TEST(JobStrategy, RulesOfSelectorsAndTemplates) {
  EXPECT_EQ(
      create(job(R"(,"selector":{"matchLabels":{"a":"b"}})")),
      "[spec.selector: Invalid value: "
      R"({"matchLabels":{"a":"b","batch.kubernetes.io/controller-uid":"u"}}: )"
      "`selector` not auto-generated, spec.template.metadata.labels: Invalid value: "
      R"({"batch.kubernetes.io/controller-uid":"u","batch.kubernetes.io/job-name":"j",)"
      R"("controller-uid":"u","job-name":"j"}: `selector` does not match template `labels`])");
  EXPECT_EQ(create(job(R"(,"manualSelector":true)")), "spec.selector: Required value");
  EXPECT_EQ(
      create(job("", R"("template":{"spec":{"containers":[{"name":"c","image":"i"}]}})")),
      R"(spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never")");
}

TEST(JobStrategy, RulesOfNumbers) {
  EXPECT_EQ(create(job(R"(,"parallelism":-1,"backoffLimit":-2)")),
            "[spec.parallelism: Invalid value: -1: must be greater than or equal to 0, "
            "spec.backoffLimit: Invalid value: -2: must be greater than or equal to 0]");
  EXPECT_EQ(create(job(R"(,"completionMode":"Indexed","parallelism":1)")),
            "spec.completions: Required value: when completion mode is Indexed");
  EXPECT_EQ(create(job(R"(,"maxFailedIndexes":1)")),
            "[spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified, "
            "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode]");
  EXPECT_EQ(create(job(R"(,"managedBy":"x")")),
            R"(spec.managedBy: Invalid value: "x": must be a domain-prefixed path )"
            R"((such as "acme.io/foo"))");
}

TEST(JobStrategy, RulesOfPolicies) {
  EXPECT_EQ(create(job(R"(,"podFailurePolicy":{"rules":[{"action":"Count",)"
                       R"("onExitCodes":{"operator":"In","values":[3,0,3]}}]})")),
            "[spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must not be "
            "0 for the In operator, spec.podFailurePolicy.rules[0].onExitCodes.values[2]: "
            "Duplicate value: 3, spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: "
            "[3,0,3]: must be ordered]");
  EXPECT_EQ(create(job(R"(,"completionMode":"Indexed","completions":3,"successPolicy":)"
                       R"({"rules":[{"succeededIndexes":"0-1","succeededCount":3}]})")),
            "spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or "
            "equal to 2 (the number of indexes in the specified succeededIndexes field)");
}

TEST(JobStrategy, Indexes) {
  EXPECT_EQ(*countIndexes("", 1), 0);
  EXPECT_EQ(*countIndexes("0,2-4", 5), 4);
  EXPECT_EQ(countIndexes("5", 5).status().message(), R"(too large index: "5")");
  EXPECT_EQ(countIndexes("2,1", 5).status().message(),
            "non-increasing order, previous: 2, current: 1");
  for (const auto* bad : {",", "1-", "-1", "1-2-3", "x", "3-3"}) {
    EXPECT_FALSE(countIndexes(bad, 5).ok()) << bad;
  }
}

TEST(JobStrategy, Updates) {
  const auto current = created();
  auto next = current;
  next.spec.parallelism = 7;
  next.spec.suspend = true;
  EXPECT_EQ(update(next, current), "");
  next.spec.completions = 2;
  EXPECT_EQ(update(next, current), "spec.completions: Invalid value: 2: field is immutable");

  auto moved = current;
  moved.spec.template_.spec.nodeSelector.insert_or_assign("a", "b");
  EXPECT_TRUE(update(moved, current).starts_with("spec.template: Invalid value: {"));
  auto suspended = current;
  suspended.spec.suspend = true;
  EXPECT_EQ(update(moved, suspended), "");
  suspended.status.startTime = api::Time::fromUnix(1);
  EXPECT_NE(update(moved, suspended), "");
  addCondition(suspended, "Suspended");
  EXPECT_EQ(update(moved, suspended), "");
  suspended.status.active = 1;
  EXPECT_TRUE(update(moved, suspended).starts_with("spec.template: Invalid value: {"));

  const auto indexed = created(R"(,"completionMode":"Indexed","completions":2)");
  auto grown = indexed;
  grown.spec.completions = 5;
  EXPECT_EQ(update(grown, indexed),
            "spec.completions: Invalid value: 5: can only be modified in tandem with "
            "spec.parallelism");
  grown.spec.parallelism = 5;
  EXPECT_EQ(update(grown, indexed), "");
}

TEST(JobStrategy, Statuses) {
  const auto current = created();
  auto next = current;
  next.status.startTime = api::Time::fromUnix(100);
  next.status.active = 1;
  next.status.uncountedTerminatedPods.getOrCreate().failed = {"a"};
  EXPECT_EQ(updateStatus(next, current), "");

  auto later = next;
  later.status.startTime = api::Time::fromUnix(160);
  EXPECT_EQ(updateStatus(later, next),
            "status.startTime: Invalid value: \"1970-01-01T00:02:40Z\": field is immutable for "
            "unsuspended job once set");
  auto suspended = next;
  addCondition(suspended, "Suspended");
  EXPECT_EQ(updateStatus(later, suspended), "") << "resumed";

  auto done = next;
  addCondition(done, "Complete");
  EXPECT_EQ(updateStatus(done, next),
            "[status.completionTime: Required value: completionTime is required for Complete jobs, "
            "status.conditions: Invalid value: cannot set Complete=True condition without the "
            "SuccessCriteriaMet=true condition, status.active: Invalid value: 1: active>0 is "
            "invalid for finished job, status.uncountedTerminatedPods: Invalid value: "
            R"({"Succeeded":null,"Failed":["a"]}: must be empty for finished job])");
  addCondition(done, "SuccessCriteriaMet");
  done.status.completionTime = api::Time::fromUnix(200);
  done.status.active = 0;
  done.status.succeeded = 1;
  done.status.uncountedTerminatedPods = nullptr;
  EXPECT_EQ(updateStatus(done, next), "");
  EXPECT_NE(updateStatus(next, done), "");
}

std::string createCron(const std::string& spec) {
  const auto strategy = makeCronJobStrategy();
  auto object =
      read<CronJob>(*strategy, R"({"metadata":{"name":"c"},"spec":{)" + spec +
                                   R"(,"jobTemplate":{"spec":{)" + std::string(kTemplate) + "}}}}");
  FieldErrors errors;
  strategy->validate(&object, errors);
  return errors.empty() ? "" : errors.str();
}

TEST(CronJobStrategy, Rules) {
  EXPECT_EQ(createCron(R"("schedule":"*/5 * * * *")"), "");
  EXPECT_EQ(createCron(R"("schedule":"@hourly","timeZone":"UTC")"), "");
  EXPECT_EQ(
      createCron(R"("schedule":"* * *")"),
      R"(spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *])");
  EXPECT_EQ(createCron(R"("schedule":"TZ=UTC * * * * *")"),
            R"(spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in )"
            "schedule, use timeZone field instead");
  EXPECT_EQ(createCron(R"("schedule":"@daily","timeZone":"Mars/X")"),
            R"(spec.timeZone: Invalid value: "Mars/X": unknown time zone Mars/X)");
  EXPECT_EQ(createCron(R"("schedule":"@daily","concurrencyPolicy":"X")"),
            R"(spec.concurrencyPolicy: Unsupported value: "X": supported values: "Allow", )"
            R"("Forbid", "Replace")");
}

}  // namespace
}  // namespace coxswain::apiserver
