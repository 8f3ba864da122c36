#include "operator/policy_verdicts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/intern.h"

namespace stockade::sandbox_operator {
namespace {

// The policies whose verdict is in one of the two and not in the other; both are sorted.
std::set<std::string> Differing(const PolicyVerdicts& before, const PolicyVerdicts& after) {
  PolicyVerdicts differing;
  std::ranges::set_symmetric_difference(before, after, std::back_inserter(differing));
  std::set<std::string> names;
  for (PolicyVerdict& verdict : differing) names.insert(std::move(verdict.policy));
  return names;
}

}  // namespace

void VerdictMemory::Record(const runtime::ObjectKey& sandbox, PolicyVerdicts verdicts) {
  std::ranges::sort(verdicts);
  std::set<std::string> changed;
  {
    const MutexLock lock(mutex_);
    const auto known = verdicts_.find(sandbox);
    const PolicyVerdicts none;
    const PolicyVerdicts& before = known == verdicts_.end() ? none : *known->second;
    if (before == verdicts) return;
    changed = Differing(before, verdicts);
    if (verdicts.empty()) {
      verdicts_.erase(known);
    } else {
      verdicts_.insert_or_assign(sandbox, Intern(std::move(verdicts)));
    }
  }
  if (!on_change_) return;
  for (const std::string& policy : changed) on_change_(policy);
}

std::optional<bool> VerdictMemory::Violates(const runtime::ObjectKey& sandbox,
                                            const std::string& policy, const std::string& uid,
                                            std::int64_t generation) const {
  const MutexLock lock(mutex_);
  const auto known = verdicts_.find(sandbox);
  if (known == verdicts_.end()) return std::nullopt;
  const auto verdict = std::ranges::find_if(*known->second, [&](const PolicyVerdict& candidate) {
    return candidate.policy == policy && candidate.uid == uid && candidate.generation == generation;
  });
  if (verdict == known->second->end()) return std::nullopt;
  return verdict->violated;
}

std::size_t VerdictMemory::size() const {
  const MutexLock lock(mutex_);
  return verdicts_.size();
}

}  // namespace stockade::sandbox_operator
