#include "tests/unit/render/gateway_testing.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "render_testing.h"

namespace stockade::render {

using codec::Json;

EgressSettings TestSettings() {
  EgressSettings settings;
  settings.proxy_image = "registry.example.com/envoy:v1.40.0";
  settings.canary_image = "registry.example.com/stockade-canary:0.1.0";
  settings.credentials_image = "registry.example.com/stockade-credentials:0.1.0";
  settings.cluster_ranges = {"10.96.0.0/12", "203.0.115.7"};
  settings.shut_targets = {"tcp://10.96.0.1:443", "udp://10.96.0.10:53",
                           "tcp://[$(HOST_IP)]:10250"};
  settings.google_audience =
      "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k";
  return settings;
}

GatewayState TestState() {
  return {.identity_secret = "stockade-gateway-x7k2p",
          .leaves_secret = "stockade-leaves-m4q9d",
          .address = "10.96.0.20",
          .authorities = "-----BEGIN CERTIFICATE-----\nauthority\n-----END CERTIFICATE-----\n",
          .public_roots = "-----BEGIN CERTIFICATE-----\nroot\n-----END CERTIFICATE-----\n"};
}

EgressCase RenderedWithEgress(api::AgentSandbox sandbox, const EgressSettings& settings,
                              const GatewayState& state) {
  EgressCase rendered;
  rendered.profile = MakeEgressProfile(*sandbox.spec.egress, sandbox.spec.credentials);
  rendered.gateway = RenderGatewayObjects(sandbox, rendered.profile, settings, state);
  rendered.pod = Render(sandbox, {},
                        SandboxEgress{.settings = settings,
                                      .gateway = rendered.gateway.name,
                                      .address = state.address,
                                      .profile_hash = rendered.profile.hash,
                                      .identity_secret = "stockade-sandbox-t8v3w"})
                     .pod;
  rendered.sandbox = std::move(sandbox);
  return rendered;
}

EgressCase RenderedWithEgress(std::string_view egress_yaml, std::string_view credentials_yaml) {
  const Json container = {{"name", "agent"}, {"image", "registry.example.com/agent:v1"}};
  const Json pod_spec = {{"containers", Json::array({container})}};
  const Json spec = {{"podTemplate", {{"spec", pod_spec}}},
                     {"egress", FromYaml(egress_yaml)},
                     {"credentials", FromYaml(credentials_yaml)}};
  return RenderedWithEgress(SandboxWithSpec(spec.dump()));
}

std::vector<Json> ObjectsOf(const EgressCase& rendered) {
  const std::string& space = rendered.sandbox.metadata.namespace_name;
  const GatewayObjects& gateway = rendered.gateway;
  std::vector<Json> objects = {RenderDenyAllPolicy(space),
                               RenderGatewayDenyAllPolicy(space),
                               RenderGatewayServiceAccount(space),
                               gateway.service,
                               gateway.configuration,
                               gateway.authorities};
  if (gateway.sidecar_configuration) objects.push_back(*gateway.sidecar_configuration);
  objects.insert(objects.end(), {gateway.deployment, gateway.gateway_allowance,
                                 gateway.sandbox_allowance, rendered.pod});
  return objects;
}

const Json& GatewayPodSpec(const EgressCase& rendered) {
  return rendered.gateway.deployment.at("spec").at("template").at("spec");
}

std::vector<Json> ContainersOf(const Json& pod_spec) {
  std::vector<Json> containers;
  for (const char* list : {"initContainers", "containers"}) {
    if (!pod_spec.contains(list)) continue;
    containers.insert(containers.end(), pod_spec.at(list).begin(), pod_spec.at(list).end());
  }
  return containers;
}

}  // namespace stockade::render
