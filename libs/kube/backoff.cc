#include "kube/backoff.h"

#include <algorithm>

namespace stockade::kube {

Backoff::Backoff(std::chrono::milliseconds first, std::chrono::milliseconds longest,
                 std::uint64_t seed)
    : first_(first), longest_(longest), next_(first), random_(seed) {}

std::chrono::milliseconds Backoff::Next() {
  const std::int64_t upper = next_.count();
  next_ = std::min(next_ * 2, longest_);
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(upper / 2, upper)(random_));
}

}  // namespace stockade::kube
