#include "render/containers.h"

#include <algorithm>
#include <utility>

#include "render/defaults.h"
#include "render/edit.h"
#include "render/resources.h"

namespace stockade::render {
namespace {

using codec::Json;

void HardenSecurityContext(Json& container) {
  Json& context = ObjectMember(container, "securityContext");
  SetDefault(context, "allowPrivilegeEscalation", false);
  SetDefault(context, "readOnlyRootFilesystem", true);
  Json& drop = ObjectMember(context, "capabilities")["drop"];
  if (!drop.is_array() || std::find(drop.begin(), drop.end(), Json("ALL")) == drop.end()) {
    drop = Json::array({"ALL"});
  }
}

// First of the variables, so that the others can refer to $(HOME).
void SetHome(Json& container, const std::string& home) {
  Json& environment = container["env"];
  if (!environment.is_array()) environment = Json::array();
  const bool has_home =
      std::any_of(environment.begin(), environment.end(),
                  [](const Json& variable) { return StringMember(variable, "name") == "HOME"; });
  if (!has_home) environment.insert(environment.begin(), Json{{"name", "HOME"}, {"value", home}});
}

bool MountsPath(const Json& volume_mounts, std::string_view path) {
  return std::any_of(volume_mounts.begin(), volume_mounts.end(), [path](const Json& mount) {
    return SamePath(StringMember(mount, "mountPath"), path);
  });
}

void AddMounts(Json& container, const std::vector<CommonMount>& mounts) {
  Json& volume_mounts = container["volumeMounts"];
  if (!volume_mounts.is_array()) volume_mounts = Json::array();
  for (const CommonMount& mount : mounts) {
    if (MountsPath(volume_mounts, mount.mount_path)) continue;
    Json volume_mount = {{"name", mount.volume}, {"mountPath", mount.mount_path}};
    if (mount.read_only) volume_mount["readOnly"] = true;
    volume_mounts.push_back(std::move(volume_mount));
  }
}

std::string CleanPath(std::string_view path) {
  std::string clean;
  for (const char c : path) {
    if (c != '/' || clean.empty() || clean.back() != '/') clean += c;
  }
  if (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

}  // namespace

bool SamePath(std::string_view a, std::string_view b) { return CleanPath(a) == CleanPath(b); }

void RenderContainer(Json& container, const Profile& profile,
                     const std::vector<CommonMount>& mounts, const Json& pod_resources) {
  if (!container.is_object()) return;
  HardenSecurityContext(container);
  SetHome(container, profile.home);
  AddMounts(container, mounts);
  ApplyContainerDefaults(container);
  FillResources(ObjectMember(container, "resources"), profile, pod_resources);
}

}  // namespace stockade::render
