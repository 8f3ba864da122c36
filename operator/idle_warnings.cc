#include "operator/idle_warnings.h"

namespace stockade::sandbox_operator {

std::chrono::nanoseconds IdleWarnings::For(const std::string& sandbox_uid) const {
  const MutexLock lock(mutex_);
  const auto found = since_.find(sandbox_uid);
  return found == since_.end() ? std::chrono::nanoseconds::zero()
                               : clock_.SinceBoot() - found->second;
}

void IdleWarnings::Set(const std::string& sandbox_uid, bool warns) {
  const MutexLock lock(mutex_);
  if (warns) {
    since_.emplace(sandbox_uid, clock_.SinceBoot());
  } else {
    since_.erase(sandbox_uid);
  }
}

}  // namespace stockade::sandbox_operator
