#include "policy/compiled_policy.h"

#include <algorithm>
#include <utility>

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

// Reads what is more than types: the registries and the quantities.
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
      access_(policy.spec.access) {
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
      policy.access() != api::AccessRestrictions{} ||
      std::ranges::any_of(policy.max_resources(),
                          [](const auto& quantity) { return quantity.has_value(); });
  if (demands_something) return {};
  return {
      "the policy demands nothing beyond the floor; set minimumIsolation, images, resources or "
      "access"};
}

}  // namespace stockade::policy
