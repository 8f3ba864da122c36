#pragma once

#include <string>
#include <vector>

#include "codec/json.h"
#include "render/render.h"

namespace stockade::render {

// A volume of the pod that every container gets to see.
struct CommonMount {
  std::string volume;
  std::string mount_path;
  bool read_only = false;
};

// Fills in one container of a pod template, whatever its position: the hardened security context,
// HOME, the common mounts (a path that the container mounts itself is left to it), the API server's
// defaults, and requests and limits. `pod_resources` is the PodSpec's own `resources`, or null.
// Nothing that the user set is replaced, but for a list of dropped capabilities that lacks ALL.
void RenderContainer(codec::Json& container, const Profile& profile,
                     const std::vector<CommonMount>& mounts, const codec::Json& pod_resources);

// True when one path is another but for repeated slashes and one at the end.
[[nodiscard]] bool SamePath(std::string_view a, std::string_view b);

}  // namespace stockade::render
