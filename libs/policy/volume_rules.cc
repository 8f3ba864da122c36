#include <array>
#include <string>

#include "policy/key_table.h"
#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for what volumes bring into a pod.
namespace stockade::policy {
namespace {

using codec::JsonView;

// Sources that a volume may have. Those with a rule of their own stand here too, so that each is
// reported once.
constexpr std::array<std::string_view, 10> kVolumeMembers = {
    "name",  "configMap",   "emptyDir",  "ephemeral", "persistentVolumeClaim",
    "image", "downwardAPI", "projected", "hostPath",  "secret"};
constexpr KeyTable kVolumeKeys(kVolumeMembers);

constexpr std::array<std::string_view, 6> kProjectedMembers = {
    "configMap", "downwardAPI",         "clusterTrustBundle",
    "secret",    "serviceAccountToken", "podCertificate"};
constexpr KeyTable kProjectedKeys(kProjectedMembers);

void CheckHostPathVolume(const Subject& s, Report& report) {
  s.spec.volumes.ForEachElement([&](std::size_t index, JsonView volume) {
    const JsonView host_path = volume["hostPath"];
    if (!host_path.IsUnset()) {
      report.Add(s.Path("volumes", index, "hostPath"),
                 "the volume is the node's path " + Quote(host_path["path"]));
    }
  });
}

void CheckVolumeType(const Subject& s, Report& report) {
  s.spec.volumes.ForEachElement([&](std::size_t index, JsonView volume) {
    volume.ForEachMember([&](std::string_view key, JsonView value) {
      if (kVolumeKeys.Find(key) == KeyTable::kNotFound && !value.IsUnset()) {
        report.Add(s.Path("volumes", index, key), "the volume is of type " + Quote(key));
      }
    });
    const JsonView sources = volume["projected"]["sources"];
    sources.ForEachElement([&](std::size_t source_index, JsonView source) {
      source.ForEachMember([&](std::string_view key, JsonView value) {
        if (kProjectedKeys.Find(key) == KeyTable::kNotFound && !value.IsUnset()) {
          report.Add(s.Path("volumes", index, IndexedPath("projected.sources", source_index, key)),
                     "the projected source is of type " + Quote(key));
        }
      });
    });
  });
}

void CheckBlockDevice(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    if (HasElements(c.volumeDevices)) {
      report.Add(c.Path("volumeDevices"), "volumeDevices give the agent a raw block device");
    }
  }
  for (const ClaimSpec& claim : s.claims) {
    const JsonView mode = claim.spec["volumeMode"];
    if (!mode.IsUnset() && mode.AsString() != "Filesystem") {
      report.Add(s.Path(claim, "volumeMode"), "volumeMode is " + Quote(mode));
    }
  }
}

// Whether a claim's name is one that the operator gives to claims of sandboxes, and not to one of
// this sandbox. "asb-a-b-c" could be of sandbox "a" or of "a-b", so the name alone proves nothing:
// only the names that this sandbox's own templates give are its own.
bool IsForeignClaim(const Subject& s, std::string_view claim) {
  if (!claim.starts_with(api::kSandboxObjectPrefix)) return false;
  if (s.rendered()) {
    const std::string_view sandbox = s.pod.metadata()["labels"][api::kSandboxLabel].StringOrEmpty();
    return sandbox.empty() || !claim.starts_with(api::ClaimName(sandbox, ""));
  }
  for (const api::VolumeClaimTemplate& own : s.sandbox->spec.volume_claim_templates) {
    if (claim == api::ClaimName(s.sandbox->metadata.name, own.name)) return false;
  }
  return true;
}

void CheckForeignClaim(const Subject& s, Report& report) {
  const auto check = [&](std::string_view claim, auto&& path) {
    if (IsForeignClaim(s, claim)) {
      report.Add(path(), "claim " + Quote(claim) + " belongs to another sandbox");
    }
  };
  s.spec.volumes.ForEachElement([&](std::size_t index, JsonView volume) {
    check(volume["persistentVolumeClaim"]["claimName"].StringOrEmpty(),
          [&] { return s.Path("volumes", index, "persistentVolumeClaim.claimName"); });
  });
  if (!s.rendered()) {
    for (std::size_t i = 0; i < s.sandbox->spec.mounts.size(); ++i) {
      const api::Mount& mount = s.sandbox->spec.mounts[i];
      if (mount.source != api::MountSource::kPersistentVolumeClaim) continue;
      check(mount.claim_name,
            [i] { return IndexedPath("spec.mounts", i, "persistentVolumeClaim.claimName"); });
    }
  }
  // A clone shows what the original holds, also of another namespace.
  for (const ClaimSpec& claim : s.claims) {
    if (IsNonEmptyString(claim.spec["volumeName"])) {
      report.Add(s.Path(claim, "volumeName"),
                 "the claim would take the volume " + Quote(claim.spec["volumeName"]) +
                     ", whatever another sandbox left on it",
                 "remove volumeName, and let a volume be provisioned");
    }
    if (HasElements(claim.spec["selector"])) {
      report.Add(s.Path(claim, "selector"),
                 "the claim would choose among the volumes that are there, whatever another "
                 "sandbox left on them",
                 "remove selector, and let a volume be provisioned");
    }
    for (const std::string_view field : {"dataSource", "dataSourceRef"}) {
      const JsonView source = claim.spec[field];
      if (source.IsUnset()) continue;
      if (source["kind"].AsString() == "PersistentVolumeClaim") {
        check(source["name"].StringOrEmpty(),
              [&] { return s.Path(claim, std::string(field) + ".name"); });
      }
      if (IsNonEmptyString(source["namespace"])) {
        report.Add(s.Path(claim, std::string(field) + ".namespace"),
                   "the data comes from the namespace " + Quote(source["namespace"]),
                   "remove the namespace, and copy the data into this one first");
      }
    }
  }
}

constexpr std::array kRules = {
    Rule{.code = "HostPathVolume",
         .check = CheckHostPathVolume,
         .fields = "volumes[].hostPath",
         .summary = "Nothing of the node's filesystem comes into a sandbox: not its configuration, "
                    "not its devices, not its container engine's socket.",
         .remedy = "use a persistentVolumeClaim, a configMap or an emptyDir",
         .references = {.pod_security = "HostPath Volumes",
                        .cve = "CVE-2021-25741",
                        .kubescape = "C-0048",
                        .principle = Principle::kIsolation}},
    Rule{.code = "VolumeType",
         .check = CheckVolumeType,
         .fields = "volumes[], volumes[].projected.sources[]",
         .summary = "Volumes are of a type that was judged: the others hand a driver the author's "
                    "parameters, or a network file system the agent's packets. A type that is not "
                    "known is refused.",
         .remedy = "use configMap, emptyDir, ephemeral, persistentVolumeClaim, image, downwardAPI, "
                   "or projected without secrets, tokens or certificates",
         .references = {.pod_security = "Volume Types",
                        .cve = "CVE-2024-10220",
                        .principle = Principle::kIsolation}},
    Rule{.code = "BlockDevice",
         .check = CheckBlockDevice,
         .fields = "every container's volumeDevices, volumeMode of claim templates",
         .summary = "A raw block device passes by the filesystem's permissions, and a crafted "
                    "filesystem on it attacks the kernel that mounts it.",
         .remedy = "use a volume with volumeMode Filesystem, by volumeMounts",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "ForeignClaim",
         .check = CheckForeignClaim,
         .fields = "volumes[].persistentVolumeClaim, mounts[].persistentVolumeClaim, dataSource, "
                   "dataSourceRef, volumeName and selector of claim templates",
         .summary =
             "Claims whose names begin with asb- belong to the sandbox that they were made "
             "for; no other one mounts or clones them. Nor does a claim choose a volume that is "
             "there already, by its name or its labels.",
         .remedy = "use the volumeClaimTemplate of this sandbox, or a claim that you manage",
         .references = {.principle = Principle::kIsolation}},
};

}  // namespace

std::span<const Rule> VolumeRules() { return kRules; }

}  // namespace stockade::policy
