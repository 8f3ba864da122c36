#include <algorithm>
#include <utility>

#include "render/envoy/envoy.h"
#include "render/envoy/listeners.h"
#include "render/envoy/messages.h"
#include "render/envoy/paths.h"
#include "render/envoy/request_filters.h"
#include "render/envoy/upstreams.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

constexpr std::size_t kServerNameHashDigits = 32;  // a label has at most 63 bytes

// Where refused connections would go if they were not refused: it has no endpoint.
Json Nowhere() {
  return {{"name", kNowhereCluster}, {"type", "STATIC"}, {"connect_timeout", "1s"}};
}

}  // namespace

std::string GatewayServerName(const EgressProfile& profile, std::string_view namespace_name) {
  return profile.hash.substr(0, kServerNameHashDigits) + "." + std::string(namespace_name) +
         ".gateway.stockade.internal";
}

std::string LeafFileName(std::string_view host) {
  std::string name(host);
  if (api::IsWildcardHost(host)) name[0] = '_';
  return name;
}

Files RenderGateway(const EgressProfile& profile, const GatewayFacts& facts) {
  Files files = {{std::string(kIdentityResource), IdentityResource()},
                 {std::string(kAuthoritiesResource), IdentityAuthoritiesResource()}};
  Json listeners = Json::array({OuterListener(profile, facts)});
  Json clusters = Json::array({Nowhere()});
  bool tunnels = false;
  for (const Endpoint& endpoint : profile.endpoints) {
    if (endpoint.WhollyDeniedBy() != nullptr) continue;
    const std::string name = InnerListenerName(endpoint);
    clusters.push_back(InternalCluster(name, name));
    if (endpoint.tls == api::TlsMode::kTunnel) {
      tunnels = true;
      listeners.push_back(TunnelListener(endpoint));
      clusters.push_back(UpstreamCluster(endpoint, Upstream::kRaw, facts));
      continue;
    }
    listeners.push_back(TerminateListener(endpoint, profile.audit, facts));
    clusters.push_back(UpstreamCluster(endpoint, Upstream::kTls, facts));
    const std::string leaf = LeafFileName(endpoint.host);
    files[LeafResource(endpoint)] =
        KeyPairResource("leaf-" + leaf, kLeavesDirectory, leaf + ".crt", leaf + ".key");
    if (endpoint.injection && endpoint.injection->kind == Injection::Kind::kHeader) {
      files[InjectionResource(*endpoint.injection)] =
          InjectionResourceContents(*endpoint.injection);
    }
  }
  if (tunnels) {
    listeners.push_back(TunnelsListener(profile));
    clusters.push_back(InternalCluster(kTunnelsListener, kTunnelsListener));
  }
  if (profile.audit) clusters.push_back(AuditCluster(facts));

  Json bootstrap = Bootstrap("stockade-gateway", facts.max_heap_bytes, facts.max_connections);
  bootstrap["bootstrap_extensions"] = Json::array({Extension(
      "envoy.bootstrap.internal_listener", "bootstrap.internal_listener.v3.InternalListener")});
  bootstrap["static_resources"] = {{"listeners", std::move(listeners)},
                                   {"clusters", std::move(clusters)}};
  files[std::string(kBootstrapFile)] = std::move(bootstrap);
  return files;
}

}  // namespace stockade::render::envoy
