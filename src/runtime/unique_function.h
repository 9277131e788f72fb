#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace coxswain {

/// A call without arguments or result that runs at most where it is invoked; moves, never copies,
/// so it may own tasks, sockets and buffers.
class UniqueFunction {
 public:
  UniqueFunction() = default;
  template <typename F>
  requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> && std::is_invocable_v<F&>)
      UniqueFunction(F&& f)  // NOLINT
      : call_(std::make_unique<Model<std::decay_t<F>>>(std::forward<F>(f))) {}

  explicit operator bool() const { return call_ != nullptr; }
  void operator()() { call_->run(); }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual void run() = 0;
  };
  template <typename F>
  struct Model final : Concept {
    template <typename U>
    explicit Model(U&& u) : f(std::forward<U>(u)) {}
    void run() override { f(); }
    F f;
  };
  std::unique_ptr<Concept> call_;
};

}  // namespace coxswain
