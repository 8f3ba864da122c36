#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "runtime/controller_metrics.h"
#include "runtime/object_key.h"

namespace stockade::runtime {

// Keys of low priority wait while there are others: what a start or a new list brings gives way to
// what somebody has just done.
enum class Priority { kLow, kNormal };

// The keys that await reconciliation. As in client-go's workqueue: a key is in the queue at most
// once; a key that is added while a worker has it is given out again after Done, and never to two
// workers at once. Safe to call from any thread.
class WorkQueue {
 public:
  // How long a key that keeps failing waits: base, twice that, and so on up to maximum.
  struct Backoff {
    std::chrono::milliseconds base = std::chrono::milliseconds(5);
    std::chrono::milliseconds maximum = std::chrono::seconds(1000);
  };

  explicit WorkQueue(const Clock& clock) : WorkQueue(clock, Backoff{}) {}
  WorkQueue(const Clock& clock, Backoff backoff);

  // Counts into `metrics` from now on, which must outlive the queue. Before the first use.
  void Measure(WorkQueueMetrics& metrics) {
    const MutexLock lock(mutex_);
    metrics_ = &metrics;
  }
  // Brings those metrics up to date that grow while nothing happens.
  void RefreshMetrics();

  // As soon as a worker is free. A key that waits with low priority rises to the normal one.
  void Add(const ObjectKey& key, Priority priority = Priority::kNormal);
  // When `delay` has passed; the earliest of several delays counts, and none once the key has
  // become due otherwise. What is asked for while a worker has the key stands.
  void AddAfter(const ObjectKey& key, std::chrono::nanoseconds delay);
  // After a delay that doubles with each call until Forget.
  void AddRateLimited(const ObjectKey& key);
  void Forget(const ObjectKey& key);

  // Waits for a key; nothing once the queue is shut down. Each key must be given back by Done.
  std::optional<ObjectKey> Get();
  // As Get without waiting: nothing when no key is due.
  std::optional<ObjectKey> TryGet();
  void Done(const ObjectKey& key);

  // No key is given out any more and every Get returns; waits for nobody.
  void ShutDown();

  // Keys that are due, not counting those that workers have.
  [[nodiscard]] std::size_t size() const;
  // How often a key was rate-limited since it was last forgotten.
  [[nodiscard]] int Failures(const ObjectKey& key) const;

 private:
  struct Delayed {
    std::chrono::nanoseconds due;  // on Clock::SinceBoot
    ObjectKey key;
    bool operator>(const Delayed& other) const { return due > other.due; }
  };

  // A key that is due: since when, and with what priority.
  struct Due {
    std::chrono::nanoseconds since;
    Priority priority;
  };

  void AddLocked(const ObjectKey& key, Priority priority) STOCKADE_REQUIRES(mutex_);
  // Makes a key of dirty_ one that Get may return.
  void MakeReadyLocked(const ObjectKey& key, Priority priority) STOCKADE_REQUIRES(mutex_);
  // The next key of one line that is due with that priority; skips what has risen out of it.
  std::optional<ObjectKey> NextLocked(std::deque<ObjectKey>& line, Priority priority)
      STOCKADE_REQUIRES(mutex_);
  void AddAfterLocked(const ObjectKey& key, std::chrono::nanoseconds delay)
      STOCKADE_REQUIRES(mutex_);
  void MoveDueLocked() STOCKADE_REQUIRES(mutex_);
  std::optional<ObjectKey> TakeLocked() STOCKADE_REQUIRES(mutex_);

  const Clock& clock_;
  const Backoff backoff_;
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  // Both may hold keys that were given out or have risen; dirty_ is canonical.
  std::deque<ObjectKey> ready_ STOCKADE_GUARDED_BY(mutex_);
  std::deque<ObjectKey> ready_low_ STOCKADE_GUARDED_BY(mutex_);
  std::size_t size_ STOCKADE_GUARDED_BY(mutex_) = 0;  // of the keys in them that count
  std::map<ObjectKey, Due> dirty_
      STOCKADE_GUARDED_BY(mutex_);  // due, in one of them or waiting for Done
  std::map<ObjectKey, std::chrono::nanoseconds> processing_
      STOCKADE_GUARDED_BY(mutex_);  // with a worker; since when
  // delayed_ may hold outdated entries; due_ is canonical.
  std::priority_queue<Delayed, std::vector<Delayed>, std::greater<>> delayed_
      STOCKADE_GUARDED_BY(mutex_);
  std::map<ObjectKey, std::chrono::nanoseconds> due_ STOCKADE_GUARDED_BY(mutex_);
  std::map<ObjectKey, int> failures_ STOCKADE_GUARDED_BY(mutex_);
  bool shut_down_ STOCKADE_GUARDED_BY(mutex_) = false;
  WorkQueueMetrics* metrics_ STOCKADE_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace stockade::runtime
