#include "render/gateway_deployment.h"

#include <string_view>
#include <utility>

#include "api/gateway_names.h"
#include "render/defaults.h"
#include "render/envoy/envoy.h"
#include "render/envoy/paths.h"
#include "render/own_container.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr std::string_view kConfigVolume = "config";
constexpr std::string_view kIdentityVolume = "identity";
constexpr std::string_view kLeavesVolume = "leaves";
constexpr std::string_view kDerivedVolume = "derived";
constexpr std::string_view kTokensVolume = "tokens";
// The old gateway answers while its sandboxes come to know of the new one.
constexpr int kPreStopSeconds = 20;
constexpr int kGraceSeconds = 30;
// A gateway that has answered and no longer does is not asked any more after so long.
constexpr int kSilentSeconds = 15;
// Longer than stockade-credentials tries by itself before it says what is wrong and ends.
constexpr int kExchangeSeconds = 120;
constexpr const char* kCredentialsProgram = "/usr/bin/stockade-credentials";

std::string SecretVolumeName(std::size_t index) { return "credential-" + std::to_string(index); }

Json SecretMountOf(const GatewayCredentials& credentials, std::size_t index) {
  return ReadOnlyMount(SecretVolumeName(index), std::string(envoy::kSecretsDirectory) + "/" +
                                                    credentials.secrets[index].credential);
}

Json HelperArgs(const char* mode) {
  return Json::array({mode, "--config",
                      std::string(envoy::kConfigDirectory) + "/" + std::string(kCredentialsFile)});
}

Json Helper(const char* name, const char* mode, const EgressSettings& settings) {
  return RenderOwnContainer({.name = name,
                             .image = settings.credentials_image,
                             .user = settings.gateway_user,
                             .command = Json::array({kCredentialsProgram}),
                             .args = HelperArgs(mode),
                             .resources = &settings.helper,
                             .sidecar = std::string_view(mode) == "run"},
                            nullptr);
}

// Names every key that is missing in its termination message, and fails; makes the directories that
// the proxy watches.
Json Prepare(const GatewayCredentials& credentials, const EgressSettings& settings) {
  Json container = Helper("stockade-prepare", "prepare", settings);
  Json& mounts = container["volumeMounts"];
  mounts.push_back(ReadOnlyMount(kConfigVolume, envoy::kConfigDirectory));
  for (std::size_t i = 0; i < credentials.secrets.size(); ++i) {
    mounts.push_back(SecretMountOf(credentials, i));
  }
  if (credentials.derives) {
    mounts.push_back(WritableMount(kDerivedVolume, envoy::kDerivedDirectory));
  }
  return container;
}

// The proxy begins when every credential is there: until then its requests would have none, while
// the gateway before it, if there is one, still has its own.
Json Exchange(const GatewayCredentials& credentials, const EgressSettings& settings) {
  Json container = Helper("stockade-credentials", "run", settings);
  Json probe = HelperArgs("ready");
  probe.insert(probe.begin(), kCredentialsProgram);
  container["startupProbe"] = {{"exec", {{"command", std::move(probe)}}},
                               {"periodSeconds", 1},
                               {"timeoutSeconds", 5},
                               {"failureThreshold", kExchangeSeconds}};
  ApplyContainerDefaults(container);
  Json& mounts = container["volumeMounts"];
  mounts.push_back(ReadOnlyMount(kConfigVolume, envoy::kConfigDirectory));
  for (std::size_t i = 0; i < credentials.secrets.size(); ++i) {
    if (!credentials.secrets[i].proxy_reads) mounts.push_back(SecretMountOf(credentials, i));
  }
  mounts.push_back(WritableMount(kDerivedVolume, envoy::kDerivedDirectory));
  if (credentials.aws || credentials.google) {
    mounts.push_back(ReadOnlyMount(kTokensVolume, kTokensDirectory));
  }
  return container;
}

Json Proxy(const GatewayCredentials& credentials, const EgressSettings& settings) {
  Json container = RenderOwnContainer({.name = "stockade-gateway",
                                       .image = settings.proxy_image,
                                       .user = settings.gateway_user,
                                       .command = EnvoyCommand(),
                                       .args = EnvoyArgs(),
                                       .resources = &settings.gateway},
                                      nullptr);
  container["ports"] = Json::array({{{"name", "tls"}, {"containerPort", envoy::kGatewayPort}}});
  // Often, for a sandbox waits for the first answer; how long it may be silent is another matter.
  container["readinessProbe"] = {{"tcpSocket", {{"port", envoy::kGatewayPort}}},
                                 {"periodSeconds", 1},
                                 {"failureThreshold", kSilentSeconds}};
  container["lifecycle"] = {{"preStop", {{"sleep", {{"seconds", kPreStopSeconds}}}}}};
  Json& mounts = container["volumeMounts"];
  mounts.push_back(ReadOnlyMount(kConfigVolume, envoy::kConfigDirectory));
  mounts.push_back(ReadOnlyMount(kIdentityVolume, envoy::kIdentityDirectory));
  mounts.push_back(ReadOnlyMount(kLeavesVolume, envoy::kLeavesDirectory));
  for (std::size_t i = 0; i < credentials.secrets.size(); ++i) {
    if (credentials.secrets[i].proxy_reads) mounts.push_back(SecretMountOf(credentials, i));
  }
  if (credentials.derives) {
    mounts.push_back(ReadOnlyMount(kDerivedVolume, envoy::kDerivedDirectory));
  }
  ApplyContainerDefaults(container);
  return container;
}

Json TokenSource(std::string_view audience, std::string_view path, std::int64_t seconds) {
  return {{"serviceAccountToken",
           {{"audience", audience}, {"expirationSeconds", seconds}, {"path", path}}}};
}

Json Volumes(const std::string& gateway, const GatewayCredentials& credentials,
             const EgressSettings& settings, const GatewayState& state) {
  Json volumes = Json::array({ConfigMapVolume(kConfigVolume, api::GatewayPartName(gateway)),
                              SecretVolume(kIdentityVolume, state.identity_secret, "", false),
                              SecretVolume(kLeavesVolume, state.leaves_secret, "", false)});
  for (std::size_t i = 0; i < credentials.secrets.size(); ++i) {
    const api::SecretKeyRef& secret = credentials.secrets[i].secret;
    volumes.push_back(SecretVolume(SecretVolumeName(i), secret.name, secret.key, true));
  }
  if (credentials.derives) volumes.push_back(ScratchVolume(kDerivedVolume, "1Mi", true));
  if (credentials.aws || credentials.google) {
    Json sources = Json::array();
    if (credentials.aws) {
      sources.push_back(TokenSource("sts.amazonaws.com", "aws", settings.token_seconds));
    }
    if (credentials.google) {
      sources.push_back(TokenSource(settings.google_audience, "google", settings.token_seconds));
    }
    Json tokens = {{"name", kTokensVolume}, {"projected", {{"sources", std::move(sources)}}}};
    ApplyVolumeDefaults(tokens);
    volumes.push_back(std::move(tokens));
  }
  return volumes;
}

Json PodSpec(const std::string& gateway, const GatewayCredentials& credentials,
             const EgressSettings& settings, const GatewayState& state) {
  Json spec = {{"serviceAccountName", api::kGatewayServiceAccount},
               {"serviceAccount", api::kGatewayServiceAccount},
               {"automountServiceAccountToken", false},
               {"enableServiceLinks", false},
               {"dnsPolicy", "ClusterFirst"},
               {"restartPolicy", "Always"},
               {"schedulerName", "default-scheduler"},
               {"terminationGracePeriodSeconds", kGraceSeconds},
               {"securityContext",
                {{"runAsNonRoot", true},
                 {"runAsUser", settings.gateway_user},
                 {"runAsGroup", settings.gateway_user},
                 {"fsGroup", settings.gateway_user},
                 {"fsGroupChangePolicy", "OnRootMismatch"},
                 {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
               {"containers", Json::array({Proxy(credentials, settings)})},
               {"volumes", Volumes(gateway, credentials, settings, state)}};
  if (!credentials.empty()) {
    spec["initContainers"] = Json::array({Prepare(credentials, settings)});
    if (credentials.derives) {
      spec["initContainers"].push_back(Exchange(credentials, settings));
    }
  }
  return spec;
}

}  // namespace

Json GatewayDeploymentSpec(const std::string& gateway, const GatewayCredentials& credentials,
                           const EgressSettings& settings, const GatewayState& state,
                           const std::string& config_hash) {
  Json template_metadata = {{"labels", GatewayPodLabels(gateway)},
                            {"annotations", {{api::kConfigHashAnnotation, config_hash}}}};
  return {
      {"replicas", 1},
      {"revisionHistoryLimit", 1},
      {"progressDeadlineSeconds", 600},
      // The new one answers before the old one goes.
      {"strategy",
       {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxUnavailable", 0}, {"maxSurge", 1}}}}},
      {"selector", {{"matchLabels", {{api::kGatewayLabel, gateway}}}}},
      {"template",
       {{"metadata", std::move(template_metadata)},
        {"spec", PodSpec(gateway, credentials, settings, state)}}}};
}

}  // namespace stockade::render
