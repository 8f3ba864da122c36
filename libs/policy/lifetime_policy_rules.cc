#include <array>
#include <chrono>
#include <string>

#include "policy/compiled_policy.h"
#include "policy/policy_report.h"
#include "policy/policy_subject.h"
#include "policy/rule_groups.h"

// Rules that an AgentSandboxPolicy brings for spec.lifecycle: each judges a sandbox by one policy,
// and finds nothing where the policy does not ask for it.
namespace stockade::policy {
namespace {

using std::chrono::seconds;

constexpr const char* kTimeField = "spec.lifecycle.shutdownTime";
constexpr const char* kSecondsField = "spec.lifecycle.maxLifetimeSeconds";

std::string InSeconds(seconds duration) { return std::to_string(duration.count()) + " seconds"; }

bool HasEnd(const api::Lifecycle& lifecycle) {
  return lifecycle.shutdown_time || lifecycle.max_lifetime;
}

void CheckRequired(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  const api::LifetimeRestrictions& demanded = policy.lifetime();
  if ((!demanded.required && !demanded.max) || HasEnd(s->sandbox->spec.lifecycle)) return;
  report.Add("spec.lifecycle",
             std::string("the sandbox has no end, and ") +
                 (demanded.max ? "lifetime.maxSeconds is " + std::to_string(demanded.max->count())
                               : "lifetime.required is set"),
             demanded.max ? "set maxLifetimeSeconds to at most " +
                                std::to_string(demanded.max->count()) + ", or an early shutdownTime"
                          : "set maxLifetimeSeconds or shutdownTime",
             "end");
}

void CheckTooLong(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  const auto most = policy.lifetime().max;
  const api::Lifecycle& lifecycle = s->sandbox->spec.lifecycle;
  if (!most || !HasEnd(lifecycle)) return;
  const auto add = [&](const char* field, seconds lifetime, const std::string& remedy) {
    report.Add(field,
               "the sandbox would live for " + InSeconds(lifetime) +
                   ", and lifetime.maxSeconds is " + std::to_string(most->count()),
               remedy, "lifetime", api::Quantity::Parse(std::to_string(lifetime.count())).value());
  };
  const auto& created = s->sandbox->metadata.created;
  if (!lifecycle.max_lifetime && !created) return;  // a file does not tell when it will be applied
  if (!created) {
    // shutdownTime may bring the end forward, which a file does not tell either.
    if (*lifecycle.max_lifetime > *most && !lifecycle.shutdown_time) {
      add(kSecondsField, *lifecycle.max_lifetime, "write at most " + std::to_string(most->count()));
    }
    return;
  }
  const auto lifetime = std::chrono::ceil<seconds>(*api::EndOf(lifecycle, created) - *created);
  if (lifetime <= *most) return;
  if (lifecycle.max_lifetime == lifetime) {
    add(kSecondsField, lifetime, "write at most " + std::to_string(most->count()));
  } else {
    add(kTimeField, lifetime,
        "write a time at most that long after its creation, or set maxLifetimeSeconds to at most " +
            std::to_string(most->count()) + " as well");
  }
}

constexpr std::array kRules = {
    Rule{.code = "LifetimeRequired",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckRequired,
         .fields = "lifecycle.shutdownTime, lifecycle.maxLifetimeSeconds",
         .summary = "Where the policy sets lifetime.required or lifetime.maxSeconds, every sandbox "
                    "has an end of its own: an agent that nobody remembers does not run on.",
         .remedy = "set lifecycle.maxLifetimeSeconds or lifecycle.shutdownTime",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "LifetimeTooLong",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckTooLong,
         .fields = "lifecycle.shutdownTime, lifecycle.maxLifetimeSeconds",
         .summary = "No sandbox lives longer than the policy's lifetime.maxSeconds, from its "
                    "creation on; the earlier of its two ends counts. In a file, which has no "
                    "creation yet, shutdownTime is left to the webhook.",
         .remedy = "set an earlier end",
         .references = {.principle = Principle::kLeastPrivilege}},
};

}  // namespace

std::span<const Rule> LifetimePolicyRules() { return kRules; }

}  // namespace stockade::policy
