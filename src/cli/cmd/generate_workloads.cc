#include <algorithm>

#include "api/gen/apps_v1.h"
#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "base/text.h"
#include "cli/cmd/generate.h"
#include "cli/cmd/pod_template.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

using api::core::v1::Container;

std::string containerNameOf(std::string_view image) {
  auto slash = image.rfind('/');
  if (slash != std::string_view::npos) image.remove_prefix(slash + 1);
  image = image.substr(0, image.find_first_of(":@"));
  auto name = lowerCase(image);
  for (char& c : name) {
    if (c == '_' || c == '.') c = '-';
  }
  return name;
}

std::vector<Container> containersOf(const std::vector<std::string>& images,
                                    const std::vector<std::string>& command, int32_t port) {
  std::vector<Container> out;
  for (const auto& image : images) {
    Container container;
    container.name = containerNameOf(image);
    container.image = image;
    const auto taken = std::ranges::count_if(
        out, [&](const Container& other) { return other.name.starts_with(container.name); });
    if (taken > 0) container.name += "-" + std::to_string(taken + 1);
    if (images.size() == 1) container.command = command;
    out.push_back(std::move(container));
  }
  if (port > 0 && !out.empty()) {
    out[0].ports.emplace_back().containerPort = port;
  }
  return out;
}

namespace {

/// Words before and behind "--".
struct Split {
  std::vector<std::string> names;
  std::vector<std::string> command;
};
Split splitWords(const std::vector<std::string>& words, const FlagSet& given) {
  Split out;
  const auto dash = given.wordsAtDash();
  const auto end = dash < 0 ? words.size() : static_cast<size_t>(dash);
  out.names.assign(words.begin(), words.begin() + static_cast<ptrdiff_t>(end));
  out.command.assign(words.begin() + static_cast<ptrdiff_t>(end), words.end());
  return out;
}

Status needImage(const std::vector<std::string>& images) {
  return images.empty() ? fault("required flag(s) \"image\" not set") : Status();
}

class DeploymentGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override {
    flags.commaList(&images_, "image", 0, "Image to run; several become several containers.");
    flags.integer(&replicas_, "replicas", 'r', "Number of replicas.");
    flags.integer(&port_, "port", 0, "Container port of the first image.");
  }
  Result<json::value> generate(const std::vector<std::string>& words,
                               const FlagSet& given) override {
    auto split = splitWords(words, given);
    TRY(auto name, onlyName(split.names));
    TRY_STATUS(needImage(images_));
    if (images_.size() > 1 && !split.command.empty()) {
      return fault("cannot specify multiple --image options and command");
    }
    if (replicas_ < 0 || replicas_ > INT32_MAX) return fault("--replicas must be 0 or more");
    api::apps::v1::Deployment object;
    object.metadata.name = name;
    object.metadata.labels["app"] = name;
    object.spec.replicas = static_cast<int32_t>(replicas_);
    object.spec.selector.emplace().matchLabels["app"] = name;
    object.spec.template_.metadata.labels["app"] = name;
    object.spec.template_.spec.containers =
        containersOf(images_, split.command, static_cast<int32_t>(port_));
    return asValue(object);
  }
  std::vector<std::string> images_;
  int64_t replicas_ = 1;
  int64_t port_ = -1;
};

class JobGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override {
    flags.commaList(&images_, "image", 0, "Image to run.");
    flags.text(&from_, "from", 0, "Make it from a cronjob: cronjob/NAME.");
  }
  Task<Status> run(Session& session, std::vector<std::string> words,
                   const FlagSet& given) override {
    if (!words.empty() && from_.empty() == images_.empty()) {
      co_return fault("either --image or --from must be specified");
    }
    if (!words.empty() && !from_.empty()) {
      Selection selection;
      selection.words = {from_};
      CO_TRY(auto infos, co_await resolve(session, selection, true));
      if (infos.size() != 1) co_return fault("from must be an existing cronjob");
      if (infos[0].resource->kind != "CronJob") {
        co_return fault("unknown object type *" + infos[0].resource->version + "." +
                        infos[0].resource->kind);
      }
      CO_TRY(source_, api::decodeValue<api::batch::v1::CronJob>(infos[0].object));
    }
    co_return co_await Generator::run(session, std::move(words), given);
  }
  Result<json::value> generate(const std::vector<std::string>& words,
                               const FlagSet& given) override {
    auto split = splitWords(words, given);
    TRY(auto name, onlyName(split.names));
    if (!from_.empty()) {
      if (!split.command.empty()) return fault("cannot specify --from and command");
      return fromCronJob(name);
    }
    api::batch::v1::Job object;
    object.metadata.name = name;
    auto& spec = object.spec.template_.spec;
    spec.containers = containersOf(images_, split.command, 0);
    spec.containers[0].name = name;
    spec.restartPolicy = "Never";
    return asValue(object);
  }
  /// As the cron job would make it, if it were due now.
  [[nodiscard]] json::value fromCronJob(const std::string& name) const {
    api::batch::v1::Job object;
    const auto& pattern = source_.spec.jobTemplate;
    object.metadata.name = name;
    object.metadata.annotations = pattern.metadata.annotations;
    object.metadata.annotations["cronjob.kubernetes.io/instantiate"] = "manual";
    object.metadata.labels = pattern.metadata.labels;
    auto& owner = object.metadata.ownerReferences.emplace_back();
    owner.apiVersion = "batch/v1";
    owner.kind = "CronJob";
    owner.name = source_.metadata.name;
    owner.uid = source_.metadata.uid;
    owner.controller = true;
    object.spec = pattern.spec;
    return asValue(object);
  }
  std::vector<std::string> images_;
  std::string from_;
  api::batch::v1::CronJob source_;
};

class CronJobGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override {
    flags.commaList(&images_, "image", 0, "Image to run.");
    flags.text(&schedule_, "schedule", 0, "When, as cron says it: \"*/5 * * * *\".");
    flags.text(&restart_, "restart", 0, "Restart policy: OnFailure or Never.");
  }
  Result<json::value> generate(const std::vector<std::string>& words,
                               const FlagSet& given) override {
    auto split = splitWords(words, given);
    TRY(auto name, onlyName(split.names));
    TRY_STATUS(needImage(images_));
    if (schedule_.empty()) return fault("required flag(s) \"schedule\" not set");
    api::batch::v1::CronJob object;
    object.metadata.name = name;
    object.spec.schedule = schedule_;
    object.spec.jobTemplate.metadata.name = name;
    auto& spec = object.spec.jobTemplate.spec.template_.spec;
    spec.containers = containersOf(images_, split.command, 0);
    spec.containers[0].name = name;
    spec.restartPolicy = restart_;
    return asValue(object);
  }
  std::vector<std::string> images_;
  std::string schedule_;
  std::string restart_ = "OnFailure";
};

}  // namespace

std::vector<Command> workloadGenerators() {
  std::vector<Command> out(3);
  out[0].name = "deployment";
  out[0].usage = "NAME --image=image -- [COMMAND] [args...] [options]";
  out[0].summary = "Create a deployment with the specified name";
  out[0].aliases = {"deploy"};
  out[0].make = makeVerb<DeploymentGenerator>;
  out[1].name = "job";
  out[1].usage = "NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...] [options]";
  out[1].summary = "Create a job with the specified name";
  out[1].make = makeVerb<JobGenerator>;
  out[2].name = "cronjob";
  out[2].usage = "NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...] [options]";
  out[2].summary = "Create a cron job with the specified name";
  out[2].aliases = {"cj"};
  out[2].make = makeVerb<CronJobGenerator>;
  return out;
}

}  // namespace coxswain::cli
