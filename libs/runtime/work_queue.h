#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <queue>
#include <vector>

#include "base/clock.h"
#include "runtime/controller_metrics.h"
#include "runtime/object_key.h"

namespace stockade::runtime {

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
  void Measure(WorkQueueMetrics& metrics) { metrics_ = &metrics; }
  // Brings those metrics up to date that grow while nothing happens.
  void RefreshMetrics();

  // As soon as a worker is free.
  void Add(const ObjectKey& key);
  // When `delay` has passed; the earliest of several delays counts.
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

  void AddLocked(const ObjectKey& key);
  void AddAfterLocked(const ObjectKey& key, std::chrono::nanoseconds delay);
  void MoveDueLocked();
  std::optional<ObjectKey> TakeLocked();

  const Clock& clock_;
  const Backoff backoff_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ObjectKey> ready_;
  // Due, in ready_ or waiting for Done; since when.
  std::map<ObjectKey, std::chrono::nanoseconds> dirty_;
  std::map<ObjectKey, std::chrono::nanoseconds> processing_;  // with a worker; since when
  // delayed_ may hold outdated entries; due_ is canonical.
  std::priority_queue<Delayed, std::vector<Delayed>, std::greater<>> delayed_;
  std::map<ObjectKey, std::chrono::nanoseconds> due_;
  std::map<ObjectKey, int> failures_;
  bool shut_down_ = false;
  WorkQueueMetrics* metrics_ = nullptr;
};

}  // namespace stockade::runtime
