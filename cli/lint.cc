#include "cli/lint.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "api/agent_sandbox_claim.h"
#include "api/agent_sandbox_template.h"
#include "api/binding_names.h"
#include "api/names.h"
#include "api/pod_view.h"
#include "base/strings.h"
#include "policy/quoting.h"
#include "policy/sandbox_claims.h"
#include "schema/resource_schemas.h"
#include "schema/schema_rules.h"

namespace stockade::cli {
namespace {

using policy::Finding;
using policy::Severity;

// The API server sets it on every namespace.
constexpr std::string_view kNamespaceNameLabel = "kubernetes.io/metadata.name";

bool IsOfOurGroup(std::string_view api_version) {
  return api_version.substr(0, api_version.find('/')) == api::kGroup;
}

bool IsOurKind(std::string_view kind) {
  return std::ranges::find(schema::ResourceSchemas(), kind, &schema::ResourceSchema::kind) !=
         schema::ResourceSchemas().end();
}

// Whether an object of one of our kinds is one of ours with its apiVersion misspelt or left out. A
// group that resembles ours in nothing is another project's, which may have a kind of that name.
bool MeansOurGroup(std::string_view api_version) {
  const std::size_t slash = api_version.find('/');
  // The core group, whose apiVersion is a version alone, has no such kind.
  if (slash == std::string_view::npos) return true;
  constexpr std::array<std::string_view, 2> kSpellings = {
      api::kGroup, api::kGroup.substr(0, api::kGroup.find('.'))};
  return !ClosestMatch(api_version.substr(0, slash), kSpellings).empty();
}

const schema::ResourceSchema* FindSchema(const InputObject& input) {
  for (const schema::ResourceSchema& candidate : schema::ResourceSchemas()) {
    if (candidate.kind == input.kind() && candidate.api_version() == input.api_version()) {
      return &candidate;
    }
  }
  return nullptr;
}

// One of our objects that no schema fits.
Finding ExplainUnknownKind(const InputObject& input) {
  std::vector<std::string_view> kinds;
  for (const schema::ResourceSchema& candidate : schema::ResourceSchemas()) {
    if (candidate.kind == input.kind() && input.api_version().empty()) {
      return {.code = schema::kRequired,
              .severity = Severity::kError,
              .field = "apiVersion",
              .message = "is required and not set; it must be " + candidate.api_version()};
    }
    if (candidate.kind == input.kind()) {
      return {.code = schema::kNotSupported,
              .severity = Severity::kError,
              .field = "apiVersion",
              .message = "must be " + candidate.api_version() + ", not " +
                         policy::Quote(input.api_version())};
    }
    kinds.emplace_back(candidate.kind);
  }
  if (input.kind().empty()) {
    std::string message = "is required and not set; " + std::string(api::kGroup) + " has";
    for (const std::string_view kind : kinds) {
      message += kind == kinds.front() ? " " : kind == kinds.back() ? " and " : ", ";
      message += kind;
    }
    return {.code = schema::kRequired,
            .severity = Severity::kError,
            .field = "kind",
            .message = std::move(message)};
  }
  const std::string_view meant = ClosestMatch(input.kind(), kinds);
  return {.code = schema::kNotSupported,
          .severity = Severity::kError,
          .field = "kind",
          .message = std::string(api::kGroup) + " has no kind " + policy::Quote(input.kind()) +
                     (meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?")};
}

std::string NameOf(codec::JsonView metadata) {
  const std::string_view name = metadata["name"].StringOrEmpty();
  if (!name.empty()) return std::string(name);
  const std::string_view prefix = metadata["generateName"].StringOrEmpty();
  return prefix.empty() ? "" : std::string(prefix) + "*";
}

// Some rules stand in the schema as well, so that they hold without a webhook; their message begins
// with the code of the floor's, which says more.
bool IsSaidByFloor(const Finding& finding, const std::vector<Finding>& floor) {
  return std::ranges::any_of(floor, [&finding](const Finding& other) {
    return other.field == finding.field &&
           finding.message.starts_with(std::string(other.code) + ": ");
  });
}

void AddPolicyFindings(const InputObject& input, std::vector<policy::PolicyFinding> findings,
                       LintedObject& linted) {
  for (policy::PolicyFinding& found : findings) {
    const codec::TextPosition position = input.Locate(found.finding.field);
    linted.findings.push_back({.finding = std::move(found.finding),
                               .position = position,
                               .policy = std::move(found.policy),
                               .audited = found.enforcement == api::Enforcement::kAudit});
  }
}

void AddFindings(const InputObject& input, std::vector<Finding> findings, LintedObject& linted) {
  for (Finding& finding : findings) {
    const codec::TextPosition position = input.Locate(finding.field);
    linted.findings.push_back({.finding = std::move(finding), .position = position});
  }
}

// By place, those of one place in the order in which they were found.
void SortByPlace(std::vector<LocatedFinding>& findings) {
  std::vector<std::size_t> order(findings.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&findings](std::size_t i) {
    return std::tuple(findings[i].position.line, findings[i].position.column, i);
  });
  std::vector<LocatedFinding> sorted;
  sorted.reserve(findings.size());
  for (const std::size_t i : order) sorted.push_back(std::move(findings[i]));
  findings = std::move(sorted);
}

// Parts of the spec without which the rest can be judged all the same.
constexpr std::array<std::string_view, 6> kSeparable = {"isolation", "inputTrust", "operatingMode",
                                                        "access",    "ingress",    "service"};

// The object without those parts of its spec that the schema refuses, so that the pod template is
// judged in the same run; nothing when something else is wrong with it.
std::optional<codec::JsonDocument> WithoutRefusedParts(codec::JsonView object,
                                                       const std::vector<Finding>& findings) {
  codec::Json copy = object.ToJson();
  for (const Finding& finding : findings) {
    const std::vector<std::string_view> path = Split(finding.field, '.');
    if (path.size() < 2 || path[0] != "spec") continue;
    const std::string_view part = path[1].substr(0, path[1].find('['));
    if (std::ranges::find(kSeparable, part) != kSeparable.end()) copy["spec"].erase(part);
  }
  if (!copy.is_object()) return std::nullopt;
  codec::JsonDocument document = codec::ParseTrusted(copy);
  if (!api::DecodeAgentSandbox(document.root()).ok()) return std::nullopt;
  return document;
}

policy::Judgement Judge(const api::AgentSandbox& sandbox, codec::JsonView object,
                        const LintContext& context) {
  const api::PodView pod_template(object["spec"]["podTemplate"], "spec.podTemplate");
  return policy::Evaluate(sandbox, pod_template, context.facts(),
                          context.PoliciesFor(sandbox.metadata.namespace_name));
}

bool IsInPod(const Finding& finding) { return finding.field.starts_with("spec.podTemplate"); }

// The floor refuses fields that nobody has judged; one that does not exist at all is told by the
// schema, with the name that was meant.
void DropRepeatedUnknowns(std::vector<LocatedFinding>& findings) {
  std::set<std::pair<int, int>> unknown;
  for (const LocatedFinding& located : findings) {
    if (located.finding.code != schema::kUnknownField) continue;
    unknown.emplace(located.position.line, located.position.column);
  }
  std::erase_if(findings, [&unknown](const LocatedFinding& located) {
    return located.finding.code == "UnreviewedField" &&
           unknown.contains({located.position.line, located.position.column});
  });
}

// Something is wrong with every name that the API server can make of a generateName: it puts five
// letters and digits of its own behind at most 58 bytes of it (apiserver, storage/names).
std::optional<Finding> CheckGeneratedName(codec::JsonView metadata) {
  constexpr std::size_t kMaxPrefixBytes = 58;
  constexpr std::string_view kSuffix = "xxxxx";
  const std::string_view prefix = metadata["generateName"].StringOrEmpty();
  if (prefix.empty() || !metadata["name"].StringOrEmpty().empty()) return std::nullopt;
  const std::string made = std::string(prefix.substr(0, kMaxPrefixBytes)).append(kSuffix);
  if (IsDnsLabel(made) && made.size() <= api::kMaxSandboxNameBytes) return std::nullopt;
  return Finding{.code = "SandboxName",
                 .severity = Severity::kError,
                 .field = "metadata.generateName",
                 .message = "every name that is made of " + policy::Quote(prefix) + " and " +
                            std::to_string(kSuffix.size()) +
                            " more characters is refused; use at most " +
                            std::to_string(api::kMaxSandboxNameBytes - kSuffix.size()) +
                            " lower-case letters, digits and \"-\", with a letter or digit at the "
                            "beginning"};
}

void LintSandbox(const InputObject& input, const LintContext& context,
                 std::vector<Finding> schema_findings, LintedObject& linted,
                 std::optional<api::AgentSandbox>* out) {
  auto sandbox = api::DecodeAgentSandbox(input.object);
  const Status decoded = sandbox.status();
  policy::Judgement judgement;
  if (decoded.ok()) {
    sandbox->metadata.namespace_name = linted.namespace_name;
    judgement = Judge(*sandbox, input.object, context);
    if (out != nullptr) *out = std::move(sandbox).value();
  } else if (const auto rest = WithoutRefusedParts(input.object, schema_findings)) {
    auto partial = api::DecodeAgentSandbox(rest->root());
    partial->metadata.namespace_name = linted.namespace_name;
    judgement = Judge(*partial, rest->root(), context);
    // What was taken away has its default now, about which there is nothing to say.
    std::erase_if(judgement.floor, [](const Finding& finding) { return !IsInPod(finding); });
    std::erase_if(judgement.by_policies,
                  [](const policy::PolicyFinding& found) { return !IsInPod(found.finding); });
  } else {
    linted.by_schema_alone = true;
  }
  if (!decoded.ok() && schema_findings.empty()) {
    // What the decoder refuses and the schema does not; the tests know of nothing.
    schema_findings.push_back({.code = schema::kInvalid,
                               .severity = Severity::kError,
                               .field = "spec",
                               .message = decoded.message()});
  }
  std::erase_if(schema_findings, [&judgement](const Finding& finding) {
    return IsSaidByFloor(finding, judgement.floor);
  });
  if (auto refused = CheckGeneratedName(input.object["metadata"])) {
    judgement.floor.push_back(*std::move(refused));
  }
  AddFindings(input, std::move(schema_findings), linted);
  AddFindings(input, std::move(judgement.floor), linted);
  AddPolicyFindings(input, std::move(judgement.by_policies), linted);
  DropRepeatedUnknowns(linted.findings);
}

// The sandbox that a template makes is judged as if it were one, with the fields of the template.
void LintTemplate(const InputObject& input, const LintContext& context,
                  std::vector<Finding> schema_findings, LintedObject& linted) {
  codec::Json metadata = input.object["metadata"].ToJson();
  // Its sandboxes have names of their own.
  if (metadata.is_object()) metadata["name"] = "template";
  const codec::JsonDocument document =
      codec::ParseTrusted({{"apiVersion", api::kGroupVersion},
                           {"kind", api::kAgentSandboxKind},
                           {"metadata", std::move(metadata)},
                           {"spec", input.object["spec"]["template"]["spec"].ToJson()}});
  auto sandbox = api::DecodeAgentSandbox(document.root());
  policy::Judgement judgement;
  if (sandbox.ok()) {
    sandbox->metadata.namespace_name = linted.namespace_name;
    judgement = Judge(*sandbox, document.root(), context);
    for (Finding& finding : judgement.floor) finding.field.insert(0, api::kSandboxSpecInTemplate);
    for (policy::PolicyFinding& found : judgement.by_policies) {
      found.finding.field.insert(0, api::kSandboxSpecInTemplate);
    }
  } else {
    linted.by_schema_alone = true;
  }
  std::erase_if(schema_findings, [&judgement](const Finding& finding) {
    return IsSaidByFloor(finding, judgement.floor);
  });
  AddFindings(input, std::move(schema_findings), linted);
  AddFindings(input, std::move(judgement.floor), linted);
  AddPolicyFindings(input, std::move(judgement.by_policies), linted);
  DropRepeatedUnknowns(linted.findings);
}

void LintClaim(const InputObject& input, const LintContext& context,
               std::vector<Finding> schema_findings, LintedObject& linted) {
  const auto claim = api::DecodeAgentSandboxClaim(input.object);
  AddFindings(input, std::move(schema_findings), linted);
  if (claim.ok()) {
    AddFindings(input, policy::EvaluateClaim(*claim, context.facts()), linted);
  } else {
    linted.by_schema_alone = true;
  }
}

// What the schema cannot say of a policy: registries, quantities, selectors that match nothing.
void LintPolicy(const InputObject& input, std::vector<Finding> findings, LintedObject& linted) {
  for (codec::FieldError& error : policy::CheckPolicy(input.object)) {
    const bool told = std::ranges::any_of(
        findings, [&error](const Finding& finding) { return finding.field == error.path; });
    if (told) continue;
    findings.push_back({.code = schema::kInvalid,
                        .severity = Severity::kError,
                        .field = std::move(error.path),
                        .message = std::move(error.message)});
  }
  const policy::SharedPolicy compiled = policy::CompiledPolicy::Compile(input.object);
  if (compiled->problem().empty()) {
    for (std::string& warning : policy::WarningsOf(*compiled)) {
      findings.push_back({.code = schema::kInvalid,
                          .severity = Severity::kWarning,
                          .field = "spec",
                          .message = std::move(warning)});
    }
  }
  AddFindings(input, std::move(findings), linted);
}

void Ignore(const InputObject& object, LintReport& report) {
  if (object.api_version().empty() || object.kind().empty()) {
    ++report.other_documents;
    return;
  }
  ++report.ignored[std::string(object.kind())];
  if (!IsOurKind(object.kind())) return;
  report.notes.push_back(object.source + ": an " + std::string(object.kind()) + " of " +
                         policy::Quote(object.api_version()) +
                         " is left alone; the apiVersion of Stockade's is " +
                         std::string(api::kGroupVersion));
}

// A word of a manifest as it may stand on a terminal.
std::string Shown(const std::string& word) {
  const bool plain = std::ranges::all_of(word, [](char c) { return c > 0x20 && c < 0x7F; });
  return plain ? word : policy::Quote(word);
}

}  // namespace

std::string LintedObject::Title() const {
  return Shown(kind) + " " + (namespace_name.empty() ? "" : Shown(namespace_name) + "/") +
         (name.empty() ? "(without a name)" : Shown(name));
}

LintContext::LintContext(const Input& input, const LintOptions& options)
    : facts_(options.facts),
      default_namespace_(options.default_namespace),
      namespace_labels_(options.namespace_labels) {
  std::vector<policy::SharedPolicy> policies = options.policies;
  for (const InputObject& object : input.objects) {
    if (object.kind() == "Namespace" && object.api_version() == "v1") {
      const api::ObjectMeta metadata = api::DecodeObjectMeta(object.object["metadata"]);
      namespaces_.insert_or_assign(metadata.name, metadata.labels);
    }
    if (!IsOfKind(object, api::kAgentSandboxPolicyKind)) continue;
    auto compiled = policy::CompiledPolicy::Compile(object.object);
    // One that was given as well is the same one.
    const bool given = std::ranges::any_of(options.policies, [&compiled](const auto& policy) {
      return policy->name() == compiled->name();
    });
    if (!given) policies.push_back(std::move(compiled));
  }
  policies_ = policy::PolicySet(std::move(policies));
}

std::vector<policy::SharedPolicy> LintContext::PoliciesFor(const std::string& name) const {
  const auto known = namespaces_.find(name);
  api::StringMap labels =
      known != namespaces_.end() ? known->second : namespace_labels_.value_or(api::StringMap());
  labels.insert_or_assign(std::string(kNamespaceNameLabel), name);
  return policies_.Selecting(labels);
}

bool LintContext::GuessedFor(const std::string& name) const {
  return !namespace_labels_ && !namespaces_.contains(name) &&
         std::ranges::any_of(policies_.policies(), [](const policy::SharedPolicy& policy) {
           return policy->SelectsByLabelsBeside(kNamespaceNameLabel);
         });
}

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kError:
      return "error";
    case Level::kWarning:
      return "warning";
    case Level::kNote:
      return "note";
  }
  return "";
}

std::size_t LintReport::Count(Level level) const {
  std::size_t count = 0;
  for (const LintedObject& object : objects) {
    for (const LocatedFinding& located : object.findings) {
      if (located.level() == level) ++count;
    }
  }
  return count;
}

LintedObject LintObject(const InputObject& input, const LintContext& context,
                        std::optional<api::AgentSandbox>* sandbox) {
  LintedObject linted;
  linted.source = input.source;
  linted.kind = input.kind();
  const codec::JsonView metadata = input.object["metadata"];
  linted.name = NameOf(metadata);
  linted.position = input.Locate("");
  const schema::ResourceSchema* resource = FindSchema(input);
  if (resource == nullptr) {
    AddFindings(input, {ExplainUnknownKind(input)}, linted);
    return linted;
  }
  if (resource->namespaced) {
    linted.namespace_name = metadata["namespace"].StringOrEmpty();
    if (linted.namespace_name.empty()) linted.namespace_name = context.default_namespace();
  }
  std::vector<Finding> findings = resource->schema.Validate(input.object);
  if (resource->kind == api::kAgentSandboxKind) {
    LintSandbox(input, context, std::move(findings), linted, sandbox);
  } else if (resource->kind == api::kAgentSandboxTemplateKind) {
    LintTemplate(input, context, std::move(findings), linted);
  } else if (resource->kind == api::kAgentSandboxClaimKind) {
    LintClaim(input, context, std::move(findings), linted);
  } else if (resource->kind == api::kAgentSandboxPolicyKind) {
    LintPolicy(input, std::move(findings), linted);
  } else {
    AddFindings(input, std::move(findings), linted);
  }
  SortByPlace(linted.findings);
  return linted;
}

LintReport Lint(const Input& input, const LintOptions& options) {
  const LintContext context(input, options);
  LintReport report;
  report.problems = input.problems;
  report.notes = input.notes;
  report.files = input.files;
  report.other_documents = input.other_documents;
  std::set<std::string> guessed;
  for (const InputObject& object : input.objects) {
    if (!IsOurs(object)) {
      Ignore(object, report);
      continue;
    }
    const LintedObject& linted = report.objects.emplace_back(LintObject(object, context));
    if (linted.by_schema_alone) {
      report.notes.push_back(object.source + ": " + linted.Title() +
                             " was judged by its schema alone; correct these errors to have it "
                             "judged by the rules");
    }
    const bool by_policies = IsOfKind(object, api::kAgentSandboxKind) ||
                             IsOfKind(object, api::kAgentSandboxTemplateKind);
    if (!by_policies || !context.GuessedFor(linted.namespace_name)) continue;
    if (guessed.insert(linted.namespace_name).second) {
      report.notes.push_back("nothing is known of namespace " + Shown(linted.namespace_name) +
                             " but its name, by which policies were selected; give its labels "
                             "with --namespace-labels, or its manifest");
    }
  }
  return report;
}

std::vector<const policy::Rule*> AllRules() {
  std::vector<const policy::Rule*> rules = policy::Rules();
  for (const policy::Rule& rule : schema::SchemaRules()) rules.push_back(&rule);
  return rules;
}

const policy::Rule* FindAnyRule(std::string_view code) {
  const policy::Rule* rule = policy::FindRule(code);
  return rule != nullptr ? rule : schema::FindSchemaRule(code);
}

bool IsOurs(const InputObject& object) {
  return IsOfOurGroup(object.api_version()) ||
         (IsOurKind(object.kind()) && MeansOurGroup(object.api_version()));
}

bool IsOfKind(const InputObject& object, std::string_view kind) {
  return object.kind() == kind && IsOurs(object);
}

}  // namespace stockade::cli
