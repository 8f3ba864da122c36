#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "credentials/config.h"
#include "credentials/exchange.h"

namespace stockade::credentials {

// Keeps one derived file of kind aws or google current: exchanges the gateway's web identity token,
// read anew each time, at the cloud's token service, over TLS that is verified against the public
// authorities of the image. A credential is renewed at half of its life; one that cannot be renewed
// stays in its file, where it is good until it expires, and the exchange is repeated after pauses
// of up to a minute. What happens is logged, and never a value.
class Exchanger {
 public:
  // `derived`, `clock` and `logger` must outlive it.
  Exchanger(const Derived& derived, const Clock& clock, Logger& logger);

  // Returns after a stop is requested, which also ends an exchange that is under way.
  void Run(const std::stop_token& stop);

  // For any thread: what the exchanges came to. Ok once there has been a credential; nothing before
  // the first exchange has ended, which takes less than a minute.
  [[nodiscard]] std::optional<Status> Outcome() const;
  [[nodiscard]] const Derived& derived() const { return derived_; }

 private:
  Result<Credential> Exchange(const std::stop_token& stop) const;
  // Until when the credential is good that the file then holds.
  Result<std::chrono::system_clock::time_point> Renew(const std::stop_token& stop) const;
  void SetOutcome(Status outcome);

  const Derived& derived_;
  const Clock& clock_;
  Logger& logger_;
  std::mt19937_64 random_;
  mutable Mutex mutex_;
  std::optional<Status> outcome_ STOCKADE_GUARDED_BY(mutex_);
};

}  // namespace stockade::credentials
