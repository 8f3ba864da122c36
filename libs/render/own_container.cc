#include "render/own_container.h"

#include <array>
#include <set>
#include <utility>

#include "api/names.h"
#include "render/defaults.h"
#include "render/edit.h"
#include "render/envoy/paths.h"
#include "render/resources.h"

namespace stockade::render {
namespace {

using codec::Json;

// A Secret's files belong to root and the pod's fsGroup, which every container of the pod has.
constexpr int kSecretMode = 0440;

constexpr std::array<const char*, 2> kContainerLists = {"initContainers", "containers"};

}  // namespace

std::int64_t FreeUser(const Json& spec, std::int64_t first) {
  std::set<std::int64_t> taken;
  const auto take = [&taken](const Json& context) {
    const Json& user = Member(context, "runAsUser");
    if (user.is_number_integer()) taken.insert(user.get<std::int64_t>());
  };
  take(Member(spec, "securityContext"));
  for (const char* list : kContainerLists) {
    for (const Json& container : Member(spec, list)) {
      if (StringMember(container, "name").starts_with(api::kReservedNamePrefix)) continue;
      take(Member(container, "securityContext"));
    }
  }
  std::int64_t user = first;
  while (taken.contains(user)) ++user;
  return user;
}

Json RenderOwnContainer(const OwnContainer& container, const Json& pod_resources) {
  Json rendered = {{"name", container.name},
                   {"image", container.image},
                   {"command", container.command},
                   {"args", container.args},
                   {"securityContext",
                    {{"allowPrivilegeEscalation", false},
                     {"readOnlyRootFilesystem", true},
                     {"runAsNonRoot", true},
                     {"runAsUser", container.user},
                     {"runAsGroup", container.user},
                     {"capabilities", {{"drop", Json::array({"ALL"})}}},
                     {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
                   {"volumeMounts", Json::array()}};
  if (container.sidecar) rendered["restartPolicy"] = "Always";
  ApplyContainerDefaults(rendered);
  Profile own;
  own.default_requests = container.resources->requests;
  own.default_limits = container.resources->limits;
  FillResources(ObjectMember(rendered, "resources"), own, pod_resources);
  return rendered;
}

Json ReadOnlyMount(std::string_view volume, std::string_view path) {
  Json mount = WritableMount(volume, path);
  mount["readOnly"] = true;
  return mount;
}

Json WritableMount(std::string_view volume, std::string_view path) {
  return {{"name", volume}, {"mountPath", path}};
}

Json ConfigMapVolume(std::string_view name, std::string_view config_map) {
  Json volume = {{"name", name}, {"configMap", {{"name", config_map}}}};
  ApplyVolumeDefaults(volume);
  return volume;
}

Json SecretVolume(std::string_view name, std::string_view secret, std::string_view key,
                  bool optional) {
  Json source = {{"secretName", secret}, {"defaultMode", kSecretMode}};
  if (!key.empty()) source["items"] = Json::array({{{"key", key}, {"path", key}}});
  if (optional) source["optional"] = true;
  return {{"name", name}, {"secret", std::move(source)}};
}

Json ScratchVolume(std::string_view name, std::string_view size, bool in_memory) {
  Json source = {{"sizeLimit", size}};
  if (in_memory) source["medium"] = "Memory";
  return {{"name", name}, {"emptyDir", std::move(source)}};
}

Json EnvoyCommand() { return Json::array({"/usr/local/bin/envoy"}); }

Json EnvoyArgs() {
  const std::string file =
      std::string(envoy::kConfigDirectory) + "/" + std::string(envoy::kBootstrapFile);
  // A hot restart would open sockets in the network that the agent shares.
  return Json::array({"--config-path", file, "--disable-hot-restart", "--concurrency", "1",
                      "--log-level", "warning"});
}

}  // namespace stockade::render
