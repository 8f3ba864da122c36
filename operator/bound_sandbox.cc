#include "operator/bound_sandbox.h"

#include <algorithm>

#include "api/binding_names.h"
#include "api/lifecycle.h"
#include "base/rfc3339.h"
#include "operator/sandbox_lifetime.h"

namespace stockade::sandbox_operator {

BoundSandbox LookAt(const CachedSandbox& sandbox) {
  BoundSandbox seen;
  const api::ObjectMeta& metadata = sandbox.sandbox.metadata;
  seen.name = sandbox.key.name;
  seen.uid = sandbox.uid;
  const auto revision = metadata.annotations.find(std::string(api::kTemplateRevisionAnnotation));
  if (revision != metadata.annotations.end()) seen.revision = revision->second;
  seen.pristine = metadata.generation == 1;
  seen.deleting = metadata.deleting;
  seen.created = sandbox.created;
  seen.not_ready_since = sandbox.created;
  seen.expires = api::EndOf(sandbox.sandbox.spec.lifecycle, sandbox.created);
  const auto status = codec::JsonDocument::Parse(sandbox.status.text());
  if (!status.ok()) return seen;
  status->root()["conditions"].ForEachElement([&seen](std::size_t, codec::JsonView condition) {
    const std::string_view type = condition["type"].StringOrEmpty();
    const bool holds = condition["status"].StringOrEmpty() == "True";
    if (type == "Finished") {
      seen.finished = holds;
      seen.expired = holds && condition["reason"].StringOrEmpty() == kExpiredReason;
    }
    if (type != "Ready") return;
    seen.ready = holds;
    seen.reason = condition["reason"].StringOrEmpty();
    seen.message = condition["message"].StringOrEmpty();
    if (const auto since = ParseRfc3339(condition["lastTransitionTime"].StringOrEmpty())) {
      // Before the operator's first word it is the schema's default, long ago.
      seen.not_ready_since = std::max(seen.created, *since);
    }
  });
  if (seen.ready && status->root()["observedGeneration"].AsInt() != metadata.generation) {
    // The claim's own labels for the pod, for example, are not on it yet.
    seen.ready = false;
    seen.reason = "Pending";
    seen.message = "the operator is about to see what has changed in the sandbox";
  }
  seen.pod_name = status->root()["podName"].StringOrEmpty();
  if (const codec::JsonView ips = status->root()["podIPs"]; ips.IsArray()) {
    seen.pod_ips = ips.ToJson();
  }
  seen.service = status->root()["serviceFQDN"].StringOrEmpty();
  return seen;
}

}  // namespace stockade::sandbox_operator
