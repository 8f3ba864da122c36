#include <array>
#include <limits>
#include <optional>
#include <string>

#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for the user and the groups that the agent's processes run as.
namespace stockade::policy {
namespace {

using codec::JsonView;

constexpr std::int64_t kFirstOrdinaryId = 1000;
constexpr std::int64_t kMaxId = std::numeric_limits<std::int32_t>::max();

// What an id stands for. Anything that is no id at all counts as root, since 2^32 would be one to
// a program that keeps 32 bits.
enum class IdKind { kUnset, kRoot, kSystem, kOrdinary };

IdKind KindOf(JsonView id) {
  if (id.IsUnset()) return IdKind::kUnset;
  const auto value = id.AsInt();
  if (!value || *value <= 0 || *value > kMaxId) return IdKind::kRoot;
  return *value < kFirstOrdinaryId ? IdKind::kSystem : IdKind::kOrdinary;
}

std::string RootProblem(std::string_view field, JsonView id) {
  if (id.AsInt() == 0) return std::string(field) + " is 0, which is root";
  return std::string(field) + " is " + Quote(id) + ", which is no id";
}

// Calls f(field, id, path) for each id of the pod's securityContext.
template <typename F>
void ForEachPodId(const Subject& s, F&& f) {
  const auto visit = [&](std::string_view field, JsonView id) {
    f(field, id, [&s, field] { return s.Path("securityContext." + std::string(field)); });
  };
  visit("runAsUser", s.security.runAsUser);
  visit("runAsGroup", s.security.runAsGroup);
  visit("fsGroup", s.security.fsGroup);
}

template <typename F>
void ForEachContainerId(const Subject& s, F&& f) {
  for (const Container& c : s.containers) {
    const auto visit = [&](std::string_view field, JsonView id) {
      f(field, id, [&c, field] { return c.Path("securityContext." + std::string(field)); });
    };
    visit("runAsUser", c.security.runAsUser);
    visit("runAsGroup", c.security.runAsGroup);
  }
}

void CheckRootUser(const Subject& s, Report& report) {
  const JsonView non_root = s.security.runAsNonRoot;
  if (IsSetAndNot(non_root, true) || (s.rendered() && non_root.IsUnset())) {
    report.Add(s.Path("securityContext.runAsNonRoot"), "runAsNonRoot is " + Quote(non_root));
  }
  if (s.rendered() && s.security.runAsUser.IsUnset()) {
    report.Add(s.Path("securityContext.runAsUser"), "runAsUser is unset, so the image decides");
  }
  const auto check = [&report](std::string_view field, JsonView id, auto&& path) {
    if (field == "runAsUser" && KindOf(id) == IdKind::kRoot) {
      report.Add(path(), RootProblem(field, id));
    }
  };
  ForEachPodId(s, check);
  for (const Container& c : s.containers) {
    if (IsSetAndNot(c.security.runAsNonRoot, true)) {
      report.Add(c.Path("securityContext.runAsNonRoot"),
                 "runAsNonRoot is " + Quote(c.security.runAsNonRoot));
    }
  }
  ForEachContainerId(s, check);
}

void CheckRootGroup(const Subject& s, Report& report) {
  const auto check = [&report](std::string_view field, JsonView id, auto&& path) {
    if (field != "runAsUser" && KindOf(id) == IdKind::kRoot) {
      report.Add(path(), RootProblem(field, id));
    }
  };
  ForEachPodId(s, check);
  ForEachContainerId(s, check);
  if (!s.rendered()) return;
  ForEachPodId(s, [&report](std::string_view field, JsonView id, auto&& path) {
    if (field != "runAsUser" && id.IsUnset()) {
      report.Add(path(), std::string(field) + " is unset, so the image decides");
    }
  });
}

void CheckSupplementalRoot(const Subject& s, Report& report) {
  s.security.supplementalGroups.ForEachElement([&](std::size_t index, JsonView id) {
    if (KindOf(id) == IdKind::kRoot || id.IsUnset()) {
      report.Add(s.Path("securityContext.supplementalGroups", index), RootProblem("the group", id));
    }
  });
}

void CheckSystemAccount(const Subject& s, Report& report) {
  const auto check = [&report](std::string_view field, JsonView id, auto&& path) {
    if (KindOf(id) == IdKind::kSystem) {
      report.Add(path(), std::string(field) + " is " + Quote(id) +
                             ": ids below 1000 are accounts of the system");
    }
  };
  ForEachPodId(s, check);
  s.security.supplementalGroups.ForEachElement([&](std::size_t index, JsonView id) {
    check("the group", id,
          [&s, index] { return s.Path("securityContext.supplementalGroups", index); });
  });
  ForEachContainerId(s, check);
}

constexpr std::array kRules = {
    Rule{.code = "RootUser",
         .check = CheckRootUser,
         .fields = "runAsUser and runAsNonRoot of the pod and of every container",
         .summary = "No process of a sandbox is root: root in a container is one bug away from "
                    "root on the node.",
         .remedy = "remove the field, or set runAsUser to 1000 or more and runAsNonRoot to true",
         .references = {.pod_security = "Running as Non-root, Running as Non-root user",
                        .cve = "CVE-2019-5736",
                        .kubescape = "C-0013",
                        .principle = Principle::kLeastPrivilege}},
    Rule{.code = "RootGroup",
         .check = CheckRootGroup,
         .fields = "runAsGroup of the pod and of every container, fsGroup",
         .summary = "Group 0 owns files of images and of the node that others may not touch.",
         .remedy = "remove the field, or use a group of 1000 or more",
         .references = {.kubescape = "C-0013", .principle = Principle::kLeastPrivilege}},
    Rule{.code = "SupplementalRoot",
         .check = CheckSupplementalRoot,
         .fields = "supplementalGroups",
         .summary = "Group 0 gives the same rights as a supplemental group as it does as the "
                    "primary one.",
         .remedy = "use groups of 1000 or more",
         .references = {.cve = "CVE-2022-2995", .principle = Principle::kLeastPrivilege}},
    Rule{.code = "SystemAccount",
         .check = CheckSystemAccount,
         .fields = "runAsUser and runAsGroup of the pod and of every container, fsGroup, "
                   "supplementalGroups",
         .summary = "Users and groups from 1 to 999 are accounts of the system, such as the groups "
                    "docker, disk or shadow; what runs as one can own what a node's or an image's "
                    "service owns. The pod that is rendered never has one.",
         .remedy = "use an id of 1000 or more",
         .references = {.principle = Principle::kLeastPrivilege}},
};

}  // namespace

std::span<const Rule> IdentityRules() { return kRules; }

}  // namespace stockade::policy
