#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/effective_limits.h"
#include "policy/subject.h"

namespace stockade::policy {

// A host of spec.egress.allow, or that of spec.egress.model.
struct ListedHost {
  std::string host;
  std::string_view credential = {};  // the name of one of spec.credentials, or empty
  std::size_t index = 0;             // in egress.allow
  const api::EgressModel* model = nullptr;

  // The field that names the host, and the one that names the credential.
  [[nodiscard]] std::string Path() const;
  [[nodiscard]] std::string CredentialPath() const;
};

// The model's host first, then the entries in their order.
[[nodiscard]] std::vector<ListedHost> ListedHosts(const api::AgentSandbox& sandbox);

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

  [[nodiscard]] const std::vector<ListedHost>& hosts() {
    if (!hosts_) hosts_ = ListedHosts(*subject_.sandbox);
    return *hosts_;
  }

 private:
  const Subject& subject_;
  std::optional<std::array<EffectiveLimit, api::kResourceCount>> limits_;
  std::optional<std::vector<ListedHost>> hosts_;
};

}  // namespace stockade::policy
