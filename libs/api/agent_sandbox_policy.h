#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/label_selector.h"
#include "base/status.h"
#include "codec/json.h"
#include "codec/object_reader.h"

namespace stockade::api {

// What becomes of a sandbox that a policy objects to: it is refused, its author is warned, or it is
// only recorded. Enforce is the default, because a restriction that restricts nothing until another
// field is set would be taken for one that works.
enum class Enforcement { kEnforce, kWarn, kAudit };
inline constexpr std::array<std::string_view, 3> kEnforcementNames = {"Enforce", "Warn", "Audit"};
[[nodiscard]] constexpr std::string_view EnforcementName(Enforcement enforcement) {
  return kEnforcementNames[static_cast<std::size_t>(enforcement)];
}

// What minimumIsolationForUntrusted may be: the floor refuses anything weaker.
inline constexpr std::array<std::string_view, 2> kUntrustedIsolationNames = {"GVisor", "MicroVM"};

struct ImageRestrictions {
  std::vector<std::string> allowed_registries;  // "ghcr.io/acme"; empty: any
  bool require_digest = false;
};

// Which hosts a sandbox may list, in the form that entries of its egress.allow have.
struct EgressRestrictions {
  std::optional<std::vector<std::string>> allowed_hosts;  // empty: none; unset: any
  // "*.example.com" stands here for every name below, however deep.
  std::vector<std::string> denied_hosts;
  bool forbid_tunnel = false;
  std::optional<std::int64_t> max_hosts;
};

// A Secret that the gateway may send, of the namespace of each sandbox.
struct AllowedSecret {
  std::string name;
  std::optional<std::vector<std::string>> hosts;  // empty: to none; unset: to any
};

struct CredentialRestrictions {
  std::optional<std::vector<AllowedSecret>> allowed_secrets;  // empty: none; unset: any
};

// The most that egress.maxHosts may be.
inline constexpr std::int64_t kMostHosts = 1024;

// Doors that a policy shuts, whatever spec.access of a sandbox says.
struct AccessRestrictions {
  bool forbid_exec = false;
  bool forbid_attach = false;
  bool forbid_port_forward = false;

  bool operator==(const AccessRestrictions&) const = default;
};

// How long a sandbox may live, from its creation on.
struct LifetimeRestrictions {
  std::optional<std::chrono::seconds> max;
  bool required = false;  // it must have an end, whenever that is

  bool operator==(const LifetimeRestrictions&) const = default;
};

// What spec.agentSettings of a sandbox must say.
struct AgentSettingsRestrictions {
  std::vector<std::string> required_deny;  // permission rules
  bool forbid_bypass = false;

  bool operator==(const AgentSettingsRestrictions&) const = default;
};

struct AgentSandboxPolicySpec {
  LabelSelector namespace_selector;  // of namespaces; unset selects every one
  Enforcement enforcement = Enforcement::kEnforce;
  std::optional<Isolation> minimum_isolation;
  Isolation minimum_isolation_for_untrusted = Isolation::kGVisor;
  ImageRestrictions images;
  StringMap max_resources;  // resources.max: quantities by name, of kResourceNames alone
  EgressRestrictions egress;
  CredentialRestrictions credentials;
  AccessRestrictions access;
  AgentSettingsRestrictions agent_settings;
  LifetimeRestrictions lifetime;
};

// A cluster-wide restriction of the sandboxes in the namespaces that it selects. All policies that
// select a namespace apply, and each can only narrow what the floor and the others leave.
struct AgentSandboxPolicy {
  ObjectMeta metadata;
  AgentSandboxPolicySpec spec;
  JsonText status;  // as last seen; written only by the operator
};

// Decodes what the API server stores; defaults of the CRD are applied to what is unset. BadRequest
// names every field of the wrong type, and every part of the selector that has no meaning. Fields
// that this version does not know are left alone.
Result<AgentSandboxPolicy> DecodeAgentSandboxPolicy(codec::JsonView object);

// As above, and also reports each unknown field, for admission and offline checks.
std::vector<codec::FieldError> CheckAgentSandboxPolicyFields(codec::JsonView object);

}  // namespace stockade::api
