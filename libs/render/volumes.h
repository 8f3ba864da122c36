#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "render/containers.h"
#include "render/render.h"

namespace stockade::render {

struct PodVolumes {
  codec::Json volumes;              // the PodSpec's list
  std::vector<CommonMount> mounts;  // what every container mounts of it
};

// The volumes of a sandbox's pod: those of the template, one for each volumeClaimTemplate under the
// template's own name (it replaces another of that name, as in a StatefulSet), one for each other
// mount, and the operator's own for the home directory and /tmp unless a mount stands there.
[[nodiscard]] PodVolumes RenderVolumes(const api::AgentSandbox& sandbox, const Profile& profile,
                                       codec::Json template_volumes);

// The volume behind the mount `name`: "stockade-mount-NAME", cut short with a digest where that
// would be longer than a volume's name may be. Users cannot have a volume of such a name, nor refer
// to it, because the prefix is reserved.
[[nodiscard]] std::string MountVolumeName(std::string_view name);

inline constexpr std::string_view kHomeVolume = "stockade-home";
inline constexpr std::string_view kTmpVolume = "stockade-tmp";

}  // namespace stockade::render
