#include "cli/conversion.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include "api/agent_sandbox.h"
#include "api/binding_names.h"
#include "api/names.h"
#include "cli/convert_claims.h"
#include "cli/convert_defaults.h"
#include "cli/convert_fields.h"
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

constexpr std::string_view kSandbox = "Sandbox";
constexpr std::string_view kSandboxTemplate = "SandboxTemplate";
constexpr std::string_view kSandboxWarmPool = "SandboxWarmPool";
constexpr std::string_view kSandboxClaim = "SandboxClaim";

// The objects of agent-sandbox in an input, by what refers to them.
class Converter {
 public:
  Converter(const Input& input, const ConvertOptions& options) : input_(input), options_(options) {
    for (const InputObject& object : input.objects) {
      if (!IsOfAgentSandbox(object.api_version())) continue;
      const ObjectName name = NameOf(object);
      if (object.kind() == kSandboxTemplate) templates_.insert(name);
      if (object.kind() == kSandboxWarmPool) pools_.emplace(name, TemplateOfPool(object));
      if (object.kind() == kSandboxClaim) claims_.insert(name);
    }
    for (const InputObject& object : input.objects) {
      if (IsOfAgentSandbox(object.api_version()) && object.kind() == kSandboxClaim) {
        CollectWhatIsSet(object);
      }
    }
  }

  Conversion Run() {
    conversion_.problems = input_.problems;
    conversion_.notes = input_.notes;
    conversion_.files = input_.files;
    for (const InputObject& object : input_.objects) One(object);
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

  [[nodiscard]] static std::string TemplateOfPool(const InputObject& pool) {
    return std::string(pool.object["spec"]["sandboxTemplateRef"]["name"].StringOrEmpty());
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
    } else if (object.kind() == kSandbox) {
      Sandbox(object);
    } else if (object.kind() == kSandboxTemplate) {
      Template(object);
    } else if (object.kind() == kSandboxWarmPool) {
      Pool(object);
    } else if (object.kind() == kSandboxClaim) {
      Claim(object);
    } else {
      Tell(object).account.concerns.push_back(
          {.field = "kind",
           .message = policy::Quote(object.kind()) +
                      " is no kind of agent-sandbox that can be converted; those are Sandbox, "
                      "SandboxClaim, SandboxTemplate and SandboxWarmPool"});
    }
  }

  void PassThrough(const InputObject& object) {
    Json output = object.object.ToJson();
    Account account;
    if (const auto items = output.find("items"); items != output.end() && items->is_array()) {
      LeaveOut("items", *items,
               "whoever reads this object again takes it for a list: the items are objects of "
               "their own in the output",
               account);
      output.erase(items);
    }
    const codec::JsonView scaled = object.object["spec"]["scaleTargetRef"];
    if (IsOfAgentSandbox(scaled["apiVersion"].StringOrEmpty()) &&
        scaled["kind"].StringOrEmpty() == kSandboxWarmPool) {
      ScaleOurPool(output, account);
    }
    if (!account.left_out.empty() || !account.moved.empty()) {
      ConvertedObject& told = Tell(object);
      told.account = std::move(account);
      Put(object.kind(), object, std::move(output), told);
      return;
    }
    ++conversion_.passed_through[std::string(object.kind())];
    if (IsOurs(object)) ours_.emplace(conversion_.outputs.size(), &object);
    conversion_.outputs.push_back(std::move(output));
  }

  void Put(std::string_view kind, const InputObject& object, Json made, ConvertedObject& told) {
    told.to = TitleOf(kind, object.object["metadata"]);
    told.output = conversion_.outputs.size();
    told_by_output_.emplace(conversion_.outputs.size(), conversion_.objects.size() - 1);
    conversion_.outputs.push_back(std::move(made));
  }

  void Repair(Json& sandbox, Account& account) const {
    RepairByRules(sandbox, options_, account);
    MoveClaimMounts(sandbox, account);
    RepairByRules(sandbox, options_, account);
  }

  // The object of the input that made this Sandbox, for people; empty when none did.
  [[nodiscard]] std::string MakerOf(const InputObject& sandbox) const {
    ObjectName name = NameOf(sandbox);
    const codec::JsonView owners = sandbox.object["metadata"]["ownerReferences"];
    std::string maker;
    owners.ForEachElement([&](std::size_t, codec::JsonView owner) {
      if (!IsOfAgentSandbox(owner["apiVersion"].StringOrEmpty())) return;
      const std::string_view kind = owner["kind"].StringOrEmpty();
      name.second = owner["name"].StringOrEmpty();
      if ((kind == kSandboxClaim && claims_.contains(name)) ||
          (kind == kSandboxWarmPool && pools_.contains(name))) {
        maker = std::string(kind) + " " + policy::Quote(name.second);
      }
    });
    return maker;
  }

  void Sandbox(const InputObject& object) {
    ConvertedObject& told = Tell(object);
    if (const std::string maker = MakerOf(object); !maker.empty()) {
      told.account.left_out.push_back(
          {"", "",
           "its " + maker +
               " is in the input: what is made of that gets new sandboxes; to keep this one and "
               "its volumes, convert it alone"});
      return;
    }
    Json made = FromSandbox(object.object.ToJson(), told.account);
    Repair(made, told.account);
    Put(api::kAgentSandboxKind, object, std::move(made), told);
  }

  void Template(const InputObject& object) {
    ConvertedObject& told = Tell(object);
    const Json from = object.object.ToJson();
    Json blueprint = BlueprintOf(from, told.account);
    Repair(blueprint, told.account);
    SetByClaims allowed = set_by_claims_[NameOf(object)];
    allowed.variables = VariablesForClaims(from, allowed.variables, told.account);
    Put(api::kAgentSandboxTemplateKind, object, TemplateFrom(blueprint, allowed), told);
  }

  void Pool(const InputObject& object) {
    ConvertedObject& told = Tell(object);
    ObjectName made_from = NameOf(object);
    made_from.second = TemplateOfPool(object);
    Expect(templates_.contains(made_from), "spec.sandboxTemplateRef.name", kSandboxTemplate,
           made_from.second, told.account);
    Put(api::kAgentSandboxPoolKind, object, FromWarmPool(object.object.ToJson(), told.account),
        told);
  }

  void Claim(const InputObject& object) {
    ConvertedObject& told = Tell(object);
    Json made =
        FromClaim(object.object.ToJson(), DefaultPoolOf(object), options_.lint.facts, told.account);
    ObjectName name = NameOf(object);
    const Json& spec = made["spec"];
    if (const auto pool = spec.find("poolRef"); pool != spec.end()) {
      name.second = (*pool)["name"];
      Expect(pools_.contains(name), "spec.poolRef.name", kSandboxWarmPool, name.second,
             told.account);
    } else if (const auto from = spec.find("templateRef"); from != spec.end()) {
      name.second = (*from)["name"];
      Expect(templates_.contains(name), "spec.templateRef.name", kSandboxTemplate, name.second,
             told.account);
    }
    Put(api::kAgentSandboxClaimKind, object, std::move(made), told);
  }

  // What is named has to be there when the output is applied.
  static void Expect(bool there, std::string field, std::string_view kind, std::string_view name,
                     Account& account) {
    if (there) return;
    account.concerns.push_back({.level = Level::kWarning,
                                .field = std::move(field),
                                .message = "the " + std::string(kind) + " " + policy::Quote(name) +
                                           " is not in the input: convert it as well"});
  }

  // The first pool of the input that keeps sandboxes of the template that a claim of v1alpha1
  // names.
  [[nodiscard]] std::string DefaultPoolOf(const InputObject& claim) const {
    const std::string_view wanted =
        claim.object["spec"]["sandboxTemplateRef"]["name"].StringOrEmpty();
    const std::string space = NameOf(claim).first;
    for (const auto& [name, made_from] : pools_) {
      if (!wanted.empty() && name.first == space && made_from == wanted) return name.second;
    }
    return "";
  }

  // Notes for the claim's template what it sets.
  void CollectWhatIsSet(const InputObject& claim) {
    const codec::JsonView spec = claim.object["spec"];
    ObjectName made_from = NameOf(claim);
    made_from.second = spec["sandboxTemplateRef"]["name"].StringOrEmpty();
    if (made_from.second.empty()) {
      const auto pool =
          pools_.find({made_from.first, std::string(spec["warmPoolRef"]["name"].StringOrEmpty())});
      if (pool == pools_.end()) return;
      made_from.second = pool->second;
    }
    NoteWhatIsSet(claim.object.ToJson(), options_.lint.facts, set_by_claims_[made_from]);
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
      if (!told->to.empty() && !told->account.HasErrors()) Harden(output.objects[i], told->account);
    }
  }

  // Tells what the operator fills in.
  void Harden(const InputObject& output, Account& account) const {
    if (output.kind() == api::kAgentSandboxKind) {
      TellDefaults(output.object, options_, account);
    } else if (output.kind() == api::kAgentSandboxTemplateKind) {
      const codec::JsonDocument sandbox =
          codec::ParseTrusted({{"apiVersion", api::kGroupVersion},
                               {"kind", api::kAgentSandboxKind},
                               {"metadata", output.object["metadata"].ToJson()},
                               {"spec", output.object["spec"]["template"]["spec"].ToJson()}});
      TellDefaults(sandbox.root(), options_, account);
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
  std::set<ObjectName> templates_;
  std::map<ObjectName, std::string> pools_;  // the name of each one's template
  std::set<ObjectName> claims_;
  std::map<ObjectName, SetByClaims> set_by_claims_;    // by their template
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
