#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "codec/json.h"

namespace stockade::api {

// Where a container stands in a pod. All of them are equally the agent.
enum class ContainerPosition {
  kInit,       // initContainers, runs to completion
  kSidecar,    // initContainers with restartPolicy Always
  kOrdinary,   // containers
  kEphemeral,  // ephemeralContainers
};

// A typed look at one container, in any position, of a PodSpec. Valid as long as the document.
class ContainerView {
 public:
  ContainerView(codec::JsonView container, ContainerPosition position, std::size_t index,
                std::string_view pod_path)
      : container_(container), position_(position), index_(index), pod_path_(pod_path) {}

  [[nodiscard]] ContainerPosition position() const { return position_; }
  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] std::string_view name() const { return container_["name"].StringOrEmpty(); }
  [[nodiscard]] std::string_view image() const { return container_["image"].StringOrEmpty(); }
  [[nodiscard]] codec::JsonView securityContext() const { return container_["securityContext"]; }
  [[nodiscard]] codec::JsonView operator[](std::string_view key) const { return container_[key]; }
  [[nodiscard]] codec::JsonView json() const { return container_; }

  // The field's path as Kubernetes writes it: Path("image") is
  // "spec.podTemplate.spec.initContainers[0].image". Built only when asked for.
  [[nodiscard]] std::string Path(std::string_view field = {}) const;

 private:
  codec::JsonView container_;
  ContainerPosition position_;
  std::size_t index_;
  std::string_view pod_path_;
};

// A typed look at pod metadata and PodSpec, whether of a podTemplate or of a Pod. Free to copy;
// valid as long as the document and the path it was made with.
class PodView {
 public:
  // `path` is where metadata and spec stand: "spec.podTemplate" for a sandbox, "" for a Pod.
  PodView(codec::JsonView pod, std::string_view path) : pod_(pod), path_(path) {}

  [[nodiscard]] codec::JsonView metadata() const { return pod_["metadata"]; }
  [[nodiscard]] codec::JsonView spec() const { return pod_["spec"]; }
  [[nodiscard]] codec::JsonView securityContext() const { return spec()["securityContext"]; }

  // Path("spec.hostNetwork") is "spec.podTemplate.spec.hostNetwork".
  [[nodiscard]] std::string Path(std::string_view field) const;

  // Calls f(const ContainerView&) for every container in every position, in the order init
  // (sidecars among them), ordinary, ephemeral.
  template <typename F>
  void ForEachContainer(F&& f) const {
    spec()["initContainers"].ForEachElement([&](std::size_t index, codec::JsonView container) {
      const bool sidecar = container["restartPolicy"].StringOrEmpty() == "Always";
      f(ContainerView(container, sidecar ? ContainerPosition::kSidecar : ContainerPosition::kInit,
                      index, path_));
    });
    spec()["containers"].ForEachElement([&](std::size_t index, codec::JsonView container) {
      f(ContainerView(container, ContainerPosition::kOrdinary, index, path_));
    });
    spec()["ephemeralContainers"].ForEachElement([&](std::size_t index, codec::JsonView container) {
      f(ContainerView(container, ContainerPosition::kEphemeral, index, path_));
    });
  }

 private:
  codec::JsonView pod_;
  std::string_view path_;
};

}  // namespace stockade::api
