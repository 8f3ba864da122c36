#include "kube/token_source.h"

#include <utility>

#include "base/files.h"
#include "base/strings.h"

namespace stockade::kube {

TokenSource::TokenSource(std::shared_ptr<const ConnectionConfig> config,
                         std::shared_ptr<const Clock> clock)
    : config_(std::move(config)),
      clock_(clock ? std::move(clock) : std::make_shared<const SystemClock>()) {}

Result<std::string> TokenSource::Token() {
  if (config_->token_file.empty()) return config_->token;
  const std::lock_guard lock(mutex_);
  const std::chrono::nanoseconds now = clock_->SinceBoot();
  if (read_at_ && now - *read_at_ < kTokenLifetime) return token_;
  Result<std::string> token = ReadFile();
  if (!token.ok() && !read_at_) return token.status();
  if (token.ok()) token_ = std::move(*token);
  read_at_ = now;
  return token_;
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
