#include "webhook/guards/network_policy_guard.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/gateway_names.h"
#include "api/label_selector.h"
#include "api/names.h"
#include "policy/guard_rules.h"
#include "policy/quoting.h"
#include "webhook/guards/object_changes.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using codec::JsonView;
using policy::Quote;

bool SpecIsTheSame(const AdmissionRequest& request) {
  return request.operation == Operation::kUpdate && request.old_object.IsObject() &&
         IsSame(request.object["spec"], request.old_object["spec"]) &&
         IsSame(request.object["specs"], request.old_object["specs"]);
}

bool AddsTraffic(JsonView spec) {
  const JsonView types = spec["policyTypes"];
  const auto applies = [types](std::string_view wanted) {
    bool found = types.empty();  // the API server's default depends on the rules alone
    types.ForEachElement(
        [&](std::size_t, JsonView type) { found = found || type.StringOrEmpty() == wanted; });
    return found;
  };
  return (!spec["ingress"].empty() && applies("Ingress")) ||
         (!spec["egress"].empty() && applies("Egress"));
}

enum class Dialect { kCilium, kCalico, kUpstream };

struct PolicyKind {
  std::string_view group;
  std::string_view resource;
  Dialect dialect;
  bool namespaced;
};

constexpr std::array<PolicyKind, 8> kPolicyKinds = {{
    {"cilium.io", "ciliumnetworkpolicies", Dialect::kCilium, true},
    {"cilium.io", "ciliumclusterwidenetworkpolicies", Dialect::kCilium, false},
    {"projectcalico.org", "networkpolicies", Dialect::kCalico, true},
    {"projectcalico.org", "globalnetworkpolicies", Dialect::kCalico, false},
    {"crd.projectcalico.org", "networkpolicies", Dialect::kCalico, true},
    {"crd.projectcalico.org", "globalnetworkpolicies", Dialect::kCalico, false},
    {"policy.networking.k8s.io", "adminnetworkpolicies", Dialect::kUpstream, false},
    {"policy.networking.k8s.io", "clusternetworkpolicies", Dialect::kUpstream, false},
}};

const PolicyKind* FindKind(std::string_view group, std::string_view resource) {
  const auto* const found = std::ranges::find_if(kPolicyKinds, [&](const PolicyKind& kind) {
    return kind.group == group && kind.resource == resource;
  });
  return found == kPolicyKinds.end() ? nullptr : found;
}

// A selector of a policy that allows something, and where it stands.
struct Selected {
  std::string path;
  api::LabelSelector selector;
  // Sandboxes and gateways that the selector passes by for another reason.
  bool passes_sandboxes = false;
  bool passes_gateways = false;
};

constexpr std::string_view kExcludeGateways =
    "exclude gateways from its podSelector by the matchExpression {key: stockade.dev/gateway, "
    "operator: DoesNotExist}";
constexpr std::string_view kExcludeGatewaysOfOthers =
    "exclude gateways from its selector: {key: stockade.dev/gateway, operator: DoesNotExist} in "
    "matchExpressions, or in a selector of Calico's && !has(stockade.dev/gateway)";

// Keys of Cilium name their source: "k8s:app". Those that stand for no label of the pod itself are
// left out, so that the selector matches more rather than less.
api::LabelSelector CiliumSelector(JsonView selector) {
  const auto pod_key = [](std::string_view key) -> std::optional<std::string> {
    for (const std::string_view source : {"k8s:", "any:"}) {
      if (key.starts_with(source)) key.remove_prefix(source.size());
    }
    if (key.starts_with("io.kubernetes.") || key.starts_with("io.cilium.")) return std::nullopt;
    return std::string(key);
  };
  Json edited = {{"matchLabels", Json::object()}, {"matchExpressions", Json::array()}};
  selector["matchLabels"].ForEachMember([&](std::string_view key, JsonView value) {
    if (const auto name = pod_key(key)) edited["matchLabels"][*name] = value.ToJson();
  });
  selector["matchExpressions"].ForEachElement([&](std::size_t, JsonView expression) {
    const auto name = pod_key(expression["key"].StringOrEmpty());
    if (!name || !expression.IsObject()) return;
    Json copy = expression.ToJson();
    copy["key"] = *name;
    edited["matchExpressions"].push_back(std::move(copy));
  });
  return api::LabelSelector(codec::ParseTrusted(edited).root());
}

void CollectCilium(JsonView spec, const std::string& path, std::vector<Selected>& found) {
  if (!spec.IsObject() || (spec["ingress"].empty() && spec["egress"].empty())) return;
  // A policy for nodes selects no pod.
  if (spec["endpointSelector"].IsUnset() && !spec["nodeSelector"].IsUnset()) return;
  found.push_back(
      {.path = path + ".endpointSelector", .selector = CiliumSelector(spec["endpointSelector"])});
}

// Any rule whose action is not one of those that take traffic away.
bool AnyRuleAllows(JsonView spec, std::initializer_list<std::string_view> denying) {
  bool allows = false;
  for (const std::string_view direction : {"ingress", "egress"}) {
    spec[direction].ForEachElement([&](std::size_t, JsonView rule) {
      const std::string_view action = rule["action"].StringOrEmpty();
      allows = allows || std::ranges::find(denying, action) == denying.end();
    });
  }
  return allows;
}

void CollectUpstream(const PolicyKind& kind, JsonView spec, std::vector<Selected>& found) {
  // The tier Baseline comes after the deny-all, which has decided by then; so does Pass. Only a
  // ClusterNetworkPolicy has a tier.
  const bool comes_after =
      kind.resource == "clusternetworkpolicies" && spec["tier"].StringOrEmpty() == "Baseline";
  if (comes_after || !AnyRuleAllows(spec, {"Deny", "Pass"})) return;
  const JsonView pods = spec["subject"]["pods"];
  if (pods.IsUnset()) {
    found.push_back({.path = "spec.subject", .selector = api::LabelSelector()});
  } else {
    found.push_back({.path = "spec.subject.pods.podSelector",
                     .selector = api::LabelSelector(pods["podSelector"])});
  }
}

void CollectCalico(JsonView spec, std::vector<Selected>& found) {
  // What passes the last tier is allowed by the profile of its namespace.
  if (!AnyRuleAllows(spec, {"Deny", "Log"})) return;
  const std::string_view selector = spec["selector"].StringOrEmpty();
  found.push_back({.path = "spec.selector",
                   .selector = api::LabelSelector(),
                   .passes_sandboxes = CalicoSelectorExcludes(selector, api::kSandboxLabel),
                   .passes_gateways = CalicoSelectorExcludes(selector, api::kGatewayLabel)});
}

std::vector<Selected> CollectSelectors(const PolicyKind& kind, JsonView policy) {
  std::vector<Selected> found;
  const JsonView spec = policy["spec"];
  switch (kind.dialect) {
    case Dialect::kCilium:
      CollectCilium(spec, "spec", found);
      policy["specs"].ForEachElement([&found](std::size_t index, JsonView one) {
        CollectCilium(one, "specs[" + std::to_string(index) + "]", found);
      });
      break;
    case Dialect::kCalico:
      CollectCalico(spec, found);
      break;
    case Dialect::kUpstream:
      CollectUpstream(kind, spec, found);
      break;
  }
  return found;
}

// Without white space, and with what stands in quotation marks left out.
std::string Bare(std::string_view selector) {
  std::string bare;
  char quote = '\0';
  for (const char c : selector) {
    if (quote != '\0') {
      if (c == quote) quote = '\0';
      continue;
    }
    if (c == '\'' || c == '"') quote = c;
    if (std::isspace(static_cast<unsigned char>(c)) == 0) bare += c;
  }
  return bare;
}

}  // namespace

bool CalicoSelectorExcludes(std::string_view selector, std::string_view label) {
  const std::string exclusion = "!has(" + std::string(label) + ")";
  const std::string bare = Bare(selector);
  // In a disjunction, or within parentheses that may be negated, it need not hold.
  if (bare.find("||") != std::string::npos || bare.find("!(") != std::string::npos) return false;
  std::size_t begin = 0;
  while (begin <= bare.size()) {
    const std::size_t end = std::min(bare.find("&&", begin), bare.size());
    std::string_view conjunct = std::string_view(bare).substr(begin, end - begin);
    if (conjunct == exclusion) return true;
    begin = end + 2;
  }
  return false;
}

bool IsOtherPolicyKind(std::string_view group, std::string_view resource) {
  return FindKind(group, resource) != nullptr;
}

GuardFindings JudgeNetworkPolicy(const GuardRequest& request) {
  const AdmissionRequest& admission = request.admission;
  const JsonView spec = admission.object["spec"];
  if (request.ByOperator() || !admission.object.IsObject() || SpecIsTheSame(admission) ||
      !AddsTraffic(spec)) {
    return GuardJudgement();
  }
  const api::LabelSelector selector(spec["podSelector"]);
  const auto selected = request.view.SandboxSelectedBy(admission.namespace_name, selector);
  if (!selected.ok()) return selected.status();
  const auto gateway = request.view.GatewaySelectedBy(admission.namespace_name, selector);
  if (!gateway.ok()) return gateway.status();
  GuardReport report;
  if (*selected) {
    report.Add(
        policy::kEgressWidened, "spec.podSelector",
        "the policy selects the pod of sandbox " + Quote(**selected) + " and lets traffic through");
  }
  if (*gateway) {
    report.Add(policy::kEgressWidened, "spec.podSelector",
               "the policy selects the pods of the gateway of sandbox " + Quote(**gateway) +
                   " and lets traffic through",
               kExcludeGateways);
  }
  return report.Take();
}

GuardFindings JudgeOtherPolicy(const GuardRequest& request) {
  const AdmissionRequest& admission = request.admission;
  const PolicyKind* const kind = FindKind(admission.resource_group, admission.resource);
  if (kind == nullptr || !admission.object.IsObject() || SpecIsTheSame(admission)) {
    return GuardJudgement();
  }
  GuardReport report;
  for (const Selected& selected : CollectSelectors(*kind, admission.object)) {
    const std::string_view where = kind->namespaced ? admission.namespace_name : std::string_view();
    const auto sandbox = request.view.SandboxSelectedBy(where, selected.selector);
    if (!sandbox.ok()) return sandbox.status();
    const auto gateway = request.view.GatewaySelectedBy(where, selected.selector);
    if (!gateway.ok()) return gateway.status();
    if (*sandbox && !selected.passes_sandboxes) {
      report.Add(policy::kOtherPolicyKinds, selected.path,
                 "the policy may select the pod of sandbox " + Quote(**sandbox) +
                     " and lets traffic through");
    }
    if (*gateway && !selected.passes_gateways) {
      report.Add(policy::kOtherPolicyKinds, selected.path,
                 "the policy may select the pods of the gateway of sandbox " + Quote(**gateway) +
                     " and lets traffic through",
                 kExcludeGatewaysOfOthers);
    }
  }
  return report.Take();
}

}  // namespace stockade::webhook
