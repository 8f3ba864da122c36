#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "codec/object_reader.h"

// spec.lifecycle of an AgentSandbox: when it ends, what becomes of it then, how often its pod is
// started again, and how long it may be idle.
namespace stockade::api {

using TimePoint = std::chrono::system_clock::time_point;

// What becomes of a sandbox at its end, beside its pod and its gateway, which go either way.
enum class ShutdownPolicy { kRetain, kDelete };
inline constexpr std::array<std::string_view, 2> kShutdownPolicyNames = {"Retain", "Delete"};

// What becomes of the claims of its volumeClaimTemplates when a sandbox is deleted.
enum class VolumePolicy { kDelete, kRetain };
inline constexpr std::array<std::string_view, 2> kVolumePolicyNames = {"Delete", "Retain"};

// How a pod that failed by itself is created again.
struct Restart {
  std::int64_t max_attempts = 3;
  // The wait before the first attempt, doubled for each further one up to the maximum.
  std::chrono::seconds initial_wait{10};
  std::chrono::seconds max_wait{300};

  // The wait before the attempt of that number, which begins at 1.
  [[nodiscard]] std::chrono::seconds WaitBefore(std::int64_t attempt) const;

  bool operator==(const Restart&) const = default;
};

// What becomes of a sandbox that nothing uses; docs/idle.md says what counts as use. At least one
// of the two is set.
struct Idle {
  std::optional<std::chrono::seconds> suspend_after;
  std::optional<std::chrono::seconds> delete_after;

  // How long nothing may have used it before its pod goes. What is to be deleted alone is suspended
  // for the last tenth of the time, at most an hour: whoever still wants it is warned meanwhile,
  // and nothing is deleted that ran a moment ago.
  [[nodiscard]] std::chrono::seconds SuspendAfter() const;

  bool operator==(const Idle&) const = default;
};

struct Lifecycle {
  std::optional<TimePoint> shutdown_time;
  std::optional<std::chrono::seconds> max_lifetime;
  ShutdownPolicy shutdown_policy = ShutdownPolicy::kRetain;
  VolumePolicy volume_policy = VolumePolicy::kDelete;
  std::optional<Restart> restart;  // unset: such a pod stays as it is
  std::optional<Idle> idle;        // unset: it may be idle for as long as it lasts

  bool operator==(const Lifecycle&) const = default;
};

// The bounds of the numbers, which the CRD has too.
inline constexpr std::int64_t kLongestLifetimeSeconds = 315360000;  // ten years
inline constexpr std::int64_t kMostRestarts = 1000;
inline constexpr std::int64_t kLongestRestartWaitSeconds = 86400;
inline constexpr std::int64_t kShortestIdleSeconds = 60;

// Of what is unset nothing is set. Each mistake is named by its path below `path`, and unknown
// fields too where `strict`.
[[nodiscard]] Lifecycle DecodeLifecycle(codec::JsonView value, std::string_view path, bool strict,
                                        std::vector<codec::FieldError>& errors);

// When a sandbox of that creationTimestamp ends: the earlier of shutdownTime and the end of
// maxLifetimeSeconds. Nothing where neither is set; without a creationTimestamp, as in a file, only
// shutdownTime is known.
[[nodiscard]] std::optional<TimePoint> EndOf(const Lifecycle& lifecycle,
                                             std::optional<TimePoint> created);

}  // namespace stockade::api
