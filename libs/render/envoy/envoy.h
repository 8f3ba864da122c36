#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "render/egress_profile.h"

// The configurations of the two proxies on the way out: the sidecar in the sandbox's pod, which
// carries bytes to the gateway, and the gateway, which decides. For Envoy 1.40. Pure; equal input
// gives equal output.
namespace stockade::render::envoy {

// File names and contents of a proxy's ConfigMap: the bootstrap and the SDS resources beside it.
// Certificates and credentials are never part of it, only the paths from which Envoy takes them and
// follows their changes (paths.h).
using Files = std::map<std::string, codec::Json>;

inline constexpr std::int64_t kSidecarPort = 3128;
inline constexpr std::int64_t kGatewayPort = 15443;

struct SidecarFacts {
  std::string namespace_name = {};
  std::string gateway_address = {};  // of the gateway's Service: an IP address, for there is no DNS
  std::int64_t gateway_port = kGatewayPort;
  std::string socket = {};           // of the gateway, in place of all that: GatewayFacts
  std::int64_t port = kSidecarPort;  // on 127.0.0.1
  std::int64_t max_heap_bytes = 48 << 20;
  std::int64_t max_connections = 256;
};

struct GatewayFacts {
  std::string namespace_name = {};
  std::string trust_domain = "stockade.local";
  std::string listen_address = "0.0.0.0";
  std::int64_t port = kGatewayPort;
  // CIDRs of pods, Services, nodes and API servers: no host may resolve to one of them, unless an
  // entry's privateRanges say so.
  std::vector<std::string> cluster_ranges = {};
  // Name servers, as IP addresses; none: those of the pod.
  std::vector<std::string> resolvers = {};
  std::string trusted_roots = {};  // a file; empty: kSystemRoots
  // A socket in the file system, in place of the address and of mutual TLS: who may open it is
  // served.
  std::string socket = {};
  std::int64_t max_heap_bytes = 256 << 20;
  std::int64_t max_connections = 4096;
  // Requests and CONNECTs a second, of all sandboxes together; beyond it they get 429. It bounds
  // the audit log as well.
  std::int64_t max_requests_per_second = 1000;
};

// The name in the gateway's certificate, and what the sidecar asks for.
[[nodiscard]] std::string GatewayServerName(const EgressProfile& profile,
                                            std::string_view namespace_name);

// The names of a Terminate endpoint's leaf in kLeavesDirectory, without ".crt" and ".key".
[[nodiscard]] std::string LeafFileName(std::string_view host);

[[nodiscard]] Files RenderSidecar(const EgressProfile& profile, const SidecarFacts& facts);
[[nodiscard]] Files RenderGateway(const EgressProfile& profile, const GatewayFacts& facts);

}  // namespace stockade::render::envoy
