#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/label_selector.h"
#include "base/status.h"

namespace stockade::policy {
class CompiledPolicy;
}

namespace stockade::webhook {

// Whether the selector may match a gateway's pods, of whose labels only the keys are known.
[[nodiscard]] bool MaySelectGateways(const api::LabelSelector& pod_selector);

// What a review may ask of the cluster, answered from synced caches and never over the network.
// Nothing unknown reads as "nothing applies" (CVE-2025-46342): where a cache is not synced or the
// namespace is not in it, the answer is Unavailable, and the review is denied. Any thread may call.
class ClusterView {
 public:
  virtual ~ClusterView() = default;

  // Ok once every cache holds a complete list; else Unavailable, naming what is missing.
  [[nodiscard]] virtual Status CheckSynced() const = 0;

  // The policies that select the namespace by its labels, in the order of their names.
  [[nodiscard]] virtual Result<std::vector<std::shared_ptr<const policy::CompiledPolicy>>>
  PoliciesOf(std::string_view namespace_name) const = 0;

  // spec.access of a sandbox; nothing when there is no such sandbox.
  [[nodiscard]] virtual Result<std::optional<api::Access>> AccessOf(
      std::string_view namespace_name, std::string_view sandbox) const = 0;

  // The uid of a sandbox with spec.lifecycle.idle; empty for every other, and where it is not
  // known.
  [[nodiscard]] virtual std::string UidOfIdling(std::string_view namespace_name,
                                                std::string_view sandbox) const = 0;

  // "namespace/name" of a sandbox of that namespace, or of any where it is empty, whose pod carries
  // labels that the selector matches: those of its template, and the operator's own, which are
  // app.kubernetes.io/managed-by, stockade.dev/sandbox and, with a way out, stockade.dev/egress of
  // any value. Nothing when there is none.
  [[nodiscard]] virtual Result<std::optional<std::string>> SandboxSelectedBy(
      std::string_view namespace_name, const api::LabelSelector& pod_selector) const = 0;

  // "namespace/name" of a sandbox of that namespace, or of any where it is empty, that has a way
  // out, and so a gateway, whose pods the selector may match. Their labels are
  // app.kubernetes.io/managed-by, and stockade.dev/gateway and pod-template-hash of any value.
  // Nothing when there is none.
  [[nodiscard]] virtual Result<std::optional<std::string>> GatewaySelectedBy(
      std::string_view namespace_name, const api::LabelSelector& pod_selector) const = 0;

  // True when a sandbox exists that is to run by that RuntimeClass, now or at its next start.
  [[nodiscard]] virtual Result<bool> RuntimeClassInUse(std::string_view runtime_class) const = 0;
};

}  // namespace stockade::webhook
