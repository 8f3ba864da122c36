#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "runtime/event.h"
#include "runtime/recent_map.h"

namespace stockade::runtime {

struct EventMemoryOptions {
  // A repeat counts into the series for so long after the last one, as in client-go.
  std::chrono::nanoseconds series_end = std::chrono::minutes(6);
  // At least so long between two writes of one series.
  std::chrono::nanoseconds write_pause = std::chrono::seconds(30);
  // Of one object, so many new events at once and then one in each such time: the bounds of
  // client-go's spam filter.
  int burst = 25;
  std::chrono::nanoseconds refill = std::chrono::minutes(5);
  // How often a write is tried, with pauses that begin so and double.
  int tries = 5;
  std::chrono::nanoseconds first_retry = std::chrono::seconds(1);
  std::chrono::nanoseconds longest_retry = std::chrono::minutes(1);
  // Series that are remembered, and objects whose events are bounded.
  std::size_t capacity = 4096;
};

// Which events were reported, which of them await being written, and when: what a repeat is counted
// into, and what is too much. Does no input or output. For one thread; times are those of
// Clock::SinceBoot.
class EventMemory {
 public:
  // One event and what the API server knows of it. All but `series` is the memory's own.
  struct Entry {
    EventSeries series;
    std::int64_t written = 0;  // the count that was written last, or given up
    bool exists = false;       // as an object in the API server
    int failures = 0;          // of the write that is due
    std::chrono::nanoseconds not_before{};
    std::chrono::nanoseconds seen{};

    [[nodiscard]] bool pending() const { return series.count > written; }
  };

  explicit EventMemory(const Clock& clock, EventMemoryOptions options = {})
      : clock_(clock), options_(options), series_(options.capacity), buckets_(options.capacity) {}

  // An occurrence at that time, which becomes a new series under `name` unless it is a repeat.
  // Returns how many occurrences are given up for it: itself when its object has too many events,
  // or those not written yet of the oldest series, when that has to go.
  std::int64_t Observe(Event event, std::chrono::system_clock::time_point time,
                       std::uint64_t random);

  // The series whose write is due first, of those that are due within `horizon`; null for none.
  // Valid until the next call of Observe or NextDue.
  Entry* NextDue(std::chrono::nanoseconds horizon = {});
  // Until one is due; nothing when none is pending.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> UntilDue();

  // What came of writing an entry, as it then was:
  void Written(Entry& entry);
  // An attempt that seemed to fail had created the object; what happened since is written next.
  void Existed(Entry& entry);
  // The object is not there; it is to be created anew, at once.
  void Vanished(Entry& entry) { entry.exists = false; }
  // To be tried again, after at least `wait`. False when it was tried often enough: then it is
  // given up, and a repeat begins anew.
  bool Failed(Entry& entry, std::chrono::nanoseconds wait);
  void GiveUp(Entry& entry);

  // Occurrences that are not written yet.
  [[nodiscard]] std::int64_t Pending();
  [[nodiscard]] std::size_t size() const { return series_.size(); }

 private:
  struct Bucket {
    double tokens = 0;
    std::chrono::nanoseconds filled{};
  };

  [[nodiscard]] bool IsOver(const Entry& entry) const;
  bool TakeToken(const ObjectReference& object);

  const Clock& clock_;
  const EventMemoryOptions options_;
  RecentMap<Entry> series_;
  RecentMap<Bucket> buckets_;
};

}  // namespace stockade::runtime
