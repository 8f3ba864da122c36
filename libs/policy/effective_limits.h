#pragma once

#include <array>

#include "api/quantity.h"
#include "api/resources.h"
#include "policy/subject.h"

namespace stockade::policy {

// The most of one resource that a sandbox's pod may use once it is rendered.
struct EffectiveLimit {
  api::Quantity amount;
  // The container that takes most of it; null when the pod's own resources decide.
  const Container* container = nullptr;
  bool by_default = false;  // that one sets no limit, and the operator fills it in
};

// By api::kResourceNames. A limit that is unset counts as what rendering fills in: facts'
// default_limits, or the request where that is more. What runs one after the other counts once, as
// Kubernetes counts a pod: init containers beside the sidecars that started before them, then the
// sidecars and the ordinary containers together. A quantity that cannot be read counts as nothing:
// the floor refuses it.
[[nodiscard]] std::array<EffectiveLimit, api::kResourceCount> EffectiveLimits(
    const Subject& subject);

}  // namespace stockade::policy
