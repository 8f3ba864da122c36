#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "kube/exec_credential.h"
#include "kube/failure_notice.h"

namespace stockade::kube {

struct ExecPluginOptions {
  std::shared_ptr<const Clock> clock;                            // null: the system's
  std::chrono::milliseconds timeout = std::chrono::seconds(60);  // of one run
};

// Where a connection's credential comes from when a program has to be asked for it: runs the plugin
// on a thread of its own, keeps what it printed and runs it again in good time before that expires.
// One object serves every transport and watcher of a configuration, so that they share its runs.
// Safe to call from any thread. Making one runs nothing; destroying it kills a run under way.
class ExecPlugin {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Two runs are at least so far apart, whatever asks for them.
  static constexpr std::chrono::seconds kPause{5};
  // A credential is renewed so long before it expires, or in the last quarter of a shorter life.
  static constexpr std::chrono::seconds kEarly{60};
  // In ps and debuggers.
  static constexpr char kThreadName[] = "exec-plugin";

  explicit ExecPlugin(ExecPluginConfig config, ExecPluginOptions options = {});
  ~ExecPlugin();
  ExecPlugin(const ExecPlugin&) = delete;
  ExecPlugin& operator=(const ExecPlugin&) = delete;

  // The credential to use now. Starts a run when one is due. While that lasts or when it fails, the
  // old credential goes on until it has expired; after that, and before the first one, the call
  // waits for the run until `wait_until` (by default not at all) and is Unavailable with what went
  // wrong with the plugin, naming users[NAME].user.exec.
  // Cancelled once `stop` is requested.
  Result<std::shared_ptr<const ExecCredential>> Current(TimePoint wait_until = {},
                                                        const std::stop_token& stop = {});
  // Waits for the first credential, for as long as one run may take. Not for an event loop.
  Status Prepare();
  // The API server did not accept the credential: it is renewed now, not more often than kPause.
  void OnUnauthorized();
  // Why the last run failed, when it did and nobody was told yet.
  std::optional<Status> TakeFailure();

 private:
  [[nodiscard]] bool Usable() const STOCKADE_REQUIRES(mutex_);
  [[nodiscard]] bool Due() const STOCKADE_REQUIRES(mutex_);
  [[nodiscard]] bool Rested() const STOCKADE_REQUIRES(mutex_);
  void Begin() STOCKADE_REQUIRES(mutex_);
  void Take(Result<ExecCredential> outcome) STOCKADE_REQUIRES(mutex_);
  // The thread's: runs the plugin each time that running_ becomes true.
  void Serve(const std::stop_token& stop);
  bool WaitForWork(const std::stop_token& stop);
  [[nodiscard]] Result<ExecCredential> Run(const std::stop_token& stop) const;
  [[nodiscard]] Status Failure(std::string_view what) const;

  const ExecPluginConfig config_;
  const std::shared_ptr<const Clock> clock_;
  const std::chrono::milliseconds timeout_;

  Mutex mutex_;
  std::condition_variable_any begun_;     // running_ became true
  std::condition_variable_any finished_;  // running_ became false
  bool running_ STOCKADE_GUARDED_BY(mutex_) = false;
  std::optional<std::chrono::nanoseconds> ended_at_ STOCKADE_GUARDED_BY(mutex_);  // the last run
  // Null before the first one.
  std::shared_ptr<const ExecCredential> credential_ STOCKADE_GUARDED_BY(mutex_);
  // When that is due to be renewed, if it expires.
  std::chrono::system_clock::time_point renew_at_ STOCKADE_GUARDED_BY(mutex_);
  FailureNotice failure_ STOCKADE_GUARDED_BY(mutex_);  // of the last run
  std::jthread thread_;  // from the first run on; begun with mutex_ held
};

}  // namespace stockade::kube
