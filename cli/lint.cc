#include "cli/lint.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "api/names.h"
#include "api/pod_view.h"
#include "base/strings.h"
#include "policy/quoting.h"
#include "schema/resource_schemas.h"
#include "schema/schema_rules.h"

namespace stockade::cli {
namespace {

using policy::Finding;
using policy::Severity;

bool IsOfOurGroup(std::string_view api_version) {
  return api_version.substr(0, api_version.find('/')) == api::kGroup;
}

const schema::ResourceSchema* FindSchema(const InputObject& input) {
  for (const schema::ResourceSchema& candidate : schema::ResourceSchemas()) {
    if (candidate.kind == input.kind() && candidate.api_version() == input.api_version()) {
      return &candidate;
    }
  }
  return nullptr;
}

// An object of our group that no schema fits.
Finding ExplainUnknownKind(const InputObject& input) {
  std::vector<std::string_view> kinds;
  for (const schema::ResourceSchema& candidate : schema::ResourceSchemas()) {
    if (candidate.kind == input.kind()) {
      return {.code = schema::kNotSupported,
              .severity = Severity::kError,
              .field = "apiVersion",
              .message = "must be " + candidate.api_version() + ", not " +
                         policy::Quote(input.api_version())};
    }
    kinds.emplace_back(candidate.kind);
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

void AddFindings(const InputObject& input, std::vector<Finding> findings, LintedObject& linted) {
  for (Finding& finding : findings) {
    const codec::TextPosition position = input.Locate(finding.field);
    linted.findings.push_back({std::move(finding), position});
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

std::vector<Finding> JudgeByFloor(const api::AgentSandbox& sandbox, codec::JsonView object,
                                  const LintOptions& options) {
  const api::PodView pod_template(object["spec"]["podTemplate"], "spec.podTemplate");
  return policy::EvaluateSandbox(sandbox, pod_template, options.facts);
}

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

void LintSandbox(const InputObject& input, const LintOptions& options,
                 std::vector<Finding> schema_findings, LintedObject& linted,
                 std::optional<api::AgentSandbox>* out) {
  auto sandbox = api::DecodeAgentSandbox(input.object);
  std::vector<Finding> floor;
  if (sandbox.ok()) {
    sandbox->metadata.namespace_name = linted.namespace_name;
    floor = JudgeByFloor(*sandbox, input.object, options);
    if (out != nullptr) *out = std::move(sandbox).value();
  } else if (const auto rest = WithoutRefusedParts(input.object, schema_findings)) {
    floor = JudgeByFloor(api::DecodeAgentSandbox(rest->root()).value(), rest->root(), options);
    // What was taken away has its default now, about which there is nothing to say.
    std::erase_if(floor, [](const Finding& finding) {
      return !finding.field.starts_with("spec.podTemplate");
    });
  } else {
    linted.by_schema_alone = true;
  }
  if (!sandbox.ok() && schema_findings.empty()) {
    // What the decoder refuses and the schema does not; the tests know of nothing.
    schema_findings.push_back({.code = schema::kInvalid,
                               .severity = Severity::kError,
                               .field = "spec",
                               .message = sandbox.status().message()});
  }
  std::erase_if(schema_findings,
                [&floor](const Finding& finding) { return IsSaidByFloor(finding, floor); });
  AddFindings(input, std::move(schema_findings), linted);
  AddFindings(input, std::move(floor), linted);
  DropRepeatedUnknowns(linted.findings);
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

std::size_t LintReport::Count(Severity severity) const {
  std::size_t count = 0;
  for (const LintedObject& object : objects) {
    for (const LocatedFinding& located : object.findings) {
      if (located.finding.severity == severity) ++count;
    }
  }
  return count;
}

LintedObject LintObject(const InputObject& input, const LintOptions& options,
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
    if (linted.namespace_name.empty()) linted.namespace_name = options.default_namespace;
  }
  std::vector<Finding> findings = resource->schema.Validate(input.object);
  if (resource->kind == api::kAgentSandboxKind) {
    LintSandbox(input, options, std::move(findings), linted, sandbox);
  } else {
    AddFindings(input, std::move(findings), linted);
  }
  SortByPlace(linted.findings);
  return linted;
}

LintReport Lint(const Input& input, const LintOptions& options) {
  LintReport report;
  report.problems = input.problems;
  report.notes = input.notes;
  report.files = input.files;
  for (const InputObject& object : input.objects) {
    if (IsOfOurGroup(object.api_version())) {
      report.objects.push_back(LintObject(object, options));
      if (report.objects.back().by_schema_alone) {
        report.notes.push_back(object.source + ": " + report.objects.back().Title() +
                               " was judged by its schema alone; correct these errors to have it "
                               "judged by the rules");
      }
    } else {
      ++report.ignored[std::string(object.kind())];
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

std::string_view SeverityName(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

}  // namespace stockade::cli
