#include "cli/sandboxes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "api/agent_sandbox_claim.h"
#include "api/agent_sandbox_pool.h"
#include "api/agent_sandbox_template.h"
#include "api/binding_names.h"
#include "api/names.h"
#include "api/pod_view.h"
#include "cli/configuration.h"
#include "cli/report.h"
#include "policy/sandbox_claims.h"

namespace stockade::cli {
namespace {

bool HasErrors(const LintedObject& linted) {
  return std::ranges::any_of(linted.findings, [](const LocatedFinding& located) {
    return located.level() == Level::kError;
  });
}

std::string NotIn(std::string_view kind, const std::string& name) {
  return "its " + std::string(kind) + " \"" + name + "\" is not in the input; add its manifest";
}

// Sandboxes that templates and claims make, of one input. It outlives this.
class Made {
 public:
  Made(const Input& input, const LintContext& context, const policy::Facts& facts) : facts_(facts) {
    for (const InputObject& object : input.objects) {
      if (IsOfKind(object, api::kAgentSandboxTemplateKind)) {
        auto decoded = api::DecodeAgentSandboxTemplate(object.object);
        if (decoded.ok()) templates_.insert_or_assign(NameOf(object, context), *decoded);
      } else if (IsOfKind(object, api::kAgentSandboxPoolKind)) {
        const auto decoded = api::DecodeAgentSandboxPool(object.object);
        if (decoded.ok()) pools_.insert_or_assign(NameOf(object, context), decoded->spec);
      }
    }
  }

  // Of the template of a linted object, or of the one that the claim is for. The error says what is
  // missing.
  [[nodiscard]] Result<api::AgentSandbox> Of(const InputObject& object,
                                             const LintedObject& linted) const {
    std::string name = linted.name;
    if (IsOfKind(object, api::kAgentSandboxTemplateKind)) {
      // Claims and pools have names that a sandbox may have, and a template need not.
      std::ranges::replace(name, '.', '-');
      name = name.substr(0, api::kMaxSandboxNameBytes);
      name.erase(name.find_last_not_of('-') + 1);
      return Make({linted.namespace_name, linted.name}, std::move(name), {}, linted);
    }
    const auto claim = api::DecodeAgentSandboxClaim(object.object);
    if (!claim.ok()) return claim.status();
    std::string template_name = claim->spec.template_name;
    if (!claim->spec.pool_name.empty()) {
      const auto pool = pools_.find({linted.namespace_name, claim->spec.pool_name});
      if (pool == pools_.end()) {
        return Status(StatusCode::kNotFound,
                      NotIn(api::kAgentSandboxPoolKind, claim->spec.pool_name));
      }
      template_name = pool->second.template_name;
    }
    return Make({linted.namespace_name, template_name}, std::move(name), *claim, linted);
  }

 private:
  using ObjectName = std::pair<std::string, std::string>;  // namespace, name

  static ObjectName NameOf(const InputObject& object, const LintContext& context) {
    const codec::JsonView metadata = object.object["metadata"];
    std::string in(metadata["namespace"].StringOrEmpty());
    if (in.empty()) in = context.default_namespace();
    return {std::move(in), std::string(metadata["name"].StringOrEmpty())};
  }

  [[nodiscard]] Result<api::AgentSandbox> Make(const ObjectName& template_name, std::string name,
                                               const api::AgentSandboxClaim& claim,
                                               const LintedObject& linted) const {
    const auto found = templates_.find(template_name);
    if (found == templates_.end()) {
      return Status(StatusCode::kNotFound,
                    NotIn(api::kAgentSandboxTemplateKind, template_name.second));
    }
    const policy::NotAllowed refused = policy::WhatIsNotAllowed(claim, found->second);
    for (const auto* names : {&refused.variables, &refused.labels, &refused.annotations}) {
      if (names->empty()) continue;
      return Status(StatusCode::kInvalid, "its template does not let claims set \"" +
                                              names->front() +
                                              "\"; leave it out, or add it to spec.claims");
    }
    const codec::JsonDocument made = codec::ParseTrusted(
        {{"apiVersion", api::kGroupVersion},
         {"kind", api::kAgentSandboxKind},
         {"metadata", {{"name", std::move(name)}, {"namespace", linted.namespace_name}}},
         {"spec", policy::SandboxSpecFor(found->second, claim)}});
    auto sandbox = api::DecodeAgentSandbox(made.root());
    if (!sandbox.ok()) return sandbox.status();
    // What the template and the claim come to together.
    for (const policy::Finding& finding : policy::EvaluateSandbox(
             *sandbox, api::PodView(made.root()["spec"]["podTemplate"], "spec.podTemplate"),
             facts_)) {
      if (finding.severity != policy::Severity::kError) continue;
      return Status(StatusCode::kInvalid, "its sandbox would be refused: " + finding.field + ": [" +
                                              std::string(finding.code) + "] " + finding.message);
    }
    return sandbox;
  }

  const policy::Facts& facts_;
  std::map<ObjectName, api::AgentSandboxTemplate> templates_;
  std::map<ObjectName, api::AgentSandboxPoolSpec> pools_;
};

}  // namespace

std::vector<AcceptedSandbox> AcceptSandboxes(const Invocation& invocation,
                                             const LintOptions& options, Sandboxes wanted,
                                             int& exit_code) {
  exit_code = kExitError;
  const auto input = ReadManifests(invocation);
  if (!input.ok()) {
    exit_code = invocation.Fail(input.status().message());
    return {};
  }
  Console& console = invocation.console;
  TellProblems(input->problems, input->notes, console);
  const LintContext context(*input, options);
  const Made made(*input, context, options.facts);
  std::vector<AcceptedSandbox> accepted;
  bool any = false;
  bool refused = false;
  for (const InputObject& object : input->objects) {
    const bool is_sandbox = IsOfKind(object, api::kAgentSandboxKind);
    const bool makes_one = wanted == Sandboxes::kAndWhatMakesThem &&
                           (IsOfKind(object, api::kAgentSandboxTemplateKind) ||
                            IsOfKind(object, api::kAgentSandboxClaimKind));
    if (!is_sandbox && !makes_one) continue;
    any = true;
    std::optional<api::AgentSandbox> sandbox;
    const LintedObject linted = LintObject(object, context, &sandbox);
    if (HasErrors(linted) || (is_sandbox && !sandbox)) {
      refused = true;
      console.err += TextOf(linted, /*colour=*/false);
      console.err += "stockade: " + linted.Title() +
                     " would be refused, and nothing made of it; correct the errors above\n";
      continue;
    }
    if (linted.name.empty()) {
      refused = true;
      console.err += "stockade: " + linted.Title() +
                     " has a generated name, which only the API server knows; set metadata.name\n";
      continue;
    }
    if (makes_one) {
      auto result = made.Of(object, linted);
      if (!result.ok()) {
        // Of what is not in the input nothing is known.
        refused = refused || result.status().code() != StatusCode::kNotFound;
        console.err += "stockade: nothing is made of " + linted.Title() + ": " +
                       result.status().message() + "\n";
        continue;
      }
      sandbox = std::move(result).value();
    }
    accepted.push_back({std::move(*sandbox), linted.Title()});
  }
  if (!any && input->problems.empty()) {
    exit_code = invocation.Fail(wanted == Sandboxes::kThemselves
                                    ? "there is no AgentSandbox in the input"
                                    : "there is no AgentSandbox in the input, and no template or "
                                      "claim that makes one");
    return {};
  }
  exit_code = !input->problems.empty() ? kExitError : refused ? kExitFindings : kExitClean;
  return accepted;
}

}  // namespace stockade::cli
