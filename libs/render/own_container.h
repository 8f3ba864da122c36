#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "render/egress_settings.h"

// The parts of which the operator's own containers consist, in sandbox pods and in gateways.
namespace stockade::render {

struct OwnContainer {
  std::string name;
  std::string image;
  std::int64_t user = 0;
  codec::Json command;  // argv[0]: an image's entry point is not relied on
  codec::Json args;
  const OwnResources* resources = nullptr;
  bool sidecar = false;  // among initContainers, and runs as long as the pod
};

// `first`, or the next user whom no container of the agent in a PodSpec runs as.
[[nodiscard]] std::int64_t FreeUser(const codec::Json& spec, std::int64_t first);

// A container hardened as `restricted` asks for, with the API server's defaults. `pod_resources` is
// the PodSpec's own `resources`, or null: what they bound is left to them.
[[nodiscard]] codec::Json RenderOwnContainer(const OwnContainer& container,
                                             const codec::Json& pod_resources);

// Entries of a container's volumeMounts and of a PodSpec's volumes.
[[nodiscard]] codec::Json ReadOnlyMount(std::string_view volume, std::string_view path);
[[nodiscard]] codec::Json WritableMount(std::string_view volume, std::string_view path);
[[nodiscard]] codec::Json ConfigMapVolume(std::string_view name, std::string_view config_map);
// With a key alone or, when it is empty, with all; `optional`: the pod starts without it.
[[nodiscard]] codec::Json SecretVolume(std::string_view name, std::string_view secret,
                                       std::string_view key, bool optional);
[[nodiscard]] codec::Json ScratchVolume(std::string_view name, std::string_view size,
                                        bool in_memory);

// Envoy with the configuration in envoy::kConfigDirectory.
[[nodiscard]] codec::Json EnvoyCommand();
[[nodiscard]] codec::Json EnvoyArgs();

}  // namespace stockade::render
