#include "policy/compiled_policy.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/strings.h"
#include "policy/egress_hosts.h"
#include "policy/quoting.h"

namespace stockade::policy {
namespace {

using api::Quantity;
using codec::FieldError;

Result<Quantity> ParseMaximum(const std::string& text) {
  auto quantity = Quantity::Parse(text);
  if (!quantity.ok() || quantity->IsNegative() || quantity->IsZero()) {
    return Status(StatusCode::kBadRequest,
                  Quote(text) + " is no quantity above zero; write for example 500m, 4 or 8Gi");
  }
  return quantity;
}

void CheckHosts(std::span<const std::string> hosts, const std::string& path,
                std::vector<FieldError>& errors) {
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const auto problem = HostProblem(hosts[i]);
    if (!problem) continue;
    errors.push_back({path + "[" + std::to_string(i) + "]",
                      Quote(hosts[i]) + " " + *problem +
                          "; write a name as an entry of spec.egress.allow has it, such as "
                          "api.example.com or *.example.com"});
  }
}

void CheckSecrets(const std::vector<api::AllowedSecret>& secrets, std::vector<FieldError>& errors) {
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    const std::string path = "spec.credentials.allowedSecrets[" + std::to_string(i) + "]";
    const std::string& name = secrets[i].name;
    if (!IsDnsSubdomain(name)) {
      errors.push_back({path + ".name", Quote(name) +
                                            " is no name of a Secret; write it in "
                                            "lower-case letters, digits, \"-\" and \".\""});
    }
    if (std::ranges::count(secrets, name, &api::AllowedSecret::name) > 1) {
      errors.push_back(
          {path + ".name", "the Secret " + Quote(name) + " stands there twice; make one entry"});
    }
    if (secrets[i].hosts) CheckHosts(*secrets[i].hosts, path + ".hosts", errors);
  }
}

void CheckDenyRules(const std::vector<std::string>& rules, std::vector<FieldError>& errors) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string path = "spec.agentSettings.requiredDeny[" + std::to_string(i) + "]";
    const auto rule = ParsePermissionRule(rules[i], api::PermissionList::kDeny);
    if (!rule.ok()) {
      errors.push_back({path, Quote(rules[i]) + " " + rule.status().message()});
    } else if (const auto problem = IgnoredProblem(*rule)) {
      errors.push_back({path, Quote(rules[i]) + " " + *problem});
    }
  }
}

// Reads what is more than types: registries, quantities, hosts, names of Secrets and
// permission rules.
void CheckValues(const api::AgentSandboxPolicySpec& spec, std::vector<FieldError>& errors) {
  const auto& registries = spec.images.allowed_registries;
  for (std::size_t i = 0; i < registries.size(); ++i) {
    const auto prefix = RegistryPrefix::Parse(registries[i]);
    if (prefix.ok()) continue;
    errors.push_back(
        {"spec.images.allowedRegistries[" + std::to_string(i) + "]", prefix.status().message()});
  }
  for (const auto& [name, text] : spec.max_resources) {
    const auto quantity = ParseMaximum(text);
    if (!quantity.ok())
      errors.push_back({"spec.resources.max." + name, quantity.status().message()});
  }
  const api::EgressRestrictions& egress = spec.egress;
  if (egress.allowed_hosts) CheckHosts(*egress.allowed_hosts, "spec.egress.allowedHosts", errors);
  CheckHosts(egress.denied_hosts, "spec.egress.deniedHosts", errors);
  if (spec.credentials.allowed_secrets) CheckSecrets(*spec.credentials.allowed_secrets, errors);
  CheckDenyRules(spec.agent_settings.required_deny, errors);
}

}  // namespace

CompiledPolicy::CompiledPolicy(const api::AgentSandboxPolicy& policy)
    : name_(policy.metadata.name),
      uid_(policy.metadata.uid),
      generation_(policy.metadata.generation),
      namespace_selector_(policy.spec.namespace_selector),
      enforcement_(policy.spec.enforcement),
      minimum_isolation_(policy.spec.minimum_isolation),
      minimum_isolation_for_untrusted_(policy.spec.minimum_isolation_for_untrusted),
      requires_digest_(policy.spec.images.require_digest),
      denied_hosts_(policy.spec.egress.denied_hosts),
      forbids_tunnel_(policy.spec.egress.forbid_tunnel),
      max_hosts_(policy.spec.egress.max_hosts),
      access_(policy.spec.access),
      forbids_bypass_(policy.spec.agent_settings.forbid_bypass),
      lifetime_(policy.spec.lifetime) {
  std::vector<FieldError> errors;
  CheckValues(policy.spec, errors);
  if (!errors.empty()) problem_ = codec::ToStatus(errors).message();
  for (const std::string& text : policy.spec.images.allowed_registries) {
    auto prefix = RegistryPrefix::Parse(text);
    if (prefix.ok()) allowed_registries_.push_back(std::move(prefix).value());
  }
  for (std::size_t i = 0; i < api::kResourceCount; ++i) {
    const auto found = policy.spec.max_resources.find(std::string(api::kResourceNames[i]));
    if (found == policy.spec.max_resources.end()) continue;
    const auto quantity = ParseMaximum(found->second);
    if (quantity.ok()) max_resources_[i] = *quantity;
  }
  for (const std::string& text : policy.spec.agent_settings.required_deny) {
    auto rule = ParsePermissionRule(text, api::PermissionList::kDeny);
    if (rule.ok()) required_deny_.push_back(std::move(rule).value());
  }
  if (const auto& hosts = policy.spec.egress.allowed_hosts) allowed_hosts_.emplace(*hosts);
  if (const auto& secrets = policy.spec.credentials.allowed_secrets) {
    allowed_secrets_.emplace();
    for (const auto& [name, hosts] : *secrets) {
      allowed_secrets_->emplace_back(name, std::nullopt);
      if (hosts) allowed_secrets_->back().second.emplace(*hosts);
    }
    std::ranges::sort(*allowed_secrets_, {}, &SecretHosts::first);
  }
}

const SecretHosts* CompiledPolicy::FindSecret(std::string_view name) const {
  if (!allowed_secrets_) return nullptr;
  const auto found = std::lower_bound(
      allowed_secrets_->begin(), allowed_secrets_->end(), name,
      [](const SecretHosts& entry, std::string_view wanted) { return entry.first < wanted; });
  return found != allowed_secrets_->end() && found->first == name ? &*found : nullptr;
}

std::shared_ptr<const CompiledPolicy> CompiledPolicy::Compile(codec::JsonView object) {
  const auto decoded = api::DecodeAgentSandboxPolicy(object);
  if (decoded.ok()) return std::make_shared<const CompiledPolicy>(*decoded);
  const api::ObjectMeta metadata = api::DecodeObjectMeta(object["metadata"]);
  std::shared_ptr<CompiledPolicy> broken(new CompiledPolicy);
  broken->name_ = metadata.name;
  broken->uid_ = metadata.uid;
  broken->generation_ = metadata.generation;
  broken->problem_ = decoded.status().message();
  const codec::JsonView selector = object["spec"]["namespaceSelector"];
  std::vector<FieldError> errors;
  api::CheckLabelSelector(selector, "spec.namespaceSelector", /*strict=*/false, errors);
  if (errors.empty()) broken->namespace_selector_ = api::LabelSelector(selector);
  return broken;
}

std::vector<FieldError> CheckPolicy(codec::JsonView object) {
  std::vector<FieldError> errors = api::CheckAgentSandboxPolicyFields(object);
  const auto decoded = api::DecodeAgentSandboxPolicy(object);
  if (!decoded.ok()) return errors;
  CheckValues(decoded->spec, errors);
  const std::string key = decoded->spec.namespace_selector.ContradictoryKey();
  if (!key.empty()) {
    errors.push_back(
        {"spec.namespaceSelector", "selects no namespace: what it says of the label " + Quote(key) +
                                       " contradicts itself; remove one of the requirements"});
  }
  return errors;
}

std::vector<std::string> WarningsOf(const CompiledPolicy& policy) {
  const bool demands_something =
      policy.minimum_isolation().value_or(api::Isolation::kContainer) >
          api::Isolation::kContainer ||
      policy.minimum_isolation_for_untrusted() > api::Isolation::kGVisor ||
      !policy.allowed_registries().empty() || policy.requires_digest() ||
      policy.restricts_egress() || policy.allowed_secrets() ||
      policy.access() != api::AccessRestrictions{} || !policy.required_deny().empty() ||
      policy.forbids_bypass() || policy.lifetime() != api::LifetimeRestrictions{} ||
      std::ranges::any_of(policy.max_resources(),
                          [](const auto& quantity) { return quantity.has_value(); });
  if (demands_something) return {};
  return {
      "the policy demands nothing beyond the floor but that egress.audit is not used; set "
      "minimumIsolation, images, resources, "
      "egress, credentials, access, agentSettings or lifetime"};
}

}  // namespace stockade::policy
