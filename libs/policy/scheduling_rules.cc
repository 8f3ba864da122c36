#include <array>
#include <string>

#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for where and when a pod runs: the scheduler decides that, from what sandboxes may ask for.
namespace stockade::policy {
namespace {

using codec::JsonView;

// Kubernetes keeps priorities above this for its own system classes.
constexpr std::int64_t kHighestUserPriority = 1'000'000'000;

constexpr std::string_view kHostnameLabel = "kubernetes.io/hostname";
constexpr std::string_view kNodeRolePrefix = "node-role.kubernetes.io/";

bool PinsNode(std::string_view label) {
  return label == kHostnameLabel || label.starts_with(kNodeRolePrefix);
}

void CheckNodeNameSet(const Subject& s, Report& report) {
  if (IsNonEmptyString(s.spec.nodeName)) {
    report.Add(s.Path("nodeName"), "nodeName is " + Quote(s.spec.nodeName) +
                                       ": the pod would pass by the scheduler, and by taints");
  }
}

void CheckPriorityEscalation(const Subject& s, Report& report) {
  const std::string_view class_name = s.spec.priorityClassName.StringOrEmpty();
  if (class_name.starts_with("system-")) {
    report.Add(s.Path("priorityClassName"),
               "priorityClassName is " + Quote(class_name) + ", a class of the system");
  }
  // Admission fills in priority and preemptionPolicy from the class, so a rendered pod may show
  // what an ordinary class gives.
  const JsonView priority = s.spec.priority;
  const bool ordinary = priority.AsInt() && *priority.AsInt() <= kHighestUserPriority;
  if (!priority.IsUnset() && !(s.rendered() && ordinary)) {
    report.Add(s.Path("priority"), "priority is " + Quote(priority));
  }
  const JsonView preemption = s.spec.preemptionPolicy;
  if (!s.rendered() && !preemption.IsUnset() && preemption.AsString() != "Never") {
    report.Add(s.Path("preemptionPolicy"), "preemptionPolicy is " + Quote(preemption));
  }
}

// The terms of a nodeAffinity that single out one node, or the control plane.
void CheckNodeSelectorTerm(JsonView term, const std::string& path, Report& report) {
  term["matchExpressions"].ForEachElement([&](std::size_t index, JsonView expression) {
    const std::string_view key = expression["key"].StringOrEmpty();
    const std::string_view op = expression["operator"].StringOrEmpty();
    // All nodes but one name are a name as well; the control plane may be shunned.
    const bool excludes = op == "NotIn" || op == "DoesNotExist";
    if (key == kHostnameLabel || (PinsNode(key) && !excludes)) {
      report.Add(path + IndexedPath(".matchExpressions", index, "key"),
                 "the affinity selects nodes by " + Quote(key));
    }
  });
  if (HasElements(term["matchFields"])) {
    report.Add(path + ".matchFields", "the affinity selects a node by its name");
  }
}

void CheckNodeAffinity(const Subject& s, Report& report) {
  const JsonView affinity = s.spec.affinity["nodeAffinity"];
  if (affinity.IsUnset()) return;
  const std::string path = s.Path("affinity.nodeAffinity");
  affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"].ForEachElement(
      [&](std::size_t index, JsonView term) {
        CheckNodeSelectorTerm(
            term,
            path + IndexedPath(".requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
                               index),
            report);
      });
  affinity["preferredDuringSchedulingIgnoredDuringExecution"].ForEachElement(
      [&](std::size_t index, JsonView preferred) {
        CheckNodeSelectorTerm(preferred["preference"],
                              path + IndexedPath(".preferredDuringSchedulingIgnoredDuringExecution",
                                                 index, "preference"),
                              report);
      });
}

// Calls f(term, path) for each term of podAffinity or podAntiAffinity; the path is made when asked
// for.
template <typename F>
void ForEachPodAffinityTerm(const Subject& s, std::string_view kind, F&& f) {
  const JsonView affinity = s.spec.affinity[kind];
  const auto path = [&s, kind](std::string_view list, std::size_t index, std::string_view field) {
    return s.Path("affinity." + std::string(kind) + "." + IndexedPath(list, index, field));
  };
  const auto visit = [&](std::string_view list, std::string_view member) {
    affinity[list].ForEachElement([&](std::size_t index, JsonView element) {
      f(member.empty() ? element : element[member],
        [&] { return path(list, index, member) + "."; });
    });
  };
  visit("requiredDuringSchedulingIgnoredDuringExecution", {});
  visit("preferredDuringSchedulingIgnoredDuringExecution", "podAffinityTerm");
}

void CheckPodAffinity(const Subject& s, Report& report) {
  // To be wherever a certain pod runs is to choose that pod's node.
  ForEachPodAffinityTerm(s, "podAffinity", [&report](JsonView term, auto&& path) {
    if (term["topologyKey"].AsString() == kHostnameLabel) {
      report.Add(path() + "topologyKey", "the affinity selects the node that another pod runs on");
    }
  });
  // Anti-affinity holds both ways: pods of other namespaces would be kept off the nodes, or the
  // zone, where the sandbox runs. And affinity would tell where they run.
  for (const std::string_view kind : {"podAffinity", "podAntiAffinity"}) {
    ForEachPodAffinityTerm(s, kind, [&report](JsonView term, auto&& path) {
      for (const std::string_view field : {"namespaces", "namespaceSelector"}) {
        // An empty selector is one for all namespaces.
        const JsonView value = term[field];
        if (field == "namespaces" ? !HasElements(value) : value.IsUnset()) continue;
        report.Add(path() + std::string(field),
                   "the affinity looks at pods of other namespaces, which it could keep away");
      }
    });
  }
}

void CheckTolerations(const Subject& s, Report& report) {
  s.spec.tolerations.ForEachElement([&](std::size_t index, JsonView toleration) {
    const std::string_view key = toleration["key"].StringOrEmpty();
    if (key.empty()) {
      report.Add(s.Path("tolerations", index), "a toleration without a key tolerates every taint",
                 "name the key of one taint");
    } else if (key.starts_with(kNodeRolePrefix)) {
      report.Add(s.Path("tolerations", index, "key"),
                 "the toleration of " + Quote(key) + " opens the nodes of the control plane",
                 "remove the toleration");
    }
  });
}

void CheckSchedulingBypass(const Subject& s, Report& report) {
  const JsonView scheduler = s.spec.schedulerName;
  if (IsNonEmptyString(scheduler) && scheduler.AsString() != "default-scheduler") {
    report.Add(s.Path("schedulerName"), "schedulerName is " + Quote(scheduler));
  }
  const std::array<std::pair<std::string_view, JsonView>, 4> unset_lists = {
      {{"schedulingGates", s.spec.schedulingGates},
       {"readinessGates", s.spec.readinessGates},
       {"schedulingGroup", s.spec.schedulingGroup},
       {"workloadRef", s.spec.workloadRef}}};
  for (const auto& [field, value] : unset_lists) {
    if (HasElements(value)) {
      report.Add(s.Path(field),
                 std::string(field) + " makes the sandbox wait for someone else's say");
    }
  }
  // Admission sets the overhead of a pod from its RuntimeClass, and refuses any other, an empty one
  // too.
  if (!s.rendered() && !s.spec.overhead.IsUnset()) {
    report.Add(s.Path("overhead"), "overhead follows from the RuntimeClass");
  }
  if (!s.spec.activeDeadlineSeconds.IsUnset()) {
    report.Add(s.Path("activeDeadlineSeconds"),
               "activeDeadlineSeconds is set, but the operator decides how long a sandbox lives");
  }
  s.spec.nodeSelector.ForEachMember([&](std::string_view key, JsonView) {
    if (PinsNode(key)) {
      report.Add(KeyedPath(s.Path("nodeSelector"), key),
                 "nodeSelector selects nodes by " + Quote(key));
    }
  });
  CheckNodeAffinity(s, report);
  CheckPodAffinity(s, report);
  CheckTolerations(s, report);
}

constexpr std::array kRules = {
    Rule{.code = "NodeNameSet",
         .check = CheckNodeNameSet,
         .fields = "nodeName",
         .summary = "A pod that names its node passes by the scheduler: no taint and no capacity "
                    "keeps it from any node.",
         .remedy = "remove nodeName",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "SchedulingBypass",
         .check = CheckSchedulingBypass,
         .fields = "schedulerName, schedulingGates, readinessGates, schedulingGroup, workloadRef, "
                   "overhead, activeDeadlineSeconds, nodeSelector, affinity.nodeAffinity, "
                   "affinity.podAffinity, affinity.podAntiAffinity, tolerations",
         .summary =
             "Sandboxes go where the cluster's scheduler puts ordinary pods: not onto one "
             "node of the author's choice, beside a victim or in its place, nor onto the control "
             "plane.",
         .remedy = "remove it; select nodes by a label that a group of them has",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "PriorityEscalation",
         .check = CheckPriorityEscalation,
         .fields = "priorityClassName, priority, preemptionPolicy",
         .summary = "A sandbox does not push out what the cluster needs to run.",
         .remedy = "remove it; an ordinary priorityClassName sets both priority and preemption",
         .references = {.principle = Principle::kLeastPrivilege}},
};

}  // namespace

std::span<const Rule> SchedulingRules() { return kRules; }

}  // namespace stockade::policy
