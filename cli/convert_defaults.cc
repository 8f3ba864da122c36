#include "cli/convert_defaults.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "api/agent_sandbox.h"
#include "cli/json_edit.h"
#include "render/edit.h"
#include "render/render.h"

namespace stockade::cli {
namespace {

using codec::Json;
using render::Member;
using render::StringMember;

struct Default {
  std::string_view field;  // of the PodSpec, or of a container
  std::string_view why;
};

constexpr std::array<Default, 9> kOfPod = {
    {{"runtimeClassName", "the runtime of the sandbox's isolation stands between agent and node"},
     {"automountServiceAccountToken", "the agent has no identity towards the API server"},
     {"enableServiceLinks", "the agent is not told the Services of its namespace"},
     {"dnsPolicy", "a sandbox resolves no names"},
     {"securityContext.runAsNonRoot", "no process of a sandbox is root"},
     {"securityContext.runAsUser", "whatever user the image names"},
     {"securityContext.runAsGroup", "whatever group the image names"},
     {"securityContext.fsGroup", "volumes belong to this group"},
     {"securityContext.seccompProfile", "system calls that no agent needs are shut"}}};

constexpr std::array<Default, 4> kOfContainers = {
    {{"securityContext.allowPrivilegeEscalation", "set-uid programs give nothing"},
     {"securityContext.capabilities", "the agent has no capability"},
     {"securityContext.readOnlyRootFilesystem",
      "/tmp, the home directory and mounts are writable, nothing else"},
     {"resources.limits", "every sandbox is bounded"}}};

// The containers of a PodSpec that are the user's: those that its template has as well.
const Json* ContainerNamed(const Json& pod, const char* list, std::string_view name) {
  for (const Json& container : Member(pod, list)) {
    if (StringMember(container, "name") == name) return &container;
  }
  return nullptr;
}

void TellDefault(const Json& asked, const Json& rendered, const Default& known,
                 const std::string& path, Account& account) {
  const Json* was = FindField(asked, known.field);
  const Json* is = FindField(rendered, known.field);
  if ((was != nullptr && !was->is_null()) || is == nullptr || is->is_null()) return;
  account.tightened.push_back({.field = path + "." + std::string(known.field),
                               .from = "unset",
                               .to = ShownValue(*is),
                               .why = std::string(known.why)});
}

}  // namespace

void TellDefaults(codec::JsonView sandbox, const ConvertOptions& options, Account& account) {
  auto decoded = api::DecodeAgentSandbox(sandbox);
  if (!decoded.ok()) return;
  const Json asked = decoded->spec.pod_template.spec.ToJson();
  const Json rendered = Member(render::Render(*decoded, options.profile).pod, "spec");
  account.tightened.push_back(
      {.field = "the pod's network",
       .from = "as the cluster has it",
       .to = decoded->spec.ingress.empty() ? "nothing in, nothing out"
                                           : "in: spec.ingress; nothing out",
       .why = "the NetworkPolicy stockade-deny-all selects every sandbox of the namespace"});
  const std::string path = "spec.podTemplate.spec";
  for (const Default& known : kOfPod) TellDefault(asked, rendered, known, path, account);
  for (const char* list : {"initContainers", "containers"}) {
    const Json& containers = Member(asked, list);
    for (std::size_t i = 0; containers.is_array() && i < containers.size(); ++i) {
      const Json* pod_container =
          ContainerNamed(rendered, list, StringMember(containers[i], "name"));
      if (pod_container == nullptr) continue;
      for (const Default& known : kOfContainers) {
        TellDefault(containers[i], *pod_container, known,
                    path + "." + list + "[" + std::to_string(i) + "]", account);
      }
    }
  }
}

}  // namespace stockade::cli
