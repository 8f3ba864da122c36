#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "render/egress_profile.h"
#include "render/egress_settings.h"

// The objects of an egress gateway. Pure; equal input gives equal output. Like all that is rendered
// they carry the API server's own defaults, written out.
namespace stockade::render {

// What the operator has made before, or learned from the cluster.
struct GatewayState {
  // Secrets of type kubernetes.io/tls with tls.crt, tls.key and ca.crt, and of the leaves.
  std::string identity_secret;
  std::string leaves_secret;
  // The cluster address of the gateway's Service; empty: not known yet.
  std::string address;
  // The gateway's interception authorities, those that are on their way in or out included, as PEM.
  std::string authorities;
  // The public authorities as PEM, for agents with a host whose TLS the gateway does not terminate.
  std::string public_roots;
};

struct GatewayObjects {
  std::string name;
  codec::Json service;        // by whose address sidecars find it
  codec::Json configuration;  // ConfigMap of the gateway
  codec::Json deployment;
  codec::Json gateway_allowance;  // NetworkPolicy: what its pods may do
  codec::Json sandbox_allowance;  // NetworkPolicy: what its sandboxes' pods may do
  codec::Json authorities;        // ConfigMap: what its agents trust
  // ConfigMap of the sidecars; as soon as the address is known.
  std::optional<codec::Json> sidecar_configuration;
};

// The gateway of a sandbox that has spec.egress: of this sandbox alone (Dedicated), which then owns
// every object; or, with Shared, of all in its namespace that have the same profile, which then
// have no owner but the label kEgressProfileLabel, and the same content whichever sandbox they are
// rendered from. `profile` is that of the sandbox.
[[nodiscard]] GatewayObjects RenderGatewayObjects(const api::AgentSandbox& sandbox,
                                                  const EgressProfile& profile,
                                                  const EgressSettings& settings,
                                                  const GatewayState& state);

// Of these the Service alone, which is made first: it takes its address from the API server.
[[nodiscard]] codec::Json RenderGatewayService(const api::AgentSandbox& sandbox,
                                               const EgressProfile& profile);

// The name of the gateway of a sandbox that has spec.egress. The second is for who knows the hash
// of the sandbox's profile already, and spares computing it.
[[nodiscard]] std::string GatewayName(const api::AgentSandbox& sandbox);
[[nodiscard]] std::string GatewayName(const api::AgentSandbox& sandbox,
                                      std::string_view profile_hash);
// The name of the gateway that sandboxes of the namespace with this spec share, of any spec that
// could be decoded; empty when there is none to share.
[[nodiscard]] std::string SharedGatewayOf(const api::AgentSandboxSpec& spec);

// The labels that the pods of a gateway of that name are made with.
[[nodiscard]] api::StringMap GatewayPodLabels(const std::string& gateway);

// Whether agents must trust public authorities: some host shows them its own certificate.
[[nodiscard]] bool NeedsPublicRoots(const EgressProfile& profile);

// Once for each namespace with gateways, both without an owner: the policy that selects every
// gateway's pod and allows nothing, and the account that they run as.
[[nodiscard]] codec::Json RenderGatewayDenyAllPolicy(std::string_view namespace_name);
[[nodiscard]] codec::Json RenderGatewayServiceAccount(std::string_view namespace_name);

}  // namespace stockade::render
