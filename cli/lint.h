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
#include "policy/policy_set.h"
#include "policy/rule.h"

namespace stockade::cli {

struct LintOptions {
  policy::Facts facts = {};
  std::string default_namespace = "default";        // of manifests that name none
  std::vector<policy::SharedPolicy> policies = {};  // beside those of the input
  // Of namespaces that the input does not hold.
  std::optional<api::StringMap> namespace_labels = {};
};

// What one object is judged by: the options, and the policies and namespaces of the input.
class LintContext {
 public:
  LintContext(const Input& input, const LintOptions& options);

  [[nodiscard]] const policy::Facts& facts() const { return facts_; }
  [[nodiscard]] const std::string& default_namespace() const { return default_namespace_; }
  // Those that select the namespace, by its labels as far as they are known.
  [[nodiscard]] std::vector<policy::SharedPolicy> PoliciesFor(const std::string& name) const;
  // Whether policies select by labels, and of the namespace only its name is known.
  [[nodiscard]] bool GuessedFor(const std::string& name) const;

 private:
  policy::Facts facts_;
  std::string default_namespace_;
  std::optional<api::StringMap> namespace_labels_;
  policy::PolicySet policies_;
  std::map<std::string, api::StringMap> namespaces_;
};

// How grave a finding is here: what a policy in Audit records is no more than a note.
enum class Level { kError, kWarning, kNote };
// "error", "warning" or "note".
[[nodiscard]] std::string_view LevelName(Level level);

struct LocatedFinding {
  policy::Finding finding;
  codec::TextPosition position;
  std::string policy = {};  // the AgentSandboxPolicy whose demand is not met; empty: none
  bool audited = false;     // that policy is in Audit

  [[nodiscard]] Level level() const {
    if (audited) return Level::kNote;
    return finding.severity == policy::Severity::kError ? Level::kError : Level::kWarning;
  }
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
  std::size_t other_documents = 0;             // that are no Kubernetes object
  std::size_t files = 0;

  [[nodiscard]] std::size_t Count(Level level) const;
};

// Judges every object of our kinds: by the schema of its CRD, and a sandbox by the floor and by the
// policies that select its namespace. Pure.
[[nodiscard]] LintReport Lint(const Input& input, const LintOptions& options);

// The same for one object. With `sandbox`, what an AgentSandbox was decoded to, where it could be.
[[nodiscard]] LintedObject LintObject(const InputObject& input, const LintContext& context,
                                      std::optional<api::AgentSandbox>* sandbox = nullptr);

// The rule of that code, of the floor or of the schema; null when there is none.
[[nodiscard]] const policy::Rule* FindAnyRule(std::string_view code);
// Every rule that a finding can have, the floor's first.
[[nodiscard]] std::vector<const policy::Rule*> AllRules();

// Whether the object is one that lint judges: of our group, or meant to be.
[[nodiscard]] bool IsOurs(const InputObject& object);

// Whether the object is one of that kind, of any version of our group, or meant to be: its
// apiVersion may be missing or misspelt, about which there is a finding.
[[nodiscard]] bool IsOfKind(const InputObject& object, std::string_view kind);

}  // namespace stockade::cli
