#include "guard_case.h"

// Policies of others, of Kubernetes and of network plugins.
namespace stockade::webhook {
namespace {

using codec::Json;

const Json kExcluded = {{"matchExpressions", Json::array({{{"key", "stockade.dev/sandbox"},
                                                           {"operator", "DoesNotExist"}}})}};
const Json kEverything = Json::object();

Json Policy(const Json& selector, const Json& rest) {
  Json spec = {{"podSelector", selector}};
  spec.update(rest);
  return {{"apiVersion", "networking.k8s.io/v1"},
          {"kind", "NetworkPolicy"},
          {"metadata", {{"name", "theirs"}, {"namespace", "team"}}},
          {"spec", spec}};
}

Json OpenPolicy(const Json& selector) {
  return Policy(selector, {{"policyTypes", {"Egress"}}, {"egress", Json::array({Json::object()})}});
}

Json Create(const Json& policy, const Json& user = User("alice")) {
  return Review({"CREATE", "networking.k8s.io/networkpolicies", "NetworkPolicy"}, user, policy);
}

Json Update(const Json& policy, const Json& old_policy) {
  return Review({"UPDATE", "networking.k8s.io/networkpolicies", "NetworkPolicy"}, User("alice"),
                policy, old_policy);
}

Json Elsewhere(Json review) {
  review["request"]["namespace"] = "other";
  return review;
}

Json InOut(Json review) {
  review["request"]["namespace"] = "out";
  return review;
}

Json Expression(const char* key, const char* op, const std::vector<std::string>& values = {}) {
  Json expression = {{"key", key}, {"operator", op}};
  if (!values.empty()) expression["values"] = values;
  return {{"matchExpressions", Json::array({expression})}};
}

std::vector<GuardCase> KubernetesCases() {
  const std::string widened = "EgressWidened spec.podSelector";
  const Json ingress = {{"policyTypes", {"Ingress"}}, {"ingress", Json::array({Json::object()})}};
  const Json shut = {{"policyTypes", {"Ingress", "Egress"}}};
  const Json idle = {{"policyTypes", {"Ingress"}}, {"egress", Json::array({Json::object()})}};
  const Json untyped = {{"egress", Json::array({Json::object()})}};
  const Json deleting = With(OpenPolicy(kEverything), "/metadata/deletionTimestamp", "2026-01-01");
  return {
      {"policy that opens everything", Create(OpenPolicy(kEverything)), {widened}},
      {"policy that opens everything, of an administrator",
       Create(OpenPolicy(kEverything), Admin()),
       {widened}},
      {"policy that opens everything, of the operator",
       Create(OpenPolicy(kEverything), Operator())},
      {"policy that lets traffic in", Create(Policy(kEverything, ingress)), {widened}},
      {"policy without types", Create(Policy(kEverything, untyped)), {widened}},
      {"policy for the sandbox's own label",
       Create(OpenPolicy({{"matchLabels", {{"stockade.dev/sandbox", "agent"}}}})),
       {widened}},
      {"policy for all that have the label",
       Create(OpenPolicy(Expression("stockade.dev/sandbox", "Exists"))),
       {widened}},
      {"policy for a label of the template",
       Create(OpenPolicy({{"matchLabels", {{"app", "agent"}}}})),
       {widened}},
      {"policy for all but some",
       Create(OpenPolicy(Expression("app", "NotIn", {"web"}))),
       {widened}},
      {"policy for what the operator manages",
       Create(OpenPolicy({{"matchLabels", {{"app.kubernetes.io/managed-by", "stockade"}}}})),
       {widened}},
      {"policy with an operator that nobody knows",
       Create(OpenPolicy(Expression("stockade.dev/sandbox", "Like", {"x"}))),
       {widened}},
      {"policy that excludes sandboxes", Create(OpenPolicy(kExcluded))},
      {"policy for other pods", Create(OpenPolicy({{"matchLabels", {{"app", "web"}}}}))},
      {"policy that allows nothing", Create(Policy(kEverything, shut))},
      {"policy whose rules do not apply", Create(Policy(kEverything, idle))},
      {"policy of a namespace without sandboxes", Elsewhere(Create(OpenPolicy(kEverything)))},
      {"policy widened", Update(OpenPolicy(kEverything), OpenPolicy(kExcluded)), {widened}},
      {"policy narrowed", Update(OpenPolicy(kExcluded), OpenPolicy(kEverything))},
      {"policy widened while it goes",
       Update(With(deleting, "/spec/ingress", Json::array({Json::object()})), deleting),
       {widened}},
      {"policy that was wide lets go of a finalizer", Update(deleting, OpenPolicy(kEverything))},
      {"policy that was wide is deleted",
       Review({"DELETE", "networking.k8s.io/networkpolicies", "NetworkPolicy"}, User("alice"),
              nullptr, OpenPolicy(kEverything))},
  };
}

// Of the namespace "out", which has a gateway.
std::vector<GuardCase> GatewayPolicyCases() {
  const std::string widened = "EgressWidened spec.podSelector";
  const auto excluding = [](const std::vector<std::string>& keys) {
    Json selector = {{"matchExpressions", Json::array()}};
    for (const std::string& key : keys) {
      selector["matchExpressions"].push_back({{"key", key}, {"operator", "DoesNotExist"}});
    }
    return selector;
  };
  const Json both = excluding({"stockade.dev/sandbox", "stockade.dev/gateway"});
  const auto of_gateways = [](const Json& rest) {
    Json selector = {{"matchLabels", {{"stockade.dev/gateway", "asg-surfer"}}}};
    selector["matchLabels"].update(rest);
    return OpenPolicy(selector);
  };
  return {
      {"policy that opens sandboxes and gateways",
       InOut(Create(OpenPolicy(kEverything))),
       {widened, widened}},
      {"policy that opens gateways alone", InOut(Create(OpenPolicy(kExcluded))), {widened}},
      {"policy that opens gateways alone, of an administrator",
       InOut(Create(OpenPolicy(kExcluded), Admin())),
       {widened}},
      {"policy that opens gateways alone, of the operator",
       InOut(Create(OpenPolicy(kExcluded), Operator()))},
      {"policy for one gateway", InOut(Create(of_gateways(Json::object()))), {widened}},
      {"policy for one gateway's pods of one version",
       InOut(Create(of_gateways({{"pod-template-hash", "5d4f"}}))),
       {widened}},
      {"policy for pods of one version",
       InOut(Create(OpenPolicy({{"matchLabels", {{"pod-template-hash", "5d4f"}}}}))),
       {widened}},
      {"policy for every gateway but one",
       InOut(Create(OpenPolicy(Expression("stockade.dev/gateway", "NotIn", {"asg-x"})))),
       {widened, widened}},
      {"policy that excludes both", InOut(Create(OpenPolicy(both)))},
      {"policy for other pods beside a gateway",
       InOut(Create(OpenPolicy({{"matchLabels", {{"app", "web"}}}})))},
      {"policy for pods that are no gateway's for lack of a label",
       InOut(Create(of_gateways({{"app", "web"}})))},
      {"policy that excludes sandboxes where there is no gateway", Create(OpenPolicy(kExcluded))},
      {"policy narrowed to exclude gateways",
       InOut(Update(OpenPolicy(both), OpenPolicy(kExcluded)))},
      {"policy widened to gateways",
       InOut(Update(OpenPolicy(kExcluded), OpenPolicy(both))),
       {widened}},
  };
}

Json Other(const std::string& group, const std::string& resource, const Json& spec) {
  return Review({"CREATE", group + "/" + resource, resource}, User("alice"),
                {{"metadata", {{"name", "theirs"}}}, {"spec", spec}});
}

Json Cilium(const Json& selector) {
  return Other(
      "cilium.io", "ciliumnetworkpolicies",
      {{"endpointSelector", selector}, {"egress", Json::array({{{"toEntities", {"all"}}}})}});
}

std::vector<GuardCase> CiliumCases() {
  const std::string found = "OtherPolicyKinds spec.endpointSelector";
  const Json spec = {{"endpointSelector", kEverything}, {"ingress", Json::array({Json::object()})}};
  Json several = Other("cilium.io", "ciliumnetworkpolicies", nullptr);
  several["request"]["object"]["specs"] = {{{"endpointSelector", kExcluded}, {"egress", {1}}},
                                           {{"endpointSelector", kEverything}, {"egress", {1}}}};
  return {
      {"Cilium for everything", Cilium(kEverything), {found}},
      {"Cilium that excludes sandboxes", Cilium(kExcluded)},
      {"Cilium that excludes sandboxes by a key with its source",
       Cilium(Expression("k8s:stockade.dev/sandbox", "DoesNotExist"))},
      {"Cilium for other pods", Cilium({{"matchLabels", {{"k8s:app", "web"}}}})},
      {"Cilium for a label of the template",
       Cilium({{"matchLabels", {{"any:app", "agent"}}}}),
       {found}},
      {"Cilium for a whole namespace",
       Cilium({{"matchLabels", {{"k8s:io.kubernetes.pod.namespace", "team"}}}}),
       {found}},
      {"Cilium by labels of the namespace",
       Cilium(Expression("k8s:io.cilium.k8s.namespace.labels.team", "Exists")),
       {found}},
      {"Cilium without a selector",
       Other("cilium.io", "ciliumnetworkpolicies", {{"egress", {1}}}),
       {found}},
      {"Cilium that denies", Other("cilium.io", "ciliumnetworkpolicies",
                                   {{"endpointSelector", kEverything}, {"egressDeny", {1}}})},
      {"Cilium in several parts", several, {"OtherPolicyKinds specs[1].endpointSelector"}},
      {"Cilium of a namespace without sandboxes", Elsewhere(Cilium(kEverything))},
      {"Cilium for the whole cluster",
       Elsewhere(Other("cilium.io", "ciliumclusterwidenetworkpolicies", spec)),
       {found}},
      {"Cilium for nodes", Other("cilium.io", "ciliumclusterwidenetworkpolicies",
                                 {{"nodeSelector", kEverything}, {"ingress", {1}}})},
  };
}

Json Calico(const Json& selector, const char* action = "Allow",
            const char* group = "projectcalico.org") {
  Json spec = {{"egress", Json::array({{{"action", action}}})}};
  if (!selector.is_null()) spec["selector"] = selector;
  return Other(group, "networkpolicies", spec);
}

Json Upstream(const char* resource, const Json& subject, const char* action,
              const char* tier = "Admin") {
  return Other(
      "policy.networking.k8s.io", resource,
      {{"tier", tier}, {"subject", subject}, {"egress", Json::array({{{"action", action}}})}});
}

std::vector<GuardCase> PluginCases() {
  const std::string selector = "OtherPolicyKinds spec.selector";
  const std::string subject = "OtherPolicyKinds spec.subject";
  const std::string pods = "OtherPolicyKinds spec.subject.pods.podSelector";
  const Json all_pods = {{"pods", {{"podSelector", kEverything}}}};
  const Json tried_again = [] {
    Json review = Calico("all()");
    review["request"]["operation"] = "UPDATE";
    review["request"]["oldObject"] = review["request"]["object"];
    return review;
  }();
  return {
      {"Calico for everything", Calico("all()"), {selector}},
      {"Calico without a selector", Calico(nullptr), {selector}},
      {"Calico as it is stored", Calico("all()", "Allow", "crd.projectcalico.org"), {selector}},
      {"Calico that passes on", Calico("all()", "Pass"), {selector}},
      {"Calico that denies", Calico("all()", "Deny")},
      {"Calico that logs", Calico("all()", "Log")},
      {"Calico that excludes sandboxes", Calico("app == 'x' && !has(stockade.dev/sandbox)")},
      {"Calico for other pods", Calico("app == 'web'"), {selector}},
      {"Calico with a selector of another kind",
       With(Calico("all()"), "/request/object/spec/endpointSelector", kExcluded),
       {selector}},
      {"Calico of a namespace without sandboxes", Elsewhere(Calico("all()"))},
      {"Calico for the whole cluster",
       Elsewhere(Other("projectcalico.org", "globalnetworkpolicies",
                       {{"ingress", Json::array({{{"action", "Allow"}}})}})),
       {selector}},
      {"Calico that stays as it was", tried_again},
      {"admin policy for namespaces",
       Upstream("adminnetworkpolicies", {{"namespaces", kEverything}}, "Allow"),
       {subject}},
      {"admin policy for pods", Upstream("adminnetworkpolicies", all_pods, "Allow"), {pods}},
      {"admin policy with a field of another kind",
       Upstream("adminnetworkpolicies", all_pods, "Allow", "Baseline"),
       {pods}},
      {"admin policy that denies", Upstream("adminnetworkpolicies", all_pods, "Deny")},
      {"admin policy that leaves it to others", Upstream("adminnetworkpolicies", all_pods, "Pass")},
      {"admin policy that excludes sandboxes",
       Upstream("adminnetworkpolicies", {{"pods", {{"podSelector", kExcluded}}}}, "Allow")},
      {"cluster policy", Upstream("clusternetworkpolicies", all_pods, "Accept"), {pods}},
      {"cluster policy after all others",
       Upstream("clusternetworkpolicies", all_pods, "Accept", "Baseline")},
  };
}

std::vector<GuardCase> GatewayPluginCases() {
  const std::string endpoints = "OtherPolicyKinds spec.endpointSelector";
  const std::string selector = "OtherPolicyKinds spec.selector";
  Json both = kExcluded;
  both["matchExpressions"].push_back(
      {{"key", "k8s:stockade.dev/gateway"}, {"operator", "DoesNotExist"}});
  return {
      {"Cilium that opens sandboxes and gateways",
       InOut(Cilium(kEverything)),
       {endpoints, endpoints}},
      {"Cilium that opens gateways alone", InOut(Cilium(kExcluded)), {endpoints}},
      {"Cilium that excludes both", InOut(Cilium(both))},
      {"admin policy that opens gateways alone",
       InOut(Other("policy.networking.k8s.io", "adminnetworkpolicies",
                   {{"subject", {{"pods", {{"podSelector", kExcluded}}}}},
                    {"egress", Json::array({{{"action", "Allow"}}})}})),
       {"OtherPolicyKinds spec.subject.pods.podSelector"}},
      {"Calico that opens gateways alone", InOut(Calico("!has(stockade.dev/sandbox)")), {selector}},
      {"Calico that excludes both",
       InOut(Calico("!has(stockade.dev/sandbox) && !has(stockade.dev/gateway)"))},
  };
}

}  // namespace

std::vector<GuardCase> NetworkPolicyCases() {
  std::vector<GuardCase> cases = KubernetesCases();
  for (auto* const more : {GatewayPolicyCases, CiliumCases, PluginCases, GatewayPluginCases}) {
    for (GuardCase& test : more()) cases.push_back(std::move(test));
  }
  return cases;
}

}  // namespace stockade::webhook
