#include <string>
#include <utility>

#include "base/digest.h"
#include "render/agent_settings.h"
#include "render/render.h"

namespace stockade::render {
namespace {

using codec::Json;

// Raised when rendering itself changes a pod, so that running ones are known to be outdated.
constexpr int kRenderVersion = 1;

// Only what is set is part of a hash: a field that a later version adds must not change the hashes
// of sandboxes that do not use it, because that would restart every pod at an upgrade.
void AddIfSet(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

Json MountToJson(const api::Mount& mount) {
  Json json = {{"name", mount.name},
               {"mountPath", mount.mount_path},
               {"access", api::kMountAccessNames[static_cast<std::size_t>(mount.access)]},
               {"source", api::kMountSourceNames[static_cast<std::size_t>(mount.source)]}};
  AddIfSet(json, "claim", mount.claim_name);
  AddIfSet(json, "medium", mount.medium);
  AddIfSet(json, "sizeLimit", mount.size_limit);
  Json source = mount.source_spec.ToJson();
  if (!source.is_null()) json["spec"] = std::move(source);
  return json;
}

// Text that is no UTF-8 cannot come from an API server; a hash of it needs only to be a hash.
std::string HashOf(const Json& value) {
  return Sha256Hex(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

std::string SpecHash(const api::AgentSandbox& sandbox, const std::optional<SandboxEgress>& egress) {
  const api::AgentSandboxSpec& spec = sandbox.spec;
  Json json = {{"isolation", api::IsolationName(spec.isolation)},
               {"podSpec", spec.pod_template.spec.ToJson()}};
  for (const api::Mount& mount : spec.mounts) json["mounts"].push_back(MountToJson(mount));
  for (const api::VolumeClaimTemplate& claim : spec.volume_claim_templates) {
    json["claims"].push_back(claim.name);
  }
  if (spec.agent_settings) json["agentSettings"] = api::ToJson(*spec.agent_settings);
  if (egress) json["egress"] = EssentialsOf(*egress);
  if (spec.lifecycle.idle) json["idleAfter"] = spec.lifecycle.idle->SuspendAfter().count();
  return HashOf(json);
}

std::string ProfileHash(const api::AgentSandbox& sandbox, const Profile& profile,
                        const std::optional<SandboxEgress>& egress) {
  Json json = {{"renderVersion", kRenderVersion},
               {"runtimeClass", profile.RuntimeClassFor(sandbox.spec.isolation)},
               {"runAsUser", profile.run_as_user},
               {"runAsGroup", profile.run_as_group},
               {"fsGroup", profile.fs_group},
               {"home", profile.home},
               {"tmpSize", profile.tmp_size},
               {"homeSize", profile.home_size},
               {"scratchSize", profile.scratch_size},
               {"defaultRequests", profile.default_requests},
               {"defaultLimits", profile.default_limits}};
  if (sandbox.spec.agent_settings) json["agentSettingsVersion"] = kAgentSettingsVersion;
  if (egress) json["egress"] = SettingsOf(*egress);
  if (sandbox.spec.lifecycle.idle) json["activity"] = SettingsOf(profile.activity);
  return HashOf(json);
}

}  // namespace stockade::render
