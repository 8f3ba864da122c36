#pragma once

#include <string>

#include "codec/json.h"
#include "render/egress_settings.h"
#include "render/gateway.h"
#include "render/gateway_credentials.h"

namespace stockade::render {

// The spec of a gateway's Deployment. Its pod holds what a sandbox's never does: the credentials,
// the leaves and the identity to which sandboxes trust.
[[nodiscard]] codec::Json GatewayDeploymentSpec(const std::string& gateway,
                                                const GatewayCredentials& credentials,
                                                const EgressSettings& settings,
                                                const GatewayState& state,
                                                const std::string& config_hash);

}  // namespace stockade::render
