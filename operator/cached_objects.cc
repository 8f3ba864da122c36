#include "operator/cached_objects.h"

#include <functional>

#include "api/gateway_names.h"
#include "api/names.h"
#include "base/rfc3339.h"
#include "base/strings.h"
#include "operator/sandbox_idleness.h"
#include "operator/sandbox_lifetime.h"
#include "render/fingerprint.h"
#include "render/gateway.h"
#include "runtime/informer.h"

namespace stockade::sandbox_operator {
namespace {

using codec::JsonView;

api::StringMap DecodeMap(JsonView map) {
  api::StringMap result;
  map.ForEachMember([&result](std::string_view key, JsonView value) {
    result.emplace(key, value.StringOrEmpty());
  });
  return result;
}

// kubectl's copy of the whole object, which nothing here asks for.
void DropUnused(api::ObjectMeta& metadata) {
  metadata.annotations.erase("kubectl.kubernetes.io/last-applied-configuration");
}

// Of what a container says as it ends: a person reads far less.
constexpr std::size_t kMaxExitMessage = 1024;

// Of a pod that is not ready: because of the sidecar that watches its use, and no other.
constexpr std::string_view kActivityNotReady =
    "containers with unready status: [stockade-activity]";

// The sidecar's word that nothing uses the pod is no trouble, nor that it is about to run again.
bool SaysIdle(JsonView status, JsonView ended) {
  return status["name"].StringOrEmpty() == api::kActivityContainer &&
         ended["exitCode"].AsInt() == api::kIdleExitCode;
}

void DecodeTroubles(JsonView statuses, std::vector<ContainerTrouble>& troubles) {
  statuses.ForEachElement([&troubles](std::size_t, JsonView status) {
    const JsonView waiting = status["state"]["waiting"];
    const JsonView ended = status["state"]["terminated"].IsUnset()
                               ? status["lastState"]["terminated"]
                               : status["state"]["terminated"];
    const std::int64_t exit_code = ended["exitCode"].AsInt().value_or(0);
    if (waiting.IsUnset() && exit_code == 0) return;
    if (SaysIdle(status, ended)) return;
    ContainerTrouble trouble;
    trouble.container = status["name"].StringOrEmpty();
    trouble.waiting_reason = waiting["reason"].StringOrEmpty();
    trouble.waiting_message = waiting["message"].StringOrEmpty();
    trouble.restarts = status["restartCount"].AsInt().value_or(0);
    if (!ended.IsUnset()) trouble.exit_code = exit_code;
    trouble.exit_reason = ended["reason"].StringOrEmpty();
    trouble.exit_message = Truncate(ended["message"].StringOrEmpty(), kMaxExitMessage);
    troubles.push_back(std::move(trouble));
  });
}

// What the operator's own containers have to say, in a sandbox's pod.
void DecodeOwnContainers(JsonView statuses, CachedPod& pod) {
  statuses.ForEachElement([&pod](std::size_t, JsonView status) {
    const std::string_view name = status["name"].StringOrEmpty();
    if (name == api::kCanaryContainer) {
      pod.canary_passed = status["state"]["terminated"]["exitCode"].AsInt() == 0;
    } else if (name == api::kProxyContainer) {
      pod.proxy_ready = status["ready"].IsTrue();
    } else if (name == api::kActivityContainer) {
      for (const char* which : {"lastState", "state"}) {
        const JsonView ended = status[which]["terminated"];
        if (!SaysIdle(status, ended)) continue;
        const auto at = ParseRfc3339(ended["finishedAt"].StringOrEmpty());
        if (at && (!pod.idle_exit || *at > *pod.idle_exit)) pod.idle_exit = at;
      }
    }
  });
  // It ended, as it is to, and is about to run again: the agent is as ready as before.
  if (pod.idle_exit && pod.ready == "False" && pod.ready_message == kActivityNotReady) {
    pod.ready = "True";
    pod.ready_message.clear();
  }
}

void DecodeStarts(JsonView statuses, CachedPod& pod) {
  statuses.ForEachElement([&pod](std::size_t, JsonView status) {
    if (status["name"].StringOrEmpty().starts_with(api::kReservedNamePrefix)) return;
    const auto started = ParseRfc3339(status["state"]["running"]["startedAt"].StringOrEmpty());
    if (started && (!pod.oldest_start || *started < *pod.oldest_start)) pod.oldest_start = started;
  });
}

// When the last container that ended did so.
void DecodeEnds(JsonView statuses, std::optional<api::TimePoint>& last) {
  statuses.ForEachElement([&last](std::size_t, JsonView status) {
    const auto ended = ParseRfc3339(status["state"]["terminated"]["finishedAt"].StringOrEmpty());
    if (ended && (!last || *ended > *last)) last = ended;
  });
}

std::optional<std::chrono::seconds> RunTime(JsonView status) {
  const auto began = ParseRfc3339(status["startTime"].StringOrEmpty());
  std::optional<api::TimePoint> ended;
  DecodeEnds(status["containerStatuses"], ended);
  if (!began || !ended) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*ended - *began);
}

// What its status tells of its end, beside the status itself.
void DecodeEnd(JsonView object, CachedSandbox& sandbox) {
  sandbox.ended = HasEnded(object["status"], sandbox.sandbox.metadata.generation);
  sandbox.shared_gateway =
      sandbox.ended ? std::string() : render::SharedGatewayOf(sandbox.sandbox.spec);
}

// What most kinds have in common.
template <typename T>
void DecodeOwned(JsonView object, T& out) {
  runtime::DecodeCachedObject(object, out);
  out.owner = DecodeControllerOwner(object["metadata"]);
  out.labels = DecodeMap(object["metadata"]["labels"]);
  out.deleting = !object["metadata"]["deletionTimestamp"].IsUnset();
}

// Whom the API server records as the one that set spec.operatingMode.
void DecodeIdleSuspension(JsonView metadata, CachedSandbox& out) {
  out.idle_suspended.reset();
  metadata["managedFields"].ForEachElement([&out](std::size_t, JsonView entry) {
    if (entry["manager"].StringOrEmpty() != kIdleFieldManager ||
        entry["fieldsV1"]["f:spec"]["f:operatingMode"].IsUnset()) {
      return;
    }
    out.idle_suspended = ParseRfc3339(entry["time"].StringOrEmpty());
  });
}

void DecodeOrigin(JsonView metadata, CachedSandbox& out) {
  DecodeIdleSuspension(metadata, out);
  ControllerOwner owner = DecodeControllerOwner(metadata);
  out.controller =
      owner.uid.empty() ? nullptr : std::make_shared<const ControllerOwner>(std::move(owner));
  out.created = ParseRfc3339(metadata["creationTimestamp"].StringOrEmpty())
                    .value_or(std::chrono::system_clock::time_point());
}

// What leads to a gateway, and that gateway itself: only the operator sets these labels.
std::optional<std::string> SelectedGateway(const CachedPolicy& policy) {
  for (const std::string_view label : {api::kEgressLabel, api::kGatewayLabel}) {
    if (auto gateway = policy.pod_selector.RequiredValue(label)) return gateway;
  }
  return std::nullopt;
}

}  // namespace

runtime::ObjectKey SelectedSandbox(const CachedPolicy& policy) {
  const std::string& namespace_name = policy.key.namespace_name;
  if (auto sandbox = policy.pod_selector.RequiredValue(api::kSandboxLabel)) {
    return {namespace_name, *std::move(sandbox)};
  }
  if (const auto gateway = SelectedGateway(policy)) {
    if (auto sandbox = api::SandboxOfDedicatedGateway(*gateway)) {
      return {namespace_name, *std::move(sandbox)};
    }
  }
  return {namespace_name, ""};
}

std::string SelectedSharedGateway(const CachedPolicy& policy) {
  const auto gateway = SelectedGateway(policy);
  return gateway && api::IsSharedGatewayName(*gateway) ? *gateway : std::string();
}

ControllerOwner DecodeControllerOwner(JsonView metadata) {
  ControllerOwner owner;
  metadata["ownerReferences"].ForEachElement([&owner](std::size_t, JsonView reference) {
    if (!reference["controller"].IsTrue()) return;
    owner.api_version = reference["apiVersion"].StringOrEmpty();
    owner.kind = reference["kind"].StringOrEmpty();
    owner.name = reference["name"].StringOrEmpty();
    owner.uid = reference["uid"].StringOrEmpty();
  });
  return owner;
}

Result<CachedSandbox> DecodeSandbox(JsonView object) {
  auto sandbox = api::DecodeAgentSandbox(object, {.status = false});
  if (!sandbox.ok()) return sandbox.status();
  CachedSandbox result;
  runtime::DecodeCachedObject(object, result);
  result.sandbox = std::move(sandbox).value();
  DecodeOrigin(object["metadata"], result);
  result.status = CompactStatus(object["status"]);
  result.spec_hash = std::hash<std::string>{}(object["spec"].Dump());
  DecodeEnd(object, result);
  api::JsonText& pod_spec = result.sandbox.spec.pod_template.spec;
  pod_spec = api::JsonText(Intern(std::string(pod_spec.text())));
  DropUnused(result.sandbox.metadata);
  return result;
}

Result<CachedSandbox> DecodeKnownSandbox(JsonView object, const CachedSandbox& known) {
  api::ObjectMeta metadata = api::DecodeObjectMeta(object["metadata"]);
  const bool same_spec = metadata.uid == known.uid && metadata.generation > 0 &&
                         metadata.generation == known.sandbox.metadata.generation;
  if (!same_spec) return DecodeSandbox(object);
  CachedSandbox result = known;
  runtime::DecodeCachedObject(object, result);
  result.sandbox.metadata = std::move(metadata);
  DecodeOrigin(object["metadata"], result);
  result.status = CompactStatus(object["status"]);
  if (HasEnded(object["status"], result.sandbox.metadata.generation) != result.ended) {
    DecodeEnd(object, result);
  }
  DropUnused(result.sandbox.metadata);
  return result;
}

// Shared are the conditions, one by one, since sandboxes differ in few of them, and the controls as
// a whole, which follow from the isolation.
CompactStatus::CompactStatus(JsonView status) {
  if (!status.IsObject()) return;
  std::string rest = "{";
  status.ForEachMember([&](std::string_view key, JsonView member) {
    if (key == "conditions" && member.IsArray() && !member.empty()) {
      conditions_.clear();
      member.ForEachElement([this](std::size_t, JsonView condition) {
        conditions_.push_back(Intern(condition.Canonical()));
      });
    } else if (key == "controls") {
      controls_ = Intern(member.Canonical());
    } else {
      rest += codec::Json(key).dump() + ":" + member.Canonical() + ",";
    }
  });
  if (rest.size() > 1) rest.pop_back();
  rest_ = std::make_shared<const std::string>(rest + "}");
}

std::string CompactStatus::text() const {
  if (!rest_) return "null";
  std::string text = "{";
  if (!conditions_.empty()) {
    text += "\"conditions\":[";
    for (const Shared& condition : conditions_) text += *condition + ",";
    text.back() = ']';
    text += ',';
  }
  if (controls_) text += "\"controls\":" + *controls_ + ",";
  text.append(*rest_, 1);
  if (text.ends_with(",}")) text.erase(text.size() - 2, 1);
  return text;
}

api::AgentSandbox CachedSandbox::Whole() const {
  api::AgentSandbox whole = sandbox;
  whole.status = api::JsonText(std::make_shared<const std::string>(status.text()));
  return whole;
}

Result<CachedPod> DecodePod(JsonView object) {
  CachedPod pod;
  runtime::DecodeCachedObject(object, pod);
  const JsonView metadata = object["metadata"];
  pod.owner = DecodeControllerOwner(metadata);
  pod.labels = DecodeMap(metadata["labels"]);
  pod.annotations = DecodeMap(metadata["annotations"]);
  pod.deleting = !metadata["deletionTimestamp"].IsUnset();
  pod.runtime_class = object["spec"]["runtimeClassName"].StringOrEmpty();
  pod.node_name = object["spec"]["nodeName"].StringOrEmpty();
  const JsonView status = object["status"];
  pod.phase = status["phase"].StringOrEmpty();
  pod.reason = status["reason"].StringOrEmpty();
  pod.message = status["message"].StringOrEmpty();
  status["podIPs"].ForEachElement([&pod](std::size_t, JsonView address) {
    pod.pod_ips.emplace_back(address["ip"].StringOrEmpty());
  });
  status["conditions"].ForEachElement([&pod](std::size_t, JsonView condition) {
    const std::string_view type = condition["type"].StringOrEmpty();
    const std::string_view value = condition["status"].StringOrEmpty();
    if (type == "Ready") {
      pod.ready = value;
      pod.ready_message = condition["message"].StringOrEmpty();
    } else if (type == "PodScheduled") {
      pod.scheduled = value;
      pod.scheduled_reason = condition["reason"].StringOrEmpty();
      pod.scheduled_message = condition["message"].StringOrEmpty();
    } else if (type == "DisruptionTarget") {
      pod.disrupted = value == "True";
    }
  });
  DecodeOwnContainers(status["initContainerStatuses"], pod);
  DecodeTroubles(status["initContainerStatuses"], pod.troubles);
  DecodeTroubles(status["containerStatuses"], pod.troubles);
  DecodeStarts(status["initContainerStatuses"], pod);
  DecodeStarts(status["containerStatuses"], pod);
  pod.ran_for = RunTime(status);
  pod.fingerprint = render::PodFingerprint(object);
  return pod;
}

Result<CachedConnection> DecodeConnection(JsonView object) {
  CachedConnection connection;
  runtime::DecodeCachedObject(object, connection);
  const JsonView regarding = object["regarding"];
  connection.sandbox = {std::string(regarding["namespace"].StringOrEmpty()),
                        std::string(regarding["name"].StringOrEmpty())};
  connection.sandbox_uid = regarding["uid"].StringOrEmpty();
  auto last = ParseRfc3339(object["series"]["lastObservedTime"].StringOrEmpty());
  if (!last) last = ParseRfc3339(object["eventTime"].StringOrEmpty());
  if (!last) return Status(StatusCode::kBadRequest, "the event has no time");
  connection.last = *last;
  return connection;
}

Result<CachedPolicy> DecodePolicy(JsonView object) {
  CachedPolicy policy;
  runtime::DecodeCachedObject(object, policy);
  const JsonView metadata = object["metadata"];
  policy.owner = DecodeControllerOwner(metadata);
  policy.labels = DecodeMap(metadata["labels"]);
  policy.deleting = !metadata["deletionTimestamp"].IsUnset();
  policy.has_owner = !metadata["ownerReferences"].empty();
  metadata["finalizers"].ForEachElement([&policy](std::size_t, JsonView finalizer) {
    policy.has_finalizer =
        policy.has_finalizer || finalizer.StringOrEmpty() == api::kPodsGoneFinalizer;
  });
  policy.fingerprint = render::NetworkPolicyFingerprint(object);
  const JsonView spec = object["spec"];
  policy.pod_selector = api::LabelSelector(spec["podSelector"]);
  spec["policyTypes"].ForEachElement([&](std::size_t, JsonView type) {
    if (type.StringOrEmpty() == "Egress" && !spec["egress"].empty()) policy.allows_egress = true;
    if (type.StringOrEmpty() == "Ingress" && !spec["ingress"].empty()) policy.allows_ingress = true;
  });
  return policy;
}

Result<CachedService> DecodeService(JsonView object) {
  CachedService service;
  DecodeOwned(object, service);
  service.fingerprint = render::ServiceFingerprint(object);
  const std::string_view address = object["spec"]["clusterIP"].StringOrEmpty();
  if (address != "None") service.address = address;
  return service;
}

Result<CachedClaim> DecodeClaim(JsonView object) {
  CachedClaim claim;
  DecodeOwned(object, claim);
  claim.spec = api::JsonText(object["spec"]);
  return claim;
}

Result<CachedConfigMap> DecodeConfigMap(JsonView object) {
  CachedConfigMap map;
  DecodeOwned(object, map);
  map.fingerprint = render::ConfigMapFingerprint(object);
  return map;
}

Result<CachedDeployment> DecodeDeployment(JsonView object) {
  CachedDeployment deployment;
  DecodeOwned(object, deployment);
  deployment.fingerprint = render::DeploymentFingerprint(object);
  const JsonView metadata = object["metadata"];
  deployment.issued = metadata["annotations"][api::kIssuedAnnotation].StringOrEmpty();
  const JsonView status = object["status"];
  const auto count = [status](std::string_view field) { return status[field].AsInt().value_or(0); };
  deployment.available = count("availableReplicas") > 0;
  deployment.rolled_out =
      deployment.available &&
      count("observedGeneration") >= metadata["generation"].AsInt().value_or(0) &&
      count("updatedReplicas") == count("replicas") &&
      count("availableReplicas") == count("replicas");
  return deployment;
}

Result<CachedRuntimeClass> DecodeRuntimeClass(JsonView object) {
  CachedRuntimeClass runtime_class;
  runtime::DecodeCachedObject(object, runtime_class);
  runtime_class.handler = object["handler"].StringOrEmpty();
  return runtime_class;
}

Result<CachedNamespace> DecodeNamespace(JsonView object) {
  CachedNamespace result;
  runtime::DecodeCachedObject(object, result);
  result.labels = Intern(DecodeMap(object["metadata"]["labels"]));
  return result;
}

Result<CachedSandboxPolicy> DecodeSandboxPolicy(JsonView object) {
  CachedSandboxPolicy result;
  runtime::DecodeCachedObject(object, result);
  result.policy = policy::CompiledPolicy::Compile(object);
  result.status = api::JsonText(object["status"]);
  return result;
}

}  // namespace stockade::sandbox_operator
