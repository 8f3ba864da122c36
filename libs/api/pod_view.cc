#include "api/pod_view.h"

namespace stockade::api {

std::string ContainerView::Path(std::string_view field) const {
  std::string path(pod_path_);
  if (!path.empty()) path += '.';
  switch (position_) {
    case ContainerPosition::kInit:
    case ContainerPosition::kSidecar:
      path += "spec.initContainers[";
      break;
    case ContainerPosition::kOrdinary:
      path += "spec.containers[";
      break;
    case ContainerPosition::kEphemeral:
      path += "spec.ephemeralContainers[";
      break;
  }
  path += std::to_string(index_);
  path += ']';
  if (!field.empty()) {
    path += '.';
    path += field;
  }
  return path;
}

std::string PodView::Path(std::string_view field) const {
  if (path_.empty()) return std::string(field);
  return std::string(path_) + "." + std::string(field);
}

}  // namespace stockade::api
