#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "kube/client.h"
#include "runtime/event.h"
#include "runtime/event_memory.h"

namespace stockade::runtime {

// stockade_events_total by outcome: writes that the API server took, writes that it refused or that
// failed too often, and occurrences that were never tried.
struct EventMetrics {
  explicit EventMetrics(prometheus::Registry& registry);

  prometheus::Counter& written;
  prometheus::Counter& failed;
  prometheus::Counter& dropped;
};

struct EventRecorderOptions {
  std::string controller;  // reportingController, a qualified name: "stockade.dev/operator"
  std::string instance;    // reportingInstance: which of several processes
  std::size_t queue = 1024;
  // For what is not written yet when the recorder stops. A request that is under way, or the last
  // that is begun, may take the client's deadline on top of it.
  std::chrono::nanoseconds flush = std::chrono::seconds(1);
  EventMemoryOptions memory;
};

// Reports events as objects of events.k8s.io/v1, in the way of client-go's tools/events: repeats
// become a series of the first event, and one object has no more than so many events at once.
// Events are best effort, so nothing waits for them and nothing of them survives the process.
// Record may be called from any thread; one thread of the recorder's own writes.
class EventRecorder {
 public:
  // The client is used by this recorder alone. With an election it has to be fenced: events of a
  // process that does not lead are then dropped.
  EventRecorder(kube::Client& client, EventRecorderOptions options, const Clock& clock,
                Logger& logger);
  ~EventRecorder();
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  // Makes the recorder's metrics and counts into them from now on. Before Start.
  void Measure(prometheus::Registry& registry);

  // Never blocks and does no input or output. Beyond what the queue holds, and after Stop, the
  // event is dropped.
  void Record(Event event);

  void Start();
  // Writes what is left within EventRecorderOptions::flush and drops the rest.
  void Stop();

  // Takes in what was recorded and writes one event, when one is due; whether it did. The
  // recorder's thread calls it; public for tests that do without the thread.
  bool WriteOne();

 private:
  struct Occurrence {
    Event event;
    std::chrono::system_clock::time_point time;
  };
  enum class Outcome { kWritten, kFailed };

  void Run(const std::stop_token& stop);
  // Waits until something was recorded or a write is due.
  void Wait(const std::stop_token& stop);
  void Absorb();
  void Flush();
  Outcome Write(EventMemory::Entry& entry);
  Status Send(EventMemory::Entry& entry);
  void Complain(const EventMemory::Entry& entry, const Status& status);
  void Drop(std::int64_t occurrences);

  kube::Client& client_;
  const EventRecorderOptions options_;
  const Clock& clock_;
  Logger& logger_;
  std::unique_ptr<EventMetrics> metrics_;  // null when nothing is measured
  Mutex mutex_;
  std::condition_variable_any recorded_;
  std::deque<Occurrence> queue_ STOCKADE_GUARDED_BY(mutex_);
  bool stopped_ STOCKADE_GUARDED_BY(mutex_) = false;
  // From here on used by the thread that writes alone.
  EventMemory memory_;
  std::mt19937_64 random_{std::random_device{}()};
  std::optional<std::chrono::nanoseconds> complained_;
  std::jthread writer_;
};

}  // namespace stockade::runtime
