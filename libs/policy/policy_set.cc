#include "policy/policy_set.h"

#include <algorithm>
#include <utility>

namespace stockade::policy {

PolicySet::PolicySet(std::vector<SharedPolicy> policies) : policies_(std::move(policies)) {
  std::ranges::sort(policies_, {}, [](const SharedPolicy& policy) { return policy->name(); });
}

std::vector<SharedPolicy> PolicySet::Selecting(const api::StringMap& namespace_labels) const {
  std::vector<SharedPolicy> selecting;
  for (const SharedPolicy& policy : policies_) {
    if (policy->Selects(namespace_labels)) selecting.push_back(policy);
  }
  return selecting;
}

const CompiledPolicy* FirstBroken(std::span<const SharedPolicy> policies) {
  const auto broken = std::ranges::find_if(
      policies, [](const SharedPolicy& policy) { return !policy->problem().empty(); });
  return broken == policies.end() ? nullptr : broken->get();
}

}  // namespace stockade::policy
