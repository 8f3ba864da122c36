#pragma once

#include <array>
#include <optional>

#include "policy/effective_limits.h"
#include "policy/subject.h"

namespace stockade::policy {

// What the rules that judge by policies look at: the sandbox, and what is worked out of it once for
// all policies, when the first asks. For one evaluation, on one thread.
class PolicySubject {
 public:
  explicit PolicySubject(const Subject& subject) : subject_(subject) {}

  const Subject* operator->() const { return &subject_; }
  [[nodiscard]] const Subject& subject() const { return subject_; }

  [[nodiscard]] const std::array<EffectiveLimit, api::kResourceCount>& limits() {
    if (!limits_) limits_ = EffectiveLimits(subject_);
    return *limits_;
  }

 private:
  const Subject& subject_;
  std::optional<std::array<EffectiveLimit, api::kResourceCount>> limits_;
};

}  // namespace stockade::policy
