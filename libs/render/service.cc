#include "render/service.h"

#include <utility>

#include "api/names.h"
#include "render/metadata.h"

namespace stockade::render {

codec::Json RenderService(const api::AgentSandbox& sandbox) {
  codec::Json ports = codec::Json::array();
  for (const api::ServicePort& port : sandbox.spec.service_ports) {
    codec::Json target = port.target_port.ToJson();
    const bool unset = target.is_null() || target == 0 ||
                       (target.is_string() && target.get_ref<const std::string&>().empty());
    codec::Json rendered = {{"port", port.port},
                            {"protocol", port.protocol},
                            {"targetPort", unset ? codec::Json(port.port) : std::move(target)}};
    if (!port.name.empty()) rendered["name"] = port.name;
    if (!port.app_protocol.empty()) rendered["appProtocol"] = port.app_protocol;
    ports.push_back(std::move(rendered));
  }
  codec::Json service =
      OwnedObject(sandbox, "v1", "Service", api::SandboxObjectName(sandbox.metadata.name));
  service["spec"] = {{"type", "ClusterIP"},
                     {"clusterIP", "None"},
                     {"selector", {{api::kSandboxLabel, sandbox.metadata.name}}},
                     {"ports", std::move(ports)},
                     {"sessionAffinity", "None"},
                     {"internalTrafficPolicy", "Cluster"}};
  return service;
}

}  // namespace stockade::render
