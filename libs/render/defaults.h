#pragma once

#include <string_view>

#include "codec/json.h"

// The defaults that the API server gives to what a user left unset, written out so that an object
// read back equals the one rendered (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go).
namespace stockade::render {

// "Always" for the tag latest, or neither tag nor digest; "IfNotPresent" otherwise.
[[nodiscard]] std::string_view DefaultPullPolicy(std::string_view image);

// A container's ports, environment, probes, handlers, pull policy and termination message.
void ApplyContainerDefaults(codec::Json& container);

// One entry of a PodSpec's volumes.
void ApplyVolumeDefaults(codec::Json& volume);

// A PersistentVolumeClaimSpec.
void ApplyClaimDefaults(codec::Json& spec);

}  // namespace stockade::render
