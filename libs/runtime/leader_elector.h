#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "codec/json.h"
#include "kube/client.h"
#include "kube/resource.h"
#include "runtime/leader_fence.h"

namespace stockade::runtime {

inline constexpr kube::Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};

struct LeaderElectionOptions {
  std::string namespace_name;
  std::string lease;     // its name
  std::string identity;  // of this process, different for each
  // As in client-go: others wait for `lease_duration` after the last renewal they saw; the leader
  // gives up when it could not renew for `renew_deadline`; both try every `retry_period`.
  std::chrono::milliseconds lease_duration = std::chrono::seconds(15);
  std::chrono::milliseconds renew_deadline = std::chrono::seconds(10);
  std::chrono::milliseconds retry_period = std::chrono::seconds(2);
};

// Elects one process among several by a coordination.k8s.io Lease, in the protocol of client-go's
// leaderelection package, so that kubectl and other programs read the Lease as usual. The fence is
// open while this process leads: from the moment before the request that renewed the Lease, for
// renew_deadline. It pauses while the API server is out of reach, until the Lease is renewed: what
// comes back may be a restored backup, which shows in the Lease being an older one.
// Belongs to one thread, with a client of its own, which must not be fenced.
class LeaderElector {
 public:
  enum class Outcome {
    kStopped,   // asked to; the Lease was released if it was held
    kLost,      // led, and could not renew in time or saw another holder
    kReplaced,  // the API server's data was replaced: all that this process knows of it is void
  };

  LeaderElector(kube::Client& client, LeaderElectionOptions options, const Clock& clock,
                std::shared_ptr<LeaderFence> fence, Logger& logger);

  // Waits until this process leads, calls `lead` once, and keeps the Lease until the outcome.
  Outcome Run(const std::stop_token& stop, const std::function<void()>& lead);

  // One attempt to take or to renew the Lease. False when another process holds it or the attempt
  // failed, which is logged. Run calls it; public for tests.
  bool TryAcquireOrRenew();
  // Gives the Lease up, if this process holds it, so that another need not wait for its end.
  void Release();
  // Ok while the Lease can be read and, when it is free, taken, whoever holds it; otherwise what
  // the last attempt failed with. Of all functions this one alone may be called from any thread.
  [[nodiscard]] Status Health() const;
  // The holder that was seen last; empty for none.
  [[nodiscard]] const std::string& holder() const { return holder_; }

 private:
  // What is known of the Lease, and since when.
  struct Observed {
    codec::Json object;
    std::chrono::nanoseconds since{};  // on Clock::SinceBoot
  };

  Status Attempt(std::chrono::nanoseconds began);
  // Of a Lease that was there before: that it is not the one that was seen, nor a later one.
  [[nodiscard]] bool IsFromThePast(const Result<codec::JsonDocument>& live) const;
  void Observe(codec::JsonView lease);
  Status WriteRelease();
  [[nodiscard]] bool HeldByOther() const;
  // How long the Lease that was seen holds without being renewed.
  [[nodiscard]] std::chrono::nanoseconds Duration() const;
  [[nodiscard]] bool Expired() const;
  // For one who waits.
  [[nodiscard]] std::chrono::nanoseconds UntilNextTry();
  [[nodiscard]] codec::Json NewSpec(std::int64_t transitions, const std::string& acquired) const;

  kube::Client& client_;
  const LeaderElectionOptions options_;
  const Clock& clock_;
  const std::shared_ptr<LeaderFence> fence_;
  Logger& logger_;
  std::mt19937_64 random_{std::random_device{}()};
  std::optional<Observed> observed_;
  std::string holder_;
  bool replaced_ = false;  // the API server's data
  mutable Mutex health_mutex_;
  Status health_ STOCKADE_GUARDED_BY(health_mutex_){StatusCode::kUnavailable,
                                                    "the lease has not been read yet"};
};

}  // namespace stockade::runtime
