#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace coxswain {

/// Source of randomness, so that simulation owns it. One executor, unless said otherwise.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<uint8_t> bytes) = 0;
  uint64_t next();
  /// Uniform in [0, bound); `bound` > 0.
  uint64_t below(uint64_t bound);
  /// Uniform in [0, 1).
  double unit();
};

/// The kernel's (getrandom): fit for keys and tokens. Thread-safe.
class SystemRandom final : public Random {
 public:
  void fill(std::span<uint8_t> bytes) override;
};

/// Repeatable from its seed: tests and simulation only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  void fill(std::span<uint8_t> bytes) override;

 private:
  std::mt19937_64 engine_;
};

}  // namespace coxswain
