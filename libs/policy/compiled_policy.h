#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/agent_sandbox_policy.h"
#include "api/quantity.h"
#include "api/resources.h"
#include "codec/json.h"
#include "codec/object_reader.h"
#include "policy/host_lists.h"
#include "policy/permission_rule.h"
#include "policy/registry_prefix.h"

namespace stockade::policy {

// The hosts that a Secret may be sent to, by its name; unset: to any.
using SecretHosts = std::pair<std::string, std::optional<AllowedHosts>>;

// An AgentSandboxPolicy with everything parsed that judging needs: made once, when the policy
// changes, and then read by any number of threads. Immutable.
//
// A policy that cannot be understood is one too: it has a problem, selects what its selector says
// or, where that is what is wrong, every namespace, and whoever has to judge by it must refuse. A
// policy that somebody wrote and nobody applies would be the worse mistake.
class CompiledPolicy {
 public:
  // From an object as the API server or a file has it; never null.
  [[nodiscard]] static std::shared_ptr<const CompiledPolicy> Compile(codec::JsonView object);
  explicit CompiledPolicy(const api::AgentSandboxPolicy& policy);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& uid() const { return uid_; }
  [[nodiscard]] std::int64_t generation() const { return generation_; }
  // Empty, or what is wrong with it and what to write instead.
  [[nodiscard]] const std::string& problem() const { return problem_; }

  [[nodiscard]] bool Selects(const api::StringMap& namespace_labels) const {
    return namespace_selector_.Matches(namespace_labels);
  }
  // Whether the value of another label than this one decides what is selected.
  [[nodiscard]] bool SelectsByLabelsBeside(std::string_view key) const {
    return namespace_selector_.AsksBeside(key);
  }
  [[nodiscard]] api::Enforcement enforcement() const { return enforcement_; }

  [[nodiscard]] std::optional<api::Isolation> minimum_isolation() const {
    return minimum_isolation_;
  }
  [[nodiscard]] api::Isolation minimum_isolation_for_untrusted() const {
    return minimum_isolation_for_untrusted_;
  }
  // Empty: every registry is allowed.
  [[nodiscard]] std::span<const RegistryPrefix> allowed_registries() const {
    return allowed_registries_;
  }
  [[nodiscard]] bool requires_digest() const { return requires_digest_; }
  // In the order of api::kResourceNames.
  [[nodiscard]] const std::array<std::optional<api::Quantity>, api::kResourceCount>& max_resources()
      const {
    return max_resources_;
  }
  // Unset: every host is allowed.
  [[nodiscard]] const std::optional<AllowedHosts>& allowed_hosts() const { return allowed_hosts_; }
  [[nodiscard]] const DeniedHosts& denied_hosts() const { return denied_hosts_; }
  [[nodiscard]] bool forbids_tunnel() const { return forbids_tunnel_; }
  [[nodiscard]] std::optional<std::int64_t> max_hosts() const { return max_hosts_; }
  // Whether any of these is set.
  [[nodiscard]] bool restricts_egress() const {
    return allowed_hosts_ || !denied_hosts_.empty() || forbids_tunnel_ || max_hosts_;
  }
  // Sorted by name. Unset: every Secret is allowed.
  [[nodiscard]] const std::optional<std::vector<SecretHosts>>& allowed_secrets() const {
    return allowed_secrets_;
  }
  // The entry of that Secret, or null where there is none or no list.
  [[nodiscard]] const SecretHosts* FindSecret(std::string_view name) const;
  // Doors to shut for everybody, beside what spec.access of the sandbox shuts: for the webhook's
  // guards of exec, attach and port-forward.
  [[nodiscard]] const api::AccessRestrictions& access() const { return access_; }
  // What a sandbox denies its agent, and whether the modes that go past its rules must be shut.
  [[nodiscard]] std::span<const PermissionRule> required_deny() const { return required_deny_; }
  [[nodiscard]] bool forbids_bypass() const { return forbids_bypass_; }
  [[nodiscard]] const api::LifetimeRestrictions& lifetime() const { return lifetime_; }

 private:
  CompiledPolicy() = default;

  std::string name_;
  std::string uid_;
  std::int64_t generation_ = 0;
  std::string problem_;
  api::LabelSelector namespace_selector_;
  api::Enforcement enforcement_ = api::Enforcement::kEnforce;
  std::optional<api::Isolation> minimum_isolation_;
  api::Isolation minimum_isolation_for_untrusted_ = api::Isolation::kGVisor;
  std::vector<RegistryPrefix> allowed_registries_;
  bool requires_digest_ = false;
  std::array<std::optional<api::Quantity>, api::kResourceCount> max_resources_;
  std::optional<AllowedHosts> allowed_hosts_;
  DeniedHosts denied_hosts_;
  bool forbids_tunnel_ = false;
  std::optional<std::int64_t> max_hosts_;
  std::optional<std::vector<SecretHosts>> allowed_secrets_;
  api::AccessRestrictions access_;
  std::vector<PermissionRule> required_deny_;
  bool forbids_bypass_ = false;
  api::LifetimeRestrictions lifetime_;
};

// Everything that is wrong with a policy before it is stored: fields of the wrong type or that
// nobody knows, registries, quantities and hosts that cannot be, and what could never match
// anything. For admission and offline checks; a stored policy that only matches nothing is
// harmless.
[[nodiscard]] std::vector<codec::FieldError> CheckPolicy(codec::JsonView object);

// What is legal but surely not meant, a sentence each: a policy that demands nothing, for example.
[[nodiscard]] std::vector<std::string> WarningsOf(const CompiledPolicy& policy);

}  // namespace stockade::policy
