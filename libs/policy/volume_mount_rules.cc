#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/strings.h"
#include "policy/clean_path.h"
#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for where volumes appear in containers, and what may be written through them.
namespace stockade::policy {
namespace {

using codec::JsonView;

// Directories and files of the kernel, the kubelet, the operator and the dynamic linker; nothing is
// mounted at or under them.
constexpr std::array<std::string_view, 14> kSystemPaths = {"proc",
                                                           "sys",
                                                           "dev",
                                                           "etc/stockade",
                                                           "etc/claude-code",
                                                           "run/secrets",
                                                           "var/run/secrets",
                                                           "etc/hosts",
                                                           "etc/hostname",
                                                           "etc/resolv.conf",
                                                           "etc/ld.so.preload",
                                                           "etc/ld.so.conf",
                                                           "etc/ld.so.conf.d",
                                                           "etc/ld.so.cache"};

// Names that hold credentials wherever they stand.
constexpr std::array<std::string_view, 11> kCredentialNames = {
    ".ssh",   ".aws",    ".kube",  ".docker", ".azure",      ".git-credentials",
    ".npmrc", ".pypirc", ".netrc", ".gnupg",  ".vault-token"};

bool EndsWithIgnoringCase(std::string_view text, std::string_view lower_suffix) {
  return text.size() > lower_suffix.size() &&
         ToLower(text.substr(text.size() - lower_suffix.size())) == lower_suffix;
}

bool IsCredentialPath(const CleanPath& path) {
  const auto segments = path.segments();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string_view segment = segments[i];
    if (std::ranges::find(kCredentialNames, segment) != kCredentialNames.end()) return true;
    if (segment == ".config" && i + 1 < segments.size() &&
        (segments[i + 1] == "gcloud" || segments[i + 1] == "gh")) {
      return true;
    }
    if (EndsWithIgnoringCase(segment, ".pem") || EndsWithIgnoringCase(segment, ".key")) return true;
  }
  return false;
}

// Why nothing may be mounted there, or nothing.
std::optional<std::string_view> WhySensitive(const CleanPath& path) {
  if (path.too_deep()) return "has too many segments";
  if (path.IsRoot()) return "is the root of the filesystem";
  // A volume for shared memory, which browsers and test runners need, hides nothing.
  if (path.Is("dev/shm")) return std::nullopt;
  if (path.Is("etc")) return "hides the system's configuration";
  for (const std::string_view system_path : kSystemPaths) {
    if (path.IsAtOrUnder(system_path)) return "lies over a path of the system or of the operator";
  }
  if (IsCredentialPath(path)) return "is a place for credentials";
  return std::nullopt;
}

void CheckSensitiveMountPath(const Subject& s, Report& report) {
  const auto check = [&report](std::string_view path, auto&& field) {
    const CleanPath clean(path);
    if (const auto reason = WhySensitive(clean)) {
      report.Add(field(), "the mount path " + Quote(path) + " " + std::string(*reason));
    }
  };
  if (!s.rendered()) {
    for (std::size_t i = 0; i < s.sandbox->spec.mounts.size(); ++i) {
      check(s.sandbox->spec.mounts[i].mount_path,
            [i] { return IndexedPath("spec.mounts", i, "mountPath"); });
    }
  }
  for (const Container& c : s.containers) {
    if (s.rendered() && c.IsOperators()) continue;
    c.volumeMounts.ForEachElement([&](std::size_t index, JsonView mount) {
      if (s.rendered() && HasReservedName(mount["name"])) return;
      check(mount["mountPath"].StringOrEmpty(),
            [&] { return c.Path("volumeMounts", index, "mountPath"); });
    });
  }
}

// Whether a volume of that name is a claim that could be written to. The claim of a template takes
// the place of a volume that has its name.
bool IsWritableClaim(const Subject& s, std::string_view name) {
  const auto& templates = s.sandbox->spec.volume_claim_templates;
  if (std::ranges::find(templates, name, &api::VolumeClaimTemplate::name) != templates.end()) {
    return true;
  }
  return std::ranges::any_of(s.VolumesNamed(name), [](const auto& volume) {
    const JsonView claim = volume.second["persistentVolumeClaim"];
    return !claim.IsUnset() && !claim["readOnly"].IsTrue();
  });
}

void CheckWritableMount(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    c.volumeMounts.ForEachElement([&](std::size_t index, JsonView mount) {
      if (mount["readOnly"].IsTrue() || !IsWritableClaim(s, mount["name"].StringOrEmpty())) return;
      report.Add(c.Path("volumeMounts", index, "readOnly"),
                 "the claim of volume " + Quote(mount["name"]) + " is mounted for writing");
    });
  }
}

void CheckMountPropagation(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    c.volumeMounts.ForEachElement([&](std::size_t index, JsonView mount) {
      const JsonView propagation = mount["mountPropagation"];
      if (!propagation.IsUnset() && propagation.AsString() != "None") {
        report.Add(c.Path("volumeMounts", index, "mountPropagation"),
                   "mountPropagation is " + Quote(propagation) +
                       ": mounts would travel between the node and the agent");
      }
    });
  }
}

void CheckUnsafeSubPath(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    c.volumeMounts.ForEachElement([&](std::size_t index, JsonView mount) {
      for (const std::string_view field : {"subPath", "subPathExpr"}) {
        const std::string_view path = mount[field].StringOrEmpty();
        if (path.starts_with('/') || HasParentSegment(path)) {
          report.Add(c.Path("volumeMounts", index, field),
                     std::string(field) + " is " + Quote(path) + ", which leaves the volume");
        }
      }
    });
  }
}

void CheckVolumeUnknown(const Subject& s, Report& report) {
  const auto exists = [&s](std::string_view name) {
    return !s.VolumesNamed(name).empty() ||
           (!s.rendered() && std::ranges::find(s.sandbox->spec.mounts, name, &api::Mount::name) !=
                                 s.sandbox->spec.mounts.end());
  };
  for (const Container& c : s.containers) {
    c.volumeMounts.ForEachElement([&](std::size_t index, JsonView mount) {
      const std::string_view name = mount["name"].StringOrEmpty();
      // A reserved name has its own finding.
      if ((s.rendered() || !HasReservedName(mount["name"])) && !exists(name)) {
        report.Add(c.Path("volumeMounts", index, "name"), "there is no volume " + Quote(name));
      }
    });
  }
}

constexpr std::array kRules = {
    Rule{.code = "SensitiveMountPath",
         .check = CheckSensitiveMountPath,
         .fields = "mounts[].mountPath, every container's volumeMounts[].mountPath",
         .summary = "Nothing is mounted over /, /etc, /proc, /sys, /dev (but for /dev/shm), the "
                    "files of the kubelet, the operator and the dynamic linker, nor where "
                    "credentials live, such as .ssh, .aws or *.pem. Paths are judged as the "
                    "runtime resolves them.",
         .remedy = "choose another directory, such as one under /workspace",
         .references = {.cve = "CVE-2019-16884, CVE-2025-52881",
                        .principle = Principle::kIsolation}},
    Rule{.code = "WritableMount",
         .judges = JudgedObject::kSandbox,
         .check = CheckWritableMount,
         .fields = "every container's volumeMounts[].readOnly",
         .summary = "What an agent writes and keeps is declared: only a mount with access "
                    "Persistent makes a claim writable.",
         .remedy = "set readOnly to true, or use spec.mounts with access Persistent",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "MountPropagation",
         .check = CheckMountPropagation,
         .fields = "every container's volumeMounts[].mountPropagation",
         .summary = "Mounts made on the node do not appear in a sandbox, nor the other way round.",
         .remedy = "remove mountPropagation, or write None",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "UnsafeSubPath",
         .check = CheckUnsafeSubPath,
         .fields = "every container's volumeMounts[].subPath and subPathExpr",
         .summary = "A subPath that points out of its volume has led to the node's filesystem more "
                    "than once.",
         .remedy = "write a relative path without \"..\"",
         .references = {.cve = "CVE-2017-1002101, CVE-2021-25741",
                        .principle = Principle::kIsolation}},
    Rule{.code = "VolumeUnknown",
         .check = CheckVolumeUnknown,
         .fields = "every container's volumeMounts[].name",
         .summary = "A mount names a volume of its pod; with any other name the pod could not be "
                    "created.",
         .remedy = "add it to volumes, or use spec.mounts",
         .references = {.principle = Principle::kDefenceInDepth}},
};

}  // namespace

std::span<const Rule> VolumeMountRules() { return kRules; }

}  // namespace stockade::policy
