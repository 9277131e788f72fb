#pragma once

#include <memory>
#include <string>

#include "cli/remote/join_session.h"
#include "runtime/reactor.h"

namespace coxswain::cli {

/// The reactor's end of a pipe; the other end is a thread's, which blocks on it.
class PipeInput final : public SessionInput {
 public:
  /// Writes the other end's descriptor to `far`; the caller owns it.
  static Result<std::unique_ptr<PipeInput>> create(Reactor& reactor, int& far);
  Task<Result<std::string>> read(std::stop_token stop) override;
  void close() { descriptor_->close(); }

 private:
  explicit PipeInput(std::unique_ptr<Reactor::Descriptor> descriptor)
      : descriptor_(std::move(descriptor)) {}
  std::unique_ptr<Reactor::Descriptor> descriptor_;
};

class PipeOutput final : public SessionOutput {
 public:
  static Result<std::unique_ptr<PipeOutput>> create(Reactor& reactor, int& far);
  Task<Status> write(std::string_view data) override;
  /// The other end sees the end of the stream.
  void close() { descriptor_->close(); }

 private:
  explicit PipeOutput(std::unique_ptr<Reactor::Descriptor> descriptor)
      : descriptor_(std::move(descriptor)) {}
  std::unique_ptr<Reactor::Descriptor> descriptor_;
};

}  // namespace coxswain::cli
