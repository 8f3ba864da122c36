#include "render/sandbox_egress.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "api/gateway_names.h"
#include "base/strings.h"
#include "render/edit.h"
#include "render/envoy/envoy.h"
#include "render/envoy/paths.h"
#include "render/model_providers.h"
#include "render/own_container.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr std::string_view kConfigVolume = "stockade-proxy";
constexpr std::string_view kTrustVolume = "stockade-ca";
// The canary puts itself there for the proxy's probes: the proxy's image has no program to try the
// network with.
constexpr std::string_view kToolsVolume = "stockade-tools";
constexpr std::string_view kToolsDirectory = "/opt/stockade";
constexpr const char* kCanaryCopy = "/opt/stockade/stockade-canary";
constexpr int kProbeSeconds = 10;
// Within which the proxy has to listen; the kubelet ends a container whose hook fails, and starts
// it again.
constexpr const char* kStartMilliseconds = "30000";
// How long a probe and the hook wait for what has to be shut, where the network is silent. The
// canary, whose verdict came before, waits longer.
constexpr const char* kProbeTimeout = "500";
constexpr const char* kStartTimeout = "200";
// Counted up whenever what is rendered here becomes another for the same settings.
constexpr int kSidecarVersion = 2;
constexpr std::string_view kHostIp = "$(HOST_IP)";

constexpr std::array<const char*, 2> kContainerLists = {"initContainers", "containers"};

std::string Tcp(const std::string& address, std::int64_t port) {
  const bool ipv6 = address.find(':') != std::string::npos;
  return "tcp://" + (ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

bool NamesHost(const std::string& target) { return target.find(kHostIp) != std::string::npos; }

// What the canary's targets may name beside the variables that every container has.
void AddHostIp(const EgressSettings& settings, Json& container) {
  if (!std::ranges::any_of(settings.shut_targets, NamesHost)) return;
  container["env"] = Json::array(
      {{{"name", "HOST_IP"},
        {"valueFrom", {{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", "status.hostIP"}}}}}}});
}

// ---- The operator's containers

Json Canary(const SandboxEgress& egress, std::int64_t user, const Json& pod_resources) {
  const EgressSettings& settings = egress.settings;
  Json container = RenderOwnContainer(
      {.name = std::string(api::kCanaryContainer),
       .image = settings.canary_image,
       .user = user,
       .command = Json::array({"/usr/bin/stockade-canary"}),
       .args = Json::array({"--copy-to", kCanaryCopy, "--shut", Join(settings.shut_targets, ","),
                            "--open", Tcp(egress.address, envoy::kGatewayPort)}),
       .resources = &settings.helper},
      pod_resources);
  AddHostIp(settings, container);
  container["volumeMounts"].push_back(WritableMount(kToolsVolume, kToolsDirectory));
  return container;
}

// Of a probe's command the kubelet resolves variables by itself, and takes those that it has to
// look up, as HOST_IP, for empty. Escaped they reach the canary, which has their values.
std::string EscapeVariables(std::string text) {
  for (std::size_t at = text.find("$("); at != std::string::npos; at = text.find("$(", at + 3)) {
    text.insert(at, 1, '$');
  }
  return text;
}

Json Check(const std::string& shut, const std::string& open, const char* timeout) {
  return Json::array(
      {kCanaryCopy, "--probe", "--shut", shut, "--open", open, "--timeout", timeout});
}

// What has to be shut is so still, and the proxy listens. The kubelet waits for the hook before it
// starts what comes next, and then does so at once: after a startup probe it would look at the
// containers twice more. It resolves no variables in the command of a hook.
Json Start(const SandboxEgress& egress) {
  Json command = Check(Join(egress.settings.shut_targets, ","),
                       Tcp("127.0.0.1", envoy::kSidecarPort), kStartTimeout);
  command.insert(command.end(), {"--interval", "50", "--deadline", kStartMilliseconds});
  return {{"exec", {{"command", std::move(command)}}}};
}

Json ReadinessProbe(const SandboxEgress& egress) {
  const std::string shut = EscapeVariables(Join(egress.settings.shut_targets, ","));
  const std::string gateway = Tcp(egress.address, envoy::kGatewayPort);
  return {{"exec", {{"command", Check(shut, gateway, kProbeTimeout)}}},
          {"timeoutSeconds", kProbeSeconds},
          {"periodSeconds", 30},
          {"successThreshold", 1},
          {"failureThreshold", 2}};
}

Json Proxy(const SandboxEgress& egress, std::int64_t user, const Json& pod_resources) {
  Json container = RenderOwnContainer({.name = std::string(api::kProxyContainer),
                                       .image = egress.settings.proxy_image,
                                       .user = user,
                                       .command = EnvoyCommand(),
                                       .args = EnvoyArgs(),
                                       .resources = &egress.settings.sidecar,
                                       .sidecar = true},
                                      pod_resources);
  AddHostIp(egress.settings, container);
  // The agent begins once the proxy listens; later, that the network is shut still is tried again.
  container["lifecycle"] = {{"postStart", Start(egress)}};
  container["readinessProbe"] = ReadinessProbe(egress);
  Json& mounts = container["volumeMounts"];
  mounts.push_back(ReadOnlyMount(kConfigVolume, envoy::kConfigDirectory));
  mounts.push_back(ReadOnlyMount(api::kIdentityVolume, envoy::kIdentityDirectory));
  mounts.push_back(ReadOnlyMount(kToolsVolume, kToolsDirectory));
  return container;
}

// ---- The agent's containers

using Variables = std::vector<std::pair<std::string, std::string>>;

Variables ProxyVariables() {
  Variables variables;
  const std::string proxy = "http://127.0.0.1:" + std::to_string(envoy::kSidecarPort);
  const std::string direct = "localhost,127.0.0.1,::1";
  const std::string trust = std::string(kTrustDirectory) + "/" + kTrustFile;
  for (const char* name : {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"}) {
    variables.emplace_back(name, proxy);
  }
  for (const char* name : {"NO_PROXY", "no_proxy"}) variables.emplace_back(name, direct);
  variables.emplace_back("NODE_USE_ENV_PROXY", "1");
  for (const char* name : {"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE",
                           "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "AWS_CA_BUNDLE"}) {
    variables.emplace_back(name, trust);
  }
  return variables;
}

// Of tools that are less common; a template's own value stays.
Variables SoftVariables(const api::AgentSandbox& sandbox) {
  const std::string trust = std::string(kTrustDirectory) + "/" + kTrustFile;
  Variables variables;
  for (const char* name : {"NPM_CONFIG_CAFILE", "CARGO_HTTP_CAINFO", "DENO_CERT"}) {
    variables.emplace_back(name, trust);
  }
  if (sandbox.spec.egress && sandbox.spec.egress->model) {
    for (auto& variable : ModelVariables(*sandbox.spec.egress->model)) {
      variables.push_back(std::move(variable));
    }
  } else if (sandbox.spec.agent_settings) {
    for (auto& variable : AgentVariables()) variables.push_back(std::move(variable));
  }
  return variables;
}

bool Names(const Json& environment, const std::string& name) {
  return std::ranges::any_of(environment, [&name](const Json& variable) {
    return StringMember(variable, "name") == name;
  });
}

// Before the template's own, which can so refer to them, and after HOME.
void AddVariables(Json& container, const Variables& firm, const Variables& soft) {
  Json& environment = container["env"];
  if (!environment.is_array()) environment = Json::array();
  std::erase_if(environment.get_ref<Json::array_t&>(), [&firm](const Json& variable) {
    return std::ranges::any_of(
        firm, [&variable](const auto& own) { return StringMember(variable, "name") == own.first; });
  });
  Json added = Json::array();
  for (const auto& [name, value] : firm) added.push_back({{"name", name}, {"value", value}});
  for (const auto& [name, value] : soft) {
    if (!Names(environment, name)) added.push_back({{"name", name}, {"value", value}});
  }
  const bool home = !environment.empty() && StringMember(environment[0], "name") == "HOME";
  environment.insert(environment.begin() + (home ? 1 : 0), added.begin(), added.end());
}

}  // namespace

void AddEgress(Json& pod, const api::AgentSandbox& sandbox, const SandboxEgress& egress) {
  pod["metadata"]["labels"][std::string(api::kEgressLabel)] = egress.gateway;
  pod["metadata"]["annotations"][std::string(api::kEgressProfileLabel)] =
      egress.profile_hash.substr(0, api::kGatewayProfileDigits);
  Json& spec = pod["spec"];
  const Json pod_resources = Member(spec, "resources");
  const std::int64_t user = FreeUser(spec, egress.settings.proxy_user);
  const Variables firm = ProxyVariables();
  const Variables soft = SoftVariables(sandbox);
  for (const char* list : kContainerLists) {
    Json* containers = MutableArray(spec, list);
    if (containers == nullptr) continue;
    for (Json& container : *containers) {
      if (!container.is_object()) continue;
      AddVariables(container, firm, soft);
      container["volumeMounts"].push_back(ReadOnlyMount(kTrustVolume, kTrustDirectory));
    }
  }
  Json init =
      Json::array({Canary(egress, user, pod_resources), Proxy(egress, user, pod_resources)});
  if (const Json* own = MutableArray(spec, "initContainers")) {
    init.insert(init.end(), own->begin(), own->end());
  }
  spec["initContainers"] = std::move(init);

  Json& volumes = spec["volumes"];
  volumes.push_back(ConfigMapVolume(kConfigVolume, api::SandboxesPartName(egress.gateway)));
  volumes.push_back(SecretVolume(api::kIdentityVolume, egress.identity_secret, "", false));
  volumes.push_back(ConfigMapVolume(kTrustVolume, api::AuthoritiesPartName(egress.gateway)));
  volumes.push_back(ScratchVolume(kToolsVolume, "16Mi", false));
}

Json EssentialsOf(const SandboxEgress& egress) {
  return {{"gateway", egress.gateway},
          {"address", egress.address},
          {"profile", egress.profile_hash},
          {"identity", egress.identity_secret}};
}

Json SettingsOf(const SandboxEgress& egress) {
  const EgressSettings& settings = egress.settings;
  return {{"version", kSidecarVersion},
          {"proxyImage", settings.proxy_image},
          {"canaryImage", settings.canary_image},
          {"proxyUser", settings.proxy_user},
          {"shutTargets", settings.shut_targets},
          {"sidecarRequests", settings.sidecar.requests},
          {"sidecarLimits", settings.sidecar.limits},
          {"helperRequests", settings.helper.requests},
          {"helperLimits", settings.helper.limits}};
}

}  // namespace stockade::render
