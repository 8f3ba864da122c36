#pragma once

#include <array>
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

// Doors that a policy shuts, whatever spec.access of a sandbox says.
struct AccessRestrictions {
  bool forbid_exec = false;
  bool forbid_attach = false;
  bool forbid_port_forward = false;

  bool operator==(const AccessRestrictions&) const = default;
};

struct AgentSandboxPolicySpec {
  LabelSelector namespace_selector;  // of namespaces; unset selects every one
  Enforcement enforcement = Enforcement::kEnforce;
  std::optional<Isolation> minimum_isolation;
  Isolation minimum_isolation_for_untrusted = Isolation::kGVisor;
  ImageRestrictions images;
  StringMap max_resources;  // resources.max: quantities by name, of kResourceNames alone
  AccessRestrictions access;
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
