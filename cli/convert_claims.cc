#include "cli/convert_claims.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/binding_names.h"
#include "api/names.h"
#include "cli/convert_fields.h"
#include "cli/json_edit.h"
#include "codec/yaml_writer.h"
#include "policy/metadata_keys.h"
#include "policy/quoting.h"
#include "render/edit.h"

namespace stockade::cli {
namespace {

using codec::Json;
using render::Member;
using render::StringMember;

constexpr std::array<Explained, 3> kTemplateFields = {
    {{"volumeClaimTemplatesPolicy", "a claim brings no volumes: the template has them all"},
     {"generatedSecrets", "no Secret comes into a sandbox, whoever made it"},
     {"networkPolicyManagement",
      "the network of a sandbox is always shut; spec.ingress opens it"}}};

constexpr std::array<Explained, 2> kClaimFields = {
    {{"safeToEvict", "an AgentSandbox has no say in how the cluster's autoscaler moves pods"},
     {"volumeClaimTemplates",
      "a claim brings no volumes: write them in a template of their own, and claim that"}}};

Json Start(std::string_view kind, const Json& object, Account& account) {
  return {{"apiVersion", api::kGroupVersion},
          {"kind", kind},
          {"metadata", MetadataOf(object, account)},
          {"spec", Json::object()}};
}

Json Named(std::string_view name) { return {{"name", name}}; }

void Move(const std::string& field, const Json& value, const std::string& to, std::string why,
          Account& account) {
  account.moved.push_back(
      {.field = field, .from = ShownValue(value), .to = to, .why = std::move(why)});
}

// Rules of a template's own NetworkPolicy that spec.ingress can say.
void AddIngress(const Json& template_spec, Json& spec, Account& account) {
  const Json& policy = Member(template_spec, "networkPolicy");
  if (!policy.is_object()) return;
  const std::string path = "spec.networkPolicy";
  const bool ignored = StringMember(template_spec, "networkPolicyManagement") == "Unmanaged";
  const Json& rules = Member(policy, "ingress");
  Json ingress = Json::array();
  for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
    const Json& from = Member(rules[i], "from");
    const std::string field = path + ".ingress[" + std::to_string(i) + "]";
    if (ignored) {
      LeaveOut(field, rules[i], "with networkPolicyManagement Unmanaged it had no effect", account);
    } else if (!from.is_array() || from.empty()) {
      LeaveOut(field, rules[i], "it lets everybody connect; name the peers in spec.ingress",
               account);
    } else {
      Move(field, rules[i], "spec.ingress[" + std::to_string(ingress.size()) + "]",
           "spec.ingress says who may connect", account);
      ingress.push_back(rules[i]);
    }
  }
  if (!ingress.empty()) spec["ingress"] = std::move(ingress);
  LeaveOut(path + ".egress", Member(policy, "egress"),
           "a sandbox reaches hosts by their names: list those it needs in spec.egress.allow",
           account);
}

// The names of the variables that the template's containers have.
std::set<std::string> OwnVariables(const Json& template_spec) {
  std::set<std::string> names;
  const Json& pod = Member(Member(template_spec, "podTemplate"), "spec");
  for (const Json& container : Member(pod, "containers")) {
    for (const Json& variable : Member(container, "env")) {
      names.insert(std::string(StringMember(variable, "name")));
    }
  }
  return names;
}

void AddSource(const Json& claim_spec, const std::string& default_pool, Json& spec,
               Account& account) {
  const std::string_view made_from = StringMember(Member(claim_spec, "sandboxTemplateRef"), "name");
  std::string pool(StringMember(Member(claim_spec, "warmPoolRef"), "name"));
  const Json& policy = Member(claim_spec, "warmpool");  // of v1alpha1
  const std::string_view wanted = StringMember(claim_spec, "warmpool");
  if (pool.empty() && !made_from.empty() && wanted != "none") {
    pool = wanted.empty() || wanted == "default" ? default_pool : std::string(wanted);
  }
  if (!pool.empty()) {
    spec["poolRef"] = Named(pool);
    if (!made_from.empty()) {
      Move("spec.sandboxTemplateRef.name", std::string(made_from), "spec.poolRef.name: " + pool,
           policy.is_null() || wanted == "default" ? "that pool keeps sandboxes of this template"
                                                   : "spec.warmpool names that pool",
           account);
    }
  } else if (!made_from.empty()) {
    spec["templateRef"] = Named(made_from);
  } else {
    account.concerns.push_back(
        {.field = "spec", .message = "the claim names neither a template nor a pool"});
  }
}

void AddVariables(const Json& claim_spec, Json& spec, Account& account) {
  const Json& variables = Member(claim_spec, "env");
  for (std::size_t i = 0; variables.is_array() && i < variables.size(); ++i) {
    const std::string field = "spec.env[" + std::to_string(i) + "]";
    Json entry = Json::object();
    for (const char* key : {"name", "value"}) Copy(variables[i], key, entry);
    spec["env"].push_back(std::move(entry));
    LeaveOut(field + ".containerName", Member(variables[i], "containerName"),
             "every container of the pod that is no init container gets a claim's variables",
             account);
  }
  if (variables.is_array() && !variables.empty()) {
    account.concerns.push_back(
        {.level = Level::kWarning,
         .field = "spec.env",
         .message = "agent-sandbox gives them to the first container where none is named; here "
                    "every container gets them"});
  }
}

void LeaveOutRefusedKeys(Json& metadata, const policy::Facts& facts, Account& account) {
  for (const char* map : {"labels", "annotations"}) {
    const auto keys = metadata.find(map);
    if (keys == metadata.end()) continue;
    const auto before = Json(*keys);
    for (const auto& [key, value] : before.items()) {
      const auto reason = policy::WhyKeyIsRefused(key, facts);
      if (!reason) continue;
      LeaveOut("spec.additionalPodMetadata." + std::string(map) + "." + key, value,
               *reason +
                   "; where it is harmless, allow it in the configuration "
                   "(allowedMetadataPrefixes) and convert with --config",
               account);
      keys->erase(key);
    }
    if (keys->empty()) metadata.erase(map);
  }
}

void AddLifetime(const Json& claim_spec, Json& spec, Account& account) {
  const Json& from = Member(claim_spec, "lifecycle");
  for (const char* key : {"shutdownTime", "ttlSecondsAfterFinished"}) {
    if (!Member(from, key).is_null()) spec["lifecycle"][key] = Member(from, key);
  }
  const std::string_view policy = StringMember(from, "shutdownPolicy");
  if (policy.starts_with("Delete")) {
    // A claim that has ended stays, as with Retain, unless it has a time to go.
    if (Member(from, "ttlSecondsAfterFinished").is_null()) {
      spec["lifecycle"]["ttlSecondsAfterFinished"] = 0;
    }
    Move("spec.lifecycle.shutdownPolicy", Member(from, "shutdownPolicy"),
         "spec.lifecycle.ttlSecondsAfterFinished: " +
             spec["lifecycle"]["ttlSecondsAfterFinished"].dump(),
         "it says when a claim that has ended is deleted, however it has ended", account);
  } else if (policy == "Retain") {
    Move("spec.lifecycle.shutdownPolicy", Member(from, "shutdownPolicy"),
         "the default: a claim that has ended stays", "its sandbox is deleted", account);
  }
  constexpr std::array<std::string_view, 3> kCarried = {"shutdownTime", "ttlSecondsAfterFinished",
                                                        "shutdownPolicy"};
  LeaveOutRest(from, "spec.lifecycle", kCarried, {}, account);
}

}  // namespace

Json BlueprintOf(const Json& sandbox_template, Account& account) {
  const Json& from = Member(sandbox_template, "spec");
  Json made = Start(api::kAgentSandboxKind, sandbox_template, account);
  Json& spec = made["spec"];
  AddBlueprint(from, StringMember(sandbox_template, "apiVersion"), spec, account);
  AddIngress(from, spec, account);
  constexpr std::array<std::string_view, 5> kCarried = {
      "podTemplate", "volumeClaimTemplates", "service", "networkPolicy", "envVarsInjectionPolicy"};
  LeaveOutRest(from, "spec", kCarried, kTemplateFields, account);
  return made;
}

std::vector<std::string> VariablesForClaims(const Json& sandbox_template,
                                            const std::vector<std::string>& wanted,
                                            Account& account) {
  const Json& from = Member(sandbox_template, "spec");
  const std::string_view policy = StringMember(from, "envVarsInjectionPolicy");
  std::vector<std::string> allowed;
  if (policy.empty()) return allowed;
  if (policy != "Disallowed") {
    const std::set<std::string> own = OwnVariables(from);
    std::ranges::copy_if(wanted, std::back_inserter(allowed), [&](const std::string& name) {
      return policy == "Overrides" || !own.contains(name);
    });
    if (allowed.empty()) {
      account.concerns.push_back(
          {.level = Level::kWarning,
           .field = "spec.envVarsInjectionPolicy",
           .message = "claims may set variables, and no claim of the input does: name those that "
                      "are to be allowed in spec.claims.env"});
    }
  }
  Move("spec.envVarsInjectionPolicy", Member(from, "envVarsInjectionPolicy"),
       "spec.claims.env: " + Json(allowed).dump(),
       policy == "Disallowed" ? "a claim may set the variables that are listed there, and no others"
                              : "a claim may set the variables that are listed there: those that "
                                "claims of the input set",
       account);
  return allowed;
}

void NoteWhatIsSet(const Json& claim, const policy::Facts& facts, SetByClaims& set) {
  const auto note = [](std::vector<std::string>& list, const std::string& name) {
    if (std::ranges::find(list, name) == list.end()) list.push_back(name);
  };
  const Json& spec = Member(claim, "spec");
  for (const Json& variable : Member(spec, "env")) {
    note(set.variables, std::string(StringMember(variable, "name")));
  }
  const Json& metadata = Member(spec, "additionalPodMetadata");
  for (const auto& [map, list] :
       {std::pair{"labels", &set.labels}, std::pair{"annotations", &set.annotations}}) {
    const Json& keys = Member(metadata, map);
    if (!keys.is_object()) continue;
    for (const auto& [key, value] : keys.items()) {
      if (!policy::WhyKeyIsRefused(key, facts)) note(*list, key);
    }
  }
}

Json TemplateFrom(const Json& blueprint, const SetByClaims& allowed) {
  Json made = {{"apiVersion", api::kGroupVersion},
               {"kind", api::kAgentSandboxTemplateKind},
               {"metadata", Member(blueprint, "metadata")},
               {"spec", {{"template", {{"spec", Member(blueprint, "spec")}}}}}};
  for (const auto& [field, list] :
       {std::pair{"env", &allowed.variables}, std::pair{"labels", &allowed.labels},
        std::pair{"annotations", &allowed.annotations}}) {
    if (!list->empty()) made["spec"]["claims"][field] = *list;
  }
  return made;
}

Json FromWarmPool(const Json& pool, Account& account) {
  const Json& from = Member(pool, "spec");
  Json made = Start(api::kAgentSandboxPoolKind, pool, account);
  Json& spec = made["spec"];
  spec["templateRef"] = Named(StringMember(Member(from, "sandboxTemplateRef"), "name"));
  for (const char* key : {"replicas", "updateStrategy"}) Copy(from, key, spec);
  constexpr std::array<std::string_view, 3> kCarried = {"sandboxTemplateRef", "replicas",
                                                        "updateStrategy"};
  LeaveOutRest(from, "spec", kCarried, {}, account);
  return made;
}

Json FromClaim(const Json& claim, const std::string& default_pool, const policy::Facts& facts,
               Account& account) {
  const Json& from = Member(claim, "spec");
  Json made = Start(api::kAgentSandboxClaimKind, claim, account);
  Json& spec = made["spec"];
  AddSource(from, default_pool, spec, account);
  AddVariables(from, spec, account);
  Json metadata = EmbeddedMetadata(Member(from, "additionalPodMetadata"),
                                   "spec.additionalPodMetadata", false, account);
  if (metadata.is_object()) LeaveOutRefusedKeys(metadata, facts, account);
  if (metadata.is_object() && !metadata.empty()) {
    spec["podMetadata"] = std::move(metadata);
    account.moved.push_back({.field = "spec.additionalPodMetadata",
                             .from = "labels and annotations",
                             .to = "spec.podMetadata",
                             .why = "it is called so here"});
  }
  AddLifetime(from, spec, account);
  constexpr std::array<std::string_view, 6> kCarried = {
      "sandboxTemplateRef", "warmPoolRef", "warmpool", "additionalPodMetadata", "env", "lifecycle"};
  LeaveOutRest(from, "spec", kCarried, kClaimFields, account);
  return made;
}

void ScaleOurPool(Json& autoscaler, Account& account) {
  Json& target = autoscaler["spec"]["scaleTargetRef"];
  Move("spec.scaleTargetRef.kind", target["kind"], std::string(api::kAgentSandboxPoolKind),
       "the pool of that name is converted", account);
  target["apiVersion"] = api::kGroupVersion;
  target["kind"] = api::kAgentSandboxPoolKind;
  const Json& metrics = Member(Member(autoscaler, "spec"), "metrics");
  if (codec::ToYaml(metrics).find("agent_sandbox_") == std::string::npos) return;
  account.concerns.push_back(
      {.level = Level::kWarning,
       .field = "spec.metrics",
       .message = "agent-sandbox's controller counts nothing of this pool; Stockade's counts its "
                  "claims in stockade_pool_claims_total"});
}

}  // namespace stockade::cli
