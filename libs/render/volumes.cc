#include "render/volumes.h"

#include <algorithm>
#include <utility>

#include "api/names.h"
#include "base/digest.h"
#include "render/defaults.h"
#include "render/edit.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr std::size_t kMaxVolumeNameBytes = 63;
constexpr std::string_view kTmpPath = "/tmp";

Json EmptyDirVolume(std::string_view name, const std::string& medium, const std::string& size) {
  Json empty_dir = {{"sizeLimit", size}};
  CanonicalizeQuantity(empty_dir["sizeLimit"]);
  if (!medium.empty()) empty_dir["medium"] = medium;
  return Json{{"name", name}, {"emptyDir", std::move(empty_dir)}};
}

Json ClaimVolume(std::string_view name, std::string_view claim, bool read_only) {
  Json source = {{"claimName", claim}};
  if (read_only) source["readOnly"] = true;
  return Json{{"name", name}, {"persistentVolumeClaim", std::move(source)}};
}

// The kubelet takes a limit of zero for none.
void LimitSize(Json& volume, const std::string& scratch_size) {
  Json* empty_dir = MutableObject(volume, "emptyDir");
  if (empty_dir == nullptr) return;
  Json& limit = (*empty_dir)["sizeLimit"];
  const auto quantity = ReadQuantity(limit);
  if (limit.is_null() || (quantity.ok() && quantity->IsZero())) limit = scratch_size;
  CanonicalizeQuantity(limit);
}

Json MountVolume(const api::Mount& mount, const Profile& profile) {
  const std::string name = MountVolumeName(mount.name);
  const bool read_only = mount.access == api::MountAccess::kReadOnly;
  Json volume = {{"name", name}};
  switch (mount.source) {
    case api::MountSource::kPersistentVolumeClaim:
    case api::MountSource::kVolumeClaimTemplate:
      return ClaimVolume(name, mount.claim_name, read_only);
    case api::MountSource::kConfigMap:
      volume["configMap"] = mount.source_spec.ToJson();
      break;
    case api::MountSource::kImage:
      volume["image"] = mount.source_spec.ToJson();
      break;
    case api::MountSource::kEmpty:
      return EmptyDirVolume(name, mount.medium,
                            mount.size_limit.empty() ? profile.scratch_size : mount.size_limit);
  }
  DropNulls(volume);
  ApplyVolumeDefaults(volume);
  return volume;
}

bool HasMountAt(const std::vector<CommonMount>& mounts, std::string_view path) {
  return std::any_of(mounts.begin(), mounts.end(),
                     [path](const CommonMount& mount) { return SamePath(mount.mount_path, path); });
}

void AddOwnDirectory(PodVolumes& result, std::string_view volume, std::string_view path,
                     const std::string& size) {
  if (HasMountAt(result.mounts, path)) return;
  result.volumes.push_back(EmptyDirVolume(volume, "", size));
  result.mounts.push_back({std::string(volume), std::string(path), /*read_only=*/false});
}

}  // namespace

std::string MountVolumeName(std::string_view name) {
  std::string volume = std::string(api::kReservedNamePrefix) + "mount-" + std::string(name);
  if (volume.size() <= kMaxVolumeNameBytes) return volume;
  const std::string digest = "-" + Sha256Hex(name).substr(0, 10);
  volume.resize(kMaxVolumeNameBytes - digest.size());
  return volume + digest;
}

PodVolumes RenderVolumes(const api::AgentSandbox& sandbox, const Profile& profile,
                         Json template_volumes) {
  PodVolumes result{.volumes = Json::array(), .mounts = {}};
  const auto& claims = sandbox.spec.volume_claim_templates;
  if (template_volumes.is_array()) {
    for (Json& volume : template_volumes) {
      const bool replaced = std::any_of(claims.begin(), claims.end(), [&volume](const auto& claim) {
        return StringMember(volume, "name") == claim.name;
      });
      if (replaced) continue;
      if (volume.is_object()) {
        ApplyVolumeDefaults(volume);
        LimitSize(volume, profile.scratch_size);
      }
      result.volumes.push_back(std::move(volume));
    }
  }
  for (const api::VolumeClaimTemplate& claim : claims) {
    result.volumes.push_back(ClaimVolume(
        claim.name, api::ClaimName(sandbox.metadata.name, claim.name), /*read_only=*/false));
  }
  for (const api::Mount& mount : sandbox.spec.mounts) {
    const bool from_template = mount.source == api::MountSource::kVolumeClaimTemplate;
    if (!from_template) result.volumes.push_back(MountVolume(mount, profile));
    result.mounts.push_back({from_template ? mount.claim_name : MountVolumeName(mount.name),
                             mount.mount_path, mount.access == api::MountAccess::kReadOnly});
  }
  AddOwnDirectory(result, kHomeVolume, profile.home, profile.home_size);
  AddOwnDirectory(result, kTmpVolume, kTmpPath, profile.tmp_size);
  return result;
}

}  // namespace stockade::render
