#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/resources.h"
#include "codec/json.h"
#include "render/activity.h"
#include "render/sandbox_egress.h"

namespace stockade::render {

// The operator's part of every pod, from its configuration.
struct Profile {
  // RuntimeClass names by api::Isolation; an empty name leaves runtimeClassName unset.
  std::array<std::string, 3> runtime_classes = {std::string(api::kDefaultRuntimeClasses[0]),
                                                std::string(api::kDefaultRuntimeClasses[1]),
                                                std::string(api::kDefaultRuntimeClasses[2])};
  std::int64_t run_as_user = 10001;
  std::int64_t run_as_group = 10001;
  std::int64_t fs_group = 10001;
  std::string home = "/home/agent";
  std::string tmp_size = "1Gi";      // sizeLimit of /tmp
  std::string home_size = "1Gi";     // sizeLimit of the home directory
  std::string scratch_size = "1Gi";  // sizeLimit of emptyDirs that name none
  // Filled in where a container names none.
  std::map<std::string, std::string> default_requests = {
      {"cpu", "100m"}, {"memory", "256Mi"}, {"ephemeral-storage", "256Mi"}};
  std::map<std::string, std::string> default_limits = {
      {std::string(api::kResourceNames[0]), std::string(api::kDefaultLimits[0])},
      {std::string(api::kResourceNames[1]), std::string(api::kDefaultLimits[1])},
      {std::string(api::kResourceNames[2]), std::string(api::kDefaultLimits[2])}};
  std::string cluster_domain = "cluster.local";
  // The operator makes egress gateways. Without, spec.egress and spec.credentials come to nothing.
  bool egress_gateways = false;
  // Of sandboxes with spec.lifecycle.idle. Without an image they have no such sidecar, and the
  // operator starts none of them.
  ActivitySettings activity = {};

  [[nodiscard]] const std::string& RuntimeClassFor(api::Isolation isolation) const {
    return runtime_classes[static_cast<std::size_t>(isolation)];
  }
};

// Everything that should exist for one sandbox, beside the namespace's deny-all policy. Objects
// carry apiVersion, kind, metadata (name, namespace, labels, annotations, the owner reference to
// the sandbox) and spec, with the API server's own defaults written out, so that an object read
// back and one rendered again are equal where ours to decide.
struct DesiredObjects {
  codec::Json pod;
  std::vector<codec::Json> claims;
  std::optional<codec::Json> service;
  std::optional<codec::Json> ingress_policy;
};

// Pure: equal input gives equal output, byte for byte. The sandbox must have no policy error; one
// that has may render to anything, which is why the operator judges the result once more. Without
// `egress` the pod has no way out, whatever the sandbox asks for; with it, the sandbox must have
// spec.egress.
[[nodiscard]] DesiredObjects Render(const api::AgentSandbox& sandbox, const Profile& profile,
                                    const std::optional<SandboxEgress>& egress = std::nullopt);

// The namespace's policy that selects every sandbox pod, allows nothing and has no owner.
[[nodiscard]] codec::Json RenderDenyAllPolicy(std::string_view namespace_name);

// Digest of the user's part of the pod: a change means that the pod is created anew. Labels and
// annotations of the template are not in it; they are patched in place. The gateway that the pod
// leads to is part of it: with another one it reaches nothing.
[[nodiscard]] std::string SpecHash(const api::AgentSandbox& sandbox,
                                   const std::optional<SandboxEgress>& egress = std::nullopt);
// Digest of the operator's part: a change is taken at the pod's next start.
[[nodiscard]] std::string ProfileHash(const api::AgentSandbox& sandbox, const Profile& profile,
                                      const std::optional<SandboxEgress>& egress = std::nullopt);

// One line of status.controls.
struct Control {
  std::string name;
  std::string state;   // "Enforced", "Declared" or "Unenforced"
  std::string detail;  // one sentence
};
// What holds for a sandbox of this tier, and what its runtime cannot enforce.
[[nodiscard]] std::vector<Control> Controls(const api::AgentSandbox& sandbox,
                                            const Profile& profile);

}  // namespace stockade::render
