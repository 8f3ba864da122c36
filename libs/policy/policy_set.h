#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "api/agent_sandbox.h"
#include "policy/compiled_policy.h"

namespace stockade::policy {

using SharedPolicy = std::shared_ptr<const CompiledPolicy>;

// The policies of a cluster, or of the files that somebody gave, at one moment. Immutable: a change
// makes a new set, which takes the place of the old one as a whole.
class PolicySet {
 public:
  PolicySet() = default;
  // Sorted by name here.
  explicit PolicySet(std::vector<SharedPolicy> policies);

  [[nodiscard]] std::span<const SharedPolicy> policies() const { return policies_; }
  [[nodiscard]] std::size_t size() const { return policies_.size(); }

  // Those that select a namespace with these labels, by name. All of them apply together.
  [[nodiscard]] std::vector<SharedPolicy> Selecting(const api::StringMap& namespace_labels) const;

 private:
  std::vector<SharedPolicy> policies_;
};

// The first of the policies that has a problem, or null.
[[nodiscard]] const CompiledPolicy* FirstBroken(std::span<const SharedPolicy> policies);

}  // namespace stockade::policy
