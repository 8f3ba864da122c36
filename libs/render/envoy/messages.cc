#include "render/envoy/messages.h"

#include <charconv>
#include <utility>

#include "render/envoy/limits.h"
#include "render/envoy/paths.h"

namespace stockade::render::envoy {
namespace {

using codec::Json;

constexpr std::string_view kTypePrefix = "type.googleapis.com/envoy.extensions.";
constexpr std::string_view kIdentityName = "identity";
constexpr std::string_view kAuthoritiesName = "authorities";
constexpr int kMaxRegexProgram = 1 << 20;
constexpr int kTrackedStreamPower = 15;

std::string Path(std::string_view directory, std::string_view file) {
  return std::string(directory) + "/" + std::string(file);
}

Json Secret(std::string_view name, const char* kind, Json value) {
  Json secret = Any("transport_sockets.tls.v3.Secret", {{"name", name}});
  secret[kind] = std::move(value);
  return {{"resources", Json::array({std::move(secret)})}};
}

Json Trigger(const char* monitor, double value) {
  return Json::array({{{"name", monitor}, {"threshold", {{"value", value}}}}});
}

Json ScaledTrigger(const char* monitor, double from, double to) {
  return Json::array({{{"name", monitor},
                       {"scaled", {{"scaling_threshold", from}, {"saturation_threshold", to}}}}});
}

}  // namespace

Json Any(std::string_view type, Json fields) {
  fields["@type"] = std::string(kTypePrefix) + std::string(type);
  return fields;
}

Json Extension(std::string_view name, std::string_view type, Json fields) {
  return {{"name", name}, {"typed_config", Any(type, std::move(fields))}};
}

Json SocketAddress(std::string_view address, std::int64_t port) {
  return {{"socket_address", {{"address", address}, {"port_value", port}}}};
}

Json Pipe(std::string_view path) {
  constexpr int kOwnersAlone = 0600;
  return {{"pipe", {{"path", path}, {"mode", kOwnersAlone}}}};
}

Json OneEndpoint(const std::string& cluster, Json address) {
  Json endpoint = {{"endpoint", {{"address", std::move(address)}}}};
  return {{"cluster_name", cluster},
          {"endpoints", Json::array({{{"lb_endpoints", Json::array({std::move(endpoint)})}}})}};
}

Json CidrRange(std::string_view cidr) {
  const std::size_t slash = cidr.find('/');
  const std::string_view address = cidr.substr(0, slash);
  unsigned length = address.find(':') == std::string_view::npos ? 32 : 128;
  if (slash != std::string_view::npos) {
    std::from_chars(cidr.data() + slash + 1, cidr.data() + cidr.size(), length);
  }
  return {{"address_prefix", address}, {"prefix_len", length}};
}

Json FullMatch(std::string regex) { return {{"safe_regex", {{"regex", std::move(regex)}}}}; }

std::string ConfigPath(std::string_view file) { return Path(kConfigDirectory, file); }

Json SdsConfig(std::string_view name, std::string_view file, std::string_view watched) {
  return {{"name", name},
          {"sds_config",
           {{"resource_api_version", "V3"},
            {"path_config_source",
             {{"path", ConfigPath(file)}, {"watched_directory", {{"path", watched}}}}}}}};
}

Json KeyPairResource(std::string_view name, std::string_view directory,
                     std::string_view certificate, std::string_view key) {
  return Secret(name, "tls_certificate",
                {{"certificate_chain", {{"filename", Path(directory, certificate)}}},
                 {"private_key", {{"filename", Path(directory, key)}}},
                 {"watched_directory", {{"path", directory}}}});
}

Json AuthoritiesResource(std::string_view name, std::string_view directory, std::string_view file) {
  return Secret(name, "validation_context",
                {{"trusted_ca", {{"filename", Path(directory, file)}}},
                 {"watched_directory", {{"path", directory}}}});
}

Json SecretResource(std::string_view name, const std::string& path) {
  return Secret(name, "generic_secret", {{"secret", {{"filename", path}}}});
}

Json TlsParameters(std::string_view minimum) {
  return {{"tls_minimum_protocol_version", minimum}, {"tls_maximum_protocol_version", "TLSv1_3"}};
}

Json IdentityResource() {
  return KeyPairResource(kIdentityName, kIdentityDirectory, kCertificateFile, kPrivateKeyFile);
}

Json IdentityAuthoritiesResource() {
  return AuthoritiesResource(kAuthoritiesName, kIdentityDirectory, kAuthoritiesFile);
}

Json MutualTls(Json subject_alt_name) {
  return {{"tls_params", TlsParameters("TLSv1_3")},
          {"tls_certificate_sds_secret_configs",
           Json::array({SdsConfig(kIdentityName, kIdentityResource, kIdentityDirectory)})},
          {"combined_validation_context",
           {{"default_validation_context",
             {{"match_typed_subject_alt_names", Json::array({std::move(subject_alt_name)})}}},
            {"validation_context_sds_secret_config",
             SdsConfig(kAuthoritiesName, kAuthoritiesResource, kIdentityDirectory)}}}};
}

Json Bootstrap(std::string_view cluster, std::int64_t max_heap_bytes,
               std::int64_t max_connections) {
  constexpr const char* kHeap = "envoy.resource_monitors.fixed_heap";
  Json bootstrap = {{"node", {{"id", "stockade"}, {"cluster", cluster}}},
                    {"stats_config", {{"stats_matcher", {{"reject_all", true}}}}}};
  // Patterns are ours, and what users write is quoted in them; RE2 takes linear time for any.
  Json runtime = Json::object();
  runtime["re2.max_program_size.error_level"] = kMaxRegexProgram;
  bootstrap["layered_runtime"]["layers"] =
      Json::array({{{"name", "stockade"}, {"static_layer", std::move(runtime)}}});
  // Streams that hold this much (as a power of two) are told apart; of those that hold the most the
  // first go when memory runs short, before anybody else is refused.
  bootstrap["overload_manager"] = {
      {"refresh_interval", "0.25s"},
      {"buffer_factory_config", {{"minimum_account_to_track_power_of_two", kTrackedStreamPower}}},
      {"resource_monitors",
       Json::array({Extension(kHeap, "resource_monitors.fixed_heap.v3.FixedHeapConfig",
                              {{"max_heap_size_bytes", max_heap_bytes}}),
                    Extension("envoy.resource_monitors.global_downstream_max_connections",
                              "resource_monitors.downstream_connections.v3."
                              "DownstreamConnectionsConfig",
                              {{"max_active_downstream_connections", max_connections}})})},
      {"actions", Json::array({{{"name", "envoy.overload_actions.reset_high_memory_stream"},
                                {"triggers", ScaledTrigger(kHeap, 0.7, 0.9)}},
                               {{"name", "envoy.overload_actions.shrink_heap"},
                                {"triggers", Trigger(kHeap, 0.85)}},
                               {{"name", "envoy.overload_actions.disable_http_keepalive"},
                                {"triggers", Trigger(kHeap, 0.9)}},
                               {{"name", "envoy.overload_actions.stop_accepting_requests"},
                                {"triggers", Trigger(kHeap, 0.95)}},
                               {{"name", "envoy.overload_actions.stop_accepting_connections"},
                                {"triggers", Trigger(kHeap, 0.98)}}})}};
  return bootstrap;
}

Json NoBreakers() {
  return {{"thresholds", Json::array({{{"max_connections", kUnderWay},
                                       {"max_pending_requests", kUnderWay},
                                       {"max_requests", kUnderWay}}})}};
}

Json InternalCluster(const std::string& name, const std::string& listener) {
  return {
      {"name", name},
      {"type", "STATIC"},
      {"connect_timeout", "1s"},
      {"circuit_breakers", NoBreakers()},
      {"load_assignment",
       OneEndpoint(name, {{"envoy_internal_address", {{"server_listener_name", listener}}}})},
      {"transport_socket",
       Extension("envoy.transport_sockets.internal_upstream",
                 "transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
                 {{"transport_socket", Extension("envoy.transport_sockets.raw_buffer",
                                                 "transport_sockets.raw_buffer.v3.RawBuffer")}})}};
}

}  // namespace stockade::render::envoy
