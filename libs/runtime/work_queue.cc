#include "runtime/work_queue.h"

#include <algorithm>

namespace stockade::runtime {
namespace {

double Seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void WorkQueue::RefreshMetrics() {
  const MutexLock lock(mutex_);
  if (metrics_ == nullptr) return;
  const std::chrono::nanoseconds now = clock_.SinceBoot();
  std::chrono::nanoseconds sum{};
  std::chrono::nanoseconds longest{};
  for (const auto& [key, since] : processing_) {
    sum += now - since;
    longest = std::max(longest, now - since);
  }
  metrics_->unfinished_work.Set(Seconds(sum));
  metrics_->longest_running.Set(Seconds(longest));
  metrics_->depth.Set(static_cast<double>(size_));
}

WorkQueue::WorkQueue(const Clock& clock, Backoff backoff) : clock_(clock), backoff_(backoff) {}

void WorkQueue::Add(const ObjectKey& key, Priority priority) {
  const MutexLock lock(mutex_);
  AddLocked(key, priority);
}

void WorkQueue::AddAfter(const ObjectKey& key, std::chrono::nanoseconds delay) {
  const MutexLock lock(mutex_);
  AddAfterLocked(key, delay);
}

void WorkQueue::AddRateLimited(const ObjectKey& key) {
  const MutexLock lock(mutex_);
  const int failures = failures_[key]++;
  if (metrics_ != nullptr) metrics_->retries.Increment();
  std::chrono::milliseconds delay = backoff_.base;
  for (int i = 0; i < failures && delay < backoff_.maximum; ++i) delay *= 2;
  AddAfterLocked(key, std::min(delay, backoff_.maximum));
}

void WorkQueue::Forget(const ObjectKey& key) {
  const MutexLock lock(mutex_);
  failures_.erase(key);
}

void WorkQueue::AddLocked(const ObjectKey& key, Priority priority) {
  if (shut_down_) return;
  const auto [entry, inserted] = dirty_.try_emplace(key, Due{clock_.SinceBoot(), priority});
  if (!inserted) {
    if (entry->second.priority >= priority) return;
    entry->second.priority = priority;
    // Its place in the other line is void now.
    if (!processing_.contains(key)) ready_.push_back(key);
    return;
  }
  if (metrics_ != nullptr) metrics_->adds.Increment();
  // Whoever gets it now sees what it was to be looked at for later.
  due_.erase(key);
  if (!processing_.contains(key)) MakeReadyLocked(key, priority);
}

void WorkQueue::MakeReadyLocked(const ObjectKey& key, Priority priority) {
  (priority == Priority::kLow ? ready_low_ : ready_).push_back(key);
  ++size_;
  changed_.notify_one();
}

void WorkQueue::AddAfterLocked(const ObjectKey& key, std::chrono::nanoseconds delay) {
  if (shut_down_ || dirty_.contains(key)) return;
  if (delay <= std::chrono::nanoseconds::zero()) {
    AddLocked(key, Priority::kNormal);
    return;
  }
  const std::chrono::nanoseconds due = clock_.SinceBoot() + delay;
  const auto [entry, inserted] = due_.try_emplace(key, due);
  if (!inserted) {
    if (entry->second <= due) return;
    entry->second = due;
  }
  delayed_.push({due, key});
  changed_.notify_one();
}

void WorkQueue::MoveDueLocked() {
  const std::chrono::nanoseconds now = clock_.SinceBoot();
  while (!delayed_.empty()) {
    const Delayed& next = delayed_.top();
    const auto entry = due_.find(next.key);
    const bool outdated = entry == due_.end() || entry->second != next.due;
    if (!outdated && next.due > now) return;
    const ObjectKey key = next.key;
    delayed_.pop();
    if (!outdated) AddLocked(key, Priority::kNormal);
  }
}

std::optional<ObjectKey> WorkQueue::NextLocked(std::deque<ObjectKey>& line, Priority priority) {
  while (!line.empty()) {
    ObjectKey key = std::move(line.front());
    line.pop_front();
    const auto entry = dirty_.find(key);
    const bool counts =
        entry != dirty_.end() && entry->second.priority == priority && !processing_.contains(key);
    if (counts) return key;
  }
  return std::nullopt;
}

std::optional<ObjectKey> WorkQueue::TakeLocked() {
  MoveDueLocked();
  if (shut_down_) return std::nullopt;
  std::optional<ObjectKey> key = NextLocked(ready_, Priority::kNormal);
  if (!key) key = NextLocked(ready_low_, Priority::kLow);
  if (!key) return std::nullopt;
  --size_;
  const std::chrono::nanoseconds now = clock_.SinceBoot();
  const auto entry = dirty_.find(*key);
  if (metrics_ != nullptr) metrics_->queue_duration.Observe(Seconds(now - entry->second.since));
  dirty_.erase(entry);
  processing_.emplace(*key, now);
  return key;
}

std::optional<ObjectKey> WorkQueue::TryGet() {
  const MutexLock lock(mutex_);
  return TakeLocked();
}

std::optional<ObjectKey> WorkQueue::Get() {
  const MutexLock lock(mutex_);
  while (!shut_down_) {
    if (auto key = TakeLocked()) return key;
    if (delayed_.empty()) {
      changed_.wait(mutex_);
    } else {
      changed_.wait_for(mutex_, delayed_.top().due - clock_.SinceBoot());
    }
  }
  return std::nullopt;
}

void WorkQueue::Done(const ObjectKey& key) {
  const MutexLock lock(mutex_);
  const auto entry = processing_.find(key);
  if (entry == processing_.end()) return;
  if (metrics_ != nullptr) {
    metrics_->work_duration.Observe(Seconds(clock_.SinceBoot() - entry->second));
  }
  processing_.erase(entry);
  const auto again = dirty_.find(key);
  if (!shut_down_ && again != dirty_.end()) MakeReadyLocked(key, again->second.priority);
}

void WorkQueue::ShutDown() {
  const MutexLock lock(mutex_);
  shut_down_ = true;
  changed_.notify_all();
}

std::size_t WorkQueue::size() const {
  const MutexLock lock(mutex_);
  return size_;
}

int WorkQueue::Failures(const ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const auto entry = failures_.find(key);
  return entry == failures_.end() ? 0 : entry->second;
}

}  // namespace stockade::runtime
