#pragma once

#include <chrono>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"

namespace stockade::sandbox_operator {

// For how long this process has warned of the ends of sandboxes that nothing uses, by a clock that
// never jumps. Kept in memory: an operator that starts warns anew. Safe to call from any thread.
class IdleWarnings {
 public:
  explicit IdleWarnings(const Clock& clock) : clock_(clock) {}

  // Zero when it does not warn.
  [[nodiscard]] std::chrono::nanoseconds For(const std::string& sandbox_uid) const;
  // Whether it warns from now on; what goes on goes on.
  void Set(const std::string& sandbox_uid, bool warns);
  // The sandbox is gone.
  void Forget(const std::string& sandbox_uid) { Set(sandbox_uid, false); }

 private:
  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<std::string, std::chrono::nanoseconds> since_ STOCKADE_GUARDED_BY(mutex_);
};

}  // namespace stockade::sandbox_operator
