#pragma once

#include <chrono>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"

namespace stockade::sandbox_operator {

// When a sandbox's pod that failed may be created again: 10 s after the first failure, twice as
// long after each further one, at most 5 minutes (the kubelet's own bounds for a crashing
// container); a pod that lived for 10 minutes starts the count anew. Kept in memory: a restarted
// operator starts with the first delay. Safe to call from any thread.
class RestartBackoff {
 public:
  explicit RestartBackoff(const Clock& clock) : clock_(clock) {}

  // A pod was created now.
  void PodCreated(const std::string& sandbox_uid);
  // How long to wait yet before the failed pod may be replaced; zero or less: now. Each pod counts
  // once, however often it is asked about.
  std::chrono::nanoseconds UntilRestart(const std::string& sandbox_uid,
                                        const std::string& failed_pod_uid);
  // The age of the pod that PodCreated told of; very large when it did not.
  [[nodiscard]] std::chrono::nanoseconds PodAge(const std::string& sandbox_uid) const;
  // The sandbox is gone.
  void Forget(const std::string& sandbox_uid);

 private:
  struct Entry {
    bool created_known = false;
    std::chrono::nanoseconds created{};  // on Clock::SinceBoot, as all times here
    std::string failed_pod_uid;
    int failures = 0;
    std::chrono::nanoseconds not_before{};
  };

  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ STOCKADE_GUARDED_BY(mutex_);
};

}  // namespace stockade::sandbox_operator
