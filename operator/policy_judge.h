#pragma once

#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "operator/caches.h"
#include "operator/policy_verdicts.h"
#include "policy/evaluate.h"

namespace stockade::sandbox_operator {

// What the policies that select a sandbox's namespace say of it.
struct PolicyJudgement {
  bool namespace_known = true;        // else nobody can tell which policies apply
  std::vector<std::string> policies;  // the names of those that apply
  std::string broken;                 // of one that cannot be understood, or empty
  std::string problem;                // what is wrong with that one
  std::vector<policy::PolicyFinding> findings;

  // A sandbox like it would be refused now.
  [[nodiscard]] bool Refuses() const;
};

// What the policies in the caches say of a sandbox.
[[nodiscard]] PolicyJudgement JudgeByPolicies(const Caches& caches, const policy::Facts& facts,
                                              const api::AgentSandbox& sandbox);

// Judges sandboxes by the policies in the caches, and remembers for the policies' status what came
// of it. Safe to call for different sandboxes at once; caches and memory outlive it.
class PolicyJudge {
 public:
  PolicyJudge(const Caches& caches, policy::Facts facts, VerdictMemory& memory);

  [[nodiscard]] PolicyJudgement Judge(const api::AgentSandbox& sandbox);
  // The sandbox is gone.
  void Forget(const runtime::ObjectKey& sandbox) { memory_.Forget(sandbox); }

 private:
  const Caches& caches_;
  const policy::Facts facts_;
  VerdictMemory& memory_;
};

}  // namespace stockade::sandbox_operator
