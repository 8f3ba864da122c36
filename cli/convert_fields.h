#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/conversion.h"
#include "codec/json.h"

// What the kinds of agent-sandbox have in common, and how each step of a conversion keeps its
// account of them.
namespace stockade::cli {

inline constexpr std::string_view kAgentSandboxGroup = "agents.x-k8s.io";
inline constexpr std::string_view kAgentSandboxExtensionsGroup = "extensions.agents.x-k8s.io";

// Why a field that is known has no place in what is made.
struct Explained {
  std::string_view field;
  std::string_view why;
};

// Tells of a field that is not carried over; nothing of one that is unset.
void LeaveOut(const std::string& field, const codec::Json& value, std::string_view why,
              Account& account);

// Tells of every member of `object` that is not one of `carried`.
void LeaveOutRest(const codec::Json& object, const std::string& path,
                  std::span<const std::string_view> carried, std::span<const Explained> known,
                  Account& account);

// Carries a member over as it is, where it is set.
void Copy(const codec::Json& from, const char* key, codec::Json& to);

// The metadata of an object, without what the old object's controllers and the API server wrote.
[[nodiscard]] codec::Json MetadataOf(const codec::Json& object, Account& account);

// The metadata of a pod template or a claim template, as far as it goes into the cluster.
[[nodiscard]] codec::Json EmbeddedMetadata(const codec::Json& from, const std::string& path,
                                           bool with_name, Account& account);

// What Sandbox and SandboxTemplate have in common: pod, volumes and Service.
void AddBlueprint(const codec::Json& from, std::string_view api_version, codec::Json& spec,
                  Account& account);

}  // namespace stockade::cli
