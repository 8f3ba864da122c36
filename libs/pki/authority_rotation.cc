#include "pki/authority_rotation.h"

#include <algorithm>

#include "pki/authority.h"

namespace stockade::pki {
namespace {

RotationStep Do(RotationAction action, std::size_t index = 0) {
  return {.action = action, .index = index, .wait_until = TimePoint::max()};
}

}  // namespace

std::optional<std::size_t> AuthorityRotation::Current(std::span<const AuthorityTimes> authorities,
                                                      TimePoint now) {
  for (std::size_t i = authorities.size(); i-- > 0;) {
    if (authorities[i].signs_since && authorities[i].not_after > now) return i;
  }
  return std::nullopt;
}

TimePoint AuthorityRotation::RenewAt(const AuthorityTimes& authority) const {
  return authority.not_after - policy_.lifetime / 3;
}

TimePoint AuthorityRotation::ActivateAt(const AuthorityTimes& pending,
                                        const AuthorityTimes& current) const {
  // Before the current one ends, even if not everybody can be taken to know the new one: whoever
  // does not will not accept the old one either.
  return std::min(*pending.published + policy_.overlap, current.not_after - policy_.overlap);
}

std::optional<TimePoint> AuthorityRotation::SignsFrom(std::span<const AuthorityTimes> authorities,
                                                      std::size_t index, TimePoint now) const {
  const AuthorityTimes& authority = authorities[index];
  if (authority.signs_since || !authority.published) return authority.signs_since;
  const auto current = Current(authorities, now);
  return current ? ActivateAt(authority, authorities[*current]) : *authority.published;
}

RotationStep AuthorityRotation::Next(std::span<const AuthorityTimes> authorities,
                                     TimePoint now) const {
  for (std::size_t i = 0; i < authorities.size(); ++i) {
    if (authorities[i].not_after <= now) return Do(RotationAction::kDrop, i);
  }
  const auto current = Current(authorities, now);
  TimePoint wait_until = TimePoint::max();

  if (current) {
    const TimePoint drop_at = *authorities[*current].signs_since + policy_.overlap;
    if (*current > 0) {
      if (now >= drop_at) return Do(RotationAction::kDrop, 0);
      wait_until = drop_at;
    }
    wait_until = std::min(wait_until, authorities[*current].not_after);
  }

  const std::size_t first_pending = current ? *current + 1 : 0;
  if (first_pending == authorities.size()) {
    if (!current) return Do(RotationAction::kCreate);
    const AuthorityTimes& signer = authorities[*current];
    // One that outlives by far what is asked for was made when more was asked for.
    const bool too_long = signer.not_after > now + policy_.lifetime + kBackdating;
    if (!signer.can_sign || too_long || now >= RenewAt(signer)) return Do(RotationAction::kCreate);
    wait_until = std::min(wait_until, RenewAt(signer));
    return {.action = RotationAction::kWait, .index = 0, .wait_until = wait_until};
  }

  const AuthorityTimes& pending = authorities[first_pending];
  // Left over from long ago, or without its key: it never signed, so it can go at any time.
  if (!pending.can_sign || now >= RenewAt(pending)) return Do(RotationAction::kDrop, first_pending);
  if (!pending.published) return Do(RotationAction::kPublish, first_pending);
  if (!current) return Do(RotationAction::kActivate, first_pending);
  const TimePoint activate_at = ActivateAt(pending, authorities[*current]);
  if (now >= activate_at) return Do(RotationAction::kActivate, first_pending);
  wait_until = std::min({wait_until, activate_at, RenewAt(pending)});
  return {.action = RotationAction::kWait, .index = 0, .wait_until = wait_until};
}

}  // namespace stockade::pki
