#include "render/gateway.h"

#include <algorithm>
#include <utility>

#include "api/gateway_names.h"
#include "base/digest.h"
#include "render/envoy/envoy.h"
#include "render/gateway_credentials.h"
#include "render/gateway_deployment.h"
#include "render/gateway_network.h"
#include "render/metadata.h"
#include "render/sandbox_egress.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr std::string_view kNetworkingVersion = "networking.k8s.io/v1";

Json UnownedObject(std::string_view namespace_name, std::string_view api_version,
                   std::string_view kind, std::string name) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata",
           {{"name", std::move(name)},
            {"namespace", namespace_name},
            {"labels", {{api::kManagedByLabel, api::kManagedByValue}}}}}};
}

// Makes the objects of one gateway, with the labels and the owner that all of them have.
class Maker {
 public:
  Maker(const api::AgentSandbox& sandbox, const EgressProfile& profile)
      : sandbox_(sandbox), profile_(profile), name_(GatewayName(sandbox, profile.hash)) {}

  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] Json Make(std::string_view api_version, std::string_view kind,
                          std::string name) const {
    const bool shared = sandbox_.spec.egress->gateway == api::GatewayMode::kShared;
    Json object =
        shared ? UnownedObject(sandbox_.metadata.namespace_name, api_version, kind, std::move(name))
               : OwnedObject(sandbox_, api_version, kind, std::move(name));
    Json& labels = object["metadata"]["labels"];
    labels[api::kGatewayLabel] = name_;
    labels[api::kEgressProfileLabel] = profile_.hash.substr(0, api::kGatewayProfileDigits);
    return object;
  }

  [[nodiscard]] Json Policy(std::string name, Json spec) const {
    Json policy = Make(kNetworkingVersion, "NetworkPolicy", std::move(name));
    policy["spec"] = std::move(spec);
    return policy;
  }

  [[nodiscard]] Json ConfigMap(std::string name, Json data) const {
    Json map = Make("v1", "ConfigMap", std::move(name));
    map["data"] = std::move(data);
    return map;
  }

 private:
  const api::AgentSandbox& sandbox_;
  const EgressProfile& profile_;
  const std::string name_;
};

Json TextOf(const envoy::Files& files) {
  Json text = Json::object();
  for (const auto& [file, contents] : files) text[file] = contents.dump();
  return text;
}

Json ServiceSpec(const std::string& gateway) {
  return {{"type", "ClusterIP"},
          {"selector", {{api::kGatewayLabel, gateway}}},
          {"ports", Json::array({{{"name", "tls"},
                                  {"port", envoy::kGatewayPort},
                                  {"protocol", "TCP"},
                                  {"targetPort", envoy::kGatewayPort}}})},
          {"sessionAffinity", "None"},
          {"internalTrafficPolicy", "Cluster"}};
}

}  // namespace

std::string GatewayName(const api::AgentSandbox& sandbox) {
  std::string shared = SharedGatewayOf(sandbox.spec);
  return shared.empty() ? api::DedicatedGatewayName(sandbox.metadata.name) : shared;
}

std::string GatewayName(const api::AgentSandbox& sandbox, std::string_view profile_hash) {
  return sandbox.spec.egress->gateway == api::GatewayMode::kShared
             ? api::SharedGatewayName(profile_hash)
             : api::DedicatedGatewayName(sandbox.metadata.name);
}

std::string SharedGatewayOf(const api::AgentSandboxSpec& spec) {
  if (!spec.egress || spec.egress->gateway != api::GatewayMode::kShared) return {};
  return api::SharedGatewayName(EgressProfileHash(*spec.egress, spec.credentials));
}

api::StringMap GatewayPodLabels(const std::string& gateway) {
  return {{std::string(api::kManagedByLabel), std::string(api::kManagedByValue)},
          {std::string(api::kGatewayLabel), gateway}};
}

bool NeedsPublicRoots(const EgressProfile& profile) {
  return profile.audit || std::ranges::any_of(profile.endpoints, [](const Endpoint& endpoint) {
           return endpoint.tls == api::TlsMode::kTunnel;
         });
}

Json RenderGatewayService(const api::AgentSandbox& sandbox, const EgressProfile& profile) {
  const Maker maker(sandbox, profile);
  Json service = maker.Make("v1", "Service", maker.name());
  service["spec"] = ServiceSpec(maker.name());
  return service;
}

GatewayObjects RenderGatewayObjects(const api::AgentSandbox& sandbox, const EgressProfile& profile,
                                    const EgressSettings& settings, const GatewayState& state) {
  const Maker maker(sandbox, profile);
  const std::string& name = maker.name();
  const std::string& namespace_name = sandbox.metadata.namespace_name;
  const GatewayCredentials credentials = PlanCredentials(sandbox, profile, settings, name);

  GatewayObjects objects;
  objects.name = name;
  objects.service = RenderGatewayService(sandbox, profile);

  Json files = TextOf(envoy::RenderGateway(profile, {.namespace_name = namespace_name,
                                                     .trust_domain = settings.trust_domain,
                                                     .listen_address = settings.listen_address,
                                                     .cluster_ranges = settings.cluster_ranges,
                                                     .resolvers = settings.resolvers}));
  if (!credentials.empty()) files[std::string(kCredentialsFile)] = credentials.file.dump();
  const std::string config_hash = Sha256Hex(files.dump());
  objects.configuration = maker.ConfigMap(api::GatewayPartName(name), std::move(files));

  objects.deployment = maker.Make("apps/v1", "Deployment", name);
  objects.deployment["spec"] =
      GatewayDeploymentSpec(name, credentials, settings, state, config_hash);

  objects.gateway_allowance = maker.Policy(
      api::GatewayPartName(name),
      GatewayAllowanceSpec(name, profile, settings, credentials.aws || credentials.google));
  objects.sandbox_allowance =
      maker.Policy(api::SandboxesPartName(name), SandboxAllowanceSpec(name));

  std::string authorities = state.authorities;
  if (NeedsPublicRoots(profile)) authorities += state.public_roots;
  objects.authorities =
      maker.ConfigMap(api::AuthoritiesPartName(name), {{kTrustFile, authorities}});
  if (!state.address.empty()) {
    objects.sidecar_configuration = maker.ConfigMap(
        api::SandboxesPartName(name),
        TextOf(envoy::RenderSidecar(
            profile, {.namespace_name = namespace_name, .gateway_address = state.address})));
  }
  return objects;
}

Json RenderGatewayDenyAllPolicy(std::string_view namespace_name) {
  Json policy = UnownedObject(namespace_name, kNetworkingVersion, "NetworkPolicy",
                              std::string(api::kGatewayDenyAllPolicyName));
  policy["metadata"]["finalizers"] = Json::array({api::kPodsGoneFinalizer});
  policy["spec"] = {{"podSelector",
                     {{"matchExpressions",
                       Json::array({{{"key", api::kGatewayLabel}, {"operator", "Exists"}}})}}},
                    {"policyTypes", Json::array({"Ingress", "Egress"})}};
  return policy;
}

Json RenderGatewayServiceAccount(std::string_view namespace_name) {
  Json account = UnownedObject(namespace_name, "v1", "ServiceAccount",
                               std::string(api::kGatewayServiceAccount));
  account["automountServiceAccountToken"] = false;
  return account;
}

}  // namespace stockade::render
