#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "kube/connection_config.h"
#include "kube/reread_schedule.h"

namespace stockade::kube {

// The bearer token to send: fixed, from an exec plugin, or from a file that the kubelet replaces
// well before the token expires. The file is read at most once in kTokenLifetime. Safe to call from
// any thread.
class TokenSource {
 public:
  static constexpr std::chrono::seconds kTokenLifetime = RereadSchedule::kLifetime;
  static constexpr std::chrono::seconds kPause = RereadSchedule::kPause;

  TokenSource(std::shared_ptr<const ConnectionConfig> config, std::shared_ptr<const Clock> clock);

  // The token, or empty when the connection needs none. While the file cannot be read the last
  // token goes on; Unavailable when there never was one, and when the exec plugin has no
  // credential, for which this waits until `wait_until` (by default not at all), or until `stop` is
  // requested: Cancelled.
  Result<std::string> Token(std::chrono::steady_clock::time_point wait_until = {},
                            const std::stop_token& stop = {});
  // The API server did not accept who we are: the exec plugin is asked for a new credential, and
  // the file is read again sooner.
  void OnUnauthorized();

 private:
  Result<std::string> ReadFile() const;

  const std::shared_ptr<const ConnectionConfig> config_;
  const std::shared_ptr<const Clock> clock_;
  Mutex mutex_;
  std::string token_ STOCKADE_GUARDED_BY(mutex_);
  RereadSchedule file_ STOCKADE_GUARDED_BY(mutex_);
};

}  // namespace stockade::kube
