#include "operator/restart_backoff.h"

#include <algorithm>

namespace stockade::sandbox_operator {
namespace {

constexpr std::chrono::nanoseconds kFirstDelay = std::chrono::seconds(10);
constexpr std::chrono::nanoseconds kMaxDelay = std::chrono::minutes(5);
constexpr std::chrono::nanoseconds kHealthyAge = std::chrono::minutes(10);

}  // namespace

void RestartBackoff::PodCreated(const std::string& sandbox_uid) {
  const MutexLock lock(mutex_);
  Entry& entry = entries_[sandbox_uid];
  entry.created_known = true;
  entry.created = clock_.SinceBoot();
}

std::chrono::nanoseconds RestartBackoff::UntilRestart(const std::string& sandbox_uid,
                                                      const std::string& failed_pod_uid) {
  const MutexLock lock(mutex_);
  const std::chrono::nanoseconds now = clock_.SinceBoot();
  Entry& entry = entries_[sandbox_uid];
  if (entry.failed_pod_uid != failed_pod_uid) {
    entry.failed_pod_uid = failed_pod_uid;
    if (entry.created_known && now - entry.created >= kHealthyAge) entry.failures = 0;
    std::chrono::nanoseconds delay = kFirstDelay;
    for (int i = 0; i < entry.failures && delay < kMaxDelay; ++i) delay *= 2;
    ++entry.failures;
    entry.not_before = now + std::min(delay, kMaxDelay);
  }
  return entry.not_before - now;
}

std::chrono::nanoseconds RestartBackoff::PodAge(const std::string& sandbox_uid) const {
  const MutexLock lock(mutex_);
  const auto entry = entries_.find(sandbox_uid);
  if (entry == entries_.end() || !entry->second.created_known) return std::chrono::hours(24 * 365);
  return clock_.SinceBoot() - entry->second.created;
}

void RestartBackoff::Forget(const std::string& sandbox_uid) {
  const MutexLock lock(mutex_);
  entries_.erase(sandbox_uid);
}

}  // namespace stockade::sandbox_operator
