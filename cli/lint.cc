#include "cli/lint.h"

#include <algorithm>
#include <numeric>
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

void LintSandbox(const InputObject& input, const LintOptions& options,
                 std::vector<Finding> schema_findings, LintedObject& linted,
                 std::optional<api::AgentSandbox>* out) {
  auto sandbox = api::DecodeAgentSandbox(input.object);
  std::vector<Finding> floor;
  if (sandbox.ok()) {
    sandbox->metadata.namespace_name = linted.namespace_name;
    const api::PodView pod_template(input.object["spec"]["podTemplate"], "spec.podTemplate");
    floor = policy::EvaluateSandbox(*sandbox, pod_template, options.facts);
    if (out != nullptr) *out = std::move(sandbox).value();
  } else if (schema_findings.empty()) {
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
}

}  // namespace

std::string LintedObject::Title() const {
  return kind + " " + (namespace_name.empty() ? "" : namespace_name + "/") +
         (name.empty() ? "(without a name)" : name);
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
