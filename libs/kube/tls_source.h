#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "kube/connection_config.h"
#include "kube/exec_credential.h"
#include "kube/failure_notice.h"
#include "kube/reread_schedule.h"
#include "kube/tls_context.h"

namespace stockade::kube {

// The TlsContext for the next connection, as certificates and keys are now: those that come from
// files are read again, at most once in kFileLifetime, and an exec plugin's are taken over as it
// renews them. A new context comes only when contents have changed and can be used: while files
// cannot be read, are half written or do not belong together, the last one goes on. A connection
// that was made with another context than the one given now should serve no new request.
// Safe to call from any thread.
class TlsSource {
 public:
  static constexpr std::chrono::seconds kFileLifetime = RereadSchedule::kLifetime;
  static constexpr std::chrono::seconds kPause = RereadSchedule::kPause;

  TlsSource(std::shared_ptr<const ConnectionConfig> config, std::shared_ptr<const Clock> clock);

  // Null when the connection is plain HTTP. BadRequest when there never was anything that can be
  // used, and Unavailable when the exec plugin has no credential, for which this waits until
  // `wait_until` (by default not at all), or until `stop` is requested: Cancelled.
  Result<std::shared_ptr<const TlsContext>> Context(
      std::chrono::steady_clock::time_point wait_until = {}, const std::stop_token& stop = {});
  // The API server did not accept who we are: perhaps the files say it better by now.
  void OnUnauthorized();
  // Why certificates are not renewed, when that is so and nobody was told yet; also the exec
  // plugin's failure.
  std::optional<Status> TakeFailure();

 private:
  struct Material {
    std::string ca_pem;
    std::string certificate_pem;
    std::string key_pem;
    bool operator==(const Material&) const = default;
  };

  [[nodiscard]] bool FilesAreDue() const STOCKADE_REQUIRES(mutex_);
  void TakeOver(const std::shared_ptr<const ExecCredential>& credential) STOCKADE_REQUIRES(mutex_);
  void ReadFilesAgain() STOCKADE_REQUIRES(mutex_);
  Status Use(const Material& material) STOCKADE_REQUIRES(mutex_);
  [[nodiscard]] Result<std::shared_ptr<const TlsContext>> Make(const Material& material) const;

  const std::shared_ptr<const ConnectionConfig> config_;
  const std::shared_ptr<const Clock> clock_;
  Mutex mutex_;
  Material current_ STOCKADE_GUARDED_BY(mutex_);  // of context_
  Result<std::shared_ptr<const TlsContext>> context_ STOCKADE_GUARDED_BY(mutex_);
  // The exec plugin's that was taken over.
  std::shared_ptr<const ExecCredential> credential_ STOCKADE_GUARDED_BY(mutex_);
  RereadSchedule files_ STOCKADE_GUARDED_BY(mutex_);
  FailureNotice failure_ STOCKADE_GUARDED_BY(mutex_);  // of the last reading
};

}  // namespace stockade::kube
