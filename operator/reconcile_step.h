#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "operator/object_writer.h"
#include "operator/sandbox_status.h"

namespace stockade::sandbox_operator {

// Until the garbage collector has removed what a former sandbox of the same name left.
inline constexpr std::chrono::milliseconds kFormerSelfRetry = std::chrono::seconds(1);
// Until quota may have been freed, or whatever admission plugin refused an object changed.
inline constexpr std::chrono::milliseconds kRefusedRetry = std::chrono::seconds(10);
// Nothing tells us that a stranger gave up a name, or that an API server now takes what it refused.
inline constexpr std::chrono::milliseconds kStalledRetry = std::chrono::minutes(1);

// What one step of a reconcile came to: go on, or report this and stop.
struct ReconcileStep {
  std::optional<Blocker> blocker;
  std::optional<std::chrono::milliseconds> requeue_after;
  Status error;  // reported beside the blocker: the reconcile is tried again
  [[nodiscard]] bool Continue() const { return !blocker && error.ok() && !requeue_after; }
};

// The name belongs to somebody else, or to an earlier sandbox of this name.
[[nodiscard]] Blocker NameConflict(std::string_view kind, const std::string& name);
[[nodiscard]] Blocker FormerSelf(std::string_view kind, const std::string& name);

// Of a write that failed: its cause in words where a person can do something about it, else the
// error as it is. `what` is for people.
[[nodiscard]] ReconcileStep StepFromError(Status error, std::string_view what);
// Of EnsureOwned.
[[nodiscard]] ReconcileStep StepFrom(const Result<Ensured>& outcome, std::string_view kind,
                                     const std::string& name);

}  // namespace stockade::sandbox_operator
