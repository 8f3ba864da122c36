#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stockade::policy {

enum class Severity {
  kError,    // denied by the webhook, Stalled in the operator
  kWarning,  // legal but unwise: shown as an admission warning
};

// One thing wrong with an object.
struct Finding {
  std::string_view code;  // of the rule, stable: "PrivilegedContainer"
  Severity severity = Severity::kError;
  std::string field;    // "spec.podTemplate.spec.containers[0].securityContext.privileged"
  std::string message;  // what is wrong and what to write instead, one or two sentences

  bool operator==(const Finding&) const = default;
};

// The principle of the design that a rule serves first.
enum class Principle { kIsolation, kLeastPrivilege, kDefenceInDepth };

// What a rule judges.
enum class JudgedObject {
  kSandbox,  // an AgentSandbox: its own fields and its pod template, where an unset field passes
             // because rendering fills it in
  kRenderedPod,  // a pod as the operator creates it; there the hardened value has to stand
  kBoth,
  kByPolicy,  // an AgentSandbox, by an AgentSandboxPolicy that selects its namespace: no floor
  kRequest,   // a request that concerns what the operator owns: judged by the webhook's guards
};

// Where the world speaks of the same danger. Empty where nothing is known for certain.
struct References {
  std::string_view pod_security = {};  // control of the Pod Security Standards
  std::string_view cve = {};           // one or more, separated by ", "
  std::string_view kubescape = {};     // control id
  Principle principle = Principle::kLeastPrivilege;
};

class CompiledPolicy;
class PolicyReport;
class PolicySubject;
class Report;
struct Subject;

// One entry of the rules' table: the only place that knows the rule. Its code is API: people filter
// and search by it, so it never changes its meaning.
struct Rule {
  std::string_view code = {};
  Severity severity = Severity::kError;
  JudgedObject judges = JudgedObject::kBoth;
  void (*check)(const Subject&, Report&) = nullptr;  // null for kByPolicy and kRequest
  // For kByPolicy alone: judges by one policy, which the report names.
  void (*check_by_policy)(PolicySubject&, const CompiledPolicy&, PolicyReport&) = nullptr;
  std::string_view fields = {};   // what it reads, for people: "every container's ports[].hostPort"
  std::string_view summary = {};  // what it refuses and why, one or two sentences
  std::string_view remedy = {};   // what to write instead, an imperative; ends every message
  References references = {};
};

// The table, in the order in which findings are reported.
[[nodiscard]] const std::vector<const Rule*>& Rules();

// The rule of that code, or null.
[[nodiscard]] const Rule* FindRule(std::string_view code);

}  // namespace stockade::policy
