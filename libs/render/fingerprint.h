#pragma once

#include <string>

#include "codec/json.h"

namespace stockade::render {

// Digests of the fields of an object that the operator decides and that someone else could change.
// Equal for a rendered object and for the same object read back from the API server, whatever that
// server defaulted or added beside them; different as soon as one of those fields differs.
// Labels, annotations, finalizers and owners are not part of any: who may add some beside ours is
// the caller's to judge.

// The fields that can change in a pod after its creation: the images and resources of its
// containers (quantities by value; limits only of the pod's own resources, since the API server
// derives requests), ephemeral containers, activeDeadlineSeconds, and tolerations of control-plane
// nodes or of every taint (all others may come from a RuntimeClass or from admission, and move no
// running pod); and the set of containers, which an injector changes on creation.
[[nodiscard]] std::string PodFingerprint(codec::JsonView pod);

// The whole spec, but for lists that are empty: the API server leaves those out.
[[nodiscard]] std::string NetworkPolicyFingerprint(codec::JsonView policy);

// The type, selector and ports that are asked for, whether there is an address, and everything that
// would publish the pod beyond them; not what the API server allocates.
[[nodiscard]] std::string ServiceFingerprint(codec::JsonView service);

// The whole spec. The rendered one has every default written out.
[[nodiscard]] std::string DeploymentFingerprint(codec::JsonView deployment);

// All of its data.
[[nodiscard]] std::string ConfigMapFingerprint(codec::JsonView config_map);

// Of a claim only the requested storage can change, and only upwards: see GrowthOf in claims.h.

}  // namespace stockade::render
