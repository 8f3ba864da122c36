#include "operator/claim_plan.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/rfc3339.h"
#include "operator/conditions.h"
#include "operator/sandbox_lifetime.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kFinished = "Finished";

struct EndName {
  ClaimEnd end;
  std::string_view reason;
  std::string_view message;
};

constexpr std::array<EndName, 3> kEnds = {{
    {ClaimEnd::kSandboxFinished, "SandboxFinished", "the agent of the sandbox has ended by itself"},
    {ClaimEnd::kExpired, "Expired",
     "the lifetime of the claim or of its template is over, and the sandbox is deleted"},
    {ClaimEnd::kTimedOut, "TimedOut",
     "the sandbox was not ready within spec.timeoutSeconds, and is deleted"},
}};

std::optional<TimePoint> TimeOf(const Json& status, const char* field) {
  if (!status.is_object() || !status.contains(field)) return std::nullopt;
  return ParseRfc3339(status[field].get<std::string>());
}

// Until `due`, at least a moment; times in the API have whole seconds.
milliseconds Until(TimePoint due, TimePoint now) {
  return std::max(milliseconds(10), std::chrono::ceil<milliseconds>(due - now));
}

void LookAgain(ClaimPlan& plan, milliseconds delay) {
  plan.look_again = std::min(plan.look_again.value_or(delay), delay);
}

// When a claim ends, and what says so.
struct End {
  TimePoint at;
  std::string_view reason;
  std::string_view remedy;
};

// The earlier of the moment that the claim names and the end of its lifetime, which begins when it
// first has a sandbox.
std::optional<End> EndOf(const api::AgentSandboxClaimSpec& spec,
                         std::optional<TimePoint> bound_at) {
  std::optional<End> end;
  if (spec.shutdown_time) {
    end = {*spec.shutdown_time, "ShutdownTime", "raise spec.lifecycle.shutdownTime"};
  }
  if (spec.max_lifetime_seconds && bound_at) {
    const TimePoint over = *bound_at + seconds(*spec.max_lifetime_seconds);
    if (!end || over < end->at) {
      end = {over, "MaxLifetime", "raise spec.lifecycle.maxLifetimeSeconds"};
    }
  }
  return end;
}

// The end that comes first: the claim's, or that of its sandbox by the template.
std::optional<End> FirstEndOf(const api::AgentSandboxClaim& claim,
                              std::optional<TimePoint> bound_at,
                              const std::optional<BoundSandbox>& bound) {
  std::optional<End> end = EndOf(claim.spec, bound_at);
  if (bound && bound->expires && (!end || *bound->expires < end->at)) {
    end = {*bound->expires, "TemplateLifetime",
           "raise spec.lifecycle of its AgentSandbox, and that of the template for others"};
  }
  return end;
}

// Why there is no sandbox.
Blocker Waiting(const ClaimOutcome& outcome) {
  if (outcome.source) return *outcome.source;
  if (outcome.blocker) return *outcome.blocker;
  return {"Pending", "the claim is about to get its sandbox", false};
}

// What a claim's end says: of one that waited for too long, what for. It is said once and stays.
std::string EndMessage(const api::AgentSandboxClaim& claim, const EndName& end) {
  const Json status = claim.status.ToJson();
  if (api::Condition said = FindCondition(status, kFinished); said.status == "True") {
    return std::move(said.message);
  }
  std::string message(end.message);
  if (end.end != ClaimEnd::kTimedOut) return message;
  const api::Condition ready = FindCondition(status, "Ready");
  if (ready.reason.empty()) return message;
  return message + "; what it waited for at last: " + ready.reason + ": " + ready.message;
}

std::vector<api::Condition> Conditions(const api::AgentSandboxClaim& claim,
                                       const ClaimOutcome& outcome,
                                       const std::optional<End>& ends_soon) {
  std::vector<api::Condition> conditions;
  const auto* const end = std::ranges::find(kEnds, outcome.end, &EndName::end);
  const bool over = end != kEnds.end();
  const std::string end_message = over ? EndMessage(claim, *end) : std::string();
  const bool has = outcome.bound && !outcome.bound->deleting;
  if (has) {
    conditions.push_back(
        MakeCondition("Bound", "True", "Bound", "the sandbox is \"" + outcome.bound->name + "\""));
  } else if (over) {
    conditions.push_back(MakeCondition("Bound", "False", std::string(end->reason), end_message));
  } else {
    const Blocker why = Waiting(outcome);
    conditions.push_back(MakeCondition("Bound", "False", why.reason, why.message));
  }
  if (over) {
    conditions.push_back(MakeCondition("Ready", "False", std::string(end->reason), end_message));
  } else if (!has) {
    const Blocker why = Waiting(outcome);
    conditions.push_back(MakeCondition("Ready", "False", why.reason, why.message));
  } else if (outcome.bound->ready) {
    conditions.push_back(MakeCondition("Ready", "True", "SandboxReady", "the sandbox is ready"));
  } else {
    conditions.push_back(MakeCondition(
        "Ready", "False", outcome.bound->reason.empty() ? "Pending" : outcome.bound->reason,
        outcome.bound->message.empty() ? "the sandbox is on its way" : outcome.bound->message));
  }
  if (outcome.source) {
    conditions.push_back(MakeCondition("TemplateResolved", "False", outcome.source->reason,
                                       outcome.source->message));
  } else {
    conditions.push_back(MakeCondition(
        "TemplateResolved", "True", "Resolved",
        claim.spec.pool_name.empty()
            ? "the template \"" + claim.spec.template_name + "\" can be used"
            : "the pool \"" + claim.spec.pool_name + "\" and its template can be used"));
  }
  // The others say something only by being there.
  if (over) {
    conditions.push_back(MakeCondition(kFinished, "True", std::string(end->reason), end_message));
    return conditions;
  }
  if (!has) {
    if (const Blocker why = Waiting(outcome); why.stalled) {
      conditions.push_back(MakeCondition("Stalled", "True", why.reason, why.message));
    }
  }
  if (ends_soon) {
    conditions.push_back(MakeCondition("ExpiresSoon", "True", std::string(ends_soon->reason),
                                       "the claim ends at " + FormatTime(ends_soon->at) +
                                           ", and its sandbox is deleted; to go on, " +
                                           std::string(ends_soon->remedy)));
  }
  return conditions;
}

}  // namespace

ClaimHistory ReadHistory(const api::AgentSandboxClaim& claim) {
  ClaimHistory history;
  const Json status = claim.status.ToJson();
  if (!status.is_object()) return history;
  const api::Condition finished = FindCondition(status, kFinished);
  if (finished.status == "True") {
    const auto* const end = std::ranges::find(kEnds, finished.reason, &EndName::reason);
    history.end = end == kEnds.end() ? ClaimEnd::kExpired : end->end;
  }
  history.finished_at = TimeOf(status, "finishedAt");
  history.bound_at = TimeOf(status, "boundAt");
  history.ready_at = TimeOf(status, "readyAt");
  if (const auto sandbox = status.find("sandbox"); sandbox != status.end()) {
    history.sandbox_name = sandbox->value("name", std::string());
    history.sandbox_uid = sandbox->value("uid", std::string());
  }
  if (const auto warm = status.find("warm"); warm != status.end()) history.warm = warm->get<bool>();
  return history;
}

bool IsOnItsWay(const api::AgentSandboxClaim& claim, TimePoint now, seconds patience) {
  const ClaimHistory history = ReadHistory(claim);
  if (history.end != ClaimEnd::kNone || history.ready_at) return false;
  if (now >= history.bound_at.value_or(claim.metadata.created.value_or(now)) + patience) {
    return false;
  }
  const api::Condition bound = FindCondition(claim.status.ToJson(), "Bound");
  return bound.status != "False" || bound.reason == "Pending" || bound.reason == "NameTaken";
}

ClaimPlan PlanClaim(const api::AgentSandboxClaim& claim, const std::vector<BoundSandbox>& own,
                    TimePoint now) {
  ClaimPlan plan;
  const ClaimHistory history = ReadHistory(claim);
  for (const BoundSandbox& sandbox : own) {
    if (sandbox.deleting) continue;
    const bool known = plan.bound && plan.bound->uid == history.sandbox_uid;
    const bool better = !plan.bound || sandbox.uid == history.sandbox_uid ||
                        (!known && sandbox.name < plan.bound->name);
    if (better) plan.bound = sandbox;
  }
  for (const BoundSandbox& sandbox : own) {
    if (!sandbox.deleting && sandbox.uid != plan.bound->uid) plan.remove.push_back(sandbox);
  }

  plan.end = history.end;
  if (history.end != ClaimEnd::kNone) {
    // What the agent of a finished sandbox has left stays for as long as the claim; one that was
    // begun again, after its node was lost for example, goes.
    if (plan.bound && (history.end != ClaimEnd::kSandboxFinished || !plan.bound->finished)) {
      plan.remove.push_back(*plan.bound);
      plan.bound.reset();
    }
    if (claim.spec.ttl_seconds_after_finished) {
      const TimePoint due =
          history.finished_at.value_or(now) + seconds(*claim.spec.ttl_seconds_after_finished);
      plan.delete_claim = now >= due;
      if (!plan.delete_claim) LookAgain(plan, Until(due, now));
    }
    return plan;
  }

  if (const auto due = EndOf(claim.spec, history.bound_at)) {
    if (now >= due->at) {
      plan.end = ClaimEnd::kExpired;
      return plan;
    }
    LookAgain(plan, Until(due->at, now));
  }
  if (const auto first = FirstEndOf(claim, history.bound_at, plan.bound)) {
    const TimePoint notice = NoticeAt(first->at, claim.metadata.created);
    if (now < notice) LookAgain(plan, Until(notice, now));
  }
  if (plan.bound && plan.bound->finished) {
    plan.end = plan.bound->expired ? ClaimEnd::kExpired : ClaimEnd::kSandboxFinished;
    return plan;
  }
  const bool ready = plan.bound && plan.bound->ready;
  if (claim.spec.timeout_seconds && !history.ready_at && !ready) {
    const TimePoint due =
        claim.metadata.created.value_or(now) + seconds(*claim.spec.timeout_seconds);
    if (now >= due) {
      plan.end = ClaimEnd::kTimedOut;
      return plan;
    }
    LookAgain(plan, Until(due, now));
  }
  plan.bind = !plan.bound;
  return plan;
}

Json ComputeClaimStatus(const api::AgentSandboxClaim& claim, const ClaimOutcome& outcome,
                        TimePoint now) {
  const ClaimHistory history = ReadHistory(claim);
  Json status = Json::object();
  status["observedGeneration"] = claim.metadata.generation;
  const bool has = outcome.bound && !outcome.bound->deleting;
  const auto keep_time = [&](const char* field, const std::optional<TimePoint>& known,
                             bool now_on) {
    if (known) {
      status[field] = FormatTime(*known);
    } else if (now_on) {
      status[field] = FormatTime(now);
    }
  };
  keep_time("boundAt", history.bound_at, has);
  keep_time("readyAt", history.ready_at,
            has && outcome.bound->ready && outcome.end == ClaimEnd::kNone);
  keep_time("finishedAt", history.finished_at, outcome.end != ClaimEnd::kNone);
  if (has) {
    // One that is made for a claim has the claim's name.
    status["warm"] = outcome.bound->name != claim.metadata.name;
  } else if (history.warm) {
    status["warm"] = *history.warm;
  }
  if (has) {
    Json& sandbox = status["sandbox"];
    sandbox = {{"name", outcome.bound->name}, {"uid", outcome.bound->uid}};
    if (!outcome.bound->pod_name.empty()) sandbox["podName"] = outcome.bound->pod_name;
    if (!outcome.bound->pod_ips.is_null()) sandbox["podIPs"] = outcome.bound->pod_ips;
    if (!outcome.bound->service.empty()) sandbox["serviceFQDN"] = outcome.bound->service;
  }
  std::optional<End> end;
  if (outcome.end == ClaimEnd::kNone) {
    end = FirstEndOf(claim, has ? history.bound_at.value_or(now) : history.bound_at, outcome.bound);
  }
  if (end) {
    status["expiresAt"] = FormatTime(end->at);
    if (now < NoticeAt(end->at, claim.metadata.created)) end.reset();
  }
  status["conditions"] = ConditionList(Conditions(claim, outcome, end), ConditionsOf(claim.status),
                                       claim.metadata.generation, now);
  return status;
}

}  // namespace stockade::sandbox_operator
