#include "render/envoy/upstreams.h"

#include <utility>

#include "render/envoy/addresses.h"
#include "render/envoy/limits.h"
#include "render/envoy/messages.h"
#include "render/envoy/paths.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

constexpr std::int64_t kDnsPort = 53;
constexpr const char* kLookupFamily = "V4_PREFERRED";

Json DnsResolver(const GatewayFacts& facts) {
  Json config = {{"dns_resolver_options", {{"no_default_search_domain", true}}}};
  for (const std::string& resolver : facts.resolvers) {
    const bool has_port =
        resolver.find(':') != std::string::npos && resolver.find(':') == resolver.rfind(':');
    std::string address = resolver;
    std::int64_t port = kDnsPort;
    if (has_port) {
      const std::size_t colon = resolver.find(':');
      address = resolver.substr(0, colon);
      port = std::stoll(resolver.substr(colon + 1));
    }
    config["resolvers"].push_back(SocketAddress(address, port));
  }
  return Extension("envoy.network.dns_resolver.cares",
                   "network.dns_resolver.cares.v3.CaresDnsResolverConfig", std::move(config));
}

Json Http2Windows() {
  return {{"initial_stream_window_size", kStreamWindowBytes},
          {"initial_connection_window_size", kConnectionWindowBytes}};
}

// What of the cluster's HTTP is decided here: which version, and the filters.
Json HttpOptions(const Endpoint& endpoint, Upstream upstream, const GatewayFacts& facts) {
  Json options = {{"http_filters", AddressFilters(facts.cluster_ranges, endpoint.private_ranges)},
                  {"common_http_protocol_options", {{"idle_timeout", "300s"}}}};
  if (upstream == Upstream::kRaw || endpoint.web_socket) {
    options["explicit_http_config"]["http_protocol_options"] = Json::object();
  } else {
    options["auto_config"] = {{"http_protocol_options", Json::object()},
                              {"http2_protocol_options", Http2Windows()}};
  }
  if (upstream == Upstream::kTls && endpoint.wildcard()) {
    options["upstream_http_protocol_options"] = {{"auto_sni", true}, {"auto_san_validation", true}};
  }
  Json all = Json::object();
  all["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] =
      Any("upstreams.http.v3.HttpProtocolOptions", std::move(options));
  return all;
}

Json TlsSocket(const Endpoint& endpoint, const GatewayFacts& facts) {
  const std::string roots =
      facts.trusted_roots.empty() ? std::string(kSystemRoots) : facts.trusted_roots;
  Json context = {{"common_tls_context",
                   {{"tls_params", TlsParameters("TLSv1_2")},
                    {"validation_context", {{"trusted_ca", {{"filename", roots}}}}}}}};
  if (!endpoint.wildcard()) {
    context["sni"] = endpoint.host;
    context["auto_sni_san_validation"] = true;
  }
  return Extension("envoy.transport_sockets.tls", "transport_sockets.tls.v3.UpstreamTlsContext",
                   std::move(context));
}

}  // namespace

std::string UpstreamName(const Endpoint& endpoint) { return "upstream/" + endpoint.HostAndPort(); }

Json UpstreamCluster(const Endpoint& endpoint, Upstream upstream, const GatewayFacts& facts) {
  const std::string name = UpstreamName(endpoint);
  Json cluster = {
      {"name", name},
      {"connect_timeout", "10s"},
      {"per_connection_buffer_limit_bytes", endpoint.signs() ? kSignedBodyBytes : kBufferBytes},
      {"circuit_breakers", NoBreakers()},
      {"typed_extension_protocol_options", HttpOptions(endpoint, upstream, facts)}};
  if (endpoint.wildcard()) {
    // Each name gets a cluster of its own, whose every address is judged. A shared cache of names
    // would judge the first address alone, and then try the second.
    // What is made of it for a name takes over these two.
    cluster["dns_lookup_family"] = kLookupFamily;
    cluster["typed_dns_resolver_config"] = DnsResolver(facts);
    cluster["lb_policy"] = "CLUSTER_PROVIDED";
    Json names = {{"sub_clusters_config",
                   {{"max_sub_clusters", kNamesBelowWildcard}, {"sub_cluster_ttl", kNameLasts}}}};
    // It insists on checking names by TLS, which of a tunnel is the agent's affair.
    if (upstream == Upstream::kRaw) names["allow_insecure_cluster_options"] = true;
    cluster["cluster_type"] =
        Extension("envoy.clusters.dynamic_forward_proxy",
                  "clusters.dynamic_forward_proxy.v3.ClusterConfig", std::move(names));
  } else {
    cluster["cluster_type"] = Extension("envoy.clusters.dns", "clusters.dns.v3.DnsCluster",
                                        {{"dns_lookup_family", kLookupFamily},
                                         {"respect_dns_ttl", true},
                                         {"typed_dns_resolver_config", DnsResolver(facts)}});
    cluster["load_assignment"] = OneEndpoint(name, SocketAddress(endpoint.host, endpoint.port));
  }
  if (upstream == Upstream::kTls) cluster["transport_socket"] = TlsSocket(endpoint, facts);
  return cluster;
}

Json AuditCluster(const GatewayFacts& facts) {
  Endpoint any{.host = "*.", .tls = api::TlsMode::kTunnel};
  Json cluster = UpstreamCluster(any, Upstream::kRaw, facts);
  cluster["name"] = kAuditCluster;
  return cluster;
}

Json DynamicForwardProxyFilter() {
  return Extension("envoy.filters.http.dynamic_forward_proxy",
                   "filters.http.dynamic_forward_proxy.v3.FilterConfig",
                   {{"sub_cluster_config", {{"cluster_init_timeout", "10s"}}}});
}

}  // namespace stockade::render::envoy
