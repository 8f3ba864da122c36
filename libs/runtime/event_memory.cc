#include "runtime/event_memory.h"

#include <algorithm>
#include <string>
#include <utility>

namespace stockade::runtime {

std::int64_t EventMemory::Observe(Event event, std::chrono::system_clock::time_point time,
                                  std::uint64_t random) {
  const std::chrono::nanoseconds now = clock_.SinceBoot();
  std::string key = EventKey(event);
  Entry* const known = series_.Touch(key);
  if (known != nullptr && !IsOver(*known)) {
    ++known->series.count;
    known->series.last = time;
    known->seen = now;
    return 0;
  }
  if (!TakeToken(event.regarding)) return 1;
  Entry entry;
  entry.series.name = EventName(event.regarding, random);
  entry.series.event = std::move(event);
  entry.series.first = time;
  entry.series.last = time;
  entry.not_before = now;
  entry.seen = now;
  if (known != nullptr) {
    *known = std::move(entry);
    return 0;
  }
  const auto gone = series_.Add(std::move(key), std::move(entry));
  return gone ? gone->series.count - gone->written : 0;
}

bool EventMemory::IsOver(const Entry& entry) const {
  return !entry.pending() && clock_.SinceBoot() - entry.seen >= options_.series_end;
}

bool EventMemory::TakeToken(const ObjectReference& object) {
  const std::chrono::nanoseconds now = clock_.SinceBoot();
  const std::string key =
      object.kind + "/" + object.namespace_name + "/" + object.name + "/" + object.uid;
  Bucket* bucket = buckets_.Touch(key);
  if (bucket == nullptr) {
    buckets_.Add(key, {static_cast<double>(options_.burst), now});
    bucket = buckets_.Touch(key);
  }
  const auto refilled = std::chrono::duration<double>(now - bucket->filled) /
                        std::chrono::duration<double>(options_.refill);
  bucket->tokens = std::min(bucket->tokens + refilled, static_cast<double>(options_.burst));
  bucket->filled = now;
  if (bucket->tokens < 1) return false;
  bucket->tokens -= 1;
  return true;
}

EventMemory::Entry* EventMemory::NextDue(std::chrono::nanoseconds horizon) {
  const std::chrono::nanoseconds latest = clock_.SinceBoot() + horizon;
  Entry* next = nullptr;
  for (auto it = series_.begin(); it != series_.end();) {
    Entry& entry = it->value;
    if (IsOver(entry)) {
      it = series_.Erase(it);
      continue;
    }
    const bool due = entry.pending() && entry.not_before <= latest;
    // Of two that are due at once the one that happened first: it comes later in the list.
    if (due && (next == nullptr || entry.not_before <= next->not_before)) next = &entry;
    ++it;
  }
  return next;
}

std::optional<std::chrono::nanoseconds> EventMemory::UntilDue() {
  const std::chrono::nanoseconds now = clock_.SinceBoot();
  std::optional<std::chrono::nanoseconds> until;
  for (const auto& [key, entry] : series_) {
    if (!entry.pending()) continue;
    const auto wait = std::max(entry.not_before - now, std::chrono::nanoseconds::zero());
    until = until ? std::min(*until, wait) : wait;
  }
  return until;
}

void EventMemory::Written(Entry& entry) {
  // The first repeat is told at once: that something goes on is news.
  const bool first = !entry.exists && entry.series.count == 1;
  entry.exists = true;
  entry.written = entry.series.count;
  entry.failures = 0;
  entry.not_before =
      clock_.SinceBoot() + (first ? std::chrono::nanoseconds::zero() : options_.write_pause);
}

void EventMemory::Existed(Entry& entry) {
  entry.exists = true;
  // What count it was created with is not known; the series, if there is one, is written again.
  entry.written = 1;
  entry.failures = 0;
  entry.not_before = clock_.SinceBoot();
}

bool EventMemory::Failed(Entry& entry, std::chrono::nanoseconds wait) {
  if (++entry.failures >= options_.tries) {
    GiveUp(entry);
    return false;
  }
  const auto pause = options_.first_retry * (std::int64_t{1} << (entry.failures - 1));
  entry.not_before = clock_.SinceBoot() + std::min(std::max(pause, wait), options_.longest_retry);
  return true;
}

void EventMemory::GiveUp(Entry& entry) {
  entry.written = entry.series.count;
  entry.failures = 0;
  entry.not_before = clock_.SinceBoot() + options_.write_pause;
}

std::int64_t EventMemory::Pending() {
  std::int64_t pending = 0;
  for (const auto& [key, entry] : series_) pending += entry.series.count - entry.written;
  return pending;
}

}  // namespace stockade::runtime
