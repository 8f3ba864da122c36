#include <algorithm>
#include <utility>

#include "render/envoy/access_log.h"
#include "render/envoy/limits.h"
#include "render/envoy/listeners.h"
#include "render/envoy/messages.h"
#include "render/envoy/path_patterns.h"
#include "render/envoy/paths.h"
#include "render/envoy/request_filters.h"
#include "render/envoy/upstreams.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

constexpr const char* kIdleTimeout = "3600s";

// What is left of "." and ".." after normalisation because a slash beside it is encoded, or a
// parameter hangs on it, and some servers still resolve; and what is encoded twice.
constexpr std::string_view kDisguisedDotSegment =
    "(?i).*(?:(?:/|%2f|%5c)\\.{1,2}(?:(?:[;/]|%2f|%5c|%3b).*)?|%25(?:2e|2f|5c).*)";

Json TlsInspector() {
  return Json::array({Extension("envoy.filters.listener.tls_inspector",
                                "filters.listener.tls_inspector.v3.TlsInspector")});
}

Json NetworkRbac(const char* action, Json permission) {
  Json policies = Json::object();
  policies["server-name"] = {{"permissions", Json::array({std::move(permission)})},
                             {"principals", Json::array({{{"any", true}}})}};
  return Extension("envoy.filters.network.rbac", "filters.network.rbac.v3.RBAC",
                   {{"stat_prefix", "server_name"},
                    {"rules", {{"action", action}, {"policies", std::move(policies)}}}});
}

Json TcpProxy(Json config) {
  config["stat_prefix"] = "tunnel";
  config["idle_timeout"] = kIdleTimeout;
  return Extension("envoy.filters.network.tcp_proxy", "filters.network.tcp_proxy.v3.TcpProxy",
                   std::move(config));
}

// For a connection whose TLS name is missing or another: a chain of its own, because a connection
// that no chain takes is not logged.
Json RefusingChain() {
  return {{"filters",
           Json::array({NetworkRbac("DENY", {{"any", true}}),
                        TcpProxy({{"cluster", kNowhereCluster},
                                  {"access_log", ConnectionLog("refused", "server-name")}})})}};
}

Json InnerListener(const Endpoint& endpoint, Json chain) {
  chain["filter_chain_match"] = {{"server_names", Json::array({endpoint.host})}};
  chain["transport_socket_connect_timeout"] = "10s";
  return {{"name", InnerListenerName(endpoint)},
          {"internal_listener", Json::object()},
          {"listener_filters", TlsInspector()},
          {"listener_filters_timeout", "10s"},
          {"filter_chains", Json::array({std::move(chain)})},
          {"default_filter_chain", RefusingChain()}};
}

// ---- Terminate

// What a rule does to the requests that it fits.
enum class Effect { kAllow, kDeny };

Json PathMatcher(const PathMatch& path, Effect effect, bool encoded_slash) {
  const auto matches = [](std::string regex) -> Json {
    return {{"safe_regex", {{"regex", std::move(regex)}}}};
  };
  switch (path.kind) {
    case PathMatch::Kind::kExact:
      return {{"path", path.value}};
    case PathMatch::Kind::kRegex:
      return matches(path.value);
    case PathMatch::Kind::kPrefix:
      break;
  }
  if (effect == Effect::kDeny) return matches(DeniedPrefixPattern(path.value));
  if (encoded_slash) return matches(AllowedPrefixPattern(path.value));
  std::string prefix = path.value;
  while (prefix.ends_with('/')) prefix.pop_back();
  // Not "prefix", by which "/v1" would let "/v1evil" through.
  if (prefix.empty()) return {{"prefix", "/"}};
  return {{"path_separated_prefix", prefix}};
}

// One match for each path; all of them when there is none.
std::vector<Json> Matches(const RequestRule& rule, Effect effect, bool encoded_slash) {
  Json headers = Json::array();
  if (!rule.methods.empty()) {
    std::string methods;
    for (const std::string& method : rule.methods) {
      if (!methods.empty()) methods += '|';
      methods += method;
    }
    headers.push_back({{"name", ":method"}, {"string_match", FullMatch(std::move(methods))}});
  }
  if (!rule.host.empty()) {
    headers.push_back({{"name", ":authority"}, {"string_match", {{"exact", rule.host}}}});
  }
  std::vector<Json> matches;
  if (rule.paths.empty()) matches.push_back({{"prefix", "/"}});
  for (const PathMatch& path : rule.paths) {
    matches.push_back(PathMatcher(path, effect, encoded_slash));
  }
  for (Json& match : matches) {
    if (!headers.empty()) match["headers"] = headers;
  }
  return matches;
}

Json Forward(const Endpoint& endpoint, std::string_view rule, Json match) {
  return {
      {"name", rule},
      {"match", std::move(match)},
      {"route",
       {{"cluster", UpstreamName(endpoint)}, {"timeout", "0s"}, {"idle_timeout", kIdleTimeout}}}};
}

bool HasPathRules(const Endpoint& endpoint) {
  const auto has_paths = [](const RequestRule& rule) { return !rule.paths.empty(); };
  return std::ranges::any_of(endpoint.allow, has_paths) ||
         std::ranges::any_of(endpoint.deny, has_paths);
}

Json Routes(const Endpoint& endpoint, bool audit) {
  Json routes = Json::array();
  const Json trace = {
      {"prefix", "/"},
      {"headers", Json::array({{{"name", ":method"}, {"string_match", {{"exact", "TRACE"}}}}})}};
  routes.push_back(Refusal("trace", trace, 405, "TRACE is never allowed"));
  if (HasPathRules(endpoint)) {
    routes.push_back(Refusal("dot-segment", {{"safe_regex", {{"regex", kDisguisedDotSegment}}}},
                             400, "the path hides a dot segment"));
  }
  for (const RequestRule& rule : endpoint.deny) {
    for (Json& match : Matches(rule, Effect::kDeny, endpoint.encoded_slash)) {
      routes.push_back(Refusal(rule.name, std::move(match), 403, "egress.deny refuses this"));
    }
  }
  for (const RequestRule& rule : endpoint.allow) {
    for (Json& match : Matches(rule, Effect::kAllow, endpoint.encoded_slash)) {
      routes.push_back(Forward(endpoint, rule.name, std::move(match)));
    }
  }
  const Json everything = {{"prefix", "/"}};
  if (!audit) {
    routes.push_back(Refusal("default", everything, 403,
                             "egress.allow has no such method and path for this host"));
    return routes;
  }
  Json rest = Forward(endpoint, "audit", everything);
  // What the list lacks is let through and told of, but never with the gateway's credential.
  if (endpoint.injection) rest["typed_per_filter_config"] = WithoutInjection(*endpoint.injection);
  routes.push_back(std::move(rest));
  return routes;
}

Json RouteConfig(const Endpoint& endpoint, bool audit) {
  Json own = {{"name", endpoint.host},
              {"domains", Json::array({endpoint.host})},
              {"routes", Routes(endpoint, audit)}};
  Json others = {{"name", "another-host"},
                 {"domains", Json::array({"*"})},
                 {"routes", Json::array({Refusal("host-differs", {{"prefix", "/"}}, 421,
                                                 "the Host header differs from the TLS name")})}};
  return {{"request_headers_to_remove", Json::array({kAuthorityHeader, kHostHeader, kBodyHeader,
                                                     "x-forwarded-proto", "x-forwarded-for"})},
          {"virtual_hosts", Json::array({std::move(own), std::move(others)})}};
}

Json KeepTransferEncoding() {
  const Json kept = {{"append",
                      {{"header", {{"key", kBodyHeader}, {"value", "%REQ(TRANSFER-ENCODING)%"}}},
                       {"append_action", "OVERWRITE_IF_EXISTS_OR_ADD"}}}};
  return Extension("envoy.http.early_header_mutation.header_mutation",
                   "http.early_header_mutation.header_mutation.v3.HeaderMutation",
                   {{"mutations", Json::array({kept})}});
}

Json LeafSocket(const Endpoint& endpoint) {
  return Extension("envoy.transport_sockets.tls", "transport_sockets.tls.v3.DownstreamTlsContext",
                   {{"common_tls_context",
                     {{"alpn_protocols", endpoint.signs() ? Json::array({"http/1.1"})
                                                          : Json::array({"h2", "http/1.1"})},
                      {"tls_params", TlsParameters("TLSv1_2")},
                      {"tls_certificate_sds_secret_configs",
                       Json::array({SdsConfig("leaf-" + LeafFileName(endpoint.host),
                                              LeafResource(endpoint), kLeavesDirectory)})}}}});
}

}  // namespace

std::string InnerListenerName(const Endpoint& endpoint) {
  return std::string(api::kTlsModeNames[static_cast<std::size_t>(endpoint.tls)]) + "/" +
         endpoint.HostAndPort();
}

std::string LeafResource(const Endpoint& endpoint) {
  return "leaf-" + LeafFileName(endpoint.host) + ".json";
}

Json TerminateListener(const Endpoint& endpoint, bool audit, const GatewayFacts& facts) {
  Json filters = Json::array({RateLimit(facts)});
  if (endpoint.signs()) filters.push_back(LargeBodyLimit());
  AddAgreementFilters(endpoint, filters);
  AddStripFilters(endpoint, filters);
  if (endpoint.wildcard()) filters.push_back(DynamicForwardProxyFilter());
  AddInjectionFilter(endpoint, filters);
  filters.push_back(Router());

  Json manager = CommonSettings("request");
  // Where a body's length is not told, HTTP/1.1 says at least that there is one, in a header that
  // is gone before the filters see the request.
  if (endpoint.signs()) {
    manager["codec_type"] = "HTTP1";
    manager["request_timeout"] = kSignedRequestTimeout;
    manager["early_header_mutation_extensions"] = Json::array({KeepTransferEncoding()});
  }
  manager["http2_protocol_options"] = {{"max_concurrent_streams", kStreamsOfConnection},
                                       {"initial_stream_window_size", kStreamWindowBytes},
                                       {"initial_connection_window_size", kConnectionWindowBytes}};
  // Credentials go by TLS alone, whatever a request says of its scheme.
  manager["scheme_header_transformation"] = {{"scheme_to_overwrite", "https"}};
  manager["normalize_path"] = true;
  manager["merge_slashes"] = true;
  manager["path_with_escaped_slashes_action"] =
      HasPathRules(endpoint) && !endpoint.encoded_slash ? "REJECT_REQUEST" : "KEEP_UNCHANGED";
  manager["strip_any_host_port"] = true;
  if (endpoint.web_socket) {
    manager["upgrade_configs"] = Json::array({{{"upgrade_type", "websocket"}}});
  }
  manager["route_config"] = RouteConfig(endpoint, audit);
  manager["http_filters"] = std::move(filters);
  Json listener = InnerListener(endpoint, {{"transport_socket", LeafSocket(endpoint)},
                                           {"filters", ConnectionManager(std::move(manager))}});
  listener["per_connection_buffer_limit_bytes"] =
      endpoint.signs() ? kSignedBodyBytes : kBufferBytes;
  return listener;
}

Json TunnelListener(const Endpoint& endpoint) {
  // Of a wildcard the tunnel leads to the CONNECT's own authority, which the outer listener has
  // judged; the TLS name goes along to be compared with it. A filter before this one could not
  // refuse: the proxy connects, and looks the name up, before the first bytes are judged.
  const std::string authority = endpoint.wildcard()
                                    ? "%FILTER_STATE(" + std::string(kAuthorityState) + ":PLAIN)%"
                                    : endpoint.HostAndPort();
  Json name = {{"header",
                {{"key", kServerNameHeader},
                 {"value", "%REQUESTED_SERVER_NAME%:" + std::to_string(endpoint.port)}}},
               {"append_action", "OVERWRITE_IF_EXISTS_OR_ADD"}};
  Json proxy =
      TcpProxy({{"cluster", kTunnelsListener},
                {"tunneling_config",
                 {{"hostname", authority}, {"headers_to_add", Json::array({std::move(name)})}}},
                {"access_log", ConnectionLog("tunnel", endpoint.allow.front().name)}});
  Json listener = InnerListener(endpoint, {{"filters", Json::array({std::move(proxy)})}});
  listener["per_connection_buffer_limit_bytes"] = kBufferBytes;
  return listener;
}

Json TunnelsListener(const EgressProfile& profile) {
  const Json connect = {{"connect_matcher", Json::object()}};
  Json hosts = Json::array();
  bool wildcard = false;
  for (const Endpoint& endpoint : profile.endpoints) {
    if (endpoint.tls != api::TlsMode::kTunnel || endpoint.WhollyDeniedBy() != nullptr) continue;
    wildcard |= endpoint.wildcard();
    Json route = ConnectRoute(endpoint.allow.front().name, UpstreamName(endpoint));
    MatchOneLabel(endpoint, route["match"]);
    hosts.push_back(ConnectHost(endpoint.HostAndPort(), Json::array({std::move(route)})));
  }
  for (Json& host : DeniedHosts(profile)) hosts.push_back(std::move(host));
  hosts.push_back({{"name", "unlisted"},
                   {"domains", Json::array({"*"})},
                   {"routes", Json::array({Refusal("default", connect, 403, "no such tunnel")})}});
  Json filters = Json::array();
  AddTunnelAgreementFilter(filters);
  if (wildcard) filters.push_back(DynamicForwardProxyFilter());
  filters.push_back(Router());

  Json manager = CommonSettings("tunnel");
  manager["codec_type"] = "HTTP1";
  manager["upgrade_configs"] = Json::array({{{"upgrade_type", "CONNECT"}}});
  manager["route_config"] = {{"request_headers_to_remove", Json::array({kServerNameHeader})},
                             {"virtual_hosts", std::move(hosts)}};
  manager["http_filters"] = std::move(filters);
  return {{"name", kTunnelsListener},
          {"internal_listener", Json::object()},
          {"per_connection_buffer_limit_bytes", kBufferBytes},
          {"filter_chains", Json::array({{{"filters", ConnectionManager(std::move(manager))}}})}};
}

}  // namespace stockade::render::envoy
