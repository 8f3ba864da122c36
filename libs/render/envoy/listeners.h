#pragma once

#include <string>
#include <vector>

#include "codec/json.h"
#include "render/egress_profile.h"
#include "render/envoy/envoy.h"

// The parts of a gateway: one listener outside, which knows sandboxes and takes CONNECTs to listed
// hosts and ports, and behind it an internal listener for each of these.
//
//   sidecar - mTLS - outer - Terminate/HOST:PORT - (TLS) - requests - upstream/HOST:PORT
//                          - Tunnel/HOST:PORT - (TLS name) - tunnels - upstream/HOST:PORT
namespace stockade::render::envoy {

inline constexpr const char* kOuterListener = "outer";
inline constexpr const char* kTunnelsListener = "tunnels";
inline constexpr const char* kNowhereCluster = "nowhere";

// "Terminate/api.example.com:443": of the internal listener, and of the cluster that leads there.
[[nodiscard]] std::string InnerListenerName(const Endpoint& endpoint);

[[nodiscard]] codec::Json OuterListener(const EgressProfile& profile, const GatewayFacts& facts);
[[nodiscard]] codec::Json TerminateListener(const Endpoint& endpoint, bool audit,
                                            const GatewayFacts& facts);
[[nodiscard]] codec::Json TunnelListener(const Endpoint& endpoint);
// The connection manager behind all tunnels, by which the addresses of raw connections are judged:
// Envoy does so for requests alone, so each tunnel becomes a CONNECT once more.
[[nodiscard]] codec::Json TunnelsListener(const EgressProfile& profile);

// The SDS resource of the leaf that a Terminate endpoint shows to the agent.
[[nodiscard]] std::string LeafResource(const Endpoint& endpoint);

// ---- What the connection managers have in common (connection_manager.cc).

// "filters" of a filter chain.
[[nodiscard]] codec::Json ConnectionManager(codec::Json config);
// A connection manager's settings that all of them share: what they log, how long they wait, what
// they take at most. `kind` as in the audit log.
[[nodiscard]] codec::Json CommonSettings(std::string_view kind);
[[nodiscard]] codec::Json Router();
[[nodiscard]] codec::Json RateLimit(const GatewayFacts& facts);
// Bounds the large bodies that one sandbox sends where bodies are held: limits.h.
[[nodiscard]] codec::Json LargeBodyLimit();
// Bounds the CONNECTs of one sandbox to authorities of that pattern: limits.h.
[[nodiscard]] codec::Json NewNamesLimit(std::string authorities);

// Routes that answer by themselves. `rule` is the name that the audit log tells.
[[nodiscard]] codec::Json Refusal(std::string_view rule, codec::Json match, int status,
                                  std::string_view text);
// A virtual host that takes or refuses CONNECTs to one host and port.
[[nodiscard]] codec::Json ConnectHost(const std::string& host_and_port, codec::Json routes);
[[nodiscard]] codec::Json ConnectRoute(std::string_view rule, const std::string& cluster);
// Virtual hosts that refuse CONNECTs to what is denied and is no endpoint's own host.
[[nodiscard]] std::vector<codec::Json> DeniedHosts(const EgressProfile& profile);
// The CONNECTs' authorities, host and port, that a wildcard stands for: one label below it.
[[nodiscard]] std::string OneLabelPattern(const Endpoint& endpoint);
// The CONNECT's authority is one label below the wildcard; nothing for an exact host.
void MatchOneLabel(const Endpoint& endpoint, codec::Json& match);

}  // namespace stockade::render::envoy
