#pragma once

#include <optional>
#include <string>
#include <string_view>

// The names that Stockade gives to things in a cluster. All of them are API: users select by them,
// policies match on them, and an upgrade may not change them.
namespace stockade::api {

inline constexpr std::string_view kGroup = "stockade.dev";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kGroupVersion = "stockade.dev/v1alpha1";
inline constexpr std::string_view kAgentSandboxKind = "AgentSandbox";
inline constexpr std::string_view kAgentSandboxPolicyKind = "AgentSandboxPolicy";

// On every pod of a sandbox, its value the sandbox's name. The deny-all policy selects by it.
inline constexpr std::string_view kSandboxLabel = "stockade.dev/sandbox";
// On every object that the operator made.
inline constexpr std::string_view kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kManagedByValue = "stockade";
// On a claim that stays when its sandbox is deleted, which therefore does not own it: the uid of
// the sandbox that has it, or had it last.
inline constexpr std::string_view kRetainedForLabel = "stockade.dev/retained-for";

// On the pod: digests of the user's and of the operator's part of what it was rendered from.
inline constexpr std::string_view kSpecHashAnnotation = "stockade.dev/spec-hash";
inline constexpr std::string_view kProfileHashAnnotation = "stockade.dev/profile-hash";
// On the pod: its fingerprint as rendered, and which of its labels and annotations the template
// set.
inline constexpr std::string_view kFingerprintAnnotation = "stockade.dev/fingerprint";
inline constexpr std::string_view kTemplateKeysAnnotation = "stockade.dev/template-keys";
// On the pod of a sandbox with spec.agentSettings: the files that stand in /etc/claude-code, where
// a volume of the downward API shows them.
inline constexpr std::string_view kManagedSettingsAnnotation = "stockade.dev/managed-settings";
inline constexpr std::string_view kManagedMcpAnnotation = "stockade.dev/managed-mcp";

// Keys, container names and volume names under these prefixes are the operator's alone.
inline constexpr std::string_view kReservedKeyPrefix = "stockade.dev/";
inline constexpr std::string_view kReservedNamePrefix = "stockade-";

// The sidecar of a sandbox that must not be idle, and the exit code by which it tells that nothing
// has used the pod for as long as it was told. Those of the canary itself are less.
inline constexpr std::string_view kActivityContainer = "stockade-activity";
inline constexpr int kIdleExitCode = 10;

// The Events by which the webhook tells that somebody enters a sandbox that must not be idle.
inline constexpr std::string_view kWebhookController = "stockade.dev/webhook";
inline constexpr std::string_view kConnectedReason = "Connected";

inline constexpr std::string_view kDenyAllPolicyName = "stockade-deny-all";
inline constexpr std::string_view kPodsGoneFinalizer = "stockade.dev/pods-gone";

// "asb-" leaves 50 of a label's 63 bytes for the sandbox's name, with room for a suffix.
inline constexpr std::string_view kSandboxObjectPrefix = "asb-";
inline constexpr std::size_t kMaxSandboxNameBytes = 50;

// The name of a sandbox's pod, Service and so on: "asb-NAME".
[[nodiscard]] inline std::string SandboxObjectName(std::string_view sandbox) {
  return std::string(kSandboxObjectPrefix) + std::string(sandbox);
}
// The name of the allowance for a sandbox's `ingress`: "asb-NAME-ingress".
[[nodiscard]] inline std::string IngressPolicyName(std::string_view sandbox) {
  return SandboxObjectName(sandbox) + "-ingress";
}
// The sandbox to which an allowance of that name belongs; nothing for any other name.
[[nodiscard]] inline std::optional<std::string> SandboxOfIngressPolicy(std::string_view policy) {
  constexpr std::string_view kSuffix = "-ingress";
  if (!policy.starts_with(kSandboxObjectPrefix) || !policy.ends_with(kSuffix) ||
      policy.size() < kSandboxObjectPrefix.size() + kSuffix.size()) {
    return std::nullopt;
  }
  policy.remove_prefix(kSandboxObjectPrefix.size());
  policy.remove_suffix(kSuffix.size());
  return std::string(policy);
}
// The claim made from the volumeClaimTemplate `claim`: "asb-NAME-CLAIM".
[[nodiscard]] inline std::string ClaimName(std::string_view sandbox, std::string_view claim) {
  return SandboxObjectName(sandbox) + "-" + std::string(claim);
}

}  // namespace stockade::api
