#pragma once

#include "codec/json.h"
#include "render/render.h"

namespace stockade::render {

// Completes a container's corev1.ResourceRequirements with the profile's requests and limits and
// writes every quantity in the API server's form. A request never exceeds its limit: where the user
// set one of the two, the default of the other gives way. What the pod's own `resources` bound is
// not filled in, since a default there could contradict them.
void FillResources(codec::Json& resources, const Profile& profile,
                   const codec::Json& pod_resources);

// Completes the pod's own `resources`: a limit for each request that has none.
void FillPodResources(codec::Json& resources, const Profile& profile);

}  // namespace stockade::render
