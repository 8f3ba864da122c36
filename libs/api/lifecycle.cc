#include "api/lifecycle.h"

#include <algorithm>
#include <string>

#include "api/read_enum.h"
#include "api/time_field.h"

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::JsonView;
using codec::ObjectReader;
using std::chrono::seconds;

// Of what is suspended before it is deleted, for how long at most.
constexpr seconds kLongestNotice = std::chrono::hours(1);
constexpr int kNoticeShare = 10;

void ReadSeconds(ObjectReader& reader, std::string_view key, std::int64_t maximum, seconds& out) {
  std::int64_t count = out.count();
  reader.Int(key, 1, maximum, count);
  out = seconds(count);
}

void ReadIdleSeconds(ObjectReader& reader, std::string_view key, std::optional<seconds>& out) {
  if (reader.Value(key).IsUnset()) return;
  std::int64_t count = kShortestIdleSeconds;
  reader.Int(key, kShortestIdleSeconds, kLongestLifetimeSeconds, count);
  out = seconds(count);
}

// Nothing where neither is set, which is an error.
std::optional<Idle> DecodeIdle(JsonView value, const std::string& path, bool strict,
                               std::vector<FieldError>& errors) {
  Idle idle;
  ObjectReader reader(value, path, errors);
  ReadIdleSeconds(reader, "suspendAfterSeconds", idle.suspend_after);
  ReadIdleSeconds(reader, "deleteAfterSeconds", idle.delete_after);
  if (strict) reader.Finish();
  if (!idle.suspend_after && !idle.delete_after) {
    errors.push_back({path, "needs suspendAfterSeconds or deleteAfterSeconds, or both"});
    return std::nullopt;
  }
  if (idle.suspend_after && idle.delete_after && *idle.delete_after <= *idle.suspend_after) {
    reader.AddError("deleteAfterSeconds", "must be more than suspendAfterSeconds, which is " +
                                              std::to_string(idle.suspend_after->count()));
  }
  return idle;
}

Restart DecodeRestart(JsonView value, const std::string& path, bool strict,
                      std::vector<FieldError>& errors) {
  Restart restart;
  ObjectReader reader(value, path, errors);
  reader.Int("maxAttempts", 1, kMostRestarts, restart.max_attempts);
  if (const JsonView backoff = reader.Object("backoff"); !backoff.IsUnset()) {
    ObjectReader waits(backoff, path + ".backoff", errors);
    ReadSeconds(waits, "initialSeconds", kLongestRestartWaitSeconds, restart.initial_wait);
    ReadSeconds(waits, "maxSeconds", kLongestRestartWaitSeconds, restart.max_wait);
    if (restart.max_wait < restart.initial_wait) {
      waits.AddError("maxSeconds", "must not be less than initialSeconds, which is " +
                                       std::to_string(restart.initial_wait.count()));
    }
    if (strict) waits.Finish();
  }
  if (strict) reader.Finish();
  return restart;
}

}  // namespace

seconds Restart::WaitBefore(std::int64_t attempt) const {
  seconds wait = initial_wait;
  for (std::int64_t i = 1; i < attempt && wait < max_wait; ++i) wait *= 2;
  return std::min(wait, max_wait);
}

seconds Idle::SuspendAfter() const {
  if (suspend_after) return *suspend_after;
  const seconds whole = delete_after.value_or(seconds(kLongestLifetimeSeconds));
  return whole - std::min(kLongestNotice, whole / kNoticeShare);
}

Lifecycle DecodeLifecycle(JsonView value, std::string_view path, bool strict,
                          std::vector<FieldError>& errors) {
  Lifecycle lifecycle;
  if (value.IsUnset()) return lifecycle;
  const std::string here(path);
  ObjectReader reader(value, here, errors);
  lifecycle.shutdown_time = ReadTime(reader, "shutdownTime");
  if (!reader.Value("maxLifetimeSeconds").IsUnset()) {
    ReadSeconds(reader, "maxLifetimeSeconds", kLongestLifetimeSeconds,
                lifecycle.max_lifetime.emplace());
  }
  ReadEnum(reader, "shutdownPolicy", kShutdownPolicyNames, lifecycle.shutdown_policy);
  ReadEnum(reader, "volumePolicy", kVolumePolicyNames, lifecycle.volume_policy);
  if (const JsonView restart = reader.Object("restart"); !restart.IsUnset()) {
    lifecycle.restart = DecodeRestart(restart, here + ".restart", strict, errors);
  }
  if (const JsonView idle = reader.Object("idle"); !idle.IsUnset()) {
    lifecycle.idle = DecodeIdle(idle, here + ".idle", strict, errors);
  }
  if (strict) reader.Finish();
  return lifecycle;
}

std::optional<TimePoint> EndOf(const Lifecycle& lifecycle, std::optional<TimePoint> created) {
  std::optional<TimePoint> end = lifecycle.shutdown_time;
  if (lifecycle.max_lifetime && created) {
    const TimePoint by_lifetime = *created + *lifecycle.max_lifetime;
    end = end ? std::min(*end, by_lifetime) : by_lifetime;
  }
  return end;
}

}  // namespace stockade::api
