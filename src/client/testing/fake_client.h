#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/client.h"
#include "client/resources.h"
#include "runtime/executor.h"
#include "runtime/random.h"
#include "runtime/sync.h"

namespace coxswain::client::testing {

/// What goes wrong, each as a chance of 0 to 1 for a request.
struct Faults {
  double error = 0;        ///< 500, nothing happened
  double unreachable = 0;  ///< no answer, nothing happened
  double lostAnswer = 0;   ///< writes: happened, but no answer
  double conflict = 0;     ///< updates: 409, nothing happened
  double watchEnd = 0;     ///< a watch ends at an event
  Duration latencyMax = 2ms;
};

/// An API server in memory, for tests of components: uids, resource versions, conflicts, generated
/// names, finalizers and deletion, generation, status subresource, selectors, patches, watches. No
/// validation, defaulting, admission or garbage collection. Methods and direct access on one
/// executor only (any, while nothing runs). Repeatable from its seed.
class FakeClient final : public Client {
 public:
  explicit FakeClient(Executor& executor, uint64_t seed = 1);
  ~FakeClient() override;

  Faults faults;
  /// Called before each write happens; a failure is its answer. `verb` is create, update, patch or
  /// delete; `object` is null for patch and delete.
  std::function<Status(std::string_view verb, const ResourceType&, std::string_view subresource,
                       const api::ConstObject* object)>
      reaction;
  /// Told of each write after it happened: of an object that is made `before` is empty, of one that
  /// is gone `after`. May change the cluster, by post() at the earliest.
  std::function<void(const ResourceType&, const api::ConstObject& before,
                     const api::ConstObject& after)>
      observer;
  /// What SubjectAccessReviews are answered; unset: no.
  std::function<bool(const api::authorization::v1::SubjectAccessReview&)> mayAccess;

  // The cluster as tests see it: at once, without faults.

  /// Stores as if created by a user; missing metadata is filled. Dies where it exists.
  api::ConstObject put(const ResourceType& type, api::Object object);
  template <typename T>
  std::shared_ptr<const T> put(T value) {
    return put(resourceOf<T>(), api::Object(std::move(value))).template sharedAs<T>();
  }
  /// Null: absent.
  template <typename T>
  std::shared_ptr<const T> peek(const std::string& ns, const std::string& name) const {
    return find(resourceOf<T>(), ns, name).template sharedAs<T>();
  }
  template <typename T>
  std::vector<std::shared_ptr<const T>> peekAll(const std::string& ns = "") const {
    std::vector<std::shared_ptr<const T>> all;
    for (const auto& object : everything(resourceOf<T>(), ns)) {
      all.push_back(object.template sharedAs<T>());
    }
    return all;
  }
  /// Changes a stored object, status and all; generation follows spec. Dies where it is absent.
  template <typename T>
  void change(const std::string& ns, const std::string& name, const std::function<void(T&)>& edit) {
    api::Object copy = find(resourceOf<T>(), ns, name).clone();
    edit(*copy.template as<T>());
    replace(resourceOf<T>(), std::move(copy));
  }
  template <typename T>
  Status erase(const std::string& ns, const std::string& name, DeleteOptions options = {}) {
    return removeNow(resourceOf<T>(), ns, name, options);
  }
  /// A write that changes nothing but the version, as somebody else's would; no effect where it is
  /// absent.
  void touch(const ResourceType& type, const std::string& ns, const std::string& name);
  /// Watches from before now answer Expired.
  void compact() { compactedAt_ = version_; }
  /// Writes that happened.
  [[nodiscard]] uint64_t writes() const { return version_; }

  /// Each stored object with its collection ("apps/deployments"), in order of both.
  void forEach(const std::function<void(const std::string& collection, const api::ConstObject&)>&
                   visit) const;

  // Client
  Task<Result<api::ConstObject>> get(const ResourceType& type, std::string ns, std::string name,
                                     std::stop_token stop) override;
  /// "scale" of Deployments only.
  Task<Result<api::ConstObject>> getSubresource(const ResourceType& type, std::string ns,
                                                std::string name, std::string subresource,
                                                std::stop_token stop) override;
  Task<Result<ObjectList>> list(const ResourceType& type, std::string ns, ListOptions options,
                                std::stop_token stop) override;
  Task<Result<std::unique_ptr<Watch>>> watch(const ResourceType& type, std::string ns,
                                             WatchOptions options, std::stop_token stop) override;
  Task<Result<api::ConstObject>> create(const ResourceType& type, std::string ns, std::string name,
                                        std::string subresource, api::ConstObject object,
                                        std::stop_token stop) override;
  Task<Result<api::ConstObject>> update(const ResourceType& type, std::string subresource,
                                        api::ConstObject object, std::stop_token stop) override;
  Task<Result<api::ConstObject>> patch(const ResourceType& type, std::string ns, std::string name,
                                       std::string subresource, PatchType patchType,
                                       std::string body, std::stop_token stop) override;
  Task<Status> remove(const ResourceType& type, std::string ns, std::string name,
                      DeleteOptions options, std::stop_token stop) override;

 private:
  friend class FakeWatch;
  struct Logged {
    uint64_t version;
    api::ConstObject before;
    api::ConstObject after;
  };
  struct Collection {
    std::map<std::string, api::ConstObject> objects;
    std::vector<Logged> log;
    WaitList changed;
  };

  enum class Write : uint8_t { No, Yes };
  Task<Status> arrive(Write write, std::stop_token stop);
  Status leave(Write write);
  bool happens(double chance);

  /// Whatever the version it is asked for by; made when first asked for.
  Collection& collectionOf(const ResourceType& type) const;
  api::ConstObject find(const ResourceType& type, const std::string& ns,
                        const std::string& name) const;
  std::vector<api::ConstObject> everything(const ResourceType& type, const std::string& ns) const;
  Result<api::ConstObject> createNow(const ResourceType& type, const std::string& ns,
                                     api::Object object);
  Result<api::ConstObject> postNow(const ResourceType& type, const std::string& ns,
                                   const std::string& name, const std::string& subresource,
                                   const api::ConstObject& object);
  Result<api::ConstObject> updateNow(const ResourceType& type, const std::string& subresource,
                                     api::Object object);
  Result<api::ConstObject> patchNow(const ResourceType& type, const std::string& ns,
                                    const std::string& name, const std::string& subresource,
                                    PatchType patchType, const std::string& body);
  Status removeNow(const ResourceType& type, const std::string& ns, const std::string& name,
                   const DeleteOptions& options);
  api::ConstObject replace(const ResourceType& type, api::Object object);
  api::ConstObject store(const ResourceType& type, api::Object object);
  void drop(const ResourceType& type, const api::ConstObject& object);
  Status react(std::string_view verb, const ResourceType& type, std::string_view subresource,
               const api::ConstObject* object) const;
  std::string newUid();

  Executor& executor_;
  SeededRandom random_;
  mutable std::map<std::string, Collection> collections_;
  mutable std::unordered_map<const ResourceType*, Collection*> known_;
  uint64_t version_ = 0;
  uint64_t compactedAt_ = 0;
  uint64_t uids_ = 0;
  uint64_t tokens_ = 0;
};

}  // namespace coxswain::client::testing
