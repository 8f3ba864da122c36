#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/names.h"
#include "api/pod_view.h"
#include "codec/json.h"
#include "policy/evaluate.h"
#include "policy/image_reference.h"

namespace stockade::policy {

// The members of a PodSpec that rules ask for, found in one pass; missing views where unset.
struct PodFields {
  codec::JsonView activeDeadlineSeconds, affinity, automountServiceAccountToken, dnsConfig,
      dnsPolicy, enableServiceLinks, ephemeralContainers, hostAliases, hostIPC, hostNetwork,
      hostPID, hostUsers, hostname, hostnameOverride, imagePullSecrets, nodeName, nodeSelector, os,
      overhead, preemptionPolicy, priority, priorityClassName, readinessGates, resourceClaims,
      resources, runtimeClassName, schedulerName, schedulingGates, schedulingGroup, securityContext,
      serviceAccount, serviceAccountName, setHostnameAsFQDN, shareProcessNamespace, subdomain,
      terminationGracePeriodSeconds, tolerations, volumes, workloadRef;
};

// The members of a securityContext, of a pod or of a container.
struct SecurityFields {
  codec::JsonView allowPrivilegeEscalation, appArmorProfile, capabilities, fsGroup, privileged,
      procMount, readOnlyRootFilesystem, runAsGroup, runAsNonRoot, runAsUser, seLinuxOptions,
      seccompProfile, supplementalGroups, sysctls, windowsOptions;
};

// The members of a container.
struct ContainerFields {
  codec::JsonView env, envFrom, image, lifecycle, livenessProbe, name, ports, readinessProbe,
      resources, restartPolicy, restartPolicyRules, securityContext, startupProbe,
      targetContainerName, terminationMessagePath, volumeDevices, volumeMounts, workingDir;
};

[[nodiscard]] PodFields ReadPodFields(codec::JsonView spec);
[[nodiscard]] SecurityFields ReadSecurityFields(codec::JsonView security_context);
[[nodiscard]] ContainerFields ReadContainerFields(codec::JsonView container);

// One container, in any position, with its members at hand.
struct Container : ContainerFields {
  api::ContainerView view;
  SecurityFields security;

  // The operator's own, by its name; only render makes such containers.
  [[nodiscard]] bool IsOperators() const {
    return name.StringOrEmpty().starts_with(api::kReservedNamePrefix);
  }
  [[nodiscard]] std::string Path(std::string_view field) const { return view.Path(field); }
  // Path("volumeMounts", 2, "subPath") is "...containers[0].volumeMounts[2].subPath".
  [[nodiscard]] std::string Path(std::string_view list, std::size_t index,
                                 std::string_view field = {}) const;
};

// The spec of a claim that the sandbox brings into being: one of spec.volumeClaimTemplates, or the
// template of an ephemeral volume.
struct ClaimSpec {
  codec::JsonView spec;
  codec::JsonView metadata;  // of an ephemeral volume's template
  bool ephemeral = false;
  std::size_t index = 0;  // in volumes or in spec.volumeClaimTemplates
};

// One image that the sandbox names: of a container in any position, or of a volume.
struct Image {
  enum class Place { kMount, kVolume, kContainer };

  Place place = Place::kContainer;
  std::size_t index = 0;  // in the sandbox's mounts, the pod's volumes, or Subject::containers
  std::string_view text;
  std::optional<ImageReference> reference;  // nothing when the text is none
};

// What one evaluation looks at: an AgentSandbox with its pod template, or a rendered pod. Views
// into the caller's document; read-only and for one thread.
struct Subject {
  const api::AgentSandbox* sandbox = nullptr;  // null for a rendered pod
  api::PodView pod;
  PodFields spec;
  SecurityFields security;  // the pod's
  std::vector<Container> containers;
  std::vector<std::pair<std::string_view, codec::JsonView>> volumes_by_name;  // sorted by name
  std::vector<ClaimSpec> claims;
  std::vector<codec::JsonDocument> claim_documents;  // what views of `claims` point into
  std::vector<Image> images;                         // mounts first, then volumes, containers
  std::vector<std::unique_ptr<const std::string>> image_texts;  // what views of `images` point into
  std::string_view runtime_class;                               // that a rendered pod must have
  const Facts* facts = nullptr;

  [[nodiscard]] bool rendered() const { return sandbox == nullptr; }
  // The volumes of that name; more than one only in a pod that the API server would refuse.
  [[nodiscard]] std::span<const std::pair<std::string_view, codec::JsonView>> VolumesNamed(
      std::string_view name) const;
  // Path("hostPID") is "spec.podTemplate.spec.hostPID", or "spec.hostPID" of a rendered pod.
  [[nodiscard]] std::string Path(std::string_view spec_field) const;
  [[nodiscard]] std::string Path(std::string_view list, std::size_t index,
                                 std::string_view field = {}) const;
  // Path(claim, "volumeMode") is "spec.volumeClaimTemplates[0].spec.volumeMode", or the like of an
  // ephemeral volume.
  [[nodiscard]] std::string Path(const ClaimSpec& claim, std::string_view field) const;
  // The field that names the image.
  [[nodiscard]] std::string Path(const Image& image) const;
};

[[nodiscard]] Subject MakeSubject(const api::AgentSandbox* sandbox, api::PodView pod,
                                  std::string_view runtime_class, const Facts& facts);

// "list[index]" and "list[index].field".
[[nodiscard]] std::string IndexedPath(std::string_view list, std::size_t index,
                                      std::string_view field = {});

}  // namespace stockade::policy
