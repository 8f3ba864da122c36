#include "render/network_policy.h"

#include <string>
#include <string_view>
#include <utility>

#include "api/names.h"
#include "render/edit.h"
#include "render/metadata.h"
#include "render/render.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr std::string_view kNetworkingVersion = "networking.k8s.io/v1";

Json RenderRule(const api::IngressRule& rule) {
  Json rendered = {{"from", rule.from.ToJson()}};
  Json ports = rule.ports.ToJson();
  if (ports.is_array() && !ports.empty()) {
    for (Json& port : ports) {
      if (port.is_object()) SetDefaultForZero(port, "protocol", "TCP");
    }
    rendered["ports"] = std::move(ports);
  }
  DropNulls(rendered);
  return rendered;
}

}  // namespace

std::optional<Json> RenderIngressPolicy(const api::AgentSandbox& sandbox) {
  Json rules = Json::array();
  for (const api::IngressRule& rule : sandbox.spec.ingress) {
    const Json from = rule.from.ToJson();
    if (from.is_array() && !from.empty()) rules.push_back(RenderRule(rule));
  }
  if (rules.empty()) return std::nullopt;
  Json policy = OwnedObject(sandbox, kNetworkingVersion, "NetworkPolicy",
                            api::IngressPolicyName(sandbox.metadata.name));
  policy["spec"] = {
      {"podSelector", {{"matchLabels", {{api::kSandboxLabel, sandbox.metadata.name}}}}},
      {"policyTypes", {"Ingress"}},
      {"ingress", std::move(rules)}};
  return policy;
}

Json RenderDenyAllPolicy(std::string_view namespace_name) {
  return {{"apiVersion", kNetworkingVersion},
          {"kind", "NetworkPolicy"},
          {"metadata",
           {{"name", api::kDenyAllPolicyName},
            {"namespace", namespace_name},
            {"labels", {{api::kManagedByLabel, api::kManagedByValue}}},
            {"finalizers", {api::kPodsGoneFinalizer}}}},
          {"spec",
           {{"podSelector",
             {{"matchExpressions",
               Json::array({{{"key", api::kSandboxLabel}, {"operator", "Exists"}}})}}},
            {"policyTypes", {"Ingress", "Egress"}}}}};
}

}  // namespace stockade::render
