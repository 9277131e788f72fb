#include "kubelet/images/image_manager.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/meta/time.h"
#include "api/names/quote.h"
#include "base/log.h"
#include "kubelet/cri/services.h"
#include "kubelet/env/references.h"
#include "kubelet/images/keyring.h"
#include "kubelet/images/pull_limits.h"
#include "kubelet/images/reference.h"

namespace coxswain::kubelet {

using api::core::v1::Container;
using api::core::v1::Pod;

namespace {

const Logger kLog("images");

std::string seconds(Duration duration) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
  return api::GoDuration(millis).str();
}

ImageOutcome failedBecause(std::string_view reason, std::string message) {
  return ImageOutcome{"", std::string(reason), std::move(message)};
}

/// The runtime tells these two by the start of its message.
ImageOutcome pullFailure(const std::string& image, const std::string& message) {
  constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
      {"RegistryUnavailable", "the registry is unavailable"},
      {"SignatureValidationFailed", "the signature validation failed"}};
  for (const auto& [reason, text] : kKnown) {
    if (!message.starts_with(reason)) continue;
    return failedBecause(reason, "image pull failed for " + image + " because " +
                                     std::string(text) + message.substr(reason.size()));
  }
  return failedBecause("ErrImagePull", message);
}

}  // namespace

struct ImageManager::Impl {
  Impl(cri::ImageService& i, ObjectCache& o, client::EventRecorder& e, Executor& x,
       ImageManagerOptions opts)
      : images(i),
        objects(o),
        events(e),
        executor(x),
        options(opts),
        backoff(x, opts.backoffMin, opts.backoffMax),
        rate(x, opts.registryPullQps, opts.registryBurst),
        slots(opts.serializeImagePulls ? 1 : static_cast<size_t>(opts.maxParallelImagePulls)) {}

  struct Job {
    PodPointer pod;
    ContainerPointer container;
    std::shared_ptr<const cri::PodSandboxConfig> sandbox;
    std::string image;  ///< with its tag
    std::string repository;
    cri::ImageSpec spec;
  };

  Task<ImageOutcome> ensure(Job job, std::stop_token stop);
  Task<ImageOutcome> pull(Job job, std::stop_token stop);
  Task<Result<std::string>> pullWith(const Job& job, std::stop_token stop);
  Task<Keyring> keyringOf(PodPointer pod, std::stop_token stop);
  Task<uint64_t> sizeOf(cri::ImageSpec spec, std::stop_token stop);
  void tell(const Job& job, std::string_view type, std::string_view reason, std::string message) {
    events.event(containerReference(*job.pod, job.container->name), type, reason,
                 std::move(message));
  }
  [[nodiscard]] bool limited() const {
    return options.serializeImagePulls || options.maxParallelImagePulls > 0;
  }

  cri::ImageService& images;
  ObjectCache& objects;
  client::EventRecorder& events;
  Executor& executor;
  ImageManagerOptions options;
  PullBackoff backoff;
  PullRate rate;
  Semaphore slots;
};

ImageManager::ImageManager(cri::ImageService& images, ObjectCache& objects,
                           client::EventRecorder& events, Executor& executor,
                           ImageManagerOptions options)
    : impl_(std::make_unique<Impl>(images, objects, events, executor, options)) {}
ImageManager::~ImageManager() = default;

Task<ImageOutcome> ImageManager::ensure(PodPointer pod, ContainerPointer container,
                                        std::shared_ptr<const cri::PodSandboxConfig> sandbox,
                                        std::string runtimeHandler, std::stop_token stop) {
  Impl::Job job;
  job.pod = std::move(pod);
  job.container = std::move(container);
  job.sandbox = std::move(sandbox);
  ImageOutcome outcome;
  auto reference = parseImageReference(job.container->image);
  if (reference.ok()) {
    job.image = withDefaultTag(job.container->image).valueOr(job.container->image);
    job.repository = reference->repository();
    job.spec.image = job.image;
    job.spec.userSpecifiedImage = job.container->image;
    job.spec.runtimeHandler = std::move(runtimeHandler);
    outcome = co_await impl_->ensure(job, stop);
  } else {
    std::string message = "Failed to apply default image tag " +
                          api::goQuote(job.container->image) + ": " + reference.status().message();
    impl_->tell(job, client::kEventWarning, "InspectFailed", message);
    outcome = failedBecause("InvalidImageName", std::move(message));
  }
  if (!outcome.ok() && !stop.stop_requested()) {
    impl_->tell(job, client::kEventWarning, "Failed", "Error: " + outcome.reason);
  }
  co_return outcome;
}

Task<ImageOutcome> ImageManager::Impl::ensure(Job job, std::stop_token stop) {
  auto present = co_await images.imageStatus(job.spec, stop);
  if (!present.ok()) {
    if (stop.stop_requested()) co_return failedBecause("ImageInspectError", "context canceled");
    std::string message =
        "Failed to inspect image " + api::goQuote(job.image) + ": " + present.status().message();
    tell(job, client::kEventWarning, "InspectFailed", message);
    co_return failedBecause("ImageInspectError", std::move(message));
  }
  const std::string& policy = job.container->imagePullPolicy;
  if (*present && policy != "Always") {
    tell(job, client::kEventNormal, "Pulled",
         "Container image " + api::goQuote(job.image) +
             " already present on machine and can be accessed by the pod");
    co_return ImageOutcome{(**present).id, "", ""};
  }
  if (policy == "Never") {
    std::string message =
        "Container image " + api::goQuote(job.image) + " is not present with pull policy of Never";
    tell(job, client::kEventWarning, "ErrImageNeverPull", message);
    co_return failedBecause("ErrImageNeverPull", std::move(message));
  }
  co_return co_await pull(std::move(job), stop);
}

Task<ImageOutcome> ImageManager::Impl::pull(Job job, std::stop_token stop) {
  const std::string key = job.pod->metadata.uid + "_" + job.container->image;
  if (backoff.left(key) > 0s) {
    const std::string text = "Back-off pulling image " + api::goQuote(job.image);
    tell(job, client::kEventNormal, "BackOff", text);
    const std::string last = backoff.lastFailure(key);
    co_return failedBecause("ImagePullBackOff", last.empty() ? text : text + ": " + last);
  }
  tell(job, client::kEventNormal, "Pulling", "Pulling image " + api::goQuote(job.image));
  const MonotonicTime asked = executor.now();
  if (limited()) {
    Status slot = co_await slots.acquire(stop);
    if (!slot.ok()) co_return failedBecause("ErrImagePull", "context canceled");
  }
  const MonotonicTime began = executor.now();
  auto pulled = co_await pullWith(job, stop);
  const MonotonicTime ended = executor.now();
  if (limited()) slots.release();
  if (stop.stop_requested()) co_return failedBecause("ErrImagePull", "context canceled");
  if (!pulled.ok()) {
    const std::string why = pulled.status().message();
    tell(job, client::kEventWarning, "Failed",
         "Failed to pull image " + api::goQuote(job.image) + ": " + why);
    ImageOutcome outcome = pullFailure(job.image, why);
    backoff.failed(key, outcome.reason + ": " + outcome.message);
    co_return outcome;
  }
  backoff.succeeded(key);
  const uint64_t size = co_await sizeOf(job.spec, stop);
  tell(job, client::kEventNormal, "Pulled",
       "Successfully pulled image " + api::goQuote(job.image) + " in " + seconds(ended - began) +
           " (" + seconds(ended - asked) +
           " including waiting). Image size: " + std::to_string(size) + " bytes.");
  co_return ImageOutcome{std::move(*pulled), "", ""};
}

Task<Result<std::string>> ImageManager::Impl::pullWith(const Job& job, std::stop_token stop) {
  if (!rate.take()) co_return tooManyRequests("pull QPS exceeded", 0);
  const Keyring keyring = co_await keyringOf(job.pod, stop);
  std::vector<std::optional<cri::AuthConfig>> tries;
  for (auto& credential : keyring.lookup(job.repository)) {
    auto& made = tries.emplace_back(std::in_place).value();
    made.username = std::move(credential.username);
    made.password = std::move(credential.password);
  }
  if (tries.empty()) tries.emplace_back();
  std::vector<std::string> failures;
  for (auto& credential : tries) {
    cri::PodSandboxConfig sandbox;
    if (job.sandbox) sandbox = *job.sandbox;
    auto pulled =
        co_await images.pullImage(job.spec, std::move(credential), std::move(sandbox), stop);
    if (pulled.ok()) co_return pulled;
    const std::string why = pulled.status().message();
    if (std::find(failures.begin(), failures.end(), why) == failures.end()) {
      failures.push_back(why);
    }
    if (stop.stop_requested()) break;
  }
  if (failures.size() == 1) co_return Status(Reason::Unknown, 500, failures.front());
  std::string all = "[";
  for (const auto& failure : failures) all += (all.size() > 1 ? ", " : "") + failure;
  co_return Status(Reason::Unknown, 500, all + "]");
}

Task<Keyring> ImageManager::Impl::keyringOf(PodPointer pod, std::stop_token stop) {
  Keyring keyring;
  std::string missing;
  for (const auto& reference : pod->spec.imagePullSecrets) {
    if (reference.name.empty()) continue;
    auto secret = co_await objects.secret(pod->metadata.namespace_, reference.name, stop);
    if (!secret.ok()) {
      if (!missing.empty()) missing += ", ";
      missing += reference.name;
      continue;
    }
    if (const Status added = keyring.add(**secret); !added.ok()) {
      kLog.warn("a pull secret is of no use", {{"secret", reference.name}, {"error", added}});
    }
  }
  if (!missing.empty() && !stop.stop_requested()) {
    events.event(podReference(*pod), client::kEventWarning, "FailedToRetrieveImagePullSecret",
                 "Unable to retrieve some image pull secrets (" + missing +
                     "); attempting to pull the image may not succeed.");
  }
  co_return keyring;
}

Task<uint64_t> ImageManager::Impl::sizeOf(cri::ImageSpec spec, std::stop_token stop) {
  auto image = co_await images.imageStatus(std::move(spec), stop);
  co_return image.ok() && *image ? (**image).size : 0;
}

Duration ImageManager::backoffLeft(const Pod& pod, std::string_view image) const {
  return impl_->backoff.left(pod.metadata.uid + "_" + std::string(image));
}

}  // namespace coxswain::kubelet
