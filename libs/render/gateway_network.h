#pragma once

#include "codec/json.h"
#include "render/egress_profile.h"
#include "render/egress_settings.h"

// The specs of a gateway's NetworkPolicies.
namespace stockade::render {

// Of the gateway's pods: in from the pods of its sandboxes, on its port; out to the cluster's DNS
// and to what is public, on the ports of the profile's endpoints, and to what the endpoints'
// privateRanges name. `reaches_cloud`: stockade-credentials asks a cloud by HTTPS.
[[nodiscard]] codec::Json GatewayAllowanceSpec(const std::string& gateway,
                                               const EgressProfile& profile,
                                               const EgressSettings& settings, bool reaches_cloud);

// Of the pods of its sandboxes: out to the gateway's pods on their port, and to nothing else.
[[nodiscard]] codec::Json SandboxAllowanceSpec(const std::string& gateway);

}  // namespace stockade::render
