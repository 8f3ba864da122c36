#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include "pki/certificate.h"

namespace stockade::pki {

// What decides about one authority of those that are kept for one purpose.
struct AuthorityTimes {
  TimePoint not_after;
  // False for one that is still trusted and whose key is gone.
  bool can_sign = true;
  // Since when everybody who verifies was told of it; and since when leaves are signed by it.
  std::optional<TimePoint> published = {};
  std::optional<TimePoint> signs_since = {};
};

struct RotationPolicy {
  std::chrono::seconds lifetime{};  // of an authority; the last third of it is for its succession
  // How long to wait after something was written until everybody can be taken to act by it: those
  // who verify, before a leaf of a new authority is served; those who serve, before an authority is
  // no longer trusted. It must cover the slowest way that the news may take.
  std::chrono::seconds overlap{};
};

enum class RotationAction {
  kWait,      // nothing to do before `wait_until`
  kCreate,    // add a new authority at the end
  kPublish,   // tell everybody who verifies of authority `index`, then set its `published`
  kActivate,  // set `signs_since` of authority `index` and have it sign new leaves at once
  kDrop,      // take authority `index` away: no leaf of it is served any more
};

struct RotationStep {
  RotationAction action = RotationAction::kWait;
  std::size_t index = 0;
  TimePoint wait_until = TimePoint::max();
};

// Rotates authorities by overlap: a new one is published beside the old one, signs after everybody
// trusts it, and the old one goes after nobody serves a leaf of it. So at no moment is anything
// served that anybody may not trust yet, or no longer. A pure function of what is stored and of the
// time: whoever asks next, after a crash or elsewhere, goes on where the last one was.
class AuthorityRotation {
 public:
  explicit AuthorityRotation(RotationPolicy policy) : policy_(policy) {}

  // The next thing to do; ask again after it is done and stored. `authorities` are in the order in
  // which they were made.
  [[nodiscard]] RotationStep Next(std::span<const AuthorityTimes> authorities, TimePoint now) const;

  // The authority whose leaves are served: the last that signs and has not expired.
  [[nodiscard]] static std::optional<std::size_t> Current(
      std::span<const AuthorityTimes> authorities, TimePoint now);

  // Since when authority `index` signs or, of one that is published, from when it is to; nothing
  // for one that nobody was told of.
  [[nodiscard]] std::optional<TimePoint> SignsFrom(std::span<const AuthorityTimes> authorities,
                                                   std::size_t index, TimePoint now) const;

 private:
  // When a successor is to be made.
  [[nodiscard]] TimePoint RenewAt(const AuthorityTimes& authority) const;
  // Of one that does not sign yet: when it may.
  [[nodiscard]] TimePoint ActivateAt(const AuthorityTimes& pending,
                                     const AuthorityTimes& current) const;

  RotationPolicy policy_;
};

}  // namespace stockade::pki
