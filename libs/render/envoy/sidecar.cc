#include <string>

#include "render/envoy/envoy.h"
#include "render/envoy/limits.h"
#include "render/envoy/messages.h"
#include "render/envoy/paths.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

constexpr const char* kGateway = "gateway";

Json GatewayCluster(const std::string& server_name, const SidecarFacts& facts) {
  const Json name_match = {{"san_type", "DNS"}, {"matcher", {{"exact", server_name}}}};
  Json cluster = {{"name", kGateway},
                  {"type", "STATIC"},
                  {"connect_timeout", "5s"},
                  {"per_connection_buffer_limit_bytes", kBufferBytes}};
  if (!facts.socket.empty()) {
    cluster["load_assignment"] = OneEndpoint(kGateway, {{"pipe", {{"path", facts.socket}}}});
    return cluster;
  }
  cluster["load_assignment"] =
      OneEndpoint(kGateway, SocketAddress(facts.gateway_address, facts.gateway_port));
  cluster["transport_socket"] =
      Extension("envoy.transport_sockets.tls", "transport_sockets.tls.v3.UpstreamTlsContext",
                {{"sni", server_name}, {"common_tls_context", MutualTls(name_match)}});
  return cluster;
}

}  // namespace

Files RenderSidecar(const EgressProfile& profile, const SidecarFacts& facts) {
  // No deadline of its own: the gateway has the last word on how long a stream may be silent, and
  // closes both ends.
  Json proxy =
      Extension("envoy.filters.network.tcp_proxy", "filters.network.tcp_proxy.v3.TcpProxy",
                {{"stat_prefix", "egress"}, {"cluster", kGateway}, {"idle_timeout", "0s"}});
  Json bootstrap = Bootstrap("stockade-proxy", facts.max_heap_bytes, facts.max_connections);
  bootstrap["static_resources"] = {
      {"listeners",
       Json::array(
           {{{"name", "egress"},
             {"address", SocketAddress("127.0.0.1", facts.port)},
             {"per_connection_buffer_limit_bytes", kBufferBytes},
             {"filter_chains", Json::array({{{"filters", Json::array({std::move(proxy)})}}})}}})},
      {"clusters",
       Json::array({GatewayCluster(GatewayServerName(profile, facts.namespace_name), facts)})}};
  return {{std::string(kBootstrapFile), std::move(bootstrap)},
          {std::string(kIdentityResource), IdentityResource()},
          {std::string(kAuthoritiesResource), IdentityAuthoritiesResource()}};
}

}  // namespace stockade::render::envoy
