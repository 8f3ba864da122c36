#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/egress.h"
#include "codec/yaml.h"
#include "render/egress_profile.h"
#include "render/egress_settings.h"
#include "render/envoy/envoy.h"
#include "render/gateway.h"
#include "render/gateway_credentials.h"

// Prints what the library makes of a sandbox's egress, for tests that run it in real proxies.
//
// Usage: render_envoy SANDBOX.yaml [FACTS.json]
//   {"hash": ..., "serverName": ..., "sidecar": {FILE: CONTENTS}, "gateway": {FILE: CONTENTS},
//    "credentials": CONTENTS}
namespace stockade::render::envoy {
namespace {

std::string ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> Strings(codec::JsonView list) {
  std::vector<std::string> strings;
  list.ForEachElement([&strings](std::size_t, codec::JsonView value) {
    strings.emplace_back(value.StringOrEmpty());
  });
  return strings;
}

int Main(int argc, char** argv) {
  if (argc < 2) return 2;
  auto document = codec::ParseYaml(ReadFile(argv[1]));
  auto facts = codec::JsonDocument::Parse(argc > 2 ? ReadFile(argv[2]) : "{}");
  if (!document.ok() || !facts.ok()) {
    std::cerr << document.status().ToString() << "; " << facts.status().ToString() << "\n";
    return 1;
  }
  const codec::JsonView spec = document->root()["spec"];
  std::vector<codec::FieldError> errors;
  const auto egress = api::DecodeEgress(spec["egress"], "spec.egress", true, errors);
  const auto credentials =
      api::DecodeCredentials(spec["credentials"], "spec.credentials", true, errors);
  if (!errors.empty()) {
    std::cerr << codec::ToStatus(errors).ToString() << "\n";
    return 1;
  }
  const codec::JsonView root = facts->root();
  SidecarFacts sidecar;
  sidecar.namespace_name = document->root()["metadata"]["namespace"].StringOrEmpty();
  sidecar.gateway_address = root["gatewayAddress"].AsString().value_or("10.96.0.20");
  sidecar.gateway_port = root["gatewayPort"].AsInt().value_or(kGatewayPort);
  sidecar.port = root["sidecarPort"].AsInt().value_or(kSidecarPort);
  GatewayFacts gateway;
  gateway.namespace_name = sidecar.namespace_name;
  gateway.port = sidecar.gateway_port;
  gateway.cluster_ranges = Strings(root["clusterRanges"]);
  gateway.resolvers = Strings(root["resolvers"]);
  gateway.trusted_roots = root["trustedRoots"].StringOrEmpty();
  gateway.max_connections = root["maxConnections"].AsInt().value_or(gateway.max_connections);
  gateway.max_requests_per_second =
      root["maxRequestsPerSecond"].AsInt().value_or(gateway.max_requests_per_second);

  const EgressProfile profile = MakeEgressProfile(egress, credentials);
  api::AgentSandbox sandbox;
  sandbox.metadata.name = document->root()["metadata"]["name"].StringOrEmpty();
  sandbox.metadata.namespace_name = gateway.namespace_name;
  sandbox.spec.egress = egress;
  sandbox.spec.credentials = credentials;
  EgressSettings settings;
  settings.google_audience = root["googleAudience"].StringOrEmpty();
  const GatewayCredentials planned =
      PlanCredentials(sandbox, profile, settings, GatewayName(sandbox));
  const codec::Json rendered = {{"hash", profile.hash},
                                {"serverName", GatewayServerName(profile, gateway.namespace_name)},
                                {"sidecar", RenderSidecar(profile, sidecar)},
                                {"gateway", RenderGateway(profile, gateway)},
                                {"credentials", planned.file}};
  std::cout << rendered.dump(2) << "\n";
  return 0;
}

}  // namespace
}  // namespace stockade::render::envoy

int main(int argc, char** argv) { return stockade::render::envoy::Main(argc, argv); }
