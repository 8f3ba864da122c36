#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "runtime/object_key.h"

namespace stockade::sandbox_operator {

// What one policy, in one version of it, said of a sandbox.
struct PolicyVerdict {
  std::string policy;
  std::string uid;
  std::int64_t generation = 0;
  bool violated = false;

  friend auto operator<=>(const PolicyVerdict&, const PolicyVerdict&) = default;
};
using PolicyVerdicts = std::vector<PolicyVerdict>;  // by the policies' names

// What the policies said of each sandbox when it was last reconciled: the status of a policy counts
// them. The sandboxes of a namespace mostly have the same verdicts, which are kept once. Safe to
// call from any thread.
class VerdictMemory {
 public:
  // Told the name of a policy when the verdicts on some sandbox change in what it said; called
  // without a lock, by whoever records. Set before the first use.
  using OnChange = std::function<void(const std::string& policy)>;
  void NotifyTo(OnChange on_change) { on_change_ = std::move(on_change); }

  // By no policy: nothing is kept of the sandbox.
  void Record(const runtime::ObjectKey& sandbox, PolicyVerdicts verdicts);
  void Forget(const runtime::ObjectKey& sandbox) { Record(sandbox, {}); }

  // Whether the sandbox violates that version of the policy; nothing when it was not judged by it.
  [[nodiscard]] std::optional<bool> Violates(const runtime::ObjectKey& sandbox,
                                             const std::string& policy, const std::string& uid,
                                             std::int64_t generation) const;
  [[nodiscard]] std::size_t size() const;

 private:
  OnChange on_change_;
  mutable Mutex mutex_;
  std::map<runtime::ObjectKey, std::shared_ptr<const PolicyVerdicts>> verdicts_
      STOCKADE_GUARDED_BY(mutex_);
};

}  // namespace stockade::sandbox_operator
