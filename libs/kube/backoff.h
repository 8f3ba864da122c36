#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace stockade::kube {

// Pauses after failures: each twice the one before up to a maximum, and each drawn from its upper
// half, so that many clients do not come back together. For one thread.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds longest, std::uint64_t seed);

  [[nodiscard]] std::chrono::milliseconds Next();
  void Reset() { next_ = first_; }

 private:
  const std::chrono::milliseconds first_;
  const std::chrono::milliseconds longest_;
  std::chrono::milliseconds next_;
  std::mt19937_64 random_;
};

}  // namespace stockade::kube
