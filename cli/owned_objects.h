#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "kube/resource.h"
#include "render/egress_settings.h"
#include "render/render.h"

namespace stockade::cli {

// One object that the operator makes for a sandbox.
struct OwnedObject {
  kube::Resource resource;
  codec::Json object;

  [[nodiscard]] std::string name() const { return object["metadata"]["name"]; }
  // "Pod asb-minimal".
  [[nodiscard]] std::string Title() const;
};

// What a cluster knows of the Service of a sandbox's gateway; empty where there is none.
struct LiveGateway {
  std::string address;
  std::string uid;
};

// Everything that the operator makes for a sandbox, in the order in which it writes: the
// namespace's deny-all, claims, Service, allowance, and the pod last, which a suspended sandbox has
// not. With `egress` and spec.egress, before the pod also the gateway: its deny-all, service
// account, Service, ConfigMaps, which hold the configurations of both proxies, allowances and
// Deployment. Secrets are left out; they are named as the operator names them. What only a cluster
// can tell has placeholders: the certificates of authorities, and the names of Secrets and the
// address of the gateway's Service unless that is known.
[[nodiscard]] std::vector<OwnedObject> OwnedObjects(
    const api::AgentSandbox& sandbox, const render::Profile& profile,
    const std::optional<render::EgressSettings>& egress = std::nullopt,
    const LiveGateway& gateway = {});

// The Secrets that the operator issues for a sandbox with spec.egress. Their names follow from the
// uid of the gateway's Service, or of a sandbox that shares it, and end in "-uid" while there is
// none.
struct GatewaySecrets {
  std::string gateway;  // the gateway's identity
  std::string leaves;   // certificates of the hosts
  std::string sandbox;  // the identity of the sandbox
};
[[nodiscard]] GatewaySecrets SecretsOf(const api::AgentSandbox& sandbox,
                                       const LiveGateway& gateway);

// The placeholder of an address, which is one of documentation (RFC 5737).
inline constexpr std::string_view kGatewayAddress = "192.0.2.1";
// The same of an image that the configuration does not name.
inline constexpr std::string_view kUnknownImage = "image-of-the-configuration";

// The same object without what only a cluster can tell, for people to read: no owner reference to a
// sandbox that has no uid yet.
void DropUnknownOwner(codec::Json& object);

}  // namespace stockade::cli
