#include "render/activity.h"

#include "api/names.h"
#include "render/edit.h"
#include "render/envoy/envoy.h"
#include "render/own_container.h"

namespace stockade::render {
namespace {

using codec::Json;

// Counted up whenever what is rendered here becomes another for the same settings.
constexpr int kActivityVersion = 1;

}  // namespace

void AddActivity(Json& pod, const api::Idle& idle, bool proxy, const ActivitySettings& settings) {
  Json& spec = pod["spec"];
  Json args = Json::array({"idle", "--after", std::to_string(idle.SuspendAfter().count())});
  if (proxy) args.insert(args.end(), {"--proxy-port", std::to_string(envoy::kSidecarPort)});
  Json container = RenderOwnContainer({.name = std::string(api::kActivityContainer),
                                       .image = settings.image,
                                       .user = FreeUser(spec, settings.user),
                                       .command = Json::array({"/usr/bin/stockade-canary"}),
                                       .args = std::move(args),
                                       .resources = &settings.resources,
                                       .sidecar = true},
                                      Member(spec, "resources"));
  Json& containers = spec["initContainers"];
  if (!containers.is_array()) containers = Json::array();
  containers.push_back(std::move(container));
}

Json SettingsOf(const ActivitySettings& settings) {
  return {{"version", kActivityVersion},
          {"image", settings.image},
          {"user", settings.user},
          {"requests", settings.resources.requests},
          {"limits", settings.resources.limits}};
}

}  // namespace stockade::render
