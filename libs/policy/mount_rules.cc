#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/strings.h"
#include "policy/clean_path.h"
#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for spec.mounts and spec.volumeClaimTemplates: each entry on its own, and among the volumes
// of the pod template.
namespace stockade::policy {
namespace {

using api::Mount;
using api::MountAccess;
using api::MountSource;
using codec::JsonView;

constexpr std::size_t kMaxMountPathBytes = 1024;

std::string MountField(std::size_t index, std::string_view field) {
  return IndexedPath("spec.mounts", index, field);
}

bool HasControlCharacter(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
  });
}

// Absolute, in the shortest form, and nothing in it that a runtime's own syntax could read.
bool IsPlainAbsolutePath(std::string_view path) {
  if (path.size() < 2 || path.size() > kMaxMountPathBytes || path.front() != '/') return false;
  if (path.find(':') != std::string_view::npos || HasControlCharacter(path)) return false;
  return std::ranges::none_of(Split(path.substr(1), '/'), [](std::string_view segment) {
    return segment.empty() || segment == "." || segment == "..";
  });
}

void CheckMountPath(const Subject& s, Report& report) {
  for (std::size_t i = 0; i < s.sandbox->spec.mounts.size(); ++i) {
    const std::string& path = s.sandbox->spec.mounts[i].mount_path;
    if (!IsPlainAbsolutePath(path)) {
      report.Add(MountField(i, "mountPath"), "mountPath is " + Quote(path));
    }
  }
}

void CheckMountAccess(const Subject& s, Report& report) {
  for (std::size_t i = 0; i < s.sandbox->spec.mounts.size(); ++i) {
    const Mount& mount = s.sandbox->spec.mounts[i];
    const bool empty = mount.source == MountSource::kEmpty;
    const bool claim = mount.source == MountSource::kPersistentVolumeClaim ||
                       mount.source == MountSource::kVolumeClaimTemplate;
    const std::string source(api::kMountSourceNames[static_cast<std::size_t>(mount.source)]);
    if (mount.access == MountAccess::kEphemeral && !empty) {
      report.Add(MountField(i, "access"), "access is Ephemeral, but the source is " + source);
    } else if (mount.access == MountAccess::kPersistent && !claim) {
      report.Add(MountField(i, "access"), "access is Persistent, but the source is " + source);
    } else if (mount.access == MountAccess::kReadOnly && empty) {
      report.Add(MountField(i, "access"),
                 "access is ReadOnly, but the source is empty, so nothing would ever be in it");
    }
    if (!mount.size_limit.empty() && !empty) {
      report.Add(MountField(i, "sizeLimit"), "sizeLimit is set, but the source is " + source,
                 "remove sizeLimit: it is for the source empty");
    }
    if (!mount.medium.empty() && mount.medium != "Memory") {
      report.Add(MountField(i, "empty.medium"), "medium is " + Quote(mount.medium),
                 "remove medium, or write Memory");
    }
  }
}

// Where something is mounted: hashes of clean paths, sorted.
class PathSet {
 public:
  void Add(const CleanPath& path) { hashes_.push_back(path.Hash()); }
  void Sort() { std::ranges::sort(hashes_); }
  [[nodiscard]] bool Contains(std::uint64_t hash) const {
    return std::ranges::binary_search(hashes_, hash);
  }

 private:
  std::vector<std::uint64_t> hashes_;
};

void CheckMountNames(const Subject& s, Report& report) {
  const auto& mounts = s.sandbox->spec.mounts;
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    if (!IsDnsLabel(mounts[i].name)) {
      report.Add(MountField(i, "name"), Quote(mounts[i].name) + " is no DNS label",
                 "use at most 63 lower-case letters, digits and \"-\"");
    }
    const auto first = std::ranges::find(mounts, mounts[i].name, &Mount::name);
    if (static_cast<std::size_t>(first - mounts.begin()) != i) {
      report.Add(MountField(i, "name"), "there is another mount " + Quote(mounts[i].name));
    }
    if (!s.VolumesNamed(mounts[i].name).empty()) {
      report.Add(MountField(i, "name"),
                 "podTemplate has a volume " + Quote(mounts[i].name) + " as well");
    }
  }
}

void CheckMountConflict(const Subject& s, Report& report) {
  CheckMountNames(s, report);
  const auto& mounts = s.sandbox->spec.mounts;
  std::vector<std::uint64_t> seen;
  seen.reserve(mounts.size());
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    const std::uint64_t hash = CleanPath(mounts[i].mount_path).Hash();
    if (std::ranges::find(seen, hash) != seen.end()) {
      report.Add(MountField(i, "mountPath"),
                 "another mount has the path " + Quote(mounts[i].mount_path));
    }
    seen.push_back(hash);
  }
  for (const Container& c : s.containers) {
    PathSet paths;
    std::ranges::for_each(mounts, [&paths](const Mount& m) { paths.Add(CleanPath(m.mount_path)); });
    paths.Sort();
    std::vector<std::pair<std::uint64_t, std::size_t>> own;
    c.volumeMounts.ForEachElement([&](std::size_t index, JsonView mount) {
      const std::string_view path = mount["mountPath"].StringOrEmpty();
      const std::uint64_t hash = CleanPath(path).Hash();
      own.emplace_back(hash, index);
      if (paths.Contains(hash)) {
        report.Add(c.Path("volumeMounts", index, "mountPath"),
                   "spec.mounts has the path " + Quote(path) + " as well");
      }
      const std::string_view name = mount["name"].StringOrEmpty();
      if (std::ranges::find(mounts, name, &Mount::name) != mounts.end()) {
        report.Add(c.Path("volumeMounts", index, "name"),
                   "the volume of " + Quote(name) +
                       " is made from spec.mounts, which puts it into "
                       "every container already",
                   "remove the volumeMount");
      }
    });
    std::ranges::sort(own);
    for (std::size_t i = 1; i < own.size(); ++i) {
      if (own[i].first != own[i - 1].first) continue;
      report.Add(c.Path("volumeMounts", own[i].second, "mountPath"),
                 "another volumeMount of the container has the same path");
    }
  }
}

void CheckMountOverlap(const Subject& s, Report& report) {
  PathSet read_only;
  for (const Mount& mount : s.sandbox->spec.mounts) {
    if (mount.access == MountAccess::kReadOnly) read_only.Add(CleanPath(mount.mount_path));
  }
  read_only.Sort();
  const auto check = [&](std::string_view path, auto&& field) {
    const CleanPath clean(path);
    const std::uint64_t own = clean.Hash();
    bool inside = false;
    clean.ForEachPrefixHash(
        [&](std::uint64_t hash) { inside = inside || (hash != own && read_only.Contains(hash)); });
    if (inside) {
      report.Add(field(), "the path " + Quote(path) +
                              " lies in a mount that is read-only, where no directory can be made "
                              "for it");
    }
  };
  for (std::size_t i = 0; i < s.sandbox->spec.mounts.size(); ++i) {
    check(s.sandbox->spec.mounts[i].mount_path, [i] { return MountField(i, "mountPath"); });
  }
  for (const Container& c : s.containers) {
    c.volumeMounts.ForEachElement([&](std::size_t index, JsonView mount) {
      check(mount["mountPath"].StringOrEmpty(),
            [&] { return c.Path("volumeMounts", index, "mountPath"); });
    });
  }
}

void CheckClaimTemplate(const Subject& s, Report& report) {
  const auto& templates = s.sandbox->spec.volume_claim_templates;
  const auto find = [&templates](std::string_view name) {
    return static_cast<std::size_t>(
        std::ranges::find(templates, name, &api::VolumeClaimTemplate::name) - templates.begin());
  };
  for (std::size_t i = 0; i < templates.size(); ++i) {
    const std::string field = IndexedPath("spec.volumeClaimTemplates", i, "metadata.name");
    if (!IsDnsLabel(templates[i].name)) {
      report.Add(field, Quote(templates[i].name) + " is no DNS label",
                 "use at most 63 lower-case letters, digits and \"-\"");
    }
    if (find(templates[i].name) != i) {
      report.Add(field, "there is another template " + Quote(templates[i].name),
                 "give each template a name of its own");
    }
    // The claim takes the place of such a volume, and a volumeMount of it would write to the claim
    // without a Persistent mount.
    if (!s.VolumesNamed(templates[i].name).empty()) {
      report.Add(field, "podTemplate has a volume " + Quote(templates[i].name) + " as well",
                 "give the template or the volume another name");
    }
  }
  for (std::size_t i = 0; i < s.sandbox->spec.mounts.size(); ++i) {
    const Mount& mount = s.sandbox->spec.mounts[i];
    if (mount.source == MountSource::kVolumeClaimTemplate &&
        find(mount.claim_name) == templates.size()) {
      report.Add(MountField(i, "volumeClaimTemplate.name"),
                 "there is no template " + Quote(mount.claim_name));
    }
  }
}

constexpr std::array kRules = {
    Rule{.code = "MountPath",
         .judges = JudgedObject::kSandbox,
         .check = CheckMountPath,
         .fields = "mounts[].mountPath",
         .summary = "A mount's path says plainly where it is: no two ways to write one place.",
         .remedy = "write an absolute path of at most 1024 bytes below /, without \":\", \".\", "
                   "\"..\", empty segments and control characters",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "MountAccess",
         .judges = JudgedObject::kSandbox,
         .check = CheckMountAccess,
         .fields = "mounts[].access, sizeLimit, empty.medium",
         .summary = "What an agent may do with a directory fits where the directory comes from: "
                    "Ephemeral goes with empty, Persistent with a claim, ReadOnly with all but "
                    "empty.",
         .remedy = "use Ephemeral with empty, Persistent with persistentVolumeClaim or "
                   "volumeClaimTemplate, and ReadOnly with any source but empty",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "MountConflict",
         .judges = JudgedObject::kSandbox,
         .check = CheckMountConflict,
         .fields = "mounts[].name, mounts[].mountPath, every container's volumeMounts[]",
         .summary = "Each name and each path stands for one volume. A volumeMount that names an "
                    "entry of spec.mounts would open it a second time, with other rights.",
         .remedy = "give each mount a name and a path of its own",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "MountOverlap",
         .severity = Severity::kWarning,
         .judges = JudgedObject::kSandbox,
         .check = CheckMountOverlap,
         .fields = "mounts[].mountPath, every container's volumeMounts[].mountPath",
         .summary = "A mount inside a read-only one starts only if the directory exists there.",
         .remedy = "choose a path outside, or make sure that the directory exists",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "ClaimTemplate",
         .judges = JudgedObject::kSandbox,
         .check = CheckClaimTemplate,
         .fields = "volumeClaimTemplates[].metadata.name, mounts[].volumeClaimTemplate.name",
         .summary =
             "A mount names one of spec.volumeClaimTemplates, and each of those has a name of "
             "its own, from which the claim's name is made.",
         .remedy = "write metadata.name of one of spec.volumeClaimTemplates",
         .references = {.principle = Principle::kDefenceInDepth}},
};

}  // namespace

std::span<const Rule> MountRules() { return kRules; }

}  // namespace stockade::policy
