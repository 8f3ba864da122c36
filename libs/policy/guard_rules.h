#pragma once

#include <string_view>

// The codes of the rules that judge requests. The webhook's guards report by them; what is said
// about each stands in the rules' table.
namespace stockade::policy {

inline constexpr std::string_view kForgedSandboxPod = "ForgedSandboxPod";
inline constexpr std::string_view kSandboxLabelChanged = "SandboxLabelChanged";
inline constexpr std::string_view kManagedObjectChanged = "ManagedObjectChanged";
inline constexpr std::string_view kImageChanged = "ImageChanged";
inline constexpr std::string_view kPodResize = "PodResize";
inline constexpr std::string_view kStatusForged = "StatusForged";
inline constexpr std::string_view kForcedDeletion = "ForcedDeletion";
inline constexpr std::string_view kExecIntoProxy = "ExecIntoProxy";
inline constexpr std::string_view kExecForbidden = "ExecForbidden";
inline constexpr std::string_view kPortForward = "PortForward";
inline constexpr std::string_view kProxySubresource = "ProxySubresource";
inline constexpr std::string_view kEgressWidened = "EgressWidened";
inline constexpr std::string_view kOtherPolicyKinds = "OtherPolicyKinds";
inline constexpr std::string_view kRuntimeClassInUse = "RuntimeClassInUse";
inline constexpr std::string_view kGatewayLabelForged = "GatewayLabelForged";
// Judges AgentSandboxes; but who asks, and what he may read, only the webhook knows.
inline constexpr std::string_view kCredentialNotReadable = "CredentialNotReadable";

// Judges pod templates as well, and stands with those rules.
inline constexpr std::string_view kEphemeralContainer = "EphemeralContainer";

}  // namespace stockade::policy
