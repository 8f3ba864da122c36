#include "kube/token_source.h"

#include <utility>

#include "base/files.h"
#include "base/strings.h"
#include "kube/exec_plugin.h"

namespace stockade::kube {

TokenSource::TokenSource(std::shared_ptr<const ConnectionConfig> config,
                         std::shared_ptr<const Clock> clock)
    : config_(std::move(config)),
      clock_(clock ? std::move(clock) : std::make_shared<const SystemClock>()) {}

Result<std::string> TokenSource::Token(std::chrono::steady_clock::time_point wait_until,
                                       const std::stop_token& stop) {
  if (config_->exec_plugin) {
    const auto credential = config_->exec_plugin->Current(wait_until, stop);
    if (!credential.ok()) return credential.status();
    return (*credential)->token;
  }
  if (config_->token_file.empty()) return config_->token;
  const MutexLock lock(mutex_);
  const std::chrono::nanoseconds now = clock_->SinceBoot();
  if (!file_.Due(now)) return token_;
  Result<std::string> token = ReadFile();
  if (!token.ok() && !file_.HasRead()) return token.status();
  if (token.ok()) token_ = std::move(*token);
  file_.Read(now);
  return token_;
}

void TokenSource::OnUnauthorized() {
  if (config_->exec_plugin) return config_->exec_plugin->OnUnauthorized();
  const MutexLock lock(mutex_);
  file_.Doubt();
}

Result<std::string> TokenSource::ReadFile() const {
  Result<std::string> text = ReadSmallFile(config_->token_file);
  if (!text.ok()) {
    return Status(StatusCode::kUnavailable, text.status().message()).WithContext("bearer token");
  }
  std::string token(TrimSpace(*text));
  if (token.empty()) {
    return Status(StatusCode::kUnavailable,
                  "bearer token: the file " + config_->token_file + " is empty");
  }
  return token;
}

}  // namespace stockade::kube
