#pragma once

#include <cstdint>
#include <string>

#include "api/lifecycle.h"
#include "codec/json.h"
#include "render/egress_settings.h"

// The sidecar that tells whether a sandbox is used, by which it may be suspended and deleted.
namespace stockade::render {

// Plain values from the operator's configuration.
struct ActivitySettings {
  std::string image = {};     // the canary's; empty: no sandbox can be told to be idle
  std::int64_t user = 10002;  // or the next one that no container of the sandbox runs as
  OwnResources resources = EgressSettings().helper;
};

// Adds the sidecar to a pod whose other containers are there, as the last of its init containers:
// what runs before the agent begins is no use that it would have to tell of. `proxy`: the pod has
// one, and what connects to it counts.
void AddActivity(codec::Json& pod, const api::Idle& idle, bool proxy,
                 const ActivitySettings& settings);

// For digests: what a new version of it may change.
[[nodiscard]] codec::Json SettingsOf(const ActivitySettings& settings);

}  // namespace stockade::render
