#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "kube/client.h"
#include "pki/authority_set.h"
#include "runtime/controller.h"

namespace stockade::sandbox_operator {

// The one Secret with the keys of both authorities, in the operator's namespace.
inline constexpr std::string_view kAuthoritiesSecret = "stockade-authorities";

// Who signs at present, and what is to be trusted. Immutable.
struct Authorities {
  struct Purpose {
    pki::Authority signer;
    std::string bundle;  // PEM of all that are trusted, those on their way in or out included
  };
  Purpose identity;      // of sandboxes and of their gateways towards each other
  Purpose interception;  // of what gateways show to agents in place of hosts
  // Of the latter, the one that signs and those that are to follow it.
  std::vector<pki::Succession> shown_to_agents = {};
};

// Keeps the two authorities in their Secret, makes them where there are none, and rotates them by
// overlap. One at a time calls Reconcile; the rest may be called from any thread.
class AuthorityKeeper {
 public:
  struct Settings {
    std::string namespace_name;
    pki::RotationPolicy identity;
    pki::RotationPolicy interception;
  };

  AuthorityKeeper(kube::Client& client, const Clock& clock, Logger& logger, Settings settings);

  // Called, from Reconcile, when Current() has become another.
  void NotifyTo(std::function<void()> changed) { changed_ = std::move(changed); }

  // Null until they are known.
  [[nodiscard]] std::shared_ptr<const Authorities> Current() const;
  // Whether they were looked up at all, with success or without: before that nobody can say that
  // there are none.
  [[nodiscard]] bool LookedUp() const { return looked_up_; }

  // Reads the Secret, goes on with the rotation, and stores what came of it in one write.
  runtime::ReconcileResult Reconcile();

 private:
  struct Sets {
    pki::AuthoritySet identity;
    pki::AuthoritySet interception;
  };

  // Does all that is to be done now; true when that was anything. `wait_until` is when there is
  // more.
  Result<bool> Advance(pki::AuthoritySet& set, const pki::RotationPolicy& policy,
                       const pki::AuthorityOptions& options, pki::TimePoint now,
                       pki::TimePoint& wait_until) const;
  Status Store(const Sets& sets, const codec::Json& live);
  Status Publish(const Sets& sets, pki::TimePoint now);
  runtime::ReconcileResult ReconcileOnce();

  kube::Client& client_;
  const Clock& clock_;
  Logger& logger_;
  const Settings settings_;
  std::function<void()> changed_;
  std::atomic<bool> looked_up_ = false;
  // As last stored: a Secret that somebody deleted is made again from it.
  std::optional<Sets> stored_;
  mutable Mutex mutex_;
  std::shared_ptr<const Authorities> current_ STOCKADE_GUARDED_BY(mutex_);
};

}  // namespace stockade::sandbox_operator
