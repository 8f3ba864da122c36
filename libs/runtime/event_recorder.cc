#include "runtime/event_recorder.h"

#include <utility>

#include "base/strings.h"

namespace stockade::runtime {
namespace {

constexpr auto kComplaintPause = std::chrono::minutes(5);

prometheus::Counter& AddOutcome(prometheus::Registry& registry, const char* outcome) {
  return prometheus::BuildCounter()
      .Name("stockade_events_total")
      .Help("Events for users: writes that were taken or that failed, and occurrences dropped.")
      .Register(registry)
      .Add({{"outcome", outcome}});
}

// Failures that may pass. All else is the server's last word: client-go does not ask again either.
bool MayPass(StatusCode code) {
  switch (code) {
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kThrottled:
    case StatusCode::kConflict:
    case StatusCode::kUnauthorized:
      return true;
    default:
      return false;
  }
}

EventRecorderOptions Checked(EventRecorderOptions options) {
  options.instance = Truncate(options.instance, kMaxEventWord);
  return options;
}

}  // namespace

EventMetrics::EventMetrics(prometheus::Registry& registry)
    : written(AddOutcome(registry, "written")),
      failed(AddOutcome(registry, "failed")),
      dropped(AddOutcome(registry, "dropped")) {}

EventRecorder::EventRecorder(kube::Client& client, EventRecorderOptions options, const Clock& clock,
                             Logger& logger)
    : client_(client),
      options_(Checked(std::move(options))),
      clock_(clock),
      logger_(logger),
      memory_(clock, options_.memory) {}

EventRecorder::~EventRecorder() { Stop(); }

void EventRecorder::Measure(prometheus::Registry& registry) {
  metrics_ = std::make_unique<EventMetrics>(registry);
}

void EventRecorder::Record(Event event) {
  Occurrence occurrence{Bounded(std::move(event)), clock_.Now()};
  {
    const MutexLock lock(mutex_);
    if (!stopped_ && queue_.size() < options_.queue) {
      queue_.push_back(std::move(occurrence));
      recorded_.notify_one();
      return;
    }
  }
  Drop(1);
}

void EventRecorder::Start() {
  writer_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void EventRecorder::Stop() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  if (!writer_.joinable()) return;
  writer_.request_stop();
  writer_.join();
}

void EventRecorder::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!WriteOne()) Wait(stop);
  }
  Flush();
}

void EventRecorder::Wait(const std::stop_token& stop) {
  const auto until_due = memory_.UntilDue();
  const MutexLock lock(mutex_);
  const auto recorded = [this]() STOCKADE_REQUIRES(mutex_) { return !queue_.empty(); };
  if (until_due) {
    recorded_.wait_for(mutex_, stop, *until_due, recorded);
  } else {
    recorded_.wait(mutex_, stop, recorded);
  }
}

void EventRecorder::Flush() {
  const std::chrono::nanoseconds end = clock_.SinceBoot() + options_.flush;
  Absorb();
  // Also what waits for its turn: there will be none.
  while (clock_.SinceBoot() < end) {
    EventMemory::Entry* const entry = memory_.NextDue(std::chrono::hours(1));
    if (entry == nullptr || Write(*entry) == Outcome::kFailed) break;
  }
  Drop(memory_.Pending());
}

void EventRecorder::Absorb() {
  std::deque<Occurrence> occurrences;
  {
    const MutexLock lock(mutex_);
    occurrences.swap(queue_);
  }
  for (Occurrence& occurrence : occurrences) {
    Drop(memory_.Observe(std::move(occurrence.event), occurrence.time, random_()));
  }
}

bool EventRecorder::WriteOne() {
  Absorb();
  EventMemory::Entry* const entry = memory_.NextDue();
  if (entry == nullptr) return false;
  Write(*entry);
  return true;
}

EventRecorder::Outcome EventRecorder::Write(EventMemory::Entry& entry) {
  Status status = Send(entry);
  if (status.code() == StatusCode::kNotFound && entry.exists) {
    // Events are kept for an hour, or somebody deleted it.
    memory_.Vanished(entry);
    status = Send(entry);
  }
  const bool existed = status.code() == StatusCode::kAlreadyExists;
  if (status.ok() || existed) {
    // The name is drawn at random, so an object that has it was created by an earlier attempt.
    existed ? memory_.Existed(entry) : memory_.Written(entry);
    if (metrics_) metrics_->written.Increment();
    return Outcome::kWritten;
  }
  if (status.code() == StatusCode::kCancelled) {
    // Another process leads, and what it has to tell is its own affair.
    Drop(entry.series.count - entry.written);
    memory_.GiveUp(entry);
    return Outcome::kFailed;
  }
  if (MayPass(status.code())) {
    const auto wait = status.retry_after().value_or(std::chrono::milliseconds(0));
    if (memory_.Failed(entry, wait)) return Outcome::kFailed;
  } else {
    memory_.GiveUp(entry);
  }
  if (metrics_) metrics_->failed.Increment();
  Complain(entry, status);
  return Outcome::kFailed;
}

Status EventRecorder::Send(EventMemory::Entry& entry) {
  const EventSeries& series = entry.series;
  const std::string namespace_name = EventNamespace(series.event.regarding);
  if (entry.exists) {
    return client_
        .Patch(kEvents, namespace_name, series.name, kube::PatchType::kMerge, SeriesPatch(series))
        .status();
  }
  return client_
      .Create(kEvents, namespace_name, EventObject(series, options_.controller, options_.instance))
      .status();
}

void EventRecorder::Complain(const EventMemory::Entry& entry, const Status& status) {
  // Whatever is wrong with one event is wrong with many.
  const std::chrono::nanoseconds now = clock_.SinceBoot();
  if (complained_ && now - *complained_ < kComplaintPause) return;
  complained_ = now;
  const Event& event = entry.series.event;
  logger_.Warning("an event was not written",
                  {{"regarding", event.regarding.kind + " " + event.regarding.namespace_name + "/" +
                                     event.regarding.name},
                   {"reason", event.reason},
                   {"error", status.ToString()}});
}

void EventRecorder::Drop(std::int64_t occurrences) {
  if (metrics_ && occurrences > 0) metrics_->dropped.Increment(static_cast<double>(occurrences));
}

}  // namespace stockade::runtime
