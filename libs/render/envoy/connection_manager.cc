#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "render/envoy/access_log.h"
#include "render/envoy/limits.h"
#include "render/envoy/listeners.h"
#include "render/envoy/messages.h"
#include "render/envoy/request_filters.h"

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

Json Sandbox() {
  return {
      {"extension",
       Extension("envoy.rate_limit_descriptors.expr", "rate_limit_descriptors.expr.v3.Descriptor",
                 {{"descriptor_key", "sandbox"},
                  {"text", "filter_state['" + std::string(kSandboxState) + "']"}})}};
}

// Each sandbox has a bucket of its own, so that one that shares its gateway starves no other.
// `alternatives` say of which requests (lists of actions); the others take from `rest`.
Json LimitOfEach(const char* name, const Json& alternatives, Json entries, Json bucket, Json rest) {
  const Json always = {{"default_value", {{"numerator", 100}, {"denominator", "HUNDRED"}}}};
  Json limits = Json::array();
  for (const Json& actions : alternatives) limits.push_back({{"actions", actions}});
  return Extension(
      "envoy.filters.http.local_ratelimit", "filters.http.local_ratelimit.v3.LocalRateLimit",
      {{"stat_prefix", name},
       {"token_bucket", std::move(rest)},
       {"rate_limits", std::move(limits)},
       {"descriptors",
        Json::array({{{"entries", std::move(entries)}, {"token_bucket", std::move(bucket)}}})},
       {"max_dynamic_descriptors", kMaxSandboxes},
       {"always_consume_default_token_bucket", false},
       {"filter_enabled", always},
       {"filter_enforced", always}});
}

// For what the alternatives do not name.
Json Unlimited() {
  return {{"max_tokens", std::numeric_limits<std::int32_t>::max()},
          {"tokens_per_fill", std::numeric_limits<std::int32_t>::max()},
          {"fill_interval", "1s"}};
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

Json RateLimit(const GatewayFacts& facts) {
  const Json bucket = {{"max_tokens", 2 * facts.max_requests_per_second},
                       {"tokens_per_fill", facts.max_requests_per_second},
                       {"fill_interval", "1s"}};
  // The last is of a request that names no sandbox; there is none.
  return LimitOfEach("requests", Json::array({Json::array({Sandbox()})}),
                     Json::array({{{"key", "sandbox"}}}), bucket, bucket);
}

Json NewNamesLimit(std::string authorities) {
  const Json below = {
      {"header_value_match",
       {{"descriptor_key", "name"},
        {"descriptor_value", "below-wildcard"},
        {"headers", Json::array({{{"name", ":authority"},
                                  {"string_match", FullMatch(std::move(authorities))}}})}}}};
  return LimitOfEach(
      "new_names", Json::array({Json::array({Sandbox(), below})}),
      Json::array({{{"key", "sandbox"}}, {{"key", "name"}, {"value", "below-wildcard"}}}),
      {{"max_tokens", kNewNames}, {"tokens_per_fill", kNewNamesPerSecond}, {"fill_interval", "1s"}},
      Unlimited());
}

Json LargeBodyLimit() {
  const auto large = [](Json header) -> Json {
    return {{"header_value_match",
             {{"descriptor_key", "body"},
              {"descriptor_value", "large"},
              {"headers", Json::array({std::move(header)})}}}};
  };
  const Json told =
      large({{"name", "content-length"},
             {"range_match",
              {{"start", kLargeBodyBytes}, {"end", std::numeric_limits<std::int64_t>::max()}}}});
  const Json chunked = large({{"name", kBodyHeader}, {"present_match", true}});
  const Json bucket = {
      {"max_tokens", kLargeBodies}, {"tokens_per_fill", 1}, {"fill_interval", kLargeBodyInterval}};
  return LimitOfEach(
      "large_bodies",
      Json::array({Json::array({Sandbox(), told}), Json::array({Sandbox(), chunked})}),
      Json::array({{{"key", "sandbox"}}, {{"key", "body"}, {"value", "large"}}}), bucket,
      Unlimited());
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

std::string OneLabelPattern(const Endpoint& endpoint) {
  return "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?" + EscapeDots(endpoint.HostAndPort().substr(1));
}

void MatchOneLabel(const Endpoint& endpoint, Json& match) {
  if (!endpoint.wildcard()) return;
  match["headers"].push_back(
      {{"name", ":authority"}, {"string_match", FullMatch(OneLabelPattern(endpoint))}});
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
