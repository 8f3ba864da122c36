#pragma once

#include <string>

#include "codec/json.h"
#include "render/egress_profile.h"
#include "render/envoy/envoy.h"

// The clusters by which a gateway reaches hosts. Every one resolves its own name or, of a wildcard,
// the name that was asked for once it has been judged; and every one judges the address.
namespace stockade::render::envoy {

// How bytes get to the host.
enum class Upstream {
  kTls,  // of Terminate: TLS 1.2 or 1.3, with the host's name and the public authorities checked
  kRaw,  // of Tunnel: what the agent sends
};

[[nodiscard]] std::string UpstreamName(const Endpoint& endpoint);
[[nodiscard]] codec::Json UpstreamCluster(const Endpoint& endpoint, Upstream upstream,
                                          const GatewayFacts& facts);

// Where egress.audit lets everything through: any name, raw.
inline constexpr const char* kAuditCluster = "audit";
[[nodiscard]] codec::Json AuditCluster(const GatewayFacts& facts);

// The HTTP filter that a connection manager needs for the clusters of wildcards, before its router.
[[nodiscard]] codec::Json DynamicForwardProxyFilter();

}  // namespace stockade::render::envoy
