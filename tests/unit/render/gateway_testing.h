#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "render/gateway.h"
#include "render/render.h"

// What the tests of gateways share: an installation, and a sandbox with everything made for it.
namespace stockade::render {

struct EgressCase {
  api::AgentSandbox sandbox;
  EgressProfile profile;
  GatewayObjects gateway;
  codec::Json pod;
};

EgressSettings TestSettings();
GatewayState TestState();

// The gateway of the sandbox and the pod that leads there.
EgressCase RenderedWithEgress(api::AgentSandbox sandbox,
                              const EgressSettings& settings = TestSettings(),
                              const GatewayState& state = TestState());
// Of a sandbox with one container and this spec.egress and spec.credentials.
EgressCase RenderedWithEgress(std::string_view egress_yaml,
                              std::string_view credentials_yaml = "[]");

// Every object, the namespace's own first, in the order in which an operator would write them.
std::vector<codec::Json> ObjectsOf(const EgressCase& rendered);

// The PodSpec of the gateway.
const codec::Json& GatewayPodSpec(const EgressCase& rendered);
// All containers of a PodSpec, initContainers first.
std::vector<codec::Json> ContainersOf(const codec::Json& pod_spec);

}  // namespace stockade::render
