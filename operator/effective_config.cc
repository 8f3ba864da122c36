#include "operator/effective_config.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "api/agent_sandbox.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;

// By LogLevel and TransportKind.
constexpr std::array kLogLevels = {"debug", "info", "warning", "error"};
constexpr std::array kTransports = {"cpprest", "beast"};

Json EgressSection(const EgressConfig& egress) {
  const render::EgressSettings& settings = egress.settings;
  const auto days = [](std::chrono::seconds seconds) {
    return seconds.count() / std::chrono::seconds(std::chrono::hours(24)).count();
  };
  return {{"images",
           {{"proxy", settings.proxy_image},
            {"canary", settings.canary_image},
            {"credentials", settings.credentials_image}}},
          {"clusterRanges", settings.cluster_ranges},
          {"shutTargets", settings.shut_targets},
          {"trustDomain", settings.trust_domain},
          {"listenAddress", settings.listen_address},
          {"resolvers", settings.resolvers},
          {"dns", {{"namespace", settings.dns_namespace}, {"podLabels", settings.dns_pod_labels}}},
          {"proxyUser", settings.proxy_user},
          {"gatewayUser", settings.gateway_user},
          {"publicRootsFile", egress.public_roots_file},
          {"googleAudience", settings.google_audience},
          {"tokenSeconds", settings.token_seconds},
          {"certificateLifetimeSeconds", egress.certificate_lifetime.count()},
          {"identityAuthorityDays", days(egress.identity.lifetime)},
          {"interceptionAuthorityDays", days(egress.interception.lifetime)}};
}

}  // namespace

Json EffectiveConfig(const OperatorConfig& config) {
  const render::Profile& profile = config.profile;
  const bool six = config.http_address.find(':') != std::string::npos;
  Json classes = Json::object();
  for (std::size_t i = 0; i < api::kIsolationNames.size(); ++i) {
    classes[std::string(api::kIsolationNames[i])] = profile.runtime_classes[i];
  }
  Json result = {{"apiVersion", "config.stockade.dev/v1alpha1"},
                 {"kind", "OperatorConfiguration"},
                 {"http",
                  {{"address", (six ? "[" + config.http_address + "]" : config.http_address) + ":" +
                                   std::to_string(config.http_port)}}},
                 {"log", {{"level", kLogLevels.at(static_cast<std::size_t>(config.log_level))}}},
                 {"watchNamespaces", config.watch_namespaces},
                 {"workers", config.workers},
                 {"clusterDomain", profile.cluster_domain},
                 {"transport", kTransports.at(static_cast<std::size_t>(config.transport))},
                 {"leaderElection",
                  {{"enabled", config.leader_election.enabled},
                   {"namespace", config.leader_election.namespace_name},
                   {"lease", config.leader_election.lease},
                   {"leaseDurationSeconds", config.leader_election.lease_duration_seconds},
                   {"renewDeadlineSeconds", config.leader_election.renew_deadline_seconds},
                   {"retryPeriodSeconds", config.leader_election.retry_period_seconds}}},
                 {"runtimeClasses", std::move(classes)},
                 {"defaults",
                  {{"runAsUser", profile.run_as_user},
                   {"runAsGroup", profile.run_as_group},
                   {"fsGroup", profile.fs_group},
                   {"home", profile.home},
                   {"tmpSize", profile.tmp_size},
                   {"homeSize", profile.home_size},
                   {"scratchSize", profile.scratch_size},
                   {"requests", profile.default_requests},
                   {"limits", profile.default_limits}}},
                 {"policy", {{"allowedMetadataPrefixes", config.facts.allowed_metadata_prefixes}}}};
  if (config.egress.enabled) result["egress"] = EgressSection(config.egress);
  return result;
}

}  // namespace stockade::sandbox_operator
