#include "webhook/effective_config.h"

#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "api/agent_sandbox.h"
#include "api/resources.h"

namespace stockade::webhook {
namespace {

using codec::Json;

constexpr std::array kLogLevels = {"debug", "info", "warning", "error"};  // by LogLevel

Json Address(const http_server::ListenAddress& listen) {
  const bool six = listen.address.find(':') != std::string::npos;
  return {{"address", (six ? "[" + listen.address + "]" : listen.address) + ":" +
                          std::to_string(listen.port)}};
}

Json CertificatesSection(const Config& config) {
  Json result = {{"clientCAFile", config.client_ca_file},
                 {"pollSeconds", config.certificate_poll.count()}};
  if (!config.self_managed) {
    result["certificateFile"] = config.certificate_file;
    result["keyFile"] = config.key_file;
    return result;
  }
  const SelfManagedCertificates& own = *config.self_managed;
  result["selfManaged"] = {{"namespace", own.namespace_name},
                           {"secretName", own.secret},
                           {"leaseName", own.lease},
                           {"serviceName", own.service},
                           {"names", own.names},
                           {"validatingWebhookConfigurations", own.configurations},
                           {"authoritySeconds", own.authority_lifetime.count()},
                           {"leafSeconds", own.leaf_lifetime.count()},
                           {"overlapSeconds", own.overlap.count()}};
  return result;
}

}  // namespace

Json EffectiveConfig(const Config& config) {
  Json classes = Json::object();
  for (std::size_t i = 0; i < api::kIsolationNames.size(); ++i) {
    classes[std::string(api::kIsolationNames[i])] = config.runtime_classes[i];
  }
  Json limits = Json::object();
  for (std::size_t i = 0; i < api::kResourceCount; ++i) {
    limits[std::string(api::kResourceNames[i])] = config.facts.default_limits[i].ToString();
  }
  return {{"apiVersion", "config.stockade.dev/v1alpha1"},
          {"kind", "WebhookConfiguration"},
          {"listen", Address(config.listen)},
          {"certificates", CertificatesSection(config)},
          {"http", Address(config.http)},
          {"watchNamespaces", config.watch_namespaces},
          {"threads", config.threads},
          {"limits", {{"connections", config.connections}}},
          {"policy", {{"allowedMetadataPrefixes", config.facts.allowed_metadata_prefixes}}},
          {"runtimeClasses", std::move(classes)},
          {"defaults", {{"limits", std::move(limits)}}},
          {"guards",
           {{"operatorUser", config.guards.operator_user},
            {"trustedUsers", config.guards.trusted_users},
            {"trustedGroups", config.guards.trusted_groups}}},
          {"log", {{"level", kLogLevels.at(static_cast<std::size_t>(config.log_level))}}}};
}

}  // namespace stockade::webhook
