#include "render/pod.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "api/binding_names.h"
#include "api/names.h"
#include "render/activity.h"
#include "render/agent_settings.h"
#include "render/containers.h"
#include "render/edit.h"
#include "render/metadata.h"
#include "render/resources.h"
#include "render/volumes.h"

namespace stockade::render {
namespace {

using codec::Json;

// The lists of containers that a pod may be created with.
constexpr std::array<const char*, 2> kContainerLists = {"initContainers", "containers"};

// A false value is how the API server says unset: it would not come back.
void EraseIfFalse(Json& spec, const char* key) {
  if (Member(spec, key) == Json(false)) spec.erase(key);
}

void SetPodDefaults(Json& spec) {
  SetDefaultForZero(spec, "restartPolicy", "Always");
  SetDefault(spec, "terminationGracePeriodSeconds", 30);
  SetDefaultForZero(spec, "schedulerName", "default-scheduler");
  for (const char* key : {"hostNetwork", "hostPID", "hostIPC"}) EraseIfFalse(spec, key);
}

void SetOperatorFields(Json& spec, const std::string& runtime_class) {
  spec["automountServiceAccountToken"] = false;
  spec["enableServiceLinks"] = false;
  // Nothing listens there: the agent resolves no name.
  spec["dnsPolicy"] = "None";
  spec["dnsConfig"] = {{"nameservers", {"127.0.0.1"}}};
  if (runtime_class.empty()) {
    spec.erase("runtimeClassName");
  } else {
    spec["runtimeClassName"] = runtime_class;
  }
}

void HardenPodSecurityContext(Json& spec, const Profile& profile) {
  Json& context = ObjectMember(spec, "securityContext");
  SetDefault(context, "runAsNonRoot", true);
  SetDefault(context, "runAsUser", profile.run_as_user);
  SetDefault(context, "runAsGroup", profile.run_as_group);
  SetDefault(context, "fsGroup", profile.fs_group);
  // A change of ownership of a large volume at each start would hold the pod up for minutes.
  SetDefault(context, "fsGroupChangePolicy", "OnRootMismatch");
  SetDefault(context, "seccompProfile", Json{{"type", "RuntimeDefault"}});
}

bool AnyContainerMounts(const Json& spec, std::string_view volume) {
  for (const char* list : kContainerLists) {
    for (const Json& container : Member(spec, list)) {
      for (const Json& mount : Member(container, "volumeMounts")) {
        if (StringMember(mount, "name") == volume) return true;
      }
    }
  }
  return false;
}

// Where every container mounts something of its own at /tmp or home, ours would lie idle.
void DropIdleVolumes(Json& spec) {
  std::erase_if(spec["volumes"].get_ref<Json::array_t&>(), [&spec](const Json& volume) {
    const std::string_view name = StringMember(volume, "name");
    return (name == kHomeVolume || name == kTmpVolume) && !AnyContainerMounts(spec, name);
  });
}

}  // namespace

Json RenderPod(const api::AgentSandbox& sandbox, const Profile& profile,
               const std::optional<SandboxEgress>& egress) {
  const api::PodTemplate& pod_template = sandbox.spec.pod_template;
  api::StringMap annotations = pod_template.annotations;
  annotations.insert_or_assign(std::string(api::kSpecHashAnnotation), SpecHash(sandbox, egress));
  annotations.insert_or_assign(std::string(api::kProfileHashAnnotation),
                               ProfileHash(sandbox, profile, egress));
  api::StringMap labels = pod_template.labels;
  // By which autoscalers find the pods of a pool: its subresource scale names this selector.
  const std::string pool(api::kPoolLabel);
  if (const auto found = sandbox.metadata.labels.find(pool);
      found != sandbox.metadata.labels.end()) {
    labels.insert_or_assign(pool, found->second);
  }
  Json pod = OwnedObject(sandbox, "v1", "Pod", api::SandboxObjectName(sandbox.metadata.name),
                         std::move(labels), annotations);

  Json& spec = pod["spec"];
  spec = pod_template.spec.ToJson();
  if (!spec.is_object()) spec = Json::object();
  DropNulls(spec);
  SetPodDefaults(spec);
  SetOperatorFields(spec, profile.RuntimeClassFor(sandbox.spec.isolation));
  HardenPodSecurityContext(spec, profile);

  Json& volumes = spec["volumes"];
  PodVolumes rendered = RenderVolumes(sandbox, profile, std::move(volumes));
  volumes = std::move(rendered.volumes);
  if (Json* resources = MutableObject(spec, "resources")) FillPodResources(*resources, profile);
  const Json pod_resources = Member(spec, "resources");
  for (const char* list : kContainerLists) {
    Json* containers = MutableArray(spec, list);
    if (containers == nullptr) continue;
    for (Json& container : *containers) {
      RenderContainer(container, profile, rendered.mounts, pod_resources);
    }
  }
  DropIdleVolumes(spec);
  AddAgentSettings(pod, sandbox);
  if (egress) AddEgress(pod, sandbox, *egress);
  if (const auto& idle = sandbox.spec.lifecycle.idle; idle && !profile.activity.image.empty()) {
    AddActivity(pod, *idle, egress.has_value(), profile.activity);
  }
  return pod;
}

}  // namespace stockade::render
