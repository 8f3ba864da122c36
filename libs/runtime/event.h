#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "codec/json.h"
#include "kube/resource.h"

namespace stockade::runtime {

inline constexpr kube::Resource kEvents{"events.k8s.io", "v1", "events", "Event"};

// Bounds of the API server on an Event's fields, in bytes (validation of core events).
inline constexpr std::size_t kMaxEventNote = 1024;
inline constexpr std::size_t kMaxEventWord = 128;  // reason, action and reportingInstance

// core/v1.ObjectReference, as far as an Event needs it.
struct ObjectReference {
  std::string api_version;
  std::string kind;
  std::string namespace_name;  // empty for an object of the cluster
  std::string name;
  std::string uid;
  std::string resource_version;  // may be empty
};

enum class EventType { kNormal, kWarning };

// Something that happened to an object and that its user may want to know.
struct Event {
  ObjectReference regarding;
  EventType type = EventType::kNormal;
  std::string reason;  // why, for programs: "QuotaExceeded"
  std::string action;  // what was being done: "Reconcile"
  std::string note;    // for people
};

// The event within the API's bounds: its note cut between characters, white space and other control
// characters of it spaces, and bytes that are no UTF-8 replaced.
[[nodiscard]] Event Bounded(Event event);

// Equal for two events that are occurrences of the same: of the same object and equal in all they
// say.
[[nodiscard]] std::string EventKey(const Event& event);

// An Event and the repeats of it that the API calls its series.
struct EventSeries {
  Event event;
  std::string name;  // of the Event object
  std::chrono::system_clock::time_point first;
  std::chrono::system_clock::time_point last;
  std::int64_t count = 1;
};

// A name for the Event object, as client-go makes them: that of the object it regards, or "event"
// where a name cannot begin so, a dot and `suffix` in hexadecimal.
[[nodiscard]] std::string EventName(const ObjectReference& regarding, std::uint64_t suffix);

// The namespace that the Event has to be in.
[[nodiscard]] std::string EventNamespace(const ObjectReference& regarding);

// The whole object for its creation.
[[nodiscard]] codec::Json EventObject(const EventSeries& series, const std::string& controller,
                                      const std::string& instance);

// The merge patch that says how often and when last it was seen.
[[nodiscard]] codec::Json SeriesPatch(const EventSeries& series);

}  // namespace stockade::runtime
