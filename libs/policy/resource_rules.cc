#include <array>
#include <optional>
#include <string>

#include "api/quantity.h"
#include "api/resources.h"
#include "policy/key_table.h"
#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for what a sandbox takes of a node: processor time, memory, disk and devices.
namespace stockade::policy {
namespace {

using api::Quantity;
using codec::JsonView;

constexpr KeyTable kBoundedKeys(api::kResourceNames);

Quantity Literal(std::string_view text) { return Quantity::Parse(text).value(); }

// More than any node has: a slip of the pen, or a way round a sum.
struct Most {
  // By api::kResourceNames.
  std::array<Quantity, api::kResourceCount> of_resources = {Literal("1024"), Literal("64Ti"),
                                                            Literal("1Pi")};
  Quantity of_storage = Literal("16Pi");
};
const Most& TheMost() {
  static const Most kMost;
  return kMost;
}

constexpr std::string_view kPositive = "write a positive quantity such as 500m, 2 or 1Gi";

// What is wrong with one quantity, or nothing. Kubernetes takes a limit of zero for no limit.
std::optional<std::string> ProblemOf(JsonView value, const Result<Quantity>& quantity,
                                     bool may_be_zero, const Quantity& most) {
  if (!quantity.ok()) return Quote(value) + " is no quantity";
  if (quantity->IsNegative()) return Quote(value) + " is negative";
  if (quantity->IsZero() && !may_be_zero) return Quote(value) + " would be no limit at all";
  if (*quantity > most) return Quote(value) + " is more than any node has";
  return std::nullopt;
}

std::optional<std::string> ProblemOf(JsonView value, bool may_be_zero, const Quantity& most) {
  return ProblemOf(value, Quantity::FromJson(value), may_be_zero, most);
}

// Calls f(name, value, path) for each entry of requests or limits; the path is made when asked for.
template <typename Path, typename F>
void ForEachEntry(JsonView list, Path&& list_path, F&& f) {
  list.ForEachMember([&](std::string_view name, JsonView value) {
    if (!value.IsUnset()) f(name, value, [&] { return KeyedPath(list_path(), name); });
  });
}

// One ResourceRequirements, of a container or of the pod.
template <typename Path>
void CheckRequirements(JsonView resources, Path&& path, Report& report) {
  const JsonView limits = resources["limits"];
  for (const std::string_view list : {"requests", "limits"}) {
    const bool requests = list == "requests";
    ForEachEntry(
        resources[list], [&] { return path(list); },
        [&](std::string_view name, JsonView value, auto&& entry) {
          const int index = kBoundedKeys.Find(name);
          if (index == KeyTable::kNotFound) return;  // ExtendedResource
          const auto quantity = Quantity::FromJson(value);
          const auto problem = ProblemOf(value, quantity, requests,
                                         TheMost().of_resources[static_cast<std::size_t>(index)]);
          if (problem) {
            report.Add(entry(), *problem, kPositive);
          } else if (requests && !limits[name].IsUnset()) {
            const auto limit = Quantity::FromJson(limits[name]);
            if (limit.ok() && *quantity > *limit) {
              report.Add(
                  entry(),
                  "the request " + Quote(value) + " is more than the limit " + Quote(limits[name]),
                  "write a request of at most the limit");
            }
          }
        });
  }
}

// Of the pod's own resources, which bound all its containers together, Kubernetes knows but two.
bool PodMayHave(std::string_view name) { return name == "cpu" || name == "memory"; }

void CheckPodRequirements(const Subject& s, Report& report) {
  const auto path = [&s](std::string_view list) {
    return s.Path("resources." + std::string(list));
  };
  CheckRequirements(s.spec.resources, path, report);
  for (const std::string_view list : {"requests", "limits"}) {
    ForEachEntry(
        s.spec.resources[list], [&] { return path(list); },
        [&](std::string_view name, JsonView, auto&& entry) {
          if (kBoundedKeys.Find(name) != KeyTable::kNotFound && !PodMayHave(name)) {
            report.Add(entry(), "a pod as a whole cannot bound " + Quote(name),
                       "write it in the resources of the containers");
          }
        });
  }
}

// In a rendered pod something bounds every container: its own limit, or the pod's.
void CheckLimitsAreSet(const Subject& s, const Container& c, Report& report) {
  for (const std::string_view name : api::kResourceNames) {
    if (c.resources["limits"][name].IsUnset() && s.spec.resources["limits"][name].IsUnset()) {
      report.Add(c.Path("resources.limits"), "nothing limits " + Quote(name),
                 "set a limit for the container");
    }
  }
}

template <typename Path>
void CheckSize(JsonView value, Path&& path, Report& report) {
  if (value.IsUnset()) return;
  const auto problem = ProblemOf(value, /*may_be_zero=*/true, TheMost().of_storage);
  if (problem) report.Add(path(), *problem, kPositive);
}

void CheckVolumeSizes(const Subject& s, Report& report) {
  s.spec.volumes.ForEachElement([&](std::size_t index, JsonView volume) {
    CheckSize(
        volume["emptyDir"]["sizeLimit"],
        [&] { return s.Path("volumes", index, "emptyDir.sizeLimit"); }, report);
  });
  for (const ClaimSpec& claim : s.claims) {
    const JsonView storage = claim.spec["resources"]["requests"]["storage"];
    const auto problem = storage.IsUnset()
                             ? std::optional<std::string>("the claim asks for no storage")
                             : ProblemOf(storage, /*may_be_zero=*/false, TheMost().of_storage);
    if (problem) report.Add(s.Path(claim, "resources.requests.storage"), *problem, kPositive);
  }
  if (s.rendered()) return;
  for (std::size_t i = 0; i < s.sandbox->spec.mounts.size(); ++i) {
    const std::string& size = s.sandbox->spec.mounts[i].size_limit;
    if (size.empty()) continue;
    const auto quantity = Quantity::Parse(size);
    if (!quantity.ok() || quantity->IsNegative() || quantity->IsZero() ||
        *quantity > TheMost().of_storage) {
      report.Add(IndexedPath("spec.mounts", i, "sizeLimit"), "sizeLimit is " + Quote(size),
                 kPositive);
    }
  }
}

void CheckResourceLimit(const Subject& s, Report& report) {
  CheckPodRequirements(s, report);
  for (const Container& c : s.containers) {
    CheckRequirements(
        c.resources,
        [&c](std::string_view list) { return c.Path("resources." + std::string(list)); }, report);
    if (s.rendered()) CheckLimitsAreSet(s, c, report);
  }
  CheckVolumeSizes(s, report);
}

void CheckExtendedResource(const Subject& s, Report& report) {
  const auto check = [&report](JsonView resources, auto&& path) {
    for (const std::string_view list : {"requests", "limits"}) {
      ForEachEntry(
          resources[list], [&] { return path(list); },
          [&](std::string_view name, JsonView, auto&& entry) {
            if (kBoundedKeys.Find(name) == KeyTable::kNotFound) {
              report.Add(entry(), Quote(name) + " is no resource that a sandbox may ask for");
            }
          });
    }
  };
  check(s.spec.resources,
        [&s](std::string_view list) { return s.Path("resources." + std::string(list)); });
  for (const Container& c : s.containers) {
    check(c.resources,
          [&c](std::string_view list) { return c.Path("resources." + std::string(list)); });
  }
  s.spec.volumes.ForEachElement([&](std::size_t index, JsonView volume) {
    const JsonView medium = volume["emptyDir"]["medium"];
    if (IsNonEmptyString(medium) && medium.AsString() != "Memory") {
      report.Add(s.Path("volumes", index, "emptyDir.medium"), "medium is " + Quote(medium),
                 "remove medium, or write Memory");
    }
  });
}

void CheckResourceClaims(const Subject& s, Report& report) {
  if (HasElements(s.spec.resourceClaims)) {
    report.Add(s.Path("resourceClaims"), "the pod claims devices");
  }
  for (const Container& c : s.containers) {
    if (HasElements(c.resources["claims"])) {
      report.Add(c.Path("resources.claims"), "the container claims devices");
    }
  }
  if (HasElements(s.spec.resources["claims"])) {
    report.Add(s.Path("resources.claims"), "the pod claims devices");
  }
}

constexpr std::array kRules = {
    Rule{.code = "ResourceLimit",
         .check = CheckResourceLimit,
         .fields = "resources of every container and of the pod, emptyDir.sizeLimit, storage of "
                   "claim templates, mounts[].sizeLimit",
         .summary = "Every sandbox is bounded in processor time, memory and disk. What is unset is "
                    "filled in; a limit of zero would be none, and one that no node could give is "
                    "refused.",
         .remedy = "write a positive quantity such as 500m, 2 or 1Gi",
         .references = {.kubescape = "C-0004, C-0050", .principle = Principle::kLeastPrivilege}},
    Rule{.code = "ExtendedResource",
         .check = CheckExtendedResource,
         .fields = "resources of every container and of the pod, emptyDir.medium",
         .summary = "A sandbox takes processor time, memory and disk. Devices and huge pages reach "
                    "drivers and memory of the node.",
         .remedy = "use only cpu, memory and ephemeral-storage",
         .references = {.cve = "CVE-2024-0132", .principle = Principle::kIsolation}},
    Rule{.code = "ResourceClaims",
         .check = CheckResourceClaims,
         .fields = "resourceClaims, resources.claims of every container",
         .summary = "Claims of dynamic resource allocation bring devices of the node into the pod.",
         .remedy = "remove the claims",
         .references = {.principle = Principle::kIsolation}},
};

}  // namespace

std::span<const Rule> ResourceRules() { return kRules; }

}  // namespace stockade::policy
