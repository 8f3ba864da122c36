#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "kube/connection_config.h"

namespace stockade::kube {

// The bearer token to send: fixed, or from a file that the kubelet replaces well before the token
// expires. The file is read at most once in kTokenLifetime. Safe to call from any thread.
class TokenSource {
 public:
  static constexpr std::chrono::seconds kTokenLifetime{60};

  TokenSource(std::shared_ptr<const ConnectionConfig> config, std::shared_ptr<const Clock> clock);

  // The token, or empty when the connection needs none. While the file cannot be read the last
  // token goes on; Unavailable when there never was one.
  Result<std::string> Token();

 private:
  Result<std::string> ReadFile() const;

  const std::shared_ptr<const ConnectionConfig> config_;
  const std::shared_ptr<const Clock> clock_;
  std::mutex mutex_;
  std::string token_;                                // guarded by mutex_
  std::optional<std::chrono::nanoseconds> read_at_;  // guarded by mutex_; unset: never read
};

}  // namespace stockade::kube
