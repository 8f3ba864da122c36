#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "base/status.h"
#include "cli/input.h"
#include "codec/source_map.h"
#include "policy/evaluate.h"
#include "policy/rule.h"

namespace stockade::cli {

struct LintOptions {
  policy::Facts facts;
  std::string default_namespace = "default";  // of manifests that name none
};

struct LocatedFinding {
  policy::Finding finding;
  codec::TextPosition position;
};

// An object that was judged.
struct LintedObject {
  std::string source;
  std::string kind;
  std::string namespace_name;  // empty for cluster-scoped kinds
  std::string name;            // of one whose name is generated, its prefix and "*"
  codec::TextPosition position;
  std::vector<LocatedFinding> findings;  // in the order of the text
  bool by_schema_alone = false;  // a sandbox that could not be understood: the rules did not see it

  // "AgentSandbox agents/minimal".
  [[nodiscard]] std::string Title() const;
};

struct LintReport {
  std::vector<LintedObject> objects;
  std::vector<ReadProblem> problems;
  std::vector<std::string> notes;
  std::map<std::string, std::size_t> ignored;  // objects that were not judged, by kind
  std::size_t files = 0;

  [[nodiscard]] std::size_t Count(policy::Severity severity) const;
};

// Judges every object of our kinds: by the schema of its CRD, and a sandbox by the floor. Pure.
[[nodiscard]] LintReport Lint(const Input& input, const LintOptions& options);

// The same for one object. With `sandbox`, what an AgentSandbox was decoded to, where it could be.
[[nodiscard]] LintedObject LintObject(const InputObject& input, const LintOptions& options,
                                      std::optional<api::AgentSandbox>* sandbox = nullptr);

// The rule of that code, of the floor or of the schema; null when there is none.
[[nodiscard]] const policy::Rule* FindAnyRule(std::string_view code);
// Every rule that a finding can have, the floor's first.
[[nodiscard]] std::vector<const policy::Rule*> AllRules();

// "error" or "warning".
[[nodiscard]] std::string_view SeverityName(policy::Severity severity);

}  // namespace stockade::cli
