#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "api/names.h"

// The names that Stockade gives to egress gateways and to what leads to them. As those in names.h,
// all of them are API.
namespace stockade::api {

// On the pods of an egress gateway and on every object that belongs to it, its value the gateway's
// name. The gateways' deny-all selects by it.
inline constexpr std::string_view kGatewayLabel = "stockade.dev/gateway";
// On a sandbox's pod: the name of the gateway that it may reach.
inline constexpr std::string_view kEgressLabel = "stockade.dev/egress";
// On a gateway's objects, and among the annotations of its sandboxes' pods: its profile's hash.
inline constexpr std::string_view kEgressProfileLabel = "stockade.dev/egress-profile";
// On a gateway's pods: a digest of their configuration, whose change starts them anew.
inline constexpr std::string_view kConfigHashAnnotation = "stockade.dev/config-hash";

// On a sandbox's pod and on a gateway's Deployment: which certificates were issued for it, and when
// they are to be renewed. Never anything secret.
inline constexpr std::string_view kIssuedAnnotation = "stockade.dev/issued";

// On a sandbox's pod: of which authorities its agent was told as the pod was created.
inline constexpr std::string_view kTrustedAnnotation = "stockade.dev/trusted-authorities";

inline constexpr std::string_view kGatewayDenyAllPolicyName = "stockade-gateway-deny-all";

// The operator's own containers and volume in a sandbox's pod, which policies know by name.
inline constexpr std::string_view kCanaryContainer = "stockade-canary";
inline constexpr std::string_view kProxyContainer = "stockade-proxy";
inline constexpr std::string_view kIdentityVolume = "stockade-identity";

// As whom gateways ask a cloud for credentials: the same in every namespace and for every profile,
// so that a role's trust policy can name it.
inline constexpr std::string_view kGatewayServiceAccount = "stockade-gateway";

// Deployments, Services and pods of gateways. No sandbox's name begins with "-", so those of one
// sandbox and those of a profile never meet.
inline constexpr std::string_view kGatewayObjectPrefix = "asg-";
inline constexpr std::size_t kGatewayProfileDigits = 32;

// "asg-SANDBOX".
[[nodiscard]] inline std::string DedicatedGatewayName(std::string_view sandbox) {
  return std::string(kGatewayObjectPrefix) + std::string(sandbox);
}
// The sandbox that has a gateway of that name to itself; nothing for a shared one's.
[[nodiscard]] inline std::optional<std::string> SandboxOfDedicatedGateway(
    std::string_view gateway) {
  if (!gateway.starts_with(kGatewayObjectPrefix)) return std::nullopt;
  gateway.remove_prefix(kGatewayObjectPrefix.size());
  if (gateway.empty() || gateway.front() == '-') return std::nullopt;
  return std::string(gateway);
}
// "asg--" and the beginning of the profile's hash.
[[nodiscard]] inline std::string SharedGatewayName(std::string_view profile_hash) {
  return std::string(kGatewayObjectPrefix) + "-" +
         std::string(profile_hash.substr(0, kGatewayProfileDigits));
}
// Whether a gateway of that name, which is the operator's, is one of several sandboxes.
[[nodiscard]] inline bool IsSharedGatewayName(std::string_view gateway) {
  return gateway.starts_with(kGatewayObjectPrefix) &&
         gateway.substr(kGatewayObjectPrefix.size()).starts_with('-');
}
// Two objects of one kind have a suffix each, always, so that those of the gateways of sandboxes
// "a" and "a-gateway" never meet.
[[nodiscard]] inline std::string GatewayPartName(std::string_view gateway) {
  return std::string(gateway) + "-gateway";
}
[[nodiscard]] inline std::string SandboxesPartName(std::string_view gateway) {
  return std::string(gateway) + "-sandboxes";
}
[[nodiscard]] inline std::string AuthoritiesPartName(std::string_view gateway) {
  return std::string(gateway) + "-authorities";
}

}  // namespace stockade::api
