#include "policy/sandbox_claims.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "api/names.h"
#include "api/pod_view.h"

namespace stockade::policy {
namespace {

using codec::Json;

// A "$" in the value of a variable begins a reference to another one; two of them are a "$".
std::string Literally(const std::string& value) {
  std::string result;
  result.reserve(value.size());
  for (const char c : value) {
    if (c == '$') result += '$';
    result += c;
  }
  return result;
}

void SetVariables(const api::AgentSandboxClaim& claim, Json& container) {
  Json& variables = container["env"];
  if (!variables.is_array()) variables = Json::array();
  for (const auto& [name, value] : claim.spec.env) {
    Json own = {{"name", name}, {"value", Literally(value)}};
    // In its place: variables that stand behind may refer to it.
    const auto same = [&wanted = name](const Json& variable) {
      return variable.value("name", std::string()) == wanted;
    };
    const auto found = std::find_if(variables.begin(), variables.end(), same);
    if (found == variables.end()) {
      variables.push_back(std::move(own));
    } else {
      *found = std::move(own);
    }
  }
}

api::StringMap Merged(const api::StringMap& added, const api::StringMap& own) {
  api::StringMap merged = own;
  merged.insert(added.begin(), added.end());
  return merged;
}

// What a claim adds, in a sandbox that is nothing else.
Json SandboxOfClaimAlone(const api::AgentSandboxClaim& claim) {
  Json container = {{"name", "agent"}, {"image", "claim"}};
  SetVariables(claim, container);
  Json pod_template = {{"spec", {{"containers", Json::array({std::move(container)})}}}};
  pod_template["metadata"] = PodMetadataFor(claim, {});
  return {
      {"apiVersion", api::kGroupVersion},
      {"kind", api::kAgentSandboxKind},
      {"metadata", {{"name", claim.metadata.name}, {"namespace", claim.metadata.namespace_name}}},
      {"spec", {{"podTemplate", std::move(pod_template)}}}};
}

}  // namespace

std::vector<Finding> EvaluateClaim(const api::AgentSandboxClaim& claim, const Facts& facts) {
  constexpr std::string_view kVariables = "spec.podTemplate.spec.containers[0].env";
  constexpr std::string_view kMetadata = "spec.podTemplate.metadata";
  const codec::JsonDocument document = codec::ParseTrusted(SandboxOfClaimAlone(claim));
  const auto sandbox = api::DecodeAgentSandbox(document.root());
  std::vector<Finding> findings;
  if (!sandbox.ok()) return findings;  // it is made of what was decoded
  for (Finding& finding : EvaluateSandbox(
           *sandbox, api::PodView(document.root()["spec"]["podTemplate"], "spec.podTemplate"),
           facts)) {
    const std::string_view field = finding.field;
    if (field.starts_with(kVariables)) {
      finding.field = "spec.env" + std::string(field.substr(kVariables.size()));
    } else if (field.starts_with(kMetadata)) {
      finding.field = "spec.podMetadata" + std::string(field.substr(kMetadata.size()));
    } else {
      continue;
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

NotAllowed WhatIsNotAllowed(const api::AgentSandboxClaim& claim,
                            const api::AgentSandboxTemplate& made_from) {
  const auto others = [](const auto& set, const std::vector<std::string>& allowed) {
    std::vector<std::string> refused;
    for (const auto& [name, value] : set) {
      if (!std::ranges::binary_search(allowed, name)) refused.push_back(name);
    }
    return refused;
  };
  return {others(claim.spec.env, made_from.claim_env),
          others(claim.spec.pod_labels, made_from.claim_labels),
          others(claim.spec.pod_annotations, made_from.claim_annotations)};
}

Json PodMetadataFor(const api::AgentSandboxClaim& claim, const api::PodTemplate& own) {
  Json metadata = Json::object();
  const api::StringMap labels = Merged(claim.spec.pod_labels, own.labels);
  const api::StringMap annotations = Merged(claim.spec.pod_annotations, own.annotations);
  if (!labels.empty()) metadata["labels"] = labels;
  if (!annotations.empty()) metadata["annotations"] = annotations;
  return metadata;
}

Json SandboxSpecFor(const api::AgentSandboxTemplate& made_from,
                    const api::AgentSandboxClaim& claim) {
  Json spec = made_from.sandbox_spec.ToJson();
  Json& pod_template = spec["podTemplate"];
  const codec::JsonDocument metadata =
      codec::ParseTrusted(pod_template.value("metadata", Json::object()));
  const api::ObjectMeta own = api::DecodeObjectMeta(metadata.root());
  Json merged = PodMetadataFor(claim, {own.labels, own.annotations, {}});
  if (!merged.empty()) pod_template["metadata"] = std::move(merged);
  if (!claim.spec.env.empty()) {
    for (Json& container : pod_template["spec"]["containers"]) SetVariables(claim, container);
  }
  return spec;
}

}  // namespace stockade::policy
