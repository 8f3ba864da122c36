#pragma once

#include <array>
#include <cstddef>
#include <string_view>

// What a sandbox takes of a node, and what it gets of it where neither it nor the operator's
// configuration says otherwise. One place for the operator, which fills it in, and for those who
// judge what will be filled in.
namespace stockade::api {

// The resources that a container may ask for by itself; all others come from devices of the node.
inline constexpr std::array<std::string_view, 3> kResourceNames = {"cpu", "memory",
                                                                   "ephemeral-storage"};
inline constexpr std::size_t kResourceCount = kResourceNames.size();

// Limits of a container that names none, in the order of kResourceNames.
inline constexpr std::array<std::string_view, kResourceCount> kDefaultLimits = {"2", "2Gi", "4Gi"};

// RuntimeClasses by api::Isolation; an empty name is the cluster's default runtime.
inline constexpr std::array<std::string_view, 3> kDefaultRuntimeClasses = {"", "gvisor", "kata"};

}  // namespace stockade::api
