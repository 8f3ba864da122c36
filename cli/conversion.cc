#include "cli/conversion.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include "api/agent_sandbox.h"
#include "api/names.h"
#include "cli/convert_defaults.h"
#include "cli/convert_mounts.h"
#include "cli/convert_repairs.h"
#include "cli/convert_sandbox.h"
#include "cli/json_edit.h"
#include "codec/yaml_writer.h"
#include "policy/quoting.h"
#include "render/edit.h"

namespace stockade::cli {
namespace {

using codec::Json;

constexpr std::string_view kOutputName = "the converted objects";

using ObjectName = std::pair<std::string, std::string>;  // namespace, name

bool IsOfAgentSandbox(std::string_view api_version) {
  const std::string_view group = api_version.substr(0, api_version.find('/'));
  return group == kAgentSandboxGroup || group == kAgentSandboxExtensionsGroup;
}

// The objects of agent-sandbox in an input, by what refers to them.
class Converter {
 public:
  Converter(const Input& input, const ConvertOptions& options) : input_(input), options_(options) {
    for (const InputObject& object : input.objects) {
      if (!IsOfAgentSandbox(object.api_version())) continue;
      const ObjectName name = NameOf(object);
      if (object.kind() == "Sandbox") sandboxes_.insert(name);
      if (object.kind() == "SandboxTemplate") templates_.emplace(name, &object);
      if (object.kind() == "SandboxWarmPool") pools_.emplace(name, &object);
    }
  }

  Conversion Run() {
    conversion_.problems = input_.problems;
    conversion_.notes = input_.notes;
    conversion_.files = input_.files;
    for (const InputObject& object : input_.objects) One(object);
    for (const auto& [index, name] : templates_told_) TellOfTemplate(index, name);
    for (const auto& [index, name] : pools_told_) TellOfPool(index, name);
    if (input_.other_documents > 0) {
      conversion_.notes.push_back(std::to_string(input_.other_documents) +
                                  (input_.other_documents == 1
                                       ? " document is no Kubernetes object and was left out"
                                       : " documents are no Kubernetes objects and were left out"));
    }
    JudgeOutputs();
    return std::move(conversion_);
  }

 private:
  [[nodiscard]] ObjectName NameOf(const InputObject& object) const {
    const codec::JsonView metadata = object.object["metadata"];
    std::string space(metadata["namespace"].StringOrEmpty());
    if (space.empty()) space = options_.lint.default_namespace;
    return {std::move(space), std::string(metadata["name"].StringOrEmpty())};
  }

  [[nodiscard]] std::string TitleOf(std::string_view kind, codec::JsonView metadata) const {
    LintedObject titled;
    titled.kind = kind;
    titled.namespace_name = metadata["namespace"].StringOrEmpty();
    if (titled.namespace_name.empty()) titled.namespace_name = options_.lint.default_namespace;
    titled.name = metadata["name"].StringOrEmpty();
    const std::string_view prefix = metadata["generateName"].StringOrEmpty();
    if (titled.name.empty() && !prefix.empty()) titled.name = std::string(prefix) + "*";
    return titled.Title();
  }

  ConvertedObject& Tell(const InputObject& object) {
    ConvertedObject& told = conversion_.objects.emplace_back();
    told.source = object.source;
    told.position = object.Locate("");
    told.from = TitleOf(object.kind(), object.object["metadata"]);
    return told;
  }

  void One(const InputObject& object) {
    if (!IsOfAgentSandbox(object.api_version())) {
      PassThrough(object);
    } else if (object.kind() == "Sandbox") {
      ConvertedObject& told = Tell(object);
      Put(object, FromSandbox(object.object.ToJson(), told.account), told);
    } else if (object.kind() == "SandboxClaim") {
      Claim(object);
    } else if (object.kind() == "SandboxTemplate") {
      templates_told_.emplace_back(conversion_.objects.size(), NameOf(object));
      Tell(object);
    } else if (object.kind() == "SandboxWarmPool") {
      pools_told_.emplace_back(conversion_.objects.size(), NameOf(object));
      Tell(object);
    } else {
      Tell(object).account.concerns.push_back(
          {.field = "kind",
           .message = policy::Quote(object.kind()) +
                      " is no kind of agent-sandbox that can be converted; those are Sandbox, "
                      "SandboxClaim, SandboxTemplate and SandboxWarmPool"});
    }
  }

  void PassThrough(const InputObject& object) {
    ++conversion_.passed_through[std::string(object.kind())];
    if (IsOurs(object)) ours_.emplace(conversion_.outputs.size(), &object);
    conversion_.outputs.push_back(object.object.ToJson());
  }

  void Put(const InputObject& object, Json made, ConvertedObject& told) {
    RepairByRules(made, options_, told.account);
    MoveClaimMounts(made, told.account);
    RepairByRules(made, options_, told.account);
    told.to = TitleOf(api::kAgentSandboxKind, object.object["metadata"]);
    told.output = conversion_.outputs.size();
    told_by_output_.emplace(conversion_.outputs.size(), conversion_.objects.size() - 1);
    conversion_.outputs.push_back(std::move(made));
  }

  // The template that a claim names, by itself or by its pool.
  [[nodiscard]] std::string TemplateOf(const InputObject& claim, Account& account) {
    const codec::JsonView spec = claim.object["spec"];
    const std::string_view direct = spec["sandboxTemplateRef"]["name"].StringOrEmpty();
    if (!direct.empty()) return std::string(direct);
    const std::string_view pool_name = spec["warmPoolRef"]["name"].StringOrEmpty();
    if (pool_name.empty()) {
      account.concerns.push_back(
          {.field = "spec", .message = "the claim names neither a template nor a pool"});
      return "";
    }
    const ObjectName key{NameOf(claim).first, std::string(pool_name)};
    const auto pool = pools_.find(key);
    if (pool == pools_.end()) {
      account.concerns.push_back({.field = "spec.warmPoolRef.name",
                                  .message = "the SandboxWarmPool " + policy::Quote(pool_name) +
                                             " is not in the input: convert both together, with "
                                             "the pool's SandboxTemplate"});
      return "";
    }
    used_pools_.insert(key);
    return std::string(pool->second->object["spec"]["sandboxTemplateRef"]["name"].StringOrEmpty());
  }

  void Claim(const InputObject& claim) {
    ConvertedObject& told = Tell(claim);
    ObjectName name = NameOf(claim);
    const std::string_view adopted = claim.object["status"]["sandbox"]["name"].StringOrEmpty();
    const bool twice =
        sandboxes_.contains(name) ||
        (!adopted.empty() && sandboxes_.contains({name.first, std::string(adopted)}));
    Account looked_up;
    const std::string wanted = TemplateOf(claim, looked_up);
    name.second = wanted;
    const auto found = templates_.find(name);
    if (found != templates_.end()) used_templates_.insert(name);
    if (twice) {
      told.account.left_out.push_back(
          {"", "", "the Sandbox that was made for it is in the input and was converted"});
      return;
    }
    if (looked_up.HasErrors()) {
      told.account = std::move(looked_up);
      return;
    }
    if (found == templates_.end()) {
      told.account.concerns.push_back(
          {.field = "spec",
           .message = "the SandboxTemplate " + policy::Quote(wanted) +
                      " is not in the input: convert both together, since an AgentSandbox says "
                      "itself what it runs"});
      return;
    }
    Put(claim, FromClaim(claim.object.ToJson(), found->second->object.ToJson(), told.account),
        told);
  }

  void TellOfTemplate(std::size_t index, const ObjectName& name) {
    Account& account = conversion_.objects[index].account;
    if (used_templates_.contains(name)) {
      account.left_out.push_back(
          {"", "", "what it says stands in the AgentSandbox of each SandboxClaim"});
      return;
    }
    account.concerns.push_back(
        {.field = "kind",
         .message = "a template is no sandbox: Stockade has no kind for one, and the sandboxes "
                    "have their names from claims; convert it together with its SandboxClaims, or "
                    "write an AgentSandbox with a name of its own from its podTemplate"});
  }

  void TellOfPool(std::size_t index, const ObjectName& name) {
    Account& account = conversion_.objects[index].account;
    if (used_pools_.contains(name)) {
      account.left_out.push_back(
          {"", "", "there are no pools: each sandbox is started when it is created"});
      return;
    }
    account.concerns.push_back(
        {.field = "kind",
         .message =
             "Stockade has no pools of sandboxes that wait: create an AgentSandbox when one "
             "is needed; SandboxClaims are converted together with their pool and template"});
  }

  // As lint does, all at once: policies and namespaces among the objects count.
  void JudgeOutputs() {
    Input output;
    ReadText(kOutputName, YamlOf(conversion_.outputs), output);
    const bool whole = output.objects.size() == conversion_.outputs.size();
    std::ranges::move(output.problems, std::back_inserter(conversion_.problems));
    // What is too large to be read again is told, and is an error.
    if (!whole) return;
    LintReport report = Lint(output, options_.lint);
    std::ranges::move(report.notes, std::back_inserter(conversion_.notes));
    std::size_t next = 0;
    for (std::size_t i = 0; i < output.objects.size(); ++i) {
      if (!IsOurs(output.objects[i])) continue;
      LintedObject& linted = report.objects[next++];
      ConvertedObject* told = ToldOf(i, linted);
      if (told == nullptr) continue;
      for (LocatedFinding& located : linted.findings) {
        told->account.concerns.push_back({.level = located.level(),
                                          .code = std::string(located.finding.code),
                                          .field = std::move(located.finding.field),
                                          .message = std::move(located.finding.message)});
      }
      if (!told->to.empty() && !told->account.HasErrors()) {
        TellDefaults(output.objects[i].object, options_, told->account);
      }
    }
  }

  // Where to tell what was found in an output; null when there is nothing to tell.
  ConvertedObject* ToldOf(std::size_t output, const LintedObject& linted) {
    if (const auto made = told_by_output_.find(output); made != told_by_output_.end()) {
      return &conversion_.objects[made->second];
    }
    const auto ours = ours_.find(output);
    if (ours == ours_.end() || linted.findings.empty()) return nullptr;
    ConvertedObject& told = Tell(*ours->second);
    told.from = linted.Title();
    told.output = output;
    return &told;
  }

  const Input& input_;
  const ConvertOptions& options_;
  Conversion conversion_;
  std::set<ObjectName> sandboxes_;
  std::map<ObjectName, const InputObject*> templates_;
  std::map<ObjectName, const InputObject*> pools_;
  std::set<ObjectName> used_templates_;
  std::set<ObjectName> used_pools_;
  std::vector<std::pair<std::size_t, ObjectName>> templates_told_;
  std::vector<std::pair<std::size_t, ObjectName>> pools_told_;
  std::map<std::size_t, std::size_t> told_by_output_;  // of what was converted
  std::map<std::size_t, const InputObject*> ours_;     // Stockade's already, by output
};

}  // namespace

bool Account::HasErrors() const {
  return std::ranges::any_of(concerns,
                             [](const Concern& concern) { return concern.level == Level::kError; });
}

bool Conversion::HasErrors() const {
  return std::ranges::any_of(
      objects, [](const ConvertedObject& object) { return object.account.HasErrors(); });
}

Conversion Convert(const Input& input, const ConvertOptions& options) {
  return Converter(input, options).Run();
}

std::string YamlOf(const std::vector<Json>& outputs) {
  std::string text;
  for (const Json& output : outputs) text += "---\n" + codec::ToYaml(output);
  return text;
}

}  // namespace stockade::cli
