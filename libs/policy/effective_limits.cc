#include "policy/effective_limits.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace stockade::policy {
namespace {

using api::Quantity;
using codec::JsonView;

struct Limit {
  Quantity amount;
  bool by_default = false;
};

std::optional<Quantity> Read(JsonView value) {
  if (value.IsUnset()) return std::nullopt;
  const auto quantity = Quantity::FromJson(value);
  return quantity.ok() && !quantity->IsNegative() ? *quantity : Quantity();
}

// As render::FillResources completes it.
Limit LimitOf(JsonView resources, std::string_view name, const Quantity& default_limit) {
  if (const auto limit = Read(resources["limits"][name])) return {*limit, false};
  const Quantity request = Read(resources["requests"][name]).value_or(Quantity());
  return {std::max(default_limit, request), true};
}

EffectiveLimit OfContainers(const Subject& s, std::string_view name,
                            const Quantity& default_limit) {
  Quantity sidecars;
  Quantity ordinary;
  Quantity peak;  // while init containers run
  Quantity greediest;
  EffectiveLimit result;
  for (const Container& container : s.containers) {
    const Limit limit = LimitOf(container.resources, name, default_limit);
    switch (container.view.position()) {
      case api::ContainerPosition::kInit:
        peak = std::max(peak, sidecars + limit.amount);
        break;
      case api::ContainerPosition::kSidecar:
        sidecars = sidecars + limit.amount;
        break;
      case api::ContainerPosition::kOrdinary:
      case api::ContainerPosition::kEphemeral:
        ordinary = ordinary + limit.amount;
        break;
    }
    if (result.container == nullptr || limit.amount > greediest) {
      result.container = &container;
      result.by_default = limit.by_default;
      greediest = limit.amount;
    }
  }
  result.amount = std::max(peak, sidecars + ordinary);
  return result;
}

}  // namespace

std::array<EffectiveLimit, api::kResourceCount> EffectiveLimits(const Subject& s) {
  std::array<EffectiveLimit, api::kResourceCount> result;
  const JsonView pod = s.spec.resources;
  for (std::size_t i = 0; i < api::kResourceCount; ++i) {
    const std::string_view name = api::kResourceNames[i];
    const Quantity& default_limit = s.facts->default_limits[i];
    if (!pod["limits"][name].IsUnset() || !pod["requests"][name].IsUnset()) {
      const Limit limit = LimitOf(pod, name, default_limit);
      result[i] = {limit.amount, nullptr, limit.by_default};
    } else {
      result[i] = OfContainers(s, name, default_limit);
    }
  }
  return result;
}

}  // namespace stockade::policy
