#include "webhook/guards/object_changes.h"

#include <optional>
#include <utility>

#include "api/gateway_names.h"
#include "api/names.h"
#include "base/strings.h"
#include "policy/guard_rules.h"
#include "policy/metadata_keys.h"
#include "policy/quoting.h"

namespace stockade::webhook {
namespace {

using codec::JsonView;
using policy::KeyedPath;
using policy::Quote;

bool HasElement(JsonView list, std::string_view text) {
  bool found = false;
  list.ForEachElement(
      [&](std::size_t, JsonView element) { found = found || element.StringOrEmpty() == text; });
  return found;
}

// What the operator's own keys mean, nobody else decides.
bool IsOperatorsKey(std::string_view key) {
  return policy::IsReservedKey(key) || key == api::kManagedByLabel;
}

void ReportLabels(const GuardRequest& request, bool is_pod, GuardReport& report) {
  const JsonView before = request.admission.old_object["metadata"]["labels"];
  const JsonView after = request.admission.object["metadata"]["labels"];
  ForEachChange(before, after, [&](std::string_view key, JsonView was, JsonView is) {
    std::string path = KeyedPath("metadata.labels", key);
    if (is_pod && key == api::kSandboxLabel) {
      report.Add(policy::kSandboxLabelChanged, std::move(path),
                 was.IsUnset() ? "the label makes a pod one of sandbox " + Quote(is) +
                                     ", which "
                                     "only the operator does"
                 : is.IsUnset() ? "the pod is one of sandbox " + Quote(was) +
                                      " and would lose its "
                                      "label"
                                : "the pod is one of sandbox " + Quote(was) + ", not " + Quote(is));
    } else if (is_pod && key == api::kGatewayLabel) {
      report.Add(policy::kGatewayLabelForged, std::move(path),
                 was.IsUnset() ? "the label makes a pod one of gateway " + Quote(is)
                               : "the pod is one of gateway " + Quote(was),
                 "leave the label as it is");
    } else if (IsOperatorsKey(key)) {
      report.Add(policy::kManagedObjectChanged, std::move(path),
                 Quote(key) + " is a key of the operator");
    } else if (is_pod && !RunsPods(request.requester)) {
      // A label decides which policies and Services select the pod.
      report.Add(policy::kManagedObjectChanged, std::move(path),
                 "network policies and Services select the pods of sandboxes and gateways by "
                 "their labels",
                 "write that of a sandbox into spec.podTemplate.metadata.labels of the "
                 "AgentSandbox");
    }
  });
}

void ReportAnnotations(const GuardRequest& request, bool is_pod, GuardReport& report) {
  const JsonView before = request.admission.old_object["metadata"]["annotations"];
  const JsonView after = request.admission.object["metadata"]["annotations"];
  ForEachChange(before, after, [&](std::string_view key, JsonView, JsonView is) {
    if (policy::IsReservedKey(key)) {
      report.Add(policy::kManagedObjectChanged, KeyedPath("metadata.annotations", key),
                 Quote(key) + " is a key of the operator");
      return;
    }
    if (!is_pod || is.IsUnset() || RunsPods(request.requester)) return;
    // Until its containers start, runtimes and network plugins still act on a pod's annotations.
    if (const auto why = policy::WhyKeyIsRefused(key, request.config.facts)) {
      report.Add(policy::kManagedObjectChanged, KeyedPath("metadata.annotations", key),
                 Quote(key) + " is refused on the pods of sandboxes and gateways: " + *why,
                 "remove it; the account of a network plugin that sets it belongs into "
                 "guards.trustedUsers of the webhook's configuration");
    }
  });
}

}  // namespace

bool IsSandboxController(JsonView owner) {
  const std::string_view version = owner["apiVersion"].StringOrEmpty();
  return owner["controller"].IsTrue() && owner["kind"].StringOrEmpty() == api::kAgentSandboxKind &&
         version.substr(0, version.find('/')) == api::kGroup;
}

bool IsOwnedBySandbox(JsonView metadata) {
  bool owned = false;
  metadata["ownerReferences"].ForEachElement(
      [&owned](std::size_t, JsonView owner) { owned = owned || IsSandboxController(owner); });
  return owned;
}

void ReportMetadataChanges(const GuardRequest& request, bool is_pod, GuardReport& report) {
  if (request.ByOperator()) return;
  ReportLabels(request, is_pod, report);
  ReportAnnotations(request, is_pod, report);
  const JsonView before = request.admission.old_object["metadata"];
  const JsonView after = request.admission.object["metadata"];
  // The garbage collector takes references to owners that are gone off.
  if (request.requester != Requester::kControlPlane &&
      !IsSame(before["ownerReferences"], after["ownerReferences"])) {
    report.Add(policy::kManagedObjectChanged, "metadata.ownerReferences",
               "the owner decides when the object goes", "leave the owner references as they are");
  }
  if (HasElement(before["finalizers"], api::kPodsGoneFinalizer) !=
      HasElement(after["finalizers"], api::kPodsGoneFinalizer)) {
    report.Add(policy::kManagedObjectChanged, "metadata.finalizers",
               Quote(api::kPodsGoneFinalizer) + " holds the policy until the last pod is gone",
               "delete the AgentSandboxes of the namespace, and the operator takes it off");
  }
}

void ReportContentChanges(JsonView before, JsonView after, GuardReport& report) {
  ForEachChange(before, after, [&](std::string_view key, JsonView was, JsonView is) {
    if (key == "metadata" || key == "status") return;
    const std::string field = Truncate(key, 64);
    const auto add = [&report](std::string path) {
      report.Add(policy::kManagedObjectChanged, std::move(path), "the operator made this object");
    };
    if (!was.IsObject() || !is.IsObject()) {
      add(field);
      return;
    }
    ForEachChange(was, is, [&](std::string_view member, JsonView, JsonView) {
      add(key == "spec" ? field + "." + Truncate(member, 64) : KeyedPath(field, member));
    });
  });
}

}  // namespace stockade::webhook
