#include <utility>

#include "render/envoy/access_log.h"
#include "render/envoy/limits.h"
#include "render/envoy/listeners.h"
#include "render/envoy/messages.h"
#include "render/envoy/upstreams.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

constexpr std::string_view kNotListed = "egress.allow does not list this host and port";

// A name whose last label begins with a letter, which no form of an IP address does.
constexpr std::string_view kAnyNamePattern =
    "(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?:443";

Json RemembersForInside(std::string_view key, const char* format) {
  return {{"object_key", key},
          {"factory_key", "envoy.string"},
          {"format_string", {{"text_format_source", {{"inline_string", format}}}}},
          {"shared_with_upstream", "TRANSITIVE"}};
}

Json IdentityFilter() {
  return Extension("envoy.filters.http.set_filter_state", "filters.http.set_filter_state.v3.Config",
                   {{"on_request_headers",
                     Json::array({RemembersForInside(kSandboxState, "%DOWNSTREAM_PEER_URI_SAN%"),
                                  RemembersForInside(kAuthorityState, "%REQ(:AUTHORITY)%")})}});
}

Json EndpointHost(const Endpoint& endpoint) {
  Json routes = Json::array();
  const Json connect = {{"connect_matcher", Json::object()}};
  if (const RequestRule* denied = endpoint.WhollyDeniedBy()) {
    routes.push_back(Refusal(denied->name, connect, 403, "egress.deny names this host"));
  } else {
    Json route = ConnectRoute(endpoint.allow.front().name, InnerListenerName(endpoint));
    MatchOneLabel(endpoint, route["match"]);
    routes.push_back(std::move(route));
    if (endpoint.wildcard()) routes.push_back(Refusal("default", connect, 403, kNotListed));
  }
  return ConnectHost(endpoint.HostAndPort(), std::move(routes));
}

Json UnlistedHost(bool audit) {
  Json routes = Json::array();
  if (audit) {
    Json route = ConnectRoute("audit", kAuditCluster);
    route["match"]["headers"] = Json::array(
        {{{"name", ":authority"}, {"string_match", FullMatch(std::string(kAnyNamePattern))}}});
    routes.push_back(std::move(route));
  }
  routes.push_back(Refusal("default", {{"connect_matcher", Json::object()}}, 403, kNotListed));
  routes.push_back(Refusal("plain-http", {{"prefix", "/"}}, 403,
                           "only HTTPS leaves this sandbox; use https:// and the proxy's CONNECT"));
  return {{"name", "unlisted"}, {"domains", Json::array({"*"})}, {"routes", std::move(routes)}};
}

// Of the CONNECTs to names that each get a cluster of their own; empty when there are none.
std::string ManyNamesPattern(const EgressProfile& profile) {
  if (profile.audit) return ".*";
  std::string pattern;
  for (const Endpoint& endpoint : profile.endpoints) {
    if (!endpoint.wildcard() || endpoint.WhollyDeniedBy() != nullptr) continue;
    if (!pattern.empty()) pattern += '|';
    pattern += OneLabelPattern(endpoint);
  }
  return pattern;
}

Json DownstreamTls(const EgressProfile& profile, const GatewayFacts& facts) {
  const Json sandboxes = {
      {"san_type", "URI"},
      {"matcher",
       {{"prefix", "spiffe://" + facts.trust_domain + "/ns/" + facts.namespace_name + "/profile/" +
                       profile.hash + "/sandbox/"}}}};
  return Extension("envoy.transport_sockets.tls", "transport_sockets.tls.v3.DownstreamTlsContext",
                   {{"require_client_certificate", true},
                    // A session that is resumed would outlive the certificate that opened it.
                    {"disable_stateless_session_resumption", true},
                    {"disable_stateful_session_resumption", true},
                    {"common_tls_context", MutualTls(sandboxes)}});
}

}  // namespace

Json OuterListener(const EgressProfile& profile, const GatewayFacts& facts) {
  Json hosts = Json::array();
  for (const Endpoint& endpoint : profile.endpoints) hosts.push_back(EndpointHost(endpoint));
  for (Json& host : DeniedHosts(profile)) hosts.push_back(std::move(host));
  hosts.push_back(UnlistedHost(profile.audit));

  Json filters = Json::array({IdentityFilter(), RateLimit(facts)});
  if (std::string names = ManyNamesPattern(profile); !names.empty()) {
    filters.push_back(NewNamesLimit(std::move(names)));
  }
  if (profile.audit) filters.push_back(DynamicForwardProxyFilter());
  filters.push_back(Router());

  Json manager = CommonSettings("connect");
  manager["codec_type"] = "HTTP1";
  // By which Python's http.client, and so pip, speaks to a proxy.
  manager["http_protocol_options"] = {{"accept_http_10", true}};
  manager["max_request_headers_kb"] = 16;
  manager["upgrade_configs"] = Json::array({{{"upgrade_type", "CONNECT"}}});
  manager["route_config"] = {{"virtual_hosts", std::move(hosts)}};
  manager["http_filters"] = std::move(filters);
  Json chain = {{"filters", ConnectionManager(std::move(manager))}};
  if (facts.socket.empty()) {
    chain["transport_socket_connect_timeout"] = "10s";
    chain["transport_socket"] = DownstreamTls(profile, facts);
  }
  return {{"name", kOuterListener},
          {"address", facts.socket.empty() ? SocketAddress(facts.listen_address, facts.port)
                                           : Pipe(facts.socket)},
          {"per_connection_buffer_limit_bytes", kBufferBytes},
          {"filter_chains", Json::array({std::move(chain)})}};
}

}  // namespace stockade::render::envoy
