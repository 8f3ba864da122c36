#include <algorithm>
#include <set>
#include <utility>

#include "render/envoy/access_log.h"
#include "render/envoy/listeners.h"
#include "render/envoy/messages.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

// A stream of events may be silent while a model thinks.
constexpr const char* kStreamIdleTimeout = "3600s";
// That are told apart at once by how many requests they send; of more the one that has been silent
// for longest is forgotten.
constexpr int kMaxSandboxes = 10'000;

std::string EscapeDots(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '.') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

Json ConnectionManager(Json config) {
  return Json::array({Extension("envoy.filters.network.http_connection_manager",
                                "filters.network.http_connection_manager.v3.HttpConnectionManager",
                                std::move(config))});
}

Json CommonSettings(std::string_view kind) {
  return {{"stat_prefix", kind},
          {"access_log", RequestLog(kind)},
          {"generate_request_id", false},
          {"server_header_transformation", "PASS_THROUGH"},
          {"skip_xff_append", true},
          {"stream_idle_timeout", kStreamIdleTimeout},
          {"request_headers_timeout", "10s"},
          {"max_request_headers_kb", 60},
          {"common_http_protocol_options", {{"max_headers_count", 100}, {"idle_timeout", "600s"}}}};
}

Json Router() {
  return Extension("envoy.filters.http.router", "filters.http.router.v3.Router",
                   {{"suppress_envoy_headers", true}});
}

// Each sandbox has a bucket of its own, so that one that shares its gateway starves no other.
Json RateLimit(const GatewayFacts& facts) {
  const Json always = {{"default_value", {{"numerator", 100}, {"denominator", "HUNDRED"}}}};
  const Json bucket = {{"max_tokens", 2 * facts.max_requests_per_second},
                       {"tokens_per_fill", facts.max_requests_per_second},
                       {"fill_interval", "1s"}};
  const Json sandbox = {
      {"extension",
       Extension("envoy.rate_limit_descriptors.expr", "rate_limit_descriptors.expr.v3.Descriptor",
                 {{"descriptor_key", "sandbox"},
                  {"text", "filter_state['" + std::string(kSandboxState) + "']"}})}};
  return Extension("envoy.filters.http.local_ratelimit",
                   "filters.http.local_ratelimit.v3.LocalRateLimit",
                   {{"stat_prefix", "requests"},
                    // Of a request that names no sandbox; there is none.
                    {"token_bucket", bucket},
                    {"rate_limits", Json::array({{{"actions", Json::array({sandbox})}}})},
                    {"descriptors", Json::array({{{"entries", Json::array({{{"key", "sandbox"}}})},
                                                  {"token_bucket", bucket}}})},
                    {"max_dynamic_descriptors", kMaxSandboxes},
                    {"always_consume_default_token_bucket", false},
                    {"filter_enabled", always},
                    {"filter_enforced", always}});
}

Json Refusal(std::string_view rule, Json match, int status, std::string_view text) {
  return {{"name", rule},
          {"match", std::move(match)},
          {"direct_response",
           {{"status", status},
            {"body", {{"inline_string", "stockade: " + std::string(text) + "\n"}}}}}};
}

Json ConnectHost(const std::string& host_and_port, Json routes) {
  return {{"name", host_and_port},
          {"domains", Json::array({host_and_port})},
          {"routes", std::move(routes)}};
}

Json ConnectRoute(std::string_view rule, const std::string& cluster) {
  Json upgrade = {{"upgrade_type", "CONNECT"}, {"connect_config", Json::object()}};
  return {{"name", rule},
          {"match", {{"connect_matcher", Json::object()}}},
          {"route",
           {{"cluster", cluster},
            {"timeout", "0s"},
            {"idle_timeout", kStreamIdleTimeout},
            {"upgrade_configs", Json::array({std::move(upgrade)})}}}};
}

void MatchOneLabel(const Endpoint& endpoint, Json& match) {
  if (!endpoint.wildcard()) return;
  const std::string pattern =
      "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?" + EscapeDots(endpoint.HostAndPort().substr(1));
  match["headers"].push_back({{"name", ":authority"}, {"string_match", FullMatch(pattern)}});
}

std::vector<Json> DeniedHosts(const EgressProfile& profile) {
  std::set<std::string> known;
  std::set<std::int64_t> ports = {api::kHttpsPort};
  for (const Endpoint& endpoint : profile.endpoints) {
    known.insert(endpoint.HostAndPort());
    ports.insert(endpoint.port);
  }
  std::vector<Json> hosts;
  const auto add = [&](const DeniedHost& denied, std::int64_t port) {
    // Where requests are seen, those that are denied are told from the others.
    const bool judged_inside =
        !denied.blanket && std::ranges::any_of(profile.endpoints, [&](const Endpoint& endpoint) {
          return endpoint.tls == api::TlsMode::kTerminate && endpoint.port == port &&
                 api::CoversHost(endpoint.host, denied.host);
        });
    const std::string host_and_port = denied.host + ":" + std::to_string(port);
    if (judged_inside || !known.insert(host_and_port).second) return;
    hosts.push_back(ConnectHost(
        host_and_port, Json::array({Refusal(denied.name, {{"connect_matcher", Json::object()}}, 403,
                                            "egress.deny names this host")})));
  };
  for (const DeniedHost& denied : profile.denied) {
    if (denied.port != 0) {
      add(denied, denied.port);
      continue;
    }
    for (const std::int64_t port : ports) add(denied, port);
  }
  return hosts;
}

}  // namespace stockade::render::envoy
